"""batch(): rows as they are used, with nothing swallowed and the connection given back."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from doubles import LockHolder, codes, entity, pooled, slow_read, threads, until
from piccolo.query.methods.raw import Raw

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import ConnectionClosedError, CorruptValueError, DatabaseFileError


def slow_fetch() -> Raw:
    """Two rows, then none for minutes; Python fetches one row ahead of those it returns."""
    return Entity.raw(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000000000)"
        " SELECT x FROM c WHERE x <= 2 OR x = 2000000000"
    )


CODES = [f"id{number}" for number in range(8)]


@pytest.fixture(params=["pooled", "unpooled"])
async def any_engine(
    request: pytest.FixtureRequest, sqlite_engine: SQLiteEngine
) -> AsyncIterator[SQLiteEngine]:
    """The engine with eight rows, with its pool open, then without."""
    before = threads()
    await Entity.insert(*map(entity, CODES))
    await sqlite_engine.close_connection_pool()
    if request.param == "pooled":
        async with pooled(sqlite_engine, pool_size=2):
            yield sqlite_engine
            await until(lambda: not sqlite_engine.stats().readers_in_use)
    else:
        yield sqlite_engine
        with LockHolder(sqlite_engine.path):
            pass
        await sqlite_engine.close_connection_pool()
        await until(lambda: threads() <= before)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, CODES),
        (Entity.is_active == True, CODES),  # noqa: E712
        (Entity.code == "id3", ["id3"]),
        (Entity.code == "c", []),  # one character: stock takes it for a list of one parameter
        (Entity.code == "", []),
        ((Entity.code == "id3") | (Entity.name == "id4"), ["id3", "id4"]),
        (Entity.code.is_in(["id1", "id2", "id7"]), ["id1", "id2", "id7"]),
    ],
    ids=["none", "bool", "one", "one-character", "empty", "two", "is_in"],
)
async def test_parameters(any_engine: SQLiteEngine, condition: object, expected: list[str]) -> None:
    """Any number of parameters of any kind reach the query."""
    query = Entity.select(Entity.code).order_by(Entity.code)
    if condition is not None:
        query = query.where(condition)  # type: ignore[arg-type]
    found = []
    async with await query.batch(batch_size=3) as batch:
        async for rows in batch:
            assert 1 <= len(rows) <= 3
            found += [row["code"] for row in rows]
    assert found == expected


@pytest.mark.parametrize("size", [-1, -100])
async def test_a_size_of_nothing_is_refused(any_engine: SQLiteEngine, size: int) -> None:
    """It would read no rows, and not say so."""
    with pytest.raises(ValueError, match=f"batch_size is {size}"):
        await Entity.select().batch(batch_size=size)


async def test_limit_and_offset(any_engine: SQLiteEngine) -> None:
    """The query's own limit holds, whatever the size of a batch."""
    query = Entity.select(Entity.code).order_by(Entity.code).limit(5).offset(1)
    async with await query.batch(batch_size=2) as batch:
        assert [[row["code"] for row in rows] async for rows in batch] == [
            ["id1", "id2"],
            ["id3", "id4"],
            ["id5"],
        ]


async def test_objects(any_engine: SQLiteEngine) -> None:
    """objects() gives rows as objects, which can be saved."""
    async with await Entity.objects().order_by(Entity.code).batch(batch_size=5) as batch:
        async for rows in batch:
            for row in rows:
                row.name = row.code.upper()
                await row.save()
    names = await Entity.select(Entity.name).order_by(Entity.code).output(as_list=True)
    assert names == [code.upper() for code in CODES]


async def test_raw(any_engine: SQLiteEngine) -> None:
    """A raw query can be read in batches too."""
    query = Entity.raw("SELECT code FROM core_entity WHERE code > {} ORDER BY code", "id5")
    async with await query.batch(batch_size=1) as batch:
        assert [rows async for rows in batch] == [[{"code": "id6"}], [{"code": "id7"}]]


async def test_an_exception_propagates(any_engine: SQLiteEngine) -> None:
    """What the block raises comes out of it."""
    with pytest.raises(LookupError, match="mine"):
        async with await Entity.select().batch(batch_size=2) as batch:
            async for _ in batch:
                raise LookupError("mine")


async def test_a_cancel_propagates(any_engine: SQLiteEngine) -> None:
    """A task cancelled in the block is cancelled."""

    async def read() -> None:
        async with await Entity.select().batch(batch_size=2) as batch:
            async for _ in batch:
                reading.set()
                await asyncio.Event().wait()

    reading = asyncio.Event()
    task = asyncio.create_task(read())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_failing_query_gives_its_connection_back(any_engine: SQLiteEngine) -> None:
    """More batches that cannot begin than there are readers leave all of them free."""
    for _ in range(5):
        with pytest.raises(Exception, match="no such column"):
            async with await Entity.raw("SELECT missing FROM core_entity").batch():
                pass
    assert await Entity.count() == 8


async def test_a_slow_query_can_be_cancelled(any_engine: SQLiteEngine) -> None:
    """A cancel while the first rows are being found interrupts SQLite."""

    async def read() -> None:
        async with await slow_read().batch():
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if any_engine.pool is not None:
        await until(lambda: not any_engine.stats().readers_in_use)


async def test_a_slow_fetch_can_be_cancelled(any_engine: SQLiteEngine) -> None:
    """A cancel while the next rows are being found interrupts SQLite, and ends the batch."""
    async with await slow_fetch().batch(batch_size=1) as batch:
        assert await batch.next() == [{"x": 1}]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batch.next(), 0.05)
        with pytest.raises(ConnectionClosedError, match="after an error"):
            await batch.next()
    if any_engine.pool is not None:
        await until(lambda: not any_engine.stats().readers_in_use)


async def test_leaving_early(any_engine: SQLiteEngine) -> None:
    """A block that is left before all rows are read gives its connection back."""
    for _ in range(5):
        async with await Entity.select().batch(batch_size=1) as batch:
            async for _ in batch:
                break
        async with await Entity.select().batch(batch_size=1):
            pass
    assert await Entity.count() == 8


async def test_a_batch_ends_with_its_block(any_engine: SQLiteEngine) -> None:
    """Reading on behind the block, or without one, is an error."""
    batch = await Entity.select().batch(batch_size=1)
    with pytest.raises(ConnectionClosedError, match="outside its async with block"):
        await batch.next()
    async with batch:
        await batch.next()
    with pytest.raises(ConnectionClosedError, match="outside its async with block"):
        await batch.next()


async def test_a_batch_in_a_transaction_sees_its_writes(any_engine: SQLiteEngine) -> None:
    """In a transaction a batch reads on the same connection, also what is not committed."""
    for _ in range(2):
        async with any_engine.transaction() as transaction:
            await entity("new").save()
            query = Entity.select(Entity.code).where(Entity.code == "new")
            async with await query.batch() as batch:
                assert [rows async for rows in batch] == [[{"code": "new"}]]
            await transaction.rollback()
    assert codes(any_engine.path) == CODES


async def test_an_exception_in_a_batch_rolls_the_transaction_back(
    any_engine: SQLiteEngine,
) -> None:
    """Leaving a batch and its transaction by an exception leaves neither a cursor nor a lock."""
    with pytest.raises(LookupError):
        async with any_engine.transaction():
            await Entity.delete(force=True)
            async with await Entity.raw("SELECT 1 UNION SELECT 2").batch(batch_size=1) as batch:
                await batch.next()
                raise LookupError
    await entity("behind").save()
    assert codes(any_engine.path) == ["behind", *CODES]


async def test_writing_while_a_batch_is_open(any_engine: SQLiteEngine) -> None:
    """The rows of a batch are those of its beginning; writes go on meanwhile."""
    seen = 0
    async with await Entity.select().batch(batch_size=1) as batch:
        async for rows in batch:
            seen += len(rows)
            await entity(f"new{seen}").save()
            async with any_engine.transaction():
                await Entity.update({Entity.name: "x"}).where(Entity.code == "id0")
    assert seen == 8
    assert len(codes(any_engine.path)) == 16


async def test_queries_inside_a_batch(any_engine: SQLiteEngine) -> None:
    """Reads, and another batch, work inside the block."""
    pairs = []
    async with await Entity.select(Entity.code).batch(batch_size=4) as outer:
        async for rows in outer:
            async with await Entity.select(Entity.code).batch(batch_size=5) as inner:
                async for others in inner:
                    pairs += [(a["code"], b["code"]) for a in rows for b in others]
    assert len(set(pairs)) == 64


async def test_a_timeout_in_a_transaction_leaves_its_batch_alone(
    any_engine: SQLiteEngine,
) -> None:
    """SQLite interrupts all statements of a connection at once; the batch is spared."""
    seen = 0
    async with any_engine.transaction(), await Entity.select().batch(batch_size=1) as batch:
        async for rows in batch:
            seen += len(rows)
            if seen == 2:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(slow_read(2_000_000).run(), 0.01)
                await entity("new").save()
    assert seen >= 8
    assert "new" in codes(any_engine.path)


async def test_a_timeout_on_the_batch_leaves_its_transaction_usable(
    any_engine: SQLiteEngine,
) -> None:
    """The fetch is interrupted, the batch is over, and what follows is not interrupted too."""
    async with any_engine.transaction():
        async with await slow_fetch().batch(batch_size=1) as batch:
            await batch.next()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(batch.next(), 0.05)
            await entity("inside").save()
        await entity("behind").save()
    assert codes(any_engine.path) == ["behind", *CODES, "inside"]


async def test_a_cancel_inside_a_batch_in_a_transaction(any_engine: SQLiteEngine) -> None:
    """A task cancelled in a slow query stops it, although its batch is open, and is rolled back."""

    async def work() -> None:
        async with any_engine.transaction():
            await entity("lost").save()
            async with await Entity.select().batch(batch_size=1) as batch:
                async for _ in batch:
                    reading.set()
                    await slow_read()

    reading = asyncio.Event()
    task = asyncio.create_task(work())
    await reading.wait()
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(entity("next").save().run(), 20)
    assert codes(any_engine.path) == [*CODES, "next"]


async def test_a_batch_cannot_write(any_engine: SQLiteEngine) -> None:
    """A statement that writes is refused by the reader, and nothing is written."""
    if any_engine.pool is None:
        pytest.skip("without a pool there is no reader")
    with pytest.raises(DatabaseFileError, match="readonly"):
        async with await Entity.raw("DELETE FROM core_entity RETURNING code").batch():
            pass
    assert codes(any_engine.path) == CODES


async def test_a_corrupt_value_ends_the_batch(any_engine: SQLiteEngine) -> None:
    """The error names the row; no row behind it is given out as if none were missing."""
    await Entity.raw("UPDATE core_entity SET is_active = 2 WHERE code = 'id3'")
    async with await Entity.select().order_by(Entity.code).batch(batch_size=2) as batch:
        assert len(await batch.next()) == 2
        with pytest.raises(CorruptValueError, match=r"core_entity\.is_active"):
            await batch.next()
        with pytest.raises(ConnectionClosedError):
            await batch.next()


async def test_a_corrupt_value_with_no_reader_to_spare(sqlite_engine: SQLiteEngine) -> None:
    """The value is looked for on the batch's own connection, also when that is the only one."""
    async with pooled(sqlite_engine, pool_size=1, acquire_timeout_ms=200):
        await entity("A").save()
        await Entity.raw("UPDATE core_entity SET created_at = 'tomorrow'")
        with pytest.raises(CorruptValueError, match="tomorrow"):
            async with await Entity.select().batch() as batch:
                await batch.next()
        await Entity.delete(force=True)


async def test_memory_stays_flat(sqlite_engine: SQLiteEngine) -> None:
    """Reading 100,000 rows in batches takes a small part of the memory of reading them at once."""
    query = Entity.raw(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000)"
        " SELECT x, 'a name of some length ' || x AS name FROM c"
    )
    async with pooled(sqlite_engine):
        tracemalloc.start()
        try:
            seen = 0
            async with await query.batch(batch_size=500) as batch:
                async for rows in batch:
                    seen += len(rows)
            batched = tracemalloc.get_traced_memory()[1]
            del rows
            tracemalloc.reset_peak()
            everything = await query
            at_once = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert seen == len(everything) == 100_000
    assert batched < at_once / 20

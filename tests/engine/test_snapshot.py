"""snapshot(): one consistent view on a reader, while writers go on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import pytest
from doubles import LockHolder, codes, entity, pooled, slow_read, threads, until
from piccolo.engine.exceptions import TransactionError

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import TransactionLostError


@pytest.fixture(params=["pooled", "unpooled"])
async def any_engine(
    request: pytest.FixtureRequest, sqlite_engine: SQLiteEngine
) -> AsyncIterator[SQLiteEngine]:
    """The engine with its pool open, then without."""
    if request.param == "pooled":
        async with pooled(sqlite_engine):
            yield sqlite_engine
        return
    before = threads()
    yield sqlite_engine
    await sqlite_engine.close_connection_pool()
    await until(lambda: threads() <= before)


async def write(engine: SQLiteEngine, code: str) -> None:
    """Insert an entity outside of the snapshot that the task was started in."""

    async def outside() -> None:
        engine.current_transaction.set(None)
        await entity(code).save()

    await asyncio.create_task(outside())


async def test_a_snapshot_is_one_view(any_engine: SQLiteEngine) -> None:
    """All reads see the moment the block began, though others commit in between."""
    await entity("A").save()
    async with any_engine.snapshot():
        await write(any_engine, "B")
        assert await Entity.count() == 1
        await write(any_engine, "C")
        assert await Entity.count() == 1
        async with await Entity.select(Entity.code).batch() as batch:
            assert [rows async for rows in batch] == [[{"code": "A"}]]
        assert codes(any_engine.path) == ["A", "B", "C"]
    assert await Entity.count() == 3


async def test_writers_go_on_meanwhile(any_engine: SQLiteEngine) -> None:
    """A snapshot takes no lock that a writer would wait for."""
    async with any_engine.snapshot():
        with LockHolder(any_engine.path):
            assert await Entity.count() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM core_entity",
        "INSERT INTO core_entity (id, code, name) VALUES ('x', 'x', 'x')",
        "PRAGMA query_only = 0",
        "CREATE TABLE x (a)",
        "COMMIT",
        "WITH x AS (SELECT 1) DELETE FROM core_entity",
    ],
)
async def test_writes_are_refused(any_engine: SQLiteEngine, statement: str) -> None:
    """A write in the block raises, and the snapshot goes on."""
    await entity("A").save()
    async with any_engine.snapshot():
        with pytest.raises(TransactionError, match="only reads"):
            await Entity.raw(statement)
        with pytest.raises(TransactionError, match="only reads"):
            await entity("B").save()
        with pytest.raises(TransactionError, match="only reads"):
            await any_engine.run_ddl("CREATE TABLE x (a)")
        assert await Entity.count() == 1
    assert codes(any_engine.path) == ["A"]


async def test_a_transaction_inside_cannot_write(any_engine: SQLiteEngine) -> None:
    """A nested block belongs to the snapshot: it reads the same view, and writes are refused."""
    await entity("A").save()
    async with any_engine.snapshot():
        async with any_engine.transaction():
            assert await Entity.count() == 1
            with pytest.raises(TransactionError, match="only reads"):
                await entity("B").save()
        with pytest.raises(LookupError):
            async with any_engine.transaction():
                raise LookupError
        assert await Entity.count() == 1


async def test_a_snapshot_inside_a_transaction_is_refused(any_engine: SQLiteEngine) -> None:
    """A transaction sees its own writes, so no snapshot can begin in it, nor in a snapshot."""
    async with any_engine.transaction():
        with pytest.raises(TransactionError, match="cannot begin inside a transaction"):
            async with any_engine.snapshot():
                pass
        await entity("A").save()
    async with any_engine.snapshot():
        with pytest.raises(TransactionError, match="cannot begin inside"):
            async with any_engine.snapshot():
                pass
    assert codes(any_engine.path) == ["A"]


async def test_a_snapshot_is_released_by_an_error(any_engine: SQLiteEngine) -> None:
    """The block's exception comes through; more of them than there are readers leave all free."""
    for _ in range(6):
        with pytest.raises(LookupError):
            async with any_engine.snapshot():
                await Entity.count()
                raise LookupError
    assert await Entity.count() == 0


async def test_a_snapshot_is_released_by_a_cancel(any_engine: SQLiteEngine) -> None:
    """A block cancelled in a slow read gives its reader back, and holds no old view."""

    async def report() -> None:
        async with any_engine.snapshot():
            reading.set()
            await slow_read()

    reading = asyncio.Event()
    for _ in range(6):
        reading.clear()
        task = asyncio.create_task(report())
        await reading.wait()
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await entity("A").save()
    assert await Entity.count() == 1
    if any_engine.pool is not None:
        await until(lambda: not any_engine.stats().readers_in_use)
        # With no view left the whole log can be copied into the file.
        db = sqlite3.connect(any_engine.path)
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        db.close()


async def test_a_task_that_outlives_a_snapshot_is_refused(any_engine: SQLiteEngine) -> None:
    """It does not silently read another view."""

    async def straggle() -> int:
        await over.wait()
        return await Entity.count()

    over = asyncio.Event()
    async with any_engine.snapshot():
        task = asyncio.create_task(straggle())
    over.set()
    with pytest.raises(TransactionLostError):
        await task


async def test_several_snapshots_side_by_side(sqlite_engine: SQLiteEngine) -> None:
    """Each has a view of its own, as many as there are readers; the next one waits."""
    async with pooled(sqlite_engine, pool_size=3) as engine:
        counts = []

        async def report() -> None:
            async with engine.snapshot():
                counts.append(await Entity.count())
                await finish.wait()
                counts.append(await Entity.count())

        finish = asyncio.Event()
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(report()))
            await until(lambda: len(counts) > number)  # noqa: B023
            await entity(str(number)).save()
        tasks.append(asyncio.create_task(report()))
        await until(lambda: engine.stats().waiting == 1)
        finish.set()
        await asyncio.gather(*tasks)
        assert counts[:3] == [0, 1, 2]
        assert sorted(counts) == [0, 0, 1, 1, 2, 2, 3, 3]

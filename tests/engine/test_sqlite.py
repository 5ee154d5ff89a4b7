"""The engine without a pool: from any loop and any thread, and in step with transactions."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doubles import (
    LockHolder,
    codes,
    entity,
    leftovers,
    open_files,
    pooled,
    slow_read,
    threads,
    until,
    wait_until,
)

from atlas import Entity
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import idle_connections
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import (
    ConfigurationError,
    DatabaseBusyError,
    DatabaseFileError,
    TransactionLostError,
)

# Any loop, any thread.


def test_run_sync(sqlite_engine: SQLiteEngine) -> None:
    """Reads and writes work from plain code."""
    entity("A").save().run_sync()
    assert Entity.count().run_sync() == 1
    assert codes(sqlite_engine.path) == ["A"]


def test_asyncio_run_again_and_again(sqlite_engine: SQLiteEngine) -> None:
    """Each event loop works, and none leaves a thread or a file open behind."""
    before = threads()

    async def main(number: int) -> int:
        await entity(str(number)).save()
        async with sqlite_engine.transaction():
            await entity(f"{number}t").save()
        return await Entity.count()

    assert [asyncio.run(main(number)) for number in range(10)] == list(range(2, 22, 2))
    asyncio.run(sqlite_engine.close_connection_pool())
    wait_until(lambda: threads() <= before)
    assert open_files(sqlite_engine.path) == []
    assert leftovers(sqlite_engine.path) == []


def test_eight_threads_at_once(sqlite_engine: SQLiteEngine) -> None:
    """Threads with run_sync neither see a lock nor lose a write."""

    def work(number: int) -> int:
        for step in range(5):
            entity(f"{number}-{step}").save().run_sync()
            assert Entity.exists().where(Entity.code == f"{number}-{step}").run_sync()
        return number

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(work, range(8))) == list(range(8))
    assert len(codes(sqlite_engine.path)) == 40


def test_transactions_of_several_loops(sqlite_engine: SQLiteEngine) -> None:
    """Threads with a loop each take turns in read-modify-write transactions."""

    async def add() -> None:
        for _ in range(5):
            async with sqlite_engine.transaction():
                row = await Entity.objects().get(Entity.code == "sum")
                assert row is not None
                row.legal_name = str(int(row.legal_name or 0) + 1)
                await row.save()

    entity("sum").save().run_sync()
    with ThreadPoolExecutor(4) as executor:
        for future in [executor.submit(asyncio.run, add()) for _ in range(4)]:
            future.result()
    row = Entity.objects().get(Entity.code == "sum").run_sync()
    assert row is not None
    assert row.legal_name == "20"


def test_run_sync_from_threads_beside_a_pool(sqlite_engine: SQLiteEngine) -> None:
    """Plain threads query while a client is open in the event loop."""

    async def main() -> None:
        async with pooled(sqlite_engine):
            await entity("A").save()
            counts = await asyncio.gather(
                *(asyncio.to_thread(lambda: Entity.count().run_sync()) for _ in range(5))
            )
            assert counts == [1] * 5
            await sqlite_engine.close_connection_pool()
            await sqlite_engine.start_connection_pool()

    asyncio.run(main())


def test_run_sync_raises_what_the_query_raises(sqlite_engine: SQLiteEngine) -> None:
    """An error that is a RuntimeError too is not replaced by another."""
    with pytest.raises(TransactionLostError, match="Use transaction"):
        Entity.raw("BEGIN").run_sync()

    async def main() -> None:
        with pytest.raises(TransactionLostError, match="Use transaction"):
            Entity.raw("BEGIN").run_sync()

    asyncio.run(main())


# Inside transactions.


@pytest.mark.parametrize("pool", [False, True])
async def test_run_sync_in_a_transaction_joins_it(sqlite_engine: SQLiteEngine, pool: bool) -> None:
    """It sees what the task wrote, its write is undone with the block, and nothing hangs."""
    if pool:
        await sqlite_engine.start_connection_pool()
    start = time.monotonic()
    with pytest.raises(LookupError):
        async with sqlite_engine.transaction():
            await entity("A").save()
            assert Entity.count().run_sync() == 1
            entity("B").save().run_sync()
            assert await Entity.count() == 2
            raise LookupError
    assert time.monotonic() - start < 15
    await sqlite_engine.close_connection_pool()
    assert codes(sqlite_engine.path) == []


@pytest.mark.parametrize("pool", [False, True])
async def test_a_thread_of_the_block_joins_it(sqlite_engine: SQLiteEngine, pool: bool) -> None:
    """asyncio.to_thread takes the transaction along, and nested blocks with it."""

    def work() -> int:
        entity("B").save().run_sync()

        async def nested() -> None:
            async with sqlite_engine.transaction():
                await entity("C").save()

        asyncio.run(nested())
        return Entity.count().run_sync()

    if pool:
        await sqlite_engine.start_connection_pool()
    async with sqlite_engine.transaction():
        await entity("A").save()
        assert await asyncio.to_thread(work) == 3
        assert codes(sqlite_engine.path) == []
    await sqlite_engine.close_connection_pool()
    assert codes(sqlite_engine.path) == ["A", "B", "C"]


async def test_run_sync_in_a_snapshot_joins_it(sqlite_engine: SQLiteEngine) -> None:
    """It reads the view of the block."""
    async with pooled(sqlite_engine) as engine, engine.snapshot():
        db = sqlite3.connect(engine.path)
        db.execute("INSERT INTO core_entity (id, code, name) VALUES ('x', 'x', 'x')")
        db.commit()
        db.close()
        assert Entity.count().run_sync() == 0


# The file.


async def test_a_read_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a file that is not there is an error that says how to make it."""
    path = tmp_path / "missing.db"
    monkeypatch.setattr(Entity._meta, "_db", SQLiteEngine(str(path)))
    with pytest.raises(DatabaseFileError, match=r"missing\.db: there is no such file"):
        await Entity.select()
    with pytest.raises(DatabaseFileError, match="atlas migrate"):
        await asyncio.to_thread(lambda: Entity.count().run_sync())
    assert os.listdir(tmp_path) == []


async def test_a_file_made_anew_is_noticed(sqlite_engine: SQLiteEngine, tmp_path: Path) -> None:
    """Queries go to the file that has the name now, not to the one that had it."""
    path = Path(sqlite_engine.path)
    empty = tmp_path / "empty.db"
    shutil.copyfile(path, empty)
    await entity("old").save()
    assert await Entity.count() == 1
    os.replace(empty, path)
    for file in leftovers(path):
        os.remove(file)
    assert await Entity.count() == 0
    await entity("new").save()
    assert codes(path) == ["new"]
    os.remove(path)
    with pytest.raises(DatabaseFileError, match="no such file"):
        await Entity.count()


async def test_a_file_replaced_during_a_query_is_noticed(
    sqlite_engine: SQLiteEngine, tmp_path: Path
) -> None:
    """A connection is that of the file it was opened on, whatever has the name when it is kept."""
    path = Path(sqlite_engine.path)
    other = tmp_path / "other.db"
    shutil.copyfile(path, other)
    await entity("old").save()
    query = asyncio.create_task(slow_read(2_000_000).run())
    await asyncio.sleep(0.05)
    os.replace(other, path)
    for file in leftovers(path):
        os.remove(file)
    await query
    assert await Entity.count() == 0


async def test_a_file_that_is_idle_is_closed(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections are kept for a moment only, so that a quiet file is whole and can be copied."""
    monkeypatch.setattr(idle_connections, "_KEPT_S", 0.05)
    before = threads()
    await entity("A").save()
    await until(lambda: threads() <= before)
    assert open_files(sqlite_engine.path) == []
    assert leftovers(sqlite_engine.path) == []
    assert await Entity.count() == 1


async def test_few_connections_are_kept(sqlite_engine: SQLiteEngine) -> None:
    """After many queries side by side most connections are closed at once."""
    before = threads()
    await asyncio.gather(*(slow_read(50_000).run() for _ in range(10)))
    await until(lambda: len(threads() - before) <= idle_connections._KEPT)
    await sqlite_engine.close_connection_pool()
    await until(lambda: threads() <= before)


async def test_another_process_is_waited_for(sqlite_engine: SQLiteEngine) -> None:
    """A write waits for the lock of another process, up to the busy timeout."""
    with LockHolder(sqlite_engine.path) as other:
        task = asyncio.create_task(entity("A").save().run())
        await asyncio.sleep(0.2)
        assert not task.done()
        other.release()
        await task
    assert codes(sqlite_engine.path) == ["A"]


async def test_another_process_is_not_waited_for_for_ever(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the busy timeout the error names the file and the time."""
    engine = SQLiteEngine(sqlite_engine.path, EngineOptions(busy_timeout_ms=80))
    monkeypatch.setattr(Entity._meta, "_db", engine)
    with LockHolder(engine.path):
        with pytest.raises(DatabaseBusyError, match=r"atlas-ops\.db.* more than 80 ms"):
            await entity("A").save()
        assert await Entity.count() == 0
    await engine.close_connection_pool()


def test_a_write_in_a_thread_does_not_stall_the_loop(sqlite_engine: SQLiteEngine) -> None:
    """While a thread waits for a lock, other threads and the event loop go on."""

    async def main() -> None:
        with LockHolder(sqlite_engine.path) as other:
            task = asyncio.create_task(asyncio.to_thread(lambda: entity("A").save().run_sync()))
            for _ in range(5):
                assert await Entity.count() == 0
            other.release()
            await task

    asyncio.run(main())


# Engines.


def test_an_engine_that_is_dropped_closes_its_file(sqlite_engine: SQLiteEngine) -> None:
    """An engine that nobody refers to any more leaves no thread."""
    before = threads()
    engine = SQLiteEngine(sqlite_engine.path)
    asyncio.run(engine.run_ddl("SELECT 1"))
    assert len(threads() - before) == 1
    del engine
    wait_until(lambda: threads() <= before)


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may be linked to an SQLite that is too old; the error names both versions."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    with pytest.raises(ConfigurationError, match=r"3\.34\.1.* 3\.35"):
        SQLiteEngine("x.db")


def test_making_an_engine_opens_nothing(tmp_path: Path) -> None:
    """No file is made and no thread started before the first query."""
    count = threading.active_count()
    SQLiteEngine(str(tmp_path / "x.db"))
    assert threading.active_count() == count
    assert os.listdir(tmp_path) == []


async def test_ping(sqlite_engine: SQLiteEngine) -> None:
    """ping looks at the file, on the writer if asked, and says how many milliseconds it took."""
    assert await sqlite_engine.ping() > 0
    async with pooled(sqlite_engine, acquire_timeout_ms=20) as engine:
        assert 0 < await engine.ping() < 10_000
        source, writer = await engine.acquire(reads=False, what="the test")
        assert 0 < await engine.ping() < 10_000
        with pytest.raises(TimeoutError):
            await engine.ping(writer=True)
        source.release(writer)

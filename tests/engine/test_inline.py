"""Reads in the event loop: short ones without a thread, and all others as before."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from doubles import SLOW_READ, entity, pooled, rows, slow_read, until

from atlas import CorruptValueError, Entity
from atlas.engine.sqlite import inline
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.inline import InlineReader
from atlas.errors import ConnectionClosedError, PoolTimeoutError, ReadOnlyError

#: Statements of a pool that is warm: it has read, and so its connection for the loop is open.
COUNT = "SELECT count(*) AS n FROM core_entity"


async def reader_of(engine: SQLiteEngine) -> InlineReader:
    """Return the connection of the loop, open."""
    await Entity.count()
    assert engine.pool is not None
    assert engine.pool.inline is not None
    assert engine.pool.inline._is_open
    return engine.pool.inline


class Ticks:
    """A task that counts how often it had its turn."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)

    async def stop(self) -> int:
        self._task.cancel()
        await asyncio.wait([self._task])
        return self.count


async def test_short_read_needs_no_reader(sqlite_engine: SQLiteEngine) -> None:
    """A short read is answered while all readers are held."""
    async with pooled(sqlite_engine, pool_size=1) as engine:
        await reader_of(engine)
        source, reader = await engine.acquire(reads=True, what="the test")
        assert await Entity.count() == 0
        source.release(reader)


async def test_off_it_waits_for_a_reader(sqlite_engine: SQLiteEngine) -> None:
    """With ``inline_reads=0`` every read is a reader's, and there is no other connection."""
    options = {"pool_size": 1, "inline_reads": 0, "acquire_timeout_ms": 50}
    async with pooled(sqlite_engine, **options) as engine:
        assert engine.pool is not None
        assert engine.pool.inline is None
        source, reader = await engine.acquire(reads=True, what="the test")
        with pytest.raises(PoolTimeoutError):
            await Entity.count()
        source.release(reader)
        assert await Entity.count() == 0


async def test_long_read_is_ended_and_run_by_a_reader(sqlite_engine: SQLiteEngine) -> None:
    """A read of more than the budget does not hold up the loop, and gives what it should."""
    async with pooled(sqlite_engine, inline_reads=0.5) as engine:
        reader = await reader_of(engine)
        ticks = Ticks()
        assert await slow_read(500_000) == [{"n": 500_000}]
        assert await ticks.stop() > 10
        assert reader.read(SLOW_READ, (), ()) is None  # it would take minutes


async def test_long_statement_is_not_tried_for_a_while(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was too long so often in a row goes to the readers, and is tried again later."""
    async with pooled(sqlite_engine) as engine:
        reader = await reader_of(engine)
        for _ in range(inline._TOO_OFTEN):
            assert reader._tries(SLOW_READ, 0.0)
            assert reader.read(SLOW_READ, (), ()) is None
        now = inline.perf_counter()
        assert not reader._tries(SLOW_READ, now)
        assert reader._tries(COUNT, now)
        assert reader._tries(SLOW_READ, now + inline._LONG_S)


async def test_long_statements_that_are_known_are_bounded(sqlite_engine: SQLiteEngine) -> None:
    """However many statements are long, so many of them are known."""
    async with pooled(sqlite_engine, inline_reads=0.001) as engine:
        reader = await reader_of(engine)
        for number in range(inline._MOST_KNOWN + 10):
            reader._note_long(f"SELECT {number}")
        assert len(reader._long) <= inline._MOST_KNOWN


async def test_slow_disk_lets_all_reads_go_to_the_readers(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a read that waited for the disk none is tried for a while."""
    async with pooled(sqlite_engine) as engine:
        reader = await reader_of(engine)
        monkeypatch.setattr(inline, "_disk_reads", iter(range(10)).__next__)
        reader._has_waited_for_disk()
        assert reader.read(SLOW_READ, (), ()) is None
        now = inline.perf_counter()
        assert not reader._tries(COUNT, now)
        assert await Entity.count() == 0
        assert reader._tries(COUNT, now + inline._REST_S)


async def test_one_task_of_many_reads_lets_others_run(sqlite_engine: SQLiteEngine) -> None:
    """Reads one after the other give way to other tasks, although none of them waits."""
    async with pooled(sqlite_engine) as engine:
        await reader_of(engine)
        ticks = Ticks()
        await asyncio.sleep(0)
        for _ in range(2000):
            await Entity.count()
        assert await ticks.stop() > 5


async def test_cancel_comes_between_reads(sqlite_engine: SQLiteEngine) -> None:
    """A task that reads and reads can be cancelled, and leaves nothing behind."""
    async with pooled(sqlite_engine) as engine:
        await reader_of(engine)

        async def read() -> None:
            while True:
                await Entity.count()

        tasks = [asyncio.create_task(read()) for _ in range(10)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        assert await Entity.count() == 0


async def test_locked_file_is_waited_for_by_a_reader(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop waits for no lock: a reader does."""

    def locked(handle: Handle, *arguments: object) -> list[object]:
        raise sqlite3.OperationalError("database is locked")

    async with pooled(sqlite_engine) as engine:
        reader = await reader_of(engine)
        assert reader.handle.execute("PRAGMA busy_timeout") == [{"timeout": 0}]
        monkeypatch.setattr(Handle, "read_now", locked)
        assert await Entity.count() == 0


@pytest.mark.parametrize("inline_reads", [0, 0.5])
async def test_corrupt_value_is_an_error(sqlite_engine: SQLiteEngine, inline_reads: float) -> None:
    """A stored value that is none of its column's type is named, however it is read."""
    async with pooled(sqlite_engine, inline_reads=inline_reads) as engine:
        await entity("A").save()
        await entity("B").save()
        await Entity.count()
        rows(engine.path, "UPDATE core_entity SET created_at = 'tomorrow' WHERE code = 'B'")
        for _ in range(2):
            with pytest.raises(CorruptValueError, match="created_at"):
                await Entity.objects()
        assert (await Entity.select().where(Entity.code == "A"))[0]["code"] == "A"
        await Entity.delete(force=True)


async def test_client_that_only_reads_reads_in_the_loop_too(sqlite_engine: SQLiteEngine) -> None:
    """A client with ``read_only`` has such a connection, which cannot write either."""
    await entity("A").save()
    await sqlite_engine.start_connection_pool(read_only=True)
    reader = await reader_of(sqlite_engine)
    assert reader.read(COUNT, (), ()) == [{"n": 1}]
    with pytest.raises(ReadOnlyError):
        reader.handle.execute("PRAGMA query_only = 0")
    await sqlite_engine.close_connection_pool()


async def test_change_of_the_schema_is_seen(sqlite_engine: SQLiteEngine) -> None:
    """A column that was added is read, by the same statement as before."""
    async with pooled(sqlite_engine) as engine:
        await reader_of(engine)
        await engine.run_ddl("CREATE TABLE seen (one)", in_pool=True)
        await engine.execute("INSERT INTO seen VALUES (1)", (), reads=False)
        sql = "SELECT * FROM seen"
        assert await engine.execute(sql, (), reads=True) == [{"one": 1}]
        await engine.run_ddl("ALTER TABLE seen ADD COLUMN two DEFAULT 2", in_pool=True)
        assert await engine.execute(sql, (), reads=True) == [{"one": 1, "two": 2}]
        await engine.run_ddl("DROP TABLE seen", in_pool=True)


async def test_acknowledged_write_is_read(sqlite_engine: SQLiteEngine) -> None:
    """A read sees every write that was answered before it began."""
    async with pooled(sqlite_engine) as engine:
        await reader_of(engine)
        for number in range(1, 30):
            await entity(str(number)).save()
            assert await Entity.count() == number
        await Entity.delete(force=True)


async def test_without_its_connection_readers_go_on(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it cannot be opened, as without a file left for it, all reads are the readers'."""
    async with pooled(sqlite_engine) as engine:
        assert engine.pool is not None
        assert engine.pool.inline is not None

        def refused() -> None:
            raise sqlite3.OperationalError("unable to open database file")

        monkeypatch.setattr(engine.pool.inline.handle, "open", refused)
        for _ in range(5):
            assert await Entity.count() == 0
        assert not engine.pool.inline._is_open


async def test_closed_client_refuses_reads(sqlite_engine: SQLiteEngine) -> None:
    """A read of a task that outlives the pool is refused."""
    async with pooled(sqlite_engine) as engine:
        reader, pool = await reader_of(engine), engine.pool
    assert reader.read(COUNT, (), ()) is None
    engine.pool = pool
    with pytest.raises(ConnectionClosedError):
        await engine.execute(COUNT, (), reads=True)
    engine.pool = None


class _Alarm(BaseException):
    """What the handler of a signal raises."""


@contextmanager
def alarm_after(seconds: float) -> Iterator[None]:
    def ring(*arguments: Any) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def test_exception_of_a_signal_handler_is_not_lost(sqlite_engine: SQLiteEngine) -> None:
    """What a handler raises while SQLite works, as Ctrl-C does, comes out; the next read works."""
    async with pooled(sqlite_engine, inline_reads=100) as engine:
        reader = await reader_of(engine)
        for _ in range(5):
            with pytest.raises(_Alarm), alarm_after(0.02):
                while True:
                    reader.read(SLOW_READ, (), ())
            reader._long.clear()
            assert reader.read(COUNT, (), ()) == [{"n": 0}]
        await until(lambda: not reader.is_busy)

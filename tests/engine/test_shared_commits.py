"""Writes that wait for the writer together: one commit, and each as if it had been alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from doubles import SLOW_WRITE, LockHolder, codes, entity, open_files, pooled, rows, until

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle
from atlas.errors import ConnectionClosedError, DatabaseBusyError, DatabaseFileError

#: Says how often it was run.
APPEND = "UPDATE core_entity SET legal_name = coalesce(legal_name, '') || '{}' WHERE code = 'A'"


def write(engine: SQLiteEngine, sql: str) -> Awaitable[Any]:
    """Return a write of plain SQL."""
    return engine.execute(sql, (), reads=False)


def appended(engine: SQLiteEngine) -> str:
    """Return what ``APPEND`` has stored, as another program sees it."""
    ((text,),) = rows(engine.path, "SELECT legal_name FROM core_entity WHERE code = 'A'")
    return text or ""


@asynccontextmanager
async def together(engine: SQLiteEngine, *writes: Awaitable[Any]) -> AsyncIterator[list[Any]]:
    """Let ``writes`` wait for the writer at the same moment; yield their tasks as it is free."""
    source, writer = await engine.acquire(reads=False, what="the test")
    tasks = [asyncio.ensure_future(each) for each in writes]
    await until(lambda: engine.stats().waiting == len(tasks))
    source.release(writer)
    yield tasks
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_together(engine: SQLiteEngine, *writes: Awaitable[Any]) -> list[Any]:
    """Run ``writes`` together, and return the result or the error of each."""
    async with together(engine, *writes) as tasks:
        return await asyncio.gather(*tasks, return_exceptions=True)


class Trace:
    """The words with which statements of the writer begin."""

    def __init__(self) -> None:
        self.words: list[str] = []

    @asynccontextmanager
    async def of(self, engine: SQLiteEngine) -> AsyncIterator[Trace]:
        source, writer = await engine.acquire(reads=False, what="the test")
        writer.handle.trace(lambda sql: self.words.append(sql.split()[0]))
        source.release(writer)
        yield self
        writer.handle.trace(None)


async def test_writes_that_wait_share_a_commit(sqlite_engine: SQLiteEngine) -> None:
    """Ten inserts that waited are stored by one commit, and each object knows its own row."""
    async with pooled(sqlite_engine) as engine:
        entities = [entity(f"{number:02}") for number in range(10)]
        async with Trace().of(engine) as trace:
            await run_together(engine, *(each.save().run() for each in entities))
        assert trace.words.count("COMMIT") == 1
        assert trace.words.count("INSERT") == 10
        assert codes(engine.path) == [f"{number:02}" for number in range(10)]
        assert all(each._exists_in_db for each in entities)
        assert len({each.id for each in entities}) == 10
        await Entity.delete(force=True)


async def test_off_each_write_has_its_own(sqlite_engine: SQLiteEngine) -> None:
    """With ``shared_commits=1`` nothing is shared."""
    async with pooled(sqlite_engine, shared_commits=1) as engine:
        async with Trace().of(engine) as trace:
            await run_together(engine, *(entity(str(number)).save().run() for number in range(5)))
        assert "BEGIN" not in trace.words
        assert trace.words.count("INSERT") == 5
        await Entity.delete(force=True)


async def test_one_write_has_no_company(sqlite_engine: SQLiteEngine) -> None:
    """A write that waits alone is run at once, as it is."""
    async with pooled(sqlite_engine) as engine:
        async with Trace().of(engine) as trace:
            await entity("A").save()
        assert trace.words == ["INSERT"]
        await Entity.delete(force=True)


async def test_number_of_writes_is_bounded(sqlite_engine: SQLiteEngine) -> None:
    """No commit is of more writes than the option says, and none is left out."""
    async with pooled(sqlite_engine, shared_commits=8) as engine:
        async with Trace().of(engine) as trace:
            await run_together(engine, *(entity(str(number)).save().run() for number in range(40)))
        assert trace.words.count("COMMIT") >= 5
        assert await Entity.count() == 40
        await Entity.delete(force=True)


async def test_error_of_one_is_its_own(sqlite_engine: SQLiteEngine) -> None:
    """A key that is taken is an error of its own caller; what the others wrote is stored."""
    async with pooled(sqlite_engine) as engine:
        await entity("B").save()
        results = await run_together(engine, *(entity(code).save().run() for code in "ABCCD"))
        assert [isinstance(result, sqlite3.IntegrityError) for result in results] == [
            *(False, True, False, True, False)
        ]
        assert codes(engine.path) == ["A", "B", "C", "D"]
        await Entity.delete(force=True)


async def test_rollback_of_a_trigger_undoes_its_own_write_only(
    sqlite_engine: SQLiteEngine,
) -> None:
    """RAISE(ROLLBACK) ends the transaction of all; the others are run again, once."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        await engine.run_ddl(
            "CREATE TRIGGER refuses BEFORE INSERT ON core_entity WHEN new.code = 'bad'"
            " BEGIN SELECT RAISE(ROLLBACK, 'refused'); END",
            in_pool=True,
        )
        results = await run_together(
            engine,
            write(engine, APPEND.format("1")),
            entity("bad").save().run(),
            write(engine, APPEND.format("2")),
            entity("good").save().run(),
        )
        assert isinstance(results[1], sqlite3.IntegrityError)
        assert not any(isinstance(results[number], BaseException) for number in (0, 2, 3))
        assert appended(engine) == "12"
        assert codes(engine.path) == ["A", "good"]
        await engine.run_ddl("DROP TRIGGER refuses", in_pool=True)
        await Entity.delete(force=True)


async def test_full_disk_is_the_error_of_what_does_not_fit(sqlite_engine: SQLiteEngine) -> None:
    """A write for which there is no room fails; those beside it are stored, once."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        source, writer = await engine.acquire(reads=False, what="the test")
        ((pages,),) = writer.handle.db.execute("PRAGMA page_count")  # type: ignore[union-attr]
        writer.handle.db.execute(f"PRAGMA max_page_count = {pages + 2}")  # type: ignore[union-attr]
        source.release(writer)
        large = entity("large")
        large.legal_name = "x" * 100_000
        results = await run_together(
            engine,
            write(engine, APPEND.format("1")),
            large.save().run(),
            write(engine, APPEND.format("2")),
        )
        assert isinstance(results[1], DatabaseFileError)
        assert "full" in str(results[1])
        assert appended(engine) == "12"
        assert codes(engine.path) == ["A"]
        writer.handle.db.execute("PRAGMA max_page_count = 1073741823")  # type: ignore[union-attr]
        await Entity.delete(force=True)


async def test_failed_commit_lets_each_run_by_itself(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the commit of all fails nobody is told, and each is written by a commit of its own."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        failed = []

        def fail(handle: Handle) -> None:
            failed.append(handle)
            handle.rollback()
            raise DatabaseFileError("the disk refused")

        monkeypatch.setattr(Handle, "commit", fail)
        results = await run_together(
            engine, *(write(engine, APPEND.format(number)) for number in range(5))
        )
        assert len(failed) == 1
        assert results == [[]] * 5
        assert appended(engine) == "01234"
        await Entity.delete(force=True)


async def test_nobody_is_told_before_the_commit(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the commit is on its way no write is answered, and nobody else sees it."""
    async with pooled(sqlite_engine) as engine:
        begins, ends = threading.Event(), threading.Event()
        commit = Handle.commit

        def commit_slowly(handle: Handle) -> None:
            begins.set()
            ends.wait()
            commit(handle)

        monkeypatch.setattr(Handle, "commit", commit_slowly)
        async with together(engine, *(entity(code).save().run() for code in "ABC")) as tasks:
            await until(begins.is_set)
            await asyncio.sleep(0.02)
            assert not any(task.done() for task in tasks)
            assert codes(engine.path) == []
            ends.set()
        assert codes(engine.path) == ["A", "B", "C"]
        await Entity.delete(force=True)


async def test_cancel_of_one_interrupts_no_other(sqlite_engine: SQLiteEngine) -> None:
    """A write that is cancelled while it runs stores nothing; the others are stored, once."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        async with together(
            engine,
            write(engine, APPEND.format("1")),
            write(engine, SLOW_WRITE),
            write(engine, APPEND.format("2")),
            entity("B").save().run(),
        ) as tasks:
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks)
            tasks[1].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
        assert not any(isinstance(results[number], BaseException) for number in (0, 2, 3))
        assert appended(engine) == "12"
        assert codes(engine.path) == ["A", "B"]
        await Entity.delete(force=True)


async def test_write_cancelled_in_the_queue_is_not_run(sqlite_engine: SQLiteEngine) -> None:
    """Of writes that wait, those that are cancelled are not written."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        source, writer = await engine.acquire(reads=False, what="the test")
        tasks = [asyncio.ensure_future(write(engine, APPEND.format(number))) for number in range(6)]
        await until(lambda: engine.stats().waiting == 6)
        for number in (0, 3, 5):
            tasks[number].cancel()
        source.release(writer)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert appended(engine) == "124"
        await Entity.delete(force=True)


async def test_cancels_of_all_leave_the_writer_free(sqlite_engine: SQLiteEngine) -> None:
    """Writes that are all cancelled while one of them runs leave a writer that works."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        for _ in range(10):
            writes = [write(engine, APPEND.format("x")), write(engine, SLOW_WRITE)]
            async with together(engine, *writes, write(engine, APPEND.format("y"))) as tasks:
                await asyncio.sleep(0.005)
                for task in tasks:
                    task.cancel()
        assert engine.stats().connections_opened == 1
        await Entity.delete(force=True)


async def test_block_that_waits_has_its_turn(sqlite_engine: SQLiteEngine) -> None:
    """A transaction in the queue is not passed by writes that came later."""
    async with pooled(sqlite_engine) as engine:

        async def block() -> None:
            async with engine.transaction():
                assert await Entity.count() == 2
                await entity("C").save()

        first, second, last = (entity(code).save().run() for code in "ABD")
        await run_together(engine, first, second, block(), last)
        assert codes(engine.path) == ["A", "B", "C", "D"]
        await Entity.delete(force=True)


async def test_reference_that_is_checked_at_the_end_is_checked_for_each(
    sqlite_engine: SQLiteEngine,
) -> None:
    """A row whose parent another task writes later is refused, as it is when it is alone."""
    async with pooled(sqlite_engine) as engine:
        for ddl in (
            "CREATE TABLE parent (id PRIMARY KEY)",
            "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        ):
            await engine.run_ddl(ddl, in_pool=True)
        results = await run_together(
            engine,
            write(engine, "INSERT INTO child VALUES (1)"),
            write(engine, "INSERT INTO parent VALUES (1)"),
        )
        assert isinstance(results[0], sqlite3.IntegrityError)
        assert results[1] == []
        assert rows(engine.path, "SELECT count(*) FROM child") == [(0,)]
        for table in ("child", "parent"):
            await engine.run_ddl(f"DROP TABLE {table}", in_pool=True)


async def test_long_write_is_run_by_itself_from_then_on(sqlite_engine: SQLiteEngine) -> None:
    """No write waits a second time for the answer of one that takes long."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        slow = SLOW_WRITE.replace("2000000000", "200000")
        await run_together(engine, write(engine, APPEND.format("1")), write(engine, slow))
        assert engine.pool is not None
        commits = engine.pool.writer.commits
        assert commits is not None
        assert commits.write(slow, (), ()) is None
        assert commits.write(APPEND, (), ()) is not None
        await Entity.delete(force=True)


async def test_lock_of_another_process_is_the_error_of_all(sqlite_engine: SQLiteEngine) -> None:
    """Writes that waited for another's lock in vain are told so, and can be run again."""
    async with pooled(sqlite_engine, busy_timeout_ms=50) as engine:
        with LockHolder(engine.path):
            results = await run_together(engine, *(entity(code).save().run() for code in "ABC"))
        assert all(isinstance(result, DatabaseBusyError) for result in results)
        assert len({id(result) for result in results}) == 3
        assert codes(engine.path) == []


async def test_closing_answers_all(sqlite_engine: SQLiteEngine) -> None:
    """Writes of a pool that is closed are stored or refused, and nobody waits for ever."""
    engine = sqlite_engine
    await engine.start_connection_pool(shared_commits=4)
    saves = [asyncio.ensure_future(entity(f"{number:02}").save().run()) for number in range(40)]
    await asyncio.sleep(0)
    await engine.close_connection_pool()
    results = await asyncio.wait_for(asyncio.gather(*saves, return_exceptions=True), 20)
    refused = {at for at, each in enumerate(results) if isinstance(each, ConnectionClosedError)}
    assert not any(isinstance(results[at], Exception) for at in set(range(40)) - refused)
    assert codes(engine.path) == [f"{at:02}" for at in range(40) if at not in refused]


async def test_loop_that_ends_leaves_no_file_open(sqlite_engine: SQLiteEngine) -> None:
    """Writes of an event loop that was closed before they were answered end with their thread."""

    async def main() -> None:
        await sqlite_engine.start_connection_pool()
        source, writer = await sqlite_engine.acquire(reads=False, what="the test")
        tasks = [asyncio.ensure_future(entity(str(n)).save().run()) for n in range(10)]
        await until(lambda: sqlite_engine.stats().waiting == len(tasks))
        source.release(writer)

    for _ in range(5):
        await asyncio.to_thread(asyncio.run, main())
        await asyncio.to_thread(asyncio.run, sqlite_engine.close_connection_pool())
        await until(lambda: open_files(sqlite_engine.path) == [])
    assert rows(sqlite_engine.path, "PRAGMA integrity_check") == [("ok",)]


async def test_storm_of_cancels_writes_nothing_twice(sqlite_engine: SQLiteEngine) -> None:
    """Whatever is cancelled when: what was answered is stored, and nothing more than once."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        answered, asked = set(), []

        async def append(name: str) -> None:
            await write(engine, APPEND.format(f"{name} "))
            answered.add(name)

        for wave in range(20):
            tasks = [asyncio.create_task(append(f"{wave}.{number}")) for number in range(20)]
            asked += [f"{wave}.{number}" for number in range(20)]
            for number, task in enumerate(tasks):
                if number % 3 == wave % 3:
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: not engine.stats().writer_in_use)
        stored = appended(engine).split()
        assert len(stored) == len(set(stored))
        assert answered <= set(stored) <= set(asked)
        await Entity.delete(force=True)

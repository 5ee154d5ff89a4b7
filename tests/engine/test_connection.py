"""A connection in its thread: order, cancels, closing, and event loops that go away."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from doubles import (
    SLOW_READ,
    SLOW_WRITE,
    LockHolder,
    codes,
    leftovers,
    open_files,
    rows,
    threads,
    until,
    wait_until,
)

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle
from atlas.errors import (
    ConnectionClosedError,
    DatabaseBusyError,
    DatabaseFileError,
    TransactionLostError,
)


@asynccontextmanager
async def opened(path: str | Path, **options: Any) -> AsyncIterator[Connection]:
    """A writing connection, whose thread and files must be gone at the end."""
    before = threads()
    connection = Connection(str(path), EngineOptions(**options), reader=False)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()
    await until(lambda: threads() <= before)
    assert open_files(path) == []


async def test_jobs_run_in_the_order_they_came(tmp_path: Path) -> None:
    """Jobs of many tasks run one after another, first come first served."""
    ran: list[int] = []
    async with opened(tmp_path / "x.db") as connection:
        await asyncio.gather(*(connection.run(lambda _, n=n: ran.append(n)) for n in range(100)))  # type: ignore[misc]
    assert ran == list(range(100))


async def test_errors_reach_the_caller(tmp_path: Path) -> None:
    """What the function raises is raised by run, and the connection goes on."""
    async with opened(tmp_path / "x.db") as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await connection.run(lambda handle: handle.execute("SELECT * FROM missing"))
        with pytest.raises(ZeroDivisionError):
            await connection.run(lambda _: 1 / 0)
        with pytest.raises(KeyboardInterrupt):
            await connection.run(_interrupted)
        assert await connection.run(lambda handle: handle.execute("SELECT 1 AS n")) == [{"n": 1}]


def _interrupted(_: Handle) -> None:
    raise KeyboardInterrupt


async def test_a_closed_connection_says_so(tmp_path: Path) -> None:
    """Closing twice is safe; a job for a closed connection is refused with its path."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    await connection.open()
    connection.stop()
    connection.stop()
    await connection.close()
    await connection.close()
    assert not connection.is_alive
    with pytest.raises(ConnectionClosedError, match=r"x\.db is closed"):
        await connection.run(lambda _: None)


async def test_jobs_in_the_queue_run_before_it_closes(tmp_path: Path) -> None:
    """What was asked for before close is still done."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    await connection.open()
    job = asyncio.create_task(connection.run(lambda handle: handle.execute("SELECT 7 AS n")))
    await asyncio.sleep(0)
    connection.stop()
    assert await job == [{"n": 7}]
    await connection.close()


async def test_a_cancelled_job_is_interrupted(tmp_path: Path) -> None:
    """A running statement stops soon after its caller is cancelled, and the next one works."""
    async with opened(tmp_path / "x.db") as connection:
        job = asyncio.create_task(connection.run(lambda handle: handle.execute(SLOW_READ)))
        await until(lambda: connection._current is not None)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        rows = await asyncio.wait_for(
            connection.run(lambda handle: handle.execute("SELECT 1 AS n")), 20
        )
        assert rows == [{"n": 1}]


async def test_a_cancel_before_the_first_step_is_not_forgotten(tmp_path: Path) -> None:
    """SQLite forgets an interrupt that comes too early; it is told again."""
    async with opened(tmp_path / "x.db") as connection:
        begin = threading.Event()

        def late(handle: Handle) -> Any:
            begin.wait()
            return handle.execute(SLOW_READ)

        job = asyncio.create_task(connection.run(late))
        await until(lambda: connection._current is not None)
        job.cancel()
        await asyncio.sleep(0.01)
        begin.set()
        await asyncio.wait_for(connection.run(lambda _: None), 20)


async def test_a_cancelled_job_in_the_queue_is_skipped(tmp_path: Path) -> None:
    """A statement whose caller is gone before it began is not run."""
    async with opened(tmp_path / "x.db") as connection:
        begin = threading.Event()
        ran: list[str] = []
        first = asyncio.create_task(connection.run(lambda _: begin.wait()))
        skipped = asyncio.create_task(connection.run(lambda _: ran.append("skipped")))
        kept = asyncio.create_task(connection.run(lambda _: ran.append("kept"), stoppable=False))
        await until(lambda: connection._tx.qsize() == 2)
        skipped.cancel()
        kept.cancel()
        await asyncio.sleep(0)
        begin.set()
        await first
        await connection.run(lambda _: None)
    assert ran == ["kept"]


async def test_a_cancel_in_the_queue_leaves_the_running_job_alone(tmp_path: Path) -> None:
    """A statement that waits its turn is given up without interrupting the one that runs."""
    async with opened(tmp_path / "x.db") as connection:
        short = SLOW_READ.replace("2000000000", "1000000")
        running = asyncio.create_task(connection.run(lambda handle: handle.execute(short)))
        await until(lambda: connection._current is not None)
        waiting = asyncio.create_task(connection.run(lambda handle: handle.execute(short)))
        await asyncio.sleep(0)
        waiting.cancel()
        assert await running == [{"n": 1000000}]


async def test_an_interrupt_hits_nobody_else(sqlite_engine: SQLiteEngine) -> None:
    """However a cancel and the end of a statement race, the next statement is not interrupted."""
    async with opened(sqlite_engine.path) as connection:
        short = SLOW_READ.replace("2000000000", "2000")
        for number in range(300):
            job = asyncio.create_task(connection.run(lambda handle: handle.execute(short)))
            await asyncio.sleep(number % 10 * 0.0001)
            job.cancel()
            (row,) = await connection.run(lambda handle: handle.execute(short))
            assert row == {"n": 2000}


async def test_a_cancel_leaves_an_open_cursor_alone(sqlite_engine: SQLiteEngine) -> None:
    """SQLite interrupts all statements of a connection; with a cursor open it is not asked to."""
    async with opened(sqlite_engine.path) as connection:
        short = SLOW_READ.replace("2000000000", "3000000")
        connection.begin_reading()
        cursor = await connection.run(lambda handle: handle.cursor("SELECT 1 AS n UNION SELECT 2"))
        job = asyncio.create_task(connection.run(lambda handle: handle.execute(short)))
        await until(lambda: connection._current is not None)
        job.cancel()
        assert await connection.run(lambda handle: handle.execute("SELECT 3 AS n")) == [{"n": 3}]
        assert await connection.run(lambda handle: handle.fetch(cursor)) == [{"n": 1}, {"n": 2}]
        await connection.run(lambda _: cursor.close())


async def test_a_cursor_nobody_reads_from_is_not_spared(sqlite_engine: SQLiteEngine) -> None:
    """When its reader is gone as well, the statement that was cancelled before it stops too."""
    async with opened(sqlite_engine.path) as connection:
        connection.begin_reading()
        cursor = await connection.run(lambda handle: handle.cursor("SELECT 1 AS n UNION SELECT 2"))
        job = asyncio.create_task(connection.run(lambda handle: handle.execute(SLOW_READ)))
        await until(lambda: connection._current is not None)
        job.cancel()
        await asyncio.sleep(0.05)
        assert connection._current is not None
        connection.end_reading()
        await asyncio.wait_for(connection.run(lambda _: cursor.close()), 20)
        assert await connection.run(lambda handle: handle.execute("SELECT 3 AS n")) == [{"n": 3}]


async def test_the_fetch_of_the_only_cursor_is_interrupted(sqlite_engine: SQLiteEngine) -> None:
    """A cancelled fetch stops; nothing else is open that it could take along."""
    async with opened(sqlite_engine.path) as connection:
        endless = SLOW_READ.replace("count(*) AS n", "x") + " WHERE x = 1 OR x = 2000000000"
        connection.begin_reading()
        cursor = await connection.run(lambda handle: handle.cursor(endless))
        job = asyncio.create_task(
            connection.run(lambda handle: handle.fetch(cursor, 2), reads=True)
        )
        await until(lambda: connection._current is not None)
        job.cancel()
        await asyncio.wait_for(connection.run(lambda _: cursor.close()), 20)


async def test_a_lock_is_waited_for(sqlite_engine: SQLiteEngine) -> None:
    """A statement waits until another process gives its lock up."""
    async with opened(sqlite_engine.path) as connection:
        with LockHolder(sqlite_engine.path) as other:
            job = asyncio.create_task(
                connection.run(lambda handle: handle.execute("DELETE FROM core_entity"))
            )
            await asyncio.sleep(0.2)
            assert not job.done()
            other.release()
            assert await job == []


async def test_a_lock_is_not_waited_for_longer_than_the_busy_timeout(
    sqlite_engine: SQLiteEngine,
) -> None:
    """The error says how long it waited and what to do."""
    async with opened(sqlite_engine.path, busy_timeout_ms=120) as connection:
        with LockHolder(sqlite_engine.path):
            start = time.monotonic()
            with pytest.raises(DatabaseBusyError, match="more than 120 ms"):
                await connection.run(lambda handle: handle.execute("DELETE FROM core_entity"))
            assert time.monotonic() - start >= 0.12
        await connection.run(lambda handle: handle.execute("DELETE FROM core_entity"))


async def test_waiting_for_a_lock_ends_with_a_cancel(sqlite_engine: SQLiteEngine) -> None:
    """The thread stops waiting although the lock is still held."""
    async with opened(sqlite_engine.path) as connection:
        with LockHolder(sqlite_engine.path):
            job = asyncio.create_task(
                connection.run(lambda handle: handle.execute("DELETE FROM core_entity"))
            )
            await until(lambda: connection._current is not None)
            job.cancel()
            rows = await asyncio.wait_for(
                connection.run(lambda handle: handle.execute("SELECT 1 AS n")), 10
            )
            assert rows == [{"n": 1}]


async def test_waiting_for_a_lock_ends_when_nobody_opens_any_more(
    sqlite_engine: SQLiteEngine,
) -> None:
    """Opening is cancelled while another process holds the whole file: the thread ends soon."""
    before = threads()
    other = sqlite3.connect(sqlite_engine.path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    connection = Connection(sqlite_engine.path, EngineOptions(), reader=False)
    opening = asyncio.create_task(connection.open())
    await asyncio.sleep(0.1)
    assert not opening.done()
    opening.cancel()
    await until(lambda: threads() <= before, timeout_s=10)
    other.close()


async def test_a_deferred_write_waits_for_a_lock(sqlite_engine: SQLiteEngine) -> None:
    """Inside a transaction that has not written yet a lock is waited for too."""
    async with opened(sqlite_engine.path) as connection:
        await connection.run(lambda handle: handle.execute("BEGIN DEFERRED"))
        with LockHolder(sqlite_engine.path) as other:
            job = asyncio.create_task(
                connection.run(lambda handle: handle.execute_inside("DELETE FROM core_entity"))
            )
            await asyncio.sleep(0.2)
            assert not job.done()
            other.release()
            await job
        await connection.run(Handle.commit)


async def test_a_stale_transaction_fails_at_once(sqlite_engine: SQLiteEngine) -> None:
    """One that read before another process wrote can never write; it is not made to wait."""
    async with opened(sqlite_engine.path) as connection:
        await connection.run(lambda handle: handle.execute("BEGIN DEFERRED"))
        await connection.run(lambda handle: handle.execute("SELECT count(*) FROM core_entity"))
        db = sqlite3.connect(sqlite_engine.path, isolation_level=None)
        db.execute("INSERT INTO core_entity (id, code, name) VALUES ('x', 'x', 'x')")
        db.close()
        start = time.monotonic()
        with pytest.raises(DatabaseBusyError, match="since this DEFERRED transaction first read"):
            await connection.run(lambda handle: handle.execute_inside("DELETE FROM core_entity"))
        assert time.monotonic() - start < 10
        await connection.run(Handle.rollback)


async def test_dropping_a_table_that_is_being_read_says_so(sqlite_engine: SQLiteEngine) -> None:
    """SQLite's "database table is locked" is about the same connection, and is not waited for."""
    async with opened(sqlite_engine.path) as connection:
        await connection.run(
            lambda handle: handle.execute("CREATE TABLE t AS SELECT 1 UNION SELECT 2")
        )
        cursor = await connection.run(lambda handle: handle.cursor("SELECT * FROM t"))
        with pytest.raises(DatabaseBusyError, match="batch of the same transaction"):
            await asyncio.wait_for(
                connection.run(lambda handle: handle.execute("DROP TABLE t")), 10
            )
        await connection.run(lambda _: cursor.close())
        await connection.run(lambda handle: handle.execute("DROP TABLE t"))


async def test_begin_as_a_statement_is_taken_back(sqlite_engine: SQLiteEngine) -> None:
    """BEGIN and SAVEPOINT outside a transaction are refused, and leave none behind."""
    async with opened(sqlite_engine.path) as connection:
        for statement in ("BEGIN", "begin immediate", "SAVEPOINT x", "-- why\nBEGIN EXCLUSIVE"):
            with pytest.raises(TransactionLostError, match="Use transaction"):
                await connection.run(lambda handle: handle.execute_alone(statement))  # noqa: B023
            assert connection.handle.db is not None
            assert not connection.handle.db.in_transaction


async def test_an_error_that_is_kept_holds_no_lock(sqlite_engine: SQLiteEngine) -> None:
    """Whoever keeps an exception, with its traceback, keeps no statement open with it."""
    async with opened(sqlite_engine.path) as connection:
        kept: list[Exception] = []
        await connection.run(
            lambda handle: handle.execute(
                "INSERT INTO core_entity (id, code, name, created_at) VALUES ('x', 'x', 'x', 'x')"
            )
        )
        try:
            await connection.run(lambda handle: handle.execute("SELECT * FROM core_entity"))
        except ValueError as error:
            kept.append(error)
        assert kept
        await connection.run(lambda handle: handle.execute("DROP TABLE migration"))


async def test_an_interrupt_does_not_keep_the_log(sqlite_engine: SQLiteEngine) -> None:
    """A connection whose last statement was interrupted still removes the -wal file at its end."""
    async with opened(sqlite_engine.path) as connection:
        await connection.run(lambda handle: handle.execute("CREATE TABLE t (a)"))
        job = asyncio.create_task(connection.run(lambda handle: handle.execute(SLOW_READ)))
        await until(lambda: connection._current is not None)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    assert leftovers(sqlite_engine.path) == []


async def test_settle_is_done_behind_the_running_statement(tmp_path: Path) -> None:
    """settle waits for nothing: its function runs when the statement before it has ended."""
    async with opened(tmp_path / "x.db") as connection:
        begin = threading.Event()
        done = asyncio.Event()
        order: list[str] = []
        job = asyncio.create_task(connection.run(lambda _: begin.wait() and order.append("job")))
        await until(lambda: connection._current is not None)
        connection.settle(lambda _: order.append("settled"), done.set, asyncio.get_running_loop())
        assert order == []
        begin.set()
        await done.wait()
        await job
    assert order == ["job", "settled"]


async def test_a_connection_that_cannot_be_settled_is_closed(tmp_path: Path) -> None:
    """When the rollback fails nobody may use it again; who waits is told all the same."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    await connection.open()
    done = asyncio.Event()
    connection.settle(_fail, done.set, asyncio.get_running_loop())
    await asyncio.wait_for(done.wait(), 20)
    assert not connection.is_alive
    await connection.close()


def _fail(_: Handle) -> None:
    raise sqlite3.OperationalError("disk I/O error")


async def test_settling_a_closed_connection_tells_at_once(tmp_path: Path) -> None:
    """settle never raises, so that it cannot hide the error it is called for."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    await connection.open()
    await connection.close()
    told: list[bool] = []
    connection.settle(_fail, lambda: told.append(True), asyncio.get_running_loop())
    assert told == [True]


def test_a_connection_serves_one_loop_after_another(tmp_path: Path) -> None:
    """One connection can be used from several loops in turn, and closed in yet another."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    asyncio.run(connection.open())
    for number in range(3):
        assert asyncio.run(
            connection.run(lambda handle: handle.execute("SELECT ? AS n", (number,)))  # noqa: B023
        ) == [{"n": number}]
    connection.stop()
    asyncio.run(connection.close())
    assert not connection.is_alive


def test_a_loop_that_closes_during_a_job_does_not_hurt(tmp_path: Path) -> None:
    """The answer has nobody to go to; the thread lives on, and serves the next loop."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)
    begin = threading.Event()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(connection.open())
    task = loop.create_task(connection.run(lambda _: begin.wait()))
    loop.run_until_complete(until(lambda: connection._current is not None))
    loop.close()
    begin.set()
    assert asyncio.run(connection.run(lambda handle: handle.execute("SELECT 1 AS n"))) == [{"n": 1}]
    connection.stop()
    asyncio.run(connection.close())
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # that is what this test does
    del task
    gc.collect()


def test_a_connection_settled_in_a_loop_that_closes_is_closed(sqlite_engine: SQLiteEngine) -> None:
    """Nobody is left to take it back: it rolls back, closes its file and ends its thread."""
    path = sqlite_engine.path
    before = threads()
    begin = threading.Event()
    connection = Connection(path, EngineOptions(), reader=False)

    def insert(handle: Handle) -> None:
        handle.execute("BEGIN IMMEDIATE")
        handle.execute("INSERT INTO core_entity (id, code, name) VALUES ('x', 'x', 'x')")
        begin.wait()

    async def abandon() -> None:
        await connection.open()
        job = asyncio.create_task(connection.run(insert))
        await until(lambda: connection._current is not None)
        job.cancel()
        connection.settle(Handle.rollback, _unreachable, asyncio.get_running_loop())

    asyncio.run(abandon())
    begin.set()
    wait_until(lambda: threads() <= before)
    assert codes(path) == []
    assert open_files(path) == []


def _unreachable() -> None:
    raise AssertionError("the loop is closed")


async def test_a_parked_connection_closes_itself(tmp_path: Path) -> None:
    """One that nobody claims in time closes its file; claiming it then is refused."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False, parked_s=0.05)
    await connection.open()
    connection.park()
    await until(lambda: not connection.is_alive)
    assert not connection.claim()
    await until(lambda: open_files(tmp_path) == [])


async def test_a_claimed_connection_stays_open(tmp_path: Path) -> None:
    """One that is in use stays open however long it has nothing to do."""
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False, parked_s=0.02)
    await connection.open()
    connection.park()
    assert connection.claim()
    await asyncio.sleep(0.2)
    assert await connection.run(lambda handle: handle.execute("SELECT 1 AS n")) == [{"n": 1}]
    await connection.close()


async def test_claiming_and_closing_never_cross(tmp_path: Path) -> None:
    """A claim that was granted holds, also in the moment in which the connection would close."""
    granted = 0
    for _ in range(100):
        connection = Connection(
            str(tmp_path / "x.db"), EngineOptions(), reader=False, parked_s=0.001
        )
        await connection.open()
        connection.park()
        await asyncio.sleep(0.001)
        if connection.claim():
            granted += 1
            await asyncio.wait_for(connection.run(lambda _: None), 20)
        await connection.close()


async def test_a_file_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    """The error says why, and the thread ends."""
    before = threads()
    connection = Connection(str(tmp_path / "no" / "x.db"), EngineOptions(), reader=False)
    with pytest.raises(DatabaseFileError, match=r"the folder .* does not exist"):
        await connection.open()
    await connection.close()
    await until(lambda: threads() <= before)


@pytest.mark.parametrize(
    "name",
    ["a b.db", "100%.db", "what?mode=memory.db", "a#b.db", "ö 'quoted' \".db", "a\udcffb.db"],
)
async def test_any_file_name_can_be_opened(tmp_path: Path, name: str) -> None:
    """Characters that mean something in a URI, or are not Unicode, are part of the name."""
    path = tmp_path / name
    async with opened(path) as connection:
        await connection.run(lambda handle: handle.execute("CREATE TABLE t (a)"))
    assert os.listdir(tmp_path) == [name]
    assert rows(path, "SELECT name FROM sqlite_master") == [("t",)]


async def test_the_smallest_options_work(tmp_path: Path) -> None:
    """No statement cache and no busy timeout are allowed."""
    async with opened(tmp_path / "x.db", statement_cache=0, busy_timeout_ms=0) as connection:
        for number in range(3):
            rows = await connection.run(
                lambda handle: handle.execute("SELECT ? AS n", (number,))  # noqa: B023
            )
            assert rows == [{"n": number}]


async def test_long_statements_are_forgotten(tmp_path: Path) -> None:
    """Inserts of many different sizes do not each keep their large statement in memory."""
    async with opened(tmp_path / "x.db", synchronous="OFF") as connection:
        await connection.run(
            lambda handle: handle.execute("CREATE TABLE t (a, b, c, d, e, f, g, h, i, j, k)")
        )
        for number in range(20, 220):
            sql = f"INSERT INTO t VALUES {','.join(['(?,?,?,?,?,?,?,?,?,?,?)'] * number * 5)}"
            values = [None] * number * 55
            await connection.run(lambda handle: handle.execute(sql, values))  # noqa: B023
            if number == 119:
                halfway = resident_bytes()
        # All kept, the second hundred would take some 80 MB.
        assert resident_bytes() - halfway < 40_000_000


def resident_bytes() -> int:
    """The memory this process has, of which Python knows only its own part."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_write_is_interrupted_too(sqlite_engine: SQLiteEngine) -> None:
    """A cancelled write outside a transaction stops, and nothing of it stays."""
    async with opened(sqlite_engine.path) as connection:
        await connection.run(
            lambda handle: handle.execute(
                "INSERT INTO core_entity (id, code, name) VALUES ('x', 'x', 'x')"
            )
        )
        job = asyncio.create_task(connection.run(lambda handle: handle.execute(SLOW_WRITE)))
        await until(lambda: connection._current is not None)
        job.cancel()
        await asyncio.wait_for(connection.run(lambda _: None), 20)
    assert rows(sqlite_engine.path, "SELECT legal_name FROM core_entity") == [(None,)]


def test_a_cancel_is_heard_although_its_loop_is_closed(tmp_path: Path) -> None:
    """An interrupt that came too early is repeated, also when the event loop has ended since."""
    before = threads()
    begin = threading.Event()
    connection = Connection(str(tmp_path / "x.db"), EngineOptions(), reader=False)

    def late(handle: Handle) -> object:
        begin.wait()
        return handle.execute(SLOW_READ)

    async def cancelled() -> None:
        await connection.open()
        job = asyncio.create_task(connection.run(late))
        await until(lambda: connection._current is not None)
        job.cancel()
        connection.settle(Handle.rollback, connection.stop, loop=None)

    asyncio.run(cancelled())
    begin.set()
    wait_until(lambda: threads() <= before)

"""One SQLite connection in a thread of its own.

In: jobs, functions to run in the thread, from any event loop. Out: what they
return. The mutable state is the queue, ``_current`` (the job that runs now,
guarded by ``_lock``) and ``_db``, which only the thread touches, but for
``interrupt``. It knows no pool and no transaction.

The thread is a daemon: a connection that nobody closed does not keep the
process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar
from urllib.parse import quote

from atlas.engine.faults import is_busy, translated
from atlas.engine.options import EngineOptions
from atlas.engine.pragmas import pragmas
from atlas.errors import ConnectionClosedError, TransactionLostError

Result = TypeVar("Result")
Rows = list[dict[str, Any]]

#: After a cancel SQLite is told again this often, until it has stopped: an interrupt
#: that comes just before the statement's first step is forgotten.
_INTERRUPT_AGAIN_S = 0.02


class _Job:
    """A function to run in the thread, and whom to tell."""

    __slots__ = ("answered", "cancelled", "function", "future", "loop", "stoppable")

    def __init__(
        self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop, stoppable: bool
    ) -> None:
        self.function = function
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.stoppable = stoppable
        self.cancelled = False
        self.answered = False


class Connection:
    """A connection that runs one job at a time, in the order they came."""

    def __init__(self, path: str, options: EngineOptions, *, reader: bool) -> None:
        self.path = path
        self.reader = reader
        self._options = options
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._current: _Job | None = None
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._thread = threading.Thread(
            target=self._work, name=f"atlas-{'reader' if reader else 'writer'}", daemon=True
        )

    # What follows runs in an event loop.

    async def open(self) -> None:
        """Start the thread and open the file; raise ``DatabaseFileError`` if that fails."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._thread.start()
        try:
            await self.run(lambda: None)
        except BaseException:
            self.close()
            raise

    async def run(self, function: Callable[[], Result], *, stoppable: bool = True) -> Result:
        """Run ``function`` in the thread and return what it returns.

        When the caller is cancelled ``CancelledError`` is raised at once; a
        ``stoppable`` function is skipped if it has not begun, and its statement
        interrupted if it has. The thread may be busy a little longer: whoever
        holds the connection gives it up through ``settle``.
        """
        job = self._put(function, stoppable)
        try:
            return await job.future  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            if stoppable:
                job.cancelled = True
                self._interrupt(job)
            raise

    def settle(self, function: Callable[[], Any], then: Callable[[], None]) -> None:
        """Run ``function`` behind all jobs, then call ``then`` in the loop. Waits for nothing."""
        job = self._put(function, stoppable=False)

        def settled(future: asyncio.Future[Any]) -> None:
            future.exception()  # looked at, so that asyncio does not report it as lost
            then()

        job.future.add_done_callback(settled)

    def close(self) -> None:
        """Close the file behind all jobs and end the thread. Waits for nothing; safe to repeat."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)

    async def wait_closed(self) -> None:
        """Wait, after ``close``, until the file is closed and the thread is about to end."""
        if self._ended is not None and self._loop is asyncio.get_running_loop():
            await asyncio.shield(self._ended)
        elif self._thread.is_alive():  # opened in another loop, whose futures are no use here
            await asyncio.to_thread(self._thread.join)

    def join(self, timeout_s: float) -> None:
        """Wait, after ``close``, for the thread to end; for the end of the process only."""
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Whether the connection takes another job."""
        return not self._closed and self._thread.is_alive()

    def _put(self, function: Callable[[], Any], stoppable: bool) -> _Job:
        if self._closed or not self._thread.is_alive():
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        job = _Job(function, asyncio.get_running_loop(), stoppable)
        self._queue.put(job)
        return job

    def _interrupt(self, job: _Job) -> None:
        if job.answered:
            return
        with self._lock:
            if self._current is job and self._db is not None:
                self._db.interrupt()
        job.loop.call_later(_INTERRUPT_AGAIN_S, self._interrupt, job)

    # What follows runs in the thread; functions passed to run() and settle() call it.

    def execute(self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()) -> Rows:
        """Run one statement and return all its rows as dicts.

        Raises ``ValueError`` when a stored value is none of its column's type;
        ``floats`` are the keys of the rows under which a float must be.

        A lock of another process is waited for, up to the busy timeout, except
        inside a transaction, where waiting could not help.
        """
        cursor = self.cursor(sql, parameters)
        try:
            return fetched(cursor, floats=floats)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        finally:
            # Else a traceback that somebody keeps holds the statement, and with it a read lock.
            cursor.close()

    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement and return its cursor, with the rows still to be fetched."""
        db = self._open_db()
        timeout_ms = self._options.busy_timeout_ms
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                return db.execute(sql, parameters)
            except sqlite3.Error as error:
                if (
                    not is_busy(error)
                    or db.in_transaction
                    or (self._current is not None and self._current.cancelled)
                    or time.monotonic() >= deadline
                ):
                    raise translated(error, self.path, timeout_ms) from error

    def execute_alone(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Like ``execute``, outside a transaction; the statement may not begin one."""
        rows = self.execute(sql, parameters, floats)
        if self._open_db().in_transaction:
            self.rollback()
            raise TransactionLostError(
                "BEGIN and SAVEPOINT as plain statements are taken back at once, because the "
                "next statement may run on another connection. Use transaction()."
            )
        return rows

    def execute_inside(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Like ``execute``, inside a transaction that must still be there."""
        if not self._open_db().in_transaction:
            raise TransactionLostError(
                "SQLite rolled this transaction back when one of its writes was interrupted or "
                "failed; nothing of it was written. Begin a new one."
            )
        return self.execute(sql, parameters, floats)

    def rollback(self) -> None:
        """Roll back the transaction, if there is one."""
        db = self._open_db()
        if db.in_transaction:
            db.execute("ROLLBACK")

    def commit(self) -> None:
        """Commit; when that fails, roll back, so that the connection is clean either way."""
        try:
            self.execute_inside("COMMIT")
        except BaseException:
            self.rollback()
            raise

    def _open_db(self) -> sqlite3.Connection:
        if self._db is None:
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        return self._db

    def _work(self) -> None:
        fault: BaseException | None = None
        try:
            self._connect()
        except BaseException as error:
            fault = error
        while (job := self._queue.get()) is not None:
            self._run(job, fault)
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        if self._loop is not None and self._ended is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(_tell, self._ended, None, None)

    def _run(self, job: _Job, fault: BaseException | None) -> None:
        with self._lock:
            self._current = job
        result: Any = None
        error = fault
        if error is None and not (job.cancelled and job.stoppable):
            try:
                result = job.function()
            except BaseException as raised:
                error = raised
        with self._lock:
            self._current = None
        job.answered = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            job.loop.call_soon_threadsafe(_tell, job.future, result, error)

    def _connect(self) -> None:
        options = self._options
        try:
            self._db = sqlite3.connect(
                _uri(self.path, reader=self.reader),
                uri=True,
                isolation_level=None,
                detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
                cached_statements=options.statement_cache,
                check_same_thread=False,  # interrupt() comes from the event loop
                timeout=0,
            )
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        try:
            for name, value in pragmas(options, reader=self.reader).items():
                self.execute(f"PRAGMA {name} = {value}")
            # SQLite reads the file only now: what is no database, or cut off, shows here.
            self.execute("SELECT count(*) FROM sqlite_master")
        except BaseException:
            self._db.close()
            self._db = None
            raise


def _tell(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _uri(path: str, *, reader: bool) -> str:
    if path == ":memory:":
        return "file::memory:"
    # A reader needs the writer's -wal and -shm files, so it opens for writing too.
    return f"file:{quote(path)}?mode={'rw' if reader else 'rwc'}"


def fetched(cursor: sqlite3.Cursor, size: int | None = None, floats: Sequence[str] = ()) -> Rows:
    """Return the next ``size`` rows of a cursor as dicts; all of them by default.

    SQLite keeps text that is no number in a REAL column, and hands it out as it
    is: ``ValueError`` for a value under one of ``floats`` that is no float.
    """
    tuples = cursor.fetchall() if size is None else cursor.fetchmany(size)
    if not tuples:
        return []
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, values, strict=True)) for values in tuples]
    for name in floats:
        for row in rows:
            if type(value := row[name]) is not float and value is not None:
                raise ValueError(f"{name}: {value!r} is no float")
    return rows

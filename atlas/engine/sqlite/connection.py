"""One SQLite connection in a thread of its own.

In: jobs, functions to run in the thread, from any event loop. Out: what they
return. The mutable state is the queue, ``_current`` (the job that runs now) and
``_closed``, guarded by ``_lock``, and ``_db``, which only the thread touches,
but for ``interrupt``. It knows no pool and no transaction.

The thread is a daemon: a connection that nobody closed does not keep the
process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from atlas.engine import forks
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import converters, interrupts, untouched
from atlas.engine.sqlite.errors import check_whole, check_writable, is_busy, translated
from atlas.engine.sqlite.pragmas import only_reads, pragmas
from atlas.engine.sqlite.untouched import Untouched
from atlas.errors import ConnectionClosedError, TransactionLostError

Result = TypeVar("Result")
Rows = list[dict[str, Any]]

MEMORY = ":memory:"

#: The identity of what has none.
_NO_FILE = (0, 0)

#: Between two attempts to get a lock, for those that SQLite refuses without waiting.
_LOCK_AGAIN_S = 0.005

#: For a long INSERT SQLite needs some 60 times its text, and ``sqlite3`` keeps the statements it
#: used last, however large: hundreds of them, for inserts of different sizes. So they are all
#: forgotten each time this much text of statements this long has been run.
_LONG_STATEMENT = 4_000
_LONG_STATEMENTS = 200_000

#: Two connections that close at once each take the other for a user of the file, and both leave
#: its -wal file behind.
_closing = threading.Lock()


@forks.in_child
def _renew_lock() -> None:
    global _closing
    _closing = threading.Lock()


class _Job:
    """A function to run in the thread, and the future of whoever waits for it, if anybody does."""

    __slots__ = ("cancelled", "function", "future", "reads", "stoppable")

    def __init__(
        self,
        function: Callable[[], Any],
        future: asyncio.Future[Any] | None = None,
        *,
        stoppable: bool = False,
        reads: bool = False,
    ) -> None:
        self.function = function
        self.future = future
        self.stoppable = stoppable
        self.reads = reads
        self.cancelled = False


class JobSource(Protocol):
    """Where the connection of a ``SharedJob`` comes from. Called in the connection's thread."""

    def following(self, connection: Connection) -> SharedJob | None:
        """Return the next job for the connection; None takes it back with the next answer."""

    def answer(
        self, job: SharedJob, result: Any, error: BaseException | None, taken: Connection | None
    ) -> None:
        """Tell whoever waits for a job, and take back the connection unless another follows.

        Raises ``RuntimeError`` when their event loop is closed.
        """

    def note_cost(self, seconds: float) -> None:
        """Learn how long a job kept the processor busy."""


class SharedJob(_Job):
    """A function that any connection of a source can run, and that leaves it as it was.

    The thread that has run one runs the next at once, so that nobody has to be
    woken to hand the connection on.
    """

    __slots__ = ("is_measured", "since", "source", "what", "work")

    future: asyncio.Future[Any]

    def __init__(
        self,
        work: Callable[[Connection], Any],
        future: asyncio.Future[Any],
        source: JobSource,
        what: str,
        since: float,
    ) -> None:
        self.work = work
        self.future = future
        self.source = source
        #: Shown to those who wait behind it, and when it began to wait itself.
        self.what = what
        self.since = since
        self.is_measured = False
        self.stoppable = True
        self.reads = False
        self.cancelled = False

    def place(self, connection: Connection) -> None:
        """Say which connection is to run it."""
        self.function = partial(self._measured if self.is_measured else self.work, connection)

    def _measured(self, connection: Connection) -> Any:
        start = time.thread_time()
        try:
            return self.work(connection)
        finally:
            self.source.note_cost(time.thread_time() - start)


class Connection:
    """A connection that runs one job at a time, in the order they came.

    ``parked_s`` is for one that may be put aside with ``park``: it closes itself
    when nobody has claimed it for that long.
    """

    def __init__(
        self, path: str, options: EngineOptions, *, reader: bool, parked_s: float | None = None
    ) -> None:
        self.path = path
        self.reader = reader or options.read_only
        #: Which file it is, so that a file of the same name can be told from it.
        self.identity: tuple[int, int] | None = None
        self._options = options
        self._parked_s = parked_s
        self._parked = False
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        # Reentrant: the garbage collector may close another engine's connections anywhere.
        self._lock = threading.RLock()
        self._current: _Job | None = None
        self._db: sqlite3.Connection | None = None
        #: How a file that is only read is opened, and left as it was.
        self._untouched: Untouched | None = None
        #: How many cursors somebody reads from.
        self._cursors = 0
        self._long_statements = 0
        #: Whether a PRAGMA was run since ours were set.
        self._changed = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._thread = threading.Thread(
            target=self._work, name=f"atlas-{'reader' if reader else 'writer'}", daemon=True
        )

    # What follows runs in an event loop; what is not a coroutine also without one.

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

    async def run(
        self, function: Callable[[], Result], *, stoppable: bool = True, reads: bool = False
    ) -> Result:
        """Run ``function`` in the thread and return what it returns.

        When the caller is cancelled ``CancelledError`` is raised at once; a
        ``stoppable`` function is skipped if it has not begun, and its statement
        interrupted if it has. The thread may be busy a little longer: whoever
        holds the connection gives it up through ``settle``. ``reads`` says that
        the function works for a cursor announced with ``begin_reading``.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        job = _Job(function, future, stoppable=stoppable, reads=reads)
        if not self._put(job):
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        try:
            return await future
        except (asyncio.CancelledError, GeneratorExit):
            if stoppable:
                self.stop(job)
            raise

    def start(self, job: SharedJob) -> bool:
        """Run a job whose source lent this connection for it; return False if it is closed."""
        job.place(self)
        return self._put(job)

    def stop(self, job: _Job) -> None:
        """Skip a job nobody waits for any more, or interrupt its statement if it has begun."""
        job.cancelled = True
        if self._interrupt(job):
            interrupts.repeat(partial(self._interrupt, job))

    def settle(
        self,
        function: Callable[[], Any],
        then: Callable[[], None],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        """Run ``function`` behind all jobs, then ``then``. Waits for nothing and never raises.

        ``then`` runs in ``loop``, or in the thread when there is none. The
        connection is closed first if ``function`` fails, because then nobody may
        use it again, and if the loop is closed, because then nobody can.
        """

        def settled() -> None:
            try:
                function()
            except BaseException:
                self.close()
            if loop is None:
                then()
                return
            try:
                loop.call_soon_threadsafe(then)
            except RuntimeError:  # the loop is closed
                self.close()

        if not self._put(_Job(settled)):
            then()

    def begin_reading(self) -> None:
        """Say that a cursor is about to be opened, which other jobs' interrupts are to spare."""
        with self._lock:
            self._cursors += 1

    def end_reading(self) -> None:
        """Say that nobody needs the cursor any more; it is to be closed by the next job."""
        with self._lock:
            self._cursors -= 1

    def park(self) -> None:
        """Let the connection close itself, unless it is claimed in time."""
        with self._lock:
            self._parked = True

    def claim(self) -> bool:
        """Take a parked connection into use; return False if it is closed."""
        with self._lock:
            self._parked = False
            return self.is_alive

    def close(self) -> None:
        """Close the file behind all jobs and end the thread. Waits for nothing; safe to repeat."""
        with self._lock:
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

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._current is not None

    @property
    def has_ended(self) -> bool:
        """Whether the file is closed."""
        return self._closed and not self._thread.is_alive()

    def _put(self, job: _Job) -> bool:
        with self._lock:
            if not self.is_alive:
                return False
            self._queue.put(job)
            return True

    def _interrupt(self, job: _Job) -> bool:
        """Interrupt the job's statement; return False when it does not run, or not any more."""
        with self._lock:
            if self._current is not job:
                return False
            # SQLite interrupts all statements of a connection, and goes on doing so while a
            # cursor is open. While somebody reads from one this statement is left to run.
            if self._db is not None and self._cursors <= job.reads:
                self._db.interrupt()
            return True

    # What follows runs in the thread; functions passed to run() and settle() call it.

    def execute(self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()) -> Rows:
        """Run one statement and return all its rows as dicts.

        Raises ``ValueError`` when a stored value is none of its column's type;
        ``floats`` are the keys of the rows under which a float must be. A lock
        of another process is waited for, up to the busy timeout.
        """
        cursor = self.cursor(sql, parameters)
        try:
            return self.fetch(cursor, floats=floats)
        finally:
            # Else a traceback that somebody keeps holds the statement, and with it a read lock.
            cursor.close()

    def execute_alone(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Like ``execute``, outside a transaction; the statement may not begin one."""
        rows = self.execute(sql, parameters, floats)
        self._take_back_pragmas()
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
        self.check_inside()
        return self.execute(sql, parameters, floats)

    def check_inside(self) -> None:
        """Raise ``TransactionLostError`` when the connection is in no transaction any more."""
        if not self._open_db().in_transaction:
            raise TransactionLostError(
                "The transaction is over before its block: SQLite rolled it back when one of its "
                "writes was interrupted or failed, or a plain COMMIT or ROLLBACK ended it. Begin "
                "a new one."
            )

    def fetch(
        self, cursor: sqlite3.Cursor, size: int | None = None, floats: Sequence[str] = ()
    ) -> Rows:
        """Return the next ``size`` rows of a cursor as dicts; all of them by default.

        SQLite keeps text that is not a number in a REAL column, and hands it out as
        it is: ``ValueError`` for a value under one of ``floats`` that is not a float.
        """
        try:
            tuples = cursor.fetchall() if size is None else cursor.fetchmany(size)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        if not tuples:
            return []
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, values, strict=True)) for values in tuples]
        for name in floats:
            for row in rows:
                if type(value := row[name]) is not float and value is not None:
                    raise ValueError(f"{name}: {value!r} is not a float")
        return rows

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Call ``callback`` with each statement as it begins, its values filled in; None stops."""
        self._open_db().set_trace_callback(callback)

    def rollback(self) -> None:
        """Roll back the transaction, if there is one."""
        db = self._open_db()
        if db.in_transaction:
            db.execute("ROLLBACK")
        self._take_back_pragmas()

    def commit(self) -> None:
        """Commit; when that fails, roll back, so that the connection is clean either way."""
        try:
            self.execute_inside("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to see
                self.rollback()
            raise
        self._take_back_pragmas()

    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement and return its cursor, for ``fetch``."""
        db = self._open_db()
        timeout_ms = self._options.busy_timeout_ms
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                cursor = db.execute(sql, parameters)
                break
            except sqlite3.Error as error:
                if not is_busy(error) or self._is_given_up() or time.monotonic() >= deadline:
                    raise translated(error, self.path, timeout_ms) from error
            time.sleep(_LOCK_AGAIN_S)
        if len(sql) > _LONG_STATEMENT:
            with contextlib.suppress(sqlite3.Error):  # as an interrupt, of what has run already
                self._forget_statements(db, len(sql))
        if sql[:6].upper() == "PRAGMA":
            self._changed = True
        return cursor

    def create_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Let SQL call a Python function; the same values give the same result."""
        self._open_db().create_function(name, arguments, function, deterministic=True)

    def _forget_statements(self, db: sqlite3.Connection, length: int) -> None:
        before = self._long_statements // _LONG_STATEMENTS
        self._long_statements += length
        times = self._long_statements // _LONG_STATEMENTS
        if times > before:
            # There is no call for it; as many others, never used before, push them out.
            for number in range(self._options.statement_cache):
                db.execute(f"SELECT {number} -- {times}").close()

    def _set_pragmas(self) -> None:
        db = self._open_db()
        db.set_authorizer(None)
        for name, value in pragmas(self._options, reader=self.reader).items():
            self.execute(f"PRAGMA {name} = {value}")
        if self._options.read_only:  # query_only alone could be switched off again
            db.set_authorizer(only_reads)
        self._changed = False

    def _take_back_pragmas(self) -> None:
        """Undo the settings of a caller, which whoever has the connection next would not expect."""
        if not self._changed:
            return
        try:
            self._set_pragmas()
        except sqlite3.Error:
            if self.path != MEMORY:  # which would be lost; it is tried again the next time
                self.close()

    def _is_given_up(self) -> bool:
        """Return whether nobody waits any more for what the thread does."""
        job = self._current
        return self._closed if job is None else job.cancelled

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
        job: _Job | None
        while (job := self._next()) is not None:
            while job is not None:  # what its function holds on to is not to wait in _next
                job = self._run(job, fault)
        self._disconnect()
        if self._loop is not None and self._ended is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(tell, self._ended, None, None)

    def _next(self) -> _Job | None:
        while True:
            try:
                return self._queue.get(timeout=self._parked_s)
            except Empty:
                with self._lock:
                    if self._parked and self._queue.empty():
                        self._closed = True
                        return None

    def _run(self, job: _Job, fault: BaseException | None) -> SharedJob | None:
        """Run a job, tell whoever waits for it, and return the next if it is known already."""
        with self._lock:
            self._current = job
        result: Any = None
        error = fault
        if job.future is None or (error is None and not (job.cancelled and job.stoppable)):
            try:
                result = job.function()
            except BaseException as raised:
                error = raised
        with self._lock:
            self._current = None
        following: SharedJob | None = None
        if isinstance(job, SharedJob):
            following = self._answer(job, result, error)
        elif job.future is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                job.future.get_loop().call_soon_threadsafe(tell, job.future, result, error)
        del result, error  # an error's traceback holds this frame, and would be held by it
        return following

    def _answer(self, job: SharedJob, result: Any, error: BaseException | None) -> SharedJob | None:
        if job.cancelled:  # an interrupted statement may have left something
            try:
                self.rollback()
            except BaseException:
                self.close()
        following = job.source.following(self)
        try:
            job.source.answer(job, result, error, None if following else self)
        except RuntimeError:  # as above
            return None
        return following

    def _connect(self) -> None:
        if self._options.read_only and self.path != MEMORY:
            self._untouched = Untouched(self.path)
        with untouched.opening:
            forks.opening(self, self.path, file_identity(self.path))
        try:
            self._db = sqlite3.connect(
                self._uri(),
                uri=True,
                isolation_level=None,
                detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
                cached_statements=self._options.statement_cache,
                check_same_thread=False,  # interrupt() comes from the event loop
                timeout=0,
            )
        except sqlite3.Error as error:
            forks.closed(self)
            raise translated(error, self.path) from error
        try:
            self._prepare(self._db)
            forks.opened(self, self.identity or _NO_FILE)
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is None:
            return
        forks.closing(self)
        with contextlib.suppress(sqlite3.Error):
            # An interrupt stays in force until the next statement, and would keep the last
            # connection from copying the -wal file into the database and removing it.
            db.execute("SELECT 1").close()
        with _closing, contextlib.suppress(sqlite3.Error):
            db.close()
        forks.closed(self)
        if self._untouched is not None:
            self._untouched.left()

    def _uri(self) -> str:
        if self.path == MEMORY:
            return "file::memory:"
        # A reader needs the writer's -wal and -shm files, so it opens for writing too.
        query = f"mode={'rw' if self.reader else 'rwc'}"
        if self._untouched is not None:
            query = self._untouched.query
        return f"file:{quote(os.fsencode(self.path))}?{query}"

    def _prepare(self, db: sqlite3.Connection) -> None:
        checked = self.path != MEMORY and (self._options.read_only or not self.reader)
        if self.path != MEMORY:
            self.identity = file_identity(self.path)
        if checked and not self.reader:
            check_writable(self.path)
        # SQLite reads the file only now: what is not a database, or cut off, shows here, before
        # anything is changed in it.
        self.execute("SELECT count(*) FROM sqlite_master")
        if checked:
            ((page_size,),) = db.execute("PRAGMA page_size")
            check_whole(self.path, page_size)
        self._set_pragmas()
        db.create_function("atlas_is_corrupt", 3, converters.is_corrupt, deterministic=True)


def file_identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another that had or has its name; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def tell(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Give a future what it waits for, unless whoever waited is gone."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)

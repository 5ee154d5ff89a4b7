"""One SQLite connection of aiosqlite's, in a thread of its own, as the pool uses it.

In: jobs, functions of a ``Handle`` to run in the thread, from any event loop. Out: what they
return. The thread, its queue and the cursors are aiosqlite's; what is added is what a pool needs:
jobs of a source that the thread takes one after the other, cancels that interrupt, an end that
waits for nothing, and a clean hand-back. The mutable state is the queue, ``_current`` (the job
that runs now), ``_closed`` and ``_parked``, guarded by ``_lock``, and the handle, which only the
thread touches, but for ``interrupt``. It knows no pool and no transaction.

The thread is a daemon: a connection that nobody closed does not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL as STOP

from atlas.engine import threads
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import interrupts
from atlas.engine.sqlite.files import Files
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.shared_commit import Running, SharedCommits, Write
from atlas.errors import ConnectionClosedError, DatabaseFileError

Result = TypeVar("Result")


class Job:
    """A function to run in the thread, and the future of whoever waits for it, if anybody does.

    aiosqlite's thread calls it, and holds on to it until the next: once run it is empty. Its
    ``repr`` stands in aiosqlite's log, so it shows no parameters.
    """

    __slots__ = ("cancelled", "connection", "function", "future", "reads", "stoppable")

    connection: Connection

    def __init__(
        self,
        function: Callable[[Handle], Any],
        future: asyncio.Future[Any] | None = None,
        *,
        stoppable: bool = False,
        reads: bool = False,
    ) -> None:
        self.function: Callable[[Handle], Any] | None = function
        self.future = future
        self.stoppable = stoppable
        self.reads = reads
        self.cancelled = False

    def __call__(self) -> None:
        job: Job | None = self
        connection = self.connection
        while job is not None:
            job = connection._run(job)
        del self.future

    def run(self, handle: Handle) -> Any:
        """Call the function, once."""
        function, self.function = self.function, None
        return None if function is None else function(handle)

    def answer(self, result: Any, error: BaseException | None) -> SharedJob | None:
        """Tell whoever waits, and return the job that follows at once, if there is one."""
        if self.future is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.future.get_loop().call_soon_threadsafe(tell, self.future, result, error)
        return None


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

    def joining(self, connection: Connection) -> SharedJob | None:
        """Return the next job if it is a write that may share the commit of the one that runs."""

    @property
    def commits(self) -> SharedCommits | None:
        """What runs writes that share a commit, if they do."""

    def note_cost(self, seconds: float) -> None:
        """Learn how long a job kept the processor busy."""


class SharedJob(Job):
    """A function that any connection of a source can run, and that leaves it as it was.

    The thread that has run one runs the next at once, so that nobody has to be
    woken to hand the connection on.
    """

    __slots__ = ("is_measured", "since", "source", "what", "write")

    future: asyncio.Future[Any]

    def __init__(
        self,
        function: Callable[[Handle], Any],
        future: asyncio.Future[Any],
        source: JobSource,
        what: str,
        since: float,
        write: Write | None = None,
    ) -> None:
        self.function = function
        #: The statement, if it may share a commit.
        self.write = write
        self.future = future
        self.source = source
        #: Shown to those who wait behind it, and when it began to wait itself.
        self.what = what
        self.since = since
        self.is_measured = False
        self.stoppable = True
        self.reads = False
        self.cancelled = False

    def run(self, handle: Handle) -> Any:
        """Call the function, once."""
        if not self.is_measured:
            return super().run(handle)
        start = time.thread_time()
        try:
            return super().run(handle)
        finally:
            self.source.note_cost(time.thread_time() - start)

    def answer(self, result: Any, error: BaseException | None) -> SharedJob | None:
        """Tell whoever waits, and return the job that follows at once, if there is one."""
        connection = self.connection
        if self.cancelled:  # an interrupted statement may have left something
            try:
                connection.handle.rollback()
            except BaseException:
                connection.stop()
        following = self.source.following(connection)
        try:
            self.source.answer(self, result, error, None if following else connection)
        except RuntimeError:  # as above
            return None
        return following


class Connection(aiosqlite.Connection):
    """A connection that runs one job at a time, in the order they came.

    ``parked_s`` is for one that may be put aside with ``park``: it closes itself
    when nobody has claimed it for that long. aiosqlite's own methods work while it is lent to a
    user of the package (``lend``), and are refused otherwise.
    """

    def __init__(
        self,
        path: str,
        options: EngineOptions,
        *,
        reader: bool,
        files: Files | None = None,
        parked_s: float | None = None,
    ) -> None:
        self.path = path
        self.handle = Handle(
            files or Files(path, shares=not options.read_only), options, reader=reader, owner=self
        )
        super().__init__(self.handle.open, iter_chunk_size=64)
        self._thread.daemon = True
        self._thread.name = f"atlas-{'reader' if reader else 'writer'}"
        self._parked_s = parked_s
        self._parked = False
        #: Wakes a thread that is parked.
        self._claims: SimpleQueue[None] = SimpleQueue()
        # Reentrant: the garbage collector may close another engine's connections anywhere.
        self._lock = threading.RLock()
        self._current: Running | None = None
        #: How many cursors somebody reads from.
        self._cursors = 0
        self._lent = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None

    def __del__(self) -> None:
        """Do nothing: aiosqlite's asks for an event loop, and warns. Ours is a daemon thread."""

    # What follows runs in an event loop; what is not a coroutine also without one.

    async def open(self) -> None:
        """Start the thread and open the file; raise ``DatabaseFileError`` if that fails."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        try:
            self._thread.start()
        except RuntimeError as error:
            self._closed = True
            raise DatabaseFileError(
                f"{self.path}: cannot be opened: the process could not start a thread for it "
                f"({error}). It has reached a limit of threads or of memory; nothing was run."
            ) from error
        try:
            await self.run(self._open)
        except BaseException:
            self.stop()
            raise

    async def run(
        self,
        function: Callable[[Handle], Result],
        *,
        stoppable: bool = True,
        reads: bool = False,
    ) -> Result:
        """Run ``function`` in the thread and return what it returns.

        When the caller is cancelled ``CancelledError`` is raised at once; a
        ``stoppable`` function is skipped if it has not begun, and its statement
        interrupted if it has. The thread may be busy a little longer: whoever
        holds the connection gives it up through ``settle``. ``reads`` says that
        the function works for a cursor announced with ``begin_reading``.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        job = Job(function, future, stoppable=stoppable, reads=reads)
        if not self.start(job):
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        try:
            return await future
        except (asyncio.CancelledError, GeneratorExit):
            if stoppable:
                self.cancel(job)
            raise

    def start(self, job: Job) -> bool:
        """Let the thread run a job behind all others; return False if it is closed."""
        job.connection = self
        with self._lock:
            if not self.is_alive:
                return False
            self._tx.put_nowait((None, job))
            return True

    def cancel(self, job: Job) -> None:
        """Skip a job nobody waits for any more, or interrupt its statement if it has begun."""
        job.cancelled = True
        if self._interrupt(job):
            interrupts.repeat(partial(self._interrupt, job))

    def settle(
        self,
        function: Callable[[Handle], Any],
        then: Callable[[], None],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        """Run ``function`` behind all jobs, then ``then``. Waits for nothing and never raises.

        ``then`` runs in ``loop``, or in the thread when there is none. The
        connection is closed first if ``function`` fails, because then nobody may
        use it again, and if the loop is closed, because then nobody can.
        """

        def settled(handle: Handle) -> None:
            try:
                function(handle)
            except BaseException:
                self.stop()
            if loop is None:
                then()
                return
            try:
                loop.call_soon_threadsafe(then)
            except RuntimeError:  # the loop is closed
                self.stop()

        if not self.start(Job(settled)):
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
            self._tx.put_nowait((None, self._wait_for_claim))

    def claim(self) -> bool:
        """Take a parked connection into use; return False if it is closed."""
        with self._lock:
            self._wake()
            return self.is_alive

    def stop(self) -> asyncio.Future[None] | None:
        """Close the file behind all jobs and end the thread. Waits for nothing; safe to repeat.

        Return the future that is done when that has happened, unless it cannot be known here.
        """
        with self._lock:
            if not self._closed:
                self._closed = True
                self._wake()
                self._tx.put_nowait((None, self._end))
        return self._ended

    async def close(self) -> None:
        """Close the file behind all jobs, and wait until the thread is about to end."""
        self.stop()
        if not self._thread.is_alive():
            return
        if self._ended is not None and self._loop is asyncio.get_running_loop():
            await asyncio.shield(self._ended)
        else:  # opened in another loop, whose futures are no use here
            await asyncio.to_thread(self._thread.join)

    def join(self, timeout_s: float) -> None:
        """Wait, after ``stop``, for the thread to end; for the end of the process only."""
        if self._thread.is_alive():
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
    def is_given_up(self) -> bool:
        """Whether nobody waits any more for what the thread does."""
        job = self._current
        return self._closed if job is None else job.cancelled

    @property
    def has_ended(self) -> bool:
        """Whether the file is closed."""
        return self._closed and not self._thread.is_alive()

    # For a user of the package, who has it for a block.

    async def lend(self) -> None:
        """Open aiosqlite's own methods to a user."""
        await self.run(Handle.begin_lending)
        self._lent = True

    def take_back(self) -> None:
        """Close aiosqlite's own methods to the user; ``Handle.end_lending`` makes it clean."""
        self._lent = False

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function of the user's: aiosqlite's methods, and its cursors', come through here.

        A cancel interrupts it.
        """
        name = fn.__name__

        def execute(handle: Handle) -> Any:
            return handle.note(name, fn(*args, **kwargs))

        _ = self._conn
        return await self.run(execute)

    @property
    def _conn(self) -> sqlite3.Connection:
        if self._connection is None or self._closed:
            raise ConnectionClosedError(f"The connection to {self.path} is closed.")
        if not self._lent:
            raise ConnectionClosedError(
                f"The connection to {self.path} is used outside the block it was lent for."
            )
        return self._connection

    def _interrupt(self, job: Job) -> bool:
        """Interrupt the job's statement; return False when it does not run, or not any more."""
        with self._lock:
            if self._current is not job:
                return False
            # SQLite interrupts all statements of a connection, and goes on doing so while a
            # cursor is open. While somebody reads from one this statement is left to run.
            if self._connection is not None and self._cursors <= job.reads:
                self._connection.interrupt()
            return True

    def _wake(self) -> None:
        if self._parked:
            self._parked = False
            self._claims.put(None)

    # What follows runs in the thread.

    def _open(self, handle: Handle) -> None:
        threads.serve()
        self._connection = handle.open()

    def _run(self, job: Job) -> SharedJob | None:
        """Run a job, tell whoever waits for it, and return the next if it is known already."""
        if isinstance(job, SharedJob) and job.write is not None and job.source.commits is not None:
            second = job.source.joining(self)
            if second is not None:
                return self._run_shared([job, second], job.source, job.source.commits)
        with self._lock:
            self._current = job
        result: Any = None
        error: BaseException | None = None
        if not (job.cancelled and job.stoppable):
            try:
                result = job.run(self.handle)
            except BaseException as raised:
                error = raised
        with self._lock:
            self._current = None
        try:
            return job.answer(result, error)
        finally:
            # An error's traceback holds this frame, and would be held by it; the thread holds
            # the job until it has another.
            del result, error
            job.function = None

    def _run_shared(self, jobs: list[Any], source: Any, commits: SharedCommits) -> SharedJob | None:
        """Run writes that share a commit, tell whoever waits, and return the next job."""

        def answer(job: Any, result: tuple[Any, BaseException | None]) -> None:
            source.answer(job, *result, None)

        try:
            following = partial(source.joining, self)
            commits.run(self.handle, jobs, following, self._now_runs, answer)
            if any(job.cancelled for job in jobs):
                self.handle.rollback()
        except BaseException as error:
            self.stop()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                for job in jobs:  # of those that have been told nothing else
                    answer(job, (None, error))
        finally:
            self._now_runs(None)
        next_job: SharedJob | None = source.following(self)
        with contextlib.suppress(RuntimeError):  # as above
            source.answer(jobs[0], None, None, None if next_job else self)
        for job in jobs:
            job.function = job.write = None
        return next_job

    def _now_runs(self, running: Running | None) -> None:
        with self._lock:
            self._current = running

    def _wait_for_claim(self) -> object:
        try:
            self._claims.get(timeout=self._parked_s)
        except Empty:
            with self._lock:
                if self._parked:
                    self._parked, self._closed = False, True
                    return self._end()
            self._claims.get()  # claimed at the last moment
        return None

    def _end(self) -> object:
        with self._lock:  # nobody may interrupt it now
            self._connection = None
        self.handle.close()
        if self._loop is not None and self._ended is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(tell, self._ended, None, None)
        return STOP


def tell(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Give a future what it waits for, unless whoever waited is gone."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)

"""The connections of one SQLite file: one writer, several readers, first come first served.

In: requests for a connection, from tasks of one event loop. Out: a connection
that nobody else uses, until it is released. All state is touched in that event
loop only, but for the queue and the answers: threads take jobs from the one, behind
a lock, and add to the other. It knows no SQL.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Connection, Result, SharedJob, tell
from atlas.engine.sqlite.files import MEMORY, Files
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.inline import InlineReader
from atlas.engine.sqlite.shared_commit import SharedCommits, Write
from atlas.errors import (
    ClientError,
    ConnectionClosedError,
    DatabaseFileError,
    PoolTimeoutError,
)

#: How long the end of the process waits for a connection to close its file.
_CLOSE_TIMEOUT_S = 2.0

#: Jobs that take the processor this long on average are better done side by side; that of reading
#: one row takes about 0.015 ms.
_QUICK_S = 0.0001

#: Every so many jobs one is measured, because looking at the clock takes as long as the rest.
_MEASURED = 8

#: A job that has run for longer is not waited for while there are other connections.
_STUCK_S = 0.001

#: After a connection could not be opened while others are, no other is tried for this long.
_GROW_AGAIN_S = 0.05

#: So much is shown of the statement that holds a connection.
_SHOWN = 80


@dataclass(frozen=True)
class PoolStats:
    """What a pool is doing, and did since it was opened. Durations are milliseconds."""

    readers: int
    readers_in_use: int
    writer_in_use: bool
    #: Tasks that wait for the writer or for a reader now.
    waiting: int
    #: The longest wait of a task now, and of any task since the pool was opened.
    waiting_ms: float
    longest_wait_ms: float
    #: Requests that had to wait, and those of them that timed out.
    requests_waited: int
    requests_timed_out: int
    statements: int
    connections_opened: int


@dataclass(slots=True)
class _Holder:
    what: str
    since: float
    #: What it runs now, if it was lent for single jobs only.
    job: SharedJob | None = None


class _Waiter:
    """Somebody who waits for a connection of their own."""

    __slots__ = ("future", "since", "what")

    def __init__(self, future: asyncio.Future[Any], what: str, since: float) -> None:
        self.future = future
        self.what = what
        self.since = since


class _TryAgain:
    """What a future resolves to when there is room for a new connection, or the pool is closed."""


class ConnectionPool:
    """Up to ``capacity`` connections of one kind, and the queue of those who want one.

    ``make`` gives a new one, and ``check`` raises when none may be opened any more.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        timeout_ms: int,
        make: Callable[[], Connection],
        check: Callable[[], None],
    ) -> None:
        self.name = name
        self.capacity = capacity
        self.opened = 0
        self.requests_waited = 0
        self.requests_timed_out = 0
        self.longest_wait_ms = 0.0
        #: Those who asked first are first. Threads take jobs from it, so it is behind the lock.
        self.waiting: deque[_Waiter | SharedJob] = deque()
        self.holders: dict[Connection, _Holder] = {}
        #: Those that were given up and are still busy for somebody who is gone.
        self.leaving: set[Connection] = set()
        # Reentrant: the garbage collector may close a waiting coroutine anywhere.
        self._lock = threading.RLock()
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._size = 0
        self._timeout_ms = timeout_ms
        #: Set while somebody waits, for the moment at which the first of them has waited too long.
        self._timer: asyncio.TimerHandle | None = None
        #: Set while somebody waits although there is room.
        self._spreading: asyncio.TimerHandle | None = None
        #: How long the last jobs kept the processor busy, on average.
        self._cost_s = 0.0
        self._jobs = 0
        #: What threads have to say to those who wait for their jobs, and whether that is known.
        self._answers: deque[tuple[asyncio.Future[Any], Any, BaseException | None, Any]] = deque()
        self._is_answering = False
        #: Before this moment no connection is opened beside those that are.
        self._grows_at = 0.0
        self._make = make
        self._check = check
        self._closed = False
        #: What runs writes that share a commit; of the writer, where that is wanted.
        self.commits: SharedCommits | None = None

    @property
    def size(self) -> int:
        """How many connections are open or being opened."""
        return self._size

    @property
    def waiting_ms(self) -> float:
        """How long the first who waits has done so."""
        with self._lock:
            return _ms_since(self.waiting[0].since) if self.waiting else 0.0

    async def acquire(self, what: str) -> Connection:
        """Return a connection that is the caller's until ``release``.

        ``what`` is shown to those who wait behind it. Raises ``PoolTimeoutError``
        after the acquire timeout and ``ConnectionClosedError`` once closed.
        """
        since = 0.0
        while True:
            connection = await self._free(what, has_waited=since > 0)
            if connection is not None:
                return connection
            waiter = _Waiter(self._loop.create_future(), what, since or time.monotonic())
            self._enqueue(waiter, first=since > 0)
            since = waiter.since
            try:
                given = await waiter.future
            except (asyncio.CancelledError, GeneratorExit):
                self._withdraw(waiter, waiter.future)
                raise
            if given is not _TryAgain:
                return given  # type: ignore[no-any-return]

    async def run(
        self, work: Callable[[Handle], Result], what: str, write: Write | None = None
    ) -> Result:
        """Run ``work`` on a connection that is free, in its thread, and return its result.

        It must leave the connection as it found it; ``write`` is what it does, if it may share
        a commit with others. Whoever waits does so in one
        queue with those in ``acquire``, with the same errors. A cancel stops the
        job as in ``Connection.run``.
        """
        since = 0.0
        while True:
            connection = None
            if since or not self._is_quick():
                connection = await self._free(what, has_waited=since > 0)
            future = self._loop.create_future()
            job = SharedJob(work, future, self, what, since or time.monotonic(), write)
            self._jobs += 1
            job.is_measured = self._jobs % _MEASURED == 0
            if connection is None:
                self._enqueue(job, first=since > 0)
            else:
                self._start(connection, job)
            since = job.since
            try:
                result = await future
            except (asyncio.CancelledError, GeneratorExit):
                self._withdraw(job, future)
                raise
            if result is not _TryAgain:
                return result  # type: ignore[no-any-return]

    def release(self, connection: Connection) -> None:
        """Give a clean connection back: to the first who waits, else to the idle ones."""
        self.holders.pop(connection, None)
        self.leaving.discard(connection)
        if self._closed or not connection.is_alive:
            connection.stop()
            self._size -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    def give_up(self, connection: Connection) -> None:
        """Release a connection that may be busy or in a transaction, once it is neither."""
        self.leaving.add(connection)
        connection.settle(
            lambda handle: handle.rollback(), lambda: self.release(connection), self._loop
        )

    # What follows is called in the threads of the connections.

    def following(self, connection: Connection) -> SharedJob | None:
        """Return the job that is first, unless somebody who wants the connection is before it."""
        with self._lock:
            if self._closed or not connection.is_alive:
                return None
            while self.waiting and isinstance(job := self.waiting[0], SharedJob):
                self.waiting.popleft()
                if not job.future.done():  # else cancelled, just now
                    self._note_wait(job)
                    self._hold(connection, job.what, job)
                    job.connection = connection
                    return job
        return None

    def joining(self, connection: Connection) -> SharedJob | None:
        """Return the job that is first if it may share the commit of the one that runs."""
        with self._lock:
            job = self.waiting[0] if self.waiting else None
            if not isinstance(job, SharedJob) or job.write is None or job.future.done():
                return None
            if self._closed or not connection.is_alive:
                return None
            self.waiting.popleft()
            self._note_wait(job)
            self._hold(connection, job.what, job)
            job.connection = connection
            return job

    def answer(
        self, job: SharedJob, result: Any, error: BaseException | None, taken: Connection | None
    ) -> None:
        """Tell whoever waits for a job, and take back the connection unless another follows."""
        self._answers.append((job.future, result, error, taken))
        if not self._is_answering:
            self._is_answering = True
            try:
                self._loop.call_soon_threadsafe(self._give_answers)
            except RuntimeError:
                self._answers.clear()
                raise

    def note_cost(self, seconds: float) -> None:
        """Learn how long a job kept the processor busy."""
        self._cost_s += (min(seconds, _STUCK_S) - self._cost_s) / 2

    # In the event loop again.

    def _give_answers(self) -> None:
        self._is_answering = False  # first: a thread may add one any time
        while self._answers:
            future, result, error, taken = self._answers.popleft()
            if taken is not None:
                self.release(taken)
            tell(future, result, error)

    def close(self) -> list[Connection]:
        """Close the connections that nobody uses, and return them.

        The others close as they are released. Whoever waits finds the pool closed.
        """
        self._closed = True
        for timer in (self._timer, self._spreading):
            if timer is not None:
                timer.cancel()
        closing = [*self._idle, *self.leaving]
        self._size -= len(self._idle)
        self._idle.clear()
        for connection in closing:
            connection.stop()
        while self._wake(None):
            pass
        return closing

    def _is_quick(self) -> bool:
        """Return whether a job does best to wait for a connection that is busy.

        That is so while jobs are short: more threads would then only wait for
        each other's hold of Python's interpreter lock.
        """
        if self._closed or self._cost_s > _QUICK_S:
            return False
        stuck = time.monotonic() - _STUCK_S
        for holder in self.holders.values():
            if holder.job is not None and holder.since > stuck:
                return True
        return False

    async def _free(self, what: str, *, has_waited: bool) -> Connection | None:
        """Return a connection that is idle, or a new one; None when there is room for neither."""
        if self._closed:
            raise ConnectionClosedError("The client is closed.")
        if not has_waited:
            self._hand_out()
        if self._idle and (has_waited or not self.waiting):
            return self._hold(self._idle.pop(), what)
        if self._room:
            try:
                return self._hold(await self._open(), what)
            except DatabaseFileError:
                # There may be no file or thread left for one more. Those that are open will do.
                self._check()
                if not self._size:
                    raise
                self._grows_at = time.monotonic() + _GROW_AGAIN_S
        return None

    @property
    def _room(self) -> int:
        """How many connections may be opened now."""
        if self._size and time.monotonic() < self._grows_at:
            return 0
        return self.capacity - self._size

    def _hand_out(self) -> None:
        """Give idle connections to those who wait for one that turned out not to be quick."""
        while self._idle and self.waiting:
            connection = self._idle.pop()
            if not self._wake(connection):
                self._idle.append(connection)

    def _spread(self) -> None:
        """See to it that nobody waits for a connection that is stuck, while there are others."""
        self._spreading = None
        if not self._is_quick():
            self._hand_out()
            for _ in range(min(len(self.waiting), self._room)):
                self._wake(None)
        self._spread_later()

    def _spread_later(self) -> None:
        if self.waiting and self._spreading is None and (self._idle or self._room):
            self._spreading = self._loop.call_later(_STUCK_S, self._spread)

    def _hold(self, connection: Connection, what: str, job: SharedJob | None = None) -> Connection:
        self.holders[connection] = _Holder(what, time.monotonic(), job)
        return connection

    async def _open(self) -> Connection:
        self._size += 1
        connection = self._make()
        try:
            await connection.open()
        except BaseException:
            # It may be opening the file still, which is to be closed when the pool is.
            self.leaving = {c for c in self.leaving if not c.has_ended} | {connection}
            self._size -= 1
            self._wake(None)
            raise
        self.opened += 1
        return connection

    def _start(self, connection: Connection, job: SharedJob) -> None:
        """Let a connection that is held run a job."""
        self.holders[connection].job = job
        future = job.future
        if not connection.start(job):
            self.release(connection)
            tell(future, None, ConnectionClosedError("The connection was closed."))

    def _enqueue(self, waiter: _Waiter | SharedJob, *, first: bool) -> None:
        """Let somebody wait behind all others, or, who has waited before, before them."""
        with self._lock:
            if first:
                self.waiting.appendleft(waiter)
            else:
                self.requests_waited += 1
                self.waiting.append(waiter)
        if self._timer is None:
            self._set_timer()
        if self._spreading is None:
            self._spread_later()

    def _wake(self, connection: Connection | None) -> bool:
        """Give the connection, or the news that there is room for one, to the first who waits."""
        while (waiter := self._next()) is not None:
            if waiter.future.done():  # cancelled
                continue
            self._note_wait(waiter)
            if connection is None:
                waiter.future.set_result(_TryAgain)
                return True
            self._hold(connection, waiter.what)
            if isinstance(waiter, SharedJob):
                self._start(connection, waiter)
            else:
                waiter.future.set_result(connection)
            return True
        return False

    def _next(self) -> _Waiter | SharedJob | None:
        with self._lock:
            return self.waiting.popleft() if self.waiting else None

    def _note_wait(self, waiter: _Waiter | SharedJob) -> None:
        self.longest_wait_ms = max(self.longest_wait_ms, _ms_since(waiter.since))

    def _withdraw(self, waiter: _Waiter | SharedJob, future: asyncio.Future[Any]) -> None:
        """Undo the request of somebody who was cancelled, or what they were given."""
        with self._lock:
            if waiter in self.waiting:
                self.waiting.remove(waiter)
                self._note_wait(waiter)
                return
        if future.done() and not future.cancelled():
            given = None if future.exception() else future.result()
            if given is _TryAgain:
                self._wake(None)
            elif isinstance(given, Connection):
                self.release(given)
            return
        connection = getattr(waiter, "connection", None)
        if isinstance(waiter, SharedJob) and connection in self.holders:
            self.leaving.add(connection)  # until its thread is done with it
            connection.cancel(waiter)

    def _set_timer(self) -> None:
        with self._lock:
            if self.waiting and not self._closed:
                waited_s = time.monotonic() - self.waiting[0].since
                self._timer = self._loop.call_later(
                    self._timeout_ms / 1000 - waited_s, self._time_out
                )

    def _time_out(self) -> None:
        """Tell those who have waited too long."""
        self._timer = None
        while (waiter := self._overdue()) is not None:
            if not waiter.future.done():
                self._note_wait(waiter)
                self.requests_timed_out += 1
                waiter.future.set_exception(PoolTimeoutError(self._describe(waiter.since)))
        self._set_timer()

    def _overdue(self) -> _Waiter | SharedJob | None:
        with self._lock:
            if self.waiting and _ms_since(self.waiting[0].since) >= self._timeout_ms:
                return self.waiting.popleft()
        return None

    def _describe(self, since: float) -> str:
        held = "; ".join(
            f"{holder.what[:_SHOWN]}, for {_ms_since(holder.since):.0f} ms"
            for holder in self.holders.values()
        )
        return (
            f"No {self.name} became free within {_ms_since(since):.0f} ms (acquire_timeout_ms = "
            f"{self._timeout_ms}); {len(self.waiting)} more wait. Held by: {held or 'nobody'}. "
            "Shorten what holds it, or raise the timeout."
        )


class Pools:
    """The writer and the readers of one file, bound to the event loop that opened them."""

    def __init__(self, path: str, options: EngineOptions) -> None:
        self.path = path
        self.statements = 0
        self._pid = os.getpid()
        self.loop = asyncio.get_running_loop()
        self.files = files = Files(path, shares=not options.read_only)

        def pool(name: str, capacity: int) -> ConnectionPool:
            def make() -> Connection:
                return Connection(path, options, reader=name == "reader", files=files)

            return ConnectionPool(name, capacity, options.acquire_timeout_ms, make, files.check)

        self.writer = pool("writer", 1)
        # Each connection to :memory: is another database, so there the writer reads too.
        self.readers = self.writer if path == MEMORY else pool("reader", options.pool_size)
        if options.shared_commits > 1 and path != MEMORY and not options.read_only:
            self.writer.commits = SharedCommits(options.shared_commits)
        #: For reads in the event loop, where they are wanted.
        self.inline: InlineReader | None = None
        if options.inline_reads and path != MEMORY:
            self.inline = InlineReader(path, options, files)
        self.is_closed = False

    async def open(self) -> None:
        """Open the writer, which makes the file if there is none; readers follow on demand."""
        self.writer.release(await self.writer.acquire("opening"))

    def check(self) -> None:
        """Raise ``ClientError`` if the pool cannot be used here: closed, another loop, a fork."""
        if self.is_closed:
            raise ConnectionClosedError(f"The client of {self.path} is closed.")
        if self.is_inherited:
            raise ClientError(
                f"The client of {self.path} was opened before this process was forked; SQLite "
                "connections do not survive that. Open a client in the child, of a file that is "
                "closed in the parent, or start the process with multiprocessing's spawn."
            )
        if self.loop is not asyncio.get_running_loop():
            state = "is closed" if self.loop.is_closed() else "runs in another thread"
            raise ClientError(
                f"The client of {self.path} was opened in another event loop, which {state}. "
                "Open one in this loop; in a plain thread use sync_client() or run_sync()."
            )

    def choose(self, *, reads: bool) -> ConnectionPool:
        """Return the readers or the writer; raise ``ClientError`` as ``check`` does."""
        self.check()
        return self.readers if reads else self.writer

    @property
    def is_inherited(self) -> bool:
        """Whether it was opened before this process was forked, and is the parent's."""
        return self._pid != os.getpid()

    @property
    def is_orphaned(self) -> bool:
        """Whether its event loop is closed, so that nobody can use it or wait for it."""
        return self.loop.is_closed()

    async def close(self) -> None:
        """Close all connections; those in use as they are released. Safe to repeat."""
        for connection in self._close_pools():
            await connection.close()

    def close_at_exit(self) -> None:
        """Close the idle connections without an event loop, and wait a little for their files."""
        for connection in self._close_pools():
            connection.join(_CLOSE_TIMEOUT_S)

    def _close_pools(self) -> list[Connection]:
        self.is_closed = True
        if self.inline is not None:  # before the last, which has more to do
            self.inline.close()
        closing = [*self.readers.close(), *self.writer.close()]
        if self.is_orphaned:  # nobody will release these
            for connection in (*self.readers.holders, *self.writer.holders):
                connection.stop()
        return closing

    def stats(self) -> PoolStats:
        """Return the numbers of this moment."""
        pools = {self.writer, self.readers}
        separate = self.readers is not self.writer
        return PoolStats(
            readers=self.readers.size if separate else 0,
            readers_in_use=len(self.readers.holders) if separate else 0,
            writer_in_use=bool(self.writer.holders),
            waiting=sum(len(pool.waiting) for pool in pools),
            waiting_ms=max(pool.waiting_ms for pool in pools),
            longest_wait_ms=max(pool.longest_wait_ms for pool in pools),
            requests_waited=sum(pool.requests_waited for pool in pools),
            requests_timed_out=sum(pool.requests_timed_out for pool in pools),
            statements=self.statements + (self.inline.thread_reads if self.inline else 0),
            connections_opened=sum(pool.opened for pool in pools),
        )


def _ms_since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000

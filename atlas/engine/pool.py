"""The connections of one SQLite file: one writer, several readers, first come first served.

In: requests for a connection, from tasks of one event loop. Out: a connection
that nobody else uses, until it is released. All state is touched in that event
loop only, so there is no lock. It knows no SQL.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from atlas.engine.connection import MEMORY, Connection
from atlas.engine.options import EngineOptions
from atlas.errors import ClientError, ConnectionClosedError, PoolTimeoutError

#: How long the end of the process waits for a connection to close its file.
_CLOSE_TIMEOUT_S = 2.0


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


@dataclass
class _Holder:
    what: str
    since: float


class _Waiter:
    __slots__ = ("future", "since")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        #: Resolves to a connection, or to None: try again, there is room for a new one.
        self.future: asyncio.Future[Connection | None] = loop.create_future()
        self.since = time.monotonic()


class Lane:
    """Up to ``capacity`` connections of one kind, and the queue of those who want one."""

    def __init__(
        self, name: str, capacity: int, timeout_ms: int, make: Callable[[], Connection]
    ) -> None:
        self.name = name
        self.capacity = capacity
        self.opened = 0
        self.requests_waited = 0
        self.requests_timed_out = 0
        self.longest_wait_ms = 0.0
        self.waiting: deque[_Waiter] = deque()
        self.holders: dict[Connection, _Holder] = {}
        #: Those that were given up and are still busy for somebody who is gone.
        self.leaving: set[Connection] = set()
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._size = 0
        self._timeout_ms = timeout_ms
        self._make = make
        self._closed = False

    @property
    def size(self) -> int:
        """How many connections are open or being opened."""
        return self._size

    async def acquire(self, what: str) -> Connection:
        """Return a connection that is the caller's until ``release``.

        ``what`` is shown to those who wait behind it. Raises ``PoolTimeoutError``
        after the acquire timeout and ``ConnectionClosedError`` once closed.
        """
        waited_since: float | None = None
        while True:
            if self._closed:
                raise ConnectionClosedError("The client is closed.")
            if self._idle and (waited_since is not None or not self.waiting):
                return self._hold(self._idle.pop(), what)
            if self._size < self.capacity:
                return self._hold(await self._open(), what)
            waiter = _Waiter(self._loop)
            if waited_since is None:
                waited_since = waiter.since
                self.requests_waited += 1
                self.waiting.append(waiter)
            else:  # whoever asked in between asked later
                self.waiting.appendleft(waiter)
            connection = await self._wait(waiter, waited_since)
            if connection is not None:
                return self._hold(connection, what)

    def release(self, connection: Connection) -> None:
        """Give a clean connection back: to the first who waits, else to the idle ones."""
        self.holders.pop(connection, None)
        self.leaving.discard(connection)
        if self._closed or not connection.is_alive:
            connection.close()
            self._size -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    def give_up(self, connection: Connection) -> None:
        """Release a connection that may be busy or in a transaction, once it is neither."""
        self.leaving.add(connection)
        connection.settle(connection.rollback, lambda: self.release(connection), self._loop)

    def close(self) -> list[Connection]:
        """Close the connections that nobody uses, and return them.

        The others close as they are released. Whoever waits finds the lane closed.
        """
        self._closed = True
        closing = [*self._idle, *self.leaving]
        self._size -= len(self._idle)
        self._idle.clear()
        for connection in closing:
            connection.close()
        while self._wake(None):
            pass
        return closing

    def _hold(self, connection: Connection, what: str) -> Connection:
        self.holders[connection] = _Holder(what, time.monotonic())
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

    def _wake(self, connection: Connection | None) -> bool:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.future.done():
                waiter.future.set_result(connection)
                return True
        return False

    async def _wait(self, waiter: _Waiter, since: float) -> Connection | None:
        """Wait for a connection; None says to look again."""
        remaining_s = self._timeout_ms / 1000 - (time.monotonic() - since)
        try:
            async with asyncio.timeout(remaining_s):
                return await waiter.future
        except TimeoutError:
            self._forget(waiter)
            self.requests_timed_out += 1
            raise PoolTimeoutError(self._describe(since)) from None
        except BaseException:
            self._forget(waiter)
            raise
        finally:
            self.longest_wait_ms = max(self.longest_wait_ms, _ms_since(since))

    def _forget(self, waiter: _Waiter) -> None:
        if waiter.future.done() and not waiter.future.cancelled():
            connection = waiter.future.result()
            if connection is not None:  # it was handed over as the wait ended
                self.release(connection)
            else:
                self._wake(None)
        elif waiter in self.waiting:
            self.waiting.remove(waiter)

    def _describe(self, since: float) -> str:
        held = "; ".join(
            f"{holder.what}, for {_ms_since(holder.since):.0f} ms"
            for holder in self.holders.values()
        )
        return (
            f"No {self.name} became free within {_ms_since(since):.0f} ms (acquire_timeout_ms = "
            f"{self._timeout_ms}); {len(self.waiting)} more wait. Held by: {held or 'nobody'}. "
            "Shorten what holds it, or raise the timeout."
        )


class Pool:
    """The writer and the readers of one file, bound to the event loop that opened them."""

    def __init__(self, path: str, options: EngineOptions) -> None:
        self.path = path
        self.statements = 0
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        timeout_ms = options.acquire_timeout_ms
        self.writer = Lane("writer", 1, timeout_ms, lambda: Connection(path, options, reader=False))
        # Each connection to :memory: is another database, so there the writer reads too.
        self.readers = (
            self.writer
            if path == MEMORY
            else Lane(
                "reader",
                options.pool_size,
                timeout_ms,
                lambda: Connection(path, options, reader=True),
            )
        )
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
        if self._loop is not asyncio.get_running_loop():
            state = "is closed" if self._loop.is_closed() else "runs in another thread"
            raise ClientError(
                f"The client of {self.path} was opened in another event loop, which {state}. "
                "Open one in this loop; in a plain thread use sync_client() or run_sync()."
            )

    @property
    def is_inherited(self) -> bool:
        """Whether it was opened before this process was forked, and is the parent's."""
        return self._pid != os.getpid()

    @property
    def is_orphaned(self) -> bool:
        """Whether its event loop is closed, so that nobody can use it or wait for it."""
        return self._loop.is_closed()

    async def close(self) -> None:
        """Close all connections; those in use as they are released. Safe to repeat."""
        for connection in self._close_lanes():
            await connection.wait_closed()

    def close_at_exit(self) -> None:
        """Close the idle connections without an event loop, and wait a little for their files."""
        for connection in self._close_lanes():
            connection.join(_CLOSE_TIMEOUT_S)

    def _close_lanes(self) -> list[Connection]:
        self.is_closed = True
        closing = [*self.readers.close(), *self.writer.close()]
        if self.is_orphaned:  # nobody will release these
            for connection in (*self.readers.holders, *self.writer.holders):
                connection.close()
        return closing

    def stats(self) -> PoolStats:
        """Return the numbers of this moment."""
        lanes = {self.writer, self.readers}
        separate = self.readers is not self.writer
        return PoolStats(
            readers=self.readers.size if separate else 0,
            readers_in_use=len(self.readers.holders) if separate else 0,
            writer_in_use=bool(self.writer.holders),
            waiting=sum(len(lane.waiting) for lane in lanes),
            waiting_ms=max(
                (_ms_since(waiter.since) for lane in lanes for waiter in lane.waiting), default=0.0
            ),
            longest_wait_ms=max(lane.longest_wait_ms for lane in lanes),
            requests_waited=sum(lane.requests_waited for lane in lanes),
            requests_timed_out=sum(lane.requests_timed_out for lane in lanes),
            statements=self.statements,
            connections_opened=sum(lane.opened for lane in lanes),
        )


def _ms_since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000

"""Connections to a server that are kept open, and who waits for one.

In: a function that opens a connection. Out: connections, each lent to one at a time, in the order
of asking. Knows no SQL. The state is touched in the event loop of the pool only: ``_idle``,
``_in_use``, ``_opening`` (connections that are being opened), ``_waiting``. A connection is handed
to the one who waits longest, so nobody who comes later gets it first.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from atlas.errors import ConnectionClosedError, TooManyConnectionsError

#: Connections that nobody used for so long are closed, but for one.
_IDLE_S = 300.0

#: How long no further connection is tried after the server took no more.
_FULL_S = 5.0


class Pool:
    """At most ``size`` connections. Raises ``ConnectionClosedError`` once it is closed."""

    def __init__(self, connect: Callable[[float], Awaitable[Any]], size: int, name: str) -> None:
        self._connect = connect
        self._size = size
        self._name = name
        #: Those that nobody uses, the one used last at the end, and since when.
        self._idle: list[tuple[Any, float]] = []
        self._in_use: set[Any] = set()
        self._opening = 0
        #: Each gets a connection, or None: to try again.
        self._waiting: deque[asyncio.Future[Any]] = deque()
        #: As many as the server takes, until it is asked again.
        self._most, self._asked_again = size, 0.0
        self._is_closed = False
        self._all_back: asyncio.Future[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None

    def get_size(self) -> int:
        """Return how many connections are open."""
        return len(self._in_use) + len(self._idle)

    def get_idle_size(self) -> int:
        """Return how many of them nobody uses."""
        return len(self._idle)

    def get_max_size(self) -> int:
        """Return how many there may be."""
        return self._size

    async def open(self, timeout_s: float) -> None:
        """Open the first connection, so that what is wrong with the server is known."""
        async with asyncio.timeout(timeout_s) as limit:
            self.release(await self.acquire(limit))
        self._sweep_later()

    async def acquire(self, limit: asyncio.Timeout) -> Any:
        """Return a connection, as soon as there is one; what is raised is the opener's error.

        ``limit`` ends the wait for others. A connection is opened in the time that is left, and
        its opener says what became of it.
        """
        while True:
            if self._is_closed:
                raise ConnectionClosedError(f"The client of {self._name} is closed.")
            if (connection := self.take_idle()) is not None:
                return connection
            if self.get_size() + self._opening < self._allowed():
                connection = await self._open_one(limit)
            else:
                connection = await self._wait()
            if connection is not None:
                return connection

    def take_idle(self) -> Any:
        """Return a connection that nobody uses; None when there is none."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                self._in_use.add(connection)
                return connection
        return None

    def release(self, connection: Any) -> None:
        """Take a connection back; it is clean, or closed. Safe to repeat."""
        if connection not in self._in_use:
            return
        self._in_use.discard(connection)
        if self._is_closed:
            connection.terminate()
        elif connection.is_closed():
            self._wake(None)
        elif self._wake(connection):
            self._in_use.add(connection)
        else:
            self._idle.append((connection, time.monotonic()))
        if self._all_back is not None and not self._in_use and not self._all_back.done():
            self._all_back.set_result(None)

    async def close(self, timeout_s: float) -> None:
        """Close all connections; those in use when they come back, or after ``timeout_s``."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        while self._waiting:
            self._wake(None)
        idle, self._idle = self._idle, []
        try:
            async with asyncio.timeout(timeout_s):
                for connection, _ in idle:
                    await connection.close()
                if self._in_use:
                    self._all_back = asyncio.get_running_loop().create_future()
                    await self._all_back
        except TimeoutError:
            pass
        finally:
            for connection, _ in idle:
                connection.terminate()
            self.terminate()

    def terminate(self) -> None:
        """Cut all connections."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        idle, self._idle = self._idle, []
        for connection in (*self._in_use, *(connection for connection, _ in idle)):
            connection.terminate()
        self._in_use.clear()

    def _allowed(self) -> int:
        return self._most if time.monotonic() < self._asked_again else self._size

    async def _open_one(self, limit: asyncio.Timeout) -> Any:
        self._opening += 1
        end = limit.when()
        try:
            if end is None or limit.expired():
                await asyncio.sleep(0)  # it is given up
                return None
            limit.reschedule(None)
            connection = await self._connect(end - asyncio.get_running_loop().time())
            limit.reschedule(end)
        except TooManyConnectionsError:
            self._most = self.get_size() + self._opening - 1
            if self._most == 0:
                self._wake(None)
                raise
            limit.reschedule(end)
            # Those there are serve: whoever wants one waits for them.
            self._asked_again = time.monotonic() + _FULL_S
            return None
        except BaseException:
            self._wake(None)  # another may have more luck
            raise
        finally:
            self._opening -= 1
        if self._is_closed:
            connection.terminate()
            raise ConnectionClosedError(f"The client of {self._name} is closed.")
        self._in_use.add(connection)
        return connection

    async def _wait(self) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it came at the same moment
                if future.result() is None:
                    self._wake(None)
                else:
                    self.release(future.result())
            raise

    def _wake(self, connection: Any) -> bool:
        """Give ``connection`` to the one who waits longest; return False when nobody waits."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return True
        return False

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(_IDLE_S / 5, self._close_idle)

    def _close_idle(self) -> None:
        """Close connections that were not used for long."""
        before = time.monotonic() - _IDLE_S
        while len(self._idle) > 1 and self._idle[0][1] < before:
            self._idle.pop(0)[0].terminate()
        self._sweep_later()

"""Connections for queries outside a pool: opened when needed, kept for the next one.

In: a request from any thread or event loop. Out: a connection of the caller's
own. Closing the last connection of a file costs a checkpoint and several syncs,
so a few are kept, for a moment: a file that nobody queries is closed, and can
be copied or replaced. The state is the list of those nobody uses, behind a lock.
"""

from __future__ import annotations

import threading

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.files import identity_of
from atlas.errors import DatabaseFileError

#: How many are kept; more than one is only open at a time when queries run side by side.
_KEPT = 2

#: How long they are kept when there is nothing to do.
_KEPT_S = 1.0

#: How long the end of the process waits for a connection to close its file.
_CLOSE_TIMEOUT_S = 2.0


class IdleConnections:
    """The connections of one file that nobody uses."""

    def __init__(self, path: str, options: EngineOptions) -> None:
        self._path = path
        self._options = options
        # Reentrant: the garbage collector may call close() anywhere.
        self._lock = threading.RLock()
        self._idle: list[Connection] = []
        #: Those that were given up and are still busy for somebody who is gone.
        self._leaving: set[Connection] = set()

    async def acquire(self, *, creates: bool) -> Connection:
        """Return a connection; make the file if there is none and the statement ``creates``.

        Raises ``DatabaseFileError`` when the file is missing or cannot be opened.
        """
        identity = identity_of(self._path)
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
            if connection.claim() and connection.handle.files.are_there:
                return connection
            await connection.close()  # before another makes files that it would take for its own
        if identity is None and not creates:
            raise DatabaseFileError(
                f"{self._path}: there is no such file. Make it with: atlas migrate"
            )
        connection = Connection(self._path, self._options, reader=False, parked_s=_KEPT_S)
        await connection.open()
        return connection

    def release(self, connection: Connection) -> None:
        """Keep a clean connection for the next query, or close it when enough are kept."""
        with self._lock:
            self._leaving.discard(connection)
            self._idle = [kept for kept in self._idle if kept.is_alive]
            if connection.is_alive and len(self._idle) < _KEPT:
                connection.park()
                self._idle.append(connection)
                return
        connection.stop()

    def give_up(self, connection: Connection) -> None:
        """Release a connection that may be busy or in a transaction, once it is neither."""
        with self._lock:
            self._leaving.add(connection)
        connection.settle(
            lambda handle: handle.rollback(), lambda: self.release(connection), loop=None
        )

    def close(self) -> list[Connection]:
        """Close the connections that nobody uses, and return them."""
        with self._lock:
            closing = [*self._idle, *self._leaving]
            self._idle.clear()
        for connection in closing:
            connection.stop()
        return closing

    def forget(self) -> None:
        """Forget all connections, which are a parent's; only for a forked child."""
        self._lock = threading.RLock()
        self._idle, self._leaving = [], set()

    def close_at_exit(self) -> None:
        """Close the connections that nobody uses, and wait a little for their files.

        For the end of the process, and for the moment before it is forked.
        """
        for connection in self.close():
            connection.join(_CLOSE_TIMEOUT_S)

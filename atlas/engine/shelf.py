"""Connections for queries outside a pool: opened when needed, kept for the next one.

In: a request from any thread or event loop. Out: a connection of the caller's
own. Closing the last connection of a file costs a checkpoint and several syncs,
so a few are kept. The state is the list of those nobody uses, behind a lock.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from atlas.engine.connection import Connection
from atlas.engine.options import EngineOptions
from atlas.errors import DatabaseFileError

#: How many are kept; more than one is only open at a time when queries run side by side.
_KEPT = 2

#: How long the end of the process waits for a connection to close its file.
_CLOSE_TIMEOUT_S = 2.0


class Shelf:
    """The connections of one file that nobody uses."""

    def __init__(self, path: str, options: EngineOptions) -> None:
        self._path = path
        self._options = options
        self._lock = threading.Lock()
        #: Each with the identity its file had: after the file was replaced it is another one.
        self._idle: list[tuple[Connection, tuple[int, int]]] = []

    async def acquire(self, *, creates: bool) -> Connection:
        """Return a connection; make the file if there is none and the statement ``creates``.

        Raises ``DatabaseFileError`` when the file is missing or cannot be opened.
        """
        identity = _identity(self._path)
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, kept_identity = self._idle.pop()
            if connection.is_alive and kept_identity == identity:
                return connection
            connection.close()
        if identity is None and not creates:
            raise DatabaseFileError(
                f"{self._path}: there is no such file. Make it with: "
                "piccolo migrations forwards all"
            )
        connection = Connection(self._path, self._options, reader=False)
        await connection.open()
        return connection

    def release(self, connection: Connection) -> None:
        """Keep a clean connection for the next query, or close it when enough are kept."""
        identity = _identity(self._path)
        with self._lock:
            if connection.is_alive and identity is not None and len(self._idle) < _KEPT:
                self._idle.append((connection, identity))
                return
        connection.close()

    def give_up(self, connection: Connection) -> None:
        """Release a connection that may be busy or in a transaction, once it is neither."""
        connection.settle(connection.rollback, lambda: self.release(connection))

    def close(self) -> list[Connection]:
        """Close the connections that are kept, and return them."""
        with self._lock:
            closing = [connection for connection, _ in self._idle]
            self._idle.clear()
        for connection in closing:
            connection.close()
        return closing

    def close_at_exit(self) -> None:
        """Close the connections that are kept, and wait a little until their files are closed."""
        for connection in self.close():
            connection.join(_CLOSE_TIMEOUT_S)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(Path(path))
    except OSError:
        return None
    return status.st_dev, status.st_ino

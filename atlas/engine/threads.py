"""The threads in which SQLite works, and what must not be asked for in them.

In: a thread, as it begins to serve a connection. Out: ``ClientError`` for whoever would wait
there for a connection: perhaps for the very one that the thread serves. Knows no connection.
"""

from __future__ import annotations

import threading

from atlas.errors import ClientError

_here = threading.local()


def serve() -> None:
    """Say that this thread serves a connection, from now to its end."""
    _here.serves = True


def check() -> None:
    """Raise ``ClientError`` in a thread that serves a connection.

    Python's garbage collector calls ``__del__`` in whichever thread it runs.
    """
    if getattr(_here, "serves", False):
        raise ClientError(
            "A query was begun in a thread that serves a connection, which would wait for itself: "
            "the garbage collector called a __del__ there. Close what needs the database by hand, "
            "or with a context manager; nothing was run."
        )

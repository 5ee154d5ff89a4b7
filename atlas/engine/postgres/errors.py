"""PostgreSQL's errors that a program should know by their meaning: a connection that was lost.

In: an error of asyncpg's, and what ran. Out: the error to raise, which says what may have been
written. Errors of a statement itself are clear already and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from atlas.errors import DatabaseServerError, TransactionLostError

#: What asyncpg raises when the server, an administrator or the network ended the connection.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
)

#: What it says when it finds out at the next statement. The pool takes a connection back as soon
#: as that is lost, whoever has it.
_FOUND_LOST = ("connection is closed", "released back to the pool")


def is_lost(error: BaseException) -> bool:
    """Return whether the reason is that the connection was lost."""
    if isinstance(error, TimeoutError):  # an OSError since Python 3.11
        return False
    return isinstance(error, _LOST) or (
        isinstance(error, asyncpg.InterfaceError)
        and any(part in str(error) for part in _FOUND_LOST)
    )


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Say that a connection was lost under a statement that runs by itself."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if not is_lost(error):
            raise
        raise DatabaseServerError(
            f"{path}: the connection was lost while a statement ran ({error}). If it was a write, "
            "it may have been written: look before you do it again."
        ) from error


@contextmanager
def inside(path: str, *, commits: bool = False) -> Iterator[None]:
    """Say that a connection was lost in a transaction; ``commits`` as it was being committed."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if not is_lost(error):
            raise
        if commits and not isinstance(error, asyncpg.InterfaceError):  # which sent nothing
            raise DatabaseServerError(
                f"{path}: the connection was lost during COMMIT ({error}). The transaction may "
                "have been written: look before you do it again."
            ) from error
        raise TransactionLostError(
            f"{path}: the server, the network or close() ended the connection ({error}), and "
            "nothing of the transaction was written. Run it again."
        ) from error

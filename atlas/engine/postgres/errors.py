"""PostgreSQL's errors that a program should know by their meaning.

In: an error of asyncpg's, and what ran. Out: the error to raise, which says what may have been
written, and whether to run it again. Errors of a statement itself are clear already and stay as
they are. The codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import asyncpg

from atlas.errors import (
    AtlasError,
    ConnectionLostError,
    DatabaseBusyError,
    DeadlockError,
    DiskFullError,
    SerializationError,
    StatementTimeoutError,
    TransactionConnectionLostError,
)

#: What a statement is part of: nothing, a transaction, or the end of one.
Place = Literal["alone", "inside", "commit"]

#: What asyncpg raises when the server, an administrator or the network ended the connection.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
)

_AGAIN = "Run it again; db.retry() and transaction(retry=) do so by themselves."


def is_lost(error: BaseException) -> bool:
    """Return whether the reason is that the connection was lost."""
    if isinstance(error, TimeoutError | AtlasError):  # an OSError since Python 3.11
        return False
    return isinstance(error, _LOST) or _is_found_lost(error)


def _is_found_lost(error: BaseException) -> bool:
    """Return whether it was lost before the statement, of which nothing was sent."""
    return isinstance(error, asyncpg.InterfaceError) and "connection is closed" in str(error)


@contextmanager
def translated(path: str, place: Place, *, reads: bool = False) -> Iterator[None]:
    """Raise this library's error where the driver's says that the work may be run again, or why
    it cannot be. ``reads`` tells of a statement that changes nothing.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        said = _lost(error, path, place, reads) if is_lost(error) else _refused(error, path)
        if said is None:
            raise
        raise said from error


def _lost(error: BaseException, path: str, place: Place, reads: bool) -> AtlasError:
    if place == "inside":
        return TransactionConnectionLostError(
            f"{path}: the server, the network or close() ended the connection ({error}), and "
            "nothing of the transaction was written. Run it again."
        )
    if _is_found_lost(error):
        if place == "commit":
            return TransactionConnectionLostError(
                f"{path}: the connection was lost before COMMIT ({error}), and nothing of the "
                "transaction was written. Run it again."
            )
        return ConnectionLostError(
            f"{path}: the connection was lost before the statement ({error}), which was not run.",
            is_retryable=True,
        )
    if place == "commit":
        return ConnectionLostError(
            f"{path}: the connection was lost during COMMIT ({error}). The transaction may have "
            "been committed: look before you do it again.",
            is_retryable=False,
        )
    return ConnectionLostError(
        f"{path}: the connection was lost while a statement ran ({error}). If it was a write, "
        "it may have been written: look before you do it again.",
        is_retryable=reads,
    )


def _refused(error: BaseException, path: str) -> AtlasError | None:
    """Return what a refusal of the server means; None for one of the statement itself."""
    match error:
        case asyncpg.SerializationError():
            return SerializationError(
                f"{path}: another transaction wrote what this one read ({error}), and nothing of "
                f"it was written. {_AGAIN}"
            )
        case asyncpg.DeadlockDetectedError():
            return DeadlockError(
                f"{path}: this transaction and another waited for each other ({error}), and "
                f"nothing of it was written. {_AGAIN}"
            )
        case asyncpg.LockNotAvailableError():
            return DatabaseBusyError(
                f"{path}: another transaction held a lock for too long ({error}). Nothing of the "
                "statement was written."
            )
        case asyncpg.DiskFullError():
            return DiskFullError(
                f"{path}: the server's disk is full ({error}), and nothing of the transaction was "
                "written. Make room and run it again."
            )
        case asyncpg.QueryCanceledError() if "statement timeout" in str(error):
            return StatementTimeoutError(
                f"{path}: the statement took longer than it may (statement_timeout_ms), and the "
                "server stopped it. Nothing of it was written."
            )
    return None

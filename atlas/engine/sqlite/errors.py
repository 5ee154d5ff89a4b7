"""SQLite's errors, said in full. The one place where driver errors are translated.

In: a ``sqlite3.Error`` and the path it was raised for. Out: the error to raise,
which says what is wrong with which file and what to do. Errors of a statement
itself (syntax, a constraint) are clear already and stay as they are.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from atlas.errors import DatabaseBusyError, DatabaseFileError, DiskFullError, ReadOnlyError


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error of the Python module itself.

    https://www.sqlite.org/rescode.html
    """
    return _code(error) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another connection's lock is the reason, and may be gone the next time.

    It stays where a transaction that only read wants to write, and another one
    wrote meanwhile (BUSY_SNAPSHOT).
    """
    return (
        primary_code(error) == sqlite3.SQLITE_BUSY and _code(error) != sqlite3.SQLITE_BUSY_SNAPSHOT
    )


def is_undecodable(error: sqlite3.Error) -> bool:
    """Return whether the reason is stored text that is not UTF-8; the module gives it no code."""
    return _code(error) == 0 and str(error).startswith("Could not decode to UTF-8")


def check_writable(path: str) -> None:
    """Raise ``DatabaseFileError`` if the file cannot be written.

    SQLite would open it all the same, and fail at the first write.
    """
    effective_ids = os.access in os.supports_effective_ids
    if not os.access(path, os.W_OK, effective_ids=effective_ids):
        raise DatabaseFileError(f"{path}: cannot be written: it is read-only. {_RIGHTS}")


def check_whole(path: str, page_size: int) -> None:
    """Raise ``DatabaseFileError`` if the file ends within a page.

    SQLite would read the rest of the page as zeros. A file beside the database
    may hold the page: a writer stopped in the middle, and SQLite makes it good.
    """
    size = _size(path)
    if size % page_size and not (_size(f"{path}-wal") or _size(f"{path}-journal")):
        raise DatabaseFileError(
            f"{path}: is damaged: its size, {size} bytes, is not a multiple of {page_size}. It was "
            f"cut off while it was copied, or is not a database. {_RESTORE}"
        )


def translated(error: sqlite3.Error, path: str, busy_timeout_ms: int = 0) -> sqlite3.Error:
    """Return the error to raise instead of ``error``; ``error`` itself when it says enough."""
    code = primary_code(error)
    if _code(error) == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return DatabaseBusyError(
            f"{path}: another connection wrote since this DEFERRED transaction first read, so it "
            "cannot write any more, and nothing was written. Run it again, IMMEDIATE."
        )
    if code == sqlite3.SQLITE_BUSY:
        return DatabaseBusyError(
            f"{path}: another connection held the lock for more than {busy_timeout_ms} ms, and "
            "nothing was written. Run it again, or raise busy_timeout_ms."
        )
    if code == sqlite3.SQLITE_LOCKED:
        return DatabaseBusyError(
            f"{path}: a batch of the same transaction is still reading ({error}). Leave its block "
            "first."
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return DatabaseFileError(f"{path}: cannot be opened: {_why_not_opened(Path(path))}")
    if code == sqlite3.SQLITE_NOTADB:
        return DatabaseFileError(
            f"{path}: is not an SQLite database (or an encrypted one). Give the path of a "
            "database, or of a file that does not exist yet."
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return DatabaseFileError(
            f"{path}: is damaged ({error}), perhaps cut off while it was copied. {_RESTORE}"
        )
    if code == sqlite3.SQLITE_AUTH:  # which is refused on a connection that only reads
        return ReadOnlyError(
            f"{path}: is open for reading only, and nothing was written. To write, open it without "
            "read_only."
        )
    if _code(error) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return DatabaseFileError(
            f"{path}: cannot be looked at without writing: whoever wrote to it stopped in the "
            f"middle, and {path}-journal holds what was there before. The next program that opens "
            "it to write puts it back."
        )
    if code == sqlite3.SQLITE_READONLY:
        return DatabaseFileError(f"{path}: cannot be written ({error}). {_RIGHTS}")
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(
            f"{path}: the disk is full, and nothing of the transaction was written. Make room and "
            "run it again."
        )
    if code == sqlite3.SQLITE_IOERR:
        written = (
            "nothing of the transaction was written"
            if _code(error) in _BEFORE_THE_COMMIT
            else "the transaction may have been written all the same, as will be seen when the "
            "file is opened again: look before you repeat it"
        )
        return DatabaseFileError(
            f"{path}: the disk or the system refused ({error}), and {written}. It may be full, or "
            "limited in size."
        )
    return error


_RIGHTS = (
    "The process needs the right to write the file and its folder, where SQLite keeps the -wal "
    "and -shm files beside it."
)

#: The errors of a read, or of a write of which a part is missing: SQLite ignores what has no
#: whole commit record at its end. After others, of a sync above all, it may be there or not.
_BEFORE_THE_COMMIT = frozenset(
    (
        *(sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ),
        *(sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_NOMEM),
        *(sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK),
        *(sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE),
        *(sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_SHMMAP),
    )
)

_RESTORE = "Restore it from a backup, or save what is left with: sqlite3 FILE .recover"


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # there is none
        return 0


def _why_not_opened(path: Path) -> str:
    if path.is_dir():
        return "it is a folder; give the path of a file."
    if not path.parent.exists():
        return f"the folder {path.parent} does not exist; make it first."
    if not path.parent.is_dir():
        return f"{path.parent} is not a folder."
    if not path.exists():
        return "there is no such file. Make it with: atlas migrate"
    return (
        "the process needs the right to read and write the file and its folder, and may have too "
        "many files open."
    )

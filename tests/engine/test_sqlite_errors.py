"""SQLite's errors, said in full: no more than is known, and no less."""

from __future__ import annotations

import sqlite3

import pytest

from atlas.engine.sqlite.errors import translated
from atlas.errors import DatabaseFileError


def refused(code: int) -> sqlite3.Error:
    """An error of the disk, as sqlite3 raises it."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "code",
    [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE],
)
def test_what_may_have_been_written_is_said_so(code: int) -> None:
    """A sync that failed leaves the commit record where it is: after a crash it may be found."""
    error = translated(refused(code), "x.db")
    assert isinstance(error, DatabaseFileError)
    assert "may have been written" in str(error)
    assert "nothing" not in str(error)


@pytest.mark.parametrize(
    "code",
    [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHMSIZE],
)
def test_what_was_certainly_not_written_is_said_so(code: int) -> None:
    """Without a whole commit record there is no transaction."""
    assert "nothing of the transaction was written" in str(translated(refused(code), "x.db"))

"""The SQLite that Python is linked to: whether it will do, and what is known of it.

In: its version. Out: an error, a warning, or nothing. Knows no database.
"""

from __future__ import annotations

import sqlite3

from atlas.errors import ConfigurationError

Version = tuple[int, int, int]

#: RETURNING, which Piccolo's inserts and our saves rely on.
_OLDEST: Version = (3, 35, 0)

#: The WAL-reset bug came with WAL and was fixed in 3.51.3, and in these older series from these
#: versions on: https://www.sqlite.org/wal.html#walresetbug
_WITH_WAL: Version = (3, 7, 0)
_FIXED: Version = (3, 51, 3)
_FIXED_IN_SERIES: dict[tuple[int, int], Version] = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}


def check() -> None:
    """Raise ``ConfigurationError`` when the library is too old."""
    if sqlite3.sqlite_version_info < _OLDEST:
        raise ConfigurationError(
            f"Python is linked to SQLite {sqlite3.sqlite_version}; Atlas needs 3.35 or newer."
        )


def has_wal_reset_bug(version: Version | None = None) -> bool:
    """Return whether a version of SQLite, by default the one in use, has the WAL-reset bug."""
    version = version or sqlite3.sqlite_version_info[:3]
    return _WITH_WAL <= version < _FIXED_IN_SERIES.get(version[:2], _FIXED)


def warnings() -> list[str]:
    """Return what whoever runs this version should know, a sentence or two each."""
    if not has_wal_reset_bug():
        return []
    return [
        f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug, which can damage a database when "
        "two processes write to it, very rarely. 3.51.3, 3.50.7 and 3.44.6 have it no more. What "
        'to do: docs/pool.md, "The WAL-reset bug".'
    ]

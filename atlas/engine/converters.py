"""SQLite's text and numbers as Python values, strictly.

In: the bytes SQLite stores in a column of a declared type. Out: the Python
value, or ``ValueError`` where they are none of that type: Piccolo reads a 2 in
a bool as False, and another zone's timestamp as UTC (engine/sqlite.py, 1.38.0).

Converters belong to the ``sqlite3`` module, so these serve the whole process.
"""

from __future__ import annotations

import datetime
import sqlite3

_BOOLEANS = {b"1": True, b"0": False}


def to_bool(stored: bytes) -> bool:
    """Return True for 1 and False for 0."""
    try:
        return _BOOLEANS[stored]
    except KeyError:
        raise ValueError(f"{_text(stored)!r} is no boolean (0 or 1)") from None


def to_date(stored: bytes) -> datetime.date:
    """Return the date of ``YYYY-MM-DD``."""
    text = _text(stored)
    # fromisoformat also takes 20260102 and 2026-W01-5, which are spoiled values here.
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise ValueError(f"{text!r} is no date (YYYY-MM-DD)")
    return datetime.date.fromisoformat(text)


def to_int(stored: bytes) -> int:
    """Return a whole number."""
    return int(stored)


def to_timestamp(stored: bytes) -> datetime.datetime:
    """Return the aware instant, in UTC, of ISO text; without an offset it is UTC."""
    moment = datetime.datetime.fromisoformat(_text(stored))
    if moment.tzinfo is None:
        return moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC)


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", errors="replace")


def register() -> None:
    """Let ``sqlite3`` use these converters, in place of Piccolo's."""
    sqlite3.register_converter("BOOLEAN", to_bool)
    sqlite3.register_converter("DATE", to_date)
    sqlite3.register_converter("INTEGER", to_int)
    sqlite3.register_converter("TIMESTAMPTZ", to_timestamp)

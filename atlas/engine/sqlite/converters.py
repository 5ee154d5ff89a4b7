"""SQLite's text and numbers as Python values, strictly.

In: the bytes SQLite stores in a column of a declared type. Out: the Python
value, or ``ValueError`` where they are none of that type: Piccolo reads a 2 in
a bool as False, and another zone's timestamp as UTC (engine/sqlite/engine.py, 1.38.0).

Converters belong to the ``sqlite3`` module, so these serve the whole process.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_BOOLEANS = {b"1": True, b"0": False}

# int() also takes 1_000, and fromisoformat 20260102, 2026-W01-5 and, as a time in the year 1712,
# the milliseconds 1712011200000: all of them are corrupt values here. The form is checked by hand
# because a large select converts hundreds of thousands of these.
_DASH, _COLON = b"-:"


def to_bool(stored: bytes) -> bool:
    """Return True for 1 and False for 0."""
    try:
        return _BOOLEANS[stored]
    except KeyError:
        raise ValueError(f"{_text(stored)!r} is not a boolean (0 or 1)") from None


def to_date(stored: bytes) -> datetime.date:
    """Return the date of ``YYYY-MM-DD``."""
    try:
        if len(stored) == 10 and stored[4] == stored[7] == _DASH:
            return datetime.date.fromisoformat(stored.decode())
    except ValueError:  # as of February 30
        pass
    raise ValueError(f"{_text(stored)!r} is not a date (YYYY-MM-DD)")


#: A business has some thousand days. What is corrupt is not remembered.
to_known_date = lru_cache(maxsize=4096)(to_date)


def to_int(stored: bytes) -> int:
    """Return a whole number."""
    if stored.isdigit() or (stored[:1] == b"-" and stored[1:].isdigit()):
        return int(stored)
    raise ValueError(f"{_text(stored)!r} is not an integer")


def to_timestamp(stored: bytes) -> datetime.datetime:
    """Return the aware instant, in UTC, of ISO text; without an offset it is UTC."""
    try:
        if stored[4] == stored[7] == _DASH and stored[10] in b" T" and stored[13] == _COLON:
            moment = datetime.datetime.fromisoformat(stored.decode())
            if moment.tzinfo is datetime.UTC:
                return moment
            if moment.tzinfo is None:
                return moment.replace(tzinfo=datetime.UTC)
            return moment.astimezone(datetime.UTC)
    except (IndexError, ValueError, OverflowError):  # cut off; no such day; before the year 1
        pass
    raise ValueError(f"{_text(stored)!r} is not a timestamp (YYYY-MM-DD HH:MM:SS+00:00)")


def to_text(stored: bytes) -> str:
    """Return text as ``sqlite3`` itself does, which needs no converter for it."""
    return stored.decode()


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", errors="replace")


#: How a value of each declared type is stored, and what makes a Python value of it. ``sqlite3``
#: itself reads the floats and the text.
_STORED_AS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "BOOLEAN": ("integer", to_bool),
    "DATE": ("text", to_date),
    "INTEGER": ("integer", to_int),
    "REAL": ("real", float),
    "TEXT": ("text", to_text),
    "TIMESTAMPTZ": ("text", to_timestamp),
}


def converted(declared_type: str, stored: bytes) -> Any:
    """Return the Python value of ``stored``; raise ``ValueError`` where it is none of the type."""
    return _STORED_AS[declared_type][1](stored)


def is_corrupt(declared_type: str, storage: str, stored: bytes) -> bool:
    """Return whether a value, stored as ``storage`` (SQLite's typeof), is none of its column's."""
    if declared_type not in _STORED_AS:
        return False
    expected, convert = _STORED_AS[declared_type]
    try:
        convert(stored)
    except ValueError:
        return True
    return storage != expected


def register() -> None:
    """Let ``sqlite3`` use these converters, in place of Piccolo's."""
    for declared_type in ("BOOLEAN", "INTEGER", "TIMESTAMPTZ"):
        sqlite3.register_converter(declared_type, _STORED_AS[declared_type][1])
    sqlite3.register_converter("DATE", to_known_date)

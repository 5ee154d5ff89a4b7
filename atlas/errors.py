"""The errors Atlas raises, drawn as a tree.

::

    AtlasError
    ├── ConfigurationError       a setting or URL that cannot be used      (also ValueError)
    ├── InvalidValueError        a value the model does not allow          (also ValueError)
    ├── RowNotFoundError         a row that is not in the database (any more)  (also LookupError)
    └── TableInUseError          a table that other tables still reference

Each is also the built-in it resembles, so code written for plain Piccolo,
which raises ``ValueError``, keeps working.
"""

from __future__ import annotations

from typing import Any

_SHOWN_CHARACTERS = 100


def shown(value: object) -> str:
    """Return ``repr(value)`` with its type, cut to a length fit for one line of a log."""
    text = repr(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    return f"{text} ({type(value).__name__})"


class AtlasError(Exception):
    """Base of every error that Atlas raises itself."""


class ConfigurationError(AtlasError, ValueError):
    """A setting or database URL that cannot be used. The message never holds a password."""


class InvalidValueError(AtlasError, ValueError):
    """A value that the model does not allow in a column. Nothing was written.

    ``table``, ``column`` and ``value`` say what was refused, ``reason`` why,
    and what would be accepted instead.
    """

    def __init__(self, table: str, column: str, value: object, reason: str) -> None:
        self.table = table
        self.column = column
        self.value = value
        self.reason = reason
        super().__init__(f"{table}.{column}: {shown(value)} {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds from the message alone; this lets it cross processes.
        return type(self), (self.table, self.column, self.value, self.reason)


class RowNotFoundError(AtlasError, LookupError):
    """The row an object stands for is not in the database. Nothing was written.

    Somebody deleted it, or the transaction that inserted it was rolled back.
    """

    def __init__(self, table: str, key: object) -> None:
        self.table = table
        self.key = key
        super().__init__(
            f"{table}: no row with primary key {key!r}; it was deleted, or the "
            "transaction that inserted it was rolled back. Read it again, or "
            "insert it as a new object."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.key)


class TableInUseError(AtlasError):
    """Tables of another app still reference the tables that would be dropped."""

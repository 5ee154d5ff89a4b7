"""How a row is found: the sync keys of docs/model.md section 6, and what else is unique.

In: a table, and the names of the columns a row carries. Out: the names of the
columns that find it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from piccolo.columns import Column
from piccolo.table import Table as PiccoloTable

from atlas.columns import CompositeKey
from atlas.constraints import Unique

Key = tuple[str, ...]
#: A key as a caller gives it: a column or several, as columns or by name.
GivenKey = Column | str | Sequence[Column | str]

#: Where a row comes from: both or neither, and never changed once stored (rule G4).
SOURCE_PAIR: Key = ("source_id", "source_key")


def primary_key(table: type[PiccoloTable]) -> Key:
    """Return the names of the primary key's columns."""
    return tuple(column._meta.name for column in table._meta.columns if column._meta.primary_key)


def unique_keys(table: type[PiccoloTable]) -> list[Key]:
    """Return every key that finds at most one row: the primary key, then the unique ones."""
    columns = table._meta.columns
    single = [(column._meta.name,) for column in columns if column._meta.unique]
    composite = [
        tuple(constraint._meta.params["columns"])
        for constraint in table._meta.constraints
        if isinstance(constraint, Unique)
    ]
    return [primary_key(table), *single, *composite]


def sync_keys(table: type[PiccoloTable]) -> tuple[Key, ...]:
    """Return the sync keys that ``table`` declares, the first before the second."""
    keys: tuple[Key, ...] = getattr(table, "_sync_keys", ())
    return keys


def default_key(table: type[PiccoloTable], carried: Collection[str]) -> Key:
    """Return the first sync key of ``table`` whose columns are all ``carried``.

    Raises ``ValueError`` when there is none, which names the keys there are.
    """
    for key in sync_keys(table):
        if set(key) <= set(carried):
            return key
    raise ValueError(
        f"The rows carry no sync key of {table.__name__}. Give each row the columns of one, or "
        f"pass key=. {_listed(table)}"
    )


def names_of(table: type[PiccoloTable], key: GivenKey) -> Key:
    """Return the names of the columns of ``key``; raise ``ValueError`` for one of another table."""
    given: Sequence[Column | str]
    if isinstance(key, CompositeKey):
        given = key.columns
    else:
        given = [key] if isinstance(key, Column | str) else key
    names = tuple(column if isinstance(column, str) else column._meta.name for column in given)
    known = {column._meta.name for column in table._meta.columns}
    for name, column in zip(names, given, strict=True):
        is_of_another = isinstance(column, Column) and column._meta.table is not table
        if name not in known or is_of_another:
            raise ValueError(f"{column!r} is not a column of {table.__name__}.")
    return names


def checked_key(table: type[PiccoloTable], key: GivenKey) -> Key:
    """Return the names of ``key``, in the order of the unique key that it is.

    Raises ``ValueError`` for a column of another table, and for a key that
    could find several rows.
    """
    names = names_of(table, key)
    for unique in unique_keys(table):
        if sorted(unique) == sorted(names):
            return unique
    raise ValueError(
        f"({', '.join(names)}) is not a unique key of {table.__name__}, so it could find several "
        f"rows. {_listed(table)}"
    )


def _listed(table: type[PiccoloTable]) -> str:
    keys = " ".join(f"({', '.join(key)})" for key in unique_keys(table))
    return f"Unique keys are: {keys}."

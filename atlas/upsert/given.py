"""One row as its owner has it, as a dict.

In: a dict or another mapping, a row of a cursor (``sqlite3.Row``,
``asyncpg.Record``), a dataclass, a named tuple, a pydantic model, or an object of
the table. Out: names and values. It looks at no value, and imports none of the
libraries whose rows it takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from piccolo.querystring import QueryString
from piccolo.table import Table as PiccoloTable

from atlas.table import Table
from atlas.upsert.plain import column_names

#: What an object of a table has because it was made: taken for a new row, never for a stored one.
_OF_NEW_ROWS = frozenset({"id", "created_at", "updated_at"})


def as_dict(given: Any, table: type[PiccoloTable]) -> dict[str, Any]:
    """Return the names and values of a row.

    An object of ``table`` has the columns that it was given, and what each new
    row has. Raises ``TypeError``, of which the message goes on after "row 3", for what is not a
    row, and for a row that has a name twice, as a join of two tables may.
    """
    if isinstance(given, dict):
        return dict(given)
    if isinstance(given, table):
        if isinstance(given, Table):
            carried = given._column_names - (given._defaulted - _OF_NEW_ROWS)
            return {name: given.__dict__[name] for name in carried}
        values = {name: getattr(given, name) for name in column_names(table)}
        # A new row's key is the database's to make, and is an expression until it has.
        return {name: v for name, v in values.items() if not isinstance(v, QueryString)}
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, type | PiccoloTable):
        pass  # a class, or a row of another table, which has names but is not meant
    elif dataclasses.is_dataclass(given):
        return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    elif isinstance(given, tuple) and hasattr(given, "_fields"):
        return dict(zip(given._fields, given, strict=True))
    elif hasattr(type(given), "model_fields"):  # of pydantic
        return dict(given)
    elif hasattr(given, "keys") and hasattr(given, "__getitem__"):  # of a cursor
        names = list(given.keys())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise TypeError(f"has the column {', '.join(twice)} more than once; name each apart")
        return dict(zip(names, given, strict=True))
    kind = type(given).__name__
    raise TypeError(
        f"is a {kind}, which is neither a mapping of names to values nor a {table.__name__}"
    )


def readable(name: object) -> str:
    """Return the name of a column so that all of it is seen: a blank, or a byte order mark."""
    if isinstance(name, str) and name and name.isprintable() and name == name.strip():
        return name
    return ascii(name)

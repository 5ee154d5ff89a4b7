"""Tables as they are named on the command line.

In: the name of a class, or of a table in the database. Out: the class, from the apps that are
registered; or an error with the near one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.conf.apps import Finder

from atlas.errors import AtlasError
from atlas.nearest import did_you_mean

if TYPE_CHECKING:
    from atlas.upsert.result import RowError


def table_named(name: str) -> Any:
    """Return the table that is called ``name``; raise ``AtlasError`` when none is."""
    from atlas.tables import TABLES

    tables: dict[str, Any] = {}
    for table in (*Finder().get_table_classes(), *TABLES):
        tables |= {table.__name__: table, table._meta.tablename: table}
    for known, table in tables.items():
        if known.lower() == name.lower():
            return table
    raise AtlasError(f"There is no table {name}.{did_you_mean(name, tables)}")


def named(error: RowError) -> dict[str, Any]:
    """Return what was wrong with a row, by name."""
    value = "" if error.value is None else str(error.value)
    return {"column": error.column, "value": value, "reason": error.reason}

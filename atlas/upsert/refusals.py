"""Why the database refused a row, said of the column that is at fault.

In: a row, and the database's error, which on SQLite names no column of a foreign
key and no row. Out: the same as ``RowError``. It looks at what is stored, so it
says the same on both databases.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from piccolo.columns import ForeignKey

from atlas.upsert.keys import unique_keys
from atlas.upsert.lookup import find
from atlas.upsert.result import RowError
from atlas.upsert.rows import Rows


def is_unique_violation(error: BaseException) -> bool:
    """Return whether the database refused a row because another has its unique key."""
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorname in (
            "SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_CONSTRAINT_PRIMARYKEY",
        )
    return getattr(error, "sqlstate", None) == "23505"


def is_foreign_key_violation(error: BaseException) -> bool:
    """Return whether the database refused a change because of a reference."""
    if isinstance(error, sqlite3.IntegrityError):
        return "FOREIGN KEY" in str(error)
    return getattr(error, "sqlstate", None) in ("23503", "23001")


async def explained(
    engine: Any, rows: Rows, place: int, error: Exception, stored: tuple[Any, ...] | None
) -> list[RowError]:
    """Return what is wrong with the row at ``place``; ``stored`` is its primary key, if any."""
    row = dict(zip(rows.shape.names, rows.values[place], strict=True))
    position, given = rows.positions[place], rows.given[place]
    found: list[RowError] = []
    for column in rows.shape.columns:
        name = column._meta.name
        if not isinstance(column, ForeignKey) or row[name] is None:
            continue
        target = column._foreign_key_meta.resolved_references
        referred = column._foreign_key_meta.resolved_target_column._meta.name
        if not await find(engine, target, [referred], [(row[name],)], referred):
            reason = f"is the {referred} of no row of {target._meta.tablename}"
            found.append(RowError(position, name, row[name], reason, given))
    for key in unique_keys(rows.shape.table):
        if key == rows.shape.key or not row.keys() & set(key):
            continue
        values = tuple([await _value(engine, rows, row, name, stored) for name in key])
        if None in values:
            continue
        identity = rows.shape.primary_key[0]
        owners = await find(engine, rows.shape.table, key, [values], identity)
        if owners and (stored is None or owners[0][1] != stored[0]):
            reason = f"is that of another row ({identity} {owners[0][1]}), and must be unique"
            value = values[0] if len(values) == 1 else values
            found.append(RowError(position, ", ".join(key), value, reason, given))
    return found or [RowError(position, "", None, f"is refused by the database: {error}", given)]


async def _value(
    engine: Any, rows: Rows, row: dict[str, Any], name: str, stored: tuple[Any, ...] | None
) -> Any:
    """Return a row's value; what it does not carry is that of the stored row, if there is one."""
    if name in row or stored is None:
        return row.get(name)
    shape = rows.shape
    ((_, value),) = await find(engine, shape.table, shape.primary_key, [stored], name)
    return value

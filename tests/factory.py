"""Rows for tests: valid ones of any table, and what a database really holds.

``make`` fills what a table requires, parents included, from the table class
alone. ``stored`` looks through a connection of its own, with the plain driver,
so it sees what was written and not what Piccolo makes of it.
"""

from __future__ import annotations

import datetime
import itertools
import sqlite3
from contextlib import closing
from typing import Any, TypeVar

import asyncpg
from piccolo.columns import Column

import atlas
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Text
from atlas.table import Table

Row = TypeVar("Row", bound=Table)

#: The seven tables whose primary key is their two foreign keys.
JOIN_TABLES = [table for table in atlas.TABLES if len(table._key_columns) == 2]

_numbers = itertools.count(1)


def value(column: Column, number: int) -> Any:
    """Return a value that ``column`` allows, another one for the next number."""
    if column._meta.choices is not None:
        tokens = [member.value for member in column._meta.choices]
        return tokens[number % len(tokens)]
    match column:
        case Text():
            return f"{column._meta.name} {number}"
        case Decimal():
            return number + 0.5
        case Integer():
            return number
        case Boolean():
            return number % 2 == 1
        case Date():
            return datetime.date(2025, 1, 1) + datetime.timedelta(days=number)
    raise TypeError(f"no value is known for {column!r}")


def payload(table: type[Table]) -> list[Column]:
    """Return the columns of ``table`` that may change: no key, no reference, no instant."""
    return [
        column
        for column in table._meta.columns
        if not column._meta.primary_key
        and not isinstance(column, ForeignKey)
        and column._meta.name not in ("created_at", "updated_at")
    ]


async def build(table: type[Row], **values: Any) -> Row:
    """Return a new object with everything ``table`` requires; its parents are saved."""
    number = next(_numbers)
    for column in table._meta.columns:
        name = column._meta.name
        if name in values or column._meta.null or column.get_default_value() is not None:
            continue
        if isinstance(column, ForeignKey):
            parent = await make(column._foreign_key_meta.resolved_references)
            values[name] = parent._key
        else:
            values[name] = value(column, number)
    return table(**values)


async def make(table: type[Row], **values: Any) -> Row:
    """Return a saved object with everything ``table`` requires."""
    row = await build(table, **values)
    await row.save()
    return row


async def stored(table: type[Table]) -> dict[Any, dict[str, Any]]:
    """Return all rows of ``table``, by primary key, as another connection sees them."""
    engine: Any = table._meta.db
    query = f"SELECT * FROM {table._meta.tablename}"
    if engine.engine_type == "sqlite":
        with closing(sqlite3.connect(engine.path)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(query)]
    else:
        other = await asyncpg.connect(dsn=engine.config["dsn"])
        try:
            rows = [dict(row) for row in await other.fetch(query)]
        finally:
            await other.close()
    keys = [column._meta.name for column in table._key_columns]
    return {
        row[keys[0]] if len(keys) == 1 else tuple(row[name] for name in keys): row for row in rows
    }


def touched(before: dict[Any, Any], after: dict[Any, Any]) -> set[Any]:
    """Return the keys of the rows that were inserted, changed or deleted."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}

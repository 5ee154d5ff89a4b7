"""What a change of the schema would lose, counted before it is made.

In: an engine and a change. Out: nothing when every value is kept, else
``SchemaChangeError`` with the count, the first rows by their primary key, and
the line that lets the migration go on. The same on SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from piccolo.querystring import QueryString

from atlas.engine.sqlite import casts
from atlas.engine.sqlite.create_table import quoted
from atlas.errors import SchemaChangeError
from atlas.schema.relation import relation

_SHOWN_ROWS = 5


async def count(engine: Any, table: str, condition: str = "", *values: Any) -> int:
    """Return how many rows of a table meet a condition."""
    where = f" WHERE {condition}" if condition else ""
    query = QueryString(f"SELECT count(*) AS n FROM {relation(table)}{where}", *values)
    rows = await engine.run_querystring(query)
    return int(rows[0]["n"])


async def refuse_nulls(engine: Any, table: str, keys: Sequence[str], column: str) -> None:
    """Raise while a column that is to be NOT NULL holds null."""
    condition = f"{quoted(column)} IS NULL"
    if nulls := await count(engine, table, condition):
        shown, rows = await _shown(engine, table, keys, condition), await count(engine, table)
        raise SchemaChangeError(
            f"{table}.{column} is to be NOT NULL, and {nulls} of {rows} rows hold null: {shown}. "
            f"{_way_out(f'fill_nulls(manager, {_place(table, column)}, VALUE)')}"
        )


async def refuse_missing_default(engine: Any, table: str, column: str) -> None:
    """Raise when rows would have no value for a new column."""
    if rows := await count(engine, table):
        raise SchemaChangeError(
            f"{table}.{column} is new, NOT NULL and without a default, and the table has {rows} "
            f"row(s). Give it a default or null=True, or say what these rows get. "
            f"{_way_out(f'fill_nulls(manager, {_place(table, column)}, VALUE)')}"
        )


async def refuse_filled_column(
    engine: Any, table: str, keys: Sequence[str], column: str, default: QueryString | None = None
) -> None:
    """Raise when a column that is to be dropped holds a value other than ``default``."""
    condition = f"{quoted(column)} IS NOT NULL"
    values = []
    if default is not None:
        condition += f" AND {quoted(column)} <> {{}}"
        values.append(default)
    if filled := await count(engine, table, condition, *values):
        shown = await _shown(engine, table, keys, condition, column, values=values)
        place = _place(table, column)
        raise SchemaChangeError(
            f"{table}.{column} is to be dropped, and {filled} of {await count(engine, table)} rows "
            f"hold a value in it: {shown}. "
            f"{_way_out(f'save_rows(manager, {place})', f'allow_loss(manager, {place})')}"
        )


async def refuse_filled_table(engine: Any, table: str) -> None:
    """Raise when a table that is to be dropped has rows."""
    if rows := await count(engine, table):
        place = _place(table)
        raise SchemaChangeError(
            f"{table} is to be dropped, and has {rows} row(s). "
            f"{_way_out(f'save_rows(manager, {place})', f'allow_loss(manager, {place})')}"
        )


async def refuse_duplicates(engine: Any, table: str, columns: Sequence[str]) -> None:
    """Raise when rows have the same values in columns that are to be unique."""
    names = ", ".join(map(quoted, columns))
    filled = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    groups = (
        f"FROM (SELECT {names}, count(*) AS n FROM {relation(table)} WHERE {filled}"
        f" GROUP BY {names} HAVING count(*) > 1) AS groups"
    )
    (found,) = await engine.run_querystring(
        QueryString(f"SELECT count(*) AS n, sum(n) AS total {groups}")
    )
    if not found["n"]:
        return
    rows = await engine.run_querystring(
        QueryString(f"SELECT {names}, n {groups} ORDER BY {names} LIMIT {_SHOWN_ROWS}")
    )
    shown = "; ".join(
        ", ".join(f"{column} = {row[column]!r}" for column in columns) + f" ({row['n']} rows)"
        for row in rows
    )
    raise SchemaChangeError(
        f"{table}: {', '.join(columns)} is to be unique, and {found['total']} rows share "
        f"{found['n']} value(s): {shown}. Nothing was changed. Correct or delete these rows first."
    )


async def misfits(
    engine: Any, table: str, keys: Sequence[str], column: str, old_type: str, new_type: str
) -> list[tuple[dict[str, Any], Any, str]]:
    """Return what does not fit the new type of a column: the row's key, the value, and why."""
    # Without its declared type SQLite's value comes as it is stored.
    value = f"coalesce({quoted(column)}, NULL)"
    names = "".join(f"{quoted(key)}, " for key in keys)
    query = (
        f"SELECT {names}{value} AS _value FROM {relation(table)} WHERE {quoted(column)} IS NOT NULL"
    )
    found = []
    for row in await engine.run_querystring(QueryString(query)):
        if why := casts.reason(row["_value"], old_type, new_type):
            found.append(({key: row[key] for key in keys}, row["_value"], why))
    return found


def refuse_misfits(
    table: str, column: str, new_type: str, found: list[tuple[dict[str, Any], Any, str]]
) -> None:
    """Raise when there are values that do not fit."""
    if not found:
        return
    shown = "; ".join(
        ", ".join(f"{key} = {value!r}" for key, value in keys.items()) + f": {value!r} {why}"
        for keys, value, why in found[:_SHOWN_ROWS]
    )
    raise SchemaChangeError(
        f"{table}.{column} is to be {new_type}, and {len(found)} value(s) do not fit: {shown}. "
        f"{_way_out(f'allow_loss(manager, {_place(table, column)})  # they become null')}"
        " Or correct these rows first."
    )


async def _shown(
    engine: Any,
    table: str,
    keys: Sequence[str],
    condition: str,
    *columns: str,
    values: Sequence[Any] = (),
) -> str:
    names = ", ".join(map(quoted, dict.fromkeys((*keys, *columns)))) or "*"
    order = f" ORDER BY {', '.join(map(quoted, keys))}" if keys else ""
    query = (
        f"SELECT {names} FROM {relation(table)} WHERE {condition}{order} LIMIT {_SHOWN_ROWS + 1}"
    )
    rows = await engine.run_querystring(QueryString(query, *values))
    shown = [
        ", ".join(f"{name} = {value!r}" for name, value in dict(row).items())
        for row in rows[:_SHOWN_ROWS]
    ]
    return "; ".join(shown) + ("; …" if len(rows) > _SHOWN_ROWS else "")


def line_of(word: str, table: str, column: str | None = None, *values: Any) -> str:
    """Return the line of a migration that says ``word`` of a table or a column."""
    return f"{word}({', '.join(['manager', _place(table, column), *map(repr, values)])})"


def _place(table: str, column: str | None = None) -> str:
    return f'"{table}"' + (f', "{column}"' if column else "")


def _way_out(*lines: str) -> str:
    names = ", ".join(dict.fromkeys(line.partition("(")[0] for line in lines))
    return (
        "Nothing was changed. Say in the migration what is to happen (from atlas.migrate import "
        f"{names}): {' or '.join(lines)}"
    )

"""The indexes and constraints a table has, by the columns they are over.

In: an engine and a table. Out: what the database calls them, so that a step of
a migration finds the one it means, whatever its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from piccolo.querystring import QueryString

from atlas.schema.relation import relation

_SQLITE = """
    SELECT l.name AS name, l."unique" AS is_unique, l.origin AS origin, i.name AS column_name
    FROM pragma_index_list({}) AS l JOIN pragma_index_info(l.name) AS i
    WHERE NOT l.partial ORDER BY l.name, i.seqno
"""
_POSTGRES = """
    SELECT c.relname AS name, x.indisunique AS is_unique, k.contype AS origin,
           a.attname AS column_name
    FROM pg_index AS x
    JOIN pg_class AS c ON c.oid = x.indexrelid
    CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS n (attnum, position)
    LEFT JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = n.attnum
    LEFT JOIN pg_constraint AS k ON k.conindid = c.oid AND k.contype IN ('p', 'u')
    WHERE x.indrelid = CAST({} AS text)::regclass AND x.indpred IS NULL
    ORDER BY c.relname, n.position
"""
_FOREIGN_KEY = """
    SELECT k.conname AS name FROM pg_constraint AS k
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND ARRAY[a.attnum] = k.conkey
    WHERE k.contype = 'f' AND k.conrelid = CAST({} AS text)::regclass AND a.attname = {}
"""
_SQLITE_FOREIGN_KEY = 'SELECT 1 AS name FROM pragma_foreign_key_list({}) WHERE "from" = {}'

_COLUMN = """
    SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(CAST({} AS text)) AND attname = {}
    AND attnum > 0 AND NOT attisdropped
"""
_SQLITE_COLUMN = "SELECT 1 FROM pragma_table_xinfo({}) WHERE name = {} COLLATE NOCASE"


@dataclass(frozen=True)
class Index:
    """An index of a table, or the constraint that keeps one."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    #: "p" a primary key, "u" a unique constraint, anything else a plain index.
    origin: str

    @property
    def is_constraint(self) -> bool:
        """Whether it goes by DROP CONSTRAINT, and not by DROP INDEX."""
        return self.origin in ("p", "pk", "u")


async def indexes_of(engine: Any, table: str) -> list[Index]:
    """Return the indexes of a table, those of its keys included."""
    sqlite = engine.engine_type == "sqlite"
    query = QueryString(_SQLITE if sqlite else _POSTGRES, table if sqlite else relation(table))
    columns: dict[tuple[str, bool, str], list[str]] = {}
    for row in await engine.run_querystring(query):
        origin = row["origin"]
        origin = origin.decode() if isinstance(origin, bytes) else origin or "c"
        key = row["name"], bool(row["is_unique"]), origin
        columns.setdefault(key, []).append(row["column_name"] or "")
    return [
        Index(name, tuple(names), unique, origin)
        for (name, unique, origin), names in columns.items()
    ]


async def find_index(
    engine: Any, table: str, columns: Sequence[str], *, unique: bool, name: str
) -> Index | None:
    """Return the index over exactly these columns; ``name`` is preferred where there are two."""
    found = [
        index
        for index in await indexes_of(engine, table)
        if index.columns == tuple(columns)
        and index.unique is unique
        and index.origin not in ("p", "pk")
    ]
    return next((index for index in found if index.name == name), found[0] if found else None)


async def foreign_key_name(engine: Any, table: str, column: str) -> str | None:
    """Return the name of a column's foreign key; None when it has none."""
    sqlite = engine.engine_type == "sqlite"
    query = QueryString(
        _SQLITE_FOREIGN_KEY if sqlite else _FOREIGN_KEY,
        table if sqlite else relation(table),
        column,
    )
    rows = await engine.run_querystring(query)
    if not rows:
        return None
    return f"{table}_{column}_fkey" if sqlite else str(rows[0]["name"])


async def has_column(engine: Any, table: str, column: str) -> bool:
    """Return whether a table has a column of this name."""
    sqlite = engine.engine_type == "sqlite"
    query = QueryString(
        _SQLITE_COLUMN if sqlite else _COLUMN, table if sqlite else relation(table), column
    )
    return bool(await engine.run_querystring(query))


async def primary_key_name(engine: Any, table: str) -> str | None:
    """Return the name of a table's primary key; None when it has none."""
    if engine.engine_type == "sqlite":
        return f"{table}_pkey"
    found = [index.name for index in await indexes_of(engine, table) if index.origin == "p"]
    return found[0] if found else None

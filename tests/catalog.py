"""Schemas read back in the shape of ``model.py``: from the classes and from two databases.

In: the table classes, an open SQLite connection or an open PostgreSQL one. Out:
``model.Table`` by name, in which whatever the model has no word for is an extra.
The database readers use the plain drivers and nothing of the package, so they
can contradict it. Nothing here writes.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

import asyncpg
from model import Column, Names, Table
from piccolo.columns import ForeignKey as PiccoloForeignKey
from piccolo.columns.indexes import IndexMethod
from piccolo.constraints import Unique

from atlas import columns as model_columns
from atlas.constraints import Index
from atlas.table import Table as TableClass
from atlas.ulid import new_ulid

#: Piccolo's own table, which notes the migrations that have run.
PICCOLO_TABLE = "migration"

_CLASS_TYPES: dict[type, str] = {
    model_columns.Text: "text",
    model_columns.Ulid: "text",
    model_columns.ForeignKey: "text",
    model_columns.Integer: "integer",
    model_columns.Decimal: "decimal",
    model_columns.Boolean: "bool",
    model_columns.Date: "date",
    model_columns.Timestamp: "timestamp",
}
_SQLITE_TYPES = {
    "TEXT": "text",
    "INTEGER": "integer",
    "REAL": "decimal",
    "BOOLEAN": "bool",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
}
_POSTGRES_TYPES = {
    "text": "text",
    "integer": "integer",
    "double precision": "decimal",
    "boolean": "bool",
    "date": "date",
    "timestamp with time zone": "timestamp",
}
#: PRAGMA table_info shows an expression without its parentheses.
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"
_POSTGRES_ACTIONS = {
    b"a": "NO ACTION",
    b"r": "RESTRICT",
    b"c": "CASCADE",
    b"n": "SET NULL",
    b"d": "SET DEFAULT",
}
#: What a CREATE TABLE may say that no pragma tells.
_SQLITE_UNTOLD = {
    "AUTOINCREMENT",
    "CHECK",
    "COLLATE",
    "CONFLICT",
    "DEFERRABLE",
    "GENERATED",
    "MATCH",
    "STRICT",
    "WITHOUT",
}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`[^`]*`")


# --- the table classes


def read_classes(tables: Iterable[type[TableClass]]) -> dict[str, Table]:
    """Return the schema that table classes declare."""
    return {table._meta.tablename: _class(table) for table in tables}


def _class(table: type[TableClass]) -> Table:
    meta = table._meta
    columns: list[Any] = list(meta.columns)
    uniques = [(column._meta.name,) for column in columns if column._meta.unique]
    indexes = [(column._meta.name,) for column in columns if column._meta.index]
    extras = []
    for constraint in meta.constraints:
        names = tuple(constraint._meta.params.get("columns", ()))
        if isinstance(constraint, Index):
            indexes.append(names)
        elif isinstance(constraint, Unique) and constraint._meta.params["nulls_distinct"]:
            uniques.append(names)
        else:
            extras.append(f"the constraint {constraint._meta.params}")
    extras += [f"the schema {meta.schema}"] if meta.schema else []
    for column in columns:
        extras += _class_column_extras(column)
    primary_key: Any = meta.primary_key
    keys = primary_key.columns if hasattr(primary_key, "columns") else (primary_key,)
    return Table(
        name=meta.tablename,
        columns=tuple(_class_column(column) for column in columns),
        primary_key=tuple(key._meta.name for key in keys),
        uniques=tuple(sorted(uniques)),
        indexes=tuple(sorted(indexes)),
        class_name=table.__name__,
        purpose=meta.help_text or "",
        extras=tuple(sorted(extras)),
    )


def _class_column(column: Any) -> Column:
    meta = column._meta
    described = Column(
        name=meta.name,
        type=_CLASS_TYPES.get(type(column), type(column).__name__),
        null=meta.null,
        in_primary_key=meta.primary_key,
        default=_class_default(column.default),
        choices=tuple(member.value for member in meta.choices or ()),
        note=meta.help_text or "",
    )
    if not isinstance(column, PiccoloForeignKey):
        return described
    key = column._foreign_key_meta
    target = key.resolved_references._meta.tablename
    return replace(
        described,
        references=f"{target}.{key.resolved_target_column._meta.name}",
        on_delete=key.on_delete.value,
        on_update=key.on_update.value,
    )


def _class_default(default: Any) -> str:
    if isinstance(default, Enum):
        default = default.value
    if default is None:
        return "-"
    if isinstance(default, model_columns.Now):
        return "now"
    if default is new_ulid:
        return "ULID"
    if isinstance(default, bool | int | float):
        return f"{default:g}" if isinstance(default, float) else str(int(default))
    return f"text {default!r}" if default in ("-", "now", "ULID") else str(default)


def _class_column_extras(column: Any) -> list[str]:
    meta = column._meta
    found = []
    if meta.db_column_name != meta.name:
        found.append(f"{meta.name} is stored as {meta.db_column_name}")
    if meta.index_method is not IndexMethod.btree:
        found.append(f"{meta.name} has a {meta.index_method.value} index")
    return found


# --- SQLite


def sqlite_table_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, Piccolo's included."""
    return {name for name, _ in _sqlite_tables(connection)}


def read_sqlite(connection: sqlite3.Connection) -> dict[str, Table]:
    """Return the schema of an SQLite database, without Piccolo's own table."""
    found = {
        name: _sqlite_table(connection, name, sql)
        for name, sql in _sqlite_tables(connection)
        if name != PICCOLO_TABLE
    }
    objects = "SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('trigger', 'view')"
    for kind, name, table in connection.execute(objects):
        owner = found.get(table) or Table(name, (), ())
        found[owner.name] = replace(owner, extras=(*owner.extras, f"the {kind} {name}"))
    return found


def _sqlite_tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()


def _sqlite_table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    words = re.findall(r"\w+", _QUOTED.sub("", sql).upper())
    extras = [f"{word} in CREATE TABLE" for word in sorted(_SQLITE_UNTOLD.intersection(words))]
    keys: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for _, _, parent, child_column, parent_column, on_update, on_delete, _ in connection.execute(
        "SELECT * FROM pragma_foreign_key_list(?)", (name,)
    ):
        keys[child_column].append((f"{parent}.{parent_column}", on_delete, on_update))
    columns, positions = [], {}
    info = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall()
    for _, column, declared, not_null, default, position, hidden in info:
        logical_type = _SQLITE_TYPES.get(declared, declared)
        found = Column(
            name=column,
            type=logical_type,
            null=not not_null,
            in_primary_key=position > 0,
            default=_sqlite_default(logical_type, default),
        )
        columns.append(_with_reference(found, keys[column], extras))
        if position:
            positions[position] = column
        if hidden:
            extras.append(f"{column} is generated or hidden")
    uniques, indexes = _sqlite_indexes(connection, name, extras)
    return Table(
        name=name,
        columns=tuple(columns),
        primary_key=tuple(positions[position] for position in sorted(positions)),
        uniques=uniques,
        indexes=indexes,
        extras=tuple(extras),
    )


def _sqlite_indexes(
    connection: sqlite3.Connection, table: str, extras: list[str]
) -> tuple[tuple[Names, ...], tuple[Names, ...]]:
    uniques, indexes = [], []
    for _, name, unique, origin, partial in connection.execute(
        "SELECT * FROM pragma_index_list(?)", (table,)
    ):
        if origin == "pk":
            continue
        parts = connection.execute(
            "SELECT name, desc, coll FROM pragma_index_xinfo(?) WHERE key = 1", (name,)
        ).fetchall()
        if partial or any(part[1:] != (0, "BINARY") for part in parts):
            extras.append(f"{name} is partial, descending or collated")
        (uniques if unique else indexes).append(tuple(part[0] or "(expression)" for part in parts))
    return tuple(sorted(uniques)), tuple(sorted(indexes))


def _sqlite_default(logical_type: str, sql: str | None) -> str:
    if sql is None:
        return "-"
    if sql == _SQLITE_NOW:
        return "now"
    return _literal(logical_type, sql)


# --- PostgreSQL

_POSTGRES_COLUMNS = """
    SELECT t.relname AS "table", a.attname AS name, a.attnotnull AS not_null,
           format_type(a.atttypid, a.atttypmod) AS type,
           pg_get_expr(d.adbin, d.adrelid) AS "default",
           a.attidentity <> '' OR a.attgenerated <> '' AS generated,
           a.attcollation <> y.typcollation AS collated
    FROM pg_attribute AS a
    JOIN pg_class AS t ON t.oid = a.attrelid
    JOIN pg_type AS y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY t.relname, a.attnum
"""
_POSTGRES_CONSTRAINTS = """
    SELECT t.relname AS "table", c.conname AS name, c.contype AS kind,
           pg_get_constraintdef(c.oid) AS sql, parent.relname AS parent,
           c.confdeltype AS on_delete, c.confupdtype AS on_update,
           ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number
                 ORDER BY k.place) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number
                 ORDER BY k.place) AS parent_columns
    FROM pg_constraint AS c
    JOIN pg_class AS t ON t.oid = c.conrelid
    LEFT JOIN pg_class AS parent ON parent.oid = c.confrelid
    WHERE c.connamespace = 'public'::regnamespace
    ORDER BY c.conname
"""
_POSTGRES_INDEXES = """
    SELECT t.relname AS "table", x.relname AS name, i.indisunique AS is_unique,
           i.indisvalid AS is_valid,
           split_part(pg_get_indexdef(i.indexrelid), ' USING ', 2) AS sql,
           ARRAY(SELECT coalesce(a.attname::text, '(expression)')
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                 LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
                   AND k.number > 0
                 ORDER BY k.place) AS columns
    FROM pg_index AS i
    JOIN pg_class AS t ON t.oid = i.indrelid
    JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE t.relnamespace = 'public'::regnamespace AND NOT i.indisprimary
    ORDER BY x.relname
"""
_POSTGRES_OTHERS = """
    SELECT NULL AS "table", r.relname AS name, 'relation' AS kind
    FROM pg_class AS r
    WHERE r.relnamespace = 'public'::regnamespace AND r.relkind NOT IN ('r', 'p', 'i', 'I')
      AND r.relname <> 'migration_id_seq'
    UNION ALL
    SELECT t.relname, g.tgname, 'trigger'
    FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = g.tgrelid
    WHERE t.relnamespace = 'public'::regnamespace AND NOT g.tgisinternal
    UNION ALL
    SELECT t.relname, w.rulename, 'rule'
    FROM pg_rewrite AS w JOIN pg_class AS t ON t.oid = w.ev_class
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
    UNION ALL
    SELECT t.relname, CASE WHEN t.relrowsecurity THEN 'row security' ELSE 'unlogged' END, 'state'
    FROM pg_class AS t
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
      AND (t.relrowsecurity OR t.relpersistence <> 'p')
"""


async def postgres_table_names(connection: asyncpg.Connection) -> set[str]:
    """Return the names of all tables in ``public``, Piccolo's included."""
    rows = await connection.fetch(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    )
    return {row["table_name"] for row in rows}


async def read_postgres(connection: asyncpg.Connection) -> dict[str, Table]:
    """Return the schema of a PostgreSQL database, without Piccolo's own table."""
    columns = _by_table(await connection.fetch(_POSTGRES_COLUMNS))
    constraints = _by_table(await connection.fetch(_POSTGRES_CONSTRAINTS))
    indexes = _by_table(await connection.fetch(_POSTGRES_INDEXES))
    others = _by_table(await connection.fetch(_POSTGRES_OTHERS))
    found = {
        name: _postgres_table(name, columns[name], constraints[name], indexes[name], others[name])
        for name in columns
        if name != PICCOLO_TABLE
    }
    for row in others[None]:
        found[row["name"]] = Table(row["name"], (), ())
    return found


def _by_table(rows: Iterable[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    grouped: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["table"]].append(row)
    return grouped


def _postgres_table(
    name: str,
    columns: list[Mapping[str, Any]],
    constraints: list[Mapping[str, Any]],
    indexes: list[Mapping[str, Any]],
    others: list[Mapping[str, Any]],
) -> Table:
    extras = [f"the {row['kind']} {row['name']}" for row in others]
    primary_key: Names = ()
    keys: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in constraints:
        if row["kind"] == b"p":
            primary_key = tuple(row["columns"])
        elif row["kind"] == b"f":
            for column, parent_column in zip(row["columns"], row["parent_columns"], strict=True):
                keys[column].append(
                    (
                        f"{row['parent']}.{parent_column}",
                        _POSTGRES_ACTIONS[row["on_delete"]],
                        _POSTGRES_ACTIONS[row["on_update"]],
                    )
                )
        elif row["kind"] not in (b"n", b"u"):  # not null and unique are read elsewhere
            extras.append(f"{row['name']} {row['sql']}")
        if re.search(r" DEFERRABLE| MATCH | NOT VALID| NOT ENFORCED| NO INHERIT", row["sql"]):
            extras.append(f"{row['name']} {row['sql']}")
    found = []
    for row in columns:
        logical_type = _POSTGRES_TYPES.get(row["type"], row["type"])
        column = Column(
            name=row["name"],
            type=logical_type,
            null=not row["not_null"],
            in_primary_key=row["name"] in primary_key,
            default=_postgres_default(logical_type, row["default"]),
        )
        found.append(_with_reference(column, keys[column.name], extras))
        if row["generated"] or row["collated"]:
            extras.append(f"{column.name} is generated or collated")
    for row in indexes:
        if not row["is_valid"] or row["sql"].replace('"', "") != _plain_index(row["columns"]):
            extras.append(f"{row['name']} is not a plain valid index: {row['sql']}")
    return Table(
        name=name,
        columns=tuple(found),
        primary_key=primary_key,
        uniques=tuple(sorted(tuple(row["columns"]) for row in indexes if row["is_unique"])),
        indexes=tuple(sorted(tuple(row["columns"]) for row in indexes if not row["is_unique"])),
        extras=tuple(sorted(extras)),
    )


def _plain_index(columns: list[str]) -> str:
    return f"btree ({', '.join(columns)})"


def _postgres_default(logical_type: str, sql: str | None) -> str:
    if sql is None:
        return "-"
    if sql == "CURRENT_TIMESTAMP":
        return "now"
    if logical_type == "bool":
        return {"true": "1", "false": "0"}.get(sql, sql)
    if logical_type == "text":
        sql = sql.removesuffix("::text")
    return _literal(logical_type, sql)


# --- both databases


def _with_reference(column: Column, keys: list[tuple[str, str, str]], extras: list[str]) -> Column:
    """Return ``column`` with its foreign key; a second one on the same column is an extra."""
    if not keys:
        return column
    extras += [f"{column.name} also references {key[0]}" for key in keys[1:]]
    references, on_delete, on_update = keys[0]
    return replace(column, references=references, on_delete=on_delete, on_update=on_update)


def _literal(logical_type: str, sql: str) -> str:
    """Return an SQL literal as the model writes it; any other expression as it stands.

    So does the text ``'-'``, which would read as no default.
    """
    patterns: dict[str, tuple[str, Callable[[str], str]]] = {
        "text": (r"'(?:[^']|'')*'", lambda text: text[1:-1].replace("''", "'")),
        "integer": (r"-?\d+", str),
        "decimal": (r"-?\d+(?:\.\d+)?", str),
        "bool": (r"[01]", str),
    }
    pattern, value = patterns.get(logical_type, ("", str))
    return value(sql) if re.fullmatch(pattern, sql) and sql != "'-'" else f"SQL {sql}"

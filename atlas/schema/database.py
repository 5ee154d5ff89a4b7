"""The schema of a database, read back.

In: an engine, or what ``reading`` gives. Out: a ``Schema`` and what else lies in the
database. Types and defaults are as ``dialect.py`` spells them. Changes nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from piccolo.apps.migrations.tables import Migration
from piccolo.querystring import QueryString

from atlas.engine.sqlite.create_table import parse, tokens
from atlas.errors import SchemaChangeError
from atlas.schema.dialect import check_words, default_sql, type_sql
from atlas.schema.schema import Check, Column, Dialect, ForeignKey, Index, Names, Table

#: Piccolo's own table, which notes the migrations that have run.
LOG_TABLE = Migration._meta.tablename

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    """What a database holds, but for Piccolo's own table."""

    tables: dict[str, Table]
    #: The trigger and the table it is on.
    triggers: tuple[tuple[str, str], ...] = ()
    views: Names = ()
    #: Whether Piccolo's own table is there.
    has_log: bool = field(default=False)


async def read(engine: Any, schemas: Iterable[str] = ()) -> Contents:
    """Return what the database of ``engine`` holds.

    Of PostgreSQL, what is in the current schema, and under names as ``hr.staff`` what is in others
    of ``schemas``.
    """
    if engine.engine_type == "sqlite":
        return await _read_sqlite(engine)
    return await _read_postgres(engine, schemas)


async def _rows(engine: Any, sql: str) -> list[Row]:
    rows: list[Row] = await engine.run_querystring(QueryString(sql))
    return rows


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["tablename"]].append(row)
    return groups


# --- SQLite: https://www.sqlite.org/pragma.html

_SQLITE_OBJECTS = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    " WHERE type IN ('table', 'trigger', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_SQLITE_COLUMNS = (
    'SELECT t.name AS tablename, c.name, c.type, c."notnull" AS not_null,'
    " c.dflt_value, c.pk, c.hidden"
    " FROM sqlite_schema AS t JOIN pragma_table_xinfo(t.name) AS c WHERE t.type = 'table'"
    " ORDER BY t.name, c.cid"
)
_SQLITE_FOREIGN_KEYS = (
    'SELECT t.name AS tablename, f.id, f."table" AS parent, f."from" AS child_column,'
    ' f."to" AS parent_column, f.on_update, f.on_delete'
    " FROM sqlite_schema AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"
    " ORDER BY t.name, f.id, f.seq"
)
_SQLITE_INDEXES = (
    'SELECT t.name AS tablename, i.name, i."unique" AS is_unique, i.origin, i.partial,'
    ' c.name AS column_name, c."desc" AS descends, c.coll'
    " FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i"
    " JOIN pragma_index_xinfo(i.name) AS c"
    " WHERE t.type = 'table' AND c.\"key\" = 1 AND i.origin <> 'pk'"
    " ORDER BY t.name, i.name, c.seqno"
)
#: What a CREATE TABLE may say that no pragma tells.
_SQLITE_UNTOLD = frozenset(
    {
        "AUTOINCREMENT",
        "COLLATE",
        "CONFLICT",
        "DEFERRABLE",
        "GENERATED",
        "MATCH",
        "STRICT",
        "WITHOUT",
    }
)
_NO_KEYWORD = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)


async def _read_sqlite(engine: Any) -> Contents:
    objects = await _rows(engine, _SQLITE_OBJECTS)
    sql = {row["name"]: row["sql"] for row in objects if row["type"] == "table"}
    columns = _grouped(await _rows(engine, _SQLITE_COLUMNS))
    foreign_keys = _grouped(await _rows(engine, _SQLITE_FOREIGN_KEYS))
    indexes = _grouped(await _rows(engine, _SQLITE_INDEXES))
    # A table's own SQL may spell its parent in another case.
    spelled = {name.lower(): name for name in sql}
    keys = {name: _sqlite_primary_key(columns[name]) for name in sql}
    tables = {
        name: Table(
            name=name,
            columns={row["name"]: _sqlite_column(row) for row in columns[name]},
            primary_key=keys[name],
            foreign_keys=_sqlite_foreign_keys(foreign_keys[name], spelled, keys),
            indexes=_sqlite_indexes(indexes[name]),
            checks=_sqlite_checks(sql[name]),
            rules=_sqlite_rules(sql[name], columns[name]),
        )
        for name in sql
        if name != LOG_TABLE
    }
    return Contents(
        tables=tables,
        triggers=tuple(
            (row["name"], row["tbl_name"]) for row in objects if row["type"] == "trigger"
        ),
        views=tuple(row["name"] for row in objects if row["type"] == "view"),
        has_log=LOG_TABLE in sql,
    )


def _sqlite_primary_key(rows: Iterable[Row]) -> Names:
    return tuple(row["name"] for row in sorted(rows, key=lambda row: row["pk"]) if row["pk"])


def _sqlite_column(row: Row) -> Column:
    return Column(
        name=row["name"],
        type=type_sql("sqlite", row["type"]),
        null=not row["not_null"],
        default=default_sql("sqlite", row["dflt_value"]),
    )


def _sqlite_foreign_keys(
    rows: Iterable[Row], spelled: Mapping[str, str], primary_keys: Mapping[str, Names]
) -> dict[str, ForeignKey]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["id"]].append(row)
    keys = {}
    for parts in found.values():
        parent = spelled.get(parts[0]["parent"].lower(), parts[0]["parent"])
        # Without columns the parent's primary key is meant.
        targets = [row["parent_column"] for row in parts]
        if None in targets:
            targets = list(primary_keys.get(parent, ()))
        column = ",".join(row["child_column"] for row in parts)
        if column in keys:  # a second reference of the same column
            column = f"{column} (to {parent})"
        keys[column] = ForeignKey(
            column=column,
            target=f"{parent}.{','.join(targets)}",
            on_delete=parts[0]["on_delete"].upper(),
            on_update=parts[0]["on_update"].upper(),
        )
    return keys


def _sqlite_indexes(rows: Iterable[Row]) -> tuple[Index, ...]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["name"]].append(row)
    return tuple(
        Index(
            columns=tuple(row["column_name"] or "(expression)" for row in parts),
            unique=bool(parts[0]["is_unique"]),
            name=name if parts[0]["origin"] == "c" else None,
            rule=" ".join(sorted(_sqlite_index_rules(parts))),
        )
        for name, parts in found.items()
    )


def _sqlite_index_rules(parts: Iterable[Row]) -> set[str]:
    rules = set()
    for row in parts:
        if row["partial"]:
            rules.add("WHERE …")
        if row["descends"]:
            rules.add("DESC")
        if row["coll"] != "BINARY":
            rules.add(f"COLLATE {row['coll']}")
    return rules


def _sqlite_checks(sql: str) -> tuple[Check, ...]:
    """Return the CHECKs of a table, and of its columns, which have no other place."""
    if "CHECK" not in sql.upper():
        return ()
    try:
        definition = parse(sql)
    except SchemaChangeError:  # a virtual table
        return ()
    found = [
        each
        for each in (
            *(each for column in definition.columns for each in column.constraints),
            *definition.constraints,
        )
        if each.kind == "CHECK"
    ]
    return tuple(_sqlite_check(each.name, each.text) for each in found)


def _sqlite_check(name: str | None, text: str) -> Check:
    begin = next(token.start for token in tokens(text) if token.word == "CHECK")
    return Check(name, text[begin:], check_words("sqlite", text[begin:]))


def _sqlite_rules(sql: str, columns: Iterable[Row]) -> Names:
    words = re.findall(r"\w+", _NO_KEYWORD.sub(" ", sql).upper())
    if words[:2] == ["CREATE", "VIRTUAL"]:
        return ("VIRTUAL TABLE",)
    hidden = [f"{row['name']} is generated or hidden" for row in columns if row["hidden"]]
    return (*sorted(_SQLITE_UNTOLD.intersection(words)), *hidden)


# --- PostgreSQL: https://www.postgresql.org/docs/current/catalogs.html

_POSTGRES_COLUMNS = """
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END AS tablename,
           a.attname::text AS name, a.attnotnull AS not_null,
           format_type(a.atttypid, a.atttypmod) AS type,
           pg_get_expr(d.adbin, d.adrelid) AS "default",
           a.attidentity <> '' OR a.attgenerated <> '' AS is_generated,
           a.attcollation <> y.typcollation AS is_collated
    FROM pg_attribute AS a
    JOIN pg_class AS t ON t.oid = a.attrelid
    JOIN pg_type AS y ON y.oid = a.atttypid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname::text IN ({schemas}) AND t.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY tablename, a.attnum
"""
_POSTGRES_CONSTRAINTS = """
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END AS tablename,
           c.conname::text AS name, c.contype::text AS kind,
           pg_get_constraintdef(c.oid) AS sql,
           CASE WHEN m.nspname = current_schema() THEN p.relname::text
                ELSE concat(m.nspname, '.', p.relname) END AS parent,
           EXISTS (SELECT 1 FROM pg_trigger AS g WHERE g.tgconstraint = c.oid AND (
               g.tgenabled = 'D' OR (current_setting('session_replication_role') = 'replica'
                                     AND g.tgenabled = 'O'))) AS is_off,
           c.confdeltype::text AS on_delete, c.confupdtype::text AS on_update,
           ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number
                 ORDER BY k.place) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number
                 ORDER BY k.place) AS parent_columns
    FROM pg_constraint AS c
    JOIN pg_class AS t ON t.oid = c.conrelid
    JOIN pg_namespace AS n ON n.oid = c.connamespace
    LEFT JOIN pg_class AS p ON p.oid = c.confrelid
    LEFT JOIN pg_namespace AS m ON m.oid = p.relnamespace
    WHERE n.nspname::text IN ({schemas})
    ORDER BY tablename, c.conname
"""
_POSTGRES_INDEXES = """
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END AS tablename,
           x.relname::text AS name, i.indisunique AS is_unique,
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
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND NOT i.indisprimary
    ORDER BY tablename, x.relname
"""
_POSTGRES_OTHERS = """
    SELECT NULL AS tablename, r.relname::text AS name, 'view' AS kind
    FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND r.relkind IN ('v', 'm')
    UNION ALL
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END, g.tgname::text, 'trigger'
    FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = g.tgrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND NOT g.tgisinternal
    UNION ALL
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END, w.rulename::text, 'rule'
    FROM pg_rewrite AS w JOIN pg_class AS t ON t.oid = w.ev_class
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND t.relkind = 'r'
    UNION ALL
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END, 'ROW LEVEL SECURITY', 'state'
    FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND t.relkind = 'r' AND t.relrowsecurity
    UNION ALL
    SELECT CASE WHEN n.nspname = current_schema() THEN t.relname::text
                ELSE concat(n.nspname, '.', t.relname) END, 'UNLOGGED', 'state'
    FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname::text IN ({schemas}) AND t.relkind = 'r' AND t.relpersistence = 'u'
    ORDER BY 1, 2
"""
_POSTGRES_ACTIONS = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}
_POSTGRES_UNTOLD = re.compile(r" DEFERRABLE| MATCH | NOT VALID| NOT ENFORCED| NO INHERIT")


async def _read_postgres(engine: Any, schemas: Iterable[str]) -> Contents:
    literals = ["'{}'".format(name.replace("'", "''")) for name in sorted(schemas)]
    places = ", ".join(["current_schema()::text", *literals])
    columns = _grouped(await _rows(engine, _POSTGRES_COLUMNS.format(schemas=places)))
    constraints = _grouped(await _rows(engine, _POSTGRES_CONSTRAINTS.format(schemas=places)))
    indexes = _grouped(await _rows(engine, _POSTGRES_INDEXES.format(schemas=places)))
    others = await _rows(engine, _POSTGRES_OTHERS.format(schemas=places))
    tables = {
        name: _postgres_table(
            name,
            columns[name],
            constraints[name],
            indexes[name],
            [row for row in others if row["tablename"] == name],
        )
        for name in list(columns)
        if name != LOG_TABLE
    }
    return Contents(
        tables=tables,
        triggers=tuple(
            (row["name"], row["tablename"]) for row in others if row["kind"] == "trigger"
        ),
        views=tuple(row["name"] for row in others if row["kind"] == "view"),
        has_log=LOG_TABLE in columns,
    )


def _postgres_table(
    name: str, columns: list[Row], constraints: list[Row], indexes: list[Row], others: list[Row]
) -> Table:
    rules = [row["name"] for row in others if row["kind"] == "state"]
    rules += [f"RULE {row['name']}" for row in others if row["kind"] == "rule"]
    primary_key: Names = ()
    foreign_keys: dict[str, ForeignKey] = {}
    checks: list[Check] = []
    for row in constraints:
        if row["kind"] == "p":
            primary_key = tuple(row["columns"])
        elif row["kind"] == "f":
            column = ",".join(row["columns"])
            if column in foreign_keys:  # a second reference of the same column
                column = f"{column} (to {row['parent']})"
            foreign_keys[column] = ForeignKey(
                column=column,
                target=f"{row['parent']}.{','.join(row['parent_columns'])}",
                on_delete=_POSTGRES_ACTIONS[row["on_delete"]],
                on_update=_POSTGRES_ACTIONS[row["on_update"]],
                is_enforced=not row["is_off"],
            )
        elif row["kind"] == "c":
            checks.append(Check(row["name"], row["sql"]))
        elif row["kind"] not in ("n", "u"):  # not null and unique are read elsewhere
            rules.append(f"{row['name']} {row['sql']}")
            continue
        if row["kind"] != "n" and _POSTGRES_UNTOLD.search(row["sql"]):
            rules.append(f"{row['name']} {row['sql']}")
    rules += [f"{row['name']} is generated" for row in columns if row["is_generated"]]
    rules += [f"{row['name']} is collated" for row in columns if row["is_collated"]]
    return Table(
        name=name,
        columns={
            row["name"]: Column(
                name=row["name"],
                type=row["type"],
                null=not row["not_null"],
                default=default_sql("postgres", row["default"]),
            )
            for row in columns
        },
        primary_key=primary_key,
        foreign_keys=foreign_keys,
        indexes=tuple(_postgres_index(row) for row in indexes),
        checks=tuple(checks),
        rules=tuple(sorted(rules)),
    )


def _postgres_index(row: Row) -> Index:
    method, _, rest = row["sql"].partition(" ")
    plain = f"({', '.join(row['columns'])})"
    rule = "" if method == "btree" else method
    if rest.replace('"', "") != plain:
        rule = f"{rule} {rest}".strip()
    if not row["is_valid"]:
        rule = f"{rule} INVALID".strip()
    return Index(
        columns=tuple(row["columns"]), unique=row["is_unique"], name=row["name"], rule=rule
    )


def dialect_of(engine: Any) -> Dialect:
    """Return which SQL the engine speaks; CockroachDB's is close to PostgreSQL's."""
    return "sqlite" if engine.engine_type == "sqlite" else "postgres"

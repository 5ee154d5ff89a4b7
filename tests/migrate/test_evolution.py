"""Every kind of change, forwards and backwards, on tables that hold rows.

Piccolo writes each migration from the tables; it is run on SQLite and on
PostgreSQL, which must come to the same schema, and no row may be lost.
"""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import catalog
import pytest
from conftest import database_url, run_on_server
from kinds import KINDS, ROWS, TABLES, Kind
from shop import Project

from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine

BY_HAND = (
    "CREATE INDEX by_hand ON {app}_thing (price) WHERE price > 1",
    "CREATE TABLE by_hand_log (thing_id TEXT)",
    "CREATE TRIGGER on_change AFTER UPDATE ON {app}_thing BEGIN"
    " INSERT INTO by_hand_log VALUES (new.id); END",
    "CREATE TRIGGER on_child AFTER DELETE ON {app}_child BEGIN"
    " INSERT INTO by_hand_log SELECT id FROM {app}_thing; END",
    "CREATE VIEW by_hand_view AS SELECT t.id, c.id AS child FROM {app}_thing AS t"
    " JOIN {app}_child AS c ON c.thing_id = t.id",
)
MIGRATION = catalog.PICCOLO_TABLE


def edited(kind: Kind) -> str:
    text = TABLES
    for old, new in kind.changes:
        assert text.count(old) == 1, (kind.name, old, text.count(old))
        text = text.replace(old, new)
    return text


def execute(engine: SQLiteEngine, *statements: str) -> None:
    with closing(sqlite3.connect(engine.path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def sqlite_rows(engine: SQLiteEngine) -> dict[str, list[dict[str, Any]]]:
    """Return all rows, but for what the triggers wrote down."""
    with closing(sqlite3.connect(engine.path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1')]
            for name in sorted(catalog.sqlite_table_names(connection) - {MIGRATION, "by_hand_log"})
        }


async def postgres_rows(engine: PostgresEngine) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(dsn=engine.config["dsn"])
    try:
        return {
            name: [
                dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}" ORDER BY 1')
            ]
            for name in sorted(await catalog.postgres_table_names(connection) - {MIGRATION})
        }
    finally:
        await connection.close()


def in_any_order(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without what SQLite alone has, and without the order of its columns."""

    def plain(column: Any) -> Any:
        return replace(column, default=column.default.removesuffix("::date"))

    return {
        name: replace(table, columns=tuple(sorted(map(plain, table.columns), key=str)), extras=())
        for name, table in schema.items()
        if not name.startswith("by_hand")
    }


def sqlite_schema(engine: SQLiteEngine) -> dict[str, Any]:
    with closing(sqlite3.connect(engine.path)) as connection:
        return in_any_order(catalog.read_sqlite(connection))


async def postgres_schema(engine: PostgresEngine) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn=engine.config["dsn"])
    try:
        return in_any_order(await catalog.read_postgres(connection))
    finally:
        await connection.close()


def sqlite_index_names(engine: SQLiteEngine) -> set[str]:
    """Return the names of all indexes; one that SQLite made up as PostgreSQL would call it."""
    query = """
        SELECT m.name, l.name, l.origin,
               (SELECT group_concat(name, '_') FROM pragma_index_info(l.name))
        FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS l
        WHERE m.type = 'table' AND l.origin <> 'pk' AND m.name <> 'migration'
    """
    with closing(sqlite3.connect(engine.path)) as connection:
        return {
            f"{table}_{columns}_key" if origin == "u" else name
            for table, name, origin, columns in connection.execute(query)
        }


async def postgres_index_names(engine: PostgresEngine) -> set[str]:
    connection = await asyncpg.connect(dsn=engine.config["dsn"])
    try:
        rows = await connection.fetch(
            "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            " JOIN pg_class AS t ON t.oid = i.indrelid"
            " WHERE NOT i.indisprimary AND t.relnamespace = 'public'::regnamespace"
            " AND t.relname <> 'migration'"
        )
        return {row["relname"] for row in rows}
    finally:
        await connection.close()


def hand_made(engine: SQLiteEngine) -> list[tuple[str, str]]:
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view') OR name LIKE 'by_%'"
        " ORDER BY name"
    )
    with closing(sqlite3.connect(engine.path)) as connection:
        return connection.execute(query).fetchall()


class Evolution:
    """One kind of change on both databases: before, after it, and after it is taken back."""

    def __init__(self, project: Project, sqlite: SQLiteEngine, postgres: PostgresEngine) -> None:
        self.project, self.sqlite, self.postgres = project, sqlite, postgres
        self.engines: tuple[Any, ...] = (sqlite, postgres)

    async def begin(self) -> None:
        self.project.write(TABLES)
        assert await self.project.new(self.sqlite) is not None
        app = self.project.app
        inserts = [f"INSERT INTO {app}_{name} VALUES {rows}" for name, rows in ROWS.items()]
        for engine in self.engines:
            await self.project.forwards(engine)
        execute(self.sqlite, *inserts, *(text.replace("{app}", app) for text in BY_HAND))
        connection = await asyncpg.connect(dsn=self.postgres.config["dsn"])
        try:
            await connection.execute(";".join([*inserts, BY_HAND[0].replace("{app}", app)]))
        finally:
            await connection.close()


@pytest.fixture
async def evolution(
    request: Any, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The tables of ``kinds.py`` with rows, on an SQLite file and in a PostgreSQL database."""
    monkeypatch.chdir(tmp_path)  # where rows of PostgreSQL are saved
    app = f"shop{uuid.uuid4().hex[:8]}"
    name = f"atlas_{app}"
    await run_on_server(postgres_url, f"CREATE DATABASE {name} STRATEGY FILE_COPY")
    one = Evolution(
        Project(tmp_path, app),
        SQLiteEngine(str(tmp_path / "shop.db")),
        PostgresEngine(database_url(postgres_url, name)),
    )
    await one.begin()
    yield one
    await one.sqlite.close_connection_pool()
    await run_on_server(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_change_and_back(kind: Kind, evolution: Evolution) -> None:
    """A change leaves every row, and the same schema on both databases; taken back, the first."""
    project, sqlite, postgres = evolution.project, evolution.sqlite, evolution.postgres
    before = sqlite_rows(sqlite), await postgres_rows(postgres)
    schema, names, by_hand = sqlite_schema(sqlite), sqlite_index_names(sqlite), hand_made(sqlite)
    assert schema == await postgres_schema(postgres)
    project.write(edited(kind))
    path = await project.new(sqlite, is_rename=kind.is_rename, words=kind.words)
    assert path is not None

    for engine in evolution.engines:
        await project.forwards(engine)
    assert sqlite_schema(sqlite) == await postgres_schema(postgres)
    assert sqlite_schema(sqlite) != schema or "class only" in kind.name
    assert sqlite_index_names(sqlite) == await postgres_index_names(postgres)
    counts = {name: len(rows) for name, rows in before[0].items() if "_thing" not in name}
    kept = {name: len(rows) for name, rows in sqlite_rows(sqlite).items()}
    assert {name: kept.get(name, "dropped") for name in counts} == counts | (
        {f"{project.app}_grandchild": "dropped"} if kind.name == "drop table" else {}
    )
    after = await postgres_rows(postgres)
    assert {name: len(rows) for name, rows in after.items()} == kept
    assert violations(sqlite) == []
    if "rename table" not in kind.name:
        assert hand_made(sqlite) == by_hand
    assert await project.new(sqlite) is None, "a second new finds more"

    for engine in evolution.engines:
        await project.backwards(engine)
    assert sqlite_schema(sqlite) == schema == await postgres_schema(postgres)
    assert sqlite_index_names(sqlite) == names == await postgres_index_names(postgres)
    assert sqlite_rows(sqlite) == expected(kind, before[0])
    assert await postgres_rows(postgres) == expected(kind, before[1])
    assert [name for name, _ in hand_made(sqlite)] == [name for name, _ in by_hand]
    assert violations(sqlite) == []


def expected(kind: Kind, rows: dict[str, Any]) -> dict[str, Any]:
    """Return the rows at the end: those of the beginning, but for what a migration filled."""
    if kind.name == "null to not null":
        for name, found in rows.items():
            if name.endswith("_thing"):
                rows[name] = [row | {"amount": row["amount"] or 0} for row in found]
    return rows


def violations(engine: SQLiteEngine) -> list[Any]:
    with closing(sqlite3.connect(engine.path)) as connection:
        return connection.execute("PRAGMA foreign_key_check").fetchall()

"""``atlas copy``: all rows of a database into another, or none."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from databases import postgres_copy, rows, sqlite_copy
from piccolo.apps.migrations.tables import Migration
from piccolo.columns import ForeignKey, Numeric, Varchar
from piccolo.querystring import QueryString
from piccolo.table import Table as StockTable

from atlas import (
    TABLES,
    AtlasError,
    ConfigurationError,
    CorruptValueError,
    Entity,
    Person,
    Region,
    create_client,
    seed,
    sync_client,
)
from atlas.transfer import CopiedTable, copy


@pytest.fixture(scope="module")
def filled(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An SQLite file with the small demo, and a tree whose child has the lesser id."""
    url = sqlite_copy(migrated_file, tmp_path_factory.mktemp("filled") / "filled.db")

    async def fill() -> None:
        async with create_client(url):
            await seed(demo="small")
            ids = await Region.select(Region.id).order_by(Region.id).limit(2).output(as_list=True)
            await Region.update({Region.parent_id: ids[1]}).where(Region.id == ids[0])

    asyncio.run(fill())
    return url


@pytest.fixture
def empty_url(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated and empty database on PostgreSQL."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture
def empty_file(migrated_file: Path, tmp_path: Path) -> str:
    """A migrated and empty SQLite file."""
    return sqlite_copy(migrated_file, tmp_path / "empty.db")


def copied(source: str, target: str, **options: Any) -> list[CopiedTable]:
    return asyncio.run(_copied(source, target, **options))


async def _copied(source: str, target: str, **options: Any) -> list[CopiedTable]:
    async with create_client(source, read_only=True) as first, create_client(target) as second:
        return await copy(first, second, tables=TABLES, **options)


def count(url: str, table: str) -> int:
    """Return how many rows a table has, as another connection sees it."""
    return int(asyncio.run(rows(url, f"SELECT count(*) FROM {table}"))[0][0])


def schema(url: str) -> list[Any]:
    """Return the constraints and indexes of a database, as its catalog has them."""
    query = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "UNION SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "ORDER BY 1, 2"
    )
    if url.startswith("file:"):
        query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
    return asyncio.run(rows(url, query))


def test_there_and_back_is_the_same(filled: str, empty_url: str, empty_file: str) -> None:
    """SQLite to PostgreSQL to SQLite: each value as it was stored, and the same checksums."""
    before = schema(empty_url), schema(empty_file)
    told: list[tuple[str, int, int]] = []
    there = copied(filled, empty_url, on_progress=lambda *tell: told.append(tell))
    back = copied(empty_url, empty_file)
    assert there == back
    assert sum(table.rows for table in there) > 3_000
    assert told[-1][1] == told[-1][2] == sum(table.rows for table in there)
    assert (schema(empty_url), schema(empty_file)) == before
    paths = [url.removeprefix("file:") for url in (filled, empty_file)]
    with closing(sqlite3.connect(paths[0])) as first, closing(sqlite3.connect(paths[1])) as second:
        for table in TABLES:
            query = f'SELECT *, typeof(1) FROM "{table._meta.tablename}" ORDER BY 1, 2'
            assert first.execute(query).fetchall() == second.execute(query).fetchall()
        assert second.execute("PRAGMA foreign_key_check").fetchall() == []


def test_between_databases_of_a_kind(
    filled: str, empty_file: str, empty_url: str, postgres_url: str, migrated_postgres: str
) -> None:
    """A file to a file, and a server's database to another."""
    first = copied(filled, empty_file)
    assert copied(empty_file, empty_url) == first
    other = asyncio.run(postgres_copy(postgres_url, migrated_postgres))
    assert copied(empty_url, other) == first


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_target_that_is_not_empty_is_refused(
    kind: str, filled: str, request: pytest.FixtureRequest
) -> None:
    """One row anywhere is enough, and it is all there is afterwards."""
    url = request.getfixturevalue("empty_file" if kind == "sqlite" else "empty_url")
    with sync_client(url) as client:
        client.run(Entity(code="A", name="there").save())
    with pytest.raises(AtlasError, match=r"core_entity has 1 row\(s\) already"):
        copied(filled, url)
    assert count(url, "core_entity") == 1
    assert count(url, "core_region") == 0


def test_a_target_at_other_migrations_is_refused(
    filled: str, empty_file: str, tmp_path: Path
) -> None:
    """The error says which migrations are missing where; a file without tables is one."""
    with sync_client(empty_file) as client:
        client.run(Migration.delete().where(Migration.app_name == "target").run())
    with pytest.raises(AtlasError, match=r"lacks 1 migration.*target .*atlas migrate"):
        copied(filled, empty_file)
    with pytest.raises(AtlasError, match=r"its migrations cannot be read.*atlas migrate"):
        copied(filled, f"file:{tmp_path / 'nothing.db'}")
    with pytest.raises(ConfigurationError, match="cannot be copied to itself"):
        copied(filled, filled)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_corrupt_value_names_its_row(
    kind: str, filled: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A value that another tool wrote is named, and nothing is written."""
    url = request.getfixturevalue("empty_file" if kind == "sqlite" else "empty_url")
    path = tmp_path / "corrupt.db"
    shutil.copyfile(filled.removeprefix("file:"), path)
    with closing(sqlite3.connect(path)) as bad, bad:
        bad.execute("UPDATE db_person SET birth_date = 'soon' WHERE rowid = 7")
        (id,) = bad.execute("SELECT id FROM db_person WHERE rowid = 7").fetchone()
    with pytest.raises(CorruptValueError) as caught:
        copied(f"file:{path}", url)
    assert (caught.value.table, caught.value.column, caught.value.id) == (
        Person._meta.tablename,
        "birth_date",
        id,
    )
    assert count(url, "core_entity") == 0


def test_writers_go_on_and_are_not_in_it(filled: str, empty_url: str, empty_file: str) -> None:
    """The copy is of the moment it began, whatever is written while it runs."""
    copied(filled, empty_url)
    before = count(empty_url, "core_entity")
    written: list[str] = []

    def write(table: str, done: int, total: int) -> None:
        code = f"new-{len(written)}"
        threads.submit(client.run, Entity(code=code, name=code).save()).result()
        written.append(code)

    with sync_client(empty_url) as client, ThreadPoolExecutor(1) as threads:
        copied(empty_url, empty_file, on_progress=write)
    assert written
    assert count(empty_url, "core_entity") == before + len(written)
    assert count(empty_file, "core_entity") == before


@pytest.fixture(params=["sqlite", "postgres"])
def empty_target(request: pytest.FixtureRequest) -> Any:
    """A migrated and empty database: SQLite, then PostgreSQL."""
    return request.getfixturevalue("empty_file" if request.param == "sqlite" else "empty_url")


def test_kill_in_the_middle_leaves_it_empty(filled: str, empty_target: str) -> None:
    """After kill -9 the target is as it was, with all its indexes, and can be copied to."""
    before = schema(empty_target)
    program = (
        "import asyncio, sys; from atlas import TABLES, create_client; from atlas.transfer import "
        "copy\n"
        "def tell(table, done, total):\n"
        "    if done > 2_000: print(done, flush=True); sys.stdin.read()\n"
        "async def main():\n"
        "    async with create_client(sys.argv[1]) as a, create_client(sys.argv[2]) as b:\n"
        "        await copy(a, b, tables=TABLES, on_progress=tell)\n"
        "asyncio.run(main())"
    )
    words = [sys.executable, "-c", program, filled, empty_target]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert int(running.stdout.readline()) > 2_000
        os.kill(running.pid, signal.SIGKILL)
    for _ in range(200):  # the server notices the end of a connection a moment later
        if count(empty_target, "core_entity") == 0:
            break
        time.sleep(0.05)
    assert schema(empty_target) == before
    assert sum(table.rows for table in copied(filled, empty_target)) > 3_000


class Note(StockTable, tablename="own_note"):
    """A table of a project's own, of plain Piccolo."""

    text = Varchar()
    price = Numeric(digits=(10, 2), null=True)
    parent = ForeignKey("self", null=True)


def test_tables_of_the_projects_own(empty_file: str, empty_url: str) -> None:
    """A table of plain Piccolo with ids that the database counts; the count goes on behind them."""

    async def work() -> tuple[list[CopiedTable], list[Any]]:
        async with create_client(empty_file) as source, create_client(empty_url) as target:
            for client in (source, target):
                serial = "INTEGER PRIMARY KEY" if client is source else "SERIAL PRIMARY KEY"
                price = "NUMERIC" if client is source else "NUMERIC(10, 2)"
                await client.engine.run_ddl(
                    f"CREATE TABLE own_note (id {serial}, text VARCHAR(255) NOT NULL, "
                    f"price {price}, parent INTEGER REFERENCES own_note(id))"
                )
            for id, parent in ((2, None), (7, 2)):
                insert = "INSERT INTO own_note (id, text, price, parent) VALUES ({}, {}, {}, {})"
                await source.engine.run_querystring(
                    QueryString(insert, id, "x", Decimal("1.50"), parent)
                )
            found = await copy(source, target, tables=[Note])
            new = "INSERT INTO own_note (text) VALUES ('new') RETURNING id"
            return found, await target.engine.run_querystring(QueryString(new))

    found, new = asyncio.run(work())
    assert [(table.name, table.rows) for table in found] == [("own_note", 2)]
    assert new[0]["id"] == 8


def test_command(filled: str, empty_url: str, tmp_path: Path) -> None:
    """``atlas copy`` prints each table; a second time it refuses with exit code 2."""
    environment = {k: value for k, value in os.environ.items() if k != "PICCOLO_CONF"}
    program = Path(sys.executable).parent / "atlas"
    ended = [
        subprocess.run(
            [program, "copy", filled, empty_url],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        for _ in range(2)
    ]
    assert ended[0].returncode == 0, ended[0].stderr
    assert "core_entity" in ended[0].stdout
    assert "Both databases have the same rows." in ended[0].stdout
    assert ended[1].returncode == 2
    assert "already. A copy is made into an empty database only" in ended[1].stderr

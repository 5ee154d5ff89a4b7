"""``atlas info``: what it says of a database is what the database itself says."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from databases import postgres_copy, rows, sqlite_copy, url_of
from factory import make
from school import demo, reference
from school import load as load_rows

import atlas.cli
from atlas import TABLES, Entity, Order, Tag, create_client
from atlas.info import DatabaseInfo, read

APPS = ["core", "db", "catalog", "commerce", "finance", "marketing", "target"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def seeded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database with the reference rows and the demo. Copy it; do not write to it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("seeded") / "atlas-ops.db"
        made = sqlite_copy(request.getfixturevalue("migrated_file"), path)
    else:
        server, template = map(request.getfixturevalue, ("postgres_url", "migrated_postgres"))
        made = asyncio.run(postgres_copy(server, template))

    async def load() -> None:
        async with create_client(made):
            await load_rows([*reference(), *demo()])

    asyncio.run(load())
    return made


@pytest.fixture
def url(seeded: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of such a database of the test's own."""
    if seeded.startswith("file:"):
        return sqlite_copy(Path(seeded.removeprefix("file:")), tmp_path / "atlas-ops.db")
    name = seeded.partition("?")[0].rpartition("/")[2]
    return asyncio.run(postgres_copy(request.getfixturevalue("postgres_url"), name))


async def look(url: str) -> DatabaseInfo:
    """Return what ``read`` finds, through a client that only reads."""
    async with create_client(url, read_only=True) as client:
        return await read(client)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Run ``atlas info`` with these arguments; return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["atlas", "info", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        atlas.cli.main()
    return exit_info.value.code


async def test_rows_sizes_and_changes_are_the_databases(seeded: str) -> None:
    """Each of the 38 tables has the rows, the size and the last change a plain driver sees."""
    info = await look(seeded)
    assert [table.name for table in info.tables] == [table._meta.tablename for table in TABLES]
    assert list(dict.fromkeys(table.app for table in info.tables)) == APPS
    for table in info.tables:
        ((count, newest),) = await rows(
            seeded, f"SELECT count(*), max(updated_at) FROM {table.name}"
        )
        if isinstance(newest, str):
            newest = datetime.datetime.fromisoformat(newest)
        assert (table.rows, table.changed_at) == (count, newest)
        if seeded.startswith("file:"):
            names = f"(SELECT name FROM sqlite_master WHERE tbl_name = '{table.name}')"
            ((size,),) = await rows(seeded, f"SELECT sum(pgsize) FROM dbstat WHERE name IN {names}")
        else:
            ((size,),) = await rows(seeded, f"SELECT pg_total_relation_size('{table.name}')")
        assert table.size == size > 0
    assert not info.sizes_are_estimates


def test_the_database_is_described(seeded: str) -> None:
    """Where it is, what serves it, how large it is, and that its migrations were run."""
    info = asyncio.run(look(seeded))
    if seeded.startswith("file:"):
        path = seeded.removeprefix("file:")
        assert info.location == path
        assert info.version == f"SQLite {sqlite3.sqlite_version}"
        assert info.journal_mode == "WAL"
        assert info.size == os.path.getsize(path)
    else:
        assert info.version.startswith("PostgreSQL ")
        assert info.journal_mode is None
        assert info.size is not None
        assert info.size > sum(table.size or 0 for table in info.tables)
    assert len(info.migrations_applied) >= 7
    assert info.migrations_pending == info.migrations_unknown == []


async def test_a_later_change_is_seen(url: str) -> None:
    """A row that is changed moves the table's last change, and no other's."""
    before = {table.name: table.changed_at for table in (await look(url)).tables}
    async with create_client(url):
        await Order.update({Order.note: "x"}).where(Order.number == "SO-0001")
    after = {table.name: table.changed_at for table in (await look(url)).tables}
    assert [name for name in after if after[name] != before[name]] == ["commerce_order"]


async def test_the_last_change_comes_from_the_index(sqlite_engine: Any) -> None:
    """Where (updated_at, id) is indexed, the newest is found without looking at the rows."""
    indexed = [table for table in TABLES if hasattr(table, "index_updated_at_id")]
    assert len(indexed) == 8
    for table in indexed:
        column = table._meta.auto_update_columns[0]
        query = table.select(column).order_by(column, ascending=False).limit(1)
        ((*_, detail),) = await rows(f"file:{sqlite_engine.path}", f"EXPLAIN QUERY PLAN {query}")
        assert "USING COVERING INDEX" in detail
        assert "updated_at" in detail


async def test_migrations_are_told_apart(url: str) -> None:
    """One that was taken back is pending, a newer version's unknown, another app's nobody's."""
    name = next(n for n in (await look(url)).migrations_applied if n.startswith("target "))
    async with create_client(url):
        await Entity.raw("DELETE FROM migration WHERE app_name = 'target'")
        for app, migration in (("core", "2099-01-01T00:00:00:000000"), ("shop", "x")):
            await Entity.raw(
                "INSERT INTO migration (name, app_name, ran_on)"
                f" VALUES ('{migration}', '{app}', CURRENT_TIMESTAMP)"
            )
    info = await look(url)
    assert info.migrations_pending == [name]
    assert info.migrations_unknown == ["core 2099-01-01T00:00:00:000000"]


async def test_tables_that_are_not_there_are_said(tmp_path: Path) -> None:
    """Of a file with other tables nothing is counted, and all migrations are pending."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    info = await look(f"file:{tmp_path / 'other.db'}")
    assert {(table.rows, table.size, table.changed_at) for table in info.tables} == {
        (None, None, None)
    }
    assert info.journal_mode == "DELETE"
    assert len(info.migrations_pending) >= 7
    assert info.migrations_applied == []


async def test_without_dbstat_sizes_are_estimates(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SQLite built without dbstat has the pages shared out, and the largest is the largest."""
    url = sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")
    async with create_client(url) as db, db.transaction():
        for _ in range(2000):
            await Tag.insert(Tag(code=str(_), name="n" * 100))
    exact = await look(url)
    raw = Entity.raw

    def without_dbstat(sql: str, *values: Any) -> Any:
        return raw(sql.replace("dbstat", "no_dbstat"), *values)

    monkeypatch.setattr(Entity, "raw", without_dbstat)
    guessed = await look(url)
    assert guessed.sizes_are_estimates
    for table, guess in zip(exact.tables, guessed.tables, strict=True):
        assert table.size is not None
        assert guess.size is not None
        assert guess.size == pytest.approx(table.size, rel=0.25), table.name


def test_it_is_printed_as_a_table(
    seeded: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints a summary, a line for each table, and what they come to."""
    monkeypatch.setenv("DATABASE_URL", seeded)
    assert run(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "Database"
    cells = [line.strip("│ ").split("│") for line in lines if line.startswith("│")]
    assert len(cells) == 39
    assert [row[0].strip() for row in cells[:2]] == ["core_entity", "core_region"]
    assert cells[-1][0].strip() == "38 tables"
    total = len(reference()) + len(demo())
    assert cells[-1][1].strip() == str(total)
    assert "Migrations" in "".join(lines)
    assert max(map(len, lines[4:])) <= 80


def test_it_is_printed_as_json(
    seeded: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json gives the same to a program: numbers as numbers, instants in ISO 8601."""
    assert run(monkeypatch, "--json", "--database", seeded) == 0
    found = json.loads(capsys.readouterr().out)
    assert [table["name"] for table in found["tables"]] == [t._meta.tablename for t in TABLES]
    order = next(table for table in found["tables"] if table["name"] == "commerce_order")
    assert order["rows"] == 6
    assert order["size"] > 0
    assert datetime.datetime.fromisoformat(order["changed_at"]).tzinfo is not None
    assert len(found["migrations_applied"]) >= 7


async def test_an_unmigrated_database_says_what_to_do(
    migrated_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table that is not there is said in its line."""
    path = tmp_path / "atlas-ops.db"
    shutil.copy(migrated_file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE target_line")
        connection.execute("DELETE FROM migration WHERE app_name = 'target'")
    info = await look(f"file:{path}")
    text = atlas.cli.info._tables(info)
    assert list(text.columns[1].cells)[-2:] == ["not there", "0"]
    assert list(text.columns[0].cells)[-1] == "37 tables"
    assert "1 pending" in atlas.cli.info._migrations(info)


async def test_rows_are_counted_while_others_write(engine: Any) -> None:
    """All numbers are of one moment: a row and what it references are both in, or neither."""
    await make(Order)
    seen: list[str] = []
    async with create_client(url_of(engine)) as client:
        info = await read(client, seen.append)
    assert {t.name for t in info.tables if t.rows} >= {"commerce_order", "core_unit"}
    assert seen == [*(table._meta.tablename for table in TABLES), "sizes"]


@pytest.mark.parametrize(
    ("database", "message"),
    [
        ("missing.db", "there is no such file"),
        ("nowhere/missing.db", "does not exist"),
        ("text.db", "is not an SQLite database"),
        ("postgresql://user:secret@127.0.0.1:1/db", "cannot be reached"),
    ],
)
def test_a_database_that_is_not_there_is_not_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str,
    message: str,
) -> None:
    """One line says what is wrong, without the password; exit code 2, the folder is as it was."""
    (tmp_path / "text.db").write_text("no database, but long enough to be taken for one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database if ":" in database else f"file:{database}")
    for arguments in ((), ("--database", database)):
        assert run(monkeypatch, *arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "secret" not in said
        assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


def test_every_app_is_known() -> None:
    """The seven apps are those that Piccolo's configuration registers."""
    from atlas.info import _APPS

    conf = (ROOT / "piccolo_conf.py").read_text()
    assert list(_APPS) == APPS
    assert all(f"atlas.{app}.piccolo_app" in conf for app in APPS)

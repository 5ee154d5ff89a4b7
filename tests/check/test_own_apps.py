"""``atlas check`` finds the tables of an app of the user's own as its migrations made them.

Each on both databases: nothing after the migration, and what was changed by hand.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from conftest import database_url, run_on_server
from shop import Project

from atlas.check import drift
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import MigrationFailedError
from atlas.migrate.report import RunReport
from atlas.migrate.run import Wanted, run
from atlas.schema.schema import Kind

HEAD = """
import datetime
from atlas.columns import ForeignKey, Integer, Text, Timestamp, Ulid
from atlas.constraints import Index, Unique
from atlas.table import Table
from piccolo.constraints import Check
"""
ID_1, ID_2 = "01J00000000000000000000001", "01J00000000000000000000002"


class Shop:
    """One app in one database."""

    def __init__(self, project: Project, engine: Any) -> None:
        self.project, self.engine = project, engine

    @property
    def is_sqlite(self) -> bool:
        return bool(self.engine.engine_type == "sqlite")

    async def change(self, tables: str) -> None:
        """Write tables and their migration, and apply it."""
        self.project.write(HEAD + tables)
        assert await self.project.new(self.engine) is not None
        await self.project.forwards(self.engine)

    async def execute(self, *statements: str) -> None:
        for statement in statements:
            await self.engine.run_ddl(statement.replace("{app}", self.project.app))

    async def drift(self) -> list[tuple[Kind, str | None, str | None]]:
        with self.project.using(self.engine):
            found = (await drift.check()).drift
        app = self.project.app
        return [(f.kind, (f.table or "").replace(app, "shop"), f.name) for f in found]


@pytest.fixture(params=["sqlite", "postgres"])
async def shop(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str
) -> AsyncIterator[Shop]:
    """An app without tables, on SQLite, then on PostgreSQL."""
    app = f"shop{uuid.uuid4().hex[:8]}"
    if request.param == "sqlite":
        engine: Any = SQLiteEngine(str(tmp_path / "shop.db"))
        yield Shop(Project(tmp_path, app), engine)
        await engine.close_connection_pool()
        return
    await run_on_server(postgres_url, f"CREATE DATABASE atlas_{app} STRATEGY FILE_COPY")
    yield Shop(Project(tmp_path, app), PostgresEngine(database_url(postgres_url, f"atlas_{app}")))
    await run_on_server(postgres_url, f"DROP DATABASE atlas_{app} WITH (FORCE)")


CHECKED = """
class Thing(Table, tablename="{app}_thing"):
    id = Ulid(primary_key=True)
    amount = Integer(null=True)
    positive = Check("amount > 0")
"""


async def test_declared_check(shop: Shop) -> None:
    """A Check that a class declares is no drift; it is missed when it is gone, and changed."""
    await shop.change(CHECKED)
    assert await shop.drift() == []
    await shop.change(CHECKED.replace("> 0", "> 1"))
    assert await shop.drift() == []
    if shop.is_sqlite:
        await shop.execute(
            "DROP TABLE {app}_thing",
            "CREATE TABLE {app}_thing (id TEXT PRIMARY KEY NOT NULL, amount INTEGER CHECK (1))",
        )
    else:
        await shop.execute(
            "ALTER TABLE {app}_thing DROP CONSTRAINT positive",
            "ALTER TABLE {app}_thing ADD CONSTRAINT other CHECK (amount < 9)",
        )
    found = await shop.drift()
    assert found[0] == (Kind.missing_check, "shop_thing", "positive")
    assert [kind for kind, _, _ in found[1:]] == [Kind.extra_rule]


async def test_check_with_another_condition(shop: Shop) -> None:
    """On SQLite, which keeps the words of a Check, another condition under its name is found."""
    await shop.change(CHECKED)
    if not shop.is_sqlite:
        pytest.skip("PostgreSQL words conditions anew, so only their names are compared.")
    await shop.execute(
        "DROP TABLE {app}_thing",
        "CREATE TABLE {app}_thing (id TEXT PRIMARY KEY NOT NULL, amount INTEGER,"
        " CONSTRAINT Positive CHECK (amount>9))",
    )
    assert await shop.drift() == [(Kind.check_definition, "shop_thing", "positive")]


async def test_foreign_keys_that_are_switched_off(shop: Shop) -> None:
    """On PostgreSQL a reference whose triggers are disabled is found: it is not enforced."""
    await shop.change(
        """
class Place(Table, tablename="{app}_place"):
    id = Ulid(primary_key=True)

class Thing(Table, tablename="{app}_thing"):
    id = Ulid(primary_key=True)
    place_id = ForeignKey(Place)
"""
    )
    assert await shop.drift() == []
    if shop.is_sqlite:
        pytest.skip("SQLite switches them off for a connection, not for a table.")
    for table in ("thing", "place"):  # who writes, and who is deleted
        await shop.execute(f"ALTER TABLE {{app}}_{table} DISABLE TRIGGER ALL")
        assert await shop.drift() == [(Kind.foreign_key_off, "shop_thing", "place_id")]
        await shop.execute(f"ALTER TABLE {{app}}_{table} ENABLE TRIGGER ALL")
    assert await shop.drift() == []


async def test_names_that_postgres_clips(shop: Shop) -> None:
    """Indexes whose names are longer than PostgreSQL keeps are made, kept apart, and dropped."""
    table = "{app}_a_rather_long_table_name_for_invoices"
    text = f'class Thing(Table, tablename="{table}"):\n    id = Ulid(primary_key=True)\n'
    columns = [f"the_quite_long_name_of_a_column_{number}" for number in ("one", "two", "three")]
    lines = [f"    {name} = Text(null=True, index=True)\n" for name in columns]
    lines.append("    the_quite_long_name_of_a_column_four = Text(null=True, unique=True)\n")
    for count in (2, 4, 1):
        await shop.change(text + "".join(lines[:count]))
        assert await shop.drift() == []


async def test_names_with_capitals(shop: Shop) -> None:
    """Names with capital letters are no drift, and can be dropped again."""
    text = """
class Parent(Table, tablename="{app}_Parent"):
    id = Ulid(primary_key=True)

class Thing(Table, tablename="{app}_Thing"):
    id = Ulid(primary_key=True)
    parentId = ForeignKey(Parent, null=True)
    dueAmount = Integer(null=True, index=True)
    Code = Text(unique=True)
    both = Index([parentId, dueAmount])
    pair = Unique([parentId, Code])
"""
    await shop.change(text)
    assert await shop.drift() == []
    await shop.change(text[: text.index("    both")].replace(", index=True", ""))
    assert await shop.drift() == []


async def test_instant_as_default(shop: Shop) -> None:
    """A fixed instant is the same in any time zone, in the default and in what check reads."""
    if not shop.is_sqlite:
        await shop.execute(f"ALTER DATABASE atlas_{shop.project.app} SET timezone = 'Asia/Jakarta'")
    await shop.change(
        """
class Thing(Table, tablename="{app}_thing"):
    id = Ulid(primary_key=True)
    at = Timestamp(default=datetime.datetime(2026, 5, 24, 10, 30, tzinfo=datetime.UTC))
"""
    )
    assert await shop.drift() == []


async def test_branches_that_were_merged(shop: Shop) -> None:
    """One branch changed a default, the other the type: all still runs, and `new` ends it."""
    text = """
class Thing(Table, tablename="{app}_thing"):
    id = Ulid(primary_key=True)
    amount = Integer(null=True)
"""
    await shop.change(text)
    project = shop.project
    project.write(HEAD + text.replace("Integer(null=True", "Integer(null=True, default=1"))
    ours = await project.new(shop.engine)
    assert ours is not None
    written = ours.read_text()
    ours.unlink()
    await shop.change(text.replace("Integer", "Text"))
    ours.write_text(written)  # merged
    await project.forwards(shop.engine)
    merged = text.replace("Integer(null=True", "Text(null=True, default='1'").replace("'", '"')
    await shop.change(merged)
    with project.using(shop.engine):
        found = (await drift.check()).drift
    # The older of the two was applied after the later one, and that is all there is to say.
    assert {finding.kind for finding in found} <= {Kind.migration_out_of_order}


class Said(RunReport):
    """Keeps which files were said to be edited."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def edited(self, file: Any) -> None:
        self.names.append(file.path.name)


async def test_edited_migration_is_taken_back(shop: Shop) -> None:
    """Who takes an edited migration back is told; a column that is not there is not counted."""
    before = 'class Thing(Table, tablename="{app}_thing"):\n    id = Ulid(primary_key=True)\n'
    await shop.change(before)
    await shop.execute(f"INSERT INTO {{app}}_thing VALUES ('{ID_1}')")
    await shop.change(f"{before}    extra = Text(null=True)\n")
    path = shop.project.migrations[-1]
    applied = path.read_text()
    path.write_text(applied.replace("'extra'", "'other'").replace('"extra"', '"other"'))
    report = Said()
    back = Wanted((shop.project.app,), "1", backwards=True)
    with shop.project.using(shop.engine), pytest.raises(MigrationFailedError) as caught:
        await run(back, report=report)
    said = str(caught.value)
    assert "has no column other" in said
    assert f"{path.name} was edited since it was applied" in said
    assert report.names == [path.name]

    path.write_text(applied + "# another comment\n")  # which does no harm
    with shop.project.using(shop.engine):
        await run(back, report=report)
    assert report.names == [path.name] * 2
    path.unlink()
    shop.project.write(HEAD + before)
    assert await shop.drift() == []

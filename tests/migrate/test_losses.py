"""A change that cannot keep the rows is refused with a count, and what the migration may say.

Each on both databases: the same refusal, and the same way on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import database_url, run_on_server
from databases import rows
from kinds import CHILD, GRANDCHILD, ROWS, TABLES, THING_1, THING_2
from shop import Project

from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import AtlasError
from atlas.migrate.report import RunReport
from atlas.migrate.run import Wanted, run


@dataclass
class Shop:
    """The tables of ``kinds.py`` with their rows, in one database."""

    project: Project
    engine: Any
    url: str

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return await rows(self.url, query.replace("{app}", self.project.app))

    async def execute(self, statement: str) -> None:
        await self.engine.run_ddl(statement.replace("{app}", self.project.app))

    async def everything(self) -> Any:
        return [await self.rows(f"SELECT * FROM {{app}}_{name} ORDER BY 1") for name in ROWS]

    async def change(self, old: str, new: str, *words: str) -> None:
        """Write the migration for a change, with ``words`` in it; in place of the last one."""
        if len(self.project.migrations) > 1:
            self.project.migrations[-1].unlink()
        assert TABLES.count(old) == 1
        self.project.write(TABLES.replace(old, new))
        assert await self.project.new(self.engine, words=words) is not None

    async def refused(self) -> str:
        """Run the migration, which is refused and changes nothing; return what it says."""
        before = await self.everything()
        with pytest.raises(AtlasError) as caught:
            await self.project.forwards(self.engine)
        assert await self.everything() == before
        said = str(caught.value)
        assert "Nothing was changed" in said
        return said.replace(self.project.app, "shop")


@pytest.fixture(params=["sqlite", "postgres"])
async def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    """The shop on SQLite, then on PostgreSQL."""
    monkeypatch.chdir(tmp_path)  # where rows of PostgreSQL are saved
    app = f"shop{uuid.uuid4().hex[:8]}"
    engine: Any
    if request.param == "sqlite":
        url = f"file:{tmp_path / 'shop.db'}"
        engine = SQLiteEngine(str(tmp_path / "shop.db"))
    else:
        url = database_url(postgres_url, f"atlas_{app}")
        await run_on_server(postgres_url, f"CREATE DATABASE atlas_{app} STRATEGY FILE_COPY")
        engine = PostgresEngine(url)
    one = Shop(Project(tmp_path, app), engine, url)
    one.project.write(TABLES)
    assert await one.project.new(engine) is not None
    await one.project.forwards(engine)
    for name, values in ROWS.items():
        await one.execute(f"INSERT INTO {{app}}_{name} VALUES {values}")
    yield one
    if request.param == "sqlite":
        await engine.close_connection_pool()
    else:
        await run_on_server(postgres_url, f"DROP DATABASE atlas_{app} WITH (FORCE)")


NULLABLE, REQUIRED = "amount = Integer(null=True)", "amount = Integer()"


async def test_not_null_with_nulls_is_refused(shop: Shop) -> None:
    """Null to NOT NULL counts the nulls, names the rows, and shows the line that fills them."""
    await shop.change(NULLABLE, REQUIRED)
    said = await shop.refused()
    assert "shop_thing.amount is to be NOT NULL, and 1 of 2 rows hold null" in said
    assert f"id = '{THING_2}'" in said
    assert 'fill_nulls(manager, "shop_thing", "amount", VALUE)' in said
    await shop.change(NULLABLE, REQUIRED, 'fill_nulls(manager, "{app}_thing", "amount", 9)')
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT amount FROM {app}_thing ORDER BY id") == [(5,), (9,)]


async def test_nulls_are_filled_by_an_expression(shop: Shop) -> None:
    """The value may be worked out by the database, from the row."""
    word = 'fill_nulls(manager, "{app}_thing", "note", QueryString("lower(code)"))'
    imports = "from piccolo.querystring import QueryString"
    await shop.change("note = Text(null=True)", "note = Text()", imports, word)
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT note FROM {app}_thing ORDER BY id") == [("a note",), ("b",)]


async def test_new_column_without_values_is_refused(shop: Shop) -> None:
    """A new NOT NULL column without a default needs a value for the rows that are there."""
    await shop.change(NULLABLE, f"{NULLABLE}\n    extra = Text()")
    said = await shop.refused()
    assert "shop_thing.extra is new, NOT NULL and without a default" in said
    assert "2 row(s)" in said
    assert 'fill_nulls(manager, "shop_thing", "extra", VALUE)' in said


async def test_values_that_do_not_fit_are_refused(shop: Shop) -> None:
    """A narrower type names the values that do not fit, by primary key; allowed, they are null."""
    await shop.execute("UPDATE {app}_thing SET note = '12' WHERE code = 'B'")
    change = "note = Text(null=True)", "note = Integer(null=True)"
    await shop.change(*change)
    said = await shop.refused()
    assert "shop_thing.note is to be INTEGER, and 1 value(s) do not fit" in said
    assert f"id = '{THING_1}': 'a note' is not an integer" in said
    await shop.change(*change, 'allow_loss(manager, "{app}_thing", "note")')
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT note FROM {app}_thing ORDER BY id") == [(None,), (12,)]


async def test_decimals_are_not_rounded(shop: Shop) -> None:
    """PostgreSQL would make 2 or 3 of 2.5, and SQLite would leave it in an integer column."""
    await shop.change("price = Decimal(default=1.5)", "price = Integer(default=1)")
    said = await shop.refused()
    assert "shop_thing.price is to be INTEGER, and 2 value(s) do not fit" in said
    assert "2.5 is not a whole number" in said


async def test_dropped_values_are_refused_or_saved(shop: Shop) -> None:
    """A column that holds values is dropped when they are saved first, and put back from there."""
    before = await shop.everything()
    await shop.change("    note = Text(null=True)\n", "")
    said = await shop.refused()
    assert "shop_thing.note is to be dropped, and 1 of 2 rows hold a value in it" in said
    assert "note = 'a note'" in said
    assert 'save_rows(manager, "shop_thing", "note")' in said
    assert 'allow_loss(manager, "shop_thing", "note")' in said
    path = shop.project.package / "notes.jsonl"
    await shop.change(
        "    note = Text(null=True)\n",
        "",
        f'save_rows(manager, "{{app}}_thing", "note", {str(path)!r})',
    )
    await shop.project.forwards(shop.engine)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"id": THING_1, "note": "a note"},
        {"id": THING_2, "note": None},
    ]
    assert path.stat().st_mode & 0o077 == 0
    await shop.project.backwards(shop.engine)
    columns = "id, source_id, code, label, note, digits, amount, price"
    assert await shop.rows(f"SELECT {columns} FROM {{app}}_thing ORDER BY 1") == before[2]


async def test_dropped_table_is_refused_or_saved(shop: Shop) -> None:
    """A table that holds rows is dropped when they are saved first, and comes back with them."""
    begin = TABLES.index("class Grandchild(")
    await shop.change(TABLES[begin:], "")
    said = await shop.refused()
    assert "shop_grandchild is to be dropped, and has 1 row(s)" in said
    assert 'save_rows(manager, "shop_grandchild") or allow_loss(manager' in said
    path = shop.project.package / "rows.jsonl"
    path.write_text("of an earlier run\n")
    word = f'save_rows(manager, "{{app}}_grandchild", path={str(path)!r})'
    await shop.change(TABLES[begin:], "", word)
    await shop.project.forwards(shop.engine)
    assert path.with_name("rows.jsonl.1").read_text() == "of an earlier run\n"
    await shop.project.backwards(shop.engine)
    assert await shop.rows("SELECT * FROM {app}_grandchild") == [(GRANDCHILD, CHILD)]


async def test_allowed_loss_drops_without_a_file(shop: Shop) -> None:
    """The migration may say that a column's values are to go."""
    word = 'allow_loss(manager, "{app}_thing", "note")'
    await shop.change("    note = Text(null=True)\n", "", word)
    await shop.project.forwards(shop.engine)
    assert len((await shop.rows("SELECT * FROM {app}_thing"))[0]) == 7
    assert not [*shop.project.package.parent.glob("*.jsonl")]


async def test_duplicates_are_refused(shop: Shop) -> None:
    """Columns that are to be unique, and are not, are shown with their values."""
    await shop.change("label = Text(index=True)", "label = Text(index=True, unique=True)")
    said = await shop.refused()
    assert 'label is to be unique, and 2 rows share 1 value(s): label = "it\'s" (2 rows)' in said


async def test_taking_back_keeps_what_was_written_since(shop: Shop) -> None:
    """Backwards drops a new column as long as it holds only what the migration put there."""
    await shop.change(NULLABLE, f"{NULLABLE}\n    extra = Integer(default=7)")
    await shop.project.forwards(shop.engine)
    await shop.execute("UPDATE {app}_thing SET extra = 8 WHERE code = 'A'")
    with pytest.raises(AtlasError, match=r"1 of 2 rows hold a value in it: .*extra = 8"):
        await shop.project.backwards(shop.engine)
    await shop.execute("UPDATE {app}_thing SET extra = 7")
    await shop.project.backwards(shop.engine)
    assert len((await shop.rows("SELECT * FROM {app}_thing"))[0]) == 8


async def test_reference_to_nothing_is_refused(shop: Shop) -> None:
    """A foreign key to another table needs its rows there."""
    await shop.execute("DELETE FROM {app}_place")
    old = "ForeignKey(Source, on_delete=OnDelete.cascade, on_update=OnUpdate.cascade)"
    await shop.change(old, old.replace("Source", "Place"))
    with pytest.raises(AtlasError, match="thing") as caught:
        await shop.project.forwards(shop.engine)
    assert "place" in str(caught.value)
    query = "SELECT count(*) FROM {app}_thing AS t JOIN {app}_source AS s ON s.id = t.source_id"
    assert await shop.rows(query) == [(2,)]


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
async def test_rebuild_says_how_far_it_is(shop: Shop) -> None:
    """A run reports the rows that are copied, for whoever watches it."""
    said: list[tuple[str, int, int]] = []

    class Watching(RunReport):
        def does(self, what: str, done: int, total: int) -> None:
            said.append((what, done, total))

    await shop.change("price = Decimal(default=1.5)", "price = Decimal(default=2)")
    with shop.project.using(shop.engine):
        await run(Wanted((shop.project.app,)), backup=False, report=Watching())
    assert said == [(f"Rebuilding {shop.project.app}_thing", 2, 2)]


async def test_a_missing_file_of_saved_rows_is_said(shop: Shop) -> None:
    """Rows that were saved, and whose file is gone, are not taken for put back."""
    path = shop.project.package / "notes.jsonl"
    word = f'save_rows(manager, "{{app}}_thing", "note", {str(path)!r})'
    await shop.change("    note = Text(null=True)\n", "", word)
    await shop.project.forwards(shop.engine)
    path.rename(path.with_suffix(".away"))
    with pytest.raises(AtlasError) as caught:
        await shop.project.backwards(shop.engine)
    assert f"its rows were saved to {path}, and that file is not there" in str(caught.value)
    assert len((await shop.rows("SELECT * FROM {app}_thing"))[0]) == 7
    path.with_suffix(".away").rename(path)
    await shop.project.backwards(shop.engine)
    assert await shop.rows("SELECT note FROM {app}_thing ORDER BY id") == [("a note",), (None,)]


async def test_a_failed_run_leaves_no_saved_rows(shop: Shop) -> None:
    """What a run has saved goes again when it fails, and what was there before comes back."""
    path = shop.project.package / "notes.jsonl"
    path.write_text("of an earlier run\n")
    word = f'save_rows(manager, "{{app}}_thing", "note", {str(path)!r})'
    # The unique key is made after the column was dropped, and two rows share a label.
    old = "label = Text(index=True)\n    note = Text(null=True)\n"
    await shop.change(old, "label = Text(index=True, unique=True)\n", word)
    assert "label is to be unique" in await shop.refused()
    assert [file.name for file in path.parent.glob("*.jsonl*")] == [path.name]
    assert path.read_text() == "of an earlier run\n"


@pytest.mark.parametrize(
    ("column", "value"), [("Integer", "'abc'"), ("Integer", "2.5"), ("Date", "'yesterday'")]
)
async def test_fill_nulls_takes_what_the_column_takes(shop: Shop, column: str, value: str) -> None:
    """A value that the column would refuse is refused, with the line that gives it."""
    word = f'fill_nulls(manager, "{{app}}_thing", "extra", {value})'
    await shop.change(NULLABLE, f"{NULLABLE}\n    extra = {column}()", word)
    said = await shop.refused()
    assert f'fill_nulls(manager, "shop_thing", "extra", {value})' in said


async def test_related_tables_are_dropped_and_come_back(shop: Shop) -> None:
    """A table and one that it references go in one migration, and their rows come back."""
    before = await shop.everything()
    begin = TABLES.index("class Child(")
    words = [f'save_rows(manager, "{{app}}_{name}")' for name in ("child", "grandchild")]
    await shop.change(TABLES[begin:], "", *words)
    await shop.project.forwards(shop.engine)
    await shop.project.backwards(shop.engine)
    assert await shop.everything() == before


async def test_a_key_moves_to_a_new_table(shop: Shop) -> None:
    """One migration points a key at a new table and drops the old one."""
    await shop.execute("DELETE FROM {app}_place")
    await shop.execute("UPDATE {app}_thing SET amount = NULL")
    both = 'class Place(Table, tablename="{app}_place"):\n    id = Ulid(primary_key=True)\n'
    key = "amount = Integer(null=True)\n    place_id = ForeignKey({}, null=True)"
    await shop.change(NULLABLE, key.format("Place"))
    await shop.project.forwards(shop.engine)
    tables = TABLES.replace(NULLABLE, key.format("Spot"))
    assert both in tables
    shop.project.write(tables.replace(both, both.replace("Place", "Spot").replace("place", "spot")))
    assert await shop.project.new(shop.engine) is not None
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT count(place_id) FROM {app}_thing") == [(0,)]
    assert await shop.rows("SELECT count(*) FROM {app}_spot") == [(0,)]


async def test_a_date_default_is_the_day_that_it_names(shop: Shop) -> None:
    """A fixed day is the default of old and new rows, and another day is a change."""
    column = f"{NULLABLE}\n    since = Date(default=datetime.date(2026, 5, 24))"
    await shop.change(NULLABLE, column)
    await shop.project.forwards(shop.engine)
    days = await shop.rows("SELECT CAST(since AS TEXT) FROM {app}_thing")
    assert days == [("2026-05-24",)] * 2
    shop.project.write(TABLES.replace(NULLABLE, column.replace("24", "9")))
    assert await shop.project.new(shop.engine) is not None


async def test_a_type_may_change_twice_in_a_run(shop: Shop) -> None:
    """Two changes of a column's type run in one go, and are taken back in one go."""
    await shop.change(NULLABLE, "amount = Text(null=True)")
    shop.project.write(TABLES.replace(NULLABLE, "amount = Decimal(null=True)"))
    assert await shop.project.new(shop.engine) is not None
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT amount FROM {app}_thing ORDER BY id") == [(5.0,), (None,)]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("2026-W19-1", "Date"),
        ("198501012010011001", "Decimal"),
        ("1_000", "Decimal"),
        ("08123", "Integer"),
        ("+5", "Integer"),
    ],
)
async def test_text_that_says_more_than_the_type_is_refused(
    shop: Shop, text: str, column: str
) -> None:
    """A week, a digit, an underscore or a zero that would be lost is named, on both databases."""
    await shop.execute(f"UPDATE {{app}}_thing SET note = '{text}'")
    await shop.change("note = Text(null=True)", f"note = {column}(null=True)")
    assert f"shop_thing.note is to be {column}".upper()[:20] in (await shop.refused()).upper()


async def test_numbers_become_the_same_text(shop: Shop) -> None:
    """A decimal is written as PostgreSQL writes it, on SQLite too."""
    await shop.execute("UPDATE {app}_thing SET price = 1e15 WHERE code = 'A'")
    await shop.execute("UPDATE {app}_thing SET price = 0.00001 WHERE code = 'B'")
    await shop.change("price = Decimal(default=1.5)", "price = Text(default='1.5')")
    await shop.project.forwards(shop.engine)
    assert await shop.rows("SELECT price FROM {app}_thing ORDER BY id") == [("1e+15",), ("1e-05",)]


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "use",
    [
        "CREATE VIEW uses AS SELECT id FROM {app}_grandchild",
        "CREATE TRIGGER uses AFTER INSERT ON {app}_place"
        " BEGIN DELETE FROM {app}_grandchild WHERE id = new.id; END",
    ],
)
async def test_a_table_is_not_dropped_under_a_view_or_trigger(shop: Shop, use: str) -> None:
    """What would no longer work is named, and the table stays."""
    await shop.execute(use)
    begin = TABLES.index("class Grandchild(")
    await shop.change(TABLES[begin:], "", 'allow_loss(manager, "{app}_grandchild")')
    with pytest.raises(AtlasError, match=r"no longer work: (view|trigger) uses"):
        await shop.project.forwards(shop.engine)
    assert len(await shop.rows("SELECT * FROM {app}_grandchild")) == 1

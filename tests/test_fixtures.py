"""``piccolo fixtures dump`` and ``load``: every row out of a database, and into another."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import bind
from factory import JOIN_TABLES, make, stored
from piccolo.apps.fixtures.commands import dump as dump_module
from piccolo.apps.fixtures.commands.dump import dump
from piccolo.apps.fixtures.commands.load import load
from piccolo.engine.base import Engine
from school import demo, reference
from school import load as load_rows

from atlas import TABLES, AtlasError, Order, Person, PersonTag, Region, Tag, Unit
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.fixtures import parents_first
from atlas.ulid import new_ulid


@pytest.fixture
def fixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that runs the dump and keeps what it prints in a file, whose path it returns."""

    async def write(**arguments: str) -> str:
        capsys.readouterr()
        await dump(**arguments)
        path = tmp_path / "fixture.json"
        path.write_text(capsys.readouterr().out)
        return str(path)

    return write


def read(path: str) -> str:
    """Return the text of a file."""
    return Path(path).read_text()


async def fill() -> None:
    """Fill all 38 tables, some columns with what JSON and the databases find hard."""
    await load_rows([*reference(), *demo()])
    child, parent = sorted(new_ulid() for _ in range(2))  # a child that sorts before its parent
    await Region(id=parent, code="x", name="a, 'b' \"c\"\n\\ 😀", type="Province").save()
    await Region(id=child, code="x.1", name="", type="City", parent_id=parent).save()
    order = await Order.objects().first()
    assert order is not None
    for amount in (0.1 + 0.2, 2.0**53, 1e300, -0.0):
        number = f"{amount}"
        values = {name: getattr(order, name) for name in order._column_names - {"id", "number"}}
        await Order(**{**values, "number": number, "total_amount": amount}).save()
    await make(Unit, open_date=datetime.date.min, close_date=datetime.date.max)


async def contents() -> dict[str, Any]:
    """Return every row of every table, as another connection sees it."""
    return {table.__name__: await stored(table) for table in TABLES}


async def empty() -> None:
    """Delete every row, children before parents."""
    await Person.update({Person.merged_into_id: None}, force=True)
    for table in reversed(TABLES):
        tree = [c for c in table._meta.foreign_key_columns if c._meta.name == "parent_id"]
        if tree:
            await table.update({tree[0]: None}, force=True)
        await table.delete(force=True)


async def test_every_row_comes_back(engine: Engine[Any], fixture: Any) -> None:
    """A dump that is loaded into an empty database makes it equal, in all 38 tables."""
    await fill()
    before = await contents()
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    assert len(before) == 38
    path = await fixture()
    await empty()
    assert not any((await contents()).values())

    await load(path)

    assert await contents() == before


async def test_rows_come_into_the_other_database(
    sqlite_engine: SQLiteEngine,
    postgres_engine: PostgresEngine,
    fixture: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was dumped from SQLite is in PostgreSQL afterwards, and back again."""
    bind(sqlite_engine, monkeypatch)
    await fill()
    before = await contents()
    path = await fixture()
    bind(postgres_engine, monkeypatch)
    await load(path)
    back = await fixture()
    bind(sqlite_engine, monkeypatch)
    await empty()

    await load(back)

    after = await contents()
    for name, rows in before.items():
        # PostgreSQL's -0 is 0 in no comparison that matters; both are equal in Python.
        assert instants_aside(after[name]) == instants_aside(rows), name


def instants_aside(rows: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Return rows whose instants are instants, and no text of more or fewer digits."""
    return {
        key: {
            name: datetime.datetime.fromisoformat(value) if name.endswith("ed_at") else value
            for name, value in row.items()
        }
        for key, row in rows.items()
    }


@pytest.mark.parametrize("chunk_size", [1, 2, 1000])
async def test_parents_come_before_children(
    engine: Engine[Any], fixture: Any, chunk_size: int
) -> None:
    """A tree is loaded whatever the order of its ids and the size of a chunk."""
    ids = sorted((new_ulid() for _ in range(5)), reverse=True)
    for depth, key in enumerate(ids):
        parent = ids[depth - 1] if depth else None
        await Region(id=key, code=str(depth), name="r", type="Village", parent_id=parent).save()
    before = await stored(Region)
    path = await fixture(apps="core", tables="Region")
    await empty()

    await load(path, chunk_size=chunk_size)

    assert await stored(Region) == before


def test_a_circle_stays_as_it_is() -> None:
    """Rows that reference each other are kept, in their order, for one statement to insert."""
    one, other = new_ulid(), new_ulid()
    rows = [
        Region(id=one, parent_id=other, code="1", name="1", type="City"),
        Region(id=other, parent_id=one, code="2", name="2", type="City"),
    ]
    assert parents_first(Region, [*rows]) == rows
    itself = Region(id=one, parent_id=one, code="1", name="1", type="City")
    assert parents_first(Region, [itself, itself]) == [itself, itself]


@pytest.mark.parametrize("table", JOIN_TABLES, ids=lambda table: table.__name__)
async def test_join_rows_are_told_apart(
    shared_engine: Engine[Any], fixture: Any, table: Any
) -> None:
    """Loading over a join table changes the row with both keys, and no other."""
    app = table._meta.tablename.partition("_")[0]
    first = await make(table)
    shares_last_key = await make(
        table, **{table._key_columns[1]._meta.name: first._key_values()[1]}
    )
    before = await stored(table)
    path = await fixture(apps=app, tables=table.__name__)
    await first.remove()

    await load(path, on_conflict="DO NOTHING")
    assert await stored(table) == before

    await load(path, on_conflict="DO UPDATE")
    assert await stored(table) == before
    assert shares_last_key._key in before


async def test_a_changed_row_is_overwritten_or_kept(engine: Engine[Any], fixture: Any) -> None:
    """DO NOTHING keeps the row; DO UPDATE takes the dump's values, and updated_at moves."""
    tag = await make(Tag, name="dumped")
    path = await fixture(apps="db", tables="Tag")
    dumped = await stored(Tag)
    await tag.update_self({Tag.name: "changed since"})
    changed = await stored(Tag)

    await load(path, on_conflict="DO NOTHING")
    assert await stored(Tag) == changed

    await load(path, on_conflict="DO UPDATE")
    after = (await stored(Tag))[tag.id]
    assert after["name"] == "dumped"
    assert after["created_at"] == dumped[tag.id]["created_at"]
    assert after["updated_at"] > changed[tag.id]["updated_at"]


async def test_a_row_may_leave_out_what_has_a_default(engine: Engine[Any], tmp_path: Path) -> None:
    """A fixture written by hand names what it wants; the rest is as in any new row."""
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"db": {"Tag": [{"code": "vip", "name": "VIP"}]}}))
    await load(str(path))
    (row,) = (await stored(Tag)).values()
    assert row["code"] == "vip"
    assert row["is_active"] in (1, True)
    assert row["created_at"] is not None


TAG = {"code": "vip", "name": "VIP"}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([], "The fixture is not a JSON object"),
        ({"db": []}, "The fixture's app db is not a JSON object"),
        ({"shop": {}}, "app shop is not registered"),
        ({"db": {"Nobody": []}}, "The app db has no table Nobody"),
        (
            {"db": {"Tag": [TAG, {**TAG, "colour": "red"}]}},
            r"db.Tag\[1\]: colour is not a column of Tag",
        ),
        (
            {"db": {"Tag": [{**TAG, "created_at": "soon"}]}},
            r"db.Tag\[0\].created_at is not a timestamp",
        ),
        ({"db": {"Tag": [TAG, {"code": "x"}]}}, r"db.Tag\[1\]: name wasn't provided"),
        (
            {"db": {"Tag": [{**TAG, "code": None}]}},
            r"db.Tag\[0\].code is refused: the column is required",
        ),
        ({"db": {"Tag": [TAG, 5]}}, r"db.Tag\[1\] is not a JSON object"),
        ({"db": {"Tag": [{**TAG, "is_active": 2}]}}, r"db.Tag\[0\].is_active is not a boolean"),
    ],
)
async def test_what_cannot_be_loaded_is_named(
    sqlite_engine: SQLiteEngine, tmp_path: Path, contents: Any, message: str
) -> None:
    """A mistake is refused with its place in the file, and nothing is loaded."""
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps(contents))
    with pytest.raises(AtlasError, match=message):
        await load(str(path))
    assert await stored(Tag) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ('{"db": {"Tag": [{"code"', "not valid JSON .* cut off"),
        ('{"db":' * 50_000, "nested too deep"),
    ],
    ids=["empty", "cut", "deep"],
)
async def test_a_file_that_is_no_fixture_is_called_so(
    sqlite_engine: SQLiteEngine, tmp_path: Path, text: str, message: str
) -> None:
    """It says what is wrong with the file as a whole."""
    path = tmp_path / "fixture.json"
    path.write_text(text)
    with pytest.raises(AtlasError, match=message):
        await load(str(path))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("budget_amount", "9007199254740993"),
        ("budget_amount", "true"),
        ("budget_amount", "0.12345678901234567890"),
        ("budget_amount", '"0.12345678901234567890"'),
        ("target_lead_count", "true"),
        ("created_at", "5"),
        ("start_date", "5"),
    ],
)
async def test_a_value_that_another_way_refuses_is_refused(
    sqlite_engine: SQLiteEngine, tmp_path: Path, column: str, text: str
) -> None:
    """Nothing is rounded, and nothing taken for what it is not."""
    row = {"name": "Open day", "type": "Other", "start_date": "2026-01-01", column: "HERE"}
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"marketing": {"Agenda": [row]}}).replace('"HERE"', text))
    with pytest.raises(AtlasError, match=rf"marketing.Agenda\[0\].{column} "):
        await load(str(path))


async def test_a_failing_load_writes_nothing(engine: Engine[Any], fixture: Any) -> None:
    """A row that is there already stops the load, and those before it are taken back."""
    await make(PersonTag)
    path = await fixture(apps="db")
    await PersonTag.delete(force=True)
    before = await contents()
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        await load(path)
    assert await contents() == before
    assert await Person.count() == 1


async def test_a_dump_is_of_one_moment(
    engine: Engine[Any], fixture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others write while a dump goes from table to table is not in it."""
    original = dump_module.get_dump.args[0]  # type: ignore[attr-defined]
    elsewhere = contextvars.Context()

    async def slow(fixture_configs: Any) -> Any:
        assert await Tag.count() == 0
        await asyncio.create_task(make(PersonTag), context=elsewhere)
        return await original(fixture_configs)

    patched = type(dump_module.get_dump)(dump_module.get_dump.func, slow)  # type: ignore[attr-defined]
    monkeypatch.setattr(dump_module, "get_dump", patched)
    dumped = json.loads(read(await fixture()))
    assert dumped["db"] == {table: [] for table in dumped["db"]}
    assert await PersonTag.count() == 1

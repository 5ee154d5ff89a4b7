"""The seeded rows: right, obeying the model's rules, and never loaded twice."""

from __future__ import annotations

import csv
import datetime
import re
from itertools import pairwise
from typing import Any

import pytest
from conftest import ROOT, SHARED
from piccolo.engine.base import Engine

import atlas
from atlas import Channel, InvalidValueError, Period, Person, Region, Unit
from atlas.constraints import Unique
from atlas.rules import audit
from atlas.seed import KEYS, demo, load, reference
from atlas.table import Table
from atlas.upsert.keys import SYNC_KEYS

MODEL = (ROOT / "docs" / "model.md").read_text()


async def stored_rows() -> dict[type[Table], list[dict[str, Any]]]:
    """Return every row of every table."""
    return {table: await table.select() for table in atlas.TABLES}


async def test_rows_are_loaded_once(engine: Engine[Any]) -> None:
    """A second load finds every row and leaves each as it was."""
    rows = reference() + demo()

    first = await load(rows)
    loaded = await stored_rows()
    second = await load(rows)

    assert sum(count.inserted for count in first.values()) == len(rows)
    assert sum(count.present for count in second.values()) == len(rows)
    assert await stored_rows() == loaded


async def test_demo_has_a_row_in_every_table(engine: Engine[Any]) -> None:
    """The demo shows all 38 tables."""
    await load(reference() + demo())
    assert [t.__name__ for t, rows in (await stored_rows()).items() if not rows] == []


async def test_reference_rows_belong_to_no_entity(sqlite_engine: Engine[Any]) -> None:
    """Without the demo there are provinces, periods and channels, and nothing else."""
    await load(reference())
    counts = {t: len(rows) for t, rows in (await stored_rows()).items() if rows}
    assert counts == {Region: 38, Period: 34, Channel: 14}


async def test_edited_rows_are_kept(engine: Engine[Any]) -> None:
    """What somebody changed in a seeded row stays, and a row they deleted comes back."""
    await load(reference())
    await Channel.update({Channel.name: "WA"}).where(Channel.code == "whatsapp")
    await Channel.delete().where(Channel.code == "tiktok")

    counts = await load(reference())

    assert counts[Channel].inserted == 1
    assert await Channel.select(Channel.name).where(Channel.code == "whatsapp") == [{"name": "WA"}]


async def test_failed_load_stores_nothing(engine: Engine[Any]) -> None:
    """A row that is refused takes back those before it."""
    bad = (Channel, {"code": "pigeon", "name": "Pigeon", "type": "Bird"})
    with pytest.raises(InvalidValueError, match="Bird"):
        await load([*reference(), bad])
    assert await Region.count() == 0


async def test_unknown_reference_is_named(engine: Engine[Any]) -> None:
    """A reference to a row that exists nowhere is an error that names it."""
    row = (Unit, {"entity_id": "NOPE", "code": "X", "name": "X"})
    with pytest.raises(atlas.AtlasError, match=r"core_unit\.entity_id: Entity 'NOPE'"):
        await load([row])


async def test_person_is_found_by_identifier(engine: Engine[Any]) -> None:
    """A person has no source columns, and is still not inserted twice under a new name."""
    await load(reference() + demo())
    await Person.update({Person.full_name: "Alya K."}).where(Person.nickname == "Alya")
    counts = await load(demo())
    assert counts[Person].inserted == 0


# --- what is in them --------------------------------------------------------


async def test_regions_are_those_of_the_ministry(sqlite_engine: Engine[Any]) -> None:
    """Codes and names of the provinces and the demo's cities are those of the decree."""
    path = SHARED / "data" / "regions.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there to compare with")
    with path.open(newline="", encoding="utf-8") as file:
        names = {row["code"]: row["name"] for row in csv.DictReader(file)}
    await load(reference() + demo())

    rows = await Region.select(Region.code, Region.name, Region.type, Region.parent_id.code)

    provinces = {row["code"]: row["name"] for row in rows if row["type"] == "Province"}
    assert provinces == {code: name for code, name in names.items() if "." not in code}
    for row in rows:
        assert row["name"] == names[row["code"]]
        assert (row["parent_id.code"] or "") == row["code"].rpartition(".")[0]


async def test_periods_tile_the_years(sqlite_engine: Engine[Any]) -> None:
    """Months fill quarters, quarters fill years, from 2025 to 2026 without gap or overlap."""
    await load(reference())
    rows = await Period.select().order_by(Period.start_date)
    one_day = datetime.timedelta(days=1)

    for kind, count in (("Year", 2), ("Quarter", 8), ("Month", 24)):
        level = [row for row in rows if row["type"] == kind]
        assert len(level) == count
        assert level[0]["start_date"] == datetime.date(2025, 1, 1)
        assert level[-1]["end_date"] == datetime.date(2026, 12, 31)
        for earlier, later in pairwise(level):
            assert later["start_date"] - earlier["end_date"] == one_day
    for row in rows:
        parts = [part for part in rows if part["parent_id"] == row["id"]]
        if row["type"] != "Month":
            assert parts[0]["start_date"] == row["start_date"]
            assert parts[-1]["end_date"] == row["end_date"]
    codes = {row["type"]: row["code"] for row in rows}
    assert codes == {"Year": "2026", "Quarter": "2026-Q4", "Month": "2026-12"}


async def test_demo_obeys_the_rules(engine: Engine[Any]) -> None:
    """No row breaks a rule of docs/model.md section 7."""
    await load(reference() + demo())
    assert (await audit()).violations == []


# --- how they are found -----------------------------------------------------


def test_keys_are_the_sync_keys_of_the_model() -> None:
    """Each table's key is one of those in docs/model.md section 6."""
    _, _, section = MODEL.partition("## 6. Sync keys")
    listed = dict(re.findall(r"^\| (\w+_\w+) \| (.+) \|$", section.split("## 7.")[0], re.MULTILINE))
    assert listed.keys() == {table._meta.tablename for table in atlas.TABLES}
    assert KEYS.keys() == SYNC_KEYS.keys() == set(atlas.TABLES)
    for table, key in KEYS.items():
        if table is not Person:  # "through db_identifier (source_id, value)"
            ways = re.sub(r"else | \(\w+\)", "", listed[table._meta.tablename]).split("; ")
            assert ", ".join(key) in ways, table
            assert [", ".join(way) for way in SYNC_KEYS[table]] == ways, table


def test_keys_are_unique_in_the_database() -> None:
    """No key can match two rows: it is a primary key or a unique key of its table."""
    for table, key in KEYS.items():
        columns = [table._meta.get_column_by_name(name)._meta for name in key if table != Person]
        unique = [
            constraint._meta.params["columns"]
            for constraint in table._meta.constraints
            if isinstance(constraint, Unique)
        ]
        unique.append([c._meta.name for c in table._meta.columns if c._meta.primary_key])
        if [*key] not in unique and table is not Person:
            assert [column.unique for column in columns] == [True], table

"""``atlas.seed``: what every installation needs, and the demo group."""

from __future__ import annotations

import csv
import datetime
import shutil
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED
from databases import postgres_copy

import atlas
from atlas import (
    Account,
    AtlasError,
    Channel,
    Client,
    ConfigurationError,
    Enrollment,
    Entity,
    Order,
    OrderLine,
    Period,
    Person,
    Region,
    Source,
    create_client,
    seed,
)
from atlas.demo.group import generate
from atlas.demo.organisation import CITIES
from atlas.demo.size import SIZES
from atlas.rules import audit
from atlas.table import Table


@pytest.fixture
async def client(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a migrated and empty file."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    async with create_client(f"file:{path}") as opened:
        yield opened


async def stored_rows() -> dict[type[Table], list[dict[str, Any]]]:
    """Return every row of every table."""
    return {table: await table.select() for table in atlas.TABLES}


# --- reference rows ----------------------------------------------------------


async def test_reference_rows_are_inserted_once(client: Client) -> None:
    """A second seed finds every row and leaves each as it was."""
    first = await seed()
    stored = await stored_rows()
    second = await seed()
    assert {table: count.inserted for table, count in first.items()} == {
        Region: 38,
        Channel: 14,
        Period: 34,
    }
    assert all(count.inserted == 0 for count in second.values())
    assert {t: c.present for t, c in second.items()} == {t: c.inserted for t, c in first.items()}
    assert await stored_rows() == stored


async def test_edited_rows_are_kept(client: Client) -> None:
    """What somebody changed in a seeded row stays, and a row they deleted comes back."""
    await seed()
    await Channel.update({Channel.name: "WA"}).where(Channel.code == "whatsapp")
    await Channel.delete().where(Channel.code == "tiktok")
    counts = await seed()
    assert counts[Channel].inserted == 1
    assert await Channel.select(Channel.name).where(Channel.code == "whatsapp") == [{"name": "WA"}]


async def test_entity_without_accounts_gets_a_chart(client: Client) -> None:
    """An entity gets the chart of accounts as a tree; one that has accounts keeps its own."""
    await Entity.insert(Entity(code="NEW", name="New"), Entity(code="OLD", name="Old"))
    old = await Entity.objects().get(Entity.code == "OLD")
    await Account.insert(Account(entity_id=old, code="1", name="Kas", type="Asset"))
    await seed()
    rows = await Account.select(
        Account.code, Account.type, Account.parent_id.code, Account.parent_id.type
    ).where(Account.entity_id.code == "NEW")
    assert len(rows) == 21
    assert all(row["parent_id.type"] in (None, row["type"]) for row in rows)
    assert {row["parent_id.code"] for row in rows if row["code"] == "1-1100"} == {"1-1000"}
    assert await Account.count().where(Account.entity_id == old.id) == 1


async def test_seed_runs_on_the_settings_when_no_client_is_open(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``await atlas.seed()`` in a script needs nothing but DATABASE_URL."""
    path = tmp_path / "settings.db"
    shutil.copyfile(migrated_file, path)
    monkeypatch.setenv("DATABASE_URL", f"file:{path}")
    await atlas.seed()
    async with create_client():
        assert await Region.count() == 38


async def test_seed_works_on_postgres(postgres_url: str, migrated_postgres: str) -> None:
    """The demo is the same on PostgreSQL: no rule is broken, and a second seed does nothing."""
    async with create_client(await postgres_copy(postgres_url, migrated_postgres)):
        counts = await seed(demo="small")
        assert counts[Order].inserted == 300
        assert (await audit()).violations == []
        assert all(count.inserted == 0 for count in (await seed(demo="small")).values())


async def test_database_without_tables_is_an_error(tmp_path: Path) -> None:
    """The error names the table that is missing and the command that makes it."""
    async with create_client(f"file:{tmp_path / 'empty.db'}"):
        with pytest.raises(AtlasError, match=r"no table core_entity.*atlas migrate"):
            await seed()


async def test_regions_are_those_of_the_ministry(client: Client) -> None:
    """Codes and names of the provinces and the demo's cities are those of the decree."""
    path = SHARED / "data" / "regions.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there to compare with")
    with path.open(newline="", encoding="utf-8") as file:
        names = {row["code"]: row["name"] for row in csv.DictReader(file)}
    await seed(client=client, demo="small")

    rows = await Region.select(Region.code, Region.name, Region.type, Region.parent_id.code)

    provinces = {row["code"]: row["name"] for row in rows if row["type"] == "Province"}
    assert provinces == {code: name for code, name in names.items() if "." not in code}
    for row in rows:
        assert row["name"] == names[row["code"]]
        assert (row["parent_id.code"] or "") == row["code"].rpartition(".")[0]


async def test_periods_tile_the_years(client: Client) -> None:
    """Months fill quarters, quarters fill years, from 2025 to 2026 without gap or overlap."""
    await seed(client=client)
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


# --- the demo ----------------------------------------------------------------


async def test_demo_obeys_the_rules(client: Client) -> None:
    """The small demo has rows in all 38 tables, and none breaks a rule of the model."""
    counts = await seed(demo="small")
    assert set(counts) == set(atlas.TABLES)
    report = await audit()
    assert [str(violation) for violation in report.violations] == []
    assert await Order.count() == SIZES["small"].orders


async def test_demo_is_loaded_once(client: Client) -> None:
    """A second time everything is there, and what somebody changed meanwhile is kept."""
    first = await seed(demo="small")
    await Person.update({Person.nickname: "Budi"}, force=True)
    second = await seed(demo="small")
    assert sum(count.inserted for count in second.values()) == 0
    assert {t: c.present for t, c in second.items()} == {
        t: c.inserted + c.present for t, c in first.items()
    }
    assert await Person.count().where(Person.nickname != "Budi") == 0


def rows_of(size: str, seed: int) -> list[Any]:
    """Return a demo's rows, with codes for the ids of the reference rows."""
    codes = [(Region, code) for code in CITIES]
    codes += [(atlas.Tag, code) for code in ("karyawan", "orang-tua", "studi-luar-negeri")]
    codes += [(Period, str(year)) for year in (2025, 2026)]
    codes += [(Period, f"{year}-Q{n}") for year in (2025, 2026) for n in range(1, 5)]
    codes += [(Period, f"{year}-{n:02}") for year in (2025, 2026) for n in range(1, 13)]
    channels = "whatsapp walk-in instagram referral website tiktok google-ads event meta-ads"
    codes += [(Channel, code) for code in channels.split()]
    ids: Any = {key: key[1] for key in codes}
    return [portion.rows for portion in generate(SIZES[size], seed, ids)]  # type: ignore[index]


def test_demo_is_the_same_for_the_same_seed() -> None:
    """The same number gives the same rows and ids; another one gives others."""
    assert rows_of("small", 1) == rows_of("small", 1)
    assert rows_of("small", 1) != rows_of("small", 2)


async def test_second_demo_is_refused(client: Client) -> None:
    """A database holds one demo: for another one the error names the one there is."""
    await seed(demo="small", seed=1)
    orders = await Order.count()
    with pytest.raises(AtlasError, match=r"atlas seed --demo small --seed 1.*Use another"):
        await seed(demo="small", seed=2)
    with pytest.raises(AtlasError, match="no demo 'huge'"):
        await seed(demo="huge")  # type: ignore[arg-type]
    assert await Order.count() == orders


async def test_interrupted_demo_goes_on(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo that is stopped between two portions is the same in the end as one that was not."""
    monkeypatch.setattr("atlas.demo.group._PORTION", 50)

    def stop(done: int, total: int) -> None:
        if done > 120:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await seed(demo="small", on_progress=stop)
    orders = await Order.count()
    assert 120 < orders < 300
    noted = await Source.objects().get(Source.code == "demo")
    assert int(noted.sync_cursor) > 0

    seen: list[int] = []
    await seed(demo="small", on_progress=lambda done, total: seen.append(done))
    assert min(seen) > orders  # what was there is not loaded again
    assert seen == sorted(seen)
    assert seen[-1] == await Order.count() == 300
    expected = {
        row["id"] for rows in rows_of("small", 1) for t, rs in rows for row in rs if t is OrderLine
    }
    assert set(await OrderLine.select(OrderLine.id).output(as_list=True)) == expected


async def test_demo_has_seasons_and_every_kind_of_business(client: Client) -> None:
    """Orders follow the school year; what a dashboard asks for is all there."""
    await seed(demo="small")
    dates = await Order.select(Order.order_date).output(as_list=True)
    july = sum(date.month in (6, 7) for date in dates)
    autumn = sum(date.month in (11, 12) for date in dates)
    assert july > 1.5 * autumn
    for column, needed in (
        (Order.type, {"Enrollment", "Product", "Service"}),
        (Order.status, {"Confirmed", "Completed", "Cancelled"}),
        (Enrollment.status, {"Active", "Completed", "Withdrawn"}),
        (atlas.Payment.direction, {"In", "Out"}),
        (atlas.Lead.status, {"Won", "Lost"}),
        (atlas.Relation.type, {"Parent", "Sibling", "Spouse"}),
    ):
        found = await column._meta.table.select(column).distinct().output(as_list=True)
        assert needed <= set(found), column


async def test_demo_without_faker_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra the error names it; the reference rows are there."""
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[explore\]'"):
        await seed(demo="small")
    assert await Order.count() == 0
    assert await Region.count() >= 38

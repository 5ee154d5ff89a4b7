"""Bulk upsert: exactly the rows that are new or differ are written, on both databases."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import datetime
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import asyncpg
import pydantic
import pytest
from factory import make, stored, touched
from piccolo.engine.exceptions import TransactionError

from atlas import (
    Category,
    ClientError,
    Contact,
    Entity,
    Identifier,
    Order,
    OrderLine,
    Person,
    PersonTag,
    Region,
    Source,
    Tag,
    TargetPlan,
    Unit,
    UpsertError,
    UpsertResult,
)
from atlas.client.client import Client
from atlas.table import Table
from atlas.ulid import is_ulid, new_ulid

ROWS = 120  # more than two statements of SQLite


async def orders(count: int = ROWS, **values: Any) -> list[dict[str, Any]]:
    """Rows of orders of an entity of their own."""
    unit = await make(Unit)
    source = await make(Source)
    return [
        {
            "entity_id": unit.entity_id,
            "unit_id": unit.id,
            "number": f"SO-{number:04}",
            "type": "Product",
            "order_date": datetime.date(2026, 2, 3),
            "total_amount": 1_500_000.0 + number,
            "note": None,
            "source_id": source.id,
            "source_key": f"row-{number}",
            **values,
        }
        for number in range(count)
    ]


def counts(result: UpsertResult) -> tuple[int, int, int]:
    return result.inserted, result.updated, result.unchanged


# --- what is written --------------------------------------------------------


async def test_rows_are_written_as_they_are_given(db: Client) -> None:
    """A new row is stored with its values, an id, both instants, and defaults for the rest."""
    rows = await orders()
    before = await stored(Order)
    now = datetime.datetime.now(datetime.UTC)

    result = await db.upsert(Order, rows)

    assert counts(result) == (ROWS, 0, 0)
    assert result.committed == ROWS
    ids = touched(before, await stored(Order))
    assert len(ids) == ROWS
    found = await Order.select().where(Order.source_id == rows[0]["source_id"]).order_by(Order.id)
    assert [{name: row[name] for name in rows[0]} for row in found] == rows
    for row in found:
        assert is_ulid(row["id"])
        assert row["status"] == "Draft"
        assert row["subtotal_amount"] == 0
        assert row["created_at"] == row["updated_at"] >= now


async def test_equal_rows_are_untouched(db: Client) -> None:
    """A second upsert of the same rows writes nothing."""
    rows = await orders()
    await db.upsert(Order, rows)
    before = await stored(Order)
    result = await db.upsert(Order, rows)
    assert counts(result) == (0, 0, ROWS)
    assert touched(before, await stored(Order)) == set()


async def test_only_rows_that_differ_are_updated(db: Client) -> None:
    """A row with another value is updated, with ``updated_at``; id and ``created_at`` stay."""
    rows = await orders()
    await db.upsert(Order, rows)
    before = await stored(Order)
    changed = [
        {**row, "total_amount": 7.0}
        if number % 3 == 0
        else {**row, "note": "paid", "order_date": datetime.date(2026, 2, 4)}
        if number % 3 == 1
        else row
        for number, row in enumerate(rows)
    ]

    result = await db.upsert(Order, changed)

    after = await stored(Order)
    assert counts(result) == (0, 80, 40)
    ids = touched(before, after)
    assert len(ids) == 80
    for id_ in ids:
        old, new = before[id_], after[id_]
        assert new["updated_at"] > old["updated_at"]
        names = {name for name in old if old[name] != new[name]} - {"updated_at"}
        assert names in ({"total_amount"}, {"note", "order_date"})
    again = await db.upsert(Order, changed)
    assert counts(again) == (0, 0, ROWS)


async def test_what_a_row_does_not_carry_stays(db: Client) -> None:
    """Columns that a row leaves out keep their stored values."""
    rows = await orders(3, note="by hand")
    await db.upsert(Order, rows)
    part = [
        {name: row[name] for name in ("source_id", "source_key")} | {"total_amount": 1.0}
        for row in rows
    ]
    assert counts(await db.upsert(Order, part)) == (0, 3, 0)
    found = await Order.select().where(Order.source_id == rows[0]["source_id"])
    assert {(row["note"], row["total_amount"]) for row in found} == {("by hand", 1.0)}


async def test_rows_may_carry_different_columns(db: Client) -> None:
    """Each row sets what it carries, whatever the rows around it carry."""
    rows = await orders(4)
    rows[1]["note"] = "first"
    del rows[2]["total_amount"]
    rows[3]["status"] = "Confirmed"
    assert counts(await db.upsert(Order, rows)) == (4, 0, 0)
    found = await (
        Order.select(Order.note, Order.total_amount, Order.status)
        .where(Order.source_id == rows[0]["source_id"])
        .order_by(Order.number)
    )
    assert [(row["note"], row["total_amount"], row["status"]) for row in found] == [
        (None, 1_500_000.0, "Draft"),
        ("first", 1_500_001.0, "Draft"),
        (None, 0.0, "Draft"),
        (None, 1_500_003.0, "Confirmed"),
    ]
    assert counts(await db.upsert(Order, rows)) == (0, 0, 4)


async def test_a_new_row_needs_its_required_columns(db: Client) -> None:
    """What may be left out of a row that exists is missing in one that is new."""
    rows = await orders(2)
    await db.upsert(Order, rows[:1])
    for row in rows:
        del row["unit_id"]
    before = await stored(Order)
    with pytest.raises(UpsertError, match=r"row 1, unit_id: None .* is missing"):
        await db.upsert(Order, rows)
    assert touched(before, await stored(Order)) == set()


async def test_rows_that_exist_can_be_left_as_they_are(db: Client) -> None:
    """With ``update=False`` only new rows are written."""
    rows = await orders(4)
    await db.upsert(Order, rows[:2])
    before = await stored(Order)
    result = await db.upsert(Order, [{**row, "note": "other"} for row in rows], update=False)
    assert counts(result) == (2, 0, 2)
    assert all(key not in before for key in touched(before, await stored(Order)))


async def test_objects_are_rows(db: Client) -> None:
    """Objects are written as their dicts are; a new one gets its own id, once."""
    rows = await orders(3)
    new = [Order(**row) for row in rows]
    assert counts(await db.upsert(Order, new)) == (3, 0, 0)
    found = await Order.objects().where(Order.source_id == rows[0]["source_id"])
    assert {row.id for row in found} == {row.id for row in new}
    # Made again, each has another id, but stands for the row that is stored.
    assert counts(await db.upsert(Order, [Order(**row) for row in rows])) == (0, 0, 3)
    found[0].note = "changed"
    assert counts(await db.upsert(Order, found)) == (0, 1, 2)


async def test_objects_carry_what_they_were_given(db: Client) -> None:
    """A stored column stays that an object did not name; one that it set, to null too, is set."""
    stored_unit = await make(Unit, phone="+6221000", address="Jl. Contoh 1", is_active=False)
    same = {"entity_id": stored_unit.entity_id, "code": stored_unit.code}

    assert counts(await db.upsert(Unit, [Unit(**same, name="after")])) == (0, 1, 0)
    row = (await stored(Unit))[stored_unit.id]
    assert (row["name"], row["phone"], row["is_active"]) == ("after", "+6221000", False)

    by_column = Unit({Unit.entity_id: same["entity_id"], Unit.code: same["code"]}, name="again")
    assert counts(await db.upsert(Unit, [by_column])) == (0, 1, 0)
    assert (await stored(Unit))[stored_unit.id]["phone"] == "+6221000"

    cleared = Unit(**same, name="again")
    cleared.phone = None
    assert counts(await db.upsert(Unit, [cleared])) == (0, 1, 0)
    row = (await stored(Unit))[stored_unit.id]
    assert (row["phone"], row["address"]) == (None, "Jl. Contoh 1")


@dataclasses.dataclass
class TagSheet:
    """A row as a dataclass."""

    code: str
    name: str


class TagLine(NamedTuple):
    """A row as a named tuple."""

    code: str
    name: str


class TagAnswer(pydantic.BaseModel):
    """A row as a pydantic model."""

    code: str
    name: str


@pytest.mark.parametrize("kind", [TagSheet, TagLine, TagAnswer])
async def test_rows_may_be_objects_with_fields(db: Client, kind: Any) -> None:
    """The fields of dataclasses, named tuples and pydantic models name the columns."""
    code = new_ulid()
    assert counts(await db.upsert(Tag, [kind(code=code, name="A")])) == (1, 0, 0)
    assert [row["name"] for row in (await stored(Tag)).values() if row["code"] == code] == ["A"]


async def test_rows_of_cursors_are_rows(db: Client) -> None:
    """A row of sqlite3 has names and values; one that has a name twice is refused."""
    with closing(sqlite3.connect(":memory:")) as other:
        other.row_factory = sqlite3.Row
        rows = other.execute("SELECT ? AS code, 'A' AS name", [new_ulid()]).fetchall()
        assert counts(await db.upsert(Tag, rows)) == (1, 0, 0)
        twice = other.execute("SELECT 'b' AS code, 'B' AS name, 'C' AS name").fetchall()
        with pytest.raises(UpsertError, match="has the column name more than once"):
            await db.upsert(Tag, twice)


async def test_rows_of_asyncpg_are_rows(db: Client, postgres_url: str) -> None:
    """A record of asyncpg has names and values."""
    connection = await asyncpg.connect(dsn=postgres_url)
    try:
        rows = await connection.fetch("SELECT $1::text AS code, 'A' AS name", new_ulid())
    finally:
        await connection.close()
    assert counts(await db.upsert(Tag, rows)) == (1, 0, 0)


async def test_keys_are_compared_as_keys(db: Client) -> None:
    """Two keys with one hash are two rows, in one batch and in two: hash(-1) == hash(-2)."""
    made = await make(TargetPlan)
    same = {"entity_id": made.entity_id, "period_id": made.period_id}
    rows = [{**same, "version": version, "name": "n"} for version in (-1, -2)]
    for size in (1, 2):
        result = await db.upsert(TargetPlan, rows, duplicates="error", batch_size=size)
        assert (result.duplicates, result.refused) == (0, 0)
    assert {row["version"] for row in (await stored(TargetPlan)).values()} >= {-1, -2}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nmae", "row 0, nmae: .* Did you mean name\\?"),
        ("", "row 0, '': .* name is empty"),
        ("\ufeffname", r"row 0, '\\ufeffname': .* utf-8-sig. Did you mean name\?"),
    ],
)
async def test_unknown_columns_can_be_seen(db: Client, name: str, said: str) -> None:
    """A misspelt column is answered with the near one; a blank and a byte order mark are shown."""
    with pytest.raises(UpsertError, match=said):
        await db.upsert(Tag, [{"code": "a", "name": "A", name: "x"}])


async def test_an_error_counts_all_bad_rows_it_met(db: Client) -> None:
    """The error lists ``max_errors`` rows, and says how many were bad among how many."""
    rows = [{"code": str(number), "name": 5} for number in range(25)]
    with pytest.raises(UpsertError) as whole:
        await db.upsert(Tag, rows, max_errors=30)
    assert "tag: 25 rows are refused, and nothing was written:" in str(whole.value)
    with pytest.raises(UpsertError) as early:
        await db.upsert(Tag, rows, max_errors=3, batch_size=10)
    assert "at least 10 rows are refused, of the first 10 alone" in str(early.value)
    assert "nothing was written; the first 3:" in str(early.value)
    assert (early.value.refused, early.value.seen, len(early.value.errors)) == (10, 10, 3)
    assert str(copy.copy(early.value)) == str(early.value)


async def test_rows_come_from_anywhere(db: Client) -> None:
    """A generator, an async generator and an empty list are rows."""
    rows = await orders(30)

    def generated() -> Iterator[dict[str, Any]]:
        yield from rows[:20]

    async def arriving() -> AsyncIterator[dict[str, Any]]:
        for row in rows:
            await asyncio.sleep(0)
            yield row

    assert counts(await db.upsert(Order, generated(), batch_size=7)) == (20, 0, 0)
    assert counts(await db.upsert(Order, arriving(), batch_size=7)) == (10, 0, 20)
    assert await db.upsert(Order, []) == UpsertResult()


async def test_text_of_a_spreadsheet_is_taken(db: Client) -> None:
    """Cells that mean one value are that value, and the row is unchanged the next time."""
    rows = await orders(2)
    cells = [
        {**row, "order_date": "2026-02-03", "total_amount": f"{row['total_amount']:.0f}"}
        for row in rows
    ]
    assert counts(await db.upsert(Order, cells)) == (2, 0, 0)
    assert counts(await db.upsert(Order, rows)) == (0, 0, 2)


# --- keys -------------------------------------------------------------------


async def test_the_source_comes_before_the_number(db: Client) -> None:
    """Orders are found by their source when they carry it, else by entity and number."""
    rows = await orders(2)
    await db.upsert(Order, rows)
    moved = [{**row, "number": f"{row['number']}-B"} for row in rows]
    assert counts(await db.upsert(Order, moved)) == (0, 2, 0)
    for row in moved:
        del row["source_id"], row["source_key"]
        row["note"] = "by number"
    assert counts(await db.upsert(Order, moved)) == (0, 2, 0)


async def test_a_key_can_be_chosen(db: Client) -> None:
    """``key`` is a column, a name, or several in any order."""
    code = new_ulid()
    row = {"code": code, "name": "A"}
    assert counts(await db.upsert(Tag, [row], key=Tag.code)) == (1, 0, 0)
    assert counts(await db.upsert(Tag, [row], key="code")) == (0, 0, 1)
    (order,) = await orders(1)
    for key in ((Order.number, Order.entity_id), ["entity_id", "number"]):
        await db.upsert(Order, [order], key=key)
    assert counts(await db.upsert(Order, [order])) == (0, 0, 1)


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        (Order, Order.number, r"\(number\) is not a unique key of Order.*\(entity_id, number\)"),
        (Order, "nonsense", "'nonsense' is not a column of Order"),
        (Order, Tag.code, "is not a column of Order"),
        (Order, (), r"\(\) is not a unique key"),
        (Contact, Contact.person_id, "is not a unique key of Contact"),
    ],
)
async def test_a_key_must_be_unique(db: Client, table: type[Table], key: Any, message: str) -> None:
    """A key that could find several rows is refused, and the error names those that cannot."""
    with pytest.raises(ValueError, match=message):
        await db.upsert(table, [{"number": "1"}], key=key)


async def test_rows_without_a_sync_key_need_one(db: Client) -> None:
    """Without the columns of a sync key the error says which keys there are."""
    with pytest.raises(ValueError, match=r"no sync key of Person.*Unique keys are: \(id\)"):
        await db.upsert(Person, [{"full_name": "Alya"}])
    person = await make(Person)
    assert counts(
        await db.upsert(Person, [{"id": person.id, "full_name": "Raka"}], key=Person.id)
    ) == (0, 1, 0)


async def test_the_second_way_is_taken_when_the_first_is_not_carried(db: Client) -> None:
    """Numbers of a person are found by type and issuer, external keys by their source."""
    person = await make(Person)
    source = await make(Source)
    number = {"person_id": person.id, "type": "NPWP", "issuer": "ID", "value": new_ulid()}
    external = {**number, "type": "External", "issuer": source.code, "source_id": source.id}
    for row in (number, external):
        assert counts(await db.upsert(Identifier, [row])) == (1, 0, 0)
        assert counts(await db.upsert(Identifier, [row])) == (0, 0, 1)


async def test_join_rows_are_found_by_both_keys(db: Client) -> None:
    """A row of a join table is found by its primary key, and may have nothing but that."""
    person, tags = await make(Person), [await make(Tag) for _ in range(3)]
    rows = [{"person_id": person.id, "tag_id": tag.id} for tag in tags]
    assert counts(await db.upsert(PersonTag, rows[:2])) == (2, 0, 0)
    assert counts(await db.upsert(PersonTag, rows)) == (1, 0, 2)
    key = PersonTag._meta.primary_key
    assert counts(await db.upsert(PersonTag, rows, key=key)) == (0, 0, 3)


async def test_a_key_must_not_be_null(db: Client) -> None:
    """A row whose key is null could not be found again, so it is refused."""
    rows = await orders(2)
    rows[1]["source_key"] = None
    with pytest.raises(UpsertError, match=r"row 1, source_key: None .*found by this column"):
        await db.upsert(Order, rows)


# --- what never changes -----------------------------------------------------


async def test_ids_never_change(db: Client) -> None:
    """A row that carries another id than the stored one is refused."""
    rows = await orders(2)
    await db.upsert(Order, rows)
    with pytest.raises(UpsertError, match=r"row 1, id: .* has the id '\w{26}', which never"):
        await db.upsert(Order, [rows[0], {**rows[1], "id": new_ulid()}])
    ids = await db.resolve(Order, ("source_id", "source_key"), [_source(row) for row in rows])
    same = [{**row, "id": ids[_source(row)]} for row in rows]
    assert counts(await db.upsert(Order, same)) == (0, 0, 2)


def _source(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["source_id"], row["source_key"]


async def test_a_given_id_is_that_of_the_new_row(db: Client) -> None:
    """Ids that the caller made are kept, so children can name their parents before."""
    rows = [{**row, "id": new_ulid()} for row in await orders(2)]
    await db.upsert(Order, rows)
    assert {row["id"] for row in rows} <= (await stored(Order)).keys()


async def test_instants_are_for_new_rows(db: Client) -> None:
    """Rows copied from elsewhere keep their instants; those of stored rows stay."""
    noon = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
    rows = [{**row, "created_at": noon, "updated_at": noon} for row in await orders(2)]
    await db.upsert(Order, rows)
    (row, _) = await Order.select().where(Order.source_id == rows[0]["source_id"])
    assert row["created_at"] == row["updated_at"] == noon
    later = [{**row, "created_at": "2026-03-01 00:00:00Z", "updated_at": noon} for row in rows]
    assert counts(await db.upsert(Order, later)) == (0, 0, 2)


async def test_a_source_never_changes(db: Client) -> None:
    """A row found by its number keeps the source it came from (rule G4)."""
    (row,) = await orders(1)
    await db.upsert(Order, [row])
    other = await make(Source)
    for change in ({"source_key": "x"}, {"source_id": other.id}):
        with pytest.raises(UpsertError, match=f"{next(iter(change))}: .* never changes"):
            await db.upsert(Order, [{**row, **change}], key=("entity_id", "number"))
    half = {**row, "number": "other", "source_key": None}
    with pytest.raises(UpsertError, match=r"source_key: None .* both given or neither"):
        await db.upsert(Order, [half], key=("entity_id", "number"))


# --- rows that are refused --------------------------------------------------


async def test_bad_rows_are_named_and_nothing_is_written(db: Client) -> None:
    """The error says position, column, value and reason of the first bad rows."""
    rows = await orders(40)
    rows[3]["type"] = "Gift"
    rows[17]["order_date"] = "03/02/2026"
    rows[17]["total_amount"] = "1.5 juta"
    rows[30]["colour"] = "red"
    rows[31]["unit_id"] = rows[31]["unit_id"].lower()
    before = await stored(Order)

    with pytest.raises(UpsertError) as caught:
        await db.upsert(Order, rows, batch_size=10)

    found = [(error.position, error.column, error.value) for error in caught.value.errors]
    assert found == [
        (3, "type", "Gift"),
        (17, "order_date", "03/02/2026"),
        (17, "total_amount", "1.5 juta"),
        (30, "colour", "red"),
        (31, "unit_id", rows[31]["unit_id"]),
    ]
    assert "row 17, order_date: '03/02/2026' (str) is not a date" in str(caught.value)
    assert "nothing was written" in str(caught.value)
    assert caught.value.errors[0].row is rows[3]
    assert counts(caught.value.result) == (0, 0, 0)
    assert touched(before, await stored(Order)) == set()


async def test_only_the_first_bad_rows_are_named(db: Client) -> None:
    """The call ends with the batch that holds the last of ``max_errors`` bad rows."""
    rows = await orders(30, type="Gift")
    taken = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for row in rows:
            taken += 1
            yield row

    with pytest.raises(UpsertError) as caught:
        await db.upsert(Order, counted(), batch_size=4, max_errors=3)
    assert [error.position for error in caught.value.errors] == [0, 1, 2]
    assert taken == 4


async def test_good_rows_can_be_written_without_the_bad(db: Client) -> None:
    """``on_error="collect"`` writes the good rows and returns the bad ones with reasons."""
    rows = await orders()
    rows[5]["total_amount"] = float("nan")
    rows[60]["unit_id"] = new_ulid()
    rows[61]["number"] = rows[1]["number"]
    rows[62] = "no row"  # type: ignore[call-overload]

    result = await db.upsert(Order, rows, on_error="collect")

    assert counts(result) == (ROWS - 4, 0, 0)
    assert result.refused == 4
    assert [(error.position, error.column) for error in result.errors] == [
        (5, "total_amount"),
        (60, "unit_id"),
        (61, "entity_id, number"),
        (62, ""),
    ]
    assert "is the id of no row of core_unit" in result.errors[1].reason
    assert "is that of another row" in result.errors[2].reason
    assert counts(await db.upsert(Order, rows, on_error="collect")) == (0, 0, ROWS - 4)


async def test_refused_updates_are_named(db: Client) -> None:
    """A change that breaks another key or a reference is refused, and the others are made."""
    rows = await orders(5)
    await db.upsert(Order, rows)
    rows[1]["number"] = rows[0]["number"]
    rows[2]["channel_id"] = new_ulid()
    rows[3]["note"] = "good"
    result = await db.upsert(Order, rows, on_error="collect")
    assert counts(result) == (0, 1, 2)
    assert {(error.position, error.column) for error in result.errors} == {
        (1, "entity_id, number"),
        (2, "channel_id"),
    }


@pytest.mark.parametrize("rows", ["text", b"bytes", {"code": "a"}, 5, None])
async def test_rows_must_be_rows(db: Client, rows: Any) -> None:
    """What is not a collection of rows is refused with its type."""
    with pytest.raises(TypeError, match=type(rows).__name__):
        await db.upsert(Tag, rows)


@pytest.mark.parametrize(
    "option",
    [
        {"on_error": "ignore"},
        {"duplicates": "first"},
        {"commit_every": 0},
        {"batch_size": True},
        {"max_errors": -1},
    ],
)
async def test_options_are_checked(db: Client, option: dict[str, Any]) -> None:
    """An option that means nothing is refused by name."""
    with pytest.raises(ValueError, match=next(iter(option))):
        await db.upsert(Tag, [], **option)


# --- the same key twice -----------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 100])
async def test_the_last_row_of_a_key_wins(db: Client, batch_size: int) -> None:
    """Of rows with one key the last is stored; the counts do not depend on the batches."""
    a, b, c = await orders(3)
    rows = [a, b, {**a, "note": "second"}, c, {**b, "note": "second"}, {**a, "note": "third"}]
    result = await db.upsert(Order, rows, batch_size=batch_size)
    assert counts(result) == (3, 0, 0)
    assert result.duplicates == 3
    notes = await (
        Order.select(Order.note)
        .where(Order.source_id == a["source_id"])
        .order_by(Order.number)
        .output(as_list=True)
    )
    assert notes == ["third", "second", None]

    later = [a | {"note": "third"}, {**c, "note": "x"}, c | {"note": "y"}, {**a, "note": "z"}]
    result = await db.upsert(Order, later, batch_size=batch_size)
    assert counts(result) == (0, 2, 0)
    assert result.duplicates == 2


@pytest.mark.parametrize("batch_size", [1, 100])
async def test_the_same_key_twice_can_be_an_error(db: Client, batch_size: int) -> None:
    """With ``duplicates="error"`` the later row is a bad row."""
    a, b = await orders(2)
    rows = [a, b, {**a, "note": "again"}]
    with pytest.raises(UpsertError, match=r"row 2, source_id, source_key: .*an earlier row"):
        await db.upsert(Order, rows, duplicates="error", batch_size=batch_size)
    result = await db.upsert(
        Order, rows, duplicates="error", on_error="collect", batch_size=batch_size
    )
    assert counts(result) == (2, 0, 0)
    assert [error.position for error in result.errors] == [2]


# --- trees ------------------------------------------------------------------


def tree(levels: int, width: int) -> list[dict[str, Any]]:
    """Rows of regions, parents first: each has ``width`` children."""
    top = new_ulid()
    rows: list[dict[str, Any]] = [
        {"id": new_ulid(), "code": top, "name": "top", "type": "Province", "parent_id": None}
    ]
    level = rows
    for number in range(levels):
        level = [
            {
                "id": new_ulid(),
                "code": f"{parent['code']}.{child}",
                "name": f"level {number}",
                "type": "City",
                "parent_id": parent["id"],
            }
            for parent in level
            for child in range(width)
        ]
        rows = rows + level
    return rows


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
async def test_parents_may_come_after_children(db: Client, batch_size: int) -> None:
    """A tree can be given in any order."""
    rows = tree(levels=3, width=3)
    for given in (rows[::-1], [*rows[1::2], *rows[::2]]):
        code = new_ulid()
        ids = {row["id"]: new_ulid() for row in rows}
        given = [
            {
                **row,
                "id": ids[row["id"]],
                "parent_id": ids.get(row["parent_id"]),
                "code": code + row["code"][26:],
            }
            for row in given
        ]
        result = await db.upsert(Region, given, batch_size=batch_size)
        assert counts(result) == (40, 0, 0)
        again = await db.upsert(Region, given, batch_size=batch_size)
        assert counts(again) == (0, 0, 40)
        found = await stored(Region)
        for row in given:
            assert found[row["id"]]["parent_id"] == row["parent_id"]


async def test_a_missing_parent_is_named(db: Client) -> None:
    """A row whose parent never comes is refused with all below it, and nothing else is."""
    rows = tree(levels=2, width=2)
    lost = [row for row in rows if row is not rows[1]]
    with pytest.raises(UpsertError, match=r"parent_id: .*neither stored nor among the rows"):
        await db.upsert(Region, lost[::-1], batch_size=2)
    result = await db.upsert(Region, lost[::-1], batch_size=2, on_error="collect")
    assert counts(result) == (4, 0, 0)
    assert {error.value for error in result.errors} == {rows[1]["id"]}
    result = await db.upsert(Region, rows)
    assert counts(result) == (3, 0, 4)


async def test_a_row_can_be_moved_below_one_that_comes_later(db: Client) -> None:
    """An existing row waits for its new parent like a new one, and the last of a key wins."""
    rows = tree(levels=1, width=2)
    await db.upsert(Region, rows)
    parent = {**rows[0], "id": new_ulid(), "code": new_ulid()}
    moved = {**rows[1], "parent_id": parent["id"], "name": "moved"}
    result = await db.upsert(
        Region, [{**moved, "name": "not the last"}, moved, parent], batch_size=1
    )
    assert counts(result) == (1, 1, 0)
    assert result.duplicates == 1
    found = (await stored(Region))[moved["id"]]
    assert (found["parent_id"], found["name"]) == (parent["id"], "moved")


async def test_a_circle_is_refused(db: Client) -> None:
    """Rows that are each other's parents can never be written."""
    first, second = (
        {"id": new_ulid(), "code": new_ulid(), "name": "x", "type": "City"} for _ in range(2)
    )
    rows = [{**first, "parent_id": second["id"]}, {**second, "parent_id": first["id"]}]
    with pytest.raises(UpsertError, match="row 0, parent_id"):
        await db.upsert(Region, rows)


# --- transactions -----------------------------------------------------------


async def test_an_upsert_is_part_of_the_callers_transaction(db: Client) -> None:
    """It commits with the transaction around it, and is taken back with it."""
    rows = await orders(5)
    before = await stored(Order)
    with pytest.raises(LookupError):
        async with db.transaction():
            result = await db.upsert(Order, rows)
            assert counts(result) == (5, 0, 0)
            assert result.committed == 0
            raise LookupError
    assert touched(before, await stored(Order)) == set()
    async with db.transaction():
        await db.upsert(Order, rows)
        assert touched(before, await stored(Order)) == set()
    assert len(touched(before, await stored(Order))) == 5


async def test_a_failed_upsert_spares_the_callers_transaction(db: Client) -> None:
    """What the transaction wrote before a refused upsert can still be committed."""
    rows = await orders(5)
    bad = [*rows[2:], {**rows[0], "unit_id": new_ulid(), "source_key": "bad"}]
    async with db.transaction():
        await db.upsert(Order, rows[:2])
        with pytest.raises(UpsertError, match="unit_id"):
            await db.upsert(Order, bad)
    found = await Order.count().where(Order.source_id == rows[0]["source_id"])
    assert found == 2


async def test_rows_can_be_committed_in_parts(db: Client) -> None:
    """``commit_every`` commits after so many rows; the result says how many are committed."""
    rows = await orders(25)
    rows[17]["type"] = "Gift"
    before = await stored(Order)
    seen: list[int] = []

    def look(done: int, total: int | None) -> None:
        seen.append(done)

    with pytest.raises(UpsertError, match="after 10 rows that were committed") as caught:
        await db.upsert(Order, rows, commit_every=10, batch_size=4, on_progress=look)

    assert seen == [4, 8, 10, 14, 18, 20]
    assert caught.value.result.committed == 10
    assert counts(caught.value.result) == (10, 0, 0)
    assert len(touched(before, await stored(Order))) == 10
    rows[17]["type"] = "Product"
    result = await db.upsert(Order, rows, commit_every=10)
    assert counts(result) == (15, 0, 10)
    assert result.committed == 25


async def test_another_error_says_how_many_rows_are_committed(db: Client) -> None:
    """What the iterable raises comes through, with a note on what is committed."""
    rows = await orders(10)

    def failing() -> Iterator[dict[str, Any]]:
        yield from rows
        raise LookupError("no more")

    with pytest.raises(LookupError) as caught:
        await db.upsert(Order, failing(), commit_every=4)
    assert "the first 8 rows are committed" in caught.value.__notes__[0]
    assert await Order.count().where(Order.source_id == rows[0]["source_id"]) == 8


async def test_parts_cannot_be_committed_inside_a_transaction(db: Client) -> None:
    """``commit_every`` in a transaction, and any upsert in a snapshot, is an error that says so."""
    async with db.transaction():
        with pytest.raises(ClientError, match="commit_every cannot commit inside"):
            await db.upsert(Tag, [{"code": "x", "name": "x"}], commit_every=5)
    async with db.snapshot():
        with pytest.raises(TransactionError, match="only reads"):
            await db.upsert(Tag, [{"code": "x", "name": "x"}])


async def test_progress_is_told(db: Client) -> None:
    """The callback gets the rows done and, where it is known, of how many."""
    rows = await orders(10)
    calls: list[tuple[int, int | None]] = []

    def note(done: int, total: int | None) -> None:
        calls.append((done, total))

    await db.upsert(Order, rows, batch_size=4, on_progress=note)
    await db.upsert(Order, iter(rows), batch_size=10, on_progress=note)
    assert calls == [(4, 10), (8, 10), (10, 10), (10, None)]


@pytest.mark.parametrize("who", ["progress", "rows"])
async def test_an_error_of_the_caller_takes_all_back(db: Client, who: str) -> None:
    """What the callback or the iterable raises comes through, and nothing is written."""
    rows = await orders(20)
    before = await stored(Order)

    def given() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(rows):
            if number == 15 and who == "rows":
                raise LookupError
            yield row

    def progress(done: int, total: int | None) -> None:
        if done >= 10 and who == "progress":
            raise LookupError

    with pytest.raises(LookupError):
        await db.upsert(Order, given(), batch_size=5, on_progress=progress)
    assert touched(before, await stored(Order)) == set()


async def test_several_tables_make_one_load(db: Client) -> None:
    """Orders and their lines, found by the orders' numbers, in one transaction."""
    rows = await orders(3)
    line = await make(OrderLine)
    async with db.transaction():
        await db.upsert(Order, rows)
        ids = await db.resolve(Order, ("source_id", "source_key"), map(_source, rows))
        lines = [
            {
                "order_id": ids[_source(row)],
                "line_no": number,
                "item_id": line.item_id,
                "unit_price": 5.0,
                "total_amount": 5.0,
            }
            for row in rows
            for number in (1, 2)
        ]
        assert counts(await db.upsert(OrderLine, lines)) == (6, 0, 0)
    assert counts(await db.upsert(OrderLine, lines)) == (0, 0, 6)


async def test_every_table_can_be_upserted(db: Client) -> None:
    """Rows of all 38 tables, read as they are stored, are found and found unchanged."""
    import atlas
    from atlas.upsert.keys import primary_key

    for table in atlas.TABLES:
        await make(table)
        rows = await table.select().limit(5)
        result = await db.upsert(table, rows, key=primary_key(table))
        assert counts(result) == (0, 0, len(rows)), table
        for row in rows:
            row.pop("updated_at")
        objects = await table.objects().limit(5)
        assert counts(await db.upsert(table, objects, key=primary_key(table)))[2] == len(objects)


async def test_a_category_of_another_entity_is_another(db: Client) -> None:
    """Keys of several columns tell rows apart by all of them."""
    entities = [await make(Entity) for _ in range(2)]
    rows = [{"entity_id": entity.id, "code": "LANG", "name": "Bahasa"} for entity in entities]
    assert counts(await db.upsert(Category, rows)) == (2, 0, 0)
    assert counts(await db.upsert(Category, rows)) == (0, 0, 2)

"""Plain Piccolo tables of a user's own are upserted, resolved and synced as the 38 are."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from piccolo.columns import (
    UUID,
    BigInt,
    Boolean,
    ForeignKey,
    Integer,
    Numeric,
    Text,
    Time,
    Timestamp,
    Varchar,
)
from piccolo.constraints import Unique
from piccolo.table import Table, create_db_tables

from atlas import UpsertError, create_client
from atlas.client.client import Client


class Note(Table, tablename="note"):
    """A table whose keys the database makes."""

    code = Varchar(length=20, unique=True)
    body = Text(null=True)
    number = Integer(default=0)
    large = BigInt(null=True)
    at = Timestamp(null=True)
    clock = Time(null=True)
    amount = Numeric(digits=(10, 2), null=True)
    ok = Boolean()
    token = UUID(null=True, default=None)
    parent = ForeignKey("self", null=True)


class Device(Table, tablename="device"):
    """A table whose keys are made here, and two columns of which find a row."""

    id = UUID(primary_key=True)
    room = Varchar()
    slot = Integer()
    label = Varchar(default="none")
    unique_slot = Unique(["room", "slot"])


NOTES: list[dict[str, Any]] = [
    {
        "code": "a",
        "body": "x",
        "number": 1,
        "large": 2**40,
        "at": datetime.datetime(2026, 1, 1, 8),
        "clock": datetime.time(8, 30),
        "amount": Decimal("1.50"),
        "ok": True,
        "token": uuid.uuid4(),
    },
    {"code": "b", "ok": False},
]


@pytest.fixture
async def db(empty: Any) -> AsyncIterator[Client]:
    """A client of a database that has only these tables."""
    async with create_client(empty.url) as client:
        await create_db_tables(Note, Device)
        yield client


async def test_rows_are_written_once_and_found_again(db: Client) -> None:
    """All kinds of columns; the keys are the database's; a second time nothing changes."""
    first = await db.upsert(Note, NOTES, Note.code, ids=True)
    again = await db.upsert(Note, NOTES, Note.code, ids=True)
    assert (first.inserted, again.unchanged, again.ids) == (2, 2, first.ids)
    rows = await Note.select().order_by(Note.code)
    assert {name: rows[0][name] for name in NOTES[0]} == NOTES[0]
    assert await db.resolve(Note, Note.code, ["a", "b"]) == dict(zip("ab", first.ids, strict=True))
    changed = await db.upsert(Note, [{"code": "a", "number": 7}], Note.code)
    assert (changed.updated, await Note.count().where(Note.number == 7)) == (1, 1)


async def test_objects_and_references_are_taken(db: Client) -> None:
    """An object has all its columns; a parent is found by its code, in any order."""
    rows = [{"code": "child", "parent": "top"}, {"code": "top"}]
    result = await db.upsert(Note, rows, Note.code, refs={Note.parent: (Note, "code")})
    assert result.inserted == 2
    (child,) = await Note.select(Note.parent.code).where(Note.code == "child")
    assert child == {"parent.code": "top"}
    assert (await db.upsert(Note, [Note(code="c", number=3)], Note.code)).inserted == 1
    with pytest.raises(UpsertError, match=r"parent: 99 .*is the id of no row of note"):
        await db.upsert(Note, [{"code": "d", "parent": 99}], Note.code)


async def test_keys_made_here_and_of_several_columns(db: Client) -> None:
    """Slots may be exchanged, and what is no more in a room goes."""
    rows = [{"room": "r", "slot": slot, "label": str(slot)} for slot in range(3)]
    result = await db.upsert(Device, rows, ("room", "slot"), ids=True)
    assert all(isinstance(uuid.UUID(str(each)), uuid.UUID) for each in result.ids)
    swap = [{"id": result.ids[0], "slot": 1}, {"id": result.ids[1], "slot": 0}]
    assert (await db.upsert(Device, swap, Device.id)).updated == 2
    synced = await db.sync(Device, rows[1:], ("room", "slot"), scope={"room": "r"})
    assert (synced.deleted, synced.updated + synced.unchanged) == (1, 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"code": "c" * 21}, "code: .* at most 20 characters"),
        ({"code": None}, "code: None .*is required"),
        ({"code": "x", "number": "many"}, "number: 'many' .* valid integer"),
        ({"code": "x", "at": "soon"}, "at: 'soon' .* valid datetime"),
        ({"code": "x", "colour": "red"}, "colour: 'red' .* is in no column"),
        ({"code": " "}, "code: ' ' .* the row is found by this column"),
    ],
)
async def test_what_piccolo_knows_to_be_wrong_is_a_bad_row(
    db: Client, row: dict[str, Any], said: str
) -> None:
    """With its column and value, and nothing is written."""
    with pytest.raises(UpsertError, match=said):
        await db.upsert(Note, [{"code": "good"}, row], Note.code)
    assert await Note.count() == 0

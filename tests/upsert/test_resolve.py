"""Natural keys become ids, any number of them in one query, on both databases."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import pytest
from factory import make

from atlas import (
    Contact,
    Identifier,
    InvalidValueError,
    Period,
    Person,
    PersonTag,
    Region,
    Source,
    Tag,
    Unit,
)
from atlas.client.client import Client
from atlas.ulid import new_ulid


async def test_codes_become_ids(db: Client) -> None:
    """The result has the codes that exist; the others, and None, are left out."""
    tags = [await make(Tag) for _ in range(3)]
    codes = [*(tag.code for tag in tags), "no such code", None, tags[0].code]
    assert await db.resolve(Tag, Tag.code, codes) == {tag.code: tag.id for tag in tags}
    assert await db.resolve(Tag, "code", []) == {}


async def test_keys_of_several_columns_are_tuples(db: Client) -> None:
    """Units are found by entity and code together."""
    units = [await make(Unit, code="HO") for _ in range(2)]
    keys = [(unit.entity_id, "HO") for unit in units]
    found = await db.resolve(Unit, (Unit.entity_id, Unit.code), [*keys, (new_ulid(), "HO")])
    assert found == dict(zip(keys, (unit.id for unit in units), strict=True))


async def test_persons_are_found_through_their_identifiers(db: Client) -> None:
    """``to`` names the column to look up instead of the id."""
    person, source = await make(Person), await make(Source)
    await make(
        Identifier,
        person_id=person.id,
        type="External",
        source_id=source.id,
        issuer=source.code,
        value="row-1",
    )
    found = await db.resolve(
        Identifier,
        ("source_id", "value"),
        [(source.id, "row-1"), (source.id, "row-2")],
        to=Identifier.person_id,
    )
    assert found == {(source.id, "row-1"): person.id}


async def test_any_number_of_values_is_one_query(
    db: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """100,000 values are more than any database takes as parameters."""
    tag = await make(Tag)
    codes = [f"no such code {number}" for number in range(100_000)]
    with caplog.at_level(logging.DEBUG, "atlas.engine"):
        assert await db.resolve(Tag, Tag.code, [*codes, tag.code]) == {tag.code: tag.id}
    assert len(caplog.records) == 1


async def test_values_are_found_as_they_are_given(db: Client) -> None:
    """Text with quotes, and other types than text, or the text of them, are found."""
    day = datetime.date(2031, 2, 3)
    period = await make(Period, code='it\'s "2031" a\\b é 😀', start_date=day)
    assert await db.resolve(Period, Period.code, [period.code]) == {period.code: period.id}
    for value in (day, "2031-02-03"):
        assert await db.resolve(Period, "start_date", [value]) == {value: period.id}


async def test_uncommitted_rows_are_found(db: Client) -> None:
    """In a transaction what it wrote is found."""
    async with db.transaction():
        await db.upsert(Tag, [{"code": (code := new_ulid()), "name": "x"}])
        assert code in await db.resolve(Tag, Tag.code, [code])


async def test_values_that_name_several_rows_are_refused(db: Client) -> None:
    """Where a value is in several rows, none of them is meant."""
    name = new_ulid()
    for _ in range(2):
        await make(Region, name=name)
    with pytest.raises(ValueError, match=rf"several rows whose \(name\) is '{name}'"):
        await db.resolve(Region, Region.name, [name])


@pytest.mark.parametrize(
    ("table", "key", "values", "error", "message"),
    [
        (Tag, Tag.code, [5], InvalidValueError, r"db_tag\.code: 5 \(int\) is not text"),
        (Tag, Region.code, ["x"], ValueError, "is not a column of Tag"),
        (Tag, "nonsense", ["x"], ValueError, "'nonsense' is not a column of Tag"),
        (
            Unit,
            ("entity_id", "code"),
            ["HO"],
            ValueError,
            r"'HO' is not a tuple of \(entity_id, code",
        ),
        (Unit, ("entity_id", "code"), [("HO",)], ValueError, "is not a tuple of"),
        (PersonTag, "tag_id", [], ValueError, "PersonTag has no id; say with to="),
        (Contact, "person_id", ["x"], InvalidValueError, "is not a ULID"),
    ],
)
async def test_what_cannot_be_looked_up_is_refused(
    db: Client, table: Any, key: Any, values: list[Any], error: type[Exception], message: str
) -> None:
    """A wrong column, type or shape is an error that names it."""
    with pytest.raises(error, match=message):
        await db.resolve(table, key, values)

"""Nothing is stored that the model does not allow, and what it allows is stored exactly.

The first half builds SQL only, for every column of every table. The second
writes to SQLite and PostgreSQL, and looks with the plain drivers at what is there.
"""

from __future__ import annotations

import datetime
import math
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal as PythonDecimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import numpy
import pandas
import pytest
from piccolo.columns import Column
from piccolo.columns.defaults.base import Default
from piccolo.engine.base import Engine
from piccolo.query.functions import Coalesce, Round, Upper
from piccolo.querystring import QueryString

import atlas
from atlas import (
    Channel,
    Entity,
    InvalidValueError,
    Order,
    OrderLine,
    Person,
    Promotion,
    Region,
    Source,
    Tag,
    Unit,
)
from atlas.columns import (
    Boolean,
    Date,
    Decimal,
    ForeignKey,
    Integer,
    ModelColumn,
    Text,
    Timestamp,
    Ulid,
)
from atlas.errors import shown
from atlas.table import Table
from atlas.ulid import new_ulid

DATABASE_ERRORS = (sqlite3.Error, asyncpg.PostgresError)
JAKARTA = datetime.timezone(datetime.timedelta(hours=7), "WIB")
NOON = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.UTC)
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NAN = float("nan")


class Unlisted(Enum):
    word = "Unlisted"
    number = 1
    nothing = None
    rows = ["a"]


class Number(IntEnum):
    seven = 7


class Word(StrEnum):
    word = "word"


class Shouting(str):
    """A str that calls itself something else when it is asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Day(datetime.date):
    """A subclass, as libraries for dates and for frozen clocks have them."""


class Instant(datetime.datetime):
    """A subclass, as pendulum and freezegun have them."""


class Nanoseconds(datetime.datetime):
    """A datetime with a part that a plain one does not hold, as pandas has."""

    def __eq__(self, other: object) -> bool:
        return type(other) is Nanoseconds and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = datetime.datetime.__hash__


class Timeless(datetime.tzinfo):
    """A time zone that does not say how far it is from UTC."""

    def utcoffset(self, _: datetime.datetime | None) -> None:
        return None


def valid(column: ModelColumn) -> Any:
    """Return a value that ``column`` allows."""
    if column._meta.choices:
        return next(iter(column._meta.choices))
    by_class = {
        Ulid: new_ulid(),
        ForeignKey: new_ulid(),
        Text: "text",
        Integer: 1,
        Decimal: 1.5,
        Boolean: True,
        Date: datetime.date(2026, 1, 31),
        Timestamp: NOON,
    }
    return by_class[type(column)]


def row(table: type[Table], **values: Any) -> Any:
    """Return a new row of ``table`` in which every column has a value; the keys need not exist."""
    return table(**{c._meta.name: valid(c) for c in table._meta.columns} | values)


#: No column takes any of these. The objects are made once, so that a message can be compared.
NOWHERE = (
    b"bytes",
    bytearray(b"bytes"),
    [],
    ["text"],
    {"key": "value"},
    ("text",),
    {1},
    object(),
    1j,
    Fraction(3, 2),
    datetime.time(12, 0),
    datetime.timedelta(days=1),
    str,
    QueryString("1"),
    Entity.code,
    Entity.code == "LPK1",
    Entity.select(),
    Entity,
    math.inf,
    -math.inf,
    NAN,
    PythonDecimal("NaN"),
    PythonDecimal("sNaN"),
    PythonDecimal("Infinity"),
    10**400,
    10**5000,
    Unlisted.nothing,
    Unlisted.rows,
    "\x00",
    "a\x00b",
    "\ud800",
    "text \udcff",
)
NO_ULID = (
    "",
    1,
    True,
    1.5,
    Number.seven,
    ULID.lower(),
    ULID[:-1],
    ULID + "0",
    f"{ULID}\n",
    f" {ULID[1:]}",
    f"8{ULID[1:]}",
    f"{ULID[:-1]}-",
    *(f"{ULID[:-1]}{letter}" for letter in "ILOU"),
    "７" + ULID[1:],  # noqa: RUF001  # a digit, but none of the alphabet
    datetime.date(2026, 1, 31),
)
NO_TIME = ("", "now", "31/01/2026", "2026-02-30", "20260131", 0, 1, 1.5, True, Unlisted.word)
REFUSED: dict[type[ModelColumn], tuple[Any, ...]] = {
    Ulid: NO_ULID,
    ForeignKey: NO_ULID,
    Text: (0, 1, 1.5, True, PythonDecimal(1), NOON, NOON.date(), Unlisted.number, Number.seven),
    Integer: (
        *("", "one", "1.5", "01", "+1", " 1", "1e3", "3.000", "3,000", "1_000", "１"),  # noqa: RUF001
        *(Unlisted.word, PythonDecimal("1.5"), NOON, NOON.date()),
        *(True, False),
        *(1.5, -0.5, 1e-9),
        *(2**31, -(2**31) - 1, 2.0**31, 2**63, 1e300),
    ),
    Decimal: (
        *("", "abc", "1,5", "1.500", "450.000", "0.125", "1.500.000", ".5", "1e3", "NaN", "Rp 5"),
        *("0.10000000000000000001", str(2**53 + 1), Unlisted.word, NOON, NOON.date()),
        *(True, False),
        *(2**53 + 1, -(2**53) - 1, 10**17 + 1),
        *(
            PythonDecimal("12345678901234567.89"),
            PythonDecimal("0.10000000000000000001"),
            PythonDecimal("1e400"),
            PythonDecimal("1e-400"),
        ),
    ),
    Boolean: (
        2,
        -1,
        0.5,
        "",
        "yes",
        "2",
        "1.0",
        Number.seven,
        Unlisted.word,
        NOON,
    ),
    Date: (
        *(*NO_TIME, 20260131, NOON, NOON.replace(tzinfo=None), NOON.replace(hour=0)),
        *("2026-01-31 08:00:00", "2026-01-31T00:00:00Z", "2026-01-31 00:00:00+07:00"),
    ),
    Timestamp: (
        *(*NO_TIME, "2026-01-31", "2026-01-31 12:00:00", "2026-01-31T24:00:00Z"),
        NOON.date(),
        NOON.timestamp(),
        NOON.replace(tzinfo=None),
        NOON.replace(tzinfo=Timeless()),
        datetime.datetime.min.replace(tzinfo=datetime.UTC),
        datetime.datetime.max.replace(tzinfo=datetime.UTC),
        datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=5))),
        datetime.datetime.min.replace(tzinfo=JAKARTA),
        Nanoseconds(2026, 1, 31, tzinfo=datetime.UTC),
    ),
}


#: What is exactly one value in another form, and that value.
EXACT: dict[type[ModelColumn], tuple[tuple[Any, Any], ...]] = {
    Integer: (
        *(("3", 3), ("-3", -3), ("3.0", 3), ("3.00", 3), (3.0, 3), (PythonDecimal("3.00"), 3)),
        *((Number.seven, 7), (numpy.int64(3), 3), (numpy.float32(3), 3), (numpy.uint8(3), 3)),
    ),
    Decimal: (
        *(("450000", 450000.0), ("450.5", 450.5), ("450000.00", 450000.0), ("-0.5", -0.5)),
        *((numpy.int64(7), 7.0), (numpy.float32(0.5), 0.5), (numpy.float64(0.1), 0.1)),
    ),
    Boolean: (
        *(("TRUE", True), ("false", False), ("1", True), ("0", False), (1.0, True), (0, False)),
        *((numpy.bool_(True), True), (numpy.bool_(False), False), (PythonDecimal(1), True)),
    ),
    Date: tuple(
        (given, datetime.date(2026, 1, 31))
        for given in (
            *("2026-01-31", "2026-01-31 00:00:00", "2026-01-31T00:00:00", "2026-01-31 00:00"),
            *(datetime.datetime(2026, 1, 31), Day(2026, 1, 31), Instant(2026, 1, 31)),
            *(numpy.datetime64("2026-01-31"), numpy.datetime64("2026-01-31T00:00:00", "ns")),
        )
    ),
    Timestamp: tuple(
        (given, NOON)
        for given in (
            *("2026-01-31T12:00:00Z", "2026-01-31 19:00+07", "2026-01-31 19:00:00.000+0700"),
            *(NOON.astimezone(JAKARTA), Instant(2026, 1, 31, 12, tzinfo=datetime.UTC)),
        )
    ),
}


@pytest.mark.parametrize(
    ("column", "given", "value"),
    [
        pytest.param(column, given, value, id=f"{column._meta.name}-{given!r}")
        for column in (
            *(Order.total_amount, OrderLine.line_no, Order.order_date, Source.created_at),
            Entity.is_active,
        )
        for given, value in EXACT[type(column)]
    ],
)
def test_what_is_exactly_one_value_is_taken_in_any_form(
    column: Any, given: object, value: object
) -> None:
    """It is stored and compared as that value; but no text is compared with a number."""
    stored = column.accept(given)
    assert (stored, type(stored)) == (value, type(value))
    if isinstance(given, str) and isinstance(column, Integer | Decimal):
        with pytest.raises(InvalidValueError, match="compare with"):
            column.accept_compared(given)
    else:
        assert column.accept_compared(given) == value


@pytest.mark.parametrize("nothing", [pandas.NaT, pandas.NA, numpy.datetime64("NaT")], ids=repr)
def test_what_stands_for_no_value_is_null(nothing: object) -> None:
    """It is None in a column that may be, and refused by one that may not."""
    for column in (Unit.open_date, Order.customer_id, Region.parent_id, Source.last_sync_date):
        assert column.accept(nothing) is None  # type: ignore[attr-defined]
    with pytest.raises(InvalidValueError, match="is required"):
        Order.order_date.accept(nothing)


def test_an_instant_of_the_hour_that_clocks_repeat_is_that_one() -> None:
    """The two are equal in Python, and an hour apart."""
    first = datetime.datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    stored = [Source.created_at.accept(each).hour for each in (first, first.replace(fold=1))]
    assert stored == [0, 1]


def test_text_that_no_index_could_hold_is_refused() -> None:
    """It is measured in bytes, and by how many columns share the index; other text has no end."""
    with pytest.raises(InvalidValueError, match="has 9000 bytes"):
        Person.full_name.accept("a" * 9000)
    with pytest.raises(InvalidValueError, match="has 3000 bytes"):
        Person.full_name.accept("é" * 1500)
    assert Person.full_name.accept("a" * 2500)
    assert Order.note.accept("a" * 100_000)


def refused(column: ModelColumn) -> Iterator[Any]:
    """Yield values that ``column`` does not allow."""
    yield from NOWHERE
    if not column._meta.null:
        yield None
    yield from REFUSED[type(column)]
    if column._meta.choices:
        token = next(iter(column._meta.choices)).value
        yield from ("", token.lower(), token.upper() + " ", f"{token}\n", Word.word)
        yield from (Unlisted.word, Shouting("unlisted"))
    if isinstance(column, ForeignKey):
        yield row(Tag if column._foreign_key_meta.resolved_references is not Tag else Entity)


def assert_refuses(column: ModelColumn, value: Any, write: Callable[[], object]) -> None:
    """``write`` raises InvalidValueError, which names table, column and value."""
    with pytest.raises(InvalidValueError) as caught:
        write()
    table = column._meta.table._meta.tablename
    values = (value, value.value) if isinstance(value, Enum) else (value,)
    starts = tuple(f"{table}.{column._meta.name}: {shown(named)} " for named in values)
    assert str(caught.value).startswith(starts)


COLUMNS: list[Any] = [
    pytest.param(column, id=f"{table._meta.tablename}.{column._meta.name}")
    for table in atlas.TABLES
    for column in table._meta.columns
]


@pytest.mark.parametrize("column", COLUMNS)
def test_an_insert_refuses_what_its_columns_do_not_allow(column: ModelColumn) -> None:
    """An insert of five rows raises for one value of the third that its column does not allow."""
    table: Any = column._meta.table
    one, two, four, five = (row(table) for _ in range(4))
    for value in refused(column):
        three = row(table, **{column._meta.name: value})
        insert = table.insert(one, two, three, four, five)
        assert_refuses(column, value, lambda insert=insert: insert.querystrings)


@pytest.mark.parametrize("column", [c for c in COLUMNS if not c.id.endswith(".updated_at")])
def test_an_update_refuses_what_its_columns_do_not_allow(column: ModelColumn) -> None:
    """An update raises for a value that its column does not allow."""
    table: Any = column._meta.table
    for value in refused(column):
        if not isinstance(value, QueryString | Column):  # these have tests of their own, below
            update = table.update({column: value}, force=True)
            assert_refuses(column, value, lambda update=update: update.querystrings)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_accepts_its_own_default_and_every_one_of_its_choices(column: Any) -> None:
    """A column accepts its default, each choice as a member and as a token, and null if it may."""
    default = column.get_default_value()
    if isinstance(default, Default):
        default = default.python()
    if default is not None or column._meta.null:
        assert column.accept(default) == default
    for choice in column._meta.choices or ():
        assert column.accept(choice) == column.accept(choice.value) == choice.value
        assert type(column.accept(choice)) is str


ACCEPTED = (
    (Integer, 5.0, 5),
    (Integer, -0.0, 0),
    (Integer, Number.seven, 7),
    (Integer, -(2**31), -2147483648),
    (Integer, 2**31 - 1.0, 2147483647),
    (Decimal, 150_000, 150_000.0),
    (Decimal, 2**53, 9007199254740992.0),
    (Decimal, 2**70, 2.0**70),
    (Decimal, PythonDecimal("0.1"), 0.1),
    (Decimal, PythonDecimal("-12345.6700"), -12345.67),
    (Decimal, Number.seven, 7.0),
    (Boolean, 0, False),
    (Boolean, 1, True),
    (Boolean, Unlisted.number, True),
    (Text, Word.word, "word"),
    (Text, Unlisted.word, "Unlisted"),
    (Text, Shouting("quiet"), "quiet"),
    (Ulid, Shouting(ULID), ULID),
    (ForeignKey, Shouting(ULID), ULID),
    (Date, Day(2026, 1, 31), datetime.date(2026, 1, 31)),
    (Timestamp, datetime.datetime(2026, 1, 31, 19, tzinfo=JAKARTA), NOON),
    (Timestamp, Instant(2026, 1, 31, 19, tzinfo=JAKARTA), NOON),
    (Timestamp, NOON.replace(tzinfo=ZoneInfo("UTC")), NOON),
)


@pytest.mark.parametrize(("kind", "value", "stored"), ACCEPTED)
def test_a_value_is_converted_to_the_plain_type_of_its_column(
    kind: type[ModelColumn], value: Any, stored: Any
) -> None:
    """What stands for a value exactly is accepted, as the one type that the drivers know."""
    for table in atlas.TABLES:
        for column in table._meta.columns:
            if type(column) is kind and not column._meta.choices:
                accepted = column.accept(value)
                assert accepted == stored
                assert type(accepted) is type(stored)
                assert getattr(accepted, "tzinfo", None) is getattr(stored, "tzinfo", None)


def test_a_ulid_in_lower_case_is_called_that() -> None:
    """Who has ids of another tool is told that only their case is wrong."""
    with pytest.raises(InvalidValueError, match="in lower case; ids are stored in upper case"):
        Order.id.accept(ULID.lower())
    with pytest.raises(InvalidValueError, match="is not a ULID"):
        Order.id.accept("lower case")


def test_minus_zero_is_stored_as_zero() -> None:
    """SQLite knows no -0.0, so PostgreSQL gets none either."""
    for zero in (-0.0, PythonDecimal("-0.0")):
        assert str(Order.total_amount.accept(zero)) == "0.0"


def test_a_row_object_stands_for_its_id_in_a_foreign_key() -> None:
    """A foreign key accepts a row of the table it references."""
    person = row(Person)
    assert Order.customer_id.accept(person) == person.id


# From here on with databases.


async def look(engine: Engine[Any], sql: str) -> list[tuple[Any, ...]]:
    """Return what the plain driver reads, through a connection of its own."""
    if engine.engine_type == "sqlite":
        database = sqlite3.connect(engine.connection_kwargs["database"])  # type: ignore[attr-defined]
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()
    connection = await asyncpg.connect(dsn=engine.config["dsn"])  # type: ignore[attr-defined]
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()


async def promotions(engine: Engine[Any]) -> list[tuple[Any, ...]]:
    """Return all promotions as they are stored."""
    return await look(engine, "SELECT * FROM commerce_promotion ORDER BY id")


@pytest.fixture
async def promotion(engine: Engine[Any]) -> Promotion:
    """A stored row of a table that has a column of every class, and the entity it belongs to."""
    entity = row(Entity, parent_id=None)
    await entity.save()
    stored: Promotion = row(
        Promotion, entity_id=entity, name="Early", value=10, min_order_amount=4, usage_limit=10
    )
    await stored.save()
    return stored


async def insert(stored: Promotion, column: str, value: Any) -> None:
    rows = [row(Promotion, entity_id=stored.entity_id, code=f"new {n}") for n in range(5)]
    setattr(rows[2], column, value)
    await Promotion.insert(*rows)


async def insert_or_update(stored: Promotion, column: str, value: Any) -> None:
    new = row(Promotion, entity_id=stored.entity_id)
    setattr(new, column, value)
    await Promotion.insert(new).on_conflict(
        target=(Promotion.entity_id, Promotion.code),
        action="DO UPDATE",
        values=[Promotion._meta.get_column_by_name(column)],
    )


async def insert_or_update_to(stored: Promotion, column: str, value: Any) -> None:
    await Promotion.insert(row(Promotion, entity_id=stored.entity_id)).on_conflict(
        target=(Promotion.entity_id, Promotion.code),
        action="DO UPDATE",
        values=[(Promotion._meta.get_column_by_name(column), value)],
    )


async def create(stored: Promotion, column: str, value: Any) -> None:
    new = row(Promotion, entity_id=stored.entity_id, code="new")
    values = {c._meta.name: getattr(new, c._meta.name) for c in Promotion._meta.columns}
    await Promotion.objects().create(**values | {column: value})


async def get_or_create(stored: Promotion, column: str, value: Any) -> None:
    new = row(Promotion, entity_id=stored.entity_id, code="new")
    setattr(new, column, value)
    values = {c: getattr(new, c._meta.name) for c in Promotion._meta.columns}
    await Promotion.objects().get_or_create(Promotion.id == new.id, defaults=values)


async def save_new(stored: Promotion, column: str, value: Any) -> None:
    new = row(Promotion, entity_id=stored.entity_id, code="new")
    setattr(new, column, value)
    await new.save()


async def save(stored: Promotion, column: str, value: Any) -> None:
    setattr(stored, column, value)
    await stored.save()


async def save_the_column(stored: Promotion, column: str, value: Any) -> None:
    setattr(stored, column, value)
    await stored.save([column])


async def update(stored: Promotion, column: str, value: Any) -> None:
    await Promotion.update({column: value}).where(Promotion.id == stored.id)


async def update_self(stored: Promotion, column: str, value: Any) -> None:
    await stored.update_self({"name": "changed", column: value})


Write = Callable[[Promotion, str, Any], Awaitable[None]]
WRITES: tuple[Write, ...] = (
    insert,
    insert_or_update,
    insert_or_update_to,
    create,
    get_or_create,
    save_new,
    save,
    save_the_column,
    update,
    update_self,
)


async def test_a_refused_value_leaves_the_database_as_it_was(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """A write with a value that one column does not allow raises, and writes nothing at all."""
    before = await promotions(engine)
    for write in WRITES:
        for column, value in (
            ("entity_id", "LPK1"),
            ("code", 5),
            ("name", None),
            ("type", "voucher"),
            ("value", "1.500"),
            ("max_discount_amount", NAN),
            ("usage_limit", 1.5),
            ("start_date", NOON),
            ("is_active", 2),
        ):
            await promotion.refresh()
            with pytest.raises(InvalidValueError) as caught:
                await write(promotion, column, value)
            assert str(caught.value).startswith(f"commerce_promotion.{column}: "), write
            assert await promotions(engine) == before, (write, column)


async def test_an_allowed_value_is_written_in_every_way(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """Each way of writing, which the test above sees refuse, does write an allowed value."""
    for number, write in enumerate(WRITES, start=100):
        await write(promotion, "usage_limit", number)
        found = await look(
            engine, f"SELECT count(*) FROM commerce_promotion WHERE usage_limit = {number}"
        )
        assert found == [(1,)], write
        await Promotion.delete().where(Promotion.id != promotion.id)


async def test_a_reference_to_an_unsaved_row_is_refused_by_the_database(
    engine: Engine[Any],
) -> None:
    """An unsaved row has an id already, so the database's foreign key is what refuses it."""
    with pytest.raises(DATABASE_ERRORS, match=r"(?i)foreign key"):
        await row(Unit, entity_id=row(Entity), parent_id=None, region_id=None).save()
    assert await look(engine, "SELECT id FROM core_unit") == []


async def update_another(channel: Channel) -> None:
    await Channel.update({Source.type: "Api"}).where(Channel.id == channel.id)


async def update_another_of_self(channel: Channel) -> None:
    await channel.update_self({Source.type: "Api"})


async def insert_or_update_another(channel: Channel) -> None:
    await Channel.insert(row(Channel)).on_conflict(
        target=Channel.code, action="DO UPDATE", values=[(Source.type, "Api")]
    )


@pytest.mark.parametrize(
    "write", [update_another, update_another_of_self, insert_or_update_another]
)
async def test_a_column_of_another_table_is_refused(
    sqlite_engine: Engine[Any], write: Callable[[Channel], Awaitable[None]]
) -> None:
    """Another table's column of the same name cannot be set, whose choices are others."""
    channel = row(Channel)
    await channel.save()
    with pytest.raises(ValueError, match=r"Source\.type .*is not a column of Channel"):
        await write(channel)
    assert await look(sqlite_engine, "SELECT type FROM core_channel") == [(channel.type.value,)]


async def test_a_row_of_every_table_is_read_as_it_was_written(engine: Engine[Any]) -> None:
    """Every column of every table gives back the value and the Python type that were stored."""
    tricky = {
        Text: "Ünï 😀 'one' \"two\" {} {0} ? $1 %s \\ \n\t;--",
        Integer: -(2**31),
        Decimal: -0.1 - 0.2,
        Boolean: False,
        Date: datetime.date(1, 1, 2),
        Timestamp: datetime.datetime(2026, 1, 31, 6, 59, 59, 999999, tzinfo=JAKARTA),
    }
    made: dict[str, str] = {}
    for table in atlas.TABLES:
        new = row(table)
        for column in table._meta.columns:
            name = column._meta.name
            if isinstance(column, ForeignKey):
                target = column._foreign_key_meta.resolved_references._meta.tablename
                setattr(new, name, made.get(target))
            elif not column._meta.primary_key and not column._meta.choices:
                setattr(new, name, tricky[type(column)])
        await new.save()
        made[table._meta.tablename] = getattr(new, "id", "")
        [read] = await table.select()
        for column in table._meta.columns:
            written = getattr(new, column._meta.name)
            value = read[column._meta.name]
            assert value == (written.value if isinstance(written, Enum) else written), column
            assert value is None or type(value) is type(column).value_type, column
            assert getattr(value, "tzinfo", datetime.UTC) is datetime.UTC


LONG = "é😀" * 500_000

#: A column, what is written, what is read, and what SQLite holds.
STORED: tuple[tuple[Any, Any, Any, Any], ...] = (
    *((Promotion.name, text, text, text) for text in ("", " a ", "it's", "007", "1e5", "😀", LONG)),
    (Promotion.type, Promotion.Type.Seasonal, "Seasonal", "Seasonal"),
    (Promotion.usage_limit, None, None, None),
    (Promotion.usage_limit, 5.0, 5, 5),
    (Promotion.usage_limit, 2**31 - 1, 2147483647, 2147483647),
    (Promotion.usage_limit, -(2**31), -2147483648, -2147483648),
    (Promotion.value, 150_000, 150_000.0, 150_000.0),
    (Promotion.value, PythonDecimal("0.1"), 0.1, 0.1),
    *(
        (Promotion.value, number, float(number), float(number))
        for number in (-250_000.5, 2**53, -(2**53), 0.1 + 0.2, 5e-324, 1.7976931348623157e308)
    ),
    (Promotion.is_active, 0, False, 0),
    (Promotion.is_active, True, True, 1),
    (Promotion.end_date, datetime.date(1, 1, 2), datetime.date(1, 1, 2), "0001-01-02"),
    (Promotion.end_date, Day(2028, 2, 29), datetime.date(2028, 2, 29), "2028-02-29"),
    (Promotion.created_at, NOON.astimezone(JAKARTA), NOON, "2026-01-31 12:00:00+00:00"),
    (
        Promotion.created_at,
        Instant(2026, 2, 1, 6, 59, 59, 999999, tzinfo=JAKARTA),
        datetime.datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
        "2026-01-31 23:59:59.999999+00:00",
    ),
)


async def test_a_value_is_stored_exactly(engine: Engine[Any], promotion: Promotion) -> None:
    """What is accepted is what the plain driver finds, and what Piccolo reads again."""
    for column, written, read, in_sqlite in STORED:
        name = column._meta.name
        new = row(Promotion, entity_id=promotion.entity_id, code=new_ulid(), **{name: written})
        await new.save()
        [[plain]] = await look(
            engine, f"SELECT {name} FROM commerce_promotion WHERE id = '{new.id}'"
        )
        expected = in_sqlite if engine.engine_type == "sqlite" else read
        assert (plain, type(plain)) == (expected, type(expected)), (name, written)
        [selected] = await Promotion.select(column).where(Promotion.id == new.id)
        assert (selected[name], type(selected[name])) == (read, type(read)), (name, written)
        found = await Promotion.objects().get((Promotion.id == new.id) & (column == read))
        assert found is not None, (name, written)


@pytest.mark.parametrize("day", [datetime.date.min, datetime.date.max])
async def test_the_first_and_the_last_day_are_stored_as_days(
    engine: Engine[Any], promotion: Promotion, day: datetime.date
) -> None:
    """9999-12-31, which many systems write for "no end", is not stored as infinity."""
    await promotion.update_self({Promotion.end_date: day})
    plain = await look(engine, "SELECT CAST(end_date AS TEXT) FROM commerce_promotion")
    assert plain == [(day.isoformat(),)]
    assert promotion.end_date == day


# Expressions, which the database works out.

Formula = Callable[[Any, Any], Any]
WHOLE_FORMULAS: tuple[Formula, ...] = (
    lambda a, b: a + 1,
    lambda a, b: 1 + a,
    lambda a, b: a - 1,
    lambda a, b: 10 - a,
    lambda a, b: a * 2,
    lambda a, b: -2 * a,
    lambda a, b: a + b,
    lambda a, b: a - b * 2,
    lambda a, b: (a + 1) * 2,
    lambda a, b: 2 * (a + 1),
    lambda a, b: (a + 1) * (b - 2),
    lambda a, b: a - (b - 1),
    lambda a, b: (a + 1) - ((b + 2) - 3),
    lambda a, b: 100 - (a - (b - (1 - a))),
)
FORMULAS: tuple[Formula, ...] = (
    *WHOLE_FORMULAS,
    lambda a, b: a / b,
    lambda a, b: 8 / a,
    lambda a, b: a / (b / 2),
    lambda a, b: (a + b) / (a - b),
    lambda a, b: a * 1.1 - 0.25,
)


async def test_arithmetic_in_an_update_is_what_python_makes_of_it(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """The same formula comes to the same with columns as with Python's numbers."""
    a, b, limit = Promotion.value, Promotion.min_order_amount, Promotion.usage_limit
    for number, formula in enumerate(FORMULAS):
        await promotion.update_self({a: 10, b: 4})
        await promotion.update_self({a: formula(a, b)})
        assert promotion.value == pytest.approx(formula(10, 4), rel=1e-15), number
    for number, formula in enumerate(WHOLE_FORMULAS):
        await promotion.update_self({limit: 10})
        await promotion.update_self({limit: formula(limit, limit)})
        assert promotion.usage_limit == formula(10, 10), number
        assert type(promotion.usage_limit) is int


async def test_values_in_an_expression_are_converted(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """An expression's values become the column's own type, as a plain value would."""
    await promotion.update_self(
        {
            Promotion.value: Promotion.value * PythonDecimal("0.5") + 1,
            Promotion.usage_limit: Promotion.usage_limit / 4.0,
        }
    )
    assert promotion.value == 6.0
    assert (promotion.usage_limit, type(promotion.usage_limit)) == (2, int)


async def test_columns_and_functions_in_an_update(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """A column takes another of its kind, a function of Piccolo's, text and whole days."""
    await promotion.update_self(
        {
            Promotion.name: "New " + Promotion.name,
            Promotion.value: Promotion.min_order_amount,
            Promotion.max_discount_amount: Coalesce(Promotion.max_discount_amount, 7.5) * 2,
            Promotion.min_order_amount: Round(Promotion.min_order_amount + 0.5),
            Promotion.start_date: Promotion.start_date - datetime.timedelta(days=31),
            Promotion.end_date: Promotion.start_date + datetime.timedelta(days=29),
        }
    )
    assert promotion.name == "New Early"
    assert promotion.value == 4.0
    assert promotion.max_discount_amount == 3.0
    assert promotion.start_date == datetime.date(2025, 12, 31)
    assert promotion.end_date == datetime.date(2026, 3, 1)
    await promotion.update_self({Promotion.name: Upper(Promotion.name)})
    assert promotion.name == "NEW EARLY"


async def test_an_expression_of_null_is_null(engine: Engine[Any], promotion: Promotion) -> None:
    """An expression with a column that is null comes to null, where null is allowed."""
    await promotion.update_self({Promotion.usage_limit: None, Promotion.end_date: None})
    await promotion.update_self(
        {
            Promotion.usage_limit: Promotion.usage_limit + 1,
            Promotion.end_date: Promotion.end_date + datetime.timedelta(days=1),
        }
    )
    assert (promotion.usage_limit, promotion.end_date) == (None, None)


async def test_an_expression_in_on_conflict_is_of_the_stored_row(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """DO UPDATE may set a column to an expression of what the stored row holds."""
    new = row(Promotion, entity_id=promotion.entity_id, usage_limit=5, value=1)
    await Promotion.insert(new).on_conflict(
        target=(Promotion.entity_id, Promotion.code),
        action="DO UPDATE",
        values=[
            (Promotion.usage_limit, Promotion.usage_limit + 1),
            (Promotion.value, Promotion.value * 2),
            (Promotion.start_date, Promotion.start_date + datetime.timedelta(days=1)),
        ],
    )
    await promotion.refresh()
    assert (promotion.usage_limit, promotion.value) == (11, 20.0)
    assert promotion.start_date == datetime.date(2026, 2, 1)


#: What each column refuses before any SQL: other columns, wrong values, and closed columns.
REFUSED_EXPRESSIONS: tuple[tuple[Any, Any], ...] = (
    (Promotion.value, Promotion.usage_limit),
    (Promotion.usage_limit, Promotion.value),
    (Promotion.name, Promotion.type),
    (Promotion.name, Promotion.entity_id),
    (Promotion.name, Entity.name),
    (Promotion.name, Promotion.entity_id.name),
    (Region.name, Region.parent_id.name),
    (Promotion.type, Promotion.name),
    (Promotion.type, Promotion.value_type),
    (Promotion.type, Order.type),
    (Promotion.start_date, Promotion.created_at),
    (Promotion.is_active, Promotion.usage_limit),
    (Order.customer_id, Order.unit_id),
    (Order.customer_id, OrderLine.order_id),
    (Promotion.value, Promotion.value + "1"),
    (Promotion.value, Promotion.value + True),
    (Promotion.value, Promotion.value + None),
    (Promotion.value, Promotion.value * NAN),
    (Promotion.value, Promotion.value * 10**400),
    (Promotion.value, (Promotion.value + 1) * ("2" + Promotion.value)),
    (Promotion.usage_limit, Promotion.usage_limit * 1.5),
    (Promotion.usage_limit, Promotion.usage_limit + "1"),
    (Promotion.usage_limit, 2**31 + Promotion.usage_limit),
    (
        Promotion.start_date,
        (Promotion.start_date + datetime.timedelta(1)) + datetime.timedelta(1),
    ),
    (Promotion.is_active, QueryString("1")),
    (Promotion.type, QueryString("'Voucher'")),
    (Promotion.type, Promotion.type + "x"),
    (Promotion.entity_id, QueryString("'01ARZ3NDEKTSV4RRFFQ69G5FAV'")),
    (Promotion.id, QueryString("'01ARZ3NDEKTSV4RRFFQ69G5FAV'")),
    (Promotion.created_at, QueryString("CURRENT_TIMESTAMP")),
)


@pytest.mark.parametrize(("column", "expression"), REFUSED_EXPRESSIONS)
def test_an_update_refuses_what_cannot_be_checked(column: ModelColumn, expression: Any) -> None:
    """A column of another kind, a wrong value in an expression, or a closed column is refused."""
    name = f"{column._meta.table._meta.tablename}.{column._meta.name}: "
    with pytest.raises(InvalidValueError, match=f"^{name}"):
        column.accept_update(expression)


@pytest.mark.parametrize(
    ("column", "other"),
    [
        (Promotion.value, Promotion.max_discount_amount),
        (Promotion.end_date, Promotion.start_date),
        (Promotion.name, Promotion.code),
        (Order.customer_id, Order.participant_id),
        (Order.status, Order.status),
    ],
)
def test_an_update_takes_a_column_of_the_same_table_and_kind(column: Any, other: Any) -> None:
    """What one column of a row holds, another of its kind may hold too."""
    assert column.accept_update(other) is other


def test_a_part_of_a_day_is_not_added_to_a_date() -> None:
    """A date takes whole days only, as the rest would be dropped without a word."""
    with pytest.raises(InvalidValueError, match="is not a whole number of days"):
        Promotion.start_date + datetime.timedelta(days=1, hours=1)


YEARS = datetime.timedelta(days=366)

#: Expressions whose result the column may not hold, with the row of the fixture ``promotion``.
BAD_RESULTS: tuple[tuple[Any, Any], ...] = (
    (Promotion.usage_limit, Promotion.usage_limit * 2_000_000_000),
    (Promotion.usage_limit, Promotion.usage_limit + Promotion.value / 4),
    (Promotion.usage_limit, Promotion.usage_limit / 0),
    (Promotion.usage_limit, QueryString("2.5")),
    (Promotion.usage_limit, QueryString("'many'")),
    (Promotion.value, Promotion.value * 1.7e308),
    (Promotion.value, Promotion.value - Promotion.value * 1.7e308),
    (Promotion.value, QueryString("'abc'")),
    (Promotion.min_order_amount, Promotion.min_order_amount / 0),
    (Promotion.min_order_amount, Promotion.value / (Promotion.value - 10)),
    (Promotion.name, QueryString("NULL")),
    (Promotion.start_date, Promotion.start_date + 8000 * YEARS),
    (Promotion.start_date, Promotion.start_date - 2026 * YEARS),
    (Promotion.end_date, Promotion.end_date + 8000 * YEARS),
    (Promotion.end_date, Promotion.end_date - 7000 * YEARS),
    (Promotion.end_date, QueryString("'tomorrow'")),
    (Promotion.end_date, QueryString("'2026-1-2'")),
    (Promotion.end_date, QueryString("20260102")),
)


async def test_an_expression_whose_result_is_not_allowed_stores_nothing(
    engine: Engine[Any], promotion: Promotion
) -> None:
    """The database refuses a result that the column may not hold, and all of the update with it."""
    before = await promotions(engine)
    for column, expression in BAD_RESULTS:
        with pytest.raises(DATABASE_ERRORS) as caught:
            await promotion.update_self({column: expression, Promotion.code: "changed"})
        if engine.engine_type == "sqlite":
            assert f"commerce_promotion.{column._meta.name}" in str(caught.value)
        assert await promotions(engine) == before, (column, str(expression))


async def test_a_number_that_is_not_finite_is_not_stored(postgres_engine: Engine[Any]) -> None:
    """PostgreSQL has NaN and infinities, and the model has not."""
    entity = row(Entity, parent_id=None)
    await entity.save()
    stored = row(Promotion, entity_id=entity)
    await stored.save()
    for result in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(asyncpg.PostgresError, match=f"commerce_promotion.value .*{result}"):
            await stored.update_self({Promotion.value: QueryString(f"CAST('{result}' AS FLOAT8)")})


async def test_a_blob_is_no_text(sqlite_engine: Engine[Any]) -> None:
    """SQLite would keep the bytes that an expression makes in a text column."""
    await row(Channel).save()
    with pytest.raises(sqlite3.Error, match=r"core_channel\.name"):
        await Channel.update({Channel.name: QueryString("x'00'")}, force=True)

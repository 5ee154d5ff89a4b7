"""The compiled check of rows takes what the columns take, and what a spreadsheet means exactly."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal as PythonDecimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from typing import Any

import pytest

import atlas
from atlas import InvalidValueError, Order, OrderLine
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, ModelColumn, Text, Timestamp
from atlas.table import Table
from atlas.upsert.validator import Validator, stored_form

COLUMNS = [column for table in atlas.TABLES for column in table._meta.columns]
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
JAKARTA = datetime.timezone(datetime.timedelta(hours=7))


class Word(StrEnum):
    word = "word"


class Number(IntEnum):
    seven = 7


class Listed(Enum):
    rows = ["a"]


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Day(datetime.date):
    pass


class Instant(datetime.datetime):
    pass


#: Good for some columns, bad for others; no text, which a spreadsheet might have.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 7, 1.0, -0.0, 0.0, 1.5, -2.25, 1e15, 1e16, 1e300, 5e-324),
    *(2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2.0**31, 2**53, 2**53 + 1, -(2**53) - 1, 10**400),
    *(math.nan, math.inf, -math.inf),
    *(PythonDecimal("1.5"), PythonDecimal("0.1"), PythonDecimal("1" * 30), PythonDecimal("NaN")),
    *(PythonDecimal("0.12345678901234567890"), PythonDecimal("1e400"), PythonDecimal(5)),
    *(datetime.date(2026, 2, 3), datetime.date.min, datetime.date.max, Day(2026, 2, 3)),
    datetime.datetime(2026, 2, 3, 12),
    datetime.datetime(2026, 2, 3, 12, 30, 15, 123456, JAKARTA),
    datetime.datetime(2026, 2, 3, tzinfo=datetime.UTC),
    Instant(2026, 2, 3, tzinfo=datetime.UTC),
    datetime.datetime.min.replace(tzinfo=datetime.UTC),
    datetime.datetime.max.replace(tzinfo=datetime.UTC),
    datetime.datetime.min.replace(tzinfo=JAKARTA),
    datetime.time(12),
    *(b"bytes", [], ["a"], {}, {"a": 1}, (), object(), 1j, Fraction(1, 2), str, Order, Order.id),
    *(Number.seven, Listed.rows),
]
TEXTS: list[Any] = [
    *("", " ", "a", "it's", "é 😀", "a\nb", "x" * 10_000, "a\x00b", "\x00", "\ud800", "a\udcff"),
    *(ULID, ULID.lower(), ULID[:-1], ULID + "0", f"{ULID}\n", f" {ULID[1:]}", f"8{ULID[1:]}"),
    *(f"{ULID[:-1]}U", "７" + ULID[1:]),  # noqa: RUF001  # a digit, but none of the alphabet
    *(Word.word, Shouting("word"), Shouting(ULID)),
]


def tokens(column: ModelColumn[Any]) -> list[Any]:
    """The choices of a column as text, as members, and in the wrong case."""
    members: Any = column._meta.choices or ()
    return [form for m in members for form in (m, m.value, m.value.lower(), Shouting(m.value))]


def outcome(function: Any, *arguments: Any) -> Any:
    """Return what a function returns, with its type; or that it refuses."""
    try:
        value = function(*arguments)
    except InvalidValueError:
        return "refused"
    return type(value), value


def compiled(column: ModelColumn[Any], engine_type: str) -> Any:
    validator = Validator([column], (), engine_type)
    name = column._meta.name

    def check(value: Any) -> Any:
        rows = validator.rows([{name: value}, {name: value}])
        stored, errors = validator.row({name: value})
        assert (rows is None) == bool(errors)  # the quick check and the slow one agree
        if rows is None:
            raise errors[0]
        assert rows == [stored, stored]
        assert [type(v) for v in rows[0]] == [type(v) for v in stored]
        return rows[0][0]

    return check


@pytest.mark.parametrize(
    "column", COLUMNS, ids=lambda c: f"{c._meta.table.__name__}.{c._meta.name}"
)
def test_a_column_takes_in_bulk_what_it_takes_alone(column: ModelColumn[Any]) -> None:
    """For every column of the 38 tables ``accept`` and the compiled check say the same."""
    values = [*VALUES, *tokens(column)]
    if isinstance(column, Text | ForeignKey):
        values += TEXTS
    in_bulk = compiled(column, "postgres")
    for value in values:
        assert outcome(in_bulk, value) == outcome(column.accept, value), repr(value)


FORMS: dict[type[ModelColumn[Any]], Any] = {
    Integer: OrderLine.line_no,
    Decimal: Order.total_amount,
    Boolean: atlas.Entity.is_active,
    Date: Order.order_date,
    Timestamp: Order.created_at,
}
NOON = datetime.datetime(2026, 2, 3, 12, tzinfo=datetime.UTC)
TAKEN: list[tuple[type[ModelColumn[Any]], str, Any]] = [
    (Integer, "0", 0),
    (Integer, "1500000", 1_500_000),
    (Integer, "-7", -7),
    (Integer, "12.00", 12),
    (Decimal, "1500000", 1_500_000.0),
    (Decimal, "-0.1", -0.1),
    (Decimal, "1.50", 1.5),
    (Boolean, "1", True),
    (Boolean, "0", False),
    (Boolean, "TRUE", True),
    (Boolean, "false", False),
    (Date, "2026-02-03", datetime.date(2026, 2, 3)),
    (Date, "2024-02-29", datetime.date(2024, 2, 29)),
    (Timestamp, "2026-02-03T12:00:00Z", NOON),
    (Timestamp, "2026-02-03 19:00+07:00", NOON),
    (Timestamp, "2026-02-03 12:00:00.5+0000", NOON.replace(microsecond=500_000)),
]
REFUSED: dict[type[ModelColumn[Any]], list[str]] = {
    Integer: [
        *(
            "",
            " ",
            " 1",
            "1 ",
            "1\n",
            "1.5",
            "1,000",
            "1.000.000",
            "1e3",
            "+1",
            "007",
            "0x10",
            "1_0",
        ),
        *(
            "one",
            "2147483648",
            "-2147483649",
            "99999999999999999999",
            "NaN",
            "inf",
            "True",
            "\u0661",
        ),
    ],
    Decimal: [
        *("", " 1.5", "1.5 ", "1,5", "1.500,00", "1,500.00", "1e6", "+1", "01", ".5", "5.", "Rp 1"),
        *("NaN", "inf", "-Infinity", "12345678901234567.89", "0.1234567890123456789", "\u0663"),
    ],
    Boolean: ["", "yes", "Ya", "2", "1.0", " 1", "t", "01", "None"],
    Date: [
        *("", "03/02/2026", "2026-2-3", "20260203", "2026-02-30", "2025-02-29", " 2026-02-03"),
        *("2026-02-03 ", "2026-02-03T00:00:01", "2026-W06-2", "0000-01-01", "today", "46056"),
    ],
    Timestamp: [
        *("", "2026-02-03", "2026-02-03 12:00:00", "2026-02-03 25:00:00Z", "now", "1770120000"),
        *("2026-02-03 12:00:00.1234567Z", "0001-01-01 00:00:00Z", "03/02/2026 12:00Z"),
    ],
}


@pytest.mark.parametrize(("kind", "text", "value"), TAKEN)
def test_exact_text_is_taken(kind: type[ModelColumn[Any]], text: str, value: Any) -> None:
    """Text that means one value is that value."""
    column = FORMS[kind]
    for engine_type in ("sqlite", "postgres"):
        stored = compiled(column, engine_type)(text)
        assert stored == stored_form(column, value, engine_type)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in REFUSED.items() for text in texts]
)
def test_other_text_is_refused(kind: type[ModelColumn[Any]], text: str) -> None:
    """What has to be guessed, rounded or trimmed is refused, and the error shows it as given."""
    with pytest.raises(InvalidValueError) as caught:
        compiled(FORMS[kind], "sqlite")(text)
    assert caught.value.value == text


@pytest.mark.parametrize("table", atlas.TABLES)
def test_sqlite_gets_the_forms_that_are_stored(table: type[Table]) -> None:
    """On SQLite dates, instants and bools are sent as they are stored, as text and numbers."""
    for column in table._meta.columns:
        value: Any
        match column:
            case Boolean():
                value, form = True, 1
            case Date():
                value, form = datetime.date(2026, 2, 3), "2026-02-03"
            case Timestamp():
                value = datetime.datetime(2026, 2, 3, 19, 0, 0, 5, JAKARTA)
                form = "2026-02-03 12:00:00.000005+00:00"
            case _:
                continue
        stored = compiled(column, "sqlite")(value)
        assert (stored, type(stored)) == (form, type(form))


def test_a_row_has_exactly_the_columns() -> None:
    """A row with other columns is none of those the check was compiled for."""
    columns: list[Any] = [atlas.Tag.code, atlas.Tag.name]
    validator = Validator(columns, ("code",), "sqlite")
    assert validator.rows([{"name": "b", "code": "a"}]) == [("a", "b")]
    for row in ({"code": "a"}, {"code": "a", "name": "b", "type": None}, {"code": "a", "x": "b"}):
        assert validator.rows([row]) is None


def test_key_columns_are_never_null() -> None:
    """A column that rows are found by is required, also where the table lets it be null."""
    validator = Validator([Order.source_key], ("source_key",), "sqlite")  # type: ignore[list-item]
    _, (error,) = validator.row({"source_key": None})
    assert "found by this column" in error.reason

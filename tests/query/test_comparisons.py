"""What a query finds is what Python's comparison finds among the rows, or the value is refused."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal as PythonDecimal
from typing import Any

import numpy
import pytest
from databases import url_of
from factory import make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo.engine.base import Engine

from atlas import Agenda, InvalidValueError, Param, SyncClient, Tag, sync_client
from atlas.columns import Boolean, Date, ModelColumn, Timestamp

DAY = datetime.date(2026, 1, 2)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
HOUR, ONE_DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)

#: Rows that differ a little in each column.
ROWS = [
    {
        "name": name,
        "budget_amount": amount,
        "target_lead_count": count,
        "start_date": DAY + ONE_DAY * n,
        "end_date": DAY + ONE_DAY * 9,
        "created_at": NOON + HOUR * n,
        "type": kind,
    }
    for n, (name, amount, count, kind) in enumerate(
        [
            ("a", 0.0, -1, "Other"),
            ("B", 0.5, 0, "Webinar"),
            ("é", 1.0, 1, "Other"),
            ("1", 2.0, 3, "Other"),
        ]
    )
]
COLUMNS: list[Any] = [
    *(Agenda.name, Agenda.budget_amount, Agenda.target_lead_count, Agenda.start_date),
    *(Agenda.created_at, Agenda.type),
]
COMPARISONS: list[Callable[[Any, Any], Any]] = [
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
]

dates = st.integers(-1, 5).map(lambda n: DAY + ONE_DAY * n)
instants = st.integers(-1, 5).map(lambda n: NOON + HOUR * n)
midnights = dates.map(lambda day: datetime.datetime(day.year, day.month, day.day))
VALUES = st.one_of(
    st.integers(-2, 4),
    st.sampled_from([0.0, 0.5, 1.0, 1.5, float("nan"), float("inf"), 2.0**40]),
    st.sampled_from([PythonDecimal("0.5"), PythonDecimal(1), numpy.int64(1), numpy.float32(0.5)]),
    st.booleans(),
    st.sampled_from(["a", "A", "é", "", "1", "0.5", "Other", "other", "Webinar", "Rp 5", "true"]),
    dates,
    instants,
    midnights,
    midnights.map(lambda at: at + HOUR),
    instants.map(lambda at: at.astimezone(datetime.timezone(HOUR * 7))),
    dates.map(str),
    midnights.map(str),
    instants.map(lambda at: at.isoformat()),
    instants.map(lambda at: at.replace(tzinfo=None).isoformat()),
    st.binary(max_size=2),
)


@pytest.fixture(scope="module")
def database(module_database: Engine[Any]) -> Iterator[SyncClient]:
    with sync_client(url_of(module_database)) as db:
        for row in ROWS:
            db.run(_make(row))
        yield db


async def _make(row: dict[str, Any]) -> None:
    await make(Agenda, **row)


def meaning(column: ModelColumn[Any], value: Any) -> Any:
    """Return what a value stands for: a text in a column of days or moments is one."""
    if isinstance(value, str) and isinstance(column, Date):
        return datetime.datetime.fromisoformat(value).date()
    if isinstance(value, str) and isinstance(column, Timestamp):
        return datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime) and isinstance(column, Date):
        assert value.time() == datetime.time()
        return value.date()
    return value


def found(db: SyncClient, condition: Any) -> set[str]:
    return {row["name"] for row in db.run(Agenda.select(Agenda.name).where(condition))}


GIVEN = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@GIVEN
@given(st.sampled_from(COLUMNS), st.sampled_from(COMPARISONS), VALUES)
def test_a_comparison_finds_what_python_finds_or_is_refused(
    database: SyncClient, column: Any, compare: Callable[[Any, Any], Any], value: Any
) -> None:
    """Plain and prepared, on SQLite and PostgreSQL; text of a number is never compared with one."""
    name = column._meta.name
    if name == "name" and compare not in (operator.eq, operator.ne):
        return  # PostgreSQL sorts text as the language of the database does
    try:
        condition = compare(column, value)
    except InvalidValueError:
        with pytest.raises(InvalidValueError):
            prepared = database.prepare(Agenda.count().where(compare(column, Param("value"))))
            database.run(prepared(value=value))
        return
    right = {row["name"] for row in ROWS if compare(row[name], meaning(column, value))}
    assert found(database, condition) == right
    prepared = database.prepare(Agenda.select(Agenda.name).where(compare(column, Param("value"))))
    assert {row["name"] for row in database.run(prepared(value=value))} == right


@GIVEN
@given(st.sampled_from(COLUMNS), st.lists(VALUES, min_size=1, max_size=4))
def test_a_list_finds_what_python_finds_or_is_refused(
    database: SyncClient, column: Any, values: list[Any]
) -> None:
    """``is_in`` and ``not_in``, of a few values and of thousands."""
    name = column._meta.name
    try:
        column.is_in(values)
    except InvalidValueError:
        with pytest.raises(InvalidValueError):
            column.not_in(values)
        return
    meant = [meaning(column, value) for value in values]
    right = {row["name"] for row in ROWS if row[name] in meant}
    for many in (values, values * 2000):
        assert found(database, column.is_in(many)) == right
        assert found(database, column.not_in(many)) == {row["name"] for row in ROWS} - right


def test_none_in_a_list_is_refused() -> None:
    """SQL's answer would be nothing at all for not_in."""
    for compare in (Agenda.end_date.is_in, Agenda.end_date.not_in):
        with pytest.raises(InvalidValueError, match="leave it out"):
            compare([DAY, None])


def test_columns_of_different_kinds_are_not_compared() -> None:
    """SQLite finds every text above every number, and PostgreSQL refuses."""
    for left, right in [
        (Agenda.name, Agenda.budget_amount),
        (Agenda.start_date, Agenda.created_at),
        (Agenda.target_lead_count, Tag.is_active),
    ]:
        with pytest.raises(InvalidValueError, match="column of another type"):
            left < right  # type: ignore[operator]  # noqa: B015
    assert isinstance(Tag.is_active, Boolean)
    assert Agenda.budget_amount > Agenda.target_lead_count  # numbers both


def test_a_choice_that_does_not_exist_is_refused_with_the_near_one() -> None:
    """A query that could never find anything is a slip of the pen."""
    for ask in (
        lambda: Agenda.type == "webinar",
        lambda: Agenda.type != "webinar",
        lambda: Agenda.type.is_in(["Other", "webinar"]),
    ):
        with pytest.raises(InvalidValueError, match=r"is not one of .* Did you mean Webinar"):
            ask()

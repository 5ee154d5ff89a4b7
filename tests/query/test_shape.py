"""The SQL of queries of the same shape: Piccolo's, made once, with each query's own values."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from factory import build, make, stored
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo.columns.combination import WhereRaw
from piccolo.engine.base import Engine
from piccolo.querystring import QueryString
from piccolo.table import TABLE_REGISTRY

from atlas import Entity, InvalidValueError, Order, Param, Person, Unit, create_client
from atlas.client import scope
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.query import shape
from atlas.query.shape import Made, made

TEXTS = st.text("ab_%'\"{}", max_size=3)
DAYS = st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1))

COLUMNS = st.sampled_from(
    [
        Order.number,
        Order.note,
        Order.entity_id,
        Order.entity_id.name,
        Order.unit_id.entity_id.name,
        Order.customer_id.full_name.as_alias("unit_id"),
        Order.number.as_alias("note"),
        Order.number.as_alias("full_name"),
    ]
)


def conditions() -> st.SearchStrategy[Any]:
    """Return conditions on orders: comparisons, lists, patterns, nulls, joined by AND and OR."""
    lists = st.lists(TEXTS, min_size=1, max_size=3)
    text = st.sampled_from([Order.number, Order.note, Order.customer_id.full_name])
    leaves = st.one_of(
        st.builds(lambda column, value: column == value, text, TEXTS),
        st.builds(lambda column, value: column != value, text, TEXTS),
        st.builds(lambda column, value: column.like(value), text, TEXTS),
        st.builds(lambda column, values: column.is_in(values), text, lists),
        st.builds(lambda column, values: column.not_in(values), text, lists),
        st.builds(lambda day: Order.order_date >= day, DAYS),
        st.builds(lambda number: Order.total_amount < number, st.floats(0, 9) | st.integers(0, 9)),
        st.builds(lambda column: column == None, text),  # noqa: E711
        st.builds(lambda column: column.is_not_null(), text),
        st.builds(lambda status: Order.status == status, st.sampled_from(Order.Status)),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda one, other: one & other, inner, inner)
            | st.builds(lambda one, other: one | other, inner, inner)
        ),
        max_leaves=4,
    )


@st.composite
def queries(draw: Any) -> Any:
    """Return selects, objects, counts, exists, updates and deletes of orders."""
    kind = draw(st.sampled_from(["select", "objects", "count", "exists", "update", "delete"]))
    query: Any
    match kind:
        case "select":
            query = Order.select(*draw(st.lists(COLUMNS, max_size=3)))
        case "objects":
            query = Order.objects(*draw(st.lists(st.sampled_from([Order.unit_id]), max_size=1)))
        case "count":
            query = Order.count()
        case "exists":
            query = Order.exists()
        case "update":
            names = draw(st.sets(st.sampled_from(["note", "number", "source_key"]), min_size=1))
            values = {name: draw(TEXTS) for name in sorted(names)}
            query = Order.update(values, use_auto_update=draw(st.booleans()), force=True)
        case _:
            query = Order.delete(force=True)
    if draw(st.booleans()):
        query = query.where(draw(conditions()))
    if kind in ("select", "objects"):
        for column in draw(st.lists(COLUMNS, max_size=2)):
            query = query.order_by(column, ascending=draw(st.booleans()))
        if draw(st.booleans()):
            query = query.limit(draw(st.integers(0, 3)))
            if draw(st.booleans()):
                query = query.offset(draw(st.integers(0, 3)))
    return query


def as_made(query: Any, engine_type: str) -> tuple[str, list[Any]] | None:
    """Return the SQL and the parameters of a query's shape, but for the time of an update."""
    its = query._shape()
    querystring = made(query, its, engine_type) if its is not None else None
    if querystring is None:
        return None
    sql, parameters = querystring.compile_string()
    return sql, ["now" if value is its.now else value for value in parameters]


def as_piccolo_does(query: Any, engine_type: str) -> tuple[str, list[Any]]:
    """Return the SQL and the parameters of a query that is made anew."""
    (querystring,) = query.querystrings
    sql, parameters = querystring.compile_string(engine_type=engine_type)
    return sql, ["now" if isinstance(value, datetime.datetime) else value for value in parameters]


@pytest.mark.parametrize("url", [":memory:", "postgres://nobody@nowhere/nothing"])
@settings(max_examples=300, deadline=None)
@given(query=queries())
def test_sql_of_a_shape_is_that_of_the_query(url: str, query: Any) -> None:
    """Whatever was remembered before, a query has the SQL and parameters Piccolo would make."""
    engine = create_client(url).engine
    with scope.compiling(engine):
        remembered = as_made(query, engine.engine_type)
        assert remembered == as_piccolo_does(query, engine.engine_type)


def test_values_are_no_part_of_a_shape(sqlite_engine: SQLiteEngine) -> None:
    """Queries that differ in values alone share one SQL, however they were built."""
    first = made(query := Order.objects().where(Order.id == "a"), query._shape(), "sqlite")
    second = made(query := Order.objects().where(Order.id == "b"), query._shape(), "sqlite")

    assert isinstance(first, Made)
    assert isinstance(second, Made)
    assert first.template is second.template
    assert (first.args, second.args) == (["a"], ["b"])


@pytest.mark.parametrize(
    "query",
    [
        Order.select().where(WhereRaw("number = {}", "1")),
        Order.select(QueryString("1 AS one")),
        Order.select().where(Order.number == Param("number")),
        Order.select().where(Order.number == Order.note),
        Order.select().where(Order.unit_id.is_in(Unit.select(Unit.id))),
        Order.select().group_by(Order.status),
        Order.update({Order.total_amount: Order.total_amount + 1}, force=True),
        Order.count(distinct=[Order.status]),
        Order.select().where(Order.id.is_in(["x"] * (shape.MOST_VALUES + 1))),
    ],
    ids=["raw", "text", "param", "columns", "subquery", "group", "expression", "count", "many"],
)
def test_what_has_more_than_values_has_no_shape(query: Any, sqlite_engine: SQLiteEngine) -> None:
    """SQL of the caller's, columns for values and long lists are made anew each time."""
    assert query._shape() is None


def test_shapes_that_are_remembered_are_bounded(sqlite_engine: SQLiteEngine) -> None:
    """However many shapes a program has, the newest are remembered, and no more."""
    for number in range(shape.MOST_SHAPES + 10):
        query = Order.select().limit(number)
        assert as_made(query, "sqlite") == as_piccolo_does(query, "sqlite")

    assert len(shape._remembered) == shape.MOST_SHAPES


async def test_values_are_checked_in_a_shape_that_is_known(engine: Engine[Any]) -> None:
    """A bad value is refused, and nothing written, also where the SQL has been made before."""
    for number in ("1", "2"):
        await Person.insert(await build(Person, full_name=number))
    await Person.update({Person.full_name: "3"}).where(Person.full_name == "1")
    bad = await build(Person)
    bad.full_name = 4  # type: ignore[assignment]

    with pytest.raises(InvalidValueError, match="is not text"):
        await Person.insert(bad)
    with pytest.raises(InvalidValueError, match="is not text"):
        await Person.update({Person.full_name: 4}).where(Person.full_name == "2")

    names = await Person.select(Person.full_name).order_by(Person.full_name).output(as_list=True)
    assert names == ["2", "3"]


async def test_each_run_of_an_update_has_its_own_time(engine: Engine[Any]) -> None:
    """An update that is run twice moves ``updated_at`` twice, although its SQL is one."""
    person = await make(Person)
    update = Person.update({Person.full_name: "other"}).where(Person.id == person.id)
    await update
    (first,) = (await stored(Person)).values()
    await Person.update({Person.full_name: "before"}, force=True)
    await update
    (second,) = (await stored(Person)).values()

    assert second["updated_at"] > first["updated_at"] > first["created_at"]


async def test_objects_are_as_their_class_makes_them(engine: Engine[Any]) -> None:
    """An object that was read is stored, complete and writable, as one that was saved."""
    unit = await make(Unit)
    read = await Unit.objects().get(Unit.id == unit.id)

    assert read is not None
    assert read._exists_in_db
    assert vars(read).keys() == vars(unit).keys()
    assert {name: vars(read)[name] for name in Unit._column_names} == {
        name: vars(unit)[name] for name in Unit._column_names
    }
    read.name = "renamed"
    await read.save()
    assert (await Unit.objects().get(Unit.id == unit.id)).name == "renamed"  # type: ignore[union-attr]
    assert await Unit.count() == 1


async def test_class_with_a_constructor_makes_its_objects(
    engine: Engine[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that has an ``__init__`` of its own has it called for each row that is read."""
    made = []

    class Counted(Unit, tablename="core_unit"):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(self)
            super().__init__(*args, **kwargs)

    unit = await make(Unit)
    monkeypatch.setattr(Counted._meta, "_db", engine, raising=False)
    (read,) = await Counted.objects()
    TABLE_REGISTRY.remove(Counted)

    assert made == [read]
    assert read.id == unit.id


async def test_prefetched_rows_are_objects_and_null_is_none(engine: Engine[Any]) -> None:
    """A prefetched row is an object of its table; of a NULL reference it is None."""
    unit = await make(Unit)
    first = await build(Order, unit_id=unit.id, entity_id=unit.entity_id, sales_person_id=None)
    await first.save()
    (order,) = await Order.objects(Order.unit_id.entity_id, Order.sales_person_id)

    assert type(order.unit_id) is Unit
    assert type(order.unit_id.entity_id) is Entity
    assert order.unit_id.entity_id.id == unit.entity_id
    assert order.unit_id._exists_in_db
    assert order.sales_person_id is None
    order.unit_id.name = "renamed"
    await order.unit_id.save()
    assert await Unit.select(Unit.name).output(as_list=True) == ["renamed"]

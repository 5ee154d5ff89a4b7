"""Rows of a select as objects of a class of one's own, checked when the query is built."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Any, Literal, NamedTuple, TypedDict

import pydantic
import pytest
from factory import make
from piccolo.engine.base import Engine
from piccolo.query.functions import Count, Sum

from atlas import Client, Order, OrderLine, Param, Person, RowClassError, Tag
from atlas.rows import OrderStatus

NAME = "customer_id.full_name"


class Dict(TypedDict):
    number: str
    status: OrderStatus
    total_amount: float
    order_date: datetime.date
    note: str | None


@dataclasses.dataclass(frozen=True)
class Data:
    number: str
    status: OrderStatus
    total_amount: float
    order_date: datetime.date
    note: str | None


class Tuple(NamedTuple):
    number: str
    status: OrderStatus
    total_amount: float
    order_date: datetime.date
    note: str | None


class Model(pydantic.BaseModel):
    number: str
    status: OrderStatus
    total_amount: float
    order_date: datetime.date
    note: str | None


class Status(enum.Enum):
    """Fewer than an order has."""

    DRAFT, OTHER = "Draft", "Completed"


@dataclasses.dataclass
class Few:
    status: Status


COLUMNS = (Order.number, Order.status, Order.total_amount, Order.order_date, Order.note)
VALUES: dict[str, Any] = {
    "number": "A-1",
    "status": "Draft",
    "total_amount": 5.0,
    "order_date": datetime.date(2026, 2, 3),
    "note": None,
}


@pytest.fixture
async def order(shared_engine: Engine[Any]) -> Order:
    """A stored order with the values above, but for a number of its own."""
    await Order.delete(force=True)
    return await make(Order, **VALUES)


@pytest.mark.parametrize("made", [Dict, Data, Tuple, Model])
async def test_rows_come_as_the_class(order: Order, made: Any, shared_engine: Any) -> None:
    """Awaited, as the first row, in another order of columns, prepared, frozen and in batches."""
    expected = made(**VALUES)
    assert await Order.select(*COLUMNS).into(made) == [expected]
    assert await Order.select(*reversed(COLUMNS)).into(made).first() == expected
    assert await Order.select(*COLUMNS).into(made).where(Order.number == "B").first() is None
    assert await Order.select(*COLUMNS).into(made).freeze().run() == [expected]
    client = Client(shared_engine)
    async with client:
        find = client.prepare(
            Order.select(*COLUMNS).where(Order.number == Param("number")).into(made)
        )
        assert await find(number="A-1") == [expected]
        assert await find(number="B") == []
        first = client.prepare(Order.select(*COLUMNS).into(made).first())
        assert await first() == expected
        async with await Order.select(*COLUMNS).into(made).batch(batch_size=1) as batch:
            assert [rows async for rows in batch] == [[expected]]


async def test_choices_become_the_enum_of_a_field(order: Order) -> None:
    """An enum of the column's choices holds them, in every kind of class."""

    @dataclasses.dataclass
    class Summary:
        status: Order.Status

    assert await Order.select(Order.status).into(Summary) == [Summary(Order.Status.Draft)]
    (made,) = await Order.select(Order.status).into(Summary)
    assert type(made.status) is Order.Status
    with pytest.raises(RowClassError, match=r"status is one of .*, and Status in Few"):
        Order.select(Order.status).into(Few)


class Positive(pydantic.BaseModel):
    total_amount: float = pydantic.Field(gt=10)


class Shouted(pydantic.BaseModel):
    number: str

    @pydantic.field_validator("number")
    @classmethod
    def shout(cls, value: str) -> str:
        return value.lower()


async def test_a_model_with_rules_of_its_own_is_validated(order: Order) -> None:
    """Constraints refuse rows and validators change them; a model without any is as if it were."""
    with pytest.raises(pydantic.ValidationError, match="greater than 10"):
        await Order.select(Order.total_amount).into(Positive)
    assert await Order.select(Order.number).into(Shouted) == [Shouted(number="A-1")]
    (model,) = await Order.select(*COLUMNS).into(Model)
    assert model == Model.model_validate(VALUES)
    assert model.model_dump() == VALUES
    assert model.model_fields_set == VALUES.keys()
    assert model.model_copy(update={"note": "a"}).note == "a"


async def test_expressions_are_checked_in_each_row(order: Order) -> None:
    """What the database works out has the type of the field, or is refused by name."""

    class Total(NamedTuple):
        status: str
        count: int
        total: float | None

    class Wrong(NamedTuple):
        status: str
        count: int
        total: str

    query = Order.select(Order.status, Count(alias="count"), Sum(Order.total_amount, alias="total"))
    query = query.group_by(Order.status)
    assert await query.into(Total) == [Total("Draft", 1, 5.0)]
    with pytest.raises(RowClassError, match="total of a row is float, and str in Wrong"):
        await query.into(Wrong)


async def test_related_columns_may_be_missing(shared_engine: Engine[Any]) -> None:
    """A column behind a foreign key that may be null may be None; one of a required key is not."""

    @dataclasses.dataclass
    class Line:
        quantity: float
        order: str
        customer: str | None

    @dataclasses.dataclass
    class Sure:
        customer: str

    order, customer = OrderLine.order_id.number, OrderLine.order_id.customer_id.full_name
    OrderLine.select(
        OrderLine.quantity, order.as_alias("order"), customer.as_alias("customer")
    ).into(Line)
    with pytest.raises(RowClassError, match="customer is str or None, and str in Sure"):
        OrderLine.select(customer.as_alias("customer")).into(Sure)


async def test_a_class_that_does_not_fit_is_refused_when_the_query_is_built(
    shared_engine: Engine[Any],
) -> None:
    """Every field that is missing, too many or of another type is named, before anything runs."""

    @dataclasses.dataclass
    class Summary:
        nummer: str
        total_amount: str
        note: str
        created_at: datetime.date
        extra: int = 0

    query = Order.select(Order.number, Order.total_amount, Order.note, Order.created_at)
    with pytest.raises(RowClassError) as refused:
        query.into(Summary)
    for part in (
        "Summary does not fit the select of Order",
        "nummer is not selected",
        "number is selected and not a field (Did you mean nummer?)",
        "total_amount is float, and str in Summary",
        "note is str or None, and str in Summary",
        "created_at is datetime, and date in Summary",
    ):
        assert part in str(refused.value)
    assert "extra" not in str(refused.value)
    for made in (dict, 5, Order.Status):
        with pytest.raises(RowClassError, match="into"):
            query.into(made)  # type: ignore[arg-type]


async def test_types_that_cannot_be_looked_up_are_said(shared_engine: Engine[Any]) -> None:
    """The types of a class within a function may name what is gone; the error says what to do."""

    class Local:
        pass

    class Number(NamedTuple):
        number: Local

    with pytest.raises(RowClassError, match=r"cannot be looked up.*top of a module"):
        Order.select(Order.number).into(Number)


async def test_what_else_shapes_rows_is_refused(shared_engine: Engine[Any]) -> None:
    """``output`` goes with ``into`` in neither order, and columns are chosen before it."""

    class Number(NamedTuple):
        number: str

    for output in ("as_list", "as_json", "nested"):
        with pytest.raises(RowClassError, match="use one"):
            Order.select(Order.number).into(Number).output(**{output: True})
        query: Any = Order.select(Order.number).output(**{output: True})
        with pytest.raises(RowClassError, match="use one"):
            query.into(Number)
    with pytest.raises(RowClassError, match="before it"):
        Order.select(Order.number).into(Number).columns(Order.note)


async def test_whole_rows_and_relations(shared_engine: Engine[Any]) -> None:
    """Without columns the fields are those of the table; a relation is a list."""

    class Tags(NamedTuple):
        full_name: str
        tags: list[str]

    class Loose(NamedTuple):
        code: Any
        name: object
        type: Literal["Segment", "Interest", "Behaviour", "Status", "Other"] | None

    person, tag = await make(Person, full_name="Ana"), await make(Tag, code="vip", name="VIP")
    await person.add_m2m(tag, m2m=Person.tags)
    mine = Person.select(Person.full_name, Person.tags(Tag.code, as_list=True))
    assert await mine.where(Person.id == person.id).into(Tags) == [Tags("Ana", ["vip"])]
    loose = Tag.select(Tag.code, Tag.name, Tag.type).into(Loose).where(Tag.id == tag.id)
    assert await loose == [Loose("vip", "VIP", tag.type)]
    with pytest.raises(RowClassError, match="created_at is selected and not a field"):
        Tag.select().into(Loose)

"""What a type checker knows of a column: its Python type on a row, itself on the class."""

import datetime
from typing import Any, assert_type

from atlas import Order, OrderLine, Person, Promotion, Region
from atlas.columns import (
    Boolean,
    Date,
    Decimal,
    Expression,
    Integer,
    Text,
    Timestamp,
    Ulid,
)
from atlas.columns.keys import Reference
from atlas.rows import PromotionType, PromotionValueType


def a_column_of_a_row_is_its_value(promotion: Promotion) -> None:
    assert_type(promotion.id, str)
    assert_type(promotion.code, str)
    assert_type(promotion.value, float)
    assert_type(promotion.usage_limit, int | None)
    assert_type(promotion.is_active, bool)
    assert_type(promotion.start_date, datetime.date)
    assert_type(promotion.created_at, datetime.datetime)
    assert_type(promotion.entity_id, str)
    assert_type(promotion.type, PromotionType)


def a_column_of_a_class_is_itself() -> None:
    assert_type(Promotion.id, Ulid)
    assert_type(Promotion.code, Text)
    assert_type(Promotion.value, Decimal)
    assert_type(Promotion.usage_limit, Integer[int | None])
    assert_type(Promotion.is_active, Boolean)
    assert_type(Promotion.start_date, Date)
    assert_type(Promotion.created_at, Timestamp)
    customer: Reference[Person, str | None, Any] = Order.customer_id
    print(customer)


def a_column_takes_values_of_its_type(promotion: Promotion) -> None:
    promotion.value = 5
    promotion.usage_limit = None
    promotion.type = Promotion.Type.Seasonal
    promotion.value = "5"  # type: ignore[assignment]
    promotion.usage_limit = 1.5  # type: ignore[assignment]
    promotion.start_date = "2026-01-31"  # type: ignore[assignment]
    promotion.code = 5  # type: ignore[assignment]


async def a_column_is_compared_with_values_of_its_type(person: Person) -> None:
    await Order.select().where(
        Order.total_amount > 5,
        Order.total_amount >= Order.tax_amount,
        Order.order_date <= datetime.date(2026, 1, 31),
        Order.customer_id == person,
        Order.customer_id == person.id,
        Order.note == None,  # noqa: E711
        Order.status == "Draft",
        Order.status.is_in([Order.Status.Draft, Order.Status.Confirmed]),
        (Order.number == "1") | (Order.number.like("2%")),
    )
    _ = Order.total_amount > "a"  # type: ignore[operator]
    _ = Order.total_amount > Order.number  # type: ignore[operator]
    _ = Order.order_date < "2026-01-31"  # type: ignore[operator]
    Order.number.is_in([5])  # type: ignore[list-item]
    await Order.select().where(Order.number == 5)  # type: ignore[call-overload]
    await Order.select().where(Order.status == "Nope")  # type: ignore[call-overload]


def a_foreign_key_leads_to_its_table() -> None:
    assert_type(Order.customer_id._, type[Person])
    assert_type(Order.customer_id._.full_name, Text)
    assert_type(OrderLine.order_id._.customer_id._.full_name, Text)
    assert_type(Region.parent_id._, type[Region])
    assert_type(Order.customer_id.full_name, Text)
    assert_type(OrderLine.order_id.customer_id.full_name, Text)
    assert_type(
        OrderLine.promotion_id.value_type,
        Text[PromotionValueType, PromotionValueType | Promotion.ValueType],
    )
    _ = Order.customer_id.colour  # type: ignore[attr-defined]
    _ = Order.colour  # type: ignore[attr-defined]
    _ = Order.customer_id._.no_column  # type: ignore[attr-defined]


def arithmetic_makes_expressions() -> None:
    assert_type(Order.total_amount + 1, Expression)
    assert_type(2 * (Order.total_amount - Order.tax_amount), Expression)
    assert_type((1 - Promotion.usage_limit) / 2, Expression)
    assert_type(Order.order_date + datetime.timedelta(days=1), Expression)
    Promotion.is_active + 1  # type: ignore[operator]
    Order.order_date + 1  # type: ignore[operator]

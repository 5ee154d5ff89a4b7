"""What a type checker knows of a column: its Python type on a row, itself on the class."""

import datetime
from typing import Any, assert_type

from atlas import Order, OrderLine, Person, Promotion, Region
from atlas.columns import (
    Boolean,
    Date,
    Decimal,
    Expression,
    ForeignKey,
    Integer,
    Text,
    Timestamp,
    Ulid,
)


def a_column_of_a_row_is_its_value(promotion: Promotion) -> None:
    assert_type(promotion.id, str)
    assert_type(promotion.code, str)
    assert_type(promotion.value, float)
    assert_type(promotion.usage_limit, int)
    assert_type(promotion.is_active, bool)
    assert_type(promotion.start_date, datetime.date)
    assert_type(promotion.created_at, datetime.datetime)
    assert_type(promotion.entity_id, Any)  # an id, or a prefetched row


def a_column_of_a_class_is_itself() -> None:
    assert_type(Promotion.id, Ulid)
    assert_type(Promotion.code, Text)
    assert_type(Promotion.value, Decimal)
    assert_type(Promotion.usage_limit, Integer)
    assert_type(Promotion.is_active, Boolean)
    assert_type(Promotion.start_date, Date)
    assert_type(Promotion.created_at, Timestamp)
    assert_type(Order.customer_id, ForeignKey[Person])


def a_column_takes_values_of_its_type(promotion: Promotion) -> None:
    promotion.value = 5
    promotion.usage_limit = None
    promotion.type = Promotion.Type.Seasonal
    promotion.value = "5"  # type: ignore[assignment]
    promotion.usage_limit = 1.5  # type: ignore[assignment]
    promotion.start_date = "2026-01-31"  # type: ignore[assignment]
    promotion.code = 5  # type: ignore[assignment]


def a_foreign_key_leads_to_its_table() -> None:
    assert_type(Order.customer_id._, type[Person])
    assert_type(Order.customer_id._.full_name, Text)
    assert_type(OrderLine.order_id._.customer_id._.full_name, Text)
    assert_type(Region.parent_id._, type[Any])
    _ = Order.customer_id._.no_column  # type: ignore[attr-defined]


def arithmetic_makes_expressions() -> None:
    assert_type(Order.total_amount + 1, Expression)
    assert_type(2 * (Order.total_amount - Order.tax_amount), Expression)
    assert_type((1 - Promotion.usage_limit) / 2, Expression)
    assert_type(Order.order_date + datetime.timedelta(days=1), Expression)
    Promotion.is_active + 1  # type: ignore[operator]
    Order.order_date + 1  # type: ignore[operator]

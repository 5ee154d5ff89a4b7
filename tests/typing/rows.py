"""What a type checker knows of rows: selected ones, and new ones."""

import datetime
from collections.abc import Iterable
from typing import Literal, assert_type

from atlas import Client, Order, Person, PersonTag
from atlas.rows import OrderInsert, OrderRow, OrderStatus, PersonTagInsert


async def selected_rows() -> None:
    orders = await Order.select()
    assert_type(orders, list[OrderRow])
    for order in orders:
        assert_type(order["id"], str)
        assert_type(order["total_amount"], float)
        assert_type(order["order_date"], datetime.date)
        assert_type(order["created_at"], datetime.datetime)
        assert_type(order["customer_id"], str | None)
        assert_type(order["status"], Literal["Draft", "Confirmed", "Completed", "Cancelled"])
        print(order["colour"])  # type: ignore[typeddict-item]


def status_of(order: OrderRow) -> OrderStatus:
    return order["status"]


def new_rows() -> Iterable[OrderInsert]:
    yield {
        "entity_id": "a",
        "unit_id": "b",
        "number": "1",
        "type": "Enrollment",
        "status": Order.Status.Confirmed,
        "order_date": datetime.date(2026, 2, 3),
        "total_amount": 1_500_000,
        "note": None,
    }
    yield {"entity_id": "a"}  # type: ignore[typeddict-item]
    order: OrderInsert = {
        "entity_id": "a",
        "unit_id": "b",
        "number": "1",
        "type": "Rental",  # type: ignore[typeddict-item]
        "order_date": datetime.date(2026, 2, 3),
    }
    order["order_date"] = "2026-02-03"  # type: ignore[typeddict-item]
    order["total_amount"] = None  # type: ignore[typeddict-item]
    order["colour"] = "red"  # type: ignore[typeddict-unknown-key]
    print(Order(**order))


def new_objects(person: Person) -> None:
    order = Order(number="1", total_amount=5, customer_id=person, status="Draft")
    Order(number="1", status=Order.Status.Draft, customer_id=None)
    Order(nummer="1")  # type: ignore[call-arg]
    Order(number=5)  # type: ignore[arg-type]
    Order(number=None)  # type: ignore[arg-type]
    Order(status="Nope")  # type: ignore[arg-type]
    order.nummer = "1"  # type: ignore[attr-defined]


async def writing(db: Client, pairs: list[PersonTagInsert]) -> None:
    await db.upsert(Order, new_rows())
    await db.upsert(PersonTag, pairs)

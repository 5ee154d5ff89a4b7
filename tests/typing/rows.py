"""What a type checker knows of rows: selected ones by ``cast``, and new ones."""

import datetime
from collections.abc import Iterable
from typing import Literal, assert_type, cast

from atlas import Client, Order, PersonTag
from atlas.rows import OrderInsert, OrderRow, OrderStatus, PersonTagInsert


async def selected_rows() -> None:
    orders = cast(list[OrderRow], await Order.select())
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
        "order_date": "2026-02-03",  # type: ignore[typeddict-item]
        "total_amount": None,  # type: ignore[typeddict-item]
    }
    order["colour"] = "red"  # type: ignore[typeddict-unknown-key]
    print(Order(**order))


async def writing(db: Client, pairs: list[PersonTagInsert]) -> None:
    await db.upsert(Order, new_rows())
    await db.upsert(PersonTag, pairs)

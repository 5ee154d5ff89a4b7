"""Oxyde, whose core is written in Rust and whose models are Pydantic's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from oxyde import Field, Model, PoolSettings, db

from atlas.ulid import new_ulid
from benchmark.data import pragmas_of_all


def _now() -> datetime:
    return datetime.now(UTC)


class Unit(Model):
    id: str = Field(default_factory=new_ulid, db_pk=True)
    name: str

    class Meta:
        is_table = True
        table_name = "core_unit"


class Person(Model):
    id: str = Field(default_factory=new_ulid, db_pk=True)
    full_name: str

    class Meta:
        is_table = True
        table_name = "db_person"


class Order(Model):
    """The columns of ``atlas.Order``."""

    id: str = Field(default_factory=new_ulid, db_pk=True)
    entity_id: str
    unit: Unit | None = Field(default=None)
    number: str
    type: str
    status: str = "Draft"
    order_date: date
    customer: Person | None = Field(default=None)
    organization_id: str | None = None
    participant_id: str | None = None
    sales_person_id: str | None = None
    channel_id: str | None = None
    subtotal_amount: float = 0.0
    discount_amount: float = 0.0
    tax_amount: float = 0.0
    total_amount: float = 0.0
    note: str | None = None
    source_id: str | None = None
    source_key: str | None = None
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now)

    class Meta:
        is_table = True
        table_name = "commerce_order"


class Peer:
    """A pool of connections."""

    name = "oxyde"
    title = "Oxyde (Rust)"
    note = "reads return Pydantic models"

    async def open(self, path: Path) -> None:
        pragmas = pragmas_of_all()
        settings = PoolSettings(
            max_connections=4,
            sqlite_journal_mode=str(pragmas["journal_mode"]),
            sqlite_synchronous=str(pragmas["synchronous"]),
            sqlite_cache_size=int(pragmas["cache_size"]),
            sqlite_busy_timeout=int(pragmas["busy_timeout"]),
        )
        await db.init(default=f"sqlite:///{path}", settings=settings)

    async def close(self) -> None:
        await db.close()

    async def point_read(self, order_id: str) -> Any:
        return await Order.objects.get(id=order_id)

    prepared_point_read = object_read = point_read

    async def objects(self, entity_id: str) -> Any:
        return await Order.objects.filter(entity_id=entity_id).limit(100).all()

    async def join(self, entity_id: str) -> Any:
        orders = await (
            Order.objects.filter(entity_id=entity_id)
            .join("customer", "unit")
            .order_by("order_date", "number")
            .limit(100)
            .all()
        )
        return [
            {
                "id": order.id,
                "number": order.number,
                "status": order.status,
                "order_date": order.order_date,
                "total_amount": order.total_amount,
                "customer": order.customer and order.customer.full_name,
                "unit": order.unit and order.unit.name,
            }
            for order in orders
        ]

    async def insert(self, order: dict[str, Any]) -> None:
        await Order.objects.create(**order)

    async def update(self, order_id: str, note: str) -> None:
        await Order.objects.filter(id=order_id).update(note=note, updated_at=_now())

"""Yara ORM, whose engine is written in Rust."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yara_orm import Model, YaraOrm, connections, fields

from atlas.ulid import new_ulid
from benchmark.data import pragmas_of_all


class Unit(Model):
    id = fields.CharField(max_length=26, pk=True, default=new_ulid)
    name = fields.TextField()

    class Meta:
        table = "core_unit"


class Person(Model):
    id = fields.CharField(max_length=26, pk=True, default=new_ulid)
    full_name = fields.TextField()

    class Meta:
        table = "db_person"


class Order(Model):
    """The columns of ``atlas.Order``; ``customer`` is stored in ``customer_id``, as ``unit`` is."""

    id = fields.CharField(max_length=26, pk=True, default=new_ulid)
    entity_id = fields.CharField(max_length=26)
    unit: Any = fields.ForeignKeyField("Unit", related_name="orders")
    number = fields.TextField()
    type = fields.TextField()
    status = fields.TextField(default="Draft")
    order_date = fields.DateField()
    customer: Any = fields.ForeignKeyField("Person", related_name="orders", null=True)
    organization_id = fields.CharField(max_length=26, null=True)
    participant_id = fields.CharField(max_length=26, null=True)
    sales_person_id = fields.CharField(max_length=26, null=True)
    channel_id = fields.CharField(max_length=26, null=True)
    subtotal_amount = fields.FloatField(default=0.0)
    discount_amount = fields.FloatField(default=0.0)
    tax_amount = fields.FloatField(default=0.0)
    total_amount = fields.FloatField(default=0.0)
    note = fields.TextField(null=True)
    source_id = fields.CharField(max_length=26, null=True)
    source_key = fields.TextField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "commerce_order"


class Peer:
    """A pool of four connections, all with the pragmas of all."""

    name = "yara-orm"
    title = "Yara ORM (Rust)"
    note = "reads return objects; its own default is synchronous = NORMAL"

    async def open(self, path: Path) -> None:
        await YaraOrm.init(f"sqlite:///{path}?max_size=4&min_size=4", use_tz=True)
        connection = connections.get("default")
        # It cannot be told pragmas. Each of its connections gets them when many ask at once.
        script = ";".join(f"PRAGMA {name} = {value}" for name, value in pragmas_of_all().items())
        for _ in range(5):
            await asyncio.gather(*(connection.execute_script(script) for _ in range(64)))
        found = await asyncio.gather(
            *(connection.execute_query("PRAGMA synchronous") for _ in range(64))
        )
        if {rows[0]["synchronous"] for _, rows in found} != {2}:
            raise RuntimeError("a connection of Yara's did not take the pragmas")

    async def close(self) -> None:
        await YaraOrm.close()

    async def point_read(self, order_id: str) -> Any:
        return await Order.get(id=order_id)

    prepared_point_read = object_read = point_read

    async def objects(self, entity_id: str) -> Any:
        return await Order.filter(entity_id=entity_id).limit(100)

    async def join(self, entity_id: str) -> Any:
        return await (
            Order.filter(entity_id=entity_id)
            .order_by("order_date", "number")
            .limit(100)
            .values(
                "id",
                "number",
                "status",
                "order_date",
                "total_amount",
                customer="customer__full_name",
                unit="unit__name",
            )
        )

    async def insert(self, order: dict[str, Any]) -> None:
        await Order.create(**order)

    async def update(self, order_id: str, note: str) -> None:
        await Order.filter(id=order_id).update(note=note, updated_at=datetime.now(UTC))

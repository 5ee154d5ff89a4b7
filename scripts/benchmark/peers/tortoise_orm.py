"""Tortoise ORM."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tortoise import Model, Tortoise, fields
from tortoise.transactions import in_transaction

from atlas.ulid import new_ulid
from benchmark.data import pragmas_of_all
from benchmark.peers import sql


class Entity(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)

    class Meta:
        table = "core_entity"


class Unit(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)
    name = fields.TextField()

    class Meta:
        table = "core_unit"


class Person(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)
    full_name = fields.TextField()

    class Meta:
        table = "db_person"


class Organization(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)

    class Meta:
        table = "db_organization"


class Channel(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)

    class Meta:
        table = "core_channel"


class Source(Model):
    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)

    class Meta:
        table = "core_source"


def _reference(model: str, *, null: bool = True) -> Any:
    foreign_key: Any = fields.ForeignKeyField
    return foreign_key(f"models.{model}", null=null, related_name=False)


class Order(Model):
    """The columns of ``atlas.Order``; ``customer`` is stored in ``customer_id`` and so on."""

    id = fields.CharField(max_length=26, primary_key=True, default=new_ulid)
    entity = _reference("Entity", null=False)
    unit = _reference("Unit", null=False)
    number = fields.TextField()
    type = fields.TextField()
    status = fields.TextField(default="Draft")
    order_date = fields.DateField()
    customer = _reference("Person")
    organization = _reference("Organization")
    participant = _reference("Person")
    sales_person = _reference("Person")
    channel = _reference("Channel")
    subtotal_amount = fields.FloatField(default=0.0)
    discount_amount = fields.FloatField(default=0.0)
    tax_amount = fields.FloatField(default=0.0)
    total_amount = fields.FloatField(default=0.0)
    note = fields.TextField(null=True)
    source = _reference("Source")
    source_key = fields.TextField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "commerce_order"


class Peer:
    """One connection for all tasks, behind a lock, as Tortoise has it on SQLite."""

    name = "tortoise"
    title = "Tortoise ORM"
    note = "one connection for all tasks; the point read returns an object"

    async def open(self, path: Path) -> None:
        sqlite3.register_adapter(date, date.isoformat)
        sqlite3.register_adapter(datetime, lambda moment: moment.isoformat(" "))
        connection = {
            "engine": "tortoise.backends.sqlite",
            "credentials": {"file_path": str(path), **pragmas_of_all()},
        }
        await Tortoise.init(
            config={
                "connections": {"default": connection},
                "apps": {"models": {"models": [__name__]}},
                "use_tz": True,
                "timezone": "UTC",
            }
        )

    async def close(self) -> None:
        await Tortoise.close_connections()

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

    async def upsert(self, orders: list[dict[str, Any]]) -> None:
        async with in_transaction() as connection:
            await Order.bulk_create(
                [Order(**order) for order in orders],
                update_fields=[*sql.VALUES, "updated_at"],
                on_conflict=["source_id", "source_key"],
                using_db=connection,
            )

    async def update(self, order_id: str, note: str) -> None:
        await Order.filter(id=order_id).update(note=note, updated_at=datetime.now(UTC))

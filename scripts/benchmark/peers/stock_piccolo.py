"""Piccolo as it comes: its own columns, tables and ``SQLiteEngine``."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from piccolo.columns import Date, DoublePrecision, ForeignKey, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.engine.sqlite import ADAPTERS, CONVERTERS, SQLiteEngine
from piccolo.table import Table

from atlas.ulid import new_ulid
from benchmark.peers import sql


class Entity(Table, tablename="core_entity"):
    id = Text(primary_key=True, default=new_ulid)


class Unit(Table, tablename="core_unit"):
    id = Text(primary_key=True, default=new_ulid)
    name = Text()


class Person(Table, tablename="db_person"):
    id = Text(primary_key=True, default=new_ulid)
    full_name = Text()


class Organization(Table, tablename="db_organization"):
    id = Text(primary_key=True, default=new_ulid)


class Channel(Table, tablename="core_channel"):
    id = Text(primary_key=True, default=new_ulid)


class Source(Table, tablename="core_source"):
    id = Text(primary_key=True, default=new_ulid)


class Order(Table, tablename="commerce_order"):
    """The columns of ``atlas.Order``, with Piccolo's types."""

    id = Text(primary_key=True, default=new_ulid)
    entity_id = ForeignKey(Entity, null=False)
    unit_id = ForeignKey(Unit, null=False)
    number = Text()
    type = Text()
    status = Text(default="Draft")
    order_date = Date()
    customer_id = ForeignKey(Person)
    organization_id = ForeignKey(Organization)
    participant_id = ForeignKey(Person)
    sales_person_id = ForeignKey(Person)
    channel_id = ForeignKey(Channel)
    subtotal_amount = DoublePrecision(default=0.0)
    discount_amount = DoublePrecision(default=0.0)
    tax_amount = DoublePrecision(default=0.0)
    total_amount = DoublePrecision(default=0.0)
    note = Text(null=True, default=None)
    source_id = ForeignKey(Source)
    source_key = Text(null=True, default=None)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow(), auto_update=lambda: datetime.now(UTC))


class Peer:
    """Tables of its own on its own engine, which connects for every query."""

    name = "piccolo"
    title = "stock Piccolo"
    note = (
        "own Table classes and converters; connects for every query, and offers no place to set "
        "cache_size, mmap_size and temp_store (the other pragmas are its defaults or the file's)"
    )

    async def open(self, path: Path) -> None:
        for value_type, adapter in ADAPTERS.items():
            sqlite3.register_adapter(value_type, adapter)
        for column_type, converter in CONVERTERS.items():
            sqlite3.register_converter(column_type, converter)
        engine = SQLiteEngine(str(path), timeout=30)
        for table in (Entity, Unit, Person, Organization, Channel, Source, Order):
            table._meta._db = engine

    async def close(self) -> None:
        """Do nothing: no connection outlives its query."""

    async def point_read(self, order_id: str) -> Any:
        return await Order.select().where(Order.id == order_id).first()

    prepared_point_read = point_read

    async def object_read(self, order_id: str) -> Any:
        return await Order.objects().where(Order.id == order_id).first()

    async def objects(self, entity_id: str) -> Any:
        return await Order.objects().where(Order.entity_id == entity_id).limit(100)

    async def join(self, entity_id: str) -> Any:
        return await (
            Order.select(
                Order.id,
                Order.number,
                Order.status,
                Order.order_date,
                Order.total_amount,
                Order.customer_id.full_name.as_alias("customer"),
                Order.unit_id.name.as_alias("unit"),
            )
            .where(Order.entity_id == entity_id)
            .order_by(Order.order_date, Order.number)
            .limit(100)
        )

    async def insert(self, order: dict[str, Any]) -> None:
        await Order.insert(Order(**order))

    async def upsert(self, orders: list[dict[str, Any]]) -> None:
        values = [Order._meta.get_column_by_name(name) for name in (*sql.VALUES, "updated_at")]
        async with Order._meta.db.transaction():
            for start in range(0, len(orders), 1000):
                await Order.insert(
                    *(Order(**order) for order in orders[start : start + 1000])
                ).on_conflict(
                    target=(Order.source_id, Order.source_key), action="DO UPDATE", values=values
                )

    async def update(self, order_id: str, note: str) -> None:
        await Order.update({Order.note: note}).where(Order.id == order_id)

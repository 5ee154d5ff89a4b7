"""SQLAlchemy 2 Core, asynchronous."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.dialects import sqlite

from benchmark.peers import sql
from benchmark.peers.sqlalchemy_models import Order, Person, Unit, create_engine

_order: Any = Order.__table__
_person: Any = Person.__table__
_unit: Any = Unit.__table__


class Peer:
    """Statements built for each call, one connection of the pool for each."""

    name = "sqlalchemy-core"
    title = "SQLAlchemy Core"
    note = "a pool of 5 connections; rows as RowMapping"

    async def open(self, path: Path) -> None:
        sql.register()
        self._engine = create_engine(path)

    async def close(self) -> None:
        await self._engine.dispose()

    async def point_read(self, order_id: str) -> Any:
        async with self._engine.connect() as connection:
            result = await connection.execute(select(_order).where(_order.c.id == order_id))
            return result.mappings().one()

    prepared_point_read = point_read

    async def join(self, entity_id: str) -> Any:
        statement = (
            select(
                _order.c.id,
                _order.c.number,
                _order.c.status,
                _order.c.order_date,
                _order.c.total_amount,
                _person.c.full_name.label("customer"),
                _unit.c.name.label("unit"),
            )
            .outerjoin(_person, _person.c.id == _order.c.customer_id)
            .outerjoin(_unit, _unit.c.id == _order.c.unit_id)
            .where(_order.c.entity_id == entity_id)
            .order_by(_order.c.order_date, _order.c.number)
            .limit(100)
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(statement)).mappings().all()

    async def insert(self, order: dict[str, Any]) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(insert(_order).values(order))

    async def upsert(self, orders: list[dict[str, Any]]) -> None:
        statement = sqlite.insert(_order)
        given = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["source_id", "source_key"],
            set_={name: given[name] for name in (*sql.VALUES, "updated_at")},
            where=or_(*(_order.c[name].is_distinct_from(given[name]) for name in sql.VALUES)),
        )
        async with self._engine.begin() as connection:
            await connection.execute(statement, orders)

    async def update(self, order_id: str, note: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                update(_order).where(_order.c.id == order_id).values(note=note)
            )

"""SQLAlchemy 2 ORM, asynchronous."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import async_sessionmaker

from benchmark.peers import sql
from benchmark.peers.sqlalchemy_models import Order, Person, Unit, create_engine


class Peer:
    """One session for each operation, on a pool of connections."""

    name = "sqlalchemy-orm"
    title = "SQLAlchemy ORM"
    note = "as Core; the point read returns an object, the join rows as RowMapping"

    async def open(self, path: Path) -> None:
        sql.register()
        self._engine = create_engine(path)
        self._session = async_sessionmaker(self._engine, expire_on_commit=False)

    async def close(self) -> None:
        await self._engine.dispose()

    async def point_read(self, order_id: str) -> Any:
        async with self._session() as session:
            return await session.get_one(Order, order_id)

    prepared_point_read = object_read = point_read

    async def objects(self, entity_id: str) -> Any:
        async with self._session() as session:
            found = select(Order).where(Order.entity_id == entity_id).limit(100)
            return (await session.execute(found)).scalars().all()

    async def join(self, entity_id: str) -> Any:
        statement = (
            select(
                Order.id,
                Order.number,
                Order.status,
                Order.order_date,
                Order.total_amount,
                Person.full_name.label("customer"),
                Unit.name.label("unit"),
            )
            .outerjoin(Person, Person.id == Order.customer_id)
            .outerjoin(Unit, Unit.id == Order.unit_id)
            .where(Order.entity_id == entity_id)
            .order_by(Order.order_date, Order.number)
            .limit(100)
        )
        async with self._session() as session:
            return (await session.execute(statement)).mappings().all()

    async def insert(self, order: dict[str, Any]) -> None:
        async with self._session.begin() as session:
            session.add(Order(**order))

    async def update(self, order_id: str, note: str) -> None:
        async with self._session.begin() as session:
            await session.execute(update(Order).where(Order.id == order_id).values(note=note))

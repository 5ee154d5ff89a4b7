"""This engine: Atlas's client and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas import Order, Param, create_client
from atlas.engine.options import EngineOptions
from benchmark.peers import sql


class Peer:
    """A client with the default options, whatever the environment says."""

    name = "atlas"
    title = "this engine"
    note = "checks every value against the model; moves updated_at only when a value changes"

    async def open(self, path: Path) -> None:
        sql.register()
        self._client = create_client(f"file:{path}", **vars(EngineOptions()))
        await self._client.open()
        by_id = Order.id == Param("order_id")
        self._find = self._client.prepare(Order.select().where(by_id).first())

    async def close(self) -> None:
        await self._client.close()

    async def point_read(self, order_id: str) -> Any:
        return await Order.select().where(Order.id == order_id).first()

    async def prepared_point_read(self, order_id: str) -> Any:
        return await self._find(order_id=order_id)

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

    async def update(self, order_id: str, note: str) -> None:
        await Order.update({Order.note: note}).where(Order.id == order_id)

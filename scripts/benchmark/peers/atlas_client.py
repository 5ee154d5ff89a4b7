"""This engine: Atlas's client and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas import Order, Param, Region, create_client
from atlas.engine.options import EngineOptions
from atlas.ulid import new_ulid
from benchmark.bulk import read_regions, type_of
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
        await self._client.upsert(Order, orders)

    async def load_regions(self, path: Path) -> None:
        ids: dict[str, str] = {}

        def rows() -> Any:
            for row in read_regions(path):
                code = row["code"]
                ids[code] = new_ulid()
                yield {
                    "id": ids[code],
                    "code": code,
                    "name": row["name"],
                    "type": type_of(code),
                    "parent_id": ids.get(code.rpartition(".")[0]),
                }

        await self._client.upsert(Region, rows(), Region.code)

    async def update(self, order_id: str, note: str) -> None:
        await Order.update({Order.note: note}).where(Order.id == order_id)

"""``aiosqlite`` on its own: the floor of what a coroutine can do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosqlite

from benchmark.data import pragmas_of_all
from benchmark.peers import sql


class Peer:
    """One connection, hand-written SQL, one thread hop for each statement, rows as dicts."""

    name = "aiosqlite"
    title = "aiosqlite"
    note = "one connection for all tasks; Atlas's converters"

    async def open(self, path: Path) -> None:
        sql.register()
        self._database = await aiosqlite.connect(
            path, isolation_level=None, detect_types=sql.DETECT_TYPES, cached_statements=256
        )
        self._database.row_factory = sql.as_dict  # type: ignore[assignment]
        for name, value in pragmas_of_all().items():
            await self._database.execute_fetchall(f"PRAGMA {name} = {value}")

    async def close(self) -> None:
        await self._database.close()

    async def point_read(self, order_id: str) -> Any:
        rows: Any = await self._database.execute_fetchall(sql.POINT_READ, (order_id,))
        return rows[0]

    prepared_point_read = point_read

    async def join(self, entity_id: str) -> Any:
        return await self._database.execute_fetchall(sql.JOIN, (entity_id,))

    async def insert(self, order: dict[str, Any]) -> None:
        await self._database.execute_fetchall(sql.INSERT, sql.complete(order))

    async def update(self, order_id: str, note: str) -> None:
        await self._database.execute_fetchall(sql.UPDATE, (note, datetime.now(UTC), order_id))

"""The ``sqlite3`` module on its own, without tasks: the floor of what Python can do."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from atlas.ulid import new_ulid
from benchmark.bulk import read_regions, type_of
from benchmark.data import pragmas_of_all
from benchmark.peers import sql


class Peer:
    """One connection, hand-written SQL, rows as dicts."""

    name = "sqlite3"
    title = "sqlite3 (sync)"
    note = "blocks the thread; has no tasks, so 32 of them are one loop; Atlas's converters"

    async def open(self, path: Path) -> None:
        sql.register()
        self._database = sqlite3.connect(
            path, isolation_level=None, detect_types=sql.DETECT_TYPES, cached_statements=256
        )
        self._database.row_factory = sql.as_dict
        for name, value in pragmas_of_all().items():
            self._database.execute(f"PRAGMA {name} = {value}")

    async def close(self) -> None:
        self._database.close()

    def point_read(self, order_id: str) -> Any:
        return self._database.execute(sql.POINT_READ, (order_id,)).fetchone()

    prepared_point_read = point_read

    def join(self, entity_id: str) -> list[Any]:
        return self._database.execute(sql.JOIN, (entity_id,)).fetchall()

    def insert(self, order: dict[str, Any]) -> None:
        self._database.execute(sql.INSERT, sql.complete(order))

    def upsert(self, orders: list[dict[str, Any]]) -> None:
        now = str(datetime.now(UTC))
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            sql.UPSERT,
            (
                {
                    **order,
                    "id": new_ulid(),
                    "order_date": order["order_date"].isoformat(),
                    "now": now,
                }
                for order in orders
            ),
        )
        self._database.execute("COMMIT")

    def load_regions(self, path: Path) -> None:
        now = str(datetime.now(UTC))
        ids: dict[str, str] = {}

        def rows() -> Any:
            for row in read_regions(path):
                code = row["code"]
                ids[code] = new_ulid()
                yield (
                    ids[code],
                    ids.get(code.rpartition(".")[0]),
                    code,
                    row["name"],
                    type_of(code),
                    now,
                    now,
                )

        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(sql.UPSERT_REGION, rows())
        self._database.execute("COMMIT")

    def update(self, order_id: str, note: str) -> None:
        self._database.execute(sql.UPDATE, (note, datetime.now(UTC), order_id))

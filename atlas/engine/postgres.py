"""The PostgreSQL and CockroachDB engines.

In: Piccolo's queries and DDL. Out: rows. Knows no table.
"""

from __future__ import annotations

from typing import Any

from piccolo.engine.cockroach import CockroachEngine as PiccoloCockroachEngine
from piccolo.engine.postgres import PostgresEngine as PiccoloPostgresEngine

from atlas.engine import ddl as dialect


class PostgresEngine(PiccoloPostgresEngine):
    """Piccolo's engine with the DDL of the model: composite indexes."""

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Run one DDL statement of Piccolo's, as PostgreSQL understands it."""
        response: Any = []
        for statement in dialect.for_postgres(ddl):
            response = await super().run_ddl(statement, in_pool=in_pool)
        return response


class CockroachEngine(PiccoloCockroachEngine):
    """Piccolo's engine with the DDL of the model: composite indexes."""

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Run one DDL statement of Piccolo's, as CockroachDB understands it."""
        response: Any = []
        for statement in dialect.for_postgres(ddl):
            response = await super().run_ddl(statement, in_pool=in_pool)
        return response

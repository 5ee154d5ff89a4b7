"""The PostgreSQL and CockroachDB engines: Piccolo's, with the DDL of the model.

In: Piccolo's queries and DDL. Out: rows. Knows no table. The pool is asyncpg's.
"""

from __future__ import annotations

import time
from typing import Any

from piccolo.engine.cockroach import CockroachEngine as PiccoloCockroachEngine
from piccolo.engine.exceptions import TransactionError
from piccolo.engine.postgres import PostgresEngine as PiccoloPostgresEngine
from piccolo.engine.postgres import PostgresTransaction
from piccolo.querystring import QueryString

from atlas.engine import ddl as dialect
from atlas.engine import log
from atlas.engine.options import EngineOptions
from atlas.engine.pool import PoolStats
from atlas.engine.url import masked
from atlas.errors import ConnectionClosedError


class Snapshot(PostgresTransaction):
    """Reads that all see the same moment, in a transaction that cannot write."""

    async def begin(self) -> None:
        await super().begin()  # type: ignore[no-untyped-call]
        await self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class _Shared(PiccoloPostgresEngine):
    """What both engines add to Piccolo's."""

    def __init__(self, url: str, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        self.url = masked(url)
        self.statements = 0
        # No extensions: the ids are made by the application, and creating one needs a superuser.
        super().__init__(config={"dsn": url}, extensions=())

    async def check_version(self) -> None:
        """Do nothing: Piccolo would connect while the engine is made, and block the loop."""

    async def prep_database(self) -> None:
        """Do nothing, for the same reason; there are no extensions to create."""

    @property
    def path(self) -> str:
        """The URL with its password masked."""
        return self.url

    async def start_connection_pool(self, **options: Any) -> None:
        """Open the pool in this event loop. Does nothing when it is open already."""
        if self.pool is not None:
            return
        await super().start_connection_pool(
            min_size=1,
            max_size=self.options.pool_size,
            timeout=self.options.acquire_timeout_ms / 1000,
            statement_cache_size=self.options.statement_cache,
            **options,
        )

    async def close_connection_pool(self) -> None:
        """Close the pool, when its connections are back. Safe to repeat."""
        if self.pool is not None:
            await super().close_connection_pool()

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Run one DDL statement of Piccolo's, as PostgreSQL understands it."""
        response: Any = []
        for statement in dialect.for_postgres(ddl):
            response = await super().run_ddl(statement, in_pool=in_pool)
        return response

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        """Run one query of Piccolo's and return its records."""
        self.statements += 1
        start = time.perf_counter()
        records = await super().run_querystring(querystring, in_pool=in_pool)
        if log.is_wanted(self.options):
            sql, parameters = querystring.compile_string(engine_type=self.engine_type)
            seconds = time.perf_counter() - start
            log.statement(self.options, sql, parameters, seconds, len(records))
        return records

    def snapshot(self) -> Snapshot:
        """Return a read-only transaction: one consistent view while writers go on."""
        if self.current_transaction.get() is not None:
            raise TransactionError(
                "A snapshot cannot begin inside a transaction, which sees its own writes."
            )
        return Snapshot(engine=self)

    def stats(self) -> PoolStats:
        """Return what the pool is doing; waits are asyncpg's own and not counted."""
        if self.pool is None:
            raise ConnectionClosedError(f"No pool of {self.url} is open.")
        size, idle = self.pool.get_size(), self.pool.get_idle_size()
        return PoolStats(
            readers=size,
            readers_in_use=size - idle,
            writer_in_use=False,
            waiting=0,
            waiting_ms=0.0,
            longest_wait_ms=0.0,
            requests_waited=0,
            requests_timed_out=0,
            statements=self.statements,
            connections_opened=size,
        )

    async def ping(self) -> float:
        """Run a statement and return how long that took, in milliseconds."""
        start = time.perf_counter()
        await self.run_querystring(QueryString("SELECT 1"))
        return (time.perf_counter() - start) * 1000


class PostgresEngine(_Shared):
    """PostgreSQL, through asyncpg."""


class CockroachEngine(_Shared, PiccoloCockroachEngine):
    """CockroachDB, through asyncpg."""

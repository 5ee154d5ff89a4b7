"""The PostgreSQL and CockroachDB engines: Piccolo's, so that what runs on SQLite runs here.

In: Piccolo's queries and DDL. Out: rows. Knows no table. The pool is asyncpg's;
the state here is who waits for it, touched only in the event loop that opened it.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from piccolo.engine.cockroach import CockroachEngine as PiccoloCockroachEngine
from piccolo.engine.postgres import PostgresEngine as PiccoloPostgresEngine
from piccolo.query.base import Query
from piccolo.querystring import QueryString

from atlas.engine import ddl as dialect
from atlas.engine import log
from atlas.engine.block import Isolation, current_block, is_cancel
from atlas.engine.log import print_query
from atlas.engine.options import EngineOptions
from atlas.engine.ping import PING_TIMEOUT_MS, within
from atlas.engine.postgres import errors
from atlas.engine.postgres.batch import Batch
from atlas.engine.postgres.connection import Connection, Opener
from atlas.engine.postgres.pool import Pool
from atlas.engine.postgres.replicas import Replica, Replicas
from atlas.engine.postgres.server import Server
from atlas.engine.postgres.transaction import (
    CockroachTransaction,
    ReplicaReads,
    Snapshot,
    Transaction,
)
from atlas.engine.run_sync import is_running_sync, refuse_to_wait_for
from atlas.engine.sqlite.pool import PoolStats
from atlas.engine.statement import only_reads
from atlas.engine.url import DatabaseURL
from atlas.errors import (
    ClientError,
    ConnectionClosedError,
    PoolTimeoutError,
)

#: How long a connection may take to become clean, in seconds; then it is cut.
CLEAN_S = 5.0


class _Shared(PiccoloPostgresEngine):
    """What both engines add to Piccolo's."""

    #: The transaction the task is in.
    current_transaction: contextvars.ContextVar[Transaction | None]  # type: ignore[assignment]

    def __init__(self, url: str, options: EngineOptions | None = None) -> None:
        # Not super().__init__(): it starts two event loops to connect, in a thread of
        # their own when one is running, and prints when there is no server.
        self.options = options or EngineOptions()
        self.server = Server.of(url)
        #: The URL with its password masked.
        self.path = self.server.name
        self.config = {"dsn": url}
        self.engine_type = "postgres"
        self.min_version_number = 10
        self.query_id = 0
        # As of Piccolo: set to True, they print. ``options.log_queries`` is for the log (log.py).
        self.log_queries = False
        self.log_responses = False
        # The ids are made by the application, and creating an extension needs a superuser.
        self.extensions = ()
        self.extra_nodes = {}
        self.current_transaction = contextvars.ContextVar(f"atlas_{self.path}", default=None)
        self.pool: Pool | None = None
        #: Connections that are made clean after a cancel, which nothing waits for.
        self._cleaning: set[asyncio.Task[None]] = set()
        self._opener = self._new_opener()
        #: Standbys to read from; None without any.
        self.replicas: Replicas | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        #: The waits for a connection, and the moment each began.
        self._waits: dict[asyncio.Timeout, float] = {}
        self._longest_wait_s = 0.0
        self._requests_waited = 0
        self._requests_timed_out = 0
        self._statements = 0
        self._connections_opened = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    @property
    def _timeout_s(self) -> float:
        return self.options.acquire_timeout_ms / 1000

    # The pool.

    async def start_connection_pool(self, **options: Any) -> None:
        """Open the pool in this event loop; ``options`` replace those of the engine.

        Raises ``DatabaseServerError`` when the server cannot be reached or
        refuses, and ``ConfigurationError`` for an option of the URL that it
        does not know. Does nothing when the pool is open already.
        """
        if self.pool is not None:
            self._check()
            return
        self.options = replace(self.options, **options)
        self._loop, self._pid = asyncio.get_running_loop(), os.getpid()
        self._waits = {}
        self._longest_wait_s = 0.0
        self._requests_waited = self._requests_timed_out = 0
        self._statements = self._connections_opened = 0
        self._opener = self._new_opener()
        self.replicas = self._new_replicas()
        pool = Pool(self._open_for_pool, self.options.pool_size, self.path)
        await pool.open(self._timeout_s)
        self.pool = pool

    async def close_connection_pool(self) -> None:
        """Close the pool. Queries that wait get ``ConnectionClosedError``; safe to repeat.

        Connections in use are waited for, up to the acquire timeout, then cut.
        """
        pool, self.pool = self.pool, None
        if pool is None or self._loop is None:
            return
        if self._loop is not asyncio.get_running_loop():
            with suppress(RuntimeError):  # it is closed already, and cannot close a connection
                self._loop.call_soon_threadsafe(pool.terminate)
                if self.replicas is not None:
                    self._loop.call_soon_threadsafe(self.replicas.terminate)
            return
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0)
        await pool.close(self._timeout_s)
        if self.replicas is not None:
            await self.replicas.close()

    def stats(self) -> PoolStats:
        """Return what the pool is doing; raise ``ConnectionClosedError`` when there is none."""
        if self.pool is None:
            raise ConnectionClosedError(f"No pool of {self.path} is open.")
        size, idle = self.pool.get_size(), self.pool.get_idle_size()
        return PoolStats(
            readers=size,
            readers_in_use=size - idle,
            writer_in_use=False,  # any connection writes
            waiting=len(self._waits),
            waiting_ms=max(map(_ms_since, self._waits.values()), default=0.0),
            longest_wait_ms=self._longest_wait_s * 1000,
            requests_waited=self._requests_waited,
            requests_timed_out=self._requests_timed_out,
            statements=self._statements,
            connections_opened=self._connections_opened,
        )

    def library_warnings(self) -> list[str]:
        """Return nothing: the library is the server's, and not this process's."""
        return []

    async def ping(self, *, writer: bool = False, timeout_ms: int = PING_TIMEOUT_MS) -> float:
        """Ask the server on a connection of the pool; return how long it took in milliseconds.

        ``writer`` is for SQLite: any connection writes. Raises ``PoolTimeoutError`` when it took
        longer than ``timeout_ms``.
        """
        start = time.monotonic()
        async with within(timeout_ms, f"{self.path}: the server"), self.connection() as connection:
            await connection.fetch("SELECT 1")
        self._statements += 1
        return _ms_since(start)

    # Connections.

    async def get_new_connection(self) -> Connection:
        """Return a connection that is the caller's, to close; raise ``DatabaseServerError``."""
        return await self._opener.open(self._timeout_s)

    def _new_opener(self) -> Opener:
        return Opener(self.server, self.options, may_be_pooled=self.engine_type == "postgres")

    def read_from(self, replicas: Sequence[str], max_lag_ms: int | None) -> None:
        """Read from these standbys as well, from when the pool is opened."""
        self.server = replace(
            self.server,
            replicas=(*self.server.replicas, *replicas),
            max_lag_ms=self.server.max_lag_ms if max_lag_ms is None else max_lag_ms,
        )

    def _new_replicas(self) -> Replicas | None:
        if not self.server.replicas:
            return None
        options = replace(self.options, read_only=True)
        targets = [DatabaseURL.parse(url).target for url in self.server.replicas]
        replicas = [Replica(type(self)(target, options)) for target in targets]
        return Replicas(replicas, self.server.max_lag_ms, self._position)

    async def _position(self) -> str:
        """Return how far the primary's log is."""
        async with self.connection() as connection:
            ((position,),) = await connection.run("SELECT pg_current_wal_insert_lsn()::text")
        return str(position)

    async def _open_for_pool(self, timeout_s: float) -> Connection:
        connection = await self._opener.open(timeout_s)
        self._connections_opened += 1
        return connection

    @asynccontextmanager
    async def connection(self, in_pool: bool = True) -> AsyncIterator[Any]:
        """Lend a connection: one of the pool when it is open, else a new one."""
        pool = self.pool if in_pool and not is_running_sync() else None
        if pool is None:
            connection = await self.get_new_connection()
            try:
                yield connection
            finally:
                await self._close(connection)
            return
        connection = await self._acquire(pool)
        try:
            yield connection
        except BaseException as error:
            await self._give_back(pool, connection, error)
            raise
        else:
            await self._give_back(pool, connection)

    async def _give_back(
        self, pool: Pool, connection: Connection, error: BaseException | None = None
    ) -> None:
        """Give a connection back to the pool, after what ran on it ended with ``error``."""
        if connection.is_closed():
            pool.release(connection)
        elif error is not None and is_cancel(error):
            # Nothing waits for it: the server may take its time, or be gone.
            self._in_background(self._clean(pool, connection, was_cancelled=True))
        elif connection.is_dirty or connection.is_in_transaction():
            await self._clean(pool, connection)
        else:
            pool.release(connection)

    async def _close(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(CLEAN_S):
                await connection.close()
        except BaseException as error:
            connection.terminate()
            if is_cancel(error):
                raise

    async def _clean(
        self, pool: Pool, connection: Connection, *, was_cancelled: bool = False
    ) -> None:
        """Make a connection clean and give it back; cut one that does not become so in time."""
        try:
            if was_cancelled or (connection.is_dirty and not connection.is_closed()):
                async with asyncio.timeout(CLEAN_S):
                    if was_cancelled:  # behind the end of the statement, whatever that is
                        await connection.execute("ROLLBACK")
                    await connection.make_clean()
            elif connection.is_in_transaction():
                connection.terminate()
        except BaseException as error:  # what ran on it has run all the same
            connection.terminate()
            if is_cancel(error):
                raise
        finally:
            pool.release(connection)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    @asynccontextmanager
    async def lend(self, *, reads: bool = False) -> AsyncIterator[Any]:
        """Lend a connection to a user, for a block; in a transaction or snapshot that of the block.

        It is closed afterwards: the server would make it clean, but codecs and loggers are
        asyncpg's own. ``reads`` is for SQLite.
        """
        block = current_block(self)
        if block is not None:
            yield block.connection
            return
        async with self.connection() as connection:
            try:
                yield connection
            finally:
                connection.terminate()
                if self.replicas is not None:
                    self.replicas.note_write()

    async def _acquire(self, pool: Pool) -> Connection:
        self._check()
        since = time.monotonic()
        in_use = pool.get_size() - pool.get_idle_size()
        if in_use + len(self._waits) >= pool.get_max_size():
            self._requests_waited += 1
        wait = asyncio.timeout(self._timeout_s)
        try:
            async with wait:
                self._waits[wait] = since
                connection: Connection = await pool.acquire(wait)
        except TimeoutError:
            if self.pool is not pool:
                raise ConnectionClosedError(f"The client of {self.path} is closed.") from None
            self._requests_timed_out += 1
            in_use = pool.get_size() - pool.get_idle_size()
            raise PoolTimeoutError(
                f"No connection to {self.path} became free within {_ms_since(since):.0f} ms "
                f"(acquire_timeout_ms = {self.options.acquire_timeout_ms}); {len(self._waits) - 1} "
                f"more wait, and {in_use} of {pool.get_max_size()} are in use. Shorten what holds "
                "them, or raise pool_size or the timeout."
            ) from None
        finally:
            self._waits.pop(wait, None)
            self._longest_wait_s = max(self._longest_wait_s, time.monotonic() - since)
        if self.pool is not pool:
            pool.release(connection)
            raise ConnectionClosedError(f"The client of {self.path} is closed.")
        return connection

    def _check(self) -> None:
        """Raise ``ClientError`` if the pool was opened in another event loop or process."""
        if self._pid != os.getpid():
            raise ClientError(
                f"The client of {self.path} was opened before this process was forked; its "
                "connections are the parent's. Open a client in the child."
            )
        if self._loop is not asyncio.get_running_loop():
            raise ClientError(
                f"The client of {self.path} was opened in another event loop. Open one in this "
                "loop; in a plain thread use run_sync()."
            )

    # Queries.

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        """Run one query of Piccolo's and return its records."""
        sql, parameters = querystring.compile_string(engine_type=self.engine_type)
        return await self._run(sql, parameters, in_pool)

    async def execute(
        self, sql: str, parameters: Sequence[Any], *, reads: bool, floats: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Run a statement that is compiled already, in the pool, and return its rows.

        ``reads`` and ``floats`` are for SQLite.
        """
        return [dict(record) for record in await self._run(sql, parameters, in_pool=True)]

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Run one DDL statement of Piccolo's, as PostgreSQL understands it."""
        records: Any = []
        for statement in dialect.for_postgres(ddl):
            records = await self._run(statement, (), in_pool)
        return records

    async def _run(self, sql: str, parameters: Sequence[Any], in_pool: bool) -> Any:
        start = time.perf_counter()
        transaction = current_block(self)
        query_id = print_query(self, sql)
        if transaction is not None:
            records = await transaction.execute(sql, parameters)
        else:
            self._refuse_to_wait(sql)
            records = await self._run_alone(sql, parameters, in_pool)
            if self.replicas is not None and not only_reads(sql):
                self.replicas.note_write()
        self._statements += 1
        if log.is_wanted(self.options):
            log.statement(self.options, sql, parameters, time.perf_counter() - start, len(records))
        if self.log_responses:
            self.print_response(query_id, [dict(record) for record in records])
        return records

    async def _run_alone(self, sql: str, parameters: Sequence[Any], in_pool: bool) -> list[Any]:
        """Run a statement that is in no block, on any connection."""
        pool = self.pool if in_pool and not is_running_sync() else None
        connection = None
        if pool is not None:
            self._check()
            connection = pool.take_idle()
        if pool is None or connection is None:
            async with self.connection(in_pool) as connection:
                with errors.translated(self.path, "alone", reads=only_reads(sql)):
                    return await self._alone(connection, sql, parameters)
        # As above, without blocks of generators, which take as long as a short query.
        try:
            records = await self._alone(connection, sql, parameters)
        except BaseException as error:
            await self._give_back(pool, connection, error)
            with errors.translated(self.path, "alone", reads=only_reads(sql)):
                raise
        await self._give_back(pool, connection)
        return records

    async def _alone(
        self, connection: Connection, sql: str, parameters: Sequence[Any]
    ) -> list[Any]:
        """Run a statement by itself; in a block where the pooler's session needs settings."""
        if not connection.block_settings:
            return await connection.run(sql, parameters)
        await connection.begin("BEGIN")
        try:
            records = await connection.run(sql, parameters)
        except Exception:
            await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
        return records

    def _refuse_to_wait(self, sql: str) -> None:
        """Raise ``ClientError`` for a write by run_sync() that its own loop keeps waiting."""
        pool = self.pool
        if pool is not None and pool.get_idle_size() < pool.get_size() and not only_reads(sql):
            refuse_to_wait_for(self._loop, self.path)

    # Blocks.

    def transaction(  # type: ignore[override]
        self, allow_nested: bool = True, isolation: Isolation | None = None
    ) -> Transaction:
        """Return a transaction to enter with ``async with``."""
        return Transaction(self, allow_nested, isolation)

    def snapshot(self) -> Snapshot:
        """Return a read-only transaction: one consistent view while writers go on."""
        return Snapshot(self)

    def replica(self) -> Snapshot:
        """Return a read-only block on a standby that is near enough; else on the primary."""
        return ReplicaReads(self)

    async def batch(  # type: ignore[override]
        self, query: Query[Any, Any], batch_size: int = 100, node: str | None = None
    ) -> Batch:
        """Return an async iterator over ``query``'s rows, ``batch_size`` at a time.

        Use it as ``async with await query.batch() as batch: async for rows in batch``.
        Raises ``ValueError`` for a size less than 1.
        """
        return Batch(self, query, batch_size)


class PostgresEngine(_Shared):
    """PostgreSQL, through asyncpg."""


class CockroachEngine(_Shared, PiccoloCockroachEngine):
    """CockroachDB, through asyncpg."""

    def __init__(self, url: str, options: EngineOptions | None = None) -> None:
        super().__init__(url, options)
        self.engine_type = "cockroach"
        self.min_version_number = 0
        self._opener = self._new_opener()

    def transaction(
        self, allow_nested: bool = True, isolation: Isolation | None = None
    ) -> CockroachTransaction:
        """Return a transaction to enter with ``async with``."""
        return CockroachTransaction(self, allow_nested, isolation)


def _ms_since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000

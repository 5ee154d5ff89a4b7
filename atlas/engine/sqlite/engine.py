"""The SQLite engine: Piccolo's, pooled.

In: Piccolo's queries and DDL. Out: rows as dicts. Follows ``PostgresEngine``:
after ``start_connection_pool()`` queries of that event loop share the pool;
before it, and for ``run_sync()``, each has a connection of its own. Knows no
table.
"""

from __future__ import annotations

import atexit
import contextvars
import sqlite3
import time
import weakref
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from piccolo.engine.sqlite import Atomic, TransactionType
from piccolo.engine.sqlite import SQLiteEngine as PiccoloSQLiteEngine
from piccolo.query.base import Query
from piccolo.querystring import QueryString

from atlas.engine import ddl as dialect
from atlas.engine import forks, log, threads
from atlas.engine.block import Isolation, current_block
from atlas.engine.log import print_query
from atlas.engine.options import EngineOptions
from atlas.engine.ping import PING_TIMEOUT_MS, within
from atlas.engine.run_sync import is_running_sync, refuse_to_wait_for
from atlas.engine.sqlite import converters, corrupt_values, version
from atlas.engine.sqlite.batch import Batch
from atlas.engine.sqlite.compiled import compiled
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.files import MEMORY
from atlas.engine.sqlite.handle import Handle, Rows
from atlas.engine.sqlite.idle_connections import IdleConnections
from atlas.engine.sqlite.inline import NotInlineError, in_thread
from atlas.engine.sqlite.pool import ConnectionPool, Pools, PoolStats
from atlas.engine.sqlite.transaction import Snapshot, Transaction
from atlas.engine.statement import only_reads
from atlas.errors import ClientError, ConnectionClosedError

converters.register()

_engines: weakref.WeakSet[SQLiteEngine] = weakref.WeakSet()


@atexit.register
def _close_files() -> None:
    """Close what is idle as the process ends, so that no -wal file is left behind."""
    for engine in _engines:
        engine.close_at_exit()


@forks.before
def _close_idle_files() -> None:
    """Close what no client holds; it would keep the child from opening the file."""
    for engine in _engines:
        engine.close_idle()


@forks.in_child
def _forget_files() -> None:
    for engine in _engines:
        engine.forget_parent()


class SQLiteEngine(PiccoloSQLiteEngine):
    """Piccolo's SQLite engine with one writer, several readers and honest transactions.

    ``path`` is absolute, or ``:memory:``: one database for the life of the pool.
    """

    current_transaction: contextvars.ContextVar[Transaction | None]  # type: ignore[assignment]

    def __init__(self, path: str, options: EngineOptions | None = None) -> None:
        # Not super().__init__(): it starts two event loops to look at SQLite's version,
        # in a thread of their own when one is running.
        version.check()
        self.options = options or EngineOptions()
        self.engine_type = "sqlite"
        self.min_version_number = 3.35
        self.query_id = 0
        # As of Piccolo: set to True, they print. ``options.log_queries`` is for the log (log.py).
        self.log_queries = False
        self.log_responses = False
        self.connection_kwargs = {
            "database": path,
            "detect_types": sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
            "isolation_level": None,
            "timeout": self.options.busy_timeout_ms / 1000,
        }
        self.current_transaction = contextvars.ContextVar(f"atlas_{path}", default=None)
        self.pool: Pools | None = None
        self._idle_connections = IdleConnections(path, self.options)
        # At exit the files are closed by close_at_exit, which waits for it.
        weakref.finalize(self, self._idle_connections.close).atexit = False
        _engines.add(self)

    # The pool.

    async def start_connection_pool(self, **options: Any) -> None:
        """Open the pool in this event loop; ``options`` replace those of the engine.

        Raises ``DatabaseFileError`` when the file cannot be opened. Does nothing
        when the pool is open already; one that was left open in an event loop
        that is closed is replaced.
        """
        if self.pool is not None and self.pool.is_orphaned:
            await self.close_connection_pool()
        if self.pool is not None:
            self.pool.check()
            return
        if options:
            self.options = EngineOptions(**{**vars(self.options), **options})
        pool = Pools(self.path, self.options)
        await pool.open()
        if self.pool is not None:  # another task was faster
            await pool.close()
            return
        self.pool = pool

    async def close_connection_pool(self) -> None:
        """Close the pool. Queries that wait get ``ConnectionClosedError``; safe to repeat."""
        pool, self.pool = self.pool, None
        if pool is not None and not pool.is_inherited:
            await pool.close()
        for connection in self._idle_connections.close():
            await connection.close()

    def close_at_exit(self) -> None:
        """Close idle connections without an event loop. Only for the end of the process."""
        self.close_idle()
        if self.pool is not None and not self.pool.is_inherited:
            self.pool.close_at_exit()

    def close_idle(self) -> None:
        """Close the idle connections outside a pool, and wait a little for that."""
        self._idle_connections.close_at_exit()

    def forget_parent(self) -> None:
        """Forget the parent's connections outside a pool; only for a forked child."""
        self._idle_connections.forget()

    def stats(self) -> PoolStats:
        """Return what the pool is doing; raise ``ConnectionClosedError`` when there is none."""
        if self.pool is None:
            raise ConnectionClosedError(f"No pool of {self.path} is open.")
        return self.pool.stats()

    def library_warnings(self) -> list[str]:
        """Return what whoever runs this database should know of the SQLite in use."""
        return version.warnings()

    async def ping(self, *, writer: bool = False, timeout_ms: int = PING_TIMEOUT_MS) -> float:
        """Look at the file on a reader, or the writer, and return how long it took in milliseconds.

        Inside a block it is the block's connection. Raises ``PoolTimeoutError`` when that took
        longer than ``timeout_ms``, and ``DatabaseFileError`` when the file is not there any more.
        """

        def look(handle: Handle) -> None:
            handle.files.check()
            handle.execute("SELECT 1 FROM sqlite_master LIMIT 1")

        start = time.perf_counter()
        transaction = current_block(self)
        async with within(timeout_ms, f"{self.path}: the {'writer' if writer else 'reader'}"):
            inside = transaction is not None and transaction.only_reads is not writer
            if transaction is not None and (inside or self.path == MEMORY):
                await transaction.connection.run(look)
            elif self.pool is not None:
                await self.pool.choose(reads=not writer).run(look, "a ping")
            else:
                await self._run_without_pool("SELECT 1", (), (), reads=not writer)
        if self.pool is not None:
            self.pool.statements += 1
        return (time.perf_counter() - start) * 1000

    async def acquire(
        self, *, reads: bool, what: str, in_pool: bool = True
    ) -> tuple[ConnectionPool | IdleConnections, Connection]:
        """Return a connection of the caller's own, and what to release it to.

        ``what`` is shown to those who wait behind it.
        """
        if in_pool and self.pool is not None and not is_running_sync():
            pool = self.pool.choose(reads=reads)
            return pool, await pool.acquire(what)
        threads.check()
        self._refuse_to_wait(reads)
        if self.path == MEMORY:
            raise ClientError(
                f"{MEMORY} exists only while a client is open, and only in its event loop. Use: "
                f"async with create_client({MEMORY!r})"
            )
        # Piccolo's migrations begin by asking whether their own table exists.
        creates = not reads or "sqlite_master" in what
        return self._idle_connections, await self._idle_connections.acquire(creates=creates)

    @asynccontextmanager
    async def lend(self, *, reads: bool = False) -> AsyncIterator[Connection]:
        """Lend the writer, or a reader, with aiosqlite's own methods, for a block.

        It comes back clean or is closed. In a transaction or snapshot it is that of the block.
        """
        transaction = current_block(self)
        source: ConnectionPool | IdleConnections | None = None
        if transaction is not None:
            connection = transaction.connection
        else:
            source, connection = await self.acquire(reads=reads, what="db.connection()")
        try:
            await connection.lend()
            yield connection
        finally:
            connection.take_back()
            if source is None:
                connection.settle(Handle.end_lending_inside, lambda: None, loop=None)
            else:
                connection.settle(Handle.end_lending, lambda: None, loop=None)
                source.give_up(connection)

    # Queries.

    async def run_querystring(self, querystring: QueryString, in_pool: bool = False) -> Rows:
        """Run one query of Piccolo's and return its rows."""
        sql, parameters = compiled(querystring)
        return await self._run(
            sql, parameters, in_pool=in_pool, floats=getattr(querystring, "floats", ())
        )

    def execute(
        self, sql: str, parameters: Sequence[Any], *, reads: bool, floats: Sequence[str] = ()
    ) -> Coroutine[Any, Any, Rows]:
        """Run a statement that is compiled already, in the pool, and return its rows.

        ``reads`` says that it changes nothing; ``floats`` are the keys of the
        rows under which a float must be.
        """
        return self._run(sql, parameters, in_pool=True, reads=reads, floats=floats)

    async def run_ddl(self, ddl: str, in_pool: bool = False) -> Rows:
        """Run one DDL statement of Piccolo's, as SQLite understands it."""
        rows: Rows = []
        transaction = current_block(self)
        if transaction is not None and await transaction.alter(ddl):
            return rows
        for statement in dialect.for_sqlite(ddl):
            rows = await self._run(statement, (), in_pool=in_pool, reads=False)
        return rows

    async def _run(
        self,
        sql: str,
        parameters: Sequence[Any],
        *,
        in_pool: bool,
        reads: bool | None = None,
        floats: Sequence[str] = (),
    ) -> Rows:
        start = time.perf_counter()
        transaction = current_block(self)
        query_id = print_query(self, sql)
        try:
            if transaction is not None:
                rows: Rows = await transaction.execute(sql, parameters, floats)
            else:
                reads = only_reads(sql) if reads is None else reads
                rows = await self._run_alone(sql, parameters, floats, reads, in_pool)
        except (ValueError, sqlite3.OperationalError) as error:
            if corrupt_values.is_suspect(error):
                query = partial(self._look_again, transaction, in_pool)
                if (found := await corrupt_values.find(query, sql, error)) is not None:
                    raise found from error
            raise
        if self.pool is not None and not in_thread.get():  # those are counted where they run
            self.pool.statements += 1
        if log.is_wanted(self.options):
            log.statement(self.options, sql, parameters, time.perf_counter() - start, len(rows))
        if self.log_responses:
            self.print_response(query_id, rows)
        return rows

    async def _run_alone(
        self,
        sql: str,
        parameters: Sequence[Any],
        floats: Sequence[str],
        reads: bool,
        in_pool: bool,
    ) -> Rows:
        pool = self.pool
        if in_thread.get():
            return self._run_here(sql, parameters, floats, reads)
        if not in_pool or pool is None or is_running_sync():
            return await self._run_without_pool(sql, parameters, floats, reads)

        def work(handle: Handle) -> Rows:
            return handle.execute_alone(sql, parameters, floats)

        connections = pool.choose(reads=reads)
        if not reads:
            commits = connections.commits
            write = commits.write(sql, parameters, floats) if commits is not None else None
            return await connections.run(work, sql, write)
        if pool.inline is None:
            return await connections.run(work, sql)
        rows = await pool.inline.in_loop(sql, parameters, floats)
        return await connections.run(pool.inline.opening(work), sql) if rows is None else rows

    def _run_here(
        self, sql: str, parameters: Sequence[Any], floats: Sequence[str], reads: bool
    ) -> Rows:
        """Run a read in a plain thread, which waits for nothing; else raise ``NotInlineError``."""
        if reads and self.reads_here:
            rows = self.pool.inline.read(sql, parameters, floats)  # type: ignore[union-attr]
            if rows is not None:
                return rows
        raise NotInlineError

    @property
    def reads_here(self) -> bool:
        """Whether a plain thread may read by itself."""
        pool = self.pool
        return pool is not None and pool.inline is not None and pool.inline.is_open

    async def _run_without_pool(
        self, sql: str, parameters: Sequence[Any], floats: Sequence[str], reads: bool
    ) -> Rows:
        source, connection = await self.acquire(reads=reads, what=sql, in_pool=False)
        try:
            rows = await connection.run(
                lambda handle: handle.execute_alone(sql, parameters, floats)
            )
        except Exception:
            source.release(connection)
            raise
        except BaseException:  # cancelled: the statement may still run
            source.give_up(connection)
            raise
        source.release(connection)
        return rows

    def _refuse_to_wait(self, reads: bool) -> None:
        """Raise ``ClientError`` for a write by run_sync() that its own loop keeps waiting."""
        if self.pool is not None and not reads and self.pool.writer.holders:
            refuse_to_wait_for(self.pool.loop, self.path)

    async def _look_again(
        self, transaction: Transaction | None, in_pool: bool, sql: str, parameters: Sequence[Any]
    ) -> Rows:
        """Run a statement that looks for the reason of an error, where the error came from."""
        if transaction is not None:
            return await transaction.execute(sql, parameters)
        return await self._run_alone(sql, parameters, (), True, in_pool)

    # Blocks.

    def transaction(  # type: ignore[override]
        self,
        transaction_type: TransactionType = TransactionType.immediate,
        allow_nested: bool = True,
        isolation: Isolation | None = None,
    ) -> Transaction:
        """Return a transaction to enter with ``async with``.

        It begins IMMEDIATE: a DEFERRED one that reads and then writes fails at
        once when another process wrote in between, instead of waiting. One that
        cannot write anyway is always DEFERRED, and keeps no other process from writing.
        """
        if self.options.read_only:
            transaction_type = TransactionType.deferred
        return Transaction(self, transaction_type, allow_nested, isolation)

    def replica(self) -> Snapshot:
        """Return a snapshot: a file has no standby, and its readers keep nobody waiting."""
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """Return a read-only transaction: one consistent view while writers go on."""
        return Snapshot(self, TransactionType.deferred)

    def atomic(self, transaction_type: TransactionType = TransactionType.immediate) -> Atomic:
        """Return Piccolo's collector of queries that run in one transaction."""
        return Atomic(engine=self, transaction_type=transaction_type)

    async def batch(  # type: ignore[override]
        self, query: Query[Any, Any], batch_size: int = 100, node: str | None = None
    ) -> Batch:
        """Return an async iterator over ``query``'s rows, ``batch_size`` at a time.

        Use it as ``async with await query.batch() as batch: async for rows in batch``.
        ``node`` is for PostgreSQL. Raises ``ValueError`` for a size less than 1.
        """
        return Batch(self, query, batch_size)

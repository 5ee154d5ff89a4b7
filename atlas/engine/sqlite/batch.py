"""Batches on SQLite: a cursor of a reader's, or of the transaction's connection."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from piccolo.query.base import Query
from piccolo.querystring import QueryString

from atlas.engine import log
from atlas.engine.batch import RowBatch
from atlas.engine.block import current_block
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import corrupt_values
from atlas.engine.sqlite.compiled import compiled
from atlas.engine.sqlite.connection import Connection, Result
from atlas.engine.sqlite.files import MEMORY
from atlas.engine.sqlite.handle import Handle, Rows
from atlas.engine.sqlite.idle_connections import IdleConnections
from atlas.engine.sqlite.pool import ConnectionPool, Pools
from atlas.engine.sqlite.transaction import Transaction
from atlas.errors import ConnectionClosedError


class Engine(Protocol):
    """What a batch asks of its engine."""

    options: EngineOptions
    pool: Pools | None
    current_transaction: Any

    @property
    def path(self) -> str:
        """The file, or ``:memory:``."""

    async def acquire(
        self, *, reads: bool, what: str, in_pool: bool = True
    ) -> tuple[ConnectionPool | IdleConnections, Connection]:
        """Return a connection of the caller's own, and what to release it to."""

    async def run_querystring(self, querystring: QueryString, in_pool: bool = False) -> Rows:
        """Run a query and return its rows."""


class Batch(RowBatch):
    """A query whose rows are fetched as they are used, so that memory stays flat.

    It holds a reader until its block is left; in a transaction it shares the
    transaction's connection.
    """

    def __init__(self, engine: Engine, query: Query[Any, Any], batch_size: int) -> None:
        super().__init__(query, batch_size)
        self._engine = engine
        self._transaction: Transaction | None = None
        self._source: ConnectionPool | IdleConnections | None = None
        self._connection: Connection | None = None
        #: Set and closed in the connection's thread.
        self._cursor: sqlite3.Cursor | None = None
        self._sql = ""
        self._parameters: Sequence[Any] = ()
        self._floats: Sequence[str] = ()
        #: All rows, where no connection can be kept for the batch alone.
        self._rows: Rows | None = None
        self._start = 0.0
        self._fetched = 0

    async def _open(self) -> None:
        engine, querystring = self._engine, self._query.querystrings[0]
        self._sql, self._parameters = compiled(querystring)
        self._floats = getattr(querystring, "floats", ())
        self._start = time.perf_counter()
        self._transaction = current_block(engine)
        if self._transaction is not None:
            self._connection = self._transaction.connection
        elif engine.path == MEMORY:
            self._rows = await engine.run_querystring(querystring, in_pool=True)
            return
        else:
            self._source, self._connection = await engine.acquire(reads=True, what=self._sql)
        self._connection.begin_reading()
        try:
            await self._run(self._connection, self._open_cursor)
        except BaseException:
            self._let_go()
            raise
        if engine.pool is not None:
            engine.pool.statements += 1

    async def _take(self) -> Rows:
        # After an error, or a cancel, the batch is over: it cannot say which rows it would go on
        # with.
        if self._rows is not None:
            rows = self._rows[: self._batch_size]
            del self._rows[: self._batch_size]
        elif self._connection is None:
            raise ConnectionClosedError(
                "The batch is used outside its async with block, or after an error."
            )
        else:
            if self._transaction is not None:
                _ = self._transaction.connection  # raises when the transaction is over
            try:
                rows = await self._run(self._connection, self._fetch)
            except BaseException:
                self._let_go()
                raise
        self._fetched += len(rows)
        return rows

    async def _leave(self, error: BaseException | None) -> None:
        self._let_go()

    async def _run(self, connection: Connection, function: Callable[[Handle], Result]) -> Result:
        if self._transaction is not None:
            await self._transaction.in_turn()
        try:
            return await connection.run(function, reads=True)
        except (ValueError, sqlite3.OperationalError) as error:
            if corrupt_values.is_suspect(error):

                async def query(sql: str, parameters: Sequence[Any]) -> Rows:
                    return await connection.run(lambda handle: handle.execute(sql, parameters))

                if (found := await corrupt_values.find(query, self._sql, error)) is not None:
                    raise found from error
            raise

    # What follows runs in the connection's thread.

    def _open_cursor(self, handle: Handle) -> None:
        if self._transaction is not None:
            handle.check_inside()
        self._cursor = handle.cursor(self._sql, self._parameters)

    def _fetch(self, handle: Handle) -> Rows:
        if self._cursor is None:
            return []
        return handle.fetch(self._cursor, self._batch_size, self._floats)

    def _close(self, handle: Handle) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.close()

    # In the event loop again.

    def _let_go(self) -> None:
        connection, self._connection, self._rows = self._connection, None, None
        if connection is None:
            return
        connection.end_reading()
        connection.settle(self._close, lambda: None, loop=None)
        if self._source is not None:
            self._source.give_up(connection)
        options = self._engine.options
        if log.is_wanted(options):
            seconds = time.perf_counter() - self._start
            log.statement(options, self._sql, self._parameters, seconds, self._fetched)

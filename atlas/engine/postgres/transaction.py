"""Transactions, consistent reads and batches on PostgreSQL.

In: an engine and a block of code. Out: the block's statements on one
connection, which is given back clean, or closed. They keep the promises of
``transaction.py``, so that the same code runs on SQLite and here.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Protocol, TypeVar

import asyncpg
from piccolo.engine.base import BaseBatch, validate_savepoint_name
from piccolo.engine.cockroach import CockroachTransaction as PiccoloCockroachTransaction
from piccolo.engine.exceptions import TransactionError
from piccolo.engine.postgres import PostgresTransaction
from piccolo.engine.postgres import Savepoint as PiccoloSavepoint
from piccolo.query.base import Query

from atlas.engine.statement import only_reads
from atlas.errors import ClientError, ConnectionClosedError, TransactionLostError

Result = TypeVar("Result")


class Engine(Protocol):
    """What a block asks of its engine."""

    engine_type: str
    path: str
    current_transaction: contextvars.ContextVar[Transaction | None]

    def connection(self, in_pool: bool = True) -> AbstractAsyncContextManager[Any]:
        """Lend a connection."""


class Savepoint(PiccoloSavepoint):
    """A point within a transaction to which it can be rolled back."""

    transaction: Transaction

    async def rollback_to(self) -> None:
        """Undo what was written since; the savepoint stays."""
        await self.transaction.run(lambda c: c.execute(f"ROLLBACK TO SAVEPOINT {self.name}"))

    async def release(self) -> None:
        """Forget the savepoint; what was written since is part of the transaction."""
        await self.transaction.run(lambda c: c.execute(f"RELEASE SAVEPOINT {self.name}"))

    async def leave(self, *, failed: bool) -> None:
        """Release the savepoint of a block; undo the block first when it failed."""
        try:
            if not failed:
                await self.release()
        except BaseException:  # a cancel, or a statement failed and the block went on
            failed = True
            raise
        finally:
            if failed:
                with suppress(Exception):  # the first error is the one to see
                    await self.rollback_to()
                    await self.release()


class Transaction(PostgresTransaction):
    """``async with engine.transaction():`` all or nothing.

    Inside another transaction's block the inner block is a savepoint: when it
    raises, only its own writes are undone. Tasks started in the block run their
    statements one after another.
    """

    #: Whether a write in it is refused.
    only_reads = False
    begins_with = "BEGIN"
    engine: Any  # an Engine
    _parent: Transaction | None

    def __init__(self, engine: Engine, allow_nested: bool = True) -> None:
        super().__init__(engine, allow_nested)  # type: ignore[arg-type]
        self._connection: Any = None
        self._lent = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token: contextvars.Token[Transaction | None] | None = None
        self._savepoint: Savepoint | None = None

    async def __aenter__(self) -> Transaction:
        if self._parent is not None:
            self._savepoint = await self._parent.savepoint()
            return self._parent
        await self.begin()
        self._token = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._savepoint is not None:
            if self._savepoint.transaction._connection is not None:
                await self._savepoint.leave(failed=exception is not None)
            return False
        if self._token is not None:
            # An async fixture or generator may be left in another context than it was entered.
            with suppress(ValueError):
                self.engine.current_transaction.reset(self._token)
        if self._connection is None:
            pass  # committed or rolled back by hand
        elif exception is None:
            await self.commit()
        else:
            # It goes on when the task is cancelled again: closing the connection would
            # leave the server with the statement, and its locks, until that is done.
            rollback = asyncio.create_task(self.rollback())
            rollback.add_done_callback(_look_at)
            with suppress(Exception):  # the block's own error is the one to see
                await asyncio.shield(rollback)
        return False

    async def begin(self) -> None:
        """Borrow a connection and begin."""
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self.engine.connection())
            try:
                await connection.execute(self.begins_with)
            except BaseException:
                _close(connection)
                raise
            self._lent = stack.pop_all()
        self._loop = asyncio.get_running_loop()
        self._connection = connection

    # Piccolo's own names for what can be done within the block.

    async def commit(self) -> None:
        """Commit now; the rest of the block cannot use the transaction."""
        if await self._end("COMMIT") != "COMMIT":
            # PostgreSQL answers the COMMIT of a failed transaction by rolling it back.
            raise TransactionLostError(
                "A statement of this transaction failed, so PostgreSQL wrote nothing of it. Put "
                "what may fail in a transaction() of its own inside it."
            )

    async def rollback(self) -> None:
        """Roll back now; the rest of the block cannot use the transaction."""
        await self._end("ROLLBACK")

    async def savepoint(self, name: str | None = None) -> Savepoint:
        """Make a savepoint; its name is made up when it is left out."""
        self._savepoint_id += 1
        savepoint = Savepoint(name or f"savepoint_{self._savepoint_id}", self)
        validate_savepoint_name(savepoint.name)
        await self.run(lambda c: c.execute(f"SAVEPOINT {savepoint.name}"))
        return savepoint

    async def rollback_to(self, savepoint_name: str) -> None:
        """Roll back to a savepoint of this transaction by its name."""
        validate_savepoint_name(savepoint_name)
        await Savepoint(savepoint_name, self).rollback_to()

    @property
    def connection(self) -> Any:
        """The asyncpg connection of the block; raises ``TransactionLostError`` after it."""
        if self._loop is not asyncio.get_running_loop():
            raise ClientError("A transaction is used in another event loop than its own.")
        if self._connection is None:
            raise TransactionLostError(
                "The transaction is over: its block was left, or it was committed or rolled back "
                "by hand. A task started inside the block must be awaited inside it."
            )
        return self._connection

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement in the transaction and return its records."""
        return await self.run(lambda c: c.fetch(sql, *parameters))

    async def run(self, function: Callable[[Any], Awaitable[Result]]) -> Result:
        """Run ``function`` with the connection, when the other tasks of the block are done."""
        _ = self.connection  # before waiting, and again after it
        async with self._lock:
            try:
                return await function(self.connection)
            except asyncpg.InFailedSQLTransactionError as error:
                raise TransactionLostError(
                    "An earlier statement of this transaction failed, and PostgreSQL runs no more "
                    "of it. Put what may fail in a transaction() of its own inside it."
                ) from error

    async def _end(self, statement: str) -> str:
        connection = self.connection
        self._connection = None
        async with self._lent:
            try:
                async with self._lock:
                    status: str = await connection.execute(statement)
            except BaseException:
                _close(connection)
                raise
        return status


class CockroachTransaction(Transaction, PiccoloCockroachTransaction):
    """The same, with what Piccolo's migrations ask of CockroachDB."""


class Snapshot(Transaction):
    """``async with engine.snapshot():`` reads that all see the same moment.

    Writers go on meanwhile. A write inside the block is refused.
    """

    only_reads = True

    # The moment is fixed by the first query, not by BEGIN.
    begins_with = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT 1"

    async def __aenter__(self) -> Transaction:
        if self._parent is not None:
            raise TransactionError(
                "A snapshot cannot begin inside a transaction, which sees its own writes."
            )
        return await super().__aenter__()

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement that only reads; raise ``TransactionError`` for any other."""
        if not only_reads(sql):
            raise TransactionError(f"A snapshot only reads; it does not run: {sql[:100]}")
        return await super().execute(sql, parameters)


class Batch(BaseBatch):
    """A query whose rows are fetched as they are used, so that memory stays flat."""

    def __init__(self, engine: Engine, query: Query[Any, Any], batch_size: int) -> None:
        self._engine = engine
        self._query = query
        self._batch_size = batch_size
        #: The one it began itself, because the task is in none.
        self._own: Transaction | None = None
        self._transaction: Transaction | None = None
        self._cursor: Any = None

    async def __aenter__(self, *args: Any, **kwargs: Any) -> Batch:
        sql, parameters = self._query.querystrings[0].compile_string(
            engine_type=self._engine.engine_type
        )
        transaction = self._engine.current_transaction.get()
        if transaction is None:
            transaction = self._own = Transaction(self._engine)
            await transaction.begin()
        self._transaction = transaction
        try:
            self._cursor = await transaction.run(lambda c: c.cursor(sql, *parameters))
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None = None,
        exception: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> bool:
        own, self._own, self._transaction = self._own, None, None
        if own is not None:
            await own.__aexit__(exception_type, exception, traceback)
        return False

    def __aiter__(self) -> Batch:
        return self

    async def __anext__(self) -> list[Any]:
        rows = await self.next()
        if not rows:
            raise StopAsyncIteration
        return rows

    async def next(self) -> list[Any]:
        """Return the next rows; an empty list at the end."""
        if self._transaction is None:
            raise ConnectionClosedError("The batch is used outside its async with block.")
        records = await self._transaction.run(lambda _: self._cursor.fetch(self._batch_size))
        # As dicts: by now the task may be in the block of a client of another kind.
        rows = [dict(record) for record in records]
        return await self._query._process_results(rows)  # type: ignore[no-any-return]


def _look_at(task: asyncio.Task[None]) -> None:
    """Look at the exception of a task, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()


def _close(connection: Any) -> None:
    """Close a connection whose state is unknown, without waiting."""
    with suppress(asyncpg.InterfaceError):  # it was lost, and is back in the pool already
        connection.terminate()

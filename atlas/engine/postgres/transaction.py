"""Transactions on PostgreSQL, and consistent reads.

In: an engine and a block of code. Out: the statements that ``engine/block.py`` needs
on PostgreSQL, one after another on one connection. What a block that is left by a
cancel has to send goes in a task of its own, which nothing waits for but the
statements behind it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, Protocol, TypeVar

import asyncpg
from piccolo.engine.cockroach import CockroachTransaction as PiccoloCockroachTransaction
from piccolo.engine.exceptions import TransactionError

from atlas.engine.block import Block, Isolation, current_block, is_cancel
from atlas.engine.options import EngineOptions
from atlas.engine.postgres import errors
from atlas.engine.postgres.replicas import Replicas
from atlas.errors import ClientError, TransactionLostError

Result = TypeVar("Result")

#: How long a rollback may take, in seconds; then the connection is cut, and the server rolls back.
ROLLBACK_S = 5.0


class Engine(Protocol):
    """What a block asks of its engine."""

    engine_type: str
    path: str
    options: EngineOptions
    current_transaction: contextvars.ContextVar[Transaction | None]
    replicas: Replicas | None

    def connection(self, in_pool: bool = True) -> AbstractAsyncContextManager[Any]:
        """Lend a connection."""


class Transaction(Block):
    """``async with engine.transaction():`` all or nothing.

    Inside another transaction's block the inner block is a savepoint: when it
    raises, only its own writes are undone. Tasks started in the block run their
    statements one after another.
    """

    begins_with = "BEGIN"

    def __init__(
        self, engine: Engine, allow_nested: bool = True, isolation: Isolation | None = None
    ) -> None:
        self._prepare(engine, allow_nested, isolation)
        self._lent = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        #: What is sent for blocks that were left, and not waited for.
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Any:
        """The asyncpg connection of the block; raises ``TransactionLostError`` after it."""
        if self._root._connection is not None and self._root._loop is not _running_loop():
            raise ClientError("A transaction is used in another event loop than its own.")
        return super().connection

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement in the transaction and return its records.

        Raises ``PoolTimeoutError`` when another task stays in a block nested in this one,
        and ``TransactionLostError`` when the block was undone while the statement ran.
        """
        if self._root is not self:
            _ = self.connection
            records: list[Any] = await self._root.execute(sql, parameters)
            return records
        self.check_reads(sql)
        return await self.run(lambda c: c.run(sql, parameters))  # type: ignore[no-any-return]

    async def run(self, function: Callable[[Any], Awaitable[Result]]) -> Result:
        """Run ``function`` with the connection, when the other tasks of the block are done."""
        _ = self.connection  # before waiting, and again after it
        block = await self.in_turn()
        async with self._root._lock:
            try:
                with errors.translated(self.engine.path, "inside"):
                    result = await function(block.connection)
            except asyncpg.InFailedSQLTransactionError as error:
                raise _failed() from error
        block.check_not_undone()
        return result

    # What the base needs.

    async def _begin(self) -> None:
        """Borrow a connection and begin."""
        async with AsyncExitStack() as stack:
            connection = await self._borrow(stack)
            level = f" ISOLATION LEVEL {self.isolation}" if self.isolation else ""
            try:
                with errors.translated(self.engine.path, "inside"):
                    await connection.begin(f"{self.begins_with}{level}")
            except BaseException:
                _close(connection)
                raise
            self._lent = stack.pop_all()
        self._loop = asyncio.get_running_loop()
        self._connection = connection

    async def _borrow(self, stack: AsyncExitStack) -> Any:
        """Return the connection for the block, which ``stack`` gives back."""
        return await stack.enter_async_context(self.engine.connection())

    async def _send(self, sql: str) -> None:
        # A cancel in the middle of it would be an error of the transaction.
        await asyncio.shield(self._in_background(self._send_now(sql)))

    async def _send_now(self, sql: str) -> None:
        async with self._lock:
            try:
                with errors.translated(self.engine.path, "inside"):
                    async with self.connection.answering():
                        await self.connection.execute(sql)
            except asyncpg.InFailedSQLTransactionError as error:
                raise _failed() from error

    async def _leave_savepoint(self, block: Block, error: BaseException | None) -> None:
        name = block._savepoint_name
        failed = error is not None

        async def leave() -> None:
            async with self._lock:
                try:
                    if self._connection is None:  # the outermost block was left meanwhile
                        return
                    if failed:
                        await self._undo(name)
                        return
                    if (nested := block._open_nested()) is not None:
                        await self._undo(nested._savepoint_name)
                    await self._connection.execute(f"RELEASE SAVEPOINT {name}")
                except asyncpg.InFailedSQLTransactionError as error:
                    block._is_undone = True
                    await self._undo(name)
                    raise _failed() from error
                finally:
                    block._end_turn()  # before another statement can have the lock

        task = self._in_background(leave())
        task.add_done_callback(lambda _: block._end_turn())  # also if it never began
        if error is not None and is_cancel(error):
            return
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            failed = block._is_undone = True  # if it has not begun, it undoes the block
            raise
        except Exception:
            if error is None:  # else the block's own error is the one to see
                raise

    async def _undo(self, name: str) -> None:
        try:
            await self._connection.execute(
                f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}"
            )
        except BaseException:  # the writes must not become part of the outer block
            connection, self._connection = self._connection, None
            _close(connection)
            await self._lent.aclose()
            raise

    async def _finish(self) -> None:
        root = self._root
        try:
            if root._leaving:
                await asyncio.wait(root._leaving.copy())
            async with root._lock:
                if root._connection is not None and (nested := root._open_nested()) is not None:
                    await root._undo(nested._savepoint_name)
        except BaseException as error:
            if root._connection is not None:
                await root._give_up(error)
            raise
        if root._connection is None:
            raise TransactionLostError(
                "The connection was lost as a nested block was undone. Nothing is stored."
            )
        if await root._end("COMMIT") != "COMMIT":
            # PostgreSQL answers the COMMIT of a failed transaction by rolling it back.
            raise TransactionLostError(
                "A statement of this transaction failed, so PostgreSQL wrote nothing of it. Put "
                "what may fail in a transaction() of its own inside it."
            )

    async def _roll_back(self) -> None:
        await self._root._end("ROLLBACK")

    async def _give_up(self, error: BaseException) -> None:
        connection, self._connection = self._connection, None
        if _running_loop() is not self._loop:
            _close(connection)
            return
        # It goes on when the task is cancelled: closing the connection would leave the
        # server with the statement, and its locks, until that is done.
        task = self._in_background(self._roll_back_in_time(connection))
        if not is_cancel(error):
            with suppress(Exception):  # the block's own error is the one to see
                await asyncio.shield(task)

    async def _roll_back_in_time(self, connection: Any) -> None:
        """Roll back a connection that the block has given up; close it if that takes too long."""
        async with self._lent:
            try:
                async with asyncio.timeout(ROLLBACK_S):
                    async with self._lock:
                        await connection.execute("ROLLBACK")
            except BaseException:
                _close(connection)
                raise

    async def _end(self, statement: str) -> str:
        connection, self._connection = self._connection, None
        async with self._lent:
            try:
                async with self._lock:
                    commits: errors.Place = "commit" if statement == "COMMIT" else "inside"
                    with errors.translated(self.engine.path, commits):
                        async with connection.answering():
                            status: str = await connection.execute(statement)
            except BaseException:
                _close(connection)
                raise
        if statement == "COMMIT" and not self.only_reads and self.engine.replicas is not None:
            self.engine.replicas.note_write()
        return status

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in a task that outlives this one."""
        task = asyncio.create_task(work)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.add_done_callback(_look_at)
        return task


class CockroachTransaction(Transaction, PiccoloCockroachTransaction):  # type: ignore[misc]
    """The same, with what Piccolo's migrations ask of CockroachDB."""

    def __init__(
        self, engine: Engine, allow_nested: bool = True, isolation: Isolation | None = None
    ) -> None:
        super().__init__(engine, allow_nested, isolation)
        # Piccolo's own state, which is unused: its migrations look for the class.
        self.transaction = self.context = None  # type: ignore[assignment]
        self._savepoint_id = 0
        self._committed = self._rolled_back = False


class Snapshot(Transaction):
    """``async with engine.snapshot():`` reads that all see the same moment.

    Writers go on meanwhile. A write inside the block is refused.
    """

    only_reads = True

    # The moment is fixed by the first query, not by BEGIN.
    begins_with = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT 1"

    async def _borrow(self, stack: AsyncExitStack) -> Any:
        """Return a connection to a standby that is near enough, else to the primary."""
        replicas = self.engine.replicas
        connection = None if replicas is None else await replicas.borrow(stack)
        return await super()._borrow(stack) if connection is None else connection

    async def __aenter__(self) -> Snapshot:
        if current_block(self.engine) is not None:
            raise TransactionError(
                "A snapshot cannot begin inside a transaction, which sees its own writes."
            )
        return await super().__aenter__()


class ReplicaReads(Snapshot):
    """``async with engine.replica():`` reads on a standby, each of its own moment."""

    begins_with = "BEGIN READ ONLY"


def _failed() -> TransactionLostError:
    return TransactionLostError(
        "An earlier statement of this transaction failed, and PostgreSQL runs no more of it. Put "
        "what may fail in a transaction() of its own inside it."
    )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _look_at(task: asyncio.Task[None]) -> None:
    """Look at the exception of a task, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()


def _close(connection: Any) -> None:
    """Close a connection whose state is unknown, without waiting."""
    with suppress(asyncpg.InterfaceError):  # it was lost, and is back in the pool already
        connection.terminate()

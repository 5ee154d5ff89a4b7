"""Transactions on SQLite, and consistent reads.

In: an engine and a block of code. Out: the block's statements on one
connection, which is given back clean whatever happens: an error, a failed
COMMIT, a cancel at any await, a second cancel. Leaving never waits on a
cancelled task: what is left to do is queued behind the running statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from piccolo.engine.base import BaseTransaction, validate_savepoint_name
from piccolo.engine.exceptions import TransactionError
from piccolo.engine.sqlite import TransactionType

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Connection, Rows
from atlas.engine.sqlite.idle_connections import IdleConnections
from atlas.engine.sqlite.pool import ConnectionPool
from atlas.engine.statement import only_reads
from atlas.errors import PoolTimeoutError, TransactionLostError


class Engine(Protocol):
    """What a block asks of its engine."""

    options: EngineOptions
    current_transaction: contextvars.ContextVar[Transaction | None]

    async def acquire(
        self, *, reads: bool, what: str, in_pool: bool = True
    ) -> tuple[ConnectionPool | IdleConnections, Connection]:
        """Return a connection of the caller's own, and what to release it to."""


class Savepoint:
    """A point within a transaction to which it can be rolled back."""

    def __init__(self, name: str, transaction: Transaction) -> None:
        validate_savepoint_name(name)
        self.name = name
        self.transaction = transaction

    async def rollback_to(self) -> None:
        """Undo what was written since; the savepoint stays."""
        await self.transaction.execute(f"ROLLBACK TO SAVEPOINT {self.name}")

    async def release(self) -> None:
        """Forget the savepoint; what was written since is part of the transaction."""
        await self.transaction.execute(f"RELEASE SAVEPOINT {self.name}")


class Transaction(BaseTransaction):
    """``async with engine.transaction():`` all or nothing, on the writer.

    Inside another transaction's block the inner block is a savepoint: when it
    raises, only its own writes are undone. Tasks that each open such a block in
    the same transaction take turns.
    """

    #: Whether a write in it is refused.
    only_reads = False

    def __init__(
        self,
        engine: Engine,
        transaction_type: TransactionType = TransactionType.immediate,
        allow_nested: bool = True,
    ) -> None:
        self.engine = engine
        self.transaction_type = transaction_type
        self.allow_nested = allow_nested
        #: The outermost block, which has the connection; this one, unless it is nested.
        self._root: Transaction = self
        self._parent: Transaction | None = None
        self._token: contextvars.Token[Transaction | None] | None = None
        self._entered = False
        self._turn = asyncio.Lock()
        self._savepoint: Savepoint | None = None
        # Of the outermost block only:
        self._connection: Connection | None = None
        self._source: ConnectionPool | IdleConnections | None = None
        self._savepoints = 0

    async def __aenter__(self) -> Transaction:
        if self._entered:
            raise TransactionError("This transaction was entered already; make one for each block.")
        parent: Transaction | None = self.engine.current_transaction.get()
        if parent is not None and not self.allow_nested:
            raise TransactionError("A transaction is already active, and allow_nested is False.")
        self._entered = True
        try:
            if parent is None:
                await self._begin_outermost()
            else:
                await self._begin_nested(parent)
        except BaseException:
            self._entered = False
            raise
        self._token = self.engine.current_transaction.set(self)
        return self._root

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        token, self._token, self._entered = self._token, None, False
        if token is not None:
            # An async fixture or generator may be left in another context than it was entered.
            with contextlib.suppress(ValueError):
                self.engine.current_transaction.reset(token)
        if self._parent is not None:
            await self._leave_nested(self._parent, failed=exception is not None)
        elif exception is not None:
            self._give_up()
        elif self._connection is not None:  # else committed or rolled back by hand
            await self.commit()
        return False

    # Piccolo's own names for what can be done within the block.

    async def commit(self) -> None:
        """Commit now; the rest of the block cannot use the transaction."""
        connection = self._active()
        try:
            await connection.run(connection.commit)
        except BaseException:
            self._root._give_up()
            raise
        self._root._release()

    async def rollback(self) -> None:
        """Roll back now; the rest of the block cannot use the transaction."""
        connection = self._active()
        try:
            await connection.run(connection.rollback, stoppable=False)
        except BaseException:
            self._root._give_up()
            raise
        self._root._release()

    async def savepoint(self, name: str | None = None) -> Savepoint:
        """Make a savepoint; its name is made up when it is left out."""
        self._savepoints += 1
        savepoint = Savepoint(name or f"savepoint_{self._savepoints}", self)
        await self.execute(f"SAVEPOINT {savepoint.name}")
        return savepoint

    async def rollback_to(self, savepoint_name: str) -> None:
        """Roll back to a savepoint of this transaction by its name."""
        await Savepoint(savepoint_name, self).rollback_to()

    @property
    def connection(self) -> Connection:
        """The connection of the block; raises ``TransactionLostError`` after it."""
        return self._active()

    async def execute(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Run one statement in the transaction and return its rows."""
        if self._root is not self:
            return await self._root.execute(sql, parameters, floats)
        connection = self._active()
        return await connection.run(lambda: connection.execute_inside(sql, parameters, floats))

    async def alter(self, statement: str) -> bool:
        """Change a table in a way SQLite has no statement for; return False if that is not known.

        Only a schema transaction (``atlas.migrate``) knows any.
        """
        return self._root is not self and await self._root.alter(statement)

    async def _begin_outermost(self) -> None:
        self._root, self._parent = self, None
        self._source, self._connection = await self._acquire()
        try:
            await self._begin(self._connection)
        except BaseException:
            self._give_up()
            raise

    async def _acquire(self) -> tuple[ConnectionPool | IdleConnections, Connection]:
        return await self.engine.acquire(reads=False, what="a transaction")

    async def _begin(self, connection: Connection) -> None:
        statement = f"BEGIN {self.transaction_type.value}"
        await connection.run(lambda: connection.execute(statement))

    def _active(self) -> Connection:
        connection = self._root._connection
        if connection is None:
            raise TransactionLostError(
                "The transaction is over: its block was left, or it was committed or rolled back "
                "by hand. A task started inside the block must be awaited inside it."
            )
        return connection

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.release(connection)

    def _give_up(self) -> None:
        """Roll back what is not committed and release the connection, without waiting."""
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.give_up(connection)

    async def _begin_nested(self, parent: Transaction) -> None:
        await parent._take_turn()
        try:
            # A name of its own: a savepoint of the caller's may hide another of the same name.
            parent._root._savepoints += 1
            self._savepoint = await parent._root.savepoint(
                f"atlas_nested_{parent._root._savepoints}"
            )
        except BaseException:
            parent._turn.release()
            raise
        self._root, self._parent = parent._root, parent

    async def _take_turn(self) -> None:
        """Wait until no other task is in a block nested in this one.

        Savepoints are a stack: releasing one, or rolling back to it, takes those
        made after it along, whosever they are.
        """
        timeout_ms = self.engine.options.acquire_timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._turn.acquire()
        except TimeoutError:
            raise PoolTimeoutError(
                "Another task was in a nested block of the same transaction for more than "
                f"{timeout_ms} ms (acquire_timeout_ms); nested blocks take turns."
            ) from None

    async def _leave_nested(self, parent: Transaction, *, failed: bool) -> None:
        connection, savepoint, self._savepoint = self._root._connection, self._savepoint, None
        if connection is None or savepoint is None:  # ended by hand
            parent._turn.release()
            return
        released = False

        def release() -> None:
            nonlocal released
            connection.execute_inside(f"RELEASE SAVEPOINT {savepoint.name}")
            released = True

        def undo() -> None:
            if released:
                return
            try:
                connection.execute_inside(f"ROLLBACK TO SAVEPOINT {savepoint.name}")
                connection.execute_inside(f"RELEASE SAVEPOINT {savepoint.name}")
            except Exception:  # the writes must not become part of the outer block
                connection.rollback()

        try:
            if not failed:
                await connection.run(release)
        except BaseException:
            failed = True
            raise
        finally:
            if failed:
                # Not waited for: the block's own exception must come through at once.
                connection.settle(undo, _nothing, loop=None)
            parent._turn.release()


def _nothing() -> None:
    pass


class Snapshot(Transaction):
    """``async with engine.snapshot():`` reads that all see the same moment, on a reader.

    Writers go on meanwhile. A write inside the block is refused.
    """

    only_reads = True

    async def _acquire(self) -> tuple[ConnectionPool | IdleConnections, Connection]:
        return await self.engine.acquire(reads=True, what="a snapshot")

    async def __aenter__(self) -> Transaction:
        if self.engine.current_transaction.get() is not None:
            raise TransactionError(
                "A snapshot cannot begin inside a transaction, which sees its own writes."
            )
        return await super().__aenter__()

    async def _begin(self, connection: Connection) -> None:
        def begin() -> None:
            connection.execute("BEGIN DEFERRED")
            # The moment is fixed by the first read, not by BEGIN.
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")

        await connection.run(begin)

    async def execute(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Run one statement that only reads; raise ``TransactionError`` for any other."""
        if not only_reads(sql) and not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            raise TransactionError(f"A snapshot only reads; it does not run: {sql[:100]}")
        return await super().execute(sql, parameters, floats)

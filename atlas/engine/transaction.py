"""Transactions on SQLite, and consistent reads.

In: an engine and a block of code. Out: the block's statements on one
connection, which is given back clean whatever happens: an error, a failed
COMMIT, a cancel at any await, a second cancel. Leaving never waits on a
cancelled task: what is left to do is queued behind the running statement.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from piccolo.engine.base import BaseTransaction, validate_savepoint_name
from piccolo.engine.exceptions import TransactionError
from piccolo.engine.sqlite import TransactionType

from atlas.engine.connection import Connection, Rows
from atlas.engine.pool import Lane
from atlas.engine.shelf import Shelf
from atlas.engine.statement import only_reads
from atlas.errors import TransactionLostError

if TYPE_CHECKING:
    from atlas.engine.sqlite import SQLiteEngine


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
    raises, only its own writes are undone.
    """

    def __init__(
        self,
        engine: SQLiteEngine,
        transaction_type: TransactionType = TransactionType.immediate,
        allow_nested: bool = True,
    ) -> None:
        self.engine = engine
        self.transaction_type = transaction_type
        self._parent: Transaction | None = engine.current_transaction.get()
        if self._parent is not None and not allow_nested:
            raise TransactionError("A transaction is already active, and allow_nested is False.")
        self._connection: Connection | None = None
        self._source: Lane | Shelf | None = None
        self._token: contextvars.Token[Transaction | None] | None = None
        self._savepoint: Savepoint | None = None
        self._savepoints = 0

    async def __aenter__(self) -> Transaction:
        if self._parent is not None:
            self._savepoint = await self._parent.savepoint()
            return self._parent
        self._source, self._connection = await self._acquire()
        try:
            await self._begin(self._connection)
        except BaseException:
            self._give_up()
            raise
        self._token = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._savepoint is not None:
            await self._leave_savepoint(self._savepoint, failed=exception is not None)
            return False
        if self._token is not None:
            # An async fixture or generator may be left in another context than it was entered.
            with contextlib.suppress(ValueError):
                self.engine.current_transaction.reset(self._token)
        if exception is not None:
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
            self._give_up()
            raise
        self._release()

    async def rollback(self) -> None:
        """Roll back now; the rest of the block cannot use the transaction."""
        connection = self._active()
        try:
            await connection.run(connection.rollback, stoppable=False)
        except BaseException:
            self._give_up()
            raise
        self._release()

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
        connection = self._active()
        return await connection.run(lambda: connection.execute_inside(sql, parameters, floats))

    async def _acquire(self) -> tuple[Lane | Shelf, Connection]:
        return await self.engine.acquire(reads=False, what="a transaction")

    async def _begin(self, connection: Connection) -> None:
        statement = f"BEGIN {self.transaction_type.value}"
        await connection.run(lambda: connection.execute(statement))

    def _active(self) -> Connection:
        if self._connection is None:
            raise TransactionLostError(
                "The transaction is over: its block was left, or it was committed or rolled back "
                "by hand. A task started inside the block must be awaited inside it."
            )
        return self._connection

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.release(connection)

    def _give_up(self) -> None:
        """Roll back what is not committed and release the connection, without waiting."""
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.give_up(connection)

    async def _leave_savepoint(self, savepoint: Savepoint, *, failed: bool) -> None:
        connection = savepoint.transaction._connection
        if connection is None:
            return
        name = savepoint.name

        def leave() -> None:
            if failed:
                connection.execute_inside(f"ROLLBACK TO SAVEPOINT {name}")
            connection.execute_inside(f"RELEASE SAVEPOINT {name}")

        if failed:
            # The block's own exception must come through, and a cancelled task must not wait.
            connection.settle(leave, lambda: None)
        else:
            await connection.run(leave)


class Snapshot(Transaction):
    """``async with engine.snapshot():`` reads that all see the same moment, on a reader.

    Writers go on meanwhile. A write inside the block is refused.
    """

    async def _acquire(self) -> tuple[Lane | Shelf, Connection]:
        return await self.engine.acquire(reads=True, what="a snapshot")

    async def __aenter__(self) -> Transaction:
        if self._parent is not None:
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

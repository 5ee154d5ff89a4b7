"""Transactions on SQLite, and consistent reads.

In: an engine and a block of code. Out: the statements that ``engine/block.py`` needs
on SQLite. Leaving waits for nothing: what is left to do is queued behind the running
statement, in the connection's thread.
"""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from typing import Any, Protocol

from piccolo.engine.exceptions import TransactionError
from piccolo.engine.sqlite import TransactionType

from atlas.engine.block import Block, Isolation, current_block
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.handle import Handle, Rows
from atlas.engine.sqlite.idle_connections import IdleConnections
from atlas.engine.sqlite.pool import ConnectionPool


class Engine(Protocol):
    """What a block asks of its engine."""

    options: EngineOptions
    current_transaction: contextvars.ContextVar[Transaction | None]

    async def acquire(
        self, *, reads: bool, what: str, in_pool: bool = True
    ) -> tuple[ConnectionPool | IdleConnections, Connection]:
        """Return a connection of the caller's own, and what to release it to."""


class Transaction(Block):
    """``async with engine.transaction():`` all or nothing, on the writer.

    Inside another transaction's block the inner block is a savepoint: when it
    raises, only its own writes are undone. Tasks that each open such a block in
    the same transaction take turns.
    """

    _connection: Connection | None

    def __init__(
        self,
        engine: Engine,
        transaction_type: TransactionType = TransactionType.immediate,
        allow_nested: bool = True,
        isolation: Isolation | None = None,
    ) -> None:
        self._prepare(engine, allow_nested, isolation)
        self.transaction_type = transaction_type
        self._source: ConnectionPool | IdleConnections | None = None

    async def execute(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Run one statement in the transaction and return its rows.

        Raises ``PoolTimeoutError`` when another task stays in a block nested in this one,
        and ``TransactionLostError`` when the block was undone while the statement ran.
        """
        if self._root is not self:
            _ = self.connection
            return await self._root.execute(sql, parameters, floats)  # type: ignore[no-any-return]
        self.check_reads(sql)
        block = await self.in_turn()
        connection = block.connection
        rows: Rows = await connection.run(
            lambda handle: handle.execute_inside(sql, parameters, floats)
        )
        block.check_not_undone()
        return rows

    async def alter(self, statement: str) -> bool:
        """Change a table in a way SQLite has no statement for; return False if that is not known.

        Only a schema transaction (``atlas.migrate``) knows any.
        """
        return self._root is not self and await self._root.alter(statement)

    # What the base needs.

    async def _begin(self) -> None:
        self._source, connection = await self._acquire()
        self._connection = connection
        try:
            await self._send_begin(connection)
        except BaseException:
            self._release_dirty()
            raise

    async def _acquire(self) -> tuple[ConnectionPool | IdleConnections, Connection]:
        return await self.engine.acquire(  # type: ignore[no-any-return]
            reads=False, what="a transaction"
        )

    async def _send_begin(self, connection: Connection) -> None:
        statement = f"BEGIN {self.transaction_type.value}"
        await connection.run(lambda handle: handle.execute(statement))

    async def _send(self, sql: str) -> None:
        connection: Connection = self.connection
        await connection.run(lambda handle: handle.execute_inside(sql))

    async def _leave_savepoint(self, block: Block, error: BaseException | None) -> None:
        connection, name = self._connection, block._savepoint_name
        assert connection is not None  # noqa: S101 # the base has looked
        released, nested = False, block._open_nested()

        def release(handle: Handle) -> None:
            nonlocal released
            if nested is not None:
                _undo(handle, nested._savepoint_name)
            handle.execute_inside(f"RELEASE SAVEPOINT {name}")
            released = True

        def undo(handle: Handle) -> None:
            if not released:
                _undo(handle, name)

        failed = error is not None
        try:
            if not failed:
                await connection.run(release)
        except BaseException:
            failed = block._is_undone = True
            raise
        finally:
            if failed:
                # Not waited for: the block's own exception must come through at once.
                connection.settle(undo, _nothing, loop=None)
            block._end_turn()

    async def _finish(self) -> None:
        connection: Connection = self._root._connection
        nested = self._open_nested()

        def commit(handle: Handle) -> None:
            if nested is not None:
                _undo(handle, nested._savepoint_name)
            handle.commit()

        try:
            await connection.run(commit)
        except BaseException:
            self._release_dirty()
            raise
        self._release()

    async def _roll_back(self) -> None:
        connection: Connection = self._root._connection
        try:
            await connection.run(lambda handle: handle.rollback(), stoppable=False)
        except BaseException:
            self._release_dirty()
            raise
        self._release()

    async def _give_up(self, error: BaseException) -> None:
        self._release_dirty()

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.release(connection)

    def _release_dirty(self) -> None:
        """Roll back what is not committed and release the connection, without waiting."""
        connection, self._connection = self._connection, None
        if connection is not None and self._source is not None:
            self._source.give_up(connection)


def _undo(handle: Handle, name: str) -> None:
    """Undo what was written since a savepoint; all of the transaction if that fails."""
    try:
        handle.execute_inside(f"ROLLBACK TO SAVEPOINT {name}")
        handle.execute_inside(f"RELEASE SAVEPOINT {name}")
    except Exception:  # the writes must not become part of the outer block
        handle.rollback()


def _nothing() -> None:
    pass


class Snapshot(Transaction):
    """``async with engine.snapshot():`` reads that all see the same moment, on a reader.

    Writers go on meanwhile. A write inside the block is refused.
    """

    only_reads = True

    async def _acquire(self) -> tuple[ConnectionPool | IdleConnections, Connection]:
        return await self.engine.acquire(  # type: ignore[no-any-return]
            reads=True, what="a snapshot"
        )

    async def __aenter__(self) -> Snapshot:
        if current_block(self.engine) is not None:
            raise TransactionError(
                "A snapshot cannot begin inside a transaction, which sees its own writes."
            )
        return await super().__aenter__()

    async def _send_begin(self, connection: Connection) -> None:
        def begin(handle: Handle) -> None:
            handle.execute("BEGIN DEFERRED")
            # The moment is fixed by the first read, not by BEGIN.
            handle.execute("SELECT 1 FROM sqlite_master LIMIT 1")

        await connection.run(begin)

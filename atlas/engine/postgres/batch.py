"""Batches on PostgreSQL: a cursor of the server's, in a transaction."""

from __future__ import annotations

from typing import Any

from piccolo.query.base import Query

from atlas.engine.batch import RowBatch
from atlas.engine.block import current_block
from atlas.engine.postgres.transaction import Engine, Transaction
from atlas.errors import ConnectionClosedError


class Batch(RowBatch):
    """Rows of a cursor, in the task's transaction or in one of the batch's own."""

    def __init__(self, engine: Engine, query: Query[Any, Any], batch_size: int) -> None:
        super().__init__(query, batch_size)
        self._engine = engine
        #: The one it began itself, because the task is in none.
        self._own: Transaction | None = None
        self._transaction: Transaction | None = None
        self._cursor: Any = None

    async def _open(self) -> None:
        sql, parameters = self._query.querystrings[0].compile_string(
            engine_type=self._engine.engine_type
        )
        transaction = current_block(self._engine)
        if transaction is None:
            transaction = self._own = Transaction(self._engine)
            await transaction.begin()
        self._transaction = transaction
        try:
            self._cursor = await transaction.run(lambda c: c.cursor(sql, *parameters))
        except BaseException as error:
            await self._leave(error)
            raise

    async def _take(self) -> list[dict[str, Any]]:
        if self._transaction is None:
            raise ConnectionClosedError("The batch is used outside its async with block.")
        records = await self._transaction.run(lambda _: self._cursor.fetch(self._batch_size))
        # As dicts: by now the task may be in the block of a client of another kind.
        return [dict(record) for record in records]

    async def _leave(self, error: BaseException | None) -> None:
        own, self._own, self._transaction = self._own, None, None
        if own is not None and own._connection is not None:
            if error is None:
                await own._finish()
            else:
                await own._give_up(error)

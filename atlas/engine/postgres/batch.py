"""Batches on PostgreSQL: a cursor of the server's, in a transaction.

In: a query. Out: its rows, by ``DECLARE`` and ``FETCH``: a portal of the protocol has a name of
its own that a pooler's next client may use as well, and statements prepared for it stay.
"""

from __future__ import annotations

import itertools
from typing import Any

from piccolo.query.base import Query

from atlas.engine.batch import RowBatch
from atlas.engine.block import current_block
from atlas.engine.postgres.transaction import Engine, Transaction
from atlas.engine.statement import first_word, only_reads
from atlas.errors import ConnectionClosedError

_numbers = itertools.count(1)

#: What a statement begins with for which a cursor can be declared.
_OF_CURSORS = ("SELECT", "VALUES", "WITH")


class Batch(RowBatch):
    """Rows of a cursor, in the task's transaction or in one of the batch's own."""

    def __init__(self, engine: Engine, query: Query[Any, Any], batch_size: int) -> None:
        super().__init__(query, batch_size)
        self._engine = engine
        #: The one it began itself, because the task is in none.
        self._own: Transaction | None = None
        self._transaction: Transaction | None = None
        self._cursor = ""
        #: The rows of a statement that no cursor can be declared for, as of INSERT.
        self._rest: list[Any] | None = None

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
            if first_word(sql) in _OF_CURSORS and only_reads(sql):
                self._cursor = f"atlas_batch_{next(_numbers)}"
                declare = f"DECLARE {self._cursor} NO SCROLL CURSOR FOR {sql}"
                await transaction.run(lambda c: c.run_once(declare, parameters))
            else:
                self._rest = await transaction.execute(sql, parameters)
        except BaseException as error:
            await self._leave(error)
            raise

    async def _take(self) -> list[dict[str, Any]]:
        if self._transaction is None:
            raise ConnectionClosedError("The batch is used outside its async with block.")
        if self._rest is not None:
            records = self._rest[: self._batch_size]
            del self._rest[: self._batch_size]
        else:
            fetch = f"FETCH {self._batch_size} FROM {self._cursor}"
            records = await self._transaction.run(lambda c: c.run_once(fetch))
        # As dicts: by now the task may be in the block of a client of another kind.
        return [dict(record) for record in records]

    async def _leave(self, error: BaseException | None) -> None:
        own, transaction = self._own, self._transaction
        self._own = self._transaction = None
        if own is None:
            if error is None and transaction is not None and self._cursor:
                await transaction.run(lambda c: c.run_once(f"CLOSE {self._cursor}"))
        elif own._connection is not None:
            if error is None:
                await own._finish()
            else:
                await own._give_up(error)

"""The SQLite engine.

In: Piccolo's queries and DDL. Out: rows. Knows no table.
"""

from __future__ import annotations

from typing import Any

from piccolo.engine.sqlite import SQLiteEngine as PiccoloSQLiteEngine
from piccolo.engine.sqlite import SQLiteTransaction, TransactionType

from atlas.engine import ddl as dialect


class SQLiteEngine(PiccoloSQLiteEngine):
    """Piccolo's engine with the DDL of the model and transactions that begin IMMEDIATE."""

    __slots__ = ()

    def __init__(self, path: str, busy_timeout_ms: int = 30_000, log_queries: bool = False) -> None:
        super().__init__(path=path, timeout=busy_timeout_ms / 1000, log_queries=log_queries)

    async def run_ddl(self, ddl: str, in_pool: bool = False) -> Any:
        """Run one DDL statement of Piccolo's, as SQLite understands it."""
        response: Any = []
        for statement in dialect.for_sqlite(ddl):
            response = await super().run_ddl(statement, in_pool=in_pool)
        return response

    def transaction(
        self,
        transaction_type: TransactionType = TransactionType.immediate,
        allow_nested: bool = True,
    ) -> SQLiteTransaction:
        """Begin a transaction; IMMEDIATE, as a DEFERRED one cannot wait for the write lock."""
        return super().transaction(transaction_type=transaction_type, allow_nested=allow_nested)

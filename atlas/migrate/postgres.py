"""The transaction in which the schema changes, on PostgreSQL.

In: the engine. Out: a transaction that only one process has at a time. Imported
only where it is used, because asyncpg is an extra.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from atlas.engine.postgres.transaction import Transaction
from atlas.errors import DatabaseBusyError, PoolTimeoutError
from atlas.migrate.whole_run import refuse_end

#: "atlas" in ASCII: the advisory lock of PostgreSQL that stands for the schema of a database.
_LOCK_KEY = int.from_bytes(b"atlas", "big")

#: After these a statement may give other columns than it did when it was prepared.
_CHANGES_COLUMNS = re.compile(r"\s*(ALTER|CREATE|DROP)\b", re.IGNORECASE)


class PostgresSchemaTransaction(Transaction):
    """A transaction under an advisory lock. PostgreSQL keeps foreign keys through an ALTER.

    Its time zone is UTC, whatever the server's is, so that what a change of type or a default
    makes of a day or an instant is the same everywhere.
    """

    def __init__(self, engine: Any, lock_timeout_s: float) -> None:
        super().__init__(engine)
        self._lock_timeout_s = lock_timeout_s

    async def _begin(self) -> None:
        """Borrow a connection, begin, and wait for the lock."""
        await super()._begin()
        try:
            if self.engine.engine_type == "postgres":  # CockroachDB has no advisory locks
                await self._lock_schema()
            await super().execute("SET LOCAL TimeZone = 'UTC'")
        except BaseException as error:
            await self._give_up(error)
            raise

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement; raise ``TransactionError`` for one that would end the block."""
        refuse_end(sql)
        records = await super().execute(sql, parameters)
        if _CHANGES_COLUMNS.match(sql):
            # A statement that asyncpg has prepared fails when its columns have changed type.
            await self.connection.reload_schema_state()
        return records

    async def _lock_schema(self) -> None:
        # Like all waits of PostgreSQL for a lock, this one ends at lock_timeout.
        await self.execute(f"SET LOCAL lock_timeout = {int(self._lock_timeout_s * 1000)}")
        try:
            await self.execute("SELECT pg_advisory_xact_lock($1)", (_LOCK_KEY,))
        except DatabaseBusyError as error:
            raise PoolTimeoutError(
                f"{self.engine.path}: another migration runs since {self._lock_timeout_s:.0f} s. "
                "Nothing was changed. Run it again when that one is done."
            ) from error
        await self.execute("SET LOCAL lock_timeout TO DEFAULT")

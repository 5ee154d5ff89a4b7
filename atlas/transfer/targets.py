"""Where a copy is written: the statements in which SQLite and PostgreSQL differ.

In: the rows of one table after the other, in batches. Out: the rows in the tables, which have all
their indexes and references again at the end. Each is used inside one transaction, so that nothing
is left when anything fails. Knows no source.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from piccolo.columns import Column
from piccolo.columns.column_types import BigSerial, Serial
from piccolo.table import Table

from atlas.engine.sqlite.create_table import quoted

#: SQLite's limit of parameters in a statement, as it is built by default.
_SQLITE_PARAMETERS = 32_766

Rows = AsyncIterator[list[tuple[Any, ...]]]


class Target(Protocol):
    """A database that is written to, inside its transaction."""

    async def prepare(self) -> None:
        """Take the locks, and let go of what would slow each row down."""

    async def write(self, table: type[Table], columns: Sequence[Column], rows: Rows) -> None:
        """Write the rows of a table."""

    async def finish(self) -> None:
        """Make indexes and references again, and tell the planner of the rows."""


def stored_columns(table: type[Table]) -> list[Column]:
    """Return the columns of a table that are stored, in its order."""
    return list(table._meta.columns)


class SQLiteTarget:
    """SQLite: rows by INSERT, many at once; its references are checked at the end."""

    def __init__(self, transaction: Any, tables: Sequence[type[Table]]) -> None:
        self._transaction = transaction
        self._tables = tables
        self._indexes: list[str] = []

    async def prepare(self) -> None:
        """Put references off to the end, and drop the indexes."""
        await self._transaction.execute("PRAGMA defer_foreign_keys = ON")
        for table in self._tables:
            found = await self._transaction.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
                "AND tbl_name = ?",
                [table._meta.tablename],
            )
            for row in found:
                name, sql = row.values()
                self._indexes.append(sql)
                await self._transaction.execute(f"DROP INDEX {quoted(name)}")

    async def write(self, table: type[Table], columns: Sequence[Column], rows: Rows) -> None:
        """Insert the rows."""
        names = ", ".join(quoted(column._meta.db_column_name) for column in columns)
        into = f"INSERT INTO {quoted(table._meta.tablename)} ({names}) VALUES "
        one = f"({', '.join('?' * len(columns))})"
        most = max(1, min(500, _SQLITE_PARAMETERS // len(columns)))
        async for batch in rows:
            for start in range(0, len(batch), most):
                part = batch[start : start + most]
                await self._transaction.execute(
                    into + ", ".join([one] * len(part)), [value for row in part for value in row]
                )

    async def finish(self) -> None:
        """Make the indexes again."""
        for sql in self._indexes:
            await self._transaction.execute(sql)
        await self._transaction.execute("ANALYZE")


class PostgresTarget:
    """PostgreSQL: rows by COPY, without references and indexes, which are built at the end."""

    def __init__(self, transaction: Any, tables: Sequence[type[Table]]) -> None:
        self._transaction = transaction
        self._tables = tables
        self._again: list[str] = []

    async def prepare(self) -> None:
        """Lock the tables, and drop their references and indexes but for the primary keys."""
        names = [table._meta.tablename for table in self._tables]
        await self._transaction.execute(
            f"LOCK TABLE {', '.join(map(quoted, names))} IN ACCESS EXCLUSIVE MODE"
        )
        await self._transaction.execute("SET LOCAL statement_timeout = 0")
        constraints = await self._transaction.execute(
            "SELECT conrelid::regclass::text AS owner, quote_ident(conname) AS name, "
            "pg_get_constraintdef(oid) AS definition FROM pg_constraint "
            "WHERE contype IN ('f', 'u') AND conrelid = ANY($1::text[]::regclass[]) "
            "ORDER BY contype, conname",  # references go first, and come back last
            [[quoted(name) for name in names]],
        )
        made = []
        for owner, name, definition in constraints:
            await self._transaction.execute(f"ALTER TABLE {owner} DROP CONSTRAINT {name}")
            made.append(f"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition}")
        indexes = await self._transaction.execute(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition "
            "FROM pg_index WHERE indrelid = ANY($1::text[]::regclass[]) AND NOT indisprimary",
            [[quoted(name) for name in names]],
        )
        for name, _ in indexes:
            await self._transaction.execute(f"DROP INDEX {name}")
        self._again = [*(definition for _, definition in indexes), *reversed(made)]

    async def write(self, table: type[Table], columns: Sequence[Column], rows: Rows) -> None:
        """Copy the rows, in binary."""

        async def each() -> AsyncIterator[tuple[Any, ...]]:
            async for batch in rows:
                for row in batch:
                    yield row

        await self._transaction.run(
            lambda connection: connection.copy_records_to_table(
                table._meta.tablename,
                records=each(),
                columns=[column._meta.db_column_name for column in columns],
            )
        )

    async def finish(self) -> None:
        """Build the indexes and references again, and set the sequences behind the rows."""
        for sql in self._again:
            await self._transaction.execute(sql)
        for table in self._tables:
            name = quoted(table._meta.tablename)
            for column in stored_columns(table):
                if isinstance(column, Serial | BigSerial):
                    own = column._meta.db_column_name
                    await self._transaction.execute(
                        f"SELECT setval(pg_get_serial_sequence($1, $2), max({quoted(own)})) "
                        f"FROM {name} HAVING max({quoted(own)}) IS NOT NULL",
                        [name, own],
                    )
            await self._transaction.execute(f"ANALYZE {name}")

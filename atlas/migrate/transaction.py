"""The transaction in which the schema changes.

In: an engine. Out: a block that is committed as a whole or not at all, under a
lock that everybody else who changes the schema waits for, and after which no
row references a row that is not there. Piccolo's own transactions within the
block, one for each migration, are savepoints of it.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from piccolo.engine.exceptions import TransactionError
from piccolo.engine.sqlite import TransactionType

from atlas.engine.block import current_block
from atlas.engine.sqlite import transaction as sqlite_transaction
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.create_table import quoted
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle, Rows
from atlas.engine.sqlite.rebuild import unusable
from atlas.engine.sqlite.schema_editor import StepProgress, alter, is_alteration
from atlas.engine.statement import only_reads
from atlas.errors import DatabaseBusyError, SchemaChangeError
from atlas.migrate.whole_run import refuse_end

#: How long a migration waits for another one to end. A rebuild of a large table takes minutes.
LOCK_TIMEOUT_S = 600.0

#: How many rows an error shows.
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class Violation:
    """A row that references a row that is not there, as ``PRAGMA foreign_key_check`` has it."""

    table: str
    #: None in a table WITHOUT ROWID.
    rowid: int | None
    #: Empty when the reference itself is at fault; ``parent`` says how, then.
    columns: tuple[str, ...]
    parent: str


class SQLiteSchemaTransaction(sqlite_transaction.Transaction):
    """A transaction without foreign keys, which are checked before it is committed instead.

    With them, DROP TABLE deletes the rows of the table first, and by ON DELETE
    CASCADE those of its children: step 1 and 10 of
    https://www.sqlite.org/lang_altertable.html#otheralter
    """

    def __init__(
        self, engine: SQLiteEngine, lock_timeout_s: float, progress: StepProgress | None
    ) -> None:
        super().__init__(engine, TransactionType.immediate)
        self._lock_timeout_s = lock_timeout_s
        self._progress = progress
        #: What was broken before the first change. It takes a look at every reference, so a block
        #: that only reads does without.
        self._violations: Counter[Violation] | None = None
        #: The views and triggers that did not work before it either.
        self._unusable: frozenset[str] = frozenset()

    async def _send_begin(self, connection: Connection) -> None:
        deadline = time.monotonic() + self._lock_timeout_s
        # The engine sets the pragma again as soon as the transaction ends.
        await connection.run(lambda handle: handle.execute("PRAGMA foreign_keys = OFF"))
        while True:
            try:
                await super()._send_begin(connection)
                break
            except DatabaseBusyError:  # after the engine's own busy timeout
                if time.monotonic() >= deadline:
                    raise

    async def execute(
        self, sql: str, parameters: Sequence[Any] = (), floats: Sequence[str] = ()
    ) -> Rows:
        """Run one statement; raise ``TransactionError`` for one that would end the block."""
        refuse_end(sql)
        if not only_reads(sql):
            await self._begin_changes()
        return await super().execute(sql, parameters, floats)

    async def _begin_changes(self) -> None:
        if self._violations is None:
            connection = self.connection
            self._unusable = await connection.run(lambda handle: frozenset(unusable(handle)))
            self._violations = await connection.run(_violations)

    async def alter(self, statement: str) -> bool:
        """Change a table as an ALTER TABLE of PostgreSQL says; return False for all else."""
        if not is_alteration(statement):
            return False
        await self._begin_changes()
        connection = self.connection

        def change(handle: Handle) -> None:
            handle.check_inside()
            alter(handle, statement, self._progress)

        await connection.run(change)
        return True

    async def _finish(self) -> None:
        """Commit, or roll back and raise ``SchemaChangeError``.

        That is when references lead nowhere, or a view or trigger works no more.
        """
        connection = self._root._connection
        assert connection is not None  # noqa: S101 # the base has looked

        def check(handle: Handle) -> None:
            handle.check_inside()
            if self._violations is None:  # nothing was changed
                return
            if new := _violations(handle) - self._violations:
                raise SchemaChangeError(_described(handle, new))
            if broken := sorted(set(unusable(handle)) - self._unusable):
                raise SchemaChangeError(
                    "The change is rolled back, because these would no longer work: "
                    f"{', '.join(broken)}. Drop them in the migration, with add_raw, before it."
                )

        try:
            await connection.run(check)
        except BaseException:
            self._release_dirty()
            raise
        await super()._finish()


@asynccontextmanager
async def schema_transaction(
    engine: Any, *, lock_timeout_s: float = LOCK_TIMEOUT_S, progress: StepProgress | None = None
) -> AsyncIterator[Any]:
    """Run a block in which tables may be altered, in a way that SQLite has no ALTER for too.

    All queries of the task run in it, on one connection; transactions inside it
    are savepoints. It is committed at the end of the block, unless the block
    raises. Only one runs at a time on a database: another one waits for up to
    ``lock_timeout_s`` seconds, then raises ``DatabaseBusyError`` (SQLite) or
    ``PoolTimeoutError`` (PostgreSQL). Raises ``SchemaChangeError``, and writes nothing, when
    afterwards rows would reference rows that are not there, other than those
    that did before. Inside another one it is a savepoint; inside a plain
    transaction it raises ``TransactionError``. While a table of SQLite is built again
    ``progress`` is called with its name, the rows copied, and the rows there
    are; in another thread.
    """
    kind: Any = SQLiteSchemaTransaction
    if not isinstance(engine, SQLiteEngine):
        from atlas.migrate.postgres import PostgresSchemaTransaction

        kind = PostgresSchemaTransaction
    current = current_block(engine)
    if current is None:
        block = (
            SQLiteSchemaTransaction(engine, lock_timeout_s, progress)
            if kind is SQLiteSchemaTransaction
            else kind(engine, lock_timeout_s)
        )
    elif isinstance(getattr(current, "_root", current), kind):
        block = engine.transaction()
    else:
        raise TransactionError(
            "The schema cannot be changed inside a transaction that has begun already, because "
            "foreign keys cannot be switched off in it. Leave its block first."
        )
    async with block as transaction:
        yield transaction


# What follows runs in the connection's thread.


def _violations(handle: Handle) -> Counter[Violation]:
    """Return the rows whose reference leads nowhere, and references to what is not a key."""
    found: Counter[Violation] = Counter()
    tables = (
        "SELECT DISTINCT m.name AS name FROM sqlite_master AS m, pragma_foreign_key_list(m.name)"
    )
    for (table,) in (row.values() for row in handle.execute(f"{tables} WHERE type = 'table'")):
        try:
            rows = handle.execute(f"PRAGMA foreign_key_check({quoted(table)})")
        except sqlite3.OperationalError as error:  # "foreign key mismatch"
            found[Violation(table, None, (), str(error))] += 1
            continue
        if not rows:
            continue
        columns: dict[int, tuple[str, ...]] = {}
        keys = 'SELECT id, "from" AS name FROM pragma_foreign_key_list(?) ORDER BY id, seq'
        for key in handle.execute(keys, (table,)):
            columns[key["id"]] = (*columns.get(key["id"], ()), key["name"])
        for row in rows:
            found[Violation(table, row["rowid"], columns[row["fkid"]], row["parent"])] += 1
    return found


def _described(handle: Handle, violations: Counter[Violation]) -> str:
    """Return what the error says: which rows of which tables miss which row of which parent."""
    groups: dict[tuple[str, tuple[str, ...], str], list[Violation]] = {}
    for violation in violations.elements():
        key = violation.table, violation.columns, violation.parent
        groups.setdefault(key, []).append(violation)
    parts = []
    for (table, columns, parent), rows in sorted(groups.items()):
        if not columns:
            parts.append(f"{table}: {parent}: the columns it references are no key any more")
            continue
        shown = [_shown_row(handle, table, columns, row.rowid) for row in rows[:_SHOWN_ROWS]]
        more = f", and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
        parts.append(
            f"{table}: {len(rows)} row(s) reference rows of {parent} that are not there: "
            f"{'; '.join(shown)}{more}"
        )
    return (
        "The change is rolled back, because references would lead nowhere. "
        f"{'. '.join(parts)}. Correct or delete these rows, or insert the missing ones, first."
    )


def _shown_row(handle: Handle, table: str, columns: tuple[str, ...], rowid: int | None) -> str:
    if rowid is None:
        return "a row"
    keys = [
        r["name"]
        for r in handle.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
        )
    ]
    names = ", ".join(quoted(name) for name in dict.fromkeys((*keys, *columns)))
    rows = handle.execute(f"SELECT {names} FROM {quoted(table)} WHERE rowid = ?", (rowid,))
    return ", ".join(f"{name} = {value!r}" for row in rows for name, value in row.items())

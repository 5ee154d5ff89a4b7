"""What a migration would say to the database, statement by statement.

In: a transaction that is going to be rolled back. Out: the SQL that ran in it,
as text, with its values. Statements that only read are left out.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from atlas.engine.block import current_block
from atlas.engine.factory import AtlasEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.statement import only_reads

#: What Atlas and Piccolo say to keep their transactions, and comments of triggers that ran.
_NOT_SHOWN = re.compile(
    r"(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|EXPLAIN)\b", re.IGNORECASE
)

#: Rows that are written one by one are not all shown.
_ROWS = re.compile(
    r"(?:INSERT\s.*?INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM)\s+[^\s(]+", re.I | re.S
)
_SHOWN_ROWS = 3

#: The longest statement that is shown whole.
_SHOWN_CHARACTERS = 10_000


class Statements:
    """The statements of one migration, in their order."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._kind = ""
        self._alike = 0

    def add(self, sql: str) -> None:
        """Note a statement, unless it only reads."""
        sql = sql.strip().rstrip(";")
        if only_reads(sql) or _NOT_SHOWN.match(sql) or sql.startswith("--"):
            return
        match = _ROWS.match(sql)
        kind = match[0] if match else ""
        self._alike = self._alike + 1 if kind and kind == self._kind else 1
        self._kind = kind
        if self._alike <= _SHOWN_ROWS:
            if len(sql) > _SHOWN_CHARACTERS:
                sql = f"{sql[:_SHOWN_CHARACTERS]} -- … {len(sql)} characters\n"
            self._shown.append(f"{sql};")
        elif self._alike == _SHOWN_ROWS + 1:
            self._shown.append(f"-- and 1 more like it: {kind} …")
        else:
            self._shown[-1] = f"-- and {self._alike - _SHOWN_ROWS} more like it: {kind} …"

    def all(self) -> tuple[str, ...]:
        """Return what was noted, each statement with its semicolon."""
        return tuple(self._shown)


@asynccontextmanager
async def recorded(engine: AtlasEngine) -> AsyncIterator[Statements]:
    """Note the statements that run in this block, in the transaction the task is in."""
    transaction: Any = current_block(engine)
    connection = transaction.connection
    statements = Statements()
    if isinstance(engine, SQLiteEngine):
        # As SQLite runs them, so those of a rebuild too, which no query of Piccolo's is.
        await connection.run(lambda handle: handle.trace(statements.add))
        try:
            yield statements
        finally:
            connection.settle(lambda handle: handle.trace(None), lambda: None, loop=None)
        return
    with connection.query_logger(lambda query: statements.add(_with_values(query))):
        yield statements


def _with_values(query: Any) -> str:
    values = "; ".join(f"${number} = {value!r}" for number, value in enumerate(query.args, 1))
    return f"{query.query} /* {values} */" if values else str(query.query)

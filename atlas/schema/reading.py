"""A database opened to be looked at: never written, never made.

In: an engine. Out: what the readers of ``database.py`` and ``log.py`` need of one.
On SQLite that is a connection of its own, which refuses to write, leaves the
file's journal mode as it is and makes no file; on PostgreSQL, a read-only
transaction. Either way all of it is seen as it was at one moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from piccolo.querystring import QueryString

from atlas.engine.block import current_block
from atlas.engine.sqlite.compiled import compiled
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.files import MEMORY
from atlas.engine.sqlite.handle import Rows
from atlas.engine.sqlite.untouched import PATIENCE_MS


class ReadOnlyFile:
    """An SQLite file, as far as reading goes."""

    engine_type = "sqlite"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = connection.path

    async def run_querystring(self, querystring: QueryString, in_pool: bool = False) -> Rows:
        """Run one query and return its rows."""
        sql, parameters = compiled(querystring)
        return await self.connection.run(lambda handle: handle.execute(sql, parameters))


@asynccontextmanager
async def reading(engine: Any) -> AsyncIterator[Any]:
    """Look at the database of ``engine`` in a block.

    Raises ``DatabaseFileError`` where there is no file, or no database in it, and
    ``DatabaseServerError`` for a server that is away. In a transaction of the
    caller's the block is part of it, and sees what it has changed.
    """
    if current_block(engine) is not None:
        yield engine
    elif isinstance(engine, SQLiteEngine) and engine.path != MEMORY:
        options = replace(engine.options, read_only=True, busy_timeout_ms=PATIENCE_MS)
        connection = Connection(engine.path, options, reader=True)
        try:
            await connection.open()
            await connection.run(lambda handle: handle.execute("BEGIN"))
            yield ReadOnlyFile(connection)
        finally:
            await connection.close()
    else:
        async with engine.snapshot():
            yield engine


def connection_of(reader: Any) -> Connection:
    """Return the SQLite connection that a reader, or the transaction of an engine, works on."""
    if isinstance(reader, ReadOnlyFile):
        return reader.connection
    connection: Connection = current_block(reader).connection
    return connection

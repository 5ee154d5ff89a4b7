"""Databases of a test's own, by URL: for tests that open them through clients.

``rows`` looks at one with the plain driver, so it sees what was written, whatever
the client believes.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import catalog
import model
from conftest import database_url, run_on_server


def url_of(engine: Any) -> str:
    """Return the URL of an engine's database."""
    return f"file:{engine.path}" if engine.engine_type == "sqlite" else str(engine.config["dsn"])


def sqlite_copy(migrated_file: Path, path: Path) -> str:
    """Copy the migrated file to ``path`` and return its URL."""
    shutil.copyfile(migrated_file, path)
    return f"file:{path}"


async def postgres_copy(server_url: str, template: str) -> str:
    """Copy the migrated database of the server, which goes with it; return its URL."""
    name = f"atlas_{uuid.uuid4().hex}"
    await run_on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    return database_url(server_url, name)


async def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what ``query`` finds in the database of ``url``."""
    if url.startswith("file:"):
        with closing(sqlite3.connect(url.removeprefix("file:"))) as connection:
            return connection.execute(query).fetchall()
    connection = await asyncpg.connect(dsn=url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


@dataclass(frozen=True)
class Database:
    """A database as someone else sees it: through the plain drivers."""

    #: What DATABASE_URL is set to.
    url: str

    @property
    def file(self) -> str | None:
        """The path of an SQLite database."""
        return self.url.removeprefix("file:") if self.url.startswith("file:") else None

    def table_names(self) -> set[str]:
        if self.file:
            with closing(sqlite3.connect(self.file)) as connection:
                return catalog.sqlite_table_names(connection)
        return asyncio.run(self._with_postgres(catalog.postgres_table_names))

    def schema(self) -> dict[str, model.Table]:
        if self.file:
            with closing(sqlite3.connect(self.file)) as connection:
                return catalog.read_sqlite(connection)
        return asyncio.run(self._with_postgres(catalog.read_postgres))

    def execute(self, *statements: str) -> None:
        if self.file:
            with closing(sqlite3.connect(self.file)) as connection, connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            asyncio.run(
                self._with_postgres(lambda postgres: postgres.execute(";".join(statements)))
            )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        (found,) = self._results([query])
        return found

    def all_rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, Piccolo's included."""
        names = sorted(self.table_names())
        found = self._results([f'SELECT * FROM "{name}"' for name in names])
        return {name: sorted(rows, key=str) for name, rows in zip(names, found, strict=True)}

    def _results(self, queries: list[str]) -> list[list[tuple[Any, ...]]]:
        if self.file:
            with closing(sqlite3.connect(self.file)) as connection:
                return [connection.execute(query).fetchall() for query in queries]

        async def fetch(connection: asyncpg.Connection) -> list[list[tuple[Any, ...]]]:
            return [[tuple(row) for row in await connection.fetch(query)] for query in queries]

        found: list[list[tuple[Any, ...]]] = asyncio.run(self._with_postgres(fetch))
        return found

    async def _with_postgres(self, work: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
        connection = await asyncpg.connect(dsn=self.url)
        try:
            return await work(connection)
        finally:
            await connection.close()

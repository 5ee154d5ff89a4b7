"""Databases of a test's own, by URL: for tests that open them through clients.

``rows`` looks at one with the plain driver, so it sees what was written, whatever
the client believes.
"""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
from conftest import database_url, run_on_server


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

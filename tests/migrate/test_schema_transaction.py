"""The block in which the schema changes: one at a time, all or nothing, no reference broken."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from doubles import rows
from piccolo.engine.base import Engine
from piccolo.engine.exceptions import TransactionError

from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import DatabaseBusyError, PoolTimeoutError, SchemaChangeError
from atlas.migrate.transaction import schema_transaction

TABLES = """
CREATE TABLE parent (id TEXT PRIMARY KEY);
CREATE TABLE child (
    id TEXT PRIMARY KEY,
    parent_id TEXT REFERENCES parent (id) ON DELETE CASCADE
);
INSERT INTO parent VALUES ('p1'), ('p2');
INSERT INTO child VALUES ('c1', 'p1'), ('c2', 'p2');
"""


@pytest.fixture
def file(tmp_path: Path) -> SQLiteEngine:
    """A file with a parent and a child that would be deleted with it."""
    path = tmp_path / "small.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
    return SQLiteEngine(str(path))


async def foreign_keys(engine: SQLiteEngine) -> int:
    (row,) = await engine._run("PRAGMA foreign_keys", (), in_pool=True, reads=False)
    return int(row["foreign_keys"])


async def test_dropping_a_parent_deletes_no_child(file: SQLiteEngine) -> None:
    """A table can be dropped and made again without the cascade that follows otherwise."""
    async with schema_transaction(file):
        assert await foreign_keys(file) == 0
        await file.run_ddl("DROP TABLE parent")
        await file.run_ddl("CREATE TABLE parent (id TEXT PRIMARY KEY, name TEXT)")
        await file.run_ddl("INSERT INTO parent (id) VALUES ('p1'), ('p2')")
    assert await foreign_keys(file) == 1
    assert rows(file.path, "SELECT * FROM child") == [("c1", "p1"), ("c2", "p2")]


@pytest.mark.parametrize("in_pool", [False, True])
async def test_broken_reference_is_rolled_back(file: SQLiteEngine, in_pool: bool) -> None:
    """A row that would reference nothing is named with its parent, and nothing is written."""
    if in_pool:
        await file.start_connection_pool()
    with pytest.raises(SchemaChangeError, match=r"child: 1 row.*parent.*id = 'c1'.*'p1'"):
        async with schema_transaction(file):
            await file.run_ddl("DELETE FROM parent WHERE id = 'p1'")
    assert await foreign_keys(file) == 1
    if in_pool:
        assert not file.stats().writer_in_use
    await file.close_connection_pool()
    assert rows(file.path, "SELECT id FROM parent") == [("p1",), ("p2",)]


async def test_reference_that_was_broken_before_stays(file: SQLiteEngine) -> None:
    """Rows that referenced nothing before do not stand in the way."""
    with closing(sqlite3.connect(file.path)) as connection, connection:
        connection.execute("DELETE FROM parent WHERE id = 'p2'")
    async with schema_transaction(file):
        await file.run_ddl("CREATE TABLE other (id)")
    assert rows(file.path, "SELECT count(*) FROM other") == [(0,)]
    with pytest.raises(SchemaChangeError, match="child: 1 row"):
        async with schema_transaction(file):
            await file.run_ddl("DELETE FROM parent WHERE id = 'p1'")


async def test_reference_to_no_key_is_rolled_back(file: SQLiteEngine) -> None:
    """A reference to what is not a key stays if it was there before; a new one is named."""
    await file.run_ddl("CREATE TABLE odd (a TEXT REFERENCES child (parent_id))")
    async with schema_transaction(file):
        await file.run_ddl("CREATE TABLE other (id)")
    with pytest.raises(SchemaChangeError, match=r"child: .* referencing \"parent\".* no key"):
        async with schema_transaction(file):
            await file.run_ddl("DROP TABLE parent")
            await file.run_ddl("CREATE TABLE parent (id TEXT)")
    assert rows(file.path, "SELECT * FROM parent") == [("p1",), ("p2",)]


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError])
async def test_failing_block_is_undone(engine: Engine[Any], error: type[BaseException]) -> None:
    """A block that raises changes nothing, and the next one works."""
    with pytest.raises(error):
        async with schema_transaction(engine):
            await engine.run_ddl("CREATE TABLE gone (id TEXT)")
            raise error
    async with schema_transaction(engine):
        await engine.run_ddl("CREATE TABLE gone (id TEXT)")
    assert engine.current_transaction.get() is None


async def test_transaction_inside_is_a_savepoint(engine: Engine[Any]) -> None:
    """Piccolo's transaction of each migration, and another schema transaction, are part of it."""
    with pytest.raises(LookupError):
        async with schema_transaction(engine) as outer:
            async with engine.transaction() as inner:
                await engine.run_ddl("CREATE TABLE a (id TEXT)")
                assert inner is outer
            with pytest.raises(KeyError):
                async with schema_transaction(engine):
                    await engine.run_ddl("CREATE TABLE b (id TEXT)")
                    raise KeyError
            await engine.run_ddl("CREATE TABLE b (id TEXT)")
            raise LookupError
    await engine.run_ddl("CREATE TABLE a (id TEXT)")


async def test_plain_transaction_cannot_become_one(engine: Engine[Any]) -> None:
    """Inside a transaction foreign keys cannot be switched off, so the block is refused."""
    async with engine.transaction():
        with pytest.raises(TransactionError, match="Leave its block first"):
            async with schema_transaction(engine):
                pass


async def test_two_run_one_after_the_other(engine: Engine[Any]) -> None:
    """The second begins when the first has ended, and sees what it did."""
    other = (
        SQLiteEngine(engine.path)
        if isinstance(engine, SQLiteEngine)
        else PostgresEngine(engine.config["dsn"])  # type: ignore[attr-defined]
    )
    order = []

    async def change(own: Any, name: str) -> None:
        async with schema_transaction(own):
            order.append(f"{name} begins")
            await own.run_ddl(f"CREATE TABLE table_{name} (id TEXT)")
            await asyncio.sleep(0.05)
            order.append(f"{name} ends")

    await asyncio.gather(change(engine, "a"), change(other, "b"))
    assert order in (
        ["a begins", "a ends", "b begins", "b ends"],
        ["b begins", "b ends", "a begins", "a ends"],
    )


async def test_wait_ends(file: SQLiteEngine, postgres_engine: PostgresEngine) -> None:
    """Who waits too long for another migration is told so, and nothing is held afterwards."""
    impatient = SQLiteEngine(file.path)
    impatient.options = type(file.options)(busy_timeout_ms=10)
    impatient._idle_connections._options = impatient.options
    async with schema_transaction(file):
        with pytest.raises(DatabaseBusyError):
            async with schema_transaction(impatient, lock_timeout_s=0.02):
                pass
    async with schema_transaction(impatient):
        pass
    other = await asyncpg.connect(dsn=postgres_engine.config["dsn"])
    try:
        async with schema_transaction(postgres_engine):
            second = PostgresEngine(postgres_engine.config["dsn"])
            with pytest.raises(PoolTimeoutError, match="another migration"):
                async with schema_transaction(second, lock_timeout_s=0.02):
                    pass
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert await other.fetchval(query) == 0
    finally:
        await other.close()


@pytest.mark.parametrize(("sql", "checks"), [("SELECT * FROM child", 0), ("DELETE FROM child", 2)])
async def test_references_are_looked_at_only_for_a_change(
    file: SQLiteEngine, sql: str, checks: int
) -> None:
    """A block that only reads, as a run with nothing to do, does not read the whole database."""
    seen: list[str] = []
    async with schema_transaction(file) as transaction:
        connection = transaction.connection
        await connection.run(lambda handle: handle.trace(seen.append))
        await transaction.execute(sql)
    assert len([said for said in seen if "foreign_key_check" in said]) == checks

"""``db.connection()``: the driver's own connection, which comes back clean or is closed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from databases import postgres_copy, sqlite_copy
from doubles import LockHolder, codes, entity, is_idle, leftovers, slow_read, threads, until

from atlas import Client, Entity, Unit, create_client
from atlas.errors import ClientError, ConnectionClosedError, ReadOnlyError


@pytest.fixture
async def db(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Client]:
    """An open client, which is to be well at the end, and to leave nothing."""
    path = tmp_path / "atlas.db"
    sqlite_copy(migrated_file, path)
    before = threads()
    async with create_client(f"file:{path}", pool_size=2, acquire_timeout_ms=5000) as client:
        yield client
        await is_idle(client.engine)  # type: ignore[arg-type]
    await until(lambda: threads() <= before)
    assert leftovers(path) == []


async def test_it_is_the_drivers_own(db: Client) -> None:
    """Cursors, rows and iteration are aiosqlite's, and what is committed is there."""
    async with db.connection() as connection:
        assert isinstance(connection, aiosqlite.Connection)
        await connection.execute(
            "INSERT INTO core_entity (id, code, name) VALUES ('x', 'lent', 'n')"
        )
        async with connection.execute("SELECT code FROM core_entity") as cursor:
            assert [row async for row in cursor] == [("lent",)]
            assert cursor.description[0][0] == "code"
        assert await connection.execute_fetchall("SELECT 1") == [(1,)]
    assert codes(db.engine.path) == ["lent"]


async def test_a_backup_can_be_made(db: Client, tmp_path: Path) -> None:
    """SQLite's online backup works through it."""
    await entity("A").save()
    async with db.connection(reads=True) as connection:
        with closing(sqlite3.connect(tmp_path / "copy.db", check_same_thread=False)) as copy:
            await connection.backup(copy)
    assert codes(tmp_path / "copy.db") == ["A"]


async def _row_factory(connection: Any) -> None:
    connection.row_factory = sqlite3.Row


async def _text_factory(connection: Any) -> None:
    connection.text_factory = bytes


async def _isolation_level(connection: Any) -> None:
    connection.isolation_level = "EXCLUSIVE"
    await connection.execute("DELETE FROM core_entity")


async def _transaction(connection: Any) -> None:
    await connection.execute("BEGIN IMMEDIATE")
    await connection.execute("DELETE FROM core_entity")


async def _cursor(connection: Any) -> None:
    cursor = await connection.execute("SELECT 1 UNION SELECT 2")
    await cursor.fetchone()
    _kept.append(cursor)


async def _function(connection: Any) -> None:
    await connection.create_function("lower", 1, lambda text: "hidden")


async def _progress(connection: Any) -> None:
    await connection.set_progress_handler(lambda: 1, 1)


async def _authorizer(connection: Any) -> None:
    await connection.set_authorizer(lambda *arguments: sqlite3.SQLITE_DENY)


def _sql(sql: str) -> Callable[[Any], Awaitable[None]]:
    async def run(connection: Any) -> None:
        await connection.executescript(sql)

    run.__name__ = sql
    return run


_kept: list[Any] = []

TRACES = [
    *(_row_factory, _text_factory, _isolation_level, _transaction, _cursor),
    *(_function, _progress, _authorizer),
    _sql("PRAGMA foreign_keys = 0"),
    _sql("/* */ PRAGMA case_sensitive_like = 1"),
    _sql("PRAGMA recursive_triggers(1)"),
    _sql("ATTACH ':memory:' AS other"),
    _sql("CREATE TEMP TABLE core_entity (a); SELECT 1"),
]


@pytest.mark.parametrize("leave", TRACES, ids=lambda leave: leave.__name__)
async def test_nothing_of_a_user_stays(db: Client, leave: Any) -> None:
    """Whatever was set, begun, opened or made in the block, nobody sees it afterwards."""
    await entity("Above").save()
    for reads in (False, True):
        try:
            async with db.connection(reads=reads) as connection:
                await leave(connection)
        except sqlite3.OperationalError:
            assert reads  # which does not write
        (row,) = await Entity.raw(
            "SELECT lower(code) AS code FROM core_entity WHERE code = 'Above'"
        )
        assert row == {"code": "above"}
        async with db.transaction():
            assert await Entity.raw("SELECT 1 AS n WHERE 'A' LIKE 'a'") == [{"n": 1}]
            assert await Entity.raw("PRAGMA recursive_triggers") == [{"recursive_triggers": 0}]
            assert [row["name"] for row in await Entity.raw("PRAGMA database_list")] == ["main"]
            with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
                await Unit.raw(
                    "INSERT INTO core_unit (id, entity_id, code, name) VALUES ('u', 'no', 'u', 'u')"
                )
    assert codes(db.engine.path) == ["Above"]
    _kept.clear()


async def test_a_clean_connection_is_kept(db: Client) -> None:
    """Statements alone leave nothing that a new connection would be needed for."""
    for _ in range(3):
        async with db.connection() as connection:
            await connection.execute("SELECT 1")
            await connection.execute("BEGIN")
    assert db.stats().connections_opened == 1


async def test_it_is_nobody_elses(db: Client) -> None:
    """While the writer is lent others wait for it, and readers go on."""
    async with db.connection():
        waiting = asyncio.create_task(entity("A").save().run())
        assert await Entity.count() == 0
        assert not waiting.done()
    await waiting


async def test_it_ends_with_its_block(db: Client) -> None:
    """A connection or cursor that is kept is refused afterwards, as it is somebody else's."""
    async with db.connection() as connection:
        cursor = await connection.execute("SELECT 1")
    for use in (
        lambda: connection.execute("SELECT 1"),
        lambda: connection.commit(),
        lambda: cursor.fetchall(),
    ):
        with pytest.raises(ConnectionClosedError, match="outside the block"):
            await use()
    with pytest.raises(ConnectionClosedError):
        _ = connection.in_transaction


async def test_closing_it_makes_room_for_another(db: Client) -> None:
    """A user who closes it harms nobody."""
    async with db.connection() as connection:
        await connection.close()
        with pytest.raises(ConnectionClosedError):
            await connection.execute("SELECT 1")
    await entity("A").save()


async def test_a_cancel_interrupts_it(db: Client) -> None:
    """A statement of a user's stops as any other, and the connection comes back."""
    async with db.connection() as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.execute(str(slow_read()))
    await entity("A").save()


async def test_an_error_gives_it_back(db: Client) -> None:
    """A block that raises, or is cancelled, rolls back what it has not committed."""
    for error in (LookupError, asyncio.CancelledError):
        with pytest.raises(error):
            async with db.connection() as connection:
                await _transaction(connection)
                raise error
        await entity(error.__name__).save()
    assert len(codes(db.engine.path)) == 2


async def test_a_lock_is_waited_for(db: Client) -> None:
    """SQLite itself waits, as long as the busy timeout says."""
    await entity("A").save()
    async with db.connection() as connection:
        with LockHolder(db.engine.path) as other:
            job = asyncio.create_task(_transaction(connection))
            await asyncio.sleep(0.2)
            assert not job.done()
            other.release()
            await job


async def test_in_a_transaction_it_is_part_of_it(db: Client) -> None:
    """What runs on it is committed or undone with the block, and the block goes on."""
    for fails in (True, False):
        try:
            async with db.transaction():
                await entity("before").save()
                async with db.connection() as connection:
                    connection.row_factory = sqlite3.Row
                    await connection.execute("UPDATE core_entity SET name = 'lent'")
                assert await Entity.select(Entity.name) == [{"name": "lent"}]
                if fails:
                    raise LookupError
        except LookupError:
            assert codes(db.engine.path) == []
    assert codes(db.engine.path) == ["before"]


async def test_a_reader_does_not_write(db: Client) -> None:
    """``reads`` gives a connection that refuses to."""
    async with db.connection(reads=True) as connection:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await connection.execute("DELETE FROM core_entity")


async def test_read_only_stays_so(migrated_file: Path) -> None:
    """A client that only reads lends no connection that can write."""
    async with create_client(f"file:{migrated_file}", read_only=True) as db:
        for _ in range(2):
            async with db.connection() as connection:
                for sql in ("DELETE FROM core_entity", "PRAGMA query_only = 0", "ATTACH 'x' AS x"):
                    with pytest.raises(sqlite3.DatabaseError):
                        await connection.execute(sql)
        with pytest.raises(ReadOnlyError):
            await Entity.raw("PRAGMA query_only = 0")


async def test_in_memory_it_is_made_clean(migrated_file: Path) -> None:
    """Where closing would lose the database, what a user set is put back."""
    async with create_client(":memory:") as db:
        async with db.connection() as connection:
            await connection.executescript(
                "CREATE TABLE t (a); PRAGMA foreign_keys = 0; ATTACH ':memory:' AS other; BEGIN"
            )
            connection.row_factory = sqlite3.Row
        async with db.connection() as connection:
            assert await connection.execute_fetchall("SELECT count(*) FROM t") == [(0,)]
            assert await connection.execute_fetchall("PRAGMA foreign_keys") == [(1,)]
            assert len(await connection.execute_fetchall("PRAGMA database_list")) == 1
            assert not connection.in_transaction


async def test_a_closed_client_lends_nothing(db: Client, migrated_file: Path) -> None:
    """It says so, as for any query."""
    with pytest.raises(ClientError, match="not open"):
        create_client(f"file:{migrated_file}").connection()


async def test_postgres_lends_asyncpgs(postgres_url: str, migrated_postgres: str) -> None:
    """The same block gives asyncpg's connection, which is reset when it comes back."""
    url = await postgres_copy(postgres_url, migrated_postgres)
    async with create_client(url, pool_size=1) as db:
        async with db.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1
            await connection.execute("SET statement_timeout = 12345; BEGIN")
            await connection.execute(
                "INSERT INTO core_entity (id, code, name) VALUES ('x','x','x')"
            )
        assert await Entity.raw("SELECT count(*) > 0 AS yes FROM migration") == [{"yes": True}]
        assert await Entity.raw("SHOW statement_timeout") == [{"statement_timeout": "0"}]
        async with db.transaction():
            await entity("A").save()
            async with db.connection() as connection:
                assert await connection.fetchval("SELECT count(*) FROM core_entity") == 1

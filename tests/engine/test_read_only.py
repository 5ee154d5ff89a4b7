"""``read_only``: everything can be read, nothing is written, and no file is made."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from databases import postgres_copy, rows, sqlite_copy
from doubles import LockHolder, codes, entity

from atlas import DatabaseFileError, Entity, ReadOnlyError, create_client
from atlas.engine.url import DatabaseURL


@pytest.fixture
def path(migrated_file: Path, tmp_path: Path) -> Path:
    """A file with one entity, that nobody has open."""
    url = sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")

    async def write() -> None:
        async with create_client(url):
            await entity("A").save()

    asyncio.run(write())
    return tmp_path / "atlas-ops.db"


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Return what each file of a folder holds, and when it was written last."""
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM core_entity",
        "UPDATE core_entity SET name = 'x'",
        "WITH x AS (SELECT 1) DELETE FROM core_entity",
        "INSERT INTO sqlite_master (name) VALUES ('x')",
        "UPDATE sqlite_master SET name = 'x'",
        "DROP TABLE core_entity",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "PRAGMA query_only = 0",
        "pragma Query_Only(0)",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint",
        "PRAGMA optimize",
        "ATTACH 'other.db' AS other",
        "VACUUM",
        "VACUUM INTO 'other.db'",
        "ANALYZE",
        "REINDEX",
    ],
)
async def test_nothing_can_be_written(
    path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way to write is refused, alone and in a transaction; the file and its folder stay."""
    monkeypatch.chdir(path.parent)
    before = state(path.parent)
    async with create_client(f"file:{path}", read_only=True) as db:
        with pytest.raises((ReadOnlyError, sqlite3.OperationalError)) as refused:
            await Entity.raw(statement)
        assert isinstance(refused.value, ReadOnlyError) or "sqlite_master" in str(refused.value)
        with pytest.raises((ReadOnlyError, sqlite3.OperationalError)):
            async with db.transaction():
                await Entity.raw(statement)
        assert await Entity.select(Entity.code) == [{"code": "A"}]
    assert state(path.parent) == before


async def test_a_refused_write_says_what_to_do(path: Path) -> None:
    """The error names the file and the option."""
    async with create_client(f"file:{path}?read_only=1"):
        with pytest.raises(ReadOnlyError, match=r"atlas-ops\.db: is open for reading only.*read_o"):
            await entity("B").save()
        assert await Entity.count() == 1


def test_run_sync_reads_only_too(path: Path) -> None:
    """Outside of a pool the connections are of the same kind."""
    engine = create_client(f"file:{path}", read_only=True).engine
    with pytest.raises(ReadOnlyError):
        asyncio.run(engine.run_ddl("CREATE TABLE x (a)"))
    asyncio.run(engine.close_connection_pool())
    assert sorted(os.listdir(path.parent)) == ["atlas-ops.db"]


async def test_no_file_is_made(tmp_path: Path) -> None:
    """A missing file is an error, and stays missing."""
    client = create_client(f"file:{tmp_path / 'missing.db'}", read_only=True)
    with pytest.raises(DatabaseFileError, match="there is no such file"):
        await client.open()
    with pytest.raises(DatabaseFileError, match="no such file"):
        await client.engine.run_ddl("CREATE TABLE x (a)")
    assert os.listdir(tmp_path) == []


async def test_the_journal_mode_stays(tmp_path: Path) -> None:
    """A database in another journal mode is read as it is."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE core_entity (code)")
    before = state(tmp_path)
    async with create_client(f"file:{path}", read_only=True):
        assert await Entity.raw("SELECT code FROM core_entity") == []
    assert state(tmp_path) == before


async def test_a_transaction_keeps_nobody_from_writing(path: Path) -> None:
    """It takes no write lock, whoever has that now or wants it meanwhile."""
    async with create_client(f"file:{path}", read_only=True) as db:
        with LockHolder(path):
            async with db.transaction():
                assert await Entity.count() == 1
        async with db.transaction():
            assert await Entity.count() == 1
            with closing(sqlite3.connect(path, timeout=0)) as other, other:
                other.execute("UPDATE core_entity SET code = 'B'")
        assert await Entity.select(Entity.code) == [{"code": "B"}]


@pytest.mark.parametrize("shm", ["with its -shm file", "without, as it was copied"])
def test_what_a_killed_writer_committed_is_read_and_left(path: Path, shm: str) -> None:
    """Rows that are only in the -wal file are seen, and are there afterwards, byte for byte."""
    writer = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute(\"UPDATE core_entity SET code = 'B'\"); c.commit(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", writer, path], check=False)
    assert Path(f"{path}-wal").stat().st_size
    if "without" in shm:
        os.unlink(f"{path}-shm")
    before = {name: seen for name, seen in state(path.parent).items() if "-shm" not in name}
    files = sorted(os.listdir(path.parent))

    async def read() -> list[dict[str, str]]:
        async with create_client(f"file:{path}", read_only=True):
            # At once, on several connections.
            await asyncio.gather(*(Entity.count() for _ in range(8)))
            return await Entity.select(Entity.code)

    assert asyncio.run(read()) == [{"code": "B"}]
    assert sorted(os.listdir(path.parent)) == files
    assert before.items() <= state(path.parent).items()
    assert codes(str(path)) == ["B"]


async def test_looking_is_allowed(path: Path) -> None:
    """Pragmas and virtual tables that only look can be used."""
    async with create_client(f"file:{path}", read_only=True):
        assert len(await Entity.raw("PRAGMA table_info(core_entity)")) == 11
        assert await Entity.raw("PRAGMA journal_mode") == [{"journal_mode": "wal"}]
        assert await Entity.raw("PRAGMA foreign_key_check") == []
        assert len(await Entity.raw("SELECT * FROM pragma_table_info('core_entity')")) == 11
        assert await Entity.raw("SELECT 1 FROM sqlite_master LIMIT 1")


async def test_a_server_refuses_to_write(postgres_url: str, migrated_postgres: str) -> None:
    """On PostgreSQL the server says it, outside and inside a transaction."""
    url = await postgres_copy(postgres_url, migrated_postgres)
    async with create_client(url, read_only=True) as db:
        assert "read_only" not in str(DatabaseURL.parse(url))
        for _ in range(2):  # also after the pool has reset the connection
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError, match="INSERT"):
                await entity("B").save()
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with db.transaction():
                await Entity.delete(force=True)
        assert await Entity.count() == 0
    assert await rows(url, "SELECT count(*) FROM core_entity") == [(0,)]

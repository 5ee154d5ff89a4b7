"""The pragmas of every connection are set, as read back from SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from doubles import pooled
from piccolo.query import OrderByRaw

from atlas import Entity
from atlas.engine.options import EngineOptions, Synchronous
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.pragmas import BUSY_SLICE_MS, pragmas

#: What PRAGMA answers where that is not what it was given.
ANSWERS = {"WAL": "wal", "MEMORY": 2, "OFF": 0, "NORMAL": 1, "FULL": 2, "EXTRA": 3}

EXPECTED = {
    "busy_timeout": 50,
    "foreign_keys": 1,
    "journal_mode": "wal",
    "journal_size_limit": 8 * 1024 * 1024,
    "synchronous": 2,
    "cache_size": -16384,
    "mmap_size": 268435456,
    "temp_store": 2,
}


async def read_back(engine: SQLiteEngine, name: str, *, reader: bool) -> object:
    """Ask a connection of the pool for one of its pragmas."""
    source, connection = await engine.acquire(reads=reader, what="the test")
    (row,) = await connection.run(lambda handle: handle.execute(f"PRAGMA {name}"))
    source.release(connection)
    (value,) = row.values()
    return value


@pytest.mark.parametrize(("name", "value"), EXPECTED.items())
@pytest.mark.parametrize("reader", [False, True], ids=["writer", "reader"])
async def test_default_pragmas(
    sqlite_engine: SQLiteEngine, name: str, value: object, reader: bool
) -> None:
    """Every pragma of the table is in force on the writer and on a reader."""
    async with pooled(sqlite_engine) as engine:
        assert await read_back(engine, name, reader=reader) == value


async def test_only_readers_refuse_to_write(sqlite_engine: SQLiteEngine) -> None:
    """query_only is on for a reader and off for the writer."""
    async with pooled(sqlite_engine) as engine:
        assert await read_back(engine, "query_only", reader=True) == 1
        assert await read_back(engine, "query_only", reader=False) == 0


def test_every_pragma_has_an_expectation() -> None:
    """A pragma that is added to the table must be added to these tests."""
    assert pragmas(EngineOptions(), reader=False).keys() == {*EXPECTED, "query_only"}
    reader = pragmas(EngineOptions(), reader=True).keys() - {"query_only"}
    assert reader == EXPECTED.keys() - {"journal_mode"}


@pytest.mark.parametrize("value", ["OFF", "NORMAL", "FULL", "EXTRA"])
async def test_synchronous_is_chosen(sqlite_engine: SQLiteEngine, value: Synchronous) -> None:
    """The option ``synchronous`` is in force on every connection."""
    async with pooled(sqlite_engine, synchronous=value) as engine:
        for reader in (False, True):
            assert await read_back(engine, "synchronous", reader=reader) == ANSWERS[value]


@pytest.mark.parametrize("value", [0, 7, BUSY_SLICE_MS, 5_000])
async def test_sqlite_never_waits_longer_than_a_slice(
    sqlite_engine: SQLiteEngine, value: int
) -> None:
    """SQLite, which cannot be interrupted meanwhile, waits for a lock a short time only."""
    async with pooled(sqlite_engine, busy_timeout_ms=value) as engine:
        assert await read_back(engine, "busy_timeout", reader=False) == min(value, BUSY_SLICE_MS)


@pytest.mark.parametrize("path", ["unpooled", "pooled"])
async def test_pragmas_hold_without_a_pool_too(sqlite_engine: SQLiteEngine, path: str) -> None:
    """A connection outside the pool has the pragmas of the writer."""
    if path == "pooled":
        await sqlite_engine.start_connection_pool()
    for name, value in EXPECTED.items():
        source, connection = await sqlite_engine.acquire(reads=False, what="", in_pool=False)
        (row,) = await connection.run(lambda handle: handle.execute(f"PRAGMA {name}"))  # noqa: B023
        source.release(connection)
        assert list(row.values()) == [value]
    await sqlite_engine.close_connection_pool()


@pytest.mark.parametrize("path", ["alone", "in a transaction", "rolled back"])
@pytest.mark.parametrize(
    "statement",
    ["foreign_keys = 0", "query_only = 1", "synchronous = OFF", "journal_mode = DELETE"],
)
async def test_a_pragma_does_not_outlive_its_statement(
    sqlite_engine: SQLiteEngine, statement: str, path: str
) -> None:
    """Whoever gets the connection next has it as it should be, whatever its last user set."""
    async with pooled(sqlite_engine) as engine:
        if path == "alone":
            await Entity.raw(f"PRAGMA {statement}")
        else:
            try:
                async with engine.transaction():
                    await Entity.raw(f"pragma {statement}")
                    if path == "rolled back":
                        raise LookupError
            except (LookupError, sqlite3.OperationalError):
                pass
        for name, value in {**EXPECTED, "query_only": 0}.items():
            assert await read_back(engine, name, reader=False) == value


WRITTEN = [
    "PRAGMA {}",
    "pragma {}",
    "\n\t PRAGMA {}",
    "/* why */ PRAGMA {}",
    "-- why\nPRAGMA {}",
    ";PRAGMA {}",
    "; /* a */ ; -- b\n PRAGMA/**/{}",
    "\N{BYTE ORDER MARK}PRAGMA {}",
    "EXPLAIN PRAGMA {}",
    "EXPLAIN QUERY PLAN PRAGMA {}",
    "/* PRAGMA table_info( */ PRAGMA {}",
    "PRAGMA main.{}",
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("setting", ["foreign_keys = 0", "foreign_keys(0)", "foreign_keys=\n0;"])
async def test_a_setting_is_reverted_however_it_is_written(
    sqlite_engine: SQLiteEngine, written: str, setting: str
) -> None:
    """The next statement on the writer, and on a reader, has the setting it expects."""
    async with pooled(sqlite_engine, pool_size=1) as engine:
        await Entity.count()
        await Entity.raw(written.format(setting))
        for reader in (False, True):
            assert await read_back(engine, "foreign_keys", reader=reader) == 1


async def test_a_setting_in_a_clause_is_reverted(sqlite_engine: SQLiteEngine) -> None:
    """A piece of SQL within a query of Piccolo's cannot set anything: it is one statement."""
    async with pooled(sqlite_engine) as engine:
        with pytest.raises(sqlite3.Error, match="one statement"):
            await Entity.select(Entity.id).order_by(OrderByRaw("id; PRAGMA foreign_keys = 0"))
        assert await read_back(engine, "foreign_keys", reader=True) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recursive_triggers", 1),
        ("read_uncommitted", 1),
        ("ignore_check_constraints", 1),
        ("writable_schema", 1),
        ("reverse_unordered_selects", 1),
        ("wal_autocheckpoint", 7),
        ("secure_delete", 1),
    ],
)
async def test_settings_that_are_not_ours_are_reverted_too(
    sqlite_engine: SQLiteEngine, name: str, value: int
) -> None:
    """They have defaults that a new connection has, so the one they were set on is closed."""
    async with pooled(sqlite_engine) as engine:
        before = await read_back(engine, name, reader=False)
        await Entity.raw(f"PRAGMA {name} = {value}")
        assert await read_back(engine, name, reader=False) == before
        async with engine.transaction():
            await Entity.raw(f"PRAGMA {name} = {value}")
        assert await read_back(engine, name, reader=False) == before


async def test_an_attached_database_does_not_stay(sqlite_engine: SQLiteEngine) -> None:
    """ATTACH on the pool's connection is over with its statement."""
    async with pooled(sqlite_engine) as engine:
        await Entity.raw("ATTACH ':memory:' AS other")
        async with engine.transaction():
            assert len(await Entity.raw("PRAGMA database_list")) == 1


async def test_a_pragma_that_looks_costs_no_connection(sqlite_engine: SQLiteEngine) -> None:
    """Reading a setting, a table's columns or a check leaves the connection as it is."""
    async with pooled(sqlite_engine) as engine:
        for sql in (
            "PRAGMA foreign_keys",
            "PRAGMA table_info(core_entity)",
            "PRAGMA main.foreign_key_check",
            "PRAGMA user_version = 7",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "EXPLAIN SELECT 1",
        ):
            await Entity.raw(sql)
        assert engine.stats().connections_opened <= 2


async def test_the_wal_does_not_keep_the_size_of_the_largest_transaction(
    sqlite_engine: SQLiteEngine,
) -> None:
    """With its content in the database and small writes behind it, it is cut to the limit."""
    async with pooled(sqlite_engine) as engine:
        await Entity.insert(
            *(Entity(code=str(number), name="n", legal_name="x" * 40_000) for number in range(500))
        )
        peak = wal_size(engine)
        for number in range(5):
            await Entity(code=f"small{number}", name="n").save()
        assert wal_size(engine) <= 8 * 1024 * 1024 < peak


def wal_size(engine: SQLiteEngine) -> int:
    """How many bytes the -wal file has."""
    return Path(f"{engine.path}-wal").stat().st_size

"""Which statements go to a reader: those that certainly change nothing, and no others."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import pytest
from doubles import codes, entity, pooled, until

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.statement import ends_transaction, only_reads
from atlas.errors import DatabaseFileError

READS = [
    "SELECT 1",
    "select 1",
    "  \n\t SELECT 1",
    "-- a comment\nSELECT 1",
    "/* a\ncomment */ -- and another\n  SELECT 1",
    "/**/SELECT/**/1",
    "SELECT 'INSERT INTO x'",
    "VALUES (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "with recursive x(n) as (select 1) select n from x",
    "EXPLAIN QUERY PLAN SELECT 1",
    'SELECT "deleted" FROM "t"',
]
WRITES = [
    "INSERT INTO t VALUES (1)",
    "insert into t values (1)",
    "REPLACE INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "INSERT INTO t VALUES (1) RETURNING a",
    "-- SELECT\nINSERT INTO t VALUES (1)",
    "/* SELECT */ UPDATE t SET a = 1",
    "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
    "with x as (select 1)\ndelete\nfrom t",
    "WITH x AS (SELECT 1) UPDATE t SET a = 1",
    "WITH x AS (SELECT 1) REPLACE INTO t SELECT * FROM x",
    "EXPLAIN DELETE FROM t",
    "PRAGMA user_version = 1",
    "PRAGMA user_version",
    "CREATE TABLE t (a)",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN b",
    "BEGIN",
    "COMMIT",
    "VACUUM",
    "REINDEX",
    "ANALYZE",
    "ATTACH 'x' AS y",
    "/* never closed SELECT 1",
    "; SELECT 1",
    "\N{BYTE ORDER MARK}SELECT 1",
    "SELECTED",
    "",
    "   ",
]


@pytest.mark.parametrize("sql", READS)
def test_what_only_reads_is_known(sql: str) -> None:
    """A statement that can change nothing counts as a read, however it is written."""
    assert only_reads(sql)


@pytest.mark.parametrize("sql", WRITES)
def test_everything_else_is_a_write(sql: str) -> None:
    """A statement that may change something, or that is doubtful, counts as a write."""
    assert not only_reads(sql)


def test_what_counts_as_a_read_cannot_write() -> None:
    """SQLite itself agrees: each read that the list above calls one runs in query_only mode."""
    db = sqlite3.connect(":memory:")
    db.execute('CREATE TABLE t ("deleted")')
    db.execute("PRAGMA query_only = 1")
    for sql in READS:
        db.execute(sql)
    db.close()


@pytest.mark.parametrize(
    ("sql", "pool"),
    [
        ("SELECT count(*) FROM core_entity", "reader"),
        ("-- why\nselect count(*) from core_entity", "reader"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "reader"),
        ("EXPLAIN SELECT * FROM core_entity", "reader"),
        ("PRAGMA user_version", "writer"),
        ("UPDATE core_entity SET name = name RETURNING id", "writer"),
        ("WITH x AS (SELECT 'n' AS n) UPDATE core_entity SET name = (SELECT n FROM x)", "writer"),
    ],
)
async def test_statements_are_routed(sqlite_engine: SQLiteEngine, sql: str, pool: str) -> None:
    """A read is run by a reader while the writer is held; a write waits for the writer."""
    # Without reads in the event loop, which wait for nobody.
    async with pooled(sqlite_engine, pool_size=1, inline_reads=0) as engine:
        source, connection = await engine.acquire(reads=pool == "writer", what="the test")
        await asyncio.wait_for(Entity.raw(sql), 20)
        source.release(connection)
        source, connection = await engine.acquire(reads=pool == "reader", what="the test")
        query = asyncio.create_task(Entity.raw(sql).run())
        await until(lambda: engine.stats().waiting)
        source.release(connection)
        await query


async def test_a_misrouted_write_fails(sqlite_engine: SQLiteEngine) -> None:
    """A write that reaches a reader is refused by SQLite, and nothing is written."""
    async with pooled(sqlite_engine) as engine:
        await entity("A").save()
        source, reader = await engine.acquire(reads=True, what="the test")
        with pytest.raises(DatabaseFileError, match="readonly"):
            await reader.run(lambda handle: handle.execute("DELETE FROM core_entity"))
        source.release(reader)
        assert await Entity.count() == 1


async def test_writers_are_served_first_come_first_served(sqlite_engine: SQLiteEngine) -> None:
    """Tasks that wait for the writer get it in the order in which they asked."""
    async with pooled(sqlite_engine) as engine:
        async with engine.transaction():
            # Tasks inherit the transaction; these are to stand outside of it.
            tasks = []
            for number in range(30):

                async def write(code: str) -> None:
                    engine.current_transaction.set(None)
                    await entity(code).save()

                tasks.append(asyncio.create_task(write(f"{number:02}")))
                await until(lambda: engine.stats().waiting > number)  # noqa: B023
        await asyncio.gather(*tasks)
        order = await Entity.raw("SELECT code FROM core_entity ORDER BY rowid")
    assert [row["code"] for row in order] == [f"{number:02}" for number in range(30)]


async def test_tasks_of_one_process_never_see_a_lock(sqlite_engine: SQLiteEngine) -> None:
    """A hundred tasks that read, write and do both in transactions all succeed."""
    async with pooled(sqlite_engine, pool_size=3, busy_timeout_ms=0) as engine:
        await entity("sum").save()

        async def task(number: int) -> None:
            await entity(f"T{number}").save()
            assert await Entity.exists().where(Entity.code == f"T{number}")
            async with engine.transaction():
                row = await Entity.objects().get(Entity.code == "sum")
                assert row is not None
                row.legal_name = str(int(row.legal_name or 0) + number)
                await row.save()

        await asyncio.gather(*(task(number) for number in range(100)))
        row = await Entity.objects().get(Entity.code == "sum")
        assert row is not None
        assert row.legal_name == str(sum(range(100)))
    assert len(codes(engine.path)) == 101


def test_long_statements_are_judged_at_once() -> None:
    """The length of a statement does not matter, and its text is not kept in memory."""
    start = time.perf_counter()
    assert not only_reads("INSERT INTO t VALUES " + "(1)," * 1_000_000)
    assert not only_reads(" " * 100_000 + ";")
    assert not only_reads("/*" * 100_000)
    assert only_reads("-- a comment\n" * 10_000 + "SELECT 1")
    assert time.perf_counter() - start < 10
    assert not hasattr(only_reads, "cache_info")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("COMMIT", True),
        ("  -- now\n commit;", True),
        ("END TRANSACTION", True),
        ("ROLLBACK", True),
        ("BEGIN IMMEDIATE", True),
        ("ROLLBACK TO SAVEPOINT a", False),
        ("SAVEPOINT a", False),
        ("RELEASE SAVEPOINT a", False),
        ("INSERT INTO a VALUES ('COMMIT')", False),
        ("", False),
    ],
)
def test_end_of_a_transaction_is_told(sql: str, expected: bool) -> None:
    """What begins or ends a transaction is told from savepoints and from all else."""
    assert ends_transaction(sql) is expected

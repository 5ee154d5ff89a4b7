"""Piccolo's DDL, translated: the statements, and what SQLite makes of them."""

from __future__ import annotations

import sqlite3

import pytest
from doubles import pooled, rows

from atlas.engine.ddl import for_postgres, for_sqlite
from atlas.engine.sqlite.engine import SQLiteEngine

UNIQUE = 'ALTER TABLE "t" ADD CONSTRAINT t_a_b_key UNIQUE ("a","b")'
INDEX = 'ALTER TABLE "t" ADD CONSTRAINT t_a_b INDEX ("a","b")'
DROP = 'ALTER TABLE "t" DROP CONSTRAINT IF EXISTS t_a_b'
DROP_TWICE = f"{DROP}, DROP CONSTRAINT IF EXISTS t_a_b"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (UNIQUE, ['CREATE UNIQUE INDEX t_a_b_key ON "t" ("a","b")']),
        (INDEX, ['CREATE INDEX t_a_b ON "t" ("a","b")']),
        (DROP, ["DROP INDEX IF EXISTS t_a_b"]),
        (DROP_TWICE, ["DROP INDEX IF EXISTS t_a_b"]),
        ('ALTER TABLE "t" ADD COLUMN "c" TEXT', ['ALTER TABLE "t" ADD COLUMN "c" TEXT']),
        ("CREATE TABLE t (a)", ["CREATE TABLE t (a)"]),
    ],
)
def test_for_sqlite(statement: str, expected: list[str]) -> None:
    """A constraint over several columns becomes an index; the rest stays as it is."""
    assert for_sqlite(statement) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (UNIQUE, [UNIQUE]),
        (INDEX, ['CREATE INDEX t_a_b ON "t" ("a","b")']),
        (DROP_TWICE, [DROP, "DROP INDEX IF EXISTS t_a_b"]),
        ("CREATE TABLE t (a)", ["CREATE TABLE t (a)"]),
    ],
)
def test_for_postgres(statement: str, expected: list[str]) -> None:
    """PostgreSQL has the constraint, but no index among its constraints."""
    assert for_postgres(statement) == expected


async def test_the_index_is_made_and_dropped(sqlite_engine: SQLiteEngine) -> None:
    """The unique index refuses a second row with the same values, until it is dropped."""
    async with pooled(sqlite_engine) as engine:
        await engine.run_ddl("CREATE TABLE t (a, b)")
        await engine.run_ddl(UNIQUE.replace("t_a_b_key", "t_a_b"), in_pool=True)
        insert = "INSERT INTO t VALUES (1, 2)"
        await engine.run_ddl(insert, in_pool=True)
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            await engine.run_ddl(insert, in_pool=True)
        await engine.run_ddl(DROP_TWICE, in_pool=True)
        await engine.run_ddl(insert, in_pool=True)
    assert rows(engine.path, "SELECT * FROM t") == [(1, 2), (1, 2)]


async def test_ddl_in_a_transaction_is_undone_with_it(sqlite_engine: SQLiteEngine) -> None:
    """DDL takes part in the transaction it is run in."""
    async with pooled(sqlite_engine) as engine:
        with pytest.raises(LookupError):
            async with engine.transaction():
                await engine.run_ddl("CREATE TABLE t (a, b)")
                await engine.run_ddl(UNIQUE)
                raise LookupError
    assert rows(engine.path, "SELECT name FROM sqlite_master WHERE tbl_name = 't'") == []

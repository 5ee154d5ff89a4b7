"""The queries of the dashboard and the sync workers run, find something, and use indexes.

tests/queries.sql is the consumers' own text. The tests take any database of theirs:
today the demo and the benchmark's group, of any size.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from benchmark import group
from benchmark.growth import positional
from benchmark.queries import AUDITS, PATH, QUERIES, Query, parameters
from conftest import SHARED, bind
from piccolo.engine.base import Engine
from school import demo, load, reference

from atlas import Order, create_client, seed
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.rules import audit
from atlas.rules.audit import queries

#: Tables that grow with the business: to read one from end to end takes seconds.
LARGE = {
    "commerce_order",
    "commerce_order_line",
    "commerce_enrollment",
    "finance_invoice",
    "finance_invoice_line",
    "finance_payment",
    "finance_payment_allocation",
    "finance_revenue",
    "marketing_lead",
    "db_person",
    "db_contact",
    "db_identifier",
}


def make_demo(path: Path, migrated_file: Path) -> None:
    """Make the database at ``path`` that ``atlas seed --demo medium`` makes."""
    shutil.copyfile(migrated_file, path)

    async def make() -> None:
        async with create_client(f"file:{path}"):
            await seed(demo="medium")

    asyncio.run(make())


@pytest.fixture(scope="module", params=["demo", "group"])
def business(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sqlite3.Connection]:
    """A database with a business in it, through the plain driver."""
    path = tmp_path_factory.mktemp("business") / f"{request.param}.db"
    if request.param == "demo":
        make_demo(path, request.getfixturevalue("migrated_file"))
    else:
        group.make(path, 2_000)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = 1")
        yield database


def test_file_is_the_consumers_own() -> None:
    """The copy is theirs, byte for byte, and all of it is read."""
    assert [query.name for query in QUERIES] == [
        *("S1", "S2", "S3", "S4", "S5", "S6"),
        *("D1", "D2", "D3", "D4", "D5", "D6"),
    ]
    assert [query.name for query in AUDITS] == ["E1", "C1", "O1", "O4", "F2"]
    original = SHARED / "queries.sql"
    if not original.exists():
        pytest.skip(f"{original} is not there to compare with")
    assert PATH.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_query_finds_something(business: sqlite3.Connection, query: Query) -> None:
    """Each query answers with rows; one that writes changes a row once, and then no more."""
    values = parameters(business)[query.name]
    if not query.writes:
        assert business.execute(query.sql, values).fetchall() != []
        return
    business.execute("BEGIN")
    try:
        if query.name == "S3":
            business.execute(
                "UPDATE commerce_order SET total_amount = 1 WHERE id = :order_id", values
            )
        assert business.execute(query.sql, values).rowcount == 1
        assert business.execute(query.sql, values).rowcount == 0
    finally:
        business.execute("ROLLBACK")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_query_searches_large_tables_by_index(business: sqlite3.Connection, query: Query) -> None:
    """No query reads a large table from end to end, and none lacks an index."""
    for step in plan(business, query.sql, parameters(business)[query.name]):
        assert scanned(step, query.sql) not in LARGE, step


@pytest.mark.parametrize("query", AUDITS, ids=lambda query: query.name)
def test_audit_finds_nothing(business: sqlite3.Connection, query: Query) -> None:
    """The consumers' own audits return no row."""
    assert business.execute(query.sql).fetchall() == []


@pytest.mark.parametrize("query", AUDITS, ids=lambda query: query.name)
def test_audit_reads_a_large_table_at_most_once(business: sqlite3.Connection, query: Query) -> None:
    """An audit looks at each row of one table, and finds those of others by index."""
    assert repeated_scans(business, query.sql) == []


async def test_business_breaks_no_rule(
    business: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the queries are tested and measured on obeys the rules of the model."""
    (path,) = [file for _, name, file in business.execute("PRAGMA database_list") if name == "main"]
    engine = SQLiteEngine(path)
    bind(engine, monkeypatch)
    assert business.execute("PRAGMA foreign_key_check").fetchall() == []
    assert [str(each) for each in (await audit()).violations] == []
    await engine.close_connection_pool()


def test_rules_read_a_table_at_most_once(business: sqlite3.Connection) -> None:
    """No statement of ``atlas audit`` compares all rows of a table with all of another."""
    for query in queries():
        assert repeated_scans(business, query.sql) == [], query.sql


def test_plans_are_read_as_sqlite_means_them(business: sqlite3.Connection) -> None:
    """The checks of plans above notice a scan, a nested one, and an index that is missing."""
    large = "SELECT * FROM commerce_order o WHERE o.note = 'x'"
    assert [scanned(step, large) for step in plan(business, large)] == ["commerce_order"]
    product = "SELECT 1 FROM commerce_order o JOIN finance_payment p ON p.number > o.number"
    assert len(repeated_scans(business, product)) == 1
    unindexed = "SELECT 1 FROM commerce_order o JOIN finance_payment p ON p.fee_amount = o.note"
    assert len(repeated_scans(business, unindexed)) == 1


async def test_queries_run_on_both_databases(engine: Engine[Any]) -> None:
    """PostgreSQL answers as SQLite does, with the two words of its dialect."""
    await load([*reference(), *demo()])
    values = await _values(engine)
    for query in QUERIES:
        sql, names = positional(query.sql)
        if engine.engine_type == "postgres":
            sql = sql.replace("is_active = 1", "is_active")
            sql = re.sub(r"IS NOT (excluded\.\w+)", r"IS DISTINCT FROM \1", sql)
        given = values[query.name]
        rows = await Order.raw(sql, *(given[name] for name in names))
        assert query.writes or rows, query.name
    for query in AUDITS:
        assert await Order.raw(query.sql) == [], query.name


async def _values(engine: Engine[Any]) -> dict[str, dict[str, Any]]:
    """Return the parameters as Python values, found in a copy of the rows on SQLite."""
    import datetime

    from atlas import TABLES

    with closing(sqlite3.connect(":memory:")) as copy:
        for table in TABLES:
            names = [column._meta.name for column in table._meta.columns]
            name = table._meta.tablename
            copy.execute(f"CREATE TABLE {name} ({', '.join(names)})")
            for row in await table.select():
                marks = ", ".join("?" * len(names))
                values = [
                    str(row[n]) if isinstance(row[n], datetime.date) else row[n] for n in names
                ]
                copy.execute(f"INSERT INTO {name} VALUES ({marks})", values)
        found = parameters(copy)

    def typed(name: str, value: Any) -> Any:
        if value is None or not isinstance(value, str):
            return value
        if name in ("now", "cursor_at"):
            return datetime.datetime.fromisoformat(value)
        if name in ("day", "day30", "day90", "from", "to", "order_date"):
            return datetime.date.fromisoformat(value)
        return value

    return {
        query: {name: typed(name, value) for name, value in values.items()}
        for query, values in found.items()
    }


# --- plans -------------------------------------------------------------------


def plan(database: sqlite3.Connection, sql: str, values: dict[str, Any] | None = None) -> list[str]:
    """Return the steps of SQLite's plan for a statement."""
    return [step for *_, step in database.execute(f"EXPLAIN QUERY PLAN {sql}", values or {})]


def scanned(step: str, sql: str) -> str | None:
    """Return the table that a step reads from end to end; None where it does not."""
    match = re.match(r"SCAN (\w+)", step)
    if match is None:
        return None
    aliases = {
        alias: table
        for table, alias in re.findall(r"(?:FROM|JOIN)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?", sql)
    }
    return aliases.get(match[1], match[1])


def repeated_scans(database: sqlite3.Connection, sql: str) -> list[str]:
    """Return steps that are done for each row of another, and are not a search by an index.

    SQLite nests the steps under one parent in the order they are written
    (https://www.sqlite.org/eqp.html): the first is the outer loop.
    """
    loops: dict[int, list[str]] = {}
    for _, parent, _, step in database.execute(f"EXPLAIN QUERY PLAN {sql}"):
        if step.startswith(("SCAN", "SEARCH")):
            loops.setdefault(parent, []).append(step)
    return [
        step
        for steps in loops.values()
        for step in steps[1:]
        if step.startswith("SCAN") or "AUTOMATIC" in step
    ]

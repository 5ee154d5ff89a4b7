"""Values that another tool corrupted never come back as something else, and hide no other row."""

from __future__ import annotations

import asyncio
import datetime
import pickle
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest
from doubles import pooled, threads, until

from atlas import Category, Entity, Period, Person, PersonTag, Tag
from atlas.engine.sqlite.converters import is_corrupt
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import CorruptValueError
from atlas.table import Table

DAY = datetime.date(2026, 1, 1)
UTC = datetime.UTC

#: Table, column, the value as SQL, and the value the error shows.
CORRUPT: list[tuple[type[Table], str, str, object]] = [
    (Period, "start_date", "'tomorrow'", "tomorrow"),
    (Period, "end_date", "'2026-1-2'", "2026-1-2"),
    (Period, "end_date", "'20260102'", 20260102),  # the column's affinity makes it a number
    (Period, "start_date", "'2026-02-30'", "2026-02-30"),
    (Period, "start_date", "'2026-01-02 00:00:00'", "2026-01-02 00:00:00"),
    (Period, "start_date", "2461043.5", 2461043.5),
    (Period, "created_at", "'abc'", "abc"),
    (Period, "updated_at", "1767312000", 1767312000),
    (Period, "updated_at", "1712011200000", 1712011200000),
    (Period, "created_at", "'2026-01-02'", "2026-01-02"),
    (Period, "created_at", "'2026-02-30 10:00:00+00:00'", "2026-02-30 10:00:00+00:00"),
    (Period, "created_at", "'2026-01-02 24:00:00'", "2026-01-02 24:00:00"),
    (Period, "created_at", "'0001-01-01 00:00:00+07:00'", "0001-01-01 00:00:00+07:00"),
    (Entity, "is_active", "2", 2),
    (Entity, "is_active", "'true'", "true"),
    (Entity, "is_active", "0.5", 0.5),
    (Category, "sort_order", "1.5", 1.5),
    (Category, "sort_order", "'abc'", "abc"),
    (Category, "sort_order", "'1_000'", "1_000"),
    (Category, "sort_order", "9e999", float("inf")),
    (Category, "sort_order", "x'ff00'", b"\xff\x00"),
    (Entity, "legal_name", "CAST(x'41ff' AS TEXT)", b"A\xff"),
]
IDS = [f"{table.__name__}.{column}={sql}" for table, column, sql, _ in CORRUPT]


@pytest.fixture(params=["pooled", "unpooled"])
async def any_engine(
    request: pytest.FixtureRequest, sqlite_engine: SQLiteEngine
) -> AsyncIterator[SQLiteEngine]:
    """The engine with two rows in some tables, with its pool open, then without."""
    before = threads()
    parent = Entity(code="parent", name="A")
    await Entity.insert(parent, Entity(code="bad", name="A"), Entity(code="good", name="A"))
    for number, code in enumerate(("bad", "good")):
        await Category(entity_id=parent, code=code, name="A").save()
        start = DAY.replace(month=number + 1)
        await Period(code=code, type=Period.Type.Month, start_date=start, end_date=start).save()
    await sqlite_engine.close_connection_pool()
    if request.param == "pooled":
        # One reader: looking for the value must not need a second one.
        async with pooled(sqlite_engine, pool_size=1, acquire_timeout_ms=2_000):
            yield sqlite_engine
            await until(lambda: not sqlite_engine.stats().readers_in_use)
    else:
        yield sqlite_engine
        await sqlite_engine.close_connection_pool()
        await until(lambda: threads() <= before)


def corrupt(engine: SQLiteEngine, table: type[Table], column: str, sql: str) -> str:
    """Write a value with plain SQL into the row whose code is bad, and return the row's id."""
    db = sqlite3.connect(engine.path)
    name = table._meta.tablename
    db.execute(f"UPDATE {name} SET {column} = {sql} WHERE code = 'bad'")
    db.commit()
    (key,) = db.execute(f"SELECT id FROM {name} WHERE code = 'bad'").fetchone()
    db.close()
    return str(key)


@pytest.mark.parametrize(("table", "column", "sql", "value"), CORRUPT, ids=IDS)
async def test_the_error_names_the_value(
    any_engine: SQLiteEngine, table: type[Table], column: str, sql: str, value: object
) -> None:
    """Table, column, row and value are in the error, and the rest can still be read."""
    key = corrupt(any_engine, table, column, sql)
    for query in (
        table.select(),
        table.objects(),
        table.select(table._meta.get_column_by_name(column)),
        table.select().where(table._meta.primary_key == key),
        table.raw(f"SELECT * FROM {table._meta.tablename}"),
    ):
        with pytest.raises(CorruptValueError) as caught:
            await query
        error = caught.value
        assert (error.table, error.column, error.id) == (table._meta.tablename, column, key)
        assert error.value == value
        assert type(error.value) is type(value)
        for part in (table._meta.tablename, column, key):
            assert part in str(error)
    others = await table.select().where(table.code == "good")  # type: ignore[attr-defined]
    assert [row["code"] for row in others] == ["good"]
    assert len(await table.select(table.code)) >= 2  # type: ignore[attr-defined]
    assert await table.count() >= 2


async def test_in_a_transaction(any_engine: SQLiteEngine) -> None:
    """The error names the value, and the block goes on."""
    key = corrupt(any_engine, Entity, "is_active", "2")
    async with any_engine.transaction():
        with pytest.raises(CorruptValueError, match=key):
            await Entity.objects()
        await Entity.update({Entity.is_active: True}).where(Entity.id == key)
    assert len(await Entity.objects()) == 3


async def test_in_a_transaction_that_corrupted_it(any_engine: SQLiteEngine) -> None:
    """A value that is not committed yet is found too."""
    async with any_engine.transaction():
        await Entity.raw("UPDATE core_entity SET is_active = 3 WHERE code = 'bad'")
        with pytest.raises(CorruptValueError, match=r"core_entity\.is_active.* holds 3"):
            await Entity.objects()
        await Entity.raw("UPDATE core_entity SET is_active = 1 WHERE code = 'bad'")


async def test_in_a_snapshot(any_engine: SQLiteEngine) -> None:
    """The error names the value, and the block goes on."""
    corrupt(any_engine, Period, "start_date", "'tomorrow'")
    async with any_engine.snapshot():
        with pytest.raises(CorruptValueError, match="tomorrow"):
            await Period.select()
        assert await Period.count() == 2


async def test_in_a_batch(any_engine: SQLiteEngine) -> None:
    """The error names the value, and the connection comes back."""
    corrupt(any_engine, Period, "start_date", "'tomorrow'")
    for _ in range(3):
        with pytest.raises(CorruptValueError, match="tomorrow"):
            async with await Period.select().batch() as batch:
                async for _ in batch:
                    pass


async def test_in_a_query_of_several_tables(any_engine: SQLiteEngine) -> None:
    """The table is that of the value, not that of the query."""
    key = corrupt(any_engine, Entity, "is_active", "2")
    await Category.update({Category.entity_id: key}).where(Category.code == "good")
    with pytest.raises(CorruptValueError, match=rf"core_entity\.is_active: the row '{key}'"):
        await Category.select(Category.code, Category.entity_id.is_active)


async def test_what_a_write_returns(any_engine: SQLiteEngine) -> None:
    """A write whose result holds a corrupt value says so; the statement itself was run."""
    corrupt(any_engine, Entity, "is_active", "2")
    with pytest.raises(CorruptValueError, match="is_active"):
        await Entity.raw("UPDATE core_entity SET name = 'B' RETURNING is_active")
    assert {row["name"] for row in await Entity.select(Entity.name)} == {"B"}


async def test_a_row_of_a_join_table(any_engine: SQLiteEngine) -> None:
    """A row with two keys is named by both."""
    person, tag = Person(full_name="A"), Tag(code="t", name="T")
    await person.save()
    await tag.save()
    await PersonTag(person_id=person, tag_id=tag).save()
    await PersonTag.raw("UPDATE db_person_tag SET created_at = 'abc'")
    with pytest.raises(CorruptValueError) as caught:
        await PersonTag.select()
    assert caught.value.id == (person.id, tag.id)


async def test_from_run_sync(any_engine: SQLiteEngine) -> None:
    """A query from a plain thread says the same."""
    key = corrupt(any_engine, Entity, "is_active", "2")
    with pytest.raises(CorruptValueError, match=key):
        await asyncio.to_thread(lambda: Entity.select().run_sync())


@pytest.mark.parametrize(
    ("sql", "instant"),
    [
        ("'2026-01-02 07:00:00+07:00'", datetime.datetime(2026, 1, 2, tzinfo=UTC)),
        ("'2026-01-01T19:30:00-04:30'", datetime.datetime(2026, 1, 2, tzinfo=UTC)),
        ("'2026-01-02 00:00:00'", datetime.datetime(2026, 1, 2, tzinfo=UTC)),
        ("'2026-01-02T00:00:00Z'", datetime.datetime(2026, 1, 2, tzinfo=UTC)),
        ("CURRENT_TIMESTAMP", None),
    ],
)
async def test_timestamps_of_other_offsets(
    any_engine: SQLiteEngine, sql: str, instant: datetime.datetime | None
) -> None:
    """Text with another offset is the instant it stands for; without one it is UTC."""
    corrupt(any_engine, Entity, "created_at", sql)
    row = await Entity.objects().get(Entity.code == "bad")
    assert row is not None
    if instant is None:
        assert abs(datetime.datetime.now(UTC) - row.created_at).total_seconds() < 60
    else:
        assert row.created_at == instant
    assert row.created_at.utcoffset() == datetime.timedelta(0)


async def test_an_expression_that_is_no_stored_value(any_engine: SQLiteEngine) -> None:
    """What an expression made is an error of its own: no row is blamed that is in order."""
    with pytest.raises(ValueError, match="is not a date") as caught:
        await Entity.raw("SELECT 'abc' AS \"d [DATE]\" FROM core_entity")
    assert not isinstance(caught.value, CorruptValueError)
    assert caught.value.__cause__ is not caught.value


async def test_an_error_about_something_else(any_engine: SQLiteEngine) -> None:
    """A parameter that is not text is reported as such, though a value is corrupt too."""
    corrupt(any_engine, Entity, "is_active", "2")
    with pytest.raises(UnicodeEncodeError):
        await Entity.raw("SELECT code FROM core_entity WHERE code = {}", "\ud800")


def test_the_error_crosses_processes() -> None:
    """It can be pickled, as a worker process does with what it raises."""
    error = CorruptValueError("t", "c", "1", b"x")
    copy: Any = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (copy.table, copy.column, copy.id, copy.value) == ("t", "c", "1", b"x")
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("declared_type", "storage", "stored", "corrupt"),
    [
        ("BOOLEAN", "integer", b"1", False),
        ("BOOLEAN", "text", b"1", True),
        ("INTEGER", "integer", b"-3", False),
        ("INTEGER", "real", b"1.0", True),
        ("REAL", "real", b"1.0", False),
        ("REAL", "text", b"abc", True),
        ("REAL", "integer", b"1", True),
        ("TEXT", "text", "ü".encode(), False),
        ("TEXT", "text", b"\xff", True),
        ("TEXT", "blob", b"a", True),
        ("DATE", "text", b"2026-01-02", False),
        ("DATE", "integer", b"20260102", True),
        ("TIMESTAMPTZ", "text", b"2026-01-02 03:04:05+00:00", False),
        ("TIMESTAMPTZ", "integer", b"1767312000", True),
        ("SOMETHING", "blob", b"\xff", False),
    ],
)
def test_is_corrupt(declared_type: str, storage: str, stored: bytes, corrupt: bool) -> None:
    """A value belongs in its column when it is stored as the type says, and can be read."""
    assert is_corrupt(declared_type, storage, stored) is corrupt

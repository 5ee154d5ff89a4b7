"""``atlas adopt`` takes another tool's file over, with every value, or leaves it as it is.

The other tool is Drizzle: ``drizzle.sql`` is what drizzle-kit made of the model.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from conftest import ROOT, bind

import atlas
from atlas import MigrationError, SchemaChangeError
from atlas.check import drift
from atlas.check.adopt import adopt
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Timestamp, Ulid
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.migrate import log
from atlas.schema.schema import Kind
from atlas.ulid import new_ulid

DRIZZLE = Path(__file__).with_name("drizzle.sql")

INSTANT = datetime.datetime(2026, 1, 31, 8, 0, 0, 250_000, tzinfo=datetime.UTC)
OURS, ISO = "2026-01-31 08:00:00.250000+00:00", "2026-01-31T08:00:00.250Z"

Rows = dict[str, list[dict[str, Any]]]


# --- another tool's file, filled by the plain driver


def stored(column: Any, number: int, ids: dict[str, list[str]], instant: str) -> Any:
    """Return a value as Drizzle stores it: integers for booleans, texts for dates."""
    if isinstance(column, ForeignKey):
        target = column._foreign_key_meta.resolved_references._meta.tablename
        rows = ids.get(target, [])
        return rows[min(number, len(rows) - 1)] if rows else None
    if isinstance(column, Ulid):
        return new_ulid()
    if column._meta.choices:
        tokens = [member.value for member in column._meta.choices]
        return tokens[number % len(tokens)]
    if isinstance(column, Boolean):
        return number % 2
    if isinstance(column, Date):
        return f"2026-02-{number + 1:02}"
    if isinstance(column, Timestamp):
        return instant
    if isinstance(column, Decimal):
        return number * 1_000_000.25 if number % 2 else number * 1_500_000
    if isinstance(column, Integer):
        return number * 3
    return f"{column._meta.name} {number} 'ü' \n"


def fill(path: Path, instant: str = OURS) -> Rows:
    """Insert three rows into each table: with every value, without what may be null, between."""
    written: Rows = {}
    ids: dict[str, list[str]] = {}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for table in atlas.TABLES:
            name = table._meta.tablename
            for number in range(3):
                row = {
                    column._meta.name: None
                    if number == 1 and column._meta.null
                    else stored(column, number, ids, instant)
                    for column in table._meta.columns
                }
                names = ", ".join(row)
                marks = ", ".join("?" * len(row))
                connection.execute(
                    f"INSERT INTO {name} ({names}) VALUES ({marks})", tuple(row.values())
                )
                written.setdefault(name, []).append(row)
                if "id" in row:
                    ids.setdefault(name, []).append(row["id"])
    return written


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file as drizzle-kit makes it, and one with rows. Copy them; do not write to them."""
    folder = tmp_path_factory.mktemp("drizzle")
    empty, filled = folder / "empty.db", folder / "filled.db"
    execute_script(
        empty,
        statements()
        + "CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL,"
        " created_at numeric); INSERT INTO __drizzle_migrations VALUES (1, 'a', 1767225600000);",
    )
    shutil.copyfile(empty, filled)
    fill(filled)
    return empty, filled


def statements() -> str:
    return DRIZZLE.read_text().replace("--> statement-breakpoint", "")


def execute_script(path: Path, script: str) -> None:
    """Run statements in one transaction."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN;{script};COMMIT")


@pytest.fixture
def empty_drizzle(made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as drizzle-kit makes it, without rows, which the tables are bound to."""
    return bound(made[0], tmp_path, monkeypatch)


@pytest.fixture
def drizzle(made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same file, with rows in every table."""
    return bound(made[1], tmp_path, monkeypatch)


def bound(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "atlas-ops.db"
    shutil.copyfile(file, path)
    bind(SQLiteEngine(str(path)), monkeypatch)
    return path


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement


def dump(path: Path) -> list[str]:
    """Return the SQL that makes the database, with every stored value."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def seen(path: Path) -> tuple[bytes, int]:
    """Return what a file is, byte for byte, and when it was last written."""
    return path.read_bytes(), path.stat().st_mtime_ns


def expected(column: Any, value: Any) -> Any:
    """Return what Atlas is to read for what Drizzle stored."""
    if value is None:
        return None
    if isinstance(column, Boolean):
        return value == 1
    if isinstance(column, Date):
        return datetime.date.fromisoformat(value)
    if isinstance(column, Timestamp):
        return INSTANT
    if isinstance(column, Decimal):
        return float(value)
    return value


async def read_rows(written: Rows) -> Iterator[tuple[str, Any, Any]]:
    """Return what Atlas reads of every column of every row, and what it is to read."""
    found = []
    for table in atlas.TABLES:
        name = table._meta.tablename
        keys = [column._meta.name for column in table._key_columns]
        rows = {tuple(row[key] for key in keys): row for row in await table.select()}
        assert len(rows) == len(written[name])
        for row in written[name]:
            read = rows[tuple(row[key] for key in keys)]
            for column in table._meta.columns:
                value = expected(column, row[column._meta.name])
                found.append((f"{name}.{column._meta.name}", read[column._meta.name], value))
    return iter(found)


async def check_all_read(written: Rows) -> None:
    columns = set()
    for place, read, value in await read_rows(written):
        assert (place, type(read), read) == (place, type(value), value)
        columns.add(place)
    assert len(columns) == sum(len(table._meta.columns) for table in atlas.TABLES) > 400


async def check_is_ours() -> None:
    report = await drift.check()
    assert report.drift == ()
    rows = await log.applied(drift.atlas_engine())
    assert len(rows) == 7
    for file in (file for app in drift.app_names() for file in drift.unread_files(app)):
        (row,) = [row for row in rows if row.app_name == file.app_name]
        assert (row.name, row.file_sha256) == (file.id, log.file_sha256(file.path))


# --- a file of Drizzle's


async def test_recorded_file_has_what_the_model_says(empty_drizzle: Path) -> None:
    """The file of the tests differs from ours as Drizzle's do: types, defaults, index names."""
    adoption = await adopt(dry_run=True)
    kinds = Counter(f.kind for f in adoption.obstacles)
    assert kinds.keys() == {Kind.column_type, Kind.column_default, Kind.index_name}
    assert kinds[Kind.column_type] == 76 + 31 + 21
    assert {f.found for f in adoption.obstacles if f.kind is Kind.column_type} == {
        "TEXT",
        "INTEGER",
    }
    assert [f.kind for f in adoption.findings if f.severity == "note"] == [Kind.foreign_log]


async def test_file_that_differs_is_left_as_it_is(drizzle: Path) -> None:
    """Without ``repair`` nothing is done to it, not even to its journal mode."""
    before = seen(drizzle)
    adoption = await adopt()
    assert adoption.obstacles
    assert not adoption.is_done
    assert seen(drizzle) == before
    assert os.listdir(drizzle.parent) == [drizzle.name]


async def test_dry_run_does_nothing(drizzle: Path) -> None:
    """What would be done is said, and not done."""
    before = seen(drizzle)
    adoption = await adopt(repair=True, dry_run=True)
    assert adoption.obstacles == ()
    assert len(adoption.repairs) == 38
    assert len(adoption.recorded) == 7
    assert not adoption.is_done
    assert seen(drizzle) == before
    assert os.listdir(drizzle.parent) == [drizzle.name]


async def test_every_value_is_read_as_it_was_written(empty_drizzle: Path) -> None:
    """After ``repair`` Atlas reads every column of the 38 tables as Drizzle wrote it."""
    written = fill(empty_drizzle)
    adoption = await adopt(repair=True)
    assert adoption.is_done
    assert adoption.obstacles == ()
    await check_is_ours()
    await check_all_read(written)
    with closing(sqlite3.connect(empty_drizzle)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_stored_values_are_not_touched(drizzle: Path) -> None:
    """A repair leaves each value as it is stored, and other tables alone."""

    def values() -> dict[str, list[Any]]:
        with closing(sqlite3.connect(drizzle)) as connection:
            names = [table._meta.tablename for table in atlas.TABLES]
            return {
                name: connection.execute(f"SELECT rowid, * FROM {name} ORDER BY rowid").fetchall()
                for name in [*names, "__drizzle_migrations"]
            }

    before = values()
    assert (await adopt(repair=True)).is_done
    assert values() == before


async def test_adopted_tables_are_used_as_any(drizzle: Path) -> None:
    """Rows of both tools are compared, joined and changed alike, and the rules are kept."""
    assert (await adopt(repair=True)).is_done
    tag = atlas.Tag(code="new", name="New")
    await tag.save()
    assert await atlas.Tag.count().where(atlas.Tag.created_at > INSTANT) == 1
    assert await atlas.Tag.count().where(atlas.Tag.is_active.eq(True)) == 2
    unit = await atlas.Unit.objects().first()
    assert unit is not None
    unit.name = "Other"
    await unit.save()
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await atlas.Tag(code="new", name="Again").save()
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await atlas.Entity.delete(force=True)


async def test_objects_by_hand_are_kept(drizzle: Path) -> None:
    """A trigger and a view that somebody added work after the repair."""
    execute_script(
        drizzle,
        "CREATE VIEW tags AS SELECT code FROM db_tag;"
        "CREATE TABLE mine (code TEXT);"
        "CREATE TRIGGER watch AFTER INSERT ON db_tag"
        " BEGIN INSERT INTO mine VALUES (new.code); END;",
    )
    adoption = await adopt(repair=True)
    assert adoption.is_done
    notes = {(f.kind, f.table) for f in adoption.findings if f.severity == "note"}
    assert notes == {
        (Kind.extra_table, "mine"),
        (Kind.trigger, "db_tag"),
        (Kind.view, "tags"),
        (Kind.foreign_log, "__drizzle_migrations"),
    }
    await atlas.Tag(code="new", name="New").save()
    with closing(sqlite3.connect(drizzle)) as connection:
        assert connection.execute("SELECT code FROM mine").fetchall() == [("new",)]
        assert len(connection.execute("SELECT code FROM tags").fetchall()) == 4


async def test_file_is_copied_before_a_repair(drizzle: Path) -> None:
    """The database from before the repair lies beside it, whole; and not, when not wanted."""
    before = dump(drizzle)
    adoption = await adopt(repair=True)
    assert adoption.backup is not None
    assert adoption.backup.parent == drizzle.parent
    assert dump(adoption.backup) == before


async def test_no_copy_when_not_wanted(drizzle: Path) -> None:
    """``backup=False`` makes no copy."""
    adoption = await adopt(repair=True, backup=False)
    assert (adoption.is_done, adoption.backup) == (True, None)
    assert not list(drizzle.parent.glob("*.backup"))


async def test_second_adoption_has_nothing_to_do(drizzle: Path) -> None:
    """What was taken over is not taken over again."""
    await adopt(repair=True, backup=False)
    before = dump(drizzle)
    adoption = await adopt(repair=True)
    assert not adoption.is_needed
    assert not adoption.is_done
    assert dump(drizzle) == before


# --- values


async def test_timestamps_in_another_form_are_counted_and_refused(empty_drizzle: Path) -> None:
    """Instants as JavaScript writes them would not compare with ours, so they are named."""
    fill(empty_drizzle, ISO)
    before = dump(empty_drizzle)
    adoption = await adopt(repair=True)
    assert {f.kind for f in adoption.obstacles} == {Kind.other_form}
    assert len(adoption.obstacles) == 76
    finding = next(f for f in adoption.obstacles if (f.table, f.name) == ("db_tag", "created_at"))
    assert "3 of 3 rows" in finding.message
    assert ISO in finding.message
    assert "--convert-timestamps" in finding.remedy
    assert dump(empty_drizzle) == before


async def test_timestamps_are_converted_when_asked_for(empty_drizzle: Path) -> None:
    """``convert_timestamps`` stores the same instants in our form, so that they compare."""
    written = fill(empty_drizzle, ISO)
    assert (await adopt(repair=True, convert_timestamps=True)).is_done
    await check_is_ours()
    await check_all_read(written)
    assert await atlas.Tag.count().where(atlas.Tag.created_at == INSTANT) == 3
    with closing(sqlite3.connect(empty_drizzle)) as connection:
        query = "SELECT DISTINCT created_at FROM db_tag"
        assert connection.execute(query).fetchall() == [(OURS,)]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31 08:00:00", datetime.datetime(2026, 1, 31, 8, tzinfo=datetime.UTC)),
        ("2026-01-31T10:00:00+02:00", datetime.datetime(2026, 1, 31, 8, tzinfo=datetime.UTC)),
        ("2026-01-31T08:00:00.250Z", INSTANT),
    ],
)
async def test_each_text_form_is_the_same_instant(
    drizzle: Path, text: str, instant: datetime.datetime
) -> None:
    """Text without an offset is UTC, as ``CURRENT_TIMESTAMP`` writes it; an offset counts."""
    execute(drizzle, f"UPDATE db_tag SET created_at = '{text}'")
    assert (await adopt(repair=True)).obstacles[0].kind is Kind.other_form
    assert (await adopt(repair=True, convert_timestamps=True)).is_done
    assert {tag["created_at"] for tag in await atlas.Tag.select()} == {instant}


BAD_VALUES = {
    "milliseconds": ("db_tag", "created_at", "1769846400250", Kind.unreadable_value),
    "seconds": ("db_tag", "created_at", "1769846400", Kind.unreadable_value),
    "a local date": ("db_person", "birth_date", "'31/01/2026'", Kind.unreadable_value),
    "a date with a time": ("db_person", "birth_date", "'2026-01-31T00:00:00Z'",
                           Kind.unreadable_value),
    "a boolean in words": ("db_tag", "is_active", "'true'", Kind.unreadable_value),
    "a boolean of 2": ("db_tag", "is_active", "2", Kind.unreadable_value),
    "a number in words": ("catalog_price", "amount", "'Rp 5.000'", Kind.unreadable_value),
    "a half": ("catalog_category", "sort_order", "1.5", Kind.unreadable_value),
    "bytes": ("db_tag", "name", "x'ff'", Kind.unreadable_value),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_value_that_could_not_be_read_is_refused(drizzle: Path, name: str) -> None:
    """One such value is counted and shown with its row, and nothing is changed."""
    table, column, value, kind = BAD_VALUES[name]
    execute(drizzle, f"UPDATE {table} SET {column} = {value} WHERE rowid = 2")
    before = dump(drizzle)
    adoption = await adopt(repair=True, convert_timestamps=True)
    (finding,) = adoption.obstacles
    assert (finding.kind, finding.table, finding.name) == (kind, table, column)
    assert "1 of 3 rows" in finding.message
    with closing(sqlite3.connect(drizzle)) as connection:
        (id,) = connection.execute(f"SELECT id FROM {table} WHERE rowid = 2").fetchone()
    assert id in finding.message
    assert dump(drizzle) == before


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
async def test_remedy_for_numbers_works(drizzle: Path, unit: str) -> None:
    """The UPDATE that is given for instants as numbers makes of them what Atlas reads."""
    number = {"seconds": "1769846400", "milliseconds": "1769846400250"}[unit]
    execute(drizzle, f"UPDATE db_tag SET updated_at = {number}")
    (finding,) = (await adopt(repair=True)).obstacles
    execute(drizzle, finding.remedy.partition(": ")[2])
    assert (await adopt(repair=True)).is_done
    instants = {tag["updated_at"] for tag in await atlas.Tag.select()}
    whole = INSTANT.replace(microsecond=0)
    assert instants == {INSTANT if unit == "milliseconds" else whole}


async def test_null_in_a_required_column_is_refused(drizzle: Path) -> None:
    """Where the other tool allowed null, the rows are counted and the way out is an UPDATE."""
    execute_script(
        drizzle,
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = replace(sql, '`name` text NOT NULL', '`name` text')"
        " WHERE name = 'db_tag'",
    )
    execute(drizzle, "UPDATE db_tag SET name = NULL WHERE rowid < 3")
    (finding,) = (await adopt(repair=True)).obstacles
    assert (finding.kind, finding.name) == (Kind.missing_value, "name")
    assert "2 of 3 rows" in finding.message
    execute(drizzle, finding.remedy.partition(": ")[2].replace("…", "'none'"))
    assert (await adopt(repair=True)).is_done
    await check_is_ours()


async def test_value_that_would_not_be_written_is_a_note(drizzle: Path) -> None:
    """A token that is not a choice, or an id that is not a ULID, is read as it is and mentioned."""
    execute(
        drizzle,
        "UPDATE db_tag SET type = 'Elsewhere' WHERE rowid = 1",
        "UPDATE target_line SET id = 'line-1' WHERE rowid = 1",
    )
    adoption = await adopt(repair=True)
    assert adoption.is_done
    notes = [f for f in adoption.findings if f.kind is Kind.refused_value]
    assert [(f.table, f.name) for f in notes] == [("db_tag", "type"), ("target_line", "id")]
    assert {tag["type"] for tag in await atlas.Tag.select()} > {"Elsewhere"}


async def test_reference_that_leads_nowhere_is_refused(drizzle: Path) -> None:
    """Rows whose parent is gone, as without foreign keys, are counted and named."""
    execute(drizzle, "DELETE FROM marketing_campaign WHERE rowid = 3")
    before = dump(drizzle)
    adoption = await adopt(repair=True)
    assert {f.kind for f in adoption.obstacles} == {Kind.lost_reference}
    assert {f.expected for f in adoption.obstacles} == {"marketing_campaign"}
    assert dump(drizzle) == before


async def test_lost_reference_that_no_key_showed_is_refused(drizzle: Path) -> None:
    """Where the other tool declared no reference, a row that breaks it rolls the repair back."""
    execute_script(
        drizzle,
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = replace(sql, ',\n\tFOREIGN KEY (`parent_id`) REFERENCES"
        " `core_unit`(`id`) ON UPDATE no action ON DELETE restrict', '')"
        " WHERE name = 'core_unit'",
    )
    execute(drizzle, "UPDATE core_unit SET parent_id = 'gone' WHERE rowid = 3")
    before = dump(drizzle)
    with pytest.raises(
        SchemaChangeError, match=r"core_unit: 1 row\(s\) reference rows of core_unit"
    ):
        await adopt(repair=True)
    assert dump(drizzle) == before
    assert list(drizzle.parent.glob("*.backup")) == []
    execute(drizzle, "UPDATE core_unit SET parent_id = NULL WHERE rowid = 3")
    assert (await adopt(repair=True)).is_done
    await check_is_ours()


async def test_duplicates_are_refused(drizzle: Path) -> None:
    """Values that are to be unique and are there twice are counted, before anything is tried."""
    execute_script(drizzle, "DROP INDEX db_tag_code_unique; UPDATE db_tag SET code = 'same'")
    adoption = await adopt(repair=True)
    (finding,) = adoption.obstacles
    assert (finding.kind, finding.table, finding.name) == (Kind.duplicate_values, "db_tag", "code")
    query = finding.remedy.partition(": ")[2]
    with closing(sqlite3.connect(drizzle)) as connection:
        assert connection.execute(query).fetchall() == [("same", 3)]


# --- tables and columns


async def test_column_too_many_is_refused(drizzle: Path) -> None:
    """A column whose values would be lost stands in the way."""
    execute_script(drizzle, "ALTER TABLE db_tag ADD COLUMN colour text DEFAULT 'red'")
    before = dump(drizzle)
    (finding,) = (await adopt(repair=True)).obstacles
    assert (finding.kind, finding.table, finding.name) == (Kind.extra_column, "db_tag", "colour")
    assert dump(drizzle) == before


async def test_missing_table_and_columns_are_made(drizzle: Path) -> None:
    """A table, and columns that may be null or have a default, are made; others not."""
    execute_script(
        drizzle,
        "DROP TABLE target_line;"
        "ALTER TABLE db_tag DROP COLUMN is_active;"
        "ALTER TABLE db_person DROP COLUMN birth_place;",
    )
    assert (await adopt(repair=True)).is_done
    await check_is_ours()
    assert {tag["is_active"] for tag in await atlas.Tag.select()} == {True}


async def test_missing_column_without_a_value_is_refused(drizzle: Path) -> None:
    """A required column that has no default cannot be made for rows that are there."""
    execute_script(drizzle, "ALTER TABLE db_tag DROP COLUMN name;")
    (finding,) = (await adopt(repair=True)).obstacles
    assert (finding.kind, finding.name) == (Kind.missing_column, "name")


async def test_unique_keys_within_a_table_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that another tool wrote into CREATE TABLE get the names that migrations know."""
    path = tmp_path / "atlas-ops.db"
    sql = statements()
    index = "CREATE UNIQUE INDEX `catalog_category_entity_id_code_unique` ON `catalog_category`"
    assert index in sql
    sql = re.sub(re.escape(index) + r".*?;", "", sql)
    sql = sql.replace(
        "FOREIGN KEY (`parent_id`) REFERENCES `catalog_category`",
        "UNIQUE (`entity_id`, `code`), FOREIGN KEY (`parent_id`) REFERENCES `catalog_category`",
        1,
    )
    execute_script(path, sql)
    bind(SQLiteEngine(str(path)), monkeypatch)
    written = fill(path)
    assert (await adopt(repair=True)).is_done
    await check_is_ours()
    await check_all_read(written)


# --- on both databases


async def change(engine: Any, *statements: str) -> None:
    if engine.engine_type == "sqlite":
        execute_script(Path(engine.path), ";".join(statements))
        return
    connection = await asyncpg.connect(dsn=engine.config["dsn"])
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_equal_database_is_adopted(engine: Any) -> None:
    """A database with exactly our tables and no log gets one, and no other change."""
    await change(engine, "DROP TABLE migration")
    adoption = await adopt()
    assert adoption.is_done
    assert adoption.repairs == ()
    assert len(adoption.recorded) == 7
    assert adoption.backup is None
    await check_is_ours()


WRONG_INDEXES = (
    "DROP INDEX core_unit_region_id",
    "DROP INDEX db_relation_to_person_id_type",
    "CREATE INDEX other ON db_relation (to_person_id, type)",
    "CREATE INDEX more ON db_tag (name)",
    "DROP INDEX core_region_parent_id",
    "CREATE INDEX core_region_parent_id ON core_region (parent_id DESC)",
)


@pytest.mark.parametrize("logged", [True, False])
async def test_indexes_are_mended(engine: Any, logged: bool) -> None:
    """Missing, misnamed and other indexes are put right, with a log of migrations or without."""
    unique = (
        "DROP INDEX db_contact_person_id_type_value_key"
        if engine.engine_type == "sqlite"
        else "ALTER TABLE db_contact DROP CONSTRAINT db_contact_person_id_type_value_key"
    )
    await change(engine, *WRONG_INDEXES, unique)
    if logged:
        async with engine.transaction():
            await log.prepare(engine)
        for file in (file for app in drift.app_names() for file in drift.unread_files(app)):
            sha256 = log.file_sha256(file.path)
            await change(
                engine,
                f"UPDATE migration SET file_sha256 = '{sha256}' WHERE app_name = '{file.app_name}'",
            )
    else:
        await change(engine, "DROP TABLE migration")
    assert len((await adopt()).obstacles) == 5
    adoption = await adopt(repair=True, backup=False)
    assert adoption.is_done
    assert len(adoption.repairs) == 5
    await check_is_ours()


async def test_postgres_columns_are_not_mended(postgres_engine: Any) -> None:
    """On PostgreSQL, whose ALTER TABLE does it, columns stand in the way."""
    await change(postgres_engine, "ALTER TABLE db_tag ALTER COLUMN type DROP DEFAULT")
    (finding,) = (await adopt(repair=True)).obstacles
    assert finding.kind is Kind.column_default


async def test_database_without_our_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to adopt in a database without our tables: they are made by migrations."""
    path = tmp_path / "other.db"
    execute_script(path, "CREATE TABLE mine (id TEXT)")
    bind(SQLiteEngine(str(path)), monkeypatch)
    with pytest.raises(MigrationError, match=r"none of our tables.*atlas migrate"):
        await adopt(repair=True)


async def test_log_that_lacks_migrations(engine: Any) -> None:
    """A database that is migrated by halves is no other tool's."""
    await change(engine, "DELETE FROM migration WHERE app_name = 'target'")
    with pytest.raises(MigrationError, match=r"target .* is not applied"):
        await adopt(repair=True)


# --- the command


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("atlas"), "adopt", *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"file:{path}", "PICCOLO_CONF": "atlas.conf"},
        text=True,
        timeout=60,
    )


def test_command_takes_over_in_three_steps(drizzle: Path) -> None:
    """It says what differs and exits with 1, then what it would do, then does it."""
    result = run(drizzle)
    assert (result.returncode, result.stderr) == (1, "")
    assert "core_entity.is_active: the type is INTEGER in the database" in result.stdout
    assert "and 18 more of this kind" in result.stdout
    assert "atlas adopt --repair --dry-run" in result.stdout

    result = run(drizzle, "--repair", "--dry-run", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    planned = json.loads(result.stdout)
    assert planned["version"] == 1
    assert planned["done"] is False
    assert (len(planned["repairs"]), len(planned["recorded"])) == (38, 7)

    result = run(drizzle, "--repair")
    assert (result.returncode, result.stderr) == (0, "")
    assert "taken over, 38 tables mended, 7 migrations noted as applied" in result.stdout
    (backup,) = drizzle.parent.glob("*.backup")
    assert str(backup) in result.stdout

    result = run(drizzle)
    assert (result.returncode, result.stderr) == (0, "")
    assert "nothing to do" in result.stdout


def test_command_that_could_not_look_exits_with_2(tmp_path: Path) -> None:
    """Without a file it says so, and makes none."""
    result = run(tmp_path / "none.db", "--json")
    assert result.returncode == 2
    assert "no such file" in result.stderr
    assert json.loads(result.stdout).keys() == {"version", "error"}
    assert os.listdir(tmp_path) == []


def test_two_adoptions_at_once(drizzle: Path) -> None:
    """Two commands at the same time end well, and each migration is noted once."""
    command = [Path(sys.executable).with_name("atlas"), "adopt", "--repair", "--no-backup"]
    environment = os.environ | {"DATABASE_URL": f"file:{drizzle}", "PICCOLO_CONF": "atlas.conf"}
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        output, error = process.communicate(timeout=60)
        assert process.returncode == 0, output + error
    with closing(sqlite3.connect(drizzle)) as connection:
        assert connection.execute("SELECT count(*) FROM migration").fetchall() == [(7,)]

"""The ``migration`` table: what Atlas reads and writes there, and that stock can read it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from piccolo.apps.migrations.tables import Migration
from piccolo.querystring import QueryString

from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import DatabaseFileError
from atlas.migrate import log


async def run(engine: Any, sql: str) -> Any:
    return await engine.run_querystring(QueryString(sql))


async def test_a_recorded_migration_is_applied_until_it_is_forgotten(engine: Any) -> None:
    """What is recorded is read back; an equal name of another app is another migration."""
    before = await log.applied(engine)
    await log.prepare(engine)
    start = datetime.datetime.now()
    await log.record(engine, "one", "2026", "ab" * 32)
    await log.record(engine, "two", "2026", None)
    *others, one, two = await log.applied(engine)
    assert others == before
    assert (one.app_name, one.name, one.file_sha256) == ("one", "2026", "ab" * 32)
    assert (two.app_name, two.name, two.file_sha256) == ("two", "2026", None)
    assert start <= one.ran_on <= two.ran_on <= datetime.datetime.now()
    await log.forget(engine, "one", "2026")
    assert await log.applied(engine) == [*before, two]


async def test_stock_piccolos_table_is_read_and_gets_the_column(engine: Any) -> None:
    """Rows that stock Piccolo wrote have no hash, before and after the column is added."""
    await run(engine, "DROP TABLE migration")
    assert await log.applied(engine) == []
    await Migration.create_table()
    await Migration.insert(Migration(name="2026", app_name="one"))
    (found,) = await log.applied(engine)
    assert (found.app_name, found.name, found.file_sha256) == ("one", "2026", None)
    await log.prepare(engine)
    await log.prepare(engine)
    assert await log.applied(engine) == [found]
    await log.record(engine, "one", "2027", "cd" * 32)
    assert await Migration.get_migrations_which_ran("one") == ["2026", "2027"]


async def test_reading_changes_nothing(engine: Any) -> None:
    """``applied`` makes no table."""
    await run(engine, "DROP TABLE migration")
    assert await log.applied(engine) == []
    assert not await Migration.table_exists()


async def test_reading_makes_no_file(tmp_path: Path) -> None:
    """``applied`` says that there is no database, and makes none."""
    path = tmp_path / "missing.db"
    with pytest.raises(DatabaseFileError, match="no such file"):
        await log.applied(SQLiteEngine(str(path)))
    assert not path.exists()


async def test_a_rollback_takes_the_rows_along(engine: Any) -> None:
    """The log is written in the transaction of whoever calls."""
    before = await log.applied(engine)
    with pytest.raises(KeyError):
        async with engine.transaction():
            await log.prepare(engine)
            await log.record(engine, "one", "2026", None)
            raise KeyError
    assert await log.applied(engine) == before


def test_line_endings_do_not_change_the_hash(tmp_path: Path) -> None:
    """A file has the hash of its text with newlines, however git wrote it; any other edit shows."""
    path = tmp_path / "migration.py"
    hashes = []
    for text in (b"a = 1\nb = 2\n", b"a = 1\r\nb = 2\r\n", b"a = 1\nb = 3\n"):
        path.write_bytes(text)
        hashes.append(log.file_sha256(path))
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64

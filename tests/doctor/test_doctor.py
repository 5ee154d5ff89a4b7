"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from databases import postgres_copy, sqlite_copy
from terminal import BIN, environment

from atlas import create_client
from atlas.doctor import look


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Path:
    """A migrated and empty file that only its owner can use."""
    path = tmp_path / "ops.db"
    sqlite_copy(migrated_file, path)
    path.chmod(0o600)
    return path


async def found(file: Path) -> dict[str, str]:
    """Return the messages of what counts, by what they are about."""
    diagnosis = await look(create_client(f"file:{file}", read_only=True))
    assert all(finding.remedy for finding in diagnosis.findings)
    return {each.about: each.message for each in diagnosis.findings if not each.is_note}


def change(file: Path, *statements: str) -> None:
    """Change a file as a tool that knows no rules does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def content(file: Path) -> bytes:
    """Return the bytes of a file."""
    return file.read_bytes()


async def test_a_sound_database_is_well(file: Path) -> None:
    """Nothing is found, and not a byte is changed."""
    before = content(file)
    assert await found(file) == {}
    assert content(file) == before


async def test_references_to_nothing_are_found(file: Path) -> None:
    """They are counted by table."""
    change(
        file,
        "INSERT INTO db_person_tag (person_id, tag_id, created_at, updated_at) "
        "VALUES ('a', 'b', '2026-01-01', '2026-01-01')",
    )
    assert "db_person_tag" in (await found(file))["references"]


async def test_damage_is_found(file: Path) -> None:
    """A page of an index that was overwritten."""
    with file.open("r+b") as opened:
        opened.seek(4096 * 5)
        opened.write(b"x" * 4096 * 3)
    assert "integrity" in await found(file)


async def test_what_others_can_read_is_found(file: Path) -> None:
    """A file with personal data that everybody on the machine can read."""
    os.chmod(file, 0o644)
    assert "everybody" in (await found(file))["permissions"]


async def test_a_clock_that_was_ahead_is_found(file: Path) -> None:
    """A row that was changed in the future."""
    change(
        file,
        "INSERT INTO db_tag (id, code, name, created_at, updated_at) VALUES "
        "('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'a', 'n', '2026-01-01', '2099-01-01T00:00:00Z')",
    )
    assert "1 rows of db_tag" in (await found(file))["instants"]


async def test_another_journal_mode_is_found(file: Path) -> None:
    """Without WAL readers and writers wait for each other."""
    change(file, "PRAGMA journal_mode = DELETE")
    assert "delete" in (await found(file))["pragmas"]


async def test_a_migration_that_was_not_run_is_found(file: Path) -> None:
    """As ``atlas check --quick`` finds it."""
    change(file, "DELETE FROM migration WHERE app_name = 'target'")
    assert "migrations" in await found(file)


async def test_who_holds_the_write_lock_is_named(file: Path) -> None:
    """A process that has it when the look begins and when it ends."""
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "db.execute('PRAGMA journal_mode = WAL'); db.execute('BEGIN IMMEDIATE'); "
        "print('holds', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: ASYNC220 - it says one word and waits
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        assert f"process {holder.pid} " in (await found(file))["writer"]
        holder.communicate(b"")
    assert "writer" not in await found(file)


async def test_a_server_is_looked_at(postgres_url: str, migrated_postgres: str) -> None:
    """Who has had a transaction open is named, and what is well is not."""
    url = await postgres_copy(postgres_url, migrated_postgres)
    diagnosis = await look(create_client(url, read_only=True))
    about = {finding.about for finding in diagnosis.findings}
    assert not about & {"indexes", "references", "migrations", "clock", "wraparound"}
    assert {"transactions", "locks", "bloat", "settings"} <= set(diagnosis.looked_at)


@pytest.mark.parametrize(("mode", "code"), [(0o600, 0), (0o644, 1), (None, 2)])
def test_the_command_ends_with_what_it_found(file: Path, mode: int | None, code: int) -> None:
    """0 when all is well, 1 when something was found, 2 when it could not be looked at."""
    if mode is None:
        file.unlink()
    else:
        file.chmod(mode)
    done = subprocess.run(
        [BIN / "atlas", "doctor", "--json", "--database", str(file)],
        env=environment(file.parent),
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert "error" in said if code == 2 else said["is_well"] is (code == 0)

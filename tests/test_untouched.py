"""``atlas check``, ``audit`` and ``info`` only look: they leave any file as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

#: Leaves a -wal file with a table in it, as a process does that is killed.
_CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("CREATE TABLE crash (x)")
os._exit(9)
"""

COMMANDS = ["check", "audit", "info"]


def clean(path: Path) -> None:
    """Leave the file as it is."""


def crashed(path: Path) -> None:
    """Kill a process that has written to it."""
    subprocess.run([sys.executable, "-c", _CRASH, path], check=False)
    assert os.stat(f"{path}-wal").st_size


def copied_after_a_crash(path: Path) -> None:
    """Take the -wal file along, and not the -shm file, as a copy does."""
    crashed(path)
    os.unlink(f"{path}-shm")


def of_another_journal_mode(path: Path) -> None:
    """Let it have a rollback journal, as other tools do."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def without_a_byte(path: Path) -> None:
    """Empty the file."""
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    """Write something else into it."""
    path.write_text("This is not a database, and has more than a hundred characters. " * 9)


FILES = [clean, crashed, copied_after_a_crash, of_another_journal_mode, without_a_byte, no_database]


def look(command: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command on a file; it is to end within ten seconds, and never in a traceback."""
    done = subprocess.run(
        [Path(sys.executable).with_name("atlas"), command],
        cwd=path.parent,
        env=os.environ | {"DATABASE_URL": f"file:{path}", "PICCOLO_CONF": "atlas.conf"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done


def state(folder: Path) -> dict[str, str]:
    """Return the files of a folder and what they hold; of -shm files, which are no data, not."""
    return {
        file.name: "" if file.suffix == ".db-shm" else hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
    }


@pytest.mark.parametrize("made", FILES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_file_stays_as_it_was(
    command: str, made: Callable[[Path], None], migrated_file: Path, tmp_path: Path
) -> None:
    """No byte changes, no file comes or goes, and the exit code says whether it could look."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    made(path)
    before = state(tmp_path)
    done = look(command, path)
    assert state(tmp_path) == before
    if made is no_database:
        assert "is not an SQLite database" in done.stderr
        assert done.returncode == 2
    if command == "check" and made in (crashed, copied_after_a_crash):
        assert "crash: a table too many" in done.stdout  # which is only in the -wal file


@pytest.mark.parametrize("command", COMMANDS)
def test_no_lock_is_waited_for(command: str, migrated_file: Path, tmp_path: Path) -> None:
    """A file that another tool keeps locked is given up at once, with the reason."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    of_another_journal_mode(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        done = look(command, path)
    assert "another connection held the lock for more than 500 ms" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_crash_while_writing_is_left_to_who_writes(
    command: str, migrated_file: Path, tmp_path: Path
) -> None:
    """A rollback journal that is to be played back is left alone: what is there cannot be told."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    of_another_journal_mode(path)
    crash = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN');"
        "c.execute('CREATE TABLE crash (x)');"
        "c.executemany('INSERT INTO crash VALUES (?)', [('x' * 4000,)] * 99); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", crash, path], check=False)
    assert os.stat(f"{path}-journal").st_size
    before = state(tmp_path)
    done = look(command, path)
    assert state(tmp_path) == before
    assert "stopped in the middle" in done.stderr
    assert done.returncode == 2

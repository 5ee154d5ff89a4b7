"""Runs of migrations that are killed or interrupted: the next one completes, and nothing is half.

``scripts/soak`` does the same for longer, with more rows.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from databases import Database
from doubles import leftovers, wait_until
from process_project import Project, finished, sql, table

ROWS = 20_000

#: Says that it has begun, and does not end.
HANG = """
async def hang():
    import asyncio
    await run("INSERT INTO thing (id) VALUES ('late')")
    open("begun", "w").close()
    await asyncio.sleep(60)
manager.add_raw(hang)
"""


@pytest.fixture
def project(empty: Database, tmp_path: Path) -> Project:
    """A project with rows, and with a table, a rebuild and a data step still to be applied."""
    made = Project(tmp_path, empty)
    made.add_app("one")
    made.add_app("two", depends_on="one")
    made.add_migration("one", "m1", table("thing"))
    made.add_migration("two", "m1", table("part", references="thing"))
    assert made.atlas("migrate").returncode == 0
    if empty.file:
        with closing(sqlite3.connect(empty.file)) as connection, connection:
            things = [(f"t{number}", f"name {number}") for number in range(ROWS)]
            connection.executemany("INSERT INTO thing VALUES (?, ?)", things)
            parts = [(f"p{number}", None, f"t{number}") for number in range(ROWS)]
            connection.executemany("INSERT INTO part VALUES (?, ?, ?)", parts)
    else:
        numbers = f"generate_series(0, {ROWS - 1}) AS n"
        empty.execute(
            f"INSERT INTO thing SELECT 't' || n, 'name ' || n FROM {numbers}",
            f"INSERT INTO part SELECT 'p' || n, NULL, 't' || n FROM {numbers}",
        )
    return made


#: Says that the run has begun.
BEGIN = 'manager.add_raw(lambda: open("begun", "w").close())'


def change(project: Project) -> None:
    """Add migrations that make a table, alter one with rows, and write to all rows."""
    rebuild = sql(
        "CREATE TABLE thing_new (id TEXT PRIMARY KEY, name TEXT DEFAULT 'none')",
        "INSERT INTO thing_new SELECT * FROM thing",
        "DROP TABLE thing",
        "ALTER TABLE thing_new RENAME TO thing",
    )
    alter = rebuild if project.database.file else sql("ALTER TABLE thing ALTER name TYPE varchar")
    project.add_migration("one", "m2", BEGIN, table("new"), alter)
    project.add_migration(
        "two",
        "m2",
        sql(
            "UPDATE part SET name = coalesce(name, '') || 'x'", "INSERT INTO new (id) VALUES ('n')"
        ),
    )


def is_before(project: Project) -> bool:
    """Check that the database is as it was before the change, or as after it; return which."""
    applied = project.applied()
    database = project.database
    done = ("two", "m2") in applied
    assert len(applied) == len(set(applied)) == (4 if done else 2)
    assert ("new" in database.table_names()) == done
    name = "name = 'x'" if done else "name IS NULL"
    assert database.rows(f"SELECT count(*) FROM part WHERE {name}") == [(ROWS,)]
    assert database.rows("SELECT count(*) FROM thing JOIN part ON thing.id = parent_id") == [
        (ROWS,)
    ]
    if done:
        assert database.rows("SELECT id FROM new") == [("n",)]
    if database.file:
        assert database.rows("PRAGMA integrity_check") == [("ok",)]
        assert database.rows("PRAGMA foreign_key_check") == []
    return not done


def ends_well(project: Project) -> None:
    """Check that the next run completes, and that nothing is left over."""
    result = project.atlas("migrate")
    assert result.returncode == 0, result.stderr
    assert not is_before(project)
    assert project.atlas("migrate").stdout.startswith("Nothing to do")
    if project.database.file:
        assert leftovers(project.database.file) == []


def test_killed_run_is_all_or_nothing(project: Project) -> None:
    """After kill -9 at a random moment everything is as before, or done; the next run completes."""
    change(project)
    begun = project.folder / "begun"

    def start(option: str = "--no-backup") -> subprocess.Popen[str]:
        begun.unlink(missing_ok=True)
        process = project.start("atlas", "migrate", option)
        wait_until(begun.exists)
        return process

    measured = start("--preview")
    since = time.monotonic()
    assert finished(measured).returncode == 0
    length_s = time.monotonic() - since
    assert is_before(project)
    chance = random.Random(7)  # noqa: S311
    killed = 0
    for number in range(10 if project.database.file else 5):
        process = start()
        time.sleep(length_s * chance.random() * number / 10)
        process.kill()
        killed += finished(process).returncode == -signal.SIGKILL
        if not is_before(project):  # it was too late
            break
    assert killed >= 3
    ends_well(project)


@pytest.mark.parametrize("command", [("atlas", "migrate"), ("piccolo", "migrations", "f", "all")])
def test_interrupted_run_changes_nothing(project: Project, command: tuple[str, ...]) -> None:
    """Ctrl-C in a data step takes the run back and says so; the next run completes."""
    change(project)
    project.add_migration("two", "m3", HANG)
    process = project.start(*command)
    wait_until((project.folder / "begun").exists)
    process.send_signal(signal.SIGINT)
    result = finished(process)
    assert result.returncode == 130
    assert "Interrupted. Nothing was changed." in result.stderr
    assert "Traceback" not in result.stderr
    assert is_before(project)
    os.unlink(project.folder / "two" / "piccolo_migrations" / "two_m3.py")
    ends_well(project)


def test_killed_process_does_not_keep_the_others_waiting(project: Project) -> None:
    """Three commands that wait for one that is killed go on, and one of them does the work."""
    change(project)
    path = project.add_migration("two", "m3", HANG)
    holder = project.start("atlas", "migrate")
    wait_until((project.folder / "begun").exists)
    path.unlink()
    waiting = [project.start("atlas", "migrate") for _ in range(3)]
    for process in waiting:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Waiting for another process")
    holder.kill()
    finished(holder)
    assert [finished(process).returncode for process in waiting] == [0, 0, 0]
    assert not is_before(project)
    ends_well(project)

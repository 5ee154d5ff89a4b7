"""Runs of migrations that are killed or interrupted: the next one completes, and nothing is half.

``scripts/soak`` does the same for longer, with more rows.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from databases import Database
from doubles import leftovers, wait_until
from process_project import finished
from scenario import Scenario

ROWS = 20_000

#: Says that it has begun, and does not end.
HANG = """
async def hang():
    import asyncio
    await run("INSERT INTO thing (id) VALUES ('late')")
    open("hangs", "w").close()
    await asyncio.sleep(60)
manager.add_raw(hang)
"""


@pytest.fixture
def scenario(empty: Database, tmp_path: Path) -> Scenario:
    """A project with rows and a change still to be applied: on SQLite, then on PostgreSQL."""
    made = Scenario(tmp_path, empty, ROWS)
    made.add_change()
    return made


def ends_well(scenario: Scenario) -> None:
    """Check that the next run completes, and that nothing is left over."""
    result = scenario.project.atlas("migrate")
    assert result.returncode == 0, result.stderr
    assert scenario.is_changed()
    assert scenario.project.atlas("migrate").stdout.startswith("Nothing to do")
    if scenario.project.database.file:
        assert leftovers(scenario.project.database.file) == []


def test_killed_run_is_all_or_nothing(scenario: Scenario) -> None:
    """After kill -9 at a random moment everything is as before, or done; the next run completes."""

    def start(option: str = "--no-backup") -> subprocess.Popen[str]:
        scenario.begun.unlink(missing_ok=True)
        process = scenario.project.start("atlas", "migrate", option)
        wait_until(scenario.begun.exists)
        return process

    measured = start("--preview")
    since = time.monotonic()
    assert finished(measured).returncode == 0
    length_s = time.monotonic() - since
    assert not scenario.is_changed()
    chance = random.Random(7)  # noqa: S311
    killed = 0
    for number in range(10 if scenario.project.database.file else 5):
        process = start()
        time.sleep(length_s * chance.random() * number / 10)
        process.kill()
        killed += finished(process).returncode == -signal.SIGKILL
        if scenario.is_changed():  # it was too late
            break
    assert killed >= 3
    ends_well(scenario)


@pytest.mark.parametrize("command", [("atlas", "migrate"), ("piccolo", "migrations", "f", "all")])
def test_interrupted_run_changes_nothing(scenario: Scenario, command: tuple[str, ...]) -> None:
    """Ctrl-C in a data step takes the run back and says so; the next run completes."""
    scenario.project.add_migration("two", "m3", HANG)
    process = scenario.project.start(*command)
    wait_until((scenario.project.folder / "hangs").exists)
    process.send_signal(signal.SIGINT)
    result = finished(process)
    assert result.returncode == 130
    assert "Interrupted. Nothing was changed." in result.stderr
    assert "Traceback" not in result.stderr
    assert not scenario.is_changed()
    os.unlink(scenario.project.folder / "two" / "piccolo_migrations" / "two_m3.py")
    ends_well(scenario)


def test_killed_process_does_not_keep_the_others_waiting(scenario: Scenario) -> None:
    """Three commands that wait for one that is killed go on, and one of them does the work."""
    path = scenario.project.add_migration("two", "m3", HANG)
    holder = scenario.project.start("atlas", "migrate")
    wait_until((scenario.project.folder / "hangs").exists)
    path.unlink()
    waiting = [scenario.project.start("atlas", "migrate") for _ in range(3)]
    for process in waiting:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Waiting for another process")
    holder.kill()
    finished(holder)
    assert [finished(process).returncode for process in waiting] == [0, 0, 0]
    assert scenario.is_changed()
    ends_well(scenario)

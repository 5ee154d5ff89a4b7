"""Kill runs of ``atlas migrate`` at random moments, and start several at once.

In: how often. Out: what became of each, counted; exit code 1 when one run left
half of a change, did not complete the next time, or did something twice. The
change is that of ``tests/scenario.py``, on an SQLite file of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from databases import Database
from process_project import finished
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scenario import Scenario

_PROCESSES = 4


class Soak:
    """The rounds, and what they found."""

    def __init__(self, folder: Path, rows: int, chance: random.Random) -> None:
        self._file = folder / "soak.db"
        self._filled = folder / "filled.db"
        self._chance = chance
        self.scenario = Scenario(folder, Database(f"file:{self._file}"), rows)
        shutil.copyfile(self._file, self._filled)
        self.scenario.add_change()
        self.found: Counter[str] = Counter()
        self._length_s = self._measured()

    def kill(self) -> None:
        """Kill a run between the begin of its change and its end, and run it again."""
        while not self._killed():
            self.found["ended before the kill, which was repeated"] += 1
        changed = self.scenario.is_changed()
        self.found[f"killed, and {'all was done' if changed else 'nothing was changed'}"] += 1
        if changed:
            self._run()
        else:  # how long it takes depends on what else the machine does
            self._length_s = self._measured()
        assert self.scenario.is_changed()
        self.found["run again, and complete"] += 1

    def _killed(self) -> bool:
        """Kill a run at a random moment; return False if it ended before."""
        self._restore()
        process, _ = self._begun()
        time.sleep(self._chance.random() * self._length_s)
        process.kill()
        return finished(process).returncode == -signal.SIGKILL

    def race(self) -> None:
        """Start several runs at once; all are to succeed, and each migration is applied once."""
        self._restore()
        commands = (("atlas", "migrate"), ("piccolo", "migrations", "forwards", "all"))
        variables = {"ATLAS_MIGRATION_BACKUP": "false"}
        processes = [
            self.scenario.project.start(*commands[number % 2], **variables)
            for number in range(_PROCESSES)
        ]
        for result in [finished(process) for process in processes]:
            assert result.returncode == 0, result.stderr
        assert self.scenario.is_changed()
        self.found[f"raced by {_PROCESSES}, and applied once"] += 1

    def _begun(self) -> tuple[subprocess.Popen[str], float]:
        """Start a run, and return it when its change begins, with that moment."""
        self.scenario.begun.unlink(missing_ok=True)
        process = self.scenario.project.start("atlas", "migrate", "--no-backup")
        while not self.scenario.begun.exists() and process.poll() is None:
            time.sleep(0.001)
        return process, time.monotonic()

    def _measured(self) -> float:
        """Run to the end, and return how long it took from the begin of the change, in seconds."""
        process, begin = self._begun()
        result = finished(process)
        assert result.returncode == 0, result.stderr
        return time.monotonic() - begin

    def _run(self) -> None:
        result = self.scenario.project.atlas("migrate", "--no-backup")
        assert result.returncode == 0, result.stderr

    def _restore(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self._filled, self._file)


def main() -> int:
    """Run the rounds, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200, help="runs to kill (default: 200)")
    parser.add_argument("--races", type=int, default=20, help="races of four runs (default: 20)")
    parser.add_argument("--rows", type=int, default=200_000, help="rows that are rebuilt")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments")
    parser.add_argument(
        "--programs", type=int, default=1500, help="random programs of blocks on each database"
    )
    parser.add_argument(
        "--evolutions", type=int, default=200, help="random evolutions of two apps (default: 200)"
    )
    options = parser.parse_args()
    for count, variable, test in (
        (options.programs, "ATLAS_PROGRAMS", "tests/faults/test_programs.py"),
        (options.evolutions, "ATLAS_EVOLUTIONS", "tests/migrate/test_random_evolution.py"),
    ):
        if count and subprocess.call(
            [sys.executable, "-m", "pytest", "-q", "--timeout=0", test],
            env={**os.environ, variable: str(count)},
        ):
            return 1
    console = Console(stderr=True)
    console.print(f"--seed {options.seed}: {options.rows} rows in each of two tables")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="atlas-soak-") as folder:
        soak = Soak(Path(folder), options.rows, random.Random(options.seed))  # noqa: S311
        with _summary(soak.found, start):
            for _ in _shown(console, "Kills", options.kills):
                soak.kill()
            for _ in _shown(console, "Races", options.races):
                soak.race()
    return 0


def _shown(console: Console, what: str, count: int) -> Iterable[int]:
    return track(range(count), what, console=console, disable=not console.is_terminal)


@contextmanager
def _summary(found: Counter[str], start: float) -> Iterator[None]:
    """Print what was found, also when it ends early: by a failure or Ctrl-C."""
    try:
        yield
    finally:
        table = Table("Found")
        table.add_column("Times", justify="right")
        for what, times in found.items():
            table.add_row(what, str(times))
        Console().print(table)
        print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

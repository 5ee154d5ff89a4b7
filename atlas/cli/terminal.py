"""How a run of migrations looks on a terminal: what all its commands share.

In: what a run reports. Out: lines on stderr, and a bar for steps that take long
where somebody watches; nothing of it is the command's result, which is on stdout.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.cli.printing import say
from atlas.migrate.report import RunReport

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from atlas.migrate.files import MigrationFile


class TerminalReport(RunReport):
    """Says on stderr what is waited for and where the backup is, and shows bars.

    ``close`` it when the run is over.
    """

    def __init__(self) -> None:
        self.is_committed = False
        self._bars: Progress | None = None
        self._shown: dict[str, TaskID] = {}

    def waits(self, path: str) -> None:
        say(f"Waiting for another process, which is writing to {path}")

    def backed_up(self, path: Path) -> None:
        say(f"The database from before this run is in {path}")

    def backup_removed(self, path: Path) -> None:
        say(f"The run changed nothing, so the copy {path} was removed again")

    def edited(self, file: MigrationFile) -> None:
        say(
            f"atlas: {file.app_name} {file.id}: {file.path.name} was edited since it was applied; "
            "it is taken back as it is now"
        )

    def saved_rows(self, path: Path) -> None:
        say(f"The rows that were dropped are saved in {path}")

    def does(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        bars = self._open()
        if what not in self._shown:
            self._shown[what] = bars.add_task(what, total=total)
        bars.update(self._shown[what], completed=done, total=total)
        if done >= total:
            bars.remove_task(self._shown.pop(what))

    def committed(self) -> None:
        self.is_committed = True

    def close(self) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _open(self) -> Progress:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bars = Progress(console=Console(stderr=True), transient=True)
            self._bars.start()
        return self._bars


def interrupted(report: TerminalReport) -> str:
    """Return what to say after Ctrl-C."""
    if report.is_committed:
        return "Interrupted, when everything was applied already."
    return "Interrupted. Nothing was changed."

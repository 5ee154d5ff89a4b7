"""What a run of migrations tells whoever watches it.

In: what happens, as it happens. Out: nothing; a command overrides the methods it
shows. Knows no terminal.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from pathlib import Path

from atlas.migrate.files import MigrationFile

#: Whether Piccolo's migrations print what they do; a run of Atlas's says it by a ``RunReport``.
prints: contextvars.ContextVar[bool] = contextvars.ContextVar("atlas_prints", default=True)


@dataclass(frozen=True)
class AppPlan:
    """What a run does in one app."""

    app_name: str
    #: How many of its migrations the database has, before the run.
    applied: int
    #: Those to apply or to take back, in this order.
    steps: tuple[MigrationFile, ...]


@dataclass(frozen=True)
class Step:
    """A migration that was applied or taken back."""

    app_name: str
    migration_id: str
    description: str
    ms: float
    #: It was noted in the log, and not run.
    is_fake: bool
    #: What it said to the database; in a preview only.
    statements: tuple[str, ...] = ()


class RunReport:
    """Says nothing."""

    def waits(self, path: str) -> None:
        """Another process is changing the schema, and is waited for."""

    def begins_app(self, plan: AppPlan) -> None:
        """The migrations of an app are about to be run; also when there are none to run."""

    def backed_up(self, path: Path) -> None:
        """The database was copied there."""

    def backup_removed(self, path: Path) -> None:
        """The run failed and changed nothing, and its copy of the database is gone again."""

    def saved_rows(self, path: Path) -> None:
        """Rows that were dropped are in this file; called when the run is committed."""

    def does(self, what: str, done: int, total: int) -> None:
        """A long step goes on; see ``StepProgress``. Called in any thread."""

    def edited(self, file: MigrationFile) -> None:
        """A migration is about to be taken back whose file is not the one that was applied."""

    def begins_step(self, file: MigrationFile) -> None:
        """A migration is about to be run."""

    def ends_step(self, step: Step) -> None:
        """A migration was run; it counts when the run is committed."""

    def committed(self) -> None:
        """The whole run is in the database."""

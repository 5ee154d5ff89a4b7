"""``piccolo migrations forwards`` and ``backwards``, as Atlas runs them.

In: the arguments of Piccolo's own commands (apps/migrations/commands), which
``atlas/patches.py`` hands over. Out: one run of ``atlas/migrate/run.py``, and
lines on stdout as Piccolo prints them. What goes wrong is on stderr.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Coroutine
from typing import Any

from piccolo.apps.migrations.commands.base import MigrationResult
from piccolo.conf.apps import Finder
from piccolo.engine.finder import engine_finder
from piccolo.utils.printing import print_heading

from atlas import stock
from atlas.cli.printing import ask, say
from atlas.cli.terminal import TerminalReport, interrupted
from atlas.client.configured import stock_engine_error
from atlas.interrupt import INTERRUPTED
from atlas.migrate.files import MigrationFile, app_names
from atlas.migrate.report import AppPlan, Step
from atlas.migrate.run import ALL, NEXT, Outcome, Wanted, current_engine, run
from atlas.settings import Settings
from atlas.table import Table


class PiccoloReport(TerminalReport):
    """Says what Piccolo's commands say."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self._wanted = wanted

    def begins_app(self, plan: AppPlan) -> None:
        if not self._wanted.app_names:
            print_heading(plan.app_name)
        count, verb = len(plan.steps), "Reversing" if self._wanted.backwards else "Running"
        if not self._wanted.backwards:
            print(f"👍 {_migrations(plan.applied)} already complete")
        if count:
            print(f"🚀 {verb} {_migrations(count)}:")
        elif self._wanted.backwards:
            print("🏁 No migrations to reverse!")
        elif self._wanted.migration_id in (ALL, NEXT):
            print("🏁 No migrations need to be run")
        else:
            print(f"🏁 Migration {self._wanted.migration_id} has already been run")

    def begins_step(self, file: MigrationFile) -> None:
        direction = "backwards" if self._wanted.backwards else "forwards"
        print(f"  - {file.id} [{direction}]... ", end="", flush=True)

    def ends_step(self, step: Step) -> None:
        print("faked! ⏭️" if step.is_fake else "ok! ✔️")
        for statement in step.statements:
            print(statement)


async def run_forwards(app_name: str, migration_id: str, fake: bool, preview: bool) -> Any:
    """Apply migrations, as Piccolo's function of this name; raise what goes wrong."""
    if _is_left_to_piccolo(app_name):
        return await stock.kept("run_forwards")(app_name, migration_id, fake, preview)
    wanted = Wanted(_names(app_name), _id(app_name, migration_id), fake=fake)

    def confirm(plans: list[AppPlan]) -> bool:
        count = sum(len(plan.steps) for plan in plans)
        return count < 2 or ask(
            f"⚠️ --fake will mark all {count} migrations as run without applying them. Continue?"
        )

    outcome = await _run(wanted, preview, confirm if fake and not preview else None)
    return _result(outcome, "Migration stopped")


async def run_backwards(
    app_name: str, migration_id: str, auto_agree: bool, clean: bool, preview: bool
) -> Any:
    """Take migrations back, as Piccolo's function of this name; raise what goes wrong."""
    if _is_left_to_piccolo(app_name):
        return await stock.kept("run_backwards")(app_name, migration_id, auto_agree, clean, preview)
    wanted = Wanted(_names(app_name), _id(app_name, migration_id), backwards=True)
    files: list[MigrationFile] = []

    def confirm(plans: list[AppPlan]) -> bool:
        plans = [plan for plan in plans if plan.steps]
        files.extend(file for plan in plans for file in plan.steps)
        apps = ", ".join(plan.app_name for plan in plans)
        return auto_agree or ask(f"Reverse {_migrations(len(files))} of {apps}?")

    outcome = await _run(wanted, preview, confirm)
    if clean and not preview and not outcome.is_refused:
        for file in files:
            os.unlink(file.path)
    return _result(outcome, "Not proceeding.")


async def forwards(app_name: str, migration_id: str, fake: bool, preview: bool) -> None:
    """Be the command ``piccolo migrations forwards``."""
    await _command(run_forwards(app_name, migration_id, fake, preview))


async def backwards(
    app_name: str, migration_id: str, auto_agree: bool, clean: bool, preview: bool
) -> None:
    """Be the command ``piccolo migrations backwards``."""
    await _command(run_backwards(app_name, migration_id, auto_agree, clean, preview))


def _is_left_to_piccolo(app_name: str) -> bool:
    """Return whether the engine is Piccolo's own, whose migrations Piccolo runs.

    Raises ``ConfigurationError`` when they are of tables of Atlas, which need its engine.
    """
    if current_engine() is not None:
        return False
    for name in app_names(*_names(app_name)):
        if any(issubclass(table, Table) for table in Finder().get_app_config(name).table_classes):
            raise stock_engine_error(engine_finder())
    return True


async def _run(wanted: Wanted, preview: bool, confirm: Any) -> Outcome:
    report = PiccoloReport(wanted)
    try:
        return await run(
            wanted,
            preview=preview,
            backup=Settings.load().atlas_migration_backup,
            report=report,
            confirm=confirm,
        )
    except asyncio.CancelledError:
        say(f"\npiccolo: {interrupted(report)}")
        raise
    finally:
        report.close()


async def _command(work: Coroutine[Any, Any, MigrationResult]) -> None:
    """Run a command to its end; print what goes wrong on stderr, and exit with 1."""
    try:
        result = await work
    except (asyncio.CancelledError, KeyboardInterrupt):  # the latter at a question
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.stdout.flush()
        if "--trace" in sys.argv:
            traceback.print_exc()
        name = "" if type(error).__module__.startswith("atlas.") else f"{type(error).__name__}: "
        say(f"\npiccolo: {name}{' '.join(str(error).split())}")
        sys.exit(1)
    if not result.success:
        say(f"piccolo: {result.message}")
        sys.exit(1)


def _names(app_name: str) -> tuple[str, ...]:
    return () if app_name == ALL else (app_name,)


def _id(app_name: str, migration_id: str) -> str:
    return ALL if app_name == ALL else migration_id  # as stock


def _migrations(count: int) -> str:
    return f"{count} migration{'s' if count != 1 else ''}"


def _result(outcome: Outcome, refusal: str) -> MigrationResult:
    if outcome.is_refused:
        return MigrationResult(success=False, message=refusal)
    return MigrationResult(success=True, message="Migration succeeded")

"""``atlas migrate``: bring the database to the schema of the package."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from piccolo.engine.finder import engine_finder
from rich.console import Console
from rich.table import Table

from atlas.cli.app import DIFFERS, Database, app, find_piccolo_conf, one_line
from atlas.cli.printing import ask, say, show
from atlas.errors import MigrationFailedError, SchemaChangeError, TableInUseError
from atlas.interrupt import INTERRUPTED

if TYPE_CHECKING:
    from atlas.migrate.run import Outcome

_UP_TO_DATE = "Nothing to do: the database has all migrations."


@app.command()
def migrate(
    apps: Annotated[
        list[str] | None, typer.Argument(help="The apps to migrate.", show_default="all")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The last migration of the one app to apply or take back: its id, 1 for the next"
            " one only, or all.",
            show_default="all; none with --backwards",
        ),
    ] = None,
    backwards: Annotated[
        bool, typer.Option("--backwards", help="Take migrations back, down to the one of --to.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print the SQL, and change nothing.")
    ] = False,
    fake: Annotated[
        bool, typer.Option("--fake", help="Only note the migrations as applied.")
    ] = False,
    backup: Annotated[
        bool | None,
        typer.Option(
            "--backup/--no-backup",
            help="Copy an SQLite file beside itself before a step that may lose something.",
            show_default="ATLAS_MIGRATION_BACKUP, else --backup",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: Database = None,
) -> None:
    """Apply all migrations that the database lacks, or none of them.

    The same as piccolo migrations forwards all. --backwards and --fake ask before they do
    anything. Exits with 0 when the database is as wanted, with 1 when it is not, because a
    migration failed or the answer was no, and with 2 when it could not be looked at; in
    both cases nothing was changed.
    """
    from atlas.cli.terminal import TerminalReport, interrupted
    from atlas.migrate.report import AppPlan
    from atlas.migrate.run import ALL, Wanted, run
    from atlas.settings import Settings

    if backwards and fake:
        raise typer.BadParameter("--fake is for migrations that are applied.")
    if backwards and to is None:
        raise typer.BadParameter("--backwards needs --to: an id, 1 for the latest one, or all.")
    find_piccolo_conf()
    wanted = Wanted(tuple(apps or ()), to or ALL, backwards, fake)
    report = TerminalReport()

    def confirm(plans: list[AppPlan]) -> bool:
        names = [f"{plan.app_name} {file.id}" for plan in plans for file in plan.steps]
        deed = "Take back" if backwards else "Note as applied, without running"
        return ask(f"{deed} {len(names)}: {', '.join(names)}?")

    async def migrated() -> Outcome:
        try:
            return await run(
                wanted,
                preview=preview,
                backup=Settings.load().atlas_migration_backup if backup is None else backup,
                report=report,
                confirm=confirm if (backwards or fake) and not (yes or preview) else None,
            )
        finally:
            report.close()

    try:
        with contextlib.redirect_stdout(sys.stderr):  # what data steps print is not a result
            outcome = asyncio.run(migrated())
    except KeyboardInterrupt:
        say(f"atlas: {interrupted(report)}")
        raise typer.Exit(INTERRUPTED) from None
    except (MigrationFailedError, SchemaChangeError, TableInUseError) as error:
        say(one_line(error))
        raise typer.Exit(DIFFERS) from None
    if outcome.is_refused:
        say("atlas: Nothing was done.")
        raise typer.Exit(DIFFERS)
    if preview:
        _print_sql(outcome)
    else:
        _print_table(outcome, backwards)
    engine: Any = engine_finder()
    show(f"{'-- ' if preview else ''}Database: {engine.path}")


def _print_sql(outcome: Outcome) -> None:
    if not outcome.steps:
        print("-- Nothing to do.")
    for step in outcome.steps:
        show(f"-- {step.app_name} {step.migration_id} {step.description}".rstrip())
        for statement in step.statements:
            show(statement)


def _print_table(outcome: Outcome, backwards: bool) -> None:
    if not outcome.steps:
        print("Nothing to do: no migration is to be taken back." if backwards else _UP_TO_DATE)
        return
    shown = Table("App", "Migration taken back" if backwards else "Migration", "Description")
    shown.add_column("ms", justify="right")
    for step in outcome.steps:
        ms = "fake" if step.is_fake else f"{step.ms:.0f}"
        shown.add_row(step.app_name, step.migration_id, step.description, ms)
    Console().print(shown)

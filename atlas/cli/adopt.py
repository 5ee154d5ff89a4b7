"""``atlas adopt``: take over a database that another tool made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.app import DIFFERS, OK, Database, Json, app, find_piccolo_conf
from atlas.cli.printing import say, show
from atlas.interrupt import INTERRUPTED

if TYPE_CHECKING:
    from atlas.check.adopt import Adoption
    from atlas.check.findings import Finding

#: How many findings of one kind are named.
_SHOWN = 3


@app.command()
def adopt(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Mend what can be mended with every value as it is."),
    ] = False,
    convert_timestamps: Annotated[
        bool,
        typer.Option(
            "--convert-timestamps",
            help="With --repair: store instants as 2026-01-31T08:00:00Z in the form of Atlas.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    backup: Annotated[
        bool | None,
        typer.Option(
            "--backup/--no-backup",
            help="Copy an SQLite file beside itself before a repair.",
            show_default="ATLAS_MIGRATION_BACKUP, else --backup",
        ),
    ] = None,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Take over a database that another tool made with the same tables.

    Where it equals what the migrations would make they are noted as applied. Where it
    does not nothing is done, unless --repair can mend it; it is all or nothing. Exits with 0
    when the database is ours, 1 when something is in the way, and 2 when it could not be
    looked at.
    """
    from atlas.check.adopt import adopt as run
    from atlas.cli.terminal import TerminalReport
    from atlas.settings import Settings

    if convert_timestamps and not repair:
        raise typer.BadParameter("--convert-timestamps is a part of --repair; give both.")
    report = TerminalReport()
    try:
        find_piccolo_conf()
        adoption = asyncio.run(
            run(
                repair=repair,
                convert_timestamps=convert_timestamps,
                dry_run=dry_run,
                backup=Settings.load().atlas_migration_backup if backup is None else backup,
                progress=report.does,
            )
        )
    except KeyboardInterrupt:
        say("atlas: Interrupted. All was done or nothing: atlas check says which")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        report.close()
    if as_json:
        print(json.dumps(adoption.as_json(), indent=2))
    else:
        _print(adoption, repair)
    raise typer.Exit(DIFFERS if adoption.obstacles else OK)


def _print(adoption: Adoption, repair: bool) -> None:
    notes = [f for f in adoption.findings if f.severity == "note"]
    for finding in notes:
        show(f"note: {finding.message}. {finding.remedy}")
    if adoption.obstacles:
        _print_grouped(adoption.obstacles)
        said = "Nothing was done, because this is in the way."
        if not repair:
            said += " See what can be mended: atlas adopt --repair --dry-run"
        show(f"{adoption.database}: {said}")
        return
    for repair_line in adoption.repairs:
        show(repair_line)
    count = len(adoption.recorded)
    noted = f"{count} migration{'' if count == 1 else 's'} noted as applied"
    tables = "1 table" if len(adoption.repairs) == 1 else f"{len(adoption.repairs)} tables"
    if adoption.is_done:
        if adoption.backup is not None:
            show(f"The file as it was before is {adoption.backup}")
        show(f"{adoption.database}: taken over, {tables} mended, {noted}.")
    elif adoption.is_needed:
        show(f"{adoption.database}: can be taken over: {tables} mended, {noted}. Nothing was done.")
    else:
        show(f"{adoption.database}: nothing to do. It has all migrations, and nothing differs.")


def _print_grouped(findings: Sequence[Finding]) -> None:
    """Print findings of one kind that want one remedy together: another tool's are hundreds."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        by_name = finding.kind == "index_name" or finding.kind.endswith("_value")
        said = () if by_name else (str(finding.expected), str(finding.found))
        groups.setdefault((finding.kind, *said), []).append(finding)
    for group in groups.values():
        for finding in group[:_SHOWN]:
            show(finding.message)
        if len(group) > _SHOWN:
            show(f"    and {len(group) - _SHOWN} more of this kind")
        show(f"    {group[0].remedy}")

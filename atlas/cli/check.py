"""``atlas check``: whether the database is what the code expects."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.app import DIFFERS, OK, Database, Json, app, find_piccolo_conf
from atlas.cli.printing import show

if TYPE_CHECKING:
    from atlas.check.findings import CheckReport, Finding


@app.command()
def check(
    as_json: Json = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Only log and database, for the start of a service."),
    ] = False,
    database: Database = None,
) -> None:
    """Compare the model, the tables, the migrations and the database; change nothing.

    Exits with 0 when they agree, 1 when something differs, and 2 when the
    database could not be looked at.
    """
    from atlas.check import drift

    find_piccolo_conf()
    report = asyncio.run(drift.check(quick=quick))
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print_report(report)
    raise typer.Exit(OK if report.is_clean else DIFFERS)


def print_report(report: CheckReport) -> None:
    """Print what was found, a line for each finding and one for the way out."""
    for finding in report.findings:
        print_finding(finding)
    chain = ", ".join(report.compared)
    count = len(report.drift)
    if count:
        things = "1 thing differs" if count == 1 else f"{count} things differ"
        show(f"{report.database}: {things}. Compared: {chain}.")
    else:
        show(f"{report.database}: all agree. Compared: {chain}.")
    for warning in report.warnings:
        show(f"note: {warning}")


def print_finding(finding: Finding) -> None:
    """Print one finding and its way out."""
    label = "" if finding.severity == "drift" else "note: "
    show(f"{label}{finding.message}")
    show(f"    {finding.remedy}")

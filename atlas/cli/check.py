"""``atlas check``: whether the database is what the code expects."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.app import app, find_piccolo_conf, is_expected, one_line

if TYPE_CHECKING:
    from atlas.check.findings import CheckReport, Finding

#: What the process ends with: all agree, something differs, nothing could be told.
CLEAN, DRIFT, NOT_LOOKED = 0, 1, 2


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Only log and database, for the start of a service."),
    ] = False,
) -> None:
    """Compare the model, the tables, the migrations and the database; change nothing.

    Exits with 0 when they agree, 1 when something differs, and 2 when the
    database could not be looked at.
    """
    from atlas.check import drift

    try:
        find_piccolo_conf()
        report = asyncio.run(drift.check(quick=quick))
    except Exception as error:
        if not is_expected(error):
            raise
        said = one_line(error)
        if as_json:
            print(json.dumps({"version": 1, "error": said.removeprefix("atlas: ")}))
        print(said, file=sys.stderr)
        raise typer.Exit(NOT_LOOKED) from None
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print_report(report)
    raise typer.Exit(CLEAN if report.is_clean else DRIFT)


def print_report(report: CheckReport) -> None:
    """Print what was found, a line for each finding and one for the way out."""
    for finding in report.findings:
        print_finding(finding)
    chain = ", ".join(report.compared)
    count = len(report.drift)
    if count:
        things = "1 thing differs" if count == 1 else f"{count} things differ"
        print(f"{report.database}: {things}. Compared: {chain}.")
    else:
        print(f"{report.database}: all agree. Compared: {chain}.")


def print_finding(finding: Finding) -> None:
    """Print one finding and its way out."""
    label = "" if finding.severity == "drift" else "note: "
    print(f"{label}{finding.message}")
    print(f"    {finding.remedy}")

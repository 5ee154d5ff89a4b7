"""``atlas audit``: who breaks which rule of the model."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.app import DIFFERS, OK, Database, Json, app, find_piccolo_conf
from atlas.cli.printing import plain, show
from atlas.nearest import did_you_mean

if TYPE_CHECKING:
    from atlas.rules import AuditReport
    from atlas.table import Table


def _rules(names: list[str] | None) -> list[str] | None:
    """Check the rules of ``--rule``; in any case of letters."""
    from atlas.rules import RULES

    wanted = [name.upper() for name in names or ()]
    for name in wanted:
        if name not in RULES:
            raise typer.BadParameter(
                f"there is no rule {name}; there are: {', '.join(RULES)}."
                f"{did_you_mean(name, RULES)}"
            )
        if not RULES[name].is_audited:
            raise typer.BadParameter(
                f"no database can be audited for {name}: {RULES[name].not_audited}"
            )
    return wanted or None


def _tables(names: list[str] | None) -> list[str] | None:
    """Check the tables of ``--table``."""
    from atlas.tables import TABLES

    known = [table._meta.tablename for table in TABLES]
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(
                f"there is no table {name}; there are: {', '.join(known)}."
                f"{did_you_mean(name, known)}"
            )
    return names or None


@app.command()
def audit(
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            callback=_rules,
            help="Only this rule, as O4. May be repeated.",
            show_default="all",
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE",
            callback=_tables,
            help="Only rows of this table. May be repeated.",
            show_default="all",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="How many rows to show for a rule; all are counted.")
    ] = 20,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    as_json: Json = False,
    listed: Annotated[
        bool,
        typer.Option("--list", help="List the rules, and what no database can be audited for."),
    ] = False,
    database: Database = None,
) -> None:
    """List the rows that break a rule of docs/model.md section 7.

    The database is read as it is at one moment, and nothing is written. Exits with
    0 when no row breaks a rule, with 1 when one does, and with 2 when the database
    cannot be looked at. Warnings are listed, and count only with --strict.
    """
    if listed:
        _list(as_json)
        return
    find_piccolo_conf()
    path, report = asyncio.run(_audit(rule, table, limit))
    if as_json:
        print(json.dumps(_as_json(path, report), indent=2))
    else:
        _show(path, report)
    differs = report.errors or (strict and report.warnings)
    raise typer.Exit(DIFFERS if differs else OK)


async def _audit(
    rules: list[str] | None, names: list[str] | None, limit: int
) -> tuple[str, AuditReport]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from atlas.client.client import create_client
    from atlas.engine.sqlite.untouched import PATIENCE_MS
    from atlas.rules import AuditProgress as Step
    from atlas.rules import audit
    from atlas.tables import TABLES

    client = create_client(read_only=True, busy_timeout_ms=PATIENCE_MS)
    tables: list[type[Table]] = [
        table for table in TABLES if not names or table._meta.tablename in names
    ]
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task("Auditing", total=None)

        def show(step: Step) -> None:
            what = f"{step.table} {', '.join(step.rules)}"
            progress.update(bar, description=what, completed=step.done, total=step.total)

        async with client:
            report = await audit(client, rules=rules, tables=tables, limit=limit, on_progress=show)
    return client.engine.path, report


def _show(path: str, report: AuditReport) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    console = Console()
    if report.violations:
        grid = Grid()
        grid.add_column("Rule")
        grid.add_column("Row", overflow="fold")
        grid.add_column("What is wrong", overflow="fold")
        for finding in report.findings:
            grid.add_section()
            for found in finding.violations:
                row = "\n".join(found.id) if isinstance(found.id, tuple) else found.id
                grid.add_row(
                    found.rule,
                    escape(plain(f"{found.table}\n{row}")),
                    _marked(found.sentence, finding.severity),
                )
            if (more := finding.count - len(finding.violations)) > 0:
                grid.add_row(finding.rule, "", f"… and {more:,} more")
        console.print(grid)
    console.print(_summary(report), highlight=False)
    show(f"Database: {path}")


def _marked(sentence: str, severity: str) -> str:
    from rich.markup import escape

    return escape(plain(sentence if severity == "error" else f"(warning) {sentence}"))


def _summary(report: AuditReport) -> str:
    counts = [
        f"{finding.count:,} of {finding.rule}"
        + (" (warning)" if finding.severity == "warning" else "")
        for finding in report.findings
    ]
    asked = f"{_counted(len(report.rules), 'rule')} asked"
    if not counts:
        return f"No violation: {asked}."
    found = [_counted(report.errors, "violation"), _counted(report.warnings, "warning")]
    return f"{', '.join(found)}: {', '.join(counts)}. {asked}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _as_json(path: str, report: AuditReport) -> dict[str, Any]:
    return {
        "database": path,
        "rules": list(report.rules),
        "violations": report.errors,
        "warnings": report.warnings,
        "counts": [
            {"rule": each.rule, "severity": each.severity, "count": each.count}
            for each in report.findings
        ],
        "rows": [
            {
                "rule": each.rule,
                "severity": each.severity,
                "table": each.table,
                "id": each.id,
                "column": each.column,
                "sentence": each.sentence,
                "text": str(each),
            }
            for each in report.violations
        ],
    }


def _list(as_json: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    from atlas.rules import RULES

    if as_json:
        rules = [
            {
                "rule": rule.id,
                "text": rule.text,
                "checks": len(rule.checks),
                "not_audited": rule.not_audited,
            }
            for rule in RULES.values()
        ]
        print(json.dumps(rules, indent=2))
        return
    grid = Grid("Rule", "Checks", "What it says", "What no database can be audited for")
    for rule in RULES.values():
        grid.add_row(
            rule.id,
            str(len(rule.checks) or "-"),
            escape(rule.text),
            escape(rule.not_audited) or "-",
        )
    Console().print(grid)

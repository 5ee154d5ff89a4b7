"""``atlas load``: the rows of a file into a table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.app import DIFFERS, Database, app, find_piccolo_conf
from atlas.cli.printing import say, show
from atlas.cli.tables import named, table_named
from atlas.errors import AtlasError

if TYPE_CHECKING:
    from atlas.files import FileRows
    from atlas.upsert.result import RowError, UpsertResult


@app.command()
def load(
    table: Annotated[str, typer.Argument(help="A table, as Order or commerce_order.")],
    file: Annotated[
        Path, typer.Argument(help="A .csv, .tsv, .jsonl, .xlsx or .parquet file with a heading.")
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=HEADER",
            help="A column whose heading is another. Repeatable.",
            show_default="none",
        ),
    ] = None,
    ref: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=TABLE.KEY[,KEY]",
            help="A reference that the file gives by natural key, as "
            "unit_id=Unit.entity_id,code. Repeatable.",
            show_default="none",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The code of the core_source that the rows are from.",
            show_default="none",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="The unique key that rows are found by.",
            show_default="the table's sync key",
        ),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Pass over headers that are no column.")
    ] = False,
    sheet: Annotated[
        str | None, typer.Option(help="The sheet of a workbook.", show_default="the first")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Load the good rows; write the bad ones here, with their reasons.",
            show_default="none",
        ),
    ] = None,
    check_rules: Annotated[
        bool, typer.Option("--check-rules", help="Refuse rows that break a rule of the model.")
    ] = False,
    database: Database = None,
) -> None:
    """Load the rows of a file: new ones are inserted, those that differ updated.

    All of them or none; with --rejects all that are good. Safe to repeat, and to
    interrupt: then nothing is changed. Exits with 1 when rows were rejected.
    """
    from atlas.files import FileRows

    find_piccolo_conf()
    rows = FileRows(file, sheet=sheet)
    options: dict[str, Any] = {
        "refs": _references(ref or []),
        "dry_run": dry_run,
        "check_rules": check_rules,
        "on_error": "raise" if rejects is None else "collect",
        "max_errors": 20,
    }
    names = _mapped(column or [])
    path, result = asyncio.run(_load(table, rows, names, source, key, skip_unknown, options))
    if rejects is not None:
        _write_rejects(rejects, rows, result.errors)
    if result.plan is not None:
        from rich.console import Console

        Console().print(result.plan)
    would = "would be " if dry_run else ""
    show(
        f"{file}: {result.inserted} rows {would}inserted, {result.updated} {would}updated, "
        f"{result.unchanged} unchanged, {result.duplicates} repeated, {result.refused} refused\n"
        f"Database: {path}"
    )
    if result.refused:
        say(f"The refused rows and why: {rejects}")
        raise typer.Exit(DIFFERS)


async def _load(
    name: str,
    rows: FileRows,
    names: dict[str, str],
    source: str | None,
    key: str | None,
    skip_unknown: bool,
    options: dict[str, Any],
) -> tuple[str, UpsertResult]:
    from atlas.client.client import create_client
    from atlas.errors import UpsertError
    from atlas.progress import bar
    from atlas.tables import Source
    from atlas.upsert.plain import column_names

    table = table_named(name)
    async with create_client() as db:
        fill: dict[str, Any] = {}
        if source is not None:
            found = await db.resolve(Source, Source.code, [source])
            if source not in found:
                raise AtlasError(f"core_source has no row whose code is {source!r}.")
            fill["source_id"] = found[source]

        def given() -> Iterable[dict[str, Any]]:
            return changed() if fill or names or skip_unknown else rows

        def changed() -> Iterator[dict[str, Any]]:
            known = column_names(table)
            for row in rows:
                renamed = {names.get(header, header): value for header, value in row.items()}
                if skip_unknown:
                    renamed = {name: renamed[name] for name in renamed if name in known}
                yield {**fill, **renamed}

        with bar(f"{rows.path.name}") as on_progress:
            try:
                result = await db.upsert(
                    table,
                    given(),
                    None if key is None else tuple(key.split(",")),
                    on_progress=on_progress,
                    **options,
                )
            except UpsertError as error:
                lines = "".join(
                    f"\n  line {rows.lines[each.position]}: {str(each).partition(', ')[2] or each}"
                    for each in error.errors
                )
                raise AtlasError(
                    f"{rows.path}: {error.refused} rows are refused, nothing was written:{lines}"
                ) from None
        return db.engine.path, result


def _mapped(pairs: list[str]) -> dict[str, str]:
    """Return the columns of ``--map`` by header."""
    mapped: dict[str, str] = {}
    for pair in pairs:
        column, _, header = pair.partition("=")
        if not (column and header):
            raise typer.BadParameter(f"--map {pair}: give COLUMN=HEADER, as number=Nomor.")
        mapped[header] = column
    return mapped


def _references(pairs: list[str]) -> dict[str, Any] | None:
    """Return the references of ``--ref``."""
    refs: dict[str, Any] = {}
    for pair in pairs:
        column, _, target = pair.partition("=")
        name, _, keys = target.partition(".")
        if not (column and name and keys):
            raise typer.BadParameter(
                f"--ref {pair}: give COLUMN=TABLE.KEY, as unit_id=Unit.entity_id,code."
            )
        refs[column] = (table_named(name), *keys.split(","))
    return refs or None


def _write_rejects(path: Path, rows: FileRows, errors: list[RowError]) -> None:
    from atlas.files import FileWriter

    given = [
        {"line": rows.lines[each.position], **named(each), "row": str(dict(each.row))}
        for each in errors
    ]
    with FileWriter(path, ["line", "column", "value", "reason", "row"]) as file:
        file.add(given)

"""``atlas copy``: all rows of one database into another."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from atlas.cli.app import Json, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.engine.url import path_or_url
from atlas.progress import bar


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A database: PATH or URL.")],
    target: Annotated[
        str,
        typer.Argument(metavar="TO", help="An empty one, made with: atlas migrate --database TO"),
    ],
    as_json: Json = False,
) -> None:
    """Copy all rows of one database into another: SQLite or PostgreSQL, to either.

    All of one moment, while others go on writing; all rows or none. The two have to be at the
    same migrations, and TO has to be empty. Ids, created_at and updated_at are kept. At the end
    the rows of both are counted and compared by a checksum.
    """
    from atlas.client.client import create_client
    from atlas.transfer import CopiedTable
    from atlas.transfer import copy as copy_rows

    find_piccolo_conf()

    async def work() -> list[CopiedTable]:
        first = create_client(path_or_url(source), read_only=True, statement_timeout_ms=0)
        second = create_client(path_or_url(target), statement_timeout_ms=0)
        async with first, second:
            with bar("Rows") as progress:
                return await copy_rows(
                    first, second, on_progress=lambda _, done, total: progress(done, total)
                )

    copied = asyncio.run(work())
    if as_json:
        print(json.dumps({"version": 1, "tables": [asdict(table) for table in copied]}))
        return
    shown = Table("Table")
    shown.add_column("Rows", justify="right")
    shown.add_column("Checksum")
    for table in copied:
        shown.add_row(table.name, str(table.rows), table.checksum[:16])
    shown.add_section()
    shown.add_row(f"{len(copied)} tables", str(sum(table.rows for table in copied)), "")
    Console().print(shown)
    show("Both databases have the same rows.")

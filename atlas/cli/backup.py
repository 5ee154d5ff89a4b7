"""``atlas backup`` and ``atlas restore``: a copy of the database, and the way back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.app import Database, Json, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.client.client import create_client
from atlas.progress import bar


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A file that is not there yet, or a folder that is.")],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="In a folder: so many backups; older ones go when the new one is whole.",
            show_default="all",
        ),
    ] = None,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Copy the database while programs use it, and check the copy.

    The backup is of one moment. It has its name only when it is whole: its integrity,
    references, rows and migrations were looked at. On PostgreSQL it is made by pg_dump.
    """
    from atlas.backup import back_up

    find_piccolo_conf()
    engine = create_client(read_only=True).engine
    with bar("Backup") as on_progress:
        made = asyncio.run(
            back_up(engine, to, keep=keep, mode=engine.options.mode, on_progress=on_progress)
        )
    rows = None if made.rows is None else sum(made.rows.values())
    if as_json:
        print(
            json.dumps(
                {
                    "version": 1,
                    "path": str(made.path),
                    "bytes": made.size,
                    "tables": made.rows,
                    "migrations": made.migrations,
                    "removed": [str(path) for path in made.removed],
                },
                indent=2,
            )
        )
        return
    held = "" if rows is None else f", {rows} rows, {made.migrations} migrations"
    show(f"Backup: {made.path} ({made.size} bytes{held})\nDatabase: {engine.path}")
    for path in made.removed:
        show(f"Removed: {path}")


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(metavar="FROM", help="A backup.")],
    replace_newer: Annotated[
        bool,
        typer.Option(
            "--replace-newer", help="Also when the database has rows that the backup has not."
        ),
    ] = False,
    database: Database = None,
) -> None:
    """Put a backup in the place of the database, which no program may have open.

    The backup is checked first. The SQLite file that it replaces is kept beside it. A
    database that is newer than the backup is refused, unless --replace-newer is given.
    """
    from atlas import backup as backups

    find_piccolo_conf()
    engine = create_client().engine
    with bar("Restore") as on_progress:
        done = asyncio.run(
            backups.restore(
                engine,
                backup,
                replace_newer=replace_newer,
                mode=engine.options.mode,
                on_progress=on_progress,
            )
        )
    rows = "" if done.rows is None else f" ({sum(done.rows.values())} rows)"
    show(f"Restored: {done.path}{rows}\nFrom: {backup}")
    if done.replaced is not None:
        show(f"What was there before: {done.replaced}")

"""``atlas info``: what is in a database."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from atlas.cli.app import Database, Json, app, find_piccolo_conf
from atlas.cli.printing import plain
from atlas.client.client import create_client
from atlas.engine.sqlite.untouched import PATIENCE_MS

if TYPE_CHECKING:
    from atlas.info import DatabaseInfo

_NOTHING = "–"


@app.command()
def info(
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Print the database's tables with their rows, sizes and last changes, and its migrations.

    It only reads, and makes no file. Exits with 2 when the database cannot be looked at.
    """
    find_piccolo_conf()
    with Console(stderr=True).status("Looking …") as status:
        found = asyncio.run(_read(lambda name: status.update(f"Looking at {name} …")))
    if as_json:
        print(json.dumps(dataclasses.asdict(found), indent=2, default=datetime.datetime.isoformat))
        return
    console = Console(highlight=False)
    console.print(_summary(found))
    console.print(_tables(found))
    for warning in found.warnings:
        console.print(f"note: {warning}")
    if found.migrations_pending:
        console.print("To run the pending migrations: atlas migrate")


async def _read(progress: Any) -> DatabaseInfo:
    from atlas.info import read

    async with create_client(read_only=True, busy_timeout_ms=PATIENCE_MS) as client:
        return await read(client, progress)


def _summary(info: DatabaseInfo) -> Table:
    shown = Table.grid(padding=(0, 2))
    shown.add_row("Database", escape(plain(info.location)))
    shown.add_row("Version", ", ".join(filter(None, (info.version, info.journal_mode))))
    wal = f", and {_size(info.wal_size)} in -wal" if info.wal_size else ""
    shown.add_row("Size", _size(info.size) + wal)
    shown.add_row("Migrations", _migrations(info))
    return shown


def _migrations(info: DatabaseInfo) -> str:
    text = (
        f"{len(info.migrations_applied)} applied, {len(info.migrations_pending) or 'none'} pending"
    )
    if info.migrations_unknown:
        text += f", {len(info.migrations_unknown)} of a newer version of Atlas"
    return text


def _tables(info: DatabaseInfo) -> Table:
    shown = Table("Table")
    shown.add_column("Rows", justify="right")
    shown.add_column("Size (about)" if info.sizes_are_estimates else "Size", justify="right")
    shown.add_column("Last change (UTC)")
    for _, tables in groupby(info.tables, key=lambda table: table.app):
        for table in tables:
            shown.add_row(
                table.name,
                "not there" if table.rows is None else f"{table.rows:,}",
                _size(table.size),
                _moment(table.changed_at),
            )
        shown.add_section()
    there = [table for table in info.tables if table.rows is not None]
    changes = [table.changed_at for table in there if table.changed_at is not None]
    shown.add_row(
        f"{len(there)} tables",
        f"{sum(table.rows or 0 for table in there):,}",
        _size(sum(table.size or 0 for table in there)),
        _moment(max(changes, default=None)),
    )
    return shown


def _size(size: int | None) -> str:
    return _NOTHING if size is None else filesize.decimal(size)


def _moment(moment: datetime.datetime | None) -> str:
    if moment is None:
        return _NOTHING
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")

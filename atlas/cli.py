"""The ``atlas`` command.

In: a command line. Out: one call of the room that does it, and its result as a
table; or one line on stderr and exit code 1. It decides nothing itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import atlas.seed
from atlas import AtlasError, __version__, create_client

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"atlas {__version__}")
        raise typer.Exit


@app.callback()
def _atlas(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Atlas, the operational database of an education group.

    The database is the one of DATABASE_URL, or atlas-ops.db in this folder.
    """


@app.command()
def seed(
    demo: Annotated[bool, typer.Option("--demo", help="Add a demo entity to look at.")] = False,
) -> None:
    """Insert the rows every installation needs that are missing; change no other.

    These are the 38 provinces of Indonesia, the periods of 2025 and 2026, and
    the channels.
    """
    rows = atlas.seed.reference() + (atlas.seed.demo() if demo else [])
    counts = asyncio.run(_load(rows))
    inserted = sum(count.inserted for count in counts.values())
    if not inserted:
        print(f"Nothing to do: all {len(rows)} rows are there.")
        return
    shown = Table("Table")
    shown.add_column("Inserted", justify="right")
    shown.add_column("Already there", justify="right")
    for table, count in counts.items():
        shown.add_row(table._meta.tablename, str(count.inserted), str(count.present))
    shown.add_section()
    shown.add_row(f"{len(counts)} tables", str(inserted), str(len(rows) - inserted))
    Console().print(shown)


async def _load(rows: atlas.seed.Seed) -> atlas.seed.Counts:
    async with create_client():
        return await atlas.seed.load(rows)


def main() -> None:
    """Run the command of ``sys.argv``; print an expected error as one line and exit with 1."""
    try:
        app()
    except Exception as error:
        if not _is_expected(error):
            raise
        sys.exit(f"atlas: {' '.join(str(error).split())}")


def _is_expected(error: Exception) -> bool:
    """Return whether ``error`` is about the database or a setting, and no bug of Atlas."""
    # asyncpg is an extra, so it may not be there to import its errors from.
    return isinstance(error, AtlasError | OSError | sqlite3.Error) or type(
        error
    ).__module__.startswith("asyncpg.")

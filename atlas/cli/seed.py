"""``atlas seed``: the rows every installation needs, and a demo."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import atlas.seed
from atlas import create_client
from atlas.cli.app import app


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

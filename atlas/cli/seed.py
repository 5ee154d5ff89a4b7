"""``atlas seed``: the rows every installation needs, and a demo."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from atlas.cli.app import Database, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.demo.size import SizeName
from atlas.progress import bar


@app.command()
def seed(
    demo: Annotated[
        SizeName | None,
        typer.Option(
            help="Add a group of schools with two years of business: 300 orders, 20,000 orders, "
            "or 500,000 orders with about 1,000,000 lines.",
            show_default="none",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The demo's number; the same number gives the same rows.")
    ] = 1,
    database: Database = None,
) -> None:
    """Insert the rows every installation needs that are missing; change no other.

    These are the 38 provinces of Indonesia, the periods of 2025 and 2026, the
    channels, and a chart of accounts for each entity that has none.
    """
    from atlas import seeding
    from atlas.client.client import create_client

    find_piccolo_conf()
    path = create_client().engine.path
    with bar("Orders") if demo else nullcontext() as on_progress:
        counts = asyncio.run(seeding.seed(demo=demo, seed=seed, on_progress=on_progress))
    inserted = sum(count.inserted for count in counts.values())
    present = sum(count.present for count in counts.values())
    if not inserted:
        show(f"Nothing to do: all {present} rows are there.\nDatabase: {path}")
        return
    shown = Table("Table")
    shown.add_column("Inserted", justify="right")
    shown.add_column("Already there", justify="right")
    for table, count in counts.items():
        shown.add_row(table._meta.tablename, str(count.inserted), str(count.present))
    shown.add_section()
    shown.add_row(f"{len(counts)} tables", str(inserted), str(present))
    Console().print(shown)
    show(f"Database: {path}")

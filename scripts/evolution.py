"""Make each kind of change to a schema on SQLite, take it back, and count the rows.

In: the kinds of ``tests/kinds.py``. Out: a line for each, beside what
stock Piccolo and drizzle-kit did with it (``evolution.json``, recorded); exit
code 1 when one failed or a row was lost. Each kind has a file of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ["PICCOLO_CONF"] = "atlas.conf"
os.environ["DATABASE_URL"] = "file:/nonexistent/no-script-may-open-this.db"

from kinds import KINDS, ROWS, TABLES, Kind
from rich.console import Console
from rich.progress import track
from rich.table import Table
from shop import Project

from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import AtlasError

RECORDED = json.loads(Path(__file__).with_name("evolution.json").read_text())


def counts(path: str) -> dict[str, int]:
    """Return how many rows each table of the shop has, by its last name."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name.startswith("shop")
        ]
        return {
            name.partition("_")[2]: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in names
        }


async def tried(kind: Kind, folder: Path, number: int) -> tuple[str, str, str]:
    """Make a change and take it back; return what became of both, and of the rows."""
    project = Project(folder, f"shop{number}")
    engine: Any = SQLiteEngine(str(folder / f"shop{number}.db"))
    project.write(TABLES)
    await project.new(engine)
    await project.forwards(engine)
    for name, rows in ROWS.items():
        await engine.run_ddl(f"INSERT INTO shop{number}_{name} VALUES {rows}")
    before = counts(engine.path)
    text = TABLES
    for old, new in kind.changes:
        text = text.replace(old, new)
    project.write(text)
    await project.new(engine, is_rename=kind.is_rename, words=kind.words)
    said = []
    for direction in (project.forwards, project.backwards):
        try:
            await direction(engine)
            said.append("ok")
        except (AtlasError, sqlite3.Error, ValueError) as error:
            said.append(f"fails: {error}")
            break
    after = counts(engine.path)
    await engine.close_connection_pool()
    lost = {name: count for name, count in before.items() if after.get(name) != count}
    return said[0], said[-1] if len(said) > 1 else "-", f"lost: {lost}" if lost else "all kept"


async def main() -> int:
    """Try all kinds and print the table."""
    table = Table(
        "Change", "Forwards", "Backwards", "Rows", *RECORDED["tools"], box=None, pad_edge=False
    )
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(track(KINDS, "Changes", transient=True)):
            forwards, backwards, rows = await tried(kind, Path(folder), number)
            failed += (forwards, backwards, rows) != ("ok", "ok", "all kept")
            recorded = RECORDED["kinds"].get(kind.name, {})
            others = [recorded.get(tool, "not recorded") for tool in RECORDED["tools"]]
            table.add_row(kind.name, forwards, backwards, rows, *others)
    console = Console()
    console.print(table)
    for tool, source in RECORDED["tools"].items():
        console.print(f"{tool}: {source}", style="dim")
    console.print(f"{len(KINDS)} kinds of change, {failed} of them failed or lost rows.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""``atlas dump``: the rows of a table or of a query into a file."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from atlas.cli.app import Database, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.cli.tables import table_named

_BATCH_SIZE = 5000


@app.command()
def dump(
    what: Annotated[
        str, typer.Argument(help="A table, as Order or commerce_order; or a SELECT in quotes.")
    ],
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl or .parquet file to write.")],
    database: Database = None,
) -> None:
    """Write the rows of a table, or what a SELECT finds, as they are at one moment.

    The file is whole, or what was there stays. `atlas load` reads it.
    """
    find_piccolo_conf()
    path, count = asyncio.run(_dump(what, file))
    show(f"{file}: {count} rows\nDatabase: {path}")


async def _dump(what: str, path: Path) -> tuple[str, int]:
    from atlas.client.client import create_client
    from atlas.files import FileWriter
    from atlas.progress import bar
    from atlas.tables import Entity

    async with create_client(read_only=True) as db, db.snapshot():
        types: dict[str, type] = {}
        names: list[str] | None = None
        total = None
        if " " in what.strip():
            query: Any = Entity.raw(what.replace("{", "{{").replace("}", "}}"))
        else:
            table = table_named(what)
            columns = table._meta.columns
            names = [column._meta.name for column in columns]
            types = {column._meta.name: column.value_type for column in columns}
            keys = [column for column in columns if column._meta.primary_key]
            query = table.select(*columns).order_by(*keys)
            total = await table.count()
        count = 0
        with ExitStack() as stack:
            on_progress = stack.enter_context(bar(path.name, total))
            file: FileWriter | None = None
            async with await query.batch(batch_size=_BATCH_SIZE) as batch:
                async for rows in batch:
                    if file is None:  # a query's columns are those of its first row
                        file = FileWriter(path, names or list(rows[0]), types)
                        stack.enter_context(file)
                    file.add(rows)
                    count += len(rows)
                    on_progress(count, total)
            if file is None:
                stack.enter_context(FileWriter(path, names or [], types))
        return db.engine.path, count

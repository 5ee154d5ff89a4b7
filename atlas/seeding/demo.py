"""Loading the demo: portion by portion, each committed with a note of how far it is.

In: a client and what to make. Out: the rows of ``atlas.demo``. The note is the
row of ``core_source`` with the code ``demo``: its ``locator`` says which demo,
its ``sync_cursor`` how many portions are in the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from atlas.client.client import Client
from atlas.core.tables import Channel, Period, Region, Source
from atlas.db.tables import Tag
from atlas.demo.group import generate
from atlas.demo.organisation import CITIES
from atlas.demo.size import Size
from atlas.errors import AtlasError
from atlas.reference.channels import channels
from atlas.reference.periods import periods
from atlas.rows import SourceInsert
from atlas.table import Table
from atlas.upsert.keys import primary_key

_CODE = "demo"
_DONE = "all"
_TAGS = (
    ("karyawan", "Karyawan", "Status"),
    ("orang-tua", "Orang tua", "Segment"),
    ("studi-luar-negeri", "Studi luar negeri", "Interest"),
)


async def load_demo(
    client: Client,
    size: Size,
    seed: int,
    counts: Counter[type[Table]],
    total: Counter[type[Table]],
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Load the demo of this size and seed as far as it is not there; add to the counts."""
    name = f"atlas seed --demo {size.name} --seed {seed}"
    async with client.transaction():
        cursor = await _begin(client, name, counts)
        total[Source] += 1
        ids = await _shared(client, counts, total)
    for number, portion in enumerate(generate(size, seed, ids), start=1):
        for table, rows in portion.rows:
            total[table] += len(rows)
        if cursor == _DONE or number <= int(cursor):
            continue
        async with client.transaction():
            for table, rows in portion.rows:
                result = await client.upsert(table, rows, key=primary_key(table))
                counts[table] += result.inserted
            await _note(client, _DONE if portion.orders == size.orders else str(number))
        if on_progress:
            on_progress(portion.orders, size.orders)


async def _begin(client: Client, name: str, counts: Counter[type[Table]]) -> str:
    """Return how far the demo is; note that it begins, and count that row."""
    found: Any = await Source.select().where(Source.code == _CODE).first()
    if found is None:
        row: SourceInsert = {
            "code": _CODE,
            "name": "Demo",
            "type": "Manual",
            "locator": name,
            "sync_cursor": "0",
        }
        result = await client.upsert(Source, [row], key=(Source.code,))
        counts[Source] += result.inserted
        return "0"
    if found["locator"] != name:
        raise AtlasError(
            f"{client.engine.path} holds another demo already, made by: {found['locator']}. "
            "Nothing was written. Use another database, or that command."
        )
    return str(found["sync_cursor"])


async def _note(client: Client, cursor: str) -> None:
    await Source.update({Source.sync_cursor: cursor}).where(Source.code == _CODE)


async def _shared(
    client: Client, counts: Counter[type[Table]], total: Counter[type[Table]]
) -> dict[tuple[type[Table], str], str]:
    """Insert the cities and tags that are missing; return the ids of all that rows refer to."""
    provinces = await client.resolve(Region, Region.code, {code[:2] for code in CITIES})
    cities = [
        {"code": code, "name": name, "type": "City", "parent_id": provinces[code[:2]]}
        for code, name in CITIES.items()
    ]
    tags = [{"code": code, "name": name, "type": kind} for code, name, kind in _TAGS]
    given: tuple[tuple[type[Table], list[dict[str, Any]]], ...] = ((Region, cities), (Tag, tags))
    for table, rows in given:
        result = await client.upsert(table, rows, update=False)
        counts[table] += result.inserted
        total[table] += len(rows)
    ids: dict[tuple[type[Table], str], str] = {}
    for table, codes in (
        (Region, list(CITIES)),
        (Tag, [tag[0] for tag in _TAGS]),
        (Period, [row["code"] for row in periods()]),
        (Channel, [row["code"] for row in channels()]),
    ):
        found = await client.resolve(table, "code", codes)
        ids |= {(table, code): row_id for code, row_id in found.items()}
    return ids

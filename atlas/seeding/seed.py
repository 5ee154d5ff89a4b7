"""Seeding a database: reference rows always, a demo where it is asked for.

In: a client, the one in scope by default. Out: the rows that were missing, and
how many they were. What is there is never changed, and a demo goes on where it
was interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from atlas.client.client import Client, create_client, current_client
from atlas.core.tables import Channel, Entity, Period, Region
from atlas.demo.size import SIZES, SizeName
from atlas.errors import AtlasError
from atlas.finance.tables import Account
from atlas.reference.channels import channels
from atlas.reference.chart import CHART
from atlas.reference.periods import periods
from atlas.reference.provinces import provinces
from atlas.seeding.tree import insert_tree
from atlas.table import Table

#: Called with the orders that are loaded, and all that will be.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SeedCount:
    """How many rows of a table were missing, and how many were there already."""

    inserted: int
    present: int


Counts = dict[type[Table], SeedCount]


async def seed(
    *,
    demo: SizeName | None = None,
    seed: int = 1,
    client: Client | None = None,
    on_progress: OnProgress | None = None,
) -> Counts:
    """Insert the rows every installation needs that are missing; return counts by table.

    They are the 38 provinces of Indonesia, the periods of 2025 and 2026, the
    channels, and a chart of accounts for each entity that has no account.
    ``demo`` adds a group of schools with two years of business: ``"small"`` has
    300 orders, ``"medium"`` 20,000, ``"large"`` 500,000 with about 1,000,000
    lines. The same number ``seed`` gives the same rows, with their ids. A
    database holds one demo; a second one raises ``AtlasError``.

    Runs on ``client``, by default the client in scope, and where none is open on
    the database of the settings. ``on_progress`` is called after each portion of a
    demo, which is committed by then: an interrupted demo goes on from there when
    it is asked for again. Raises ``AtlasError`` when a table does not exist, or the
    file, of which none is made then, and
    ``ConfigurationError`` for a demo without Faker (extra ``explore``).
    """
    if demo is not None and demo not in SIZES:
        raise AtlasError(f"There is no demo {demo!r}; choose one of {', '.join(SIZES)}.")
    async with _client(client) as opened:
        counts = Counter[type[Table]]()
        total = Counter[type[Table]]()
        async with opened.transaction():
            await _require_tables(opened)
            await _reference(opened, counts, total)
        if demo:
            from atlas.seeding.demo import load_demo  # not at the front door: few programs want one

            await load_demo(opened, SIZES[demo], seed, counts, total, on_progress)
    return {table: SeedCount(counts[table], total[table] - counts[table]) for table in total}


@asynccontextmanager
async def _client(client: Client | None) -> AsyncIterator[Client]:
    found = client or current_client()
    if found:
        yield found
        return
    async with create_client(read_only=True) as looked:  # which makes no file
        await _require_tables(looked)
    async with create_client() as opened:
        yield opened


async def _require_tables(client: Client) -> None:
    if not await Entity.table_exists():
        raise AtlasError(
            f"{client.engine.path} has no table {Entity._meta.tablename}. Make the tables first: "
            "atlas migrate"
        )


def _reference_rows() -> list[tuple[type[Table], list[dict[str, Any]]]]:
    return [(Region, provinces()), (Channel, channels())]


async def _reference(
    client: Client, counts: Counter[type[Table]], total: Counter[type[Table]]
) -> None:
    for table, rows in _reference_rows():
        result = await client.upsert(table, rows, key="code", update=False)
        counts[table] += result.inserted
        total[table] += len(rows)
    counts[Period] += await insert_tree(client, Period, periods(), ("code",))
    total[Period] += len(periods())
    # An entity that has accounts has a chart of its own.
    with_accounts = await Account.select(Account.entity_id).distinct()
    has_chart = {row["entity_id"] for row in with_accounts}
    entities = [row["id"] for row in await Entity.select(Entity.id) if row["id"] not in has_chart]
    for entity_id in entities:
        rows = [{**row, "entity_id": entity_id} for row in CHART]
        counts[Account] += await insert_tree(client, Account, rows, ("entity_id", "code"))
        total[Account] += len(rows)

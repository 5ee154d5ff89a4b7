"""How the cost of each query of tests/queries.sql grows with the database.

In: sizes in order lines. Out: for each query and size the milliseconds of one run
through an Atlas client, warm, and how many rows it returned. Each size has a
database of its own, made by ``BUILD``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import atlas
from atlas.ulid import new_ulid
from benchmark import group
from benchmark.data import connect
from benchmark.queries import QUERIES, Query, parameters

#: Makes a database at a path with a number of order lines; says how far it is.
Build = Callable[[Path, int, Callable[[int, int], None] | None], None]
BUILD: Build = group.make

#: How often each query runs at least, however long it takes.
_LEAST_RUNS = 5


@dataclass
class Cost:
    """One query: by order lines, the milliseconds of each run and the rows returned."""

    query: Query
    ms: dict[int, list[float]] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the medians, and how many times that of the smallest size the largest is."""
        medians = {size: median(runs) for size, runs in self.ms.items()}
        first, last = medians[min(medians)], medians[max(medians)]
        return {
            "query": self.query.name,
            "title": self.query.title,
            "ms": medians,
            "rows": self.rows,
            "growth": last / first,
        }


def measure(
    sizes: list[int],
    folder: Path,
    slice_s: float,
    on_step: Callable[[str, int, int], None] | None = None,
) -> list[Cost]:
    """Measure all queries at each size, for ``slice_s`` each; tell ``on_step`` what goes on."""
    costs = [Cost(query) for query in QUERIES]
    for size in sizes:
        path = folder / f"queries-{size}.db"

        def on_order(done: int, total: int, title: str = f"Filling {size:,} lines") -> None:
            if on_step:
                on_step(title, done, total)

        BUILD(path, size, on_order)
        with closing(connect(path)) as database:
            values = parameters(database)
        asyncio.run(_measure(path, size, costs, values, slice_s, on_step))
        for file in folder.glob(f"{path.name}*"):  # as large as a gigabyte or three
            file.unlink()
    return costs


async def _measure(
    path: Path,
    size: int,
    costs: list[Cost],
    values: dict[str, dict[str, Any]],
    slice_s: float,
    on_step: Callable[[str, int, int], None] | None,
) -> None:
    async with atlas.create_client(f"file:{path}") as db:
        for done, cost in enumerate(costs):
            if on_step:
                on_step(f"{cost.query.name} on {size:,} lines", done, len(costs))
            given = values[cost.query.name]
            if cost.query.writes:  # each run writes, and the next finds the database as it was
                async with db.transaction() as transaction:
                    await _run(cost, size, given, slice_s)
                    await transaction.rollback()
            else:
                await _run(cost, size, given, slice_s)


async def _run(cost: Cost, size: int, given: dict[str, Any], slice_s: float) -> None:
    """Run a query once to fill the caches, then for ``slice_s``, and note each run."""
    sql, names = positional(cost.query.sql)
    runs: list[float] = []
    cost.rows[size] = len(await atlas.Order.raw(sql, *(given[name] for name in names)))
    deadline = time.perf_counter() + slice_s
    for values in _fresh(given):
        start = time.perf_counter()
        await atlas.Order.raw(sql, *(values[name] for name in names))
        end = time.perf_counter()
        runs.append((end - start) * 1000)
        if end > deadline and len(runs) >= _LEAST_RUNS:
            break
    cost.ms[size] = runs


def _fresh(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parameters without end, with a new row each time where there is one to insert."""
    while True:
        if "id" in given:
            id = new_ulid()
            given = {**given, "id": id, "number": id, "source_key": id}
        yield given


def positional(sql: str) -> tuple[str, list[str]]:
    """Return ``sql`` with Piccolo's ``{}`` for each ``:name``, and the names in their order."""
    names: list[str] = []

    def take(match: re.Match[str]) -> str:
        names.append(match[1])
        return "{}"

    return re.sub(r":(\w+)", take, sql), names

"""Many rows at once: what an upsert costs here and with the other libraries.

In: peers and a filled database. Out: rows per second, by line and peer, as of the
other lines. Each peer works on a copy of its own: first all rows are new, then
none has changed, then two values of each have. After each step the copy is
compared with that of the first peer.
"""

from __future__ import annotations

import csv
import gc
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from inspect import isawaitable
from itertools import islice
from pathlib import Path
from typing import Any

from benchmark.check import DifferentResultError
from benchmark.data import Data, Row, connect
from benchmark.line import Line
from benchmark.measure import Result
from benchmark.peers.peer import Peer

NEW, UNCHANGED, CHANGED, REGIONS = (
    Line(name, f"{title} (rows per second)", lambda data: iter(()), tasks=(1,))
    for name, title in (
        ("upsert-new", "Upsert: new orders, one transaction"),
        ("upsert-unchanged", "Upsert: the same orders again"),
        ("upsert-changed", "Upsert: the same orders, two values changed"),
        (
            "regions",
            "All regions of Indonesia with parents, from CSV to committed",
        ),
    )
)
LINES = (NEW, UNCHANGED, CHANGED, REGIONS)

#: The real input, which lies beside a checkout of the project, and not in it.
REGIONS_CSV = Path(__file__).parents[3] / "shared" / "data" / "regions.csv"

#: What an unchanged row is to cost of a new one.
_UNCHANGED_FASTER = 5.0


async def measure(
    peers: list[Peer],
    lines: list[Line],
    data: Data,
    *,
    rows: int,
    rounds: int,
    on_step: Callable[[], None],
) -> list[Result]:
    """Measure those of ``lines`` that are in ``LINES``, with ``rows`` orders."""
    results = {line: Result(line, 1) for line in LINES if line in lines}
    copy = data.path.with_name("copy.db")
    orders = _orders(data, rows)
    changed = [
        {**order, "total_amount": order["total_amount"] + 1, "status": "Completed"}
        for order in orders
    ]
    steps = [
        (line, given)
        for line, given in ((NEW, orders), (UNCHANGED, orders), (CHANGED, changed))
        if line in results or (line is NEW and results.keys() - {REGIONS})
    ]
    expected: dict[str, Any] = {}
    for number in range(rounds):
        for peer in peers[number % len(peers) :] + peers[: number % len(peers)]:
            if hasattr(peer, "upsert") and results.keys() - {REGIONS}:
                _copy(data.path, copy)
                for line, given in steps:
                    seconds = await _timed(peer, copy, "upsert", given)
                    if line in results:
                        results[line].rates.setdefault(peer.name, []).append(rows / seconds)
                    _compare(peer, line.name, _stored_orders(copy), expected)
                    on_step()
            if hasattr(peer, "load_regions") and REGIONS in results and REGIONS_CSV.exists():
                _copy(data.path, copy)
                seconds = await _timed(peer, copy, "load_regions", REGIONS_CSV)
                stored = _stored_regions(copy)
                results[REGIONS].rates.setdefault(peer.name, []).append(stored[0] / seconds)
                _compare(peer, REGIONS.name, stored, expected)
                on_step()
    return [result for result in results.values() if result.rates]


def targets(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the target that compares this engine with itself, if the run can judge it."""
    rates = {
        line["line"]: line["peers"]["atlas"]["per_second"]
        for line in lines
        if "atlas" in line["peers"]
    }
    if not {NEW.name, UNCHANGED.name} <= rates.keys():
        return []
    ratio = rates[UNCHANGED.name] / rates[NEW.name]
    return [
        {
            "line": UNCHANGED.name,
            "tasks": 1,
            "peer": "its own upsert-new",
            "least": _UNCHANGED_FASTER,
            "ratio": ratio,
            "met": ratio >= _UNCHANGED_FASTER,
        }
    ]


def type_of(code: str) -> str:
    """Return the level of a region's code, as ``31``, ``31.74``, ``31.74.01``."""
    _, *parts = code.split(".")
    if len(parts) == 1:
        return "City" if parts[0] >= "71" else "Regency"
    return ("Province", "City", "District", "Village")[len(parts)]


def read_regions(path: Path) -> Any:
    """Yield code and name of each region; parents come before children."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _orders(data: Data, rows: int) -> list[Row]:
    with closing(connect(data.path)) as database:
        ((source,),) = database.execute("SELECT id FROM core_source")
        persons = [id for (id,) in database.execute("SELECT id FROM db_person ORDER BY id")]
    orders = []
    for number, order in enumerate(islice(data.new_orders(), rows)):
        person = persons[number * 7919 % len(persons)]
        orders.append(
            {
                **order,
                "number": f"NEW/{number:07}",
                "customer_id": person,
                "participant_id": person,
                "order_date": order["order_date"] + timedelta(days=number % 7),
                "source_id": source,
                "source_key": f"new-{number}",
            }
        )
    return orders


def _copy(path: Path, copy: Path) -> None:
    with closing(connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for end in ("-wal", "-shm"):
        copy.with_name(copy.name + end).unlink(missing_ok=True)
    shutil.copyfile(path, copy)


async def _timed(peer: Peer, path: Path, method: str, argument: Any) -> float:
    """Let one peer do one step, and return how many seconds it took, without opening."""
    await peer.open(path)
    try:
        gc.collect()
        start = time.perf_counter()
        result = getattr(peer, method)(argument)
        if isawaitable(result):
            await result
        return time.perf_counter() - start
    finally:
        await peer.close()


def _compare(peer: Peer, step: str, stored: Any, expected: dict[str, Any]) -> None:
    if expected.setdefault(step, stored) != stored:
        raise DifferentResultError(f"{step}: {peer.name} stored {stored}, not {expected[step]}")


def _stored_orders(path: Path) -> tuple[Any, ...]:
    with closing(sqlite3.connect(path)) as database:
        query = """
            SELECT count(*), count(DISTINCT id), min(length(id)), sum(total_amount),
                count(DISTINCT source_key), sum(status = 'Completed'), min(order_date),
                max(order_date), sum(typeof(order_date) = 'text'), sum(length(created_at) > 20)
            FROM commerce_order
        """
        return tuple(database.execute(query).fetchone())


def _stored_regions(path: Path) -> tuple[Any, ...]:
    with closing(sqlite3.connect(path)) as database:
        query = """
            SELECT count(*), count(DISTINCT child.id), sum(length(child.name)),
                sum(parent.code = substr(child.code, 1, length(parent.code))),
                count(DISTINCT child.type)
            FROM core_region AS child LEFT JOIN core_region AS parent ON parent.id = child.parent_id
        """
        return tuple(database.execute(query).fetchone())

"""For how long the event loop is held up: the longest wait of a task that only wants its turn.

In: a filled database. Out: milliseconds, for a mixed load of short reads and writes beside
reads of 100,000 rows, and for short reads of a file whose pages come from the disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from atlas import Order, create_client
from atlas.engine.options import EngineOptions
from benchmark.data import Data
from benchmark.peers import sql

#: As on the command line.
NAME = "hold"

#: So many rows the long reads have.
ROWS = 100_000
_TASKS = 16
_AGAIN_S = 0.0005

#: The most that the loop may be held, in milliseconds.
_MOST_MS = 25.0


def measure(data: Data, rounds: int, seconds: float) -> dict[str, float]:
    """Return the longest hold in milliseconds, of each kind of load."""
    sql.register()
    holds = [asyncio.run(_mixed(data, seconds)) for _ in range(rounds)]
    cold = [asyncio.run(_cold(data, seconds)) for _ in range(rounds)]
    return {"mixed load": max(holds), "short reads, cold file": max(cold)}


def targets(holds: dict[str, float]) -> list[dict[str, Any]]:
    """Return the target, in the form of the others: how many times as short as it may be."""
    ratio = _MOST_MS / holds["mixed load"]
    return [
        {
            "line": NAME,
            "tasks": _TASKS,
            "peer": f"{_MOST_MS:.0f} ms",
            "least": 1.0,
            "ratio": ratio,
            "met": ratio >= 1,
        }
    ]


async def _mixed(data: Data, seconds: float) -> float:
    options = vars(EngineOptions())
    async with create_client(f"file:{data.path}", **options):
        ids = data.scattered_order_ids()
        new = data.new_orders()

        async def read() -> None:
            await Order.objects().where(Order.id == next(ids)).first()

        async def write() -> None:
            await Order.insert(Order(**next(new)))

        async def read_many() -> None:
            rows = await Order.select().limit(ROWS)
            while rows:  # to free them all at once would hold the loop, and is the program's
                del rows[-1000:]
                await asyncio.sleep(0)

        works = [*[read] * (_TASKS - 4), *[write] * 2, *[read_many] * 2]
        hold = await _longest_hold(works, seconds)
    data.remove_new_orders()
    return hold


async def _cold(data: Data, seconds: float) -> float:
    """Read from a copy that the system has forgotten the pages of."""
    path = data.path.with_name("cold.db")
    shutil.copyfile(data.path, path)
    _forget(path)
    ids = data.scattered_order_ids()

    async def read() -> None:
        await Order.objects().where(Order.id == next(ids)).first()

    async with create_client(f"file:{path}", **vars(EngineOptions())):
        await Order.exists()
        _forget(path)
        hold = await _longest_hold([read] * _TASKS, seconds)
    return hold


def _forget(path: Path) -> None:
    """Let the system drop the pages of a file that it has in memory, where it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


async def _longest_hold(
    works: list[Callable[[], Coroutine[Any, Any, None]]], seconds: float
) -> float:
    """Let each of ``works`` run again and again; return the longest hold in milliseconds."""
    deadline = time.perf_counter() + seconds
    longest = 0.0

    async def again(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while time.perf_counter() < deadline:
            await work()

    async def watch() -> None:
        nonlocal longest
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            await asyncio.sleep(_AGAIN_S)
            longest = max(longest, time.perf_counter() - start - _AGAIN_S)

    await asyncio.gather(watch(), *map(again, works))
    return longest * 1000

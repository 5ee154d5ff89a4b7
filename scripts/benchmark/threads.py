"""What the sync client costs beside the async one, and what many threads get out of it.

In: a filled database. Out: rates of one prepared point read, by 1 and by 16 threads
or tasks at a time, and whether the targets are met. A round is all ways one
behind the other, as in ``measure``.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from statistics import median
from typing import Any

from atlas import Order, Param, create_client, sync_client
from atlas.engine.options import EngineOptions
from benchmark.data import Data
from benchmark.peers import raw_sqlite3, sql

#: As on the command line.
NAME = "thread-read"

MANY = 16

#: The ways to read, in the order of the table.
WAYS = ("sync client", "async client", "sqlite3")

Rates = dict[str, dict[int, list[float]]]

_FIND = Order.select().where(Order.id == Param("order_id")).first()

Read = Callable[[str], object]


def measure(data: Data, rounds: int, slice_s: float, on_slice: Callable[[], None]) -> Rates:
    """Measure every way by 1 and by ``MANY``; ``on_slice`` is called after each slice."""
    rates: Rates = {way: {1: [], MANY: []} for way in WAYS}
    ways = (_sync_client, _async_client, _sqlite3)
    for number in range(rounds):
        for count in (1, MANY):
            for place in range(len(ways)):
                at = (number + place) % len(ways)  # who begins changes from round to round
                rates[WAYS[at]][count].append(ways[at](data, count, slice_s))
                on_slice()
    return rates


def report(rates: Rates) -> list[dict[str, Any]]:
    """Return what was measured, ready for JSON: reads per second, and this client's ratios."""
    return [
        {
            "way": way,
            "count": count,
            "per_second": median(of_way),
            "ratio": _ratio(rates[WAYS[0]][count], of_way),
            "per_second_by_round": of_way,
        }
        for way, by_count in rates.items()
        for count, of_way in by_count.items()
    ]


def targets(rates: Rates) -> list[dict[str, Any]]:
    """Return what is to be reached, in the form of the other targets."""
    ours = rates[WAYS[0]]
    return [
        _target(1, "async client", 1 / 2.5, _ratio(ours[1], rates["async client"][1])),
        _target(1, "sqlite3", 1 / 1.5, _ratio(ours[1], rates["sqlite3"][1])),
        _target(MANY, "one thread", 1.0, _ratio(ours[MANY], ours[1])),
    ]


def _target(count: int, peer: str, least: float, ratio: float) -> dict[str, Any]:
    return {
        "line": NAME,
        "tasks": count,
        "peer": peer,
        "least": least,
        "ratio": ratio,
        "met": ratio >= least,
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median(own / other for own, other in zip(ours, theirs, strict=True))


def _order_ids(data: Data, number: int) -> Iterator[str]:
    """Return ids for the thread or task of this number, others for each."""
    return islice(data.scattered_order_ids(), number * 101, None)


def _sync_client(data: Data, count: int, seconds: float) -> float:
    sql.register()
    with sync_client(f"file:{data.path}", **vars(EngineOptions())) as db:
        find = db.prepare(_FIND)

        @contextmanager
        def read() -> Iterator[Read]:
            yield lambda order_id: db.run(find(order_id=order_id))

        return _in_threads(read, data, count, seconds)


def _sqlite3(data: Data, count: int, seconds: float) -> float:
    @contextmanager
    def read() -> Iterator[Read]:  # a connection serves only the thread that opened it
        peer = raw_sqlite3.Peer()
        asyncio.run(peer.open(data.path))
        try:
            yield peer.point_read
        finally:
            asyncio.run(peer.close())

    return _in_threads(read, data, count, seconds)


def _async_client(data: Data, count: int, seconds: float) -> float:
    sql.register()

    async def main() -> float:
        async with create_client(f"file:{data.path}", **vars(EngineOptions())) as db:
            find = db.prepare(_FIND)
            await find(order_id=data.order_ids[0])
            start = time.perf_counter()
            deadline = start + seconds

            async def work(number: int) -> int:
                done = 0
                for order_id in _order_ids(data, number):
                    await find(order_id=order_id)
                    done += 1
                    if time.perf_counter() >= deadline:
                        break
                return done

            done = sum(await asyncio.gather(*map(work, range(count))))
            return done / (time.perf_counter() - start)

    return asyncio.run(main())


def _in_threads(make: Callable[[], Any], data: Data, count: int, seconds: float) -> float:
    """Read from ``count`` threads for ``seconds``, each as ``make`` gives it; return the rate."""
    done = [0] * count
    ready = threading.Barrier(count + 1)
    deadline = 0.0

    def work(number: int) -> None:
        with ExitStack() as stack:
            read = stack.enter_context(make())
            read(data.order_ids[0])
            ready.wait()  # for the others
            ready.wait()  # for the deadline
            for order_id in _order_ids(data, number):
                read(order_id)
                done[number] += 1
                if time.perf_counter() >= deadline:
                    break
            ready.wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    deadline = start + seconds
    ready.wait()
    ready.wait()
    rate = sum(done) / (time.perf_counter() - start)
    for thread in threads:
        thread.join()
    return rate

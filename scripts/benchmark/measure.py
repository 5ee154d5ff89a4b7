"""How many operations a second each peer does.

In: peers, lines and a database. Out: for each line and number of tasks the rates
of every round. A round is all peers one behind the other, each for a moment, so
that what slows the machine down for a while slows down all of them; whoever
begins changes from round to round.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any

from benchmark.data import Data
from benchmark.line import Arguments, Line
from benchmark.peers.peer import Peer

#: The part of a slice's time that is spent before it, to fill caches and open connections.
_WARM_UP = 0.2


@dataclass
class Result:
    """One line of the table: rates in operations per second, by peer, one for each round."""

    line: Line
    tasks: int
    rates: dict[str, list[float]] = field(default_factory=dict)


async def measure(
    peers: list[Peer],
    lines: list[Line],
    data: Data,
    *,
    rounds: int,
    slice_s: float,
    on_slice: Callable[[], None],
) -> list[Result]:
    """Measure all ``lines``, ``rounds`` times; ``on_slice`` is called after each slice."""
    results = [Result(line, tasks) for line in lines for tasks in line.tasks]
    for number in range(rounds):
        first = number % len(peers)
        for result in results:
            for peer in peers[first:] + peers[:first]:
                if hasattr(peer, result.line.method):
                    rate = await _slice(peer, result.line, result.tasks, data, slice_s)
                    result.rates.setdefault(peer.name, []).append(rate)
                on_slice()
    return results


async def _slice(peer: Peer, line: Line, tasks: int, data: Data, seconds: float) -> float:
    """Let one peer work on its own and return its rate."""
    method = getattr(peer, line.method)
    arguments = line.arguments(data)
    await peer.open(data.path)
    try:
        await _rate(method, arguments, tasks, seconds * _WARM_UP)
        gc.collect()
        return await _rate(method, arguments, tasks, seconds)
    finally:
        await peer.close()
        data.remove_new_orders()


async def _rate(method: Any, arguments: Arguments, tasks: int, seconds: float) -> float:
    """Call ``method`` for ``seconds``, from ``tasks`` tasks; return calls per second."""
    start = time.perf_counter()
    deadline = start + seconds
    if iscoroutinefunction(method):
        calls = await asyncio.gather(*(_work(method, arguments, deadline) for _ in range(tasks)))
        done = sum(calls)
    else:
        done = _loop(method, arguments, deadline)
    return done / (time.perf_counter() - start)


async def _work(method: Any, arguments: Arguments, deadline: float) -> int:
    done = 0
    while not done or time.perf_counter() < deadline:
        await method(*next(arguments))
        done += 1
    return done


def _loop(method: Any, arguments: Arguments, deadline: float) -> int:
    done = 0
    while not done or time.perf_counter() < deadline:
        method(*next(arguments))
        done += 1
    return done

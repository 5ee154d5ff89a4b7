"""The command line of the benchmark; ``scripts/bench`` runs it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from benchmark import bulk, data, growth, hold, peers, report, threads
from benchmark.check import check
from benchmark.line import LINES, Line
from benchmark.measure import Result, measure
from benchmark.peers.peer import Peer

#: Not a line of peers, and only measured when it is asked for: it fills gigabytes.
_QUERIES = "queries"

#: How long each mixed load is.
_HOLD_S = 2.0

#: The most rounds of an upsert, each of which takes seconds.
_BULK_ROUNDS = 3

#: The sizes of its databases, in order lines.
_SIZES = [20_000, 1_000_000]

_ALL_LINES = (*LINES, *bulk.LINES)
_NAMES = [*(line.name for line in _ALL_LINES), threads.NAME, hold.NAME, _QUERIES]


def _known(names: list[str] | None) -> list[str] | None:
    for name in names or ():
        if name not in _NAMES:
            raise typer.BadParameter(f"there is no line {name}; there are: {', '.join(_NAMES)}")
    return names


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    rows: Annotated[int, typer.Option(min=1, help="Orders in the database.")] = 20_000,
    slice_s: Annotated[
        float, typer.Option("--seconds", min=0.001, help="How long one measurement is.")
    ] = 0.2,
    bulk_rows: Annotated[
        int, typer.Option(min=1, help="Orders of an upsert; 100000 for the targets.")
    ] = 20_000,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="LINE", callback=_known, help=f"One of: {', '.join(_NAMES)}."),
    ] = None,
    sizes: Annotated[
        list[int] | None,
        typer.Option(
            "--lines",
            min=1,
            help="Order lines for queries; repeat it. 20000 and 1000000 by default.",
        ),
    ] = None,
    json_path: Annotated[
        Path, typer.Option("--json", metavar="PATH", help="Where the figures go.")
    ] = Path("build/bench.json"),
) -> None:
    """Measure this engine beside others, on one file with the same pragmas, in one run.

    With --only queries: what each query of tests/queries.sql costs in databases of
    several sizes. The large one takes minutes to fill, and three gigabytes.
    """
    chosen = [line for line in _ALL_LINES if not only or line.name in only]
    content: dict[str, Any] = {}
    if chosen:
        content = _beside_peers(chosen, rounds, rows, bulk_rows, slice_s)
        report.show(content, Console())
    if not only or threads.NAME in only:
        content |= _from_threads(content, rounds, rows, slice_s)
        report.show_threads(content, Console())
    if not only or hold.NAME in only:
        content |= _holds(content, rounds, rows)
        report.show_holds(content, Console())
    if only and _QUERIES in only:
        content["queries"] = _growth(sizes or _SIZES, slice_s)
        report.show_queries(content["queries"], Console())
    report.write(content, json_path)
    sys.stdout.flush()
    os._exit(0)  # the threads of a peer written in Rust may end the process with an abort


def _beside_peers(
    chosen: list[Line], rounds: int, rows: int, bulk_rows: int, slice_s: float
) -> dict[str, Any]:
    installed, missing = peers.load()
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}")
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        filled = data.make(Path(folder), rows)
        results = asyncio.run(_run(installed, chosen, filled, rounds, bulk_rows, slice_s))
    options = {"rounds": rounds, "rows": rows, "bulk_rows": bulk_rows, "slice_s": slice_s}
    return report.report(results, installed, missing, options)


def _from_threads(
    content: dict[str, Any], rounds: int, rows: int, slice_s: float
) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder,
        Progress(console=Console(stderr=True)) as progress,
    ):
        filled = data.make(Path(folder), rows)
        bar = progress.add_task("Reading from threads", total=rounds * len(threads.WAYS) * 2)
        rates = threads.measure(filled, rounds, slice_s, lambda: progress.advance(bar))
    targets = [*content.get("targets", ()), *threads.targets(rates)]
    return {"threads": threads.report(rates), "targets": targets}


def _holds(content: dict[str, Any], rounds: int, rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        filled = data.make(Path(folder), max(rows, hold.ROWS))
        holds = hold.measure(filled, rounds, _HOLD_S)
    targets = [*content.get("targets", ()), *hold.targets(holds)]
    return {"holds": holds, "targets": targets}


def _growth(sizes: list[int], slice_s: float) -> list[dict[str, Any]]:
    with (
        tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder,
        Progress(console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("Filling", total=None)

        def on_step(title: str, done: int, total: int) -> None:
            progress.update(bar, description=title, completed=done, total=total)

        costs = growth.measure(sizes, Path(folder), slice_s, on_step)
    return [cost.as_json() for cost in costs]


async def _run(
    installed: list[Peer],
    lines: list[Line],
    filled: data.Data,
    rounds: int,
    bulk_rows: int,
    slice_s: float,
) -> list[Result]:
    await check(installed, filled)
    small = [line for line in lines if line in LINES]
    slices = rounds * len(installed) * sum(len(line.tasks) for line in small)
    if bulk.REGIONS in lines and not bulk.REGIONS_CSV.exists():
        print(f"{bulk.REGIONS.name} is left out: {bulk.REGIONS_CSV} is not there")
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("Measuring", total=slices)
        results = await measure(
            installed,
            small,
            filled,
            rounds=rounds,
            slice_s=slice_s,
            on_slice=lambda: progress.advance(bar),
        )
        many = progress.add_task("Upserting", total=None)
        return results + await bulk.measure(
            installed,
            lines,
            filled,
            rows=bulk_rows,
            rounds=min(rounds, _BULK_ROUNDS),
            on_step=lambda: progress.advance(many),
        )


if __name__ == "__main__":
    typer.run(main)

"""The command line of the benchmark; ``scripts/bench`` runs it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from benchmark import data, peers, report
from benchmark.check import check
from benchmark.line import LINES, Line
from benchmark.measure import Result, measure
from benchmark.peers.peer import Peer

_NAMES = [line.name for line in LINES]


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
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="LINE", callback=_known, help=f"One of: {', '.join(_NAMES)}."),
    ] = None,
    json_path: Annotated[
        Path, typer.Option("--json", metavar="PATH", help="Where the figures go.")
    ] = Path("build/bench.json"),
) -> None:
    """Measure this engine beside others, on one file with the same pragmas, in one run."""
    chosen = [line for line in LINES if not only or line.name in only]
    installed, missing = peers.load()
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}")
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        filled = data.make(Path(folder), rows)
        results = asyncio.run(_run(installed, chosen, filled, rounds, slice_s))
    options = {"rounds": rounds, "rows": rows, "slice_s": slice_s}
    content = report.report(results, installed, missing, options)
    report.write(content, json_path)
    report.show(content, Console())


async def _run(
    installed: list[Peer], lines: list[Line], filled: data.Data, rounds: int, slice_s: float
) -> list[Result]:
    await check(installed, filled)
    slices = rounds * len(installed) * sum(len(line.tasks) for line in lines)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("Measuring", total=slices)
        return await measure(
            installed,
            lines,
            filled,
            rounds=rounds,
            slice_s=slice_s,
            on_slice=lambda: progress.advance(bar),
        )


if __name__ == "__main__":
    typer.run(main)

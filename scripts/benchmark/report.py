"""What a run says: a table to read, and JSON to compare.

In: the results of ``measure``. Out: medians, and how many times as fast this
engine is as each peer: the ratio is taken in every round, and its median shown.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark import bulk, hold, threads
from benchmark.data import pragmas_of_all
from benchmark.measure import Result
from benchmark.peers.peer import Peer
from benchmark.target import BEST, BY_HAND, TARGETS

_ENGINE = "atlas"
_PACKAGES = (
    *("atlas-ops", "piccolo", "aiosqlite", "sqlalchemy", "greenlet", "tortoise-orm", "yara-orm"),
    "oxyde",
)


def report(
    results: list[Result], peers: list[Peer], missing: dict[str, str], options: dict[str, Any]
) -> dict[str, Any]:
    """Return everything there is to say about a run, ready for JSON."""
    lines = [_line(result) for result in results]
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "machine": _machine(),
        "pragmas": pragmas_of_all(),
        "peers": {peer.name: {"title": peer.title, "note": peer.note} for peer in peers},
        "missing": missing,
        "lines": lines,
        "targets": [*_targets(lines), *bulk.targets(lines)],
    }


def write(content: dict[str, Any], path: Path) -> None:
    """Write a report as JSON; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def show(content: dict[str, Any], console: Console) -> None:
    """Print a report: the table, the notes, and the targets."""
    console.print(_table(content))
    console.print("x: how many times as fast this engine is.", highlight=False)
    for peer in content["peers"].values():
        console.print(f"{peer['title']}: {peer['note']}.", highlight=False)
    for name, reason in content["missing"].items():
        console.print(f"{name}: left out, {reason}.", highlight=False)
    _show_targets(content["targets"], console)


def show_queries(queries: list[dict[str, Any]], console: Console) -> None:
    """Print what each query costs at each size, and how many times as much at the last one."""
    table = Table(pad_edge=False)
    table.add_column("Query", no_wrap=True, max_width=40)
    sizes = list(queries[0]["ms"])
    for size in sizes:
        table.add_column(f"{size:,} lines\nms", justify="right")
        table.add_column("\nrows", justify="right")
    table.add_column("\ngrowth", justify="right")
    for query in queries:
        cells = []
        for size in sizes:
            cells += [f"{query['ms'][size]:,.2f}", f"{query['rows'][size]:,}"]
        title = f"{query['query']} {query['title']}"
        table.add_row(title, *cells, f"{query['growth']:.1f}")
    console.print(table)


def show_threads(content: dict[str, Any], console: Console) -> None:
    """Print what one prepared point read costs from threads, and the targets."""
    table = Table("Prepared point read", pad_edge=False)
    counts = sorted({line["count"] for line in content["threads"]})
    for count in counts:
        table.add_column(f"{count} at a time\nper second", justify="right")
        table.add_column("\nx", justify="right")
    for way in dict.fromkeys(line["way"] for line in content["threads"]):
        cells = [cell for line in content["threads"] if line["way"] == way for cell in _cells(line)]
        table.add_row(way, *cells)
    console.print(table)
    console.print("x: how many times as fast the sync client is.", highlight=False)
    _show_targets([t for t in content["targets"] if t["line"] == threads.NAME], console)


def show_holds(content: dict[str, Any], console: Console) -> None:
    """Print for how long the event loop was held up, and the target."""
    for name, milliseconds in content["holds"].items():
        console.print(f"Longest hold, {name}: {milliseconds:.1f} ms", highlight=False)
    _show_targets([t for t in content["targets"] if t["line"] == hold.NAME], console)


def _show_targets(targets: list[dict[str, Any]], console: Console) -> None:
    for target in targets:
        console.print(
            f"{'met' if target['met'] else 'MISSED'}: {target['line']} by {target['tasks']}, "
            f"at least {target['least']:.3g} x {target['peer']}: {target['ratio']:.2f}",
            highlight=False,
        )


def _line(result: Result) -> dict[str, Any]:
    engine = result.rates.get(_ENGINE)
    return {
        "line": result.line.name,
        "title": result.line.title,
        "tasks": result.tasks,
        "peers": {
            name: {
                "per_second": median(rates),
                "ratio": _ratio(engine, rates) if engine else None,
                "per_second_by_round": rates,
            }
            for name, rates in result.rates.items()
        },
    }


def _ratio(engine: list[float], peer: list[float]) -> float:
    return median(ours / theirs for ours, theirs in zip(engine, peer, strict=True))


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _targets(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the targets that this run can judge."""
    judged = []
    for target in TARGETS:
        for line in lines:
            if line["line"] != target.line or line["tasks"] not in target.tasks:
                continue
            ratio = _ratio_to(target.peer, line["peers"])
            if ratio is not None:
                judged.append(
                    {
                        "line": target.line,
                        "tasks": line["tasks"],
                        "peer": target.peer,
                        "least": target.least,
                        "ratio": ratio,
                        "met": ratio >= target.least,
                    }
                )
    return judged


def _ratio_to(name: str, peers: dict[str, Any]) -> float | None:
    """Return how many times as fast this engine is as a peer; None where one is not measured."""
    if name != BEST:
        return peers[name]["ratio"] if name in peers else None
    ratios = [peer["ratio"] for name, peer in peers.items() if name not in (*BY_HAND, _ENGINE)]
    return None if None in ratios else min(ratios, default=None)


def _table(content: dict[str, Any]) -> Table:
    table = Table("Operation", pad_edge=False)
    by_title: dict[str, list[dict[str, Any]]] = {}
    for line in content["lines"]:
        by_title.setdefault(line["title"], []).append(line)
    widest = max(by_title.values(), key=len)
    for line in widest:
        tasks = line["tasks"]
        table.add_column(f"{tasks} task{'s' if tasks > 1 else ''}\nper second", justify="right")
        table.add_column("\nx", justify="right")
    for title, lines in by_title.items():
        table.add_section()
        table.add_row(f"[bold]{title}")
        for name, peer in content["peers"].items():
            shown = [cell for line in lines for cell in _cells(line["peers"].get(name))]
            table.add_row(f"  {peer['title']}", *shown)
    return table


def _cells(measured: dict[str, Any] | None) -> tuple[str, str]:
    if measured is None:
        return "-", ""
    ratio = measured["ratio"]
    return f"{measured['per_second']:,.0f}", "" if ratio is None else f"{ratio:.2f}"

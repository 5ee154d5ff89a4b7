"""The benchmark runs: every line, with the peers that are installed. Speed is not judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

LINES = ("point-read", "prepared-point-read", "join", "insert", "update")
#: Of many rows at once; "regions" is not among them: its file may not be there, and is large.
BULK_LINES = ("upsert-new", "upsert-unchanged", "upsert-changed")
#: These need nothing that Atlas does not need itself.
ALWAYS_THERE = ("sqlite3", "aiosqlite", "piccolo", "atlas")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark as ``scripts/bench`` does, in the environment of the tests."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What the smallest run prints, and its JSON."""
    path: Path = tmp_path_factory.mktemp("bench") / "new" / "bench.json"
    few = ("--rows", "50", "--bulk-rows", "60", "--rounds", "1", "--seconds", "0.01")
    only = [word for name in (*LINES, *BULK_LINES, "thread-read") for word in ("--only", name)]
    result = bench(*few, *only, "--json", str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout, json.loads(path.read_text())


def test_all_lines_are_measured(run: tuple[str, dict[str, Any]]) -> None:
    """Each line is measured with 1 and with 32 tasks, for every peer, with a ratio."""
    _, content = run
    lines = [line for line in content["lines"] if line["line"] in LINES]
    measured = [(line["line"], line["tasks"]) for line in lines]
    assert measured == [(name, tasks) for name in LINES for tasks in (1, 32)]
    for line in lines:
        assert list(line["peers"]) == list(content["peers"])
        assert line["peers"]["atlas"]["ratio"] == 1
        for peer in line["peers"].values():
            assert peer["per_second"] > 0
            assert peer["ratio"] > 0
            assert len(peer["per_second_by_round"]) == 1


def test_upserts_are_measured(run: tuple[str, dict[str, Any]]) -> None:
    """Rows per second are measured for every peer that has an upsert."""
    _, content = run
    lines = {line["line"]: line["peers"] for line in content["lines"]}
    for name in BULK_LINES:
        assert {"sqlite3", "piccolo", "atlas"} <= lines[name].keys()
        assert all(peer["per_second"] > 0 for peer in lines[name].values())


def test_reads_from_threads_are_measured(run: tuple[str, dict[str, Any]]) -> None:
    """The sync client is measured by 1 and 16 threads beside its peers, and judged."""
    printed, content = run
    measured = [(line["way"], line["count"]) for line in content["threads"]]
    ways = ("sync client", "async client", "sqlite3")
    assert measured == [(way, count) for way in ways for count in (1, 16)]
    assert all(line["per_second"] > 0 for line in content["threads"])
    judged = [target for target in content["targets"] if target["line"] == "thread-read"]
    assert [target["tasks"] for target in judged] == [1, 1, 16]
    for target in judged:
        assert target["met"] == (target["ratio"] >= target["least"])
    assert "thread-read by 16, at least 1 x one thread" in printed


def test_missing_peers_are_named(run: tuple[str, dict[str, Any]]) -> None:
    """A peer that is not installed is left out and named, with the reason."""
    printed, content = run
    assert set(ALWAYS_THERE) <= set(content["peers"])
    for name, reason in content["missing"].items():
        assert f"{name} is left out: {reason}" in printed
        assert "is not installed" in reason


def test_targets_are_judged(run: tuple[str, dict[str, Any]]) -> None:
    """The run says of every target that it can judge whether it is met."""
    printed, content = run
    judged = [target for target in content["targets"] if target["peer"] == "piccolo"]
    assert [(target["line"], target["tasks"]) for target in judged] == [
        ("point-read", 1),
        ("point-read", 32),
        ("upsert-new", 1),
    ]
    for target in judged:
        assert target["met"] == (target["ratio"] >= target["least"])
        assert (
            f"{target['line']} by {target['tasks']}, at least {target['least']:g} x piccolo"
            in printed
        )


def test_queries_are_measured_at_each_size(tmp_path: Path) -> None:
    """Each query of tests/queries.sql has its cost and rows at every size, and its growth."""
    path = tmp_path / "bench.json"
    sizes = ("--lines", "500", "--lines", "1000")
    result = bench("--only", "queries", *sizes, "--seconds", "0.01", "--json", str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    measured = json.loads(path.read_text())["queries"]
    assert [query["query"] for query in measured] == [f"S{n}" for n in range(1, 7)] + [
        f"D{n}" for n in range(1, 7)
    ]
    for query in measured:
        assert query["ms"].keys() == {"500", "1000"}
        assert query["growth"] == pytest.approx(query["ms"]["1000"] / query["ms"]["500"])
        if query["query"] not in ("S2", "S3"):  # these return none: they write
            assert all(query["rows"].values())
        assert f"{query['query']} " in result.stdout
    assert "500 lines" in result.stdout


def test_unknown_line_is_refused() -> None:
    """--only names the lines there are when it is given another."""
    result = bench("--only", "nonsense")
    assert result.returncode == 2
    for name in LINES:
        assert name in result.stderr

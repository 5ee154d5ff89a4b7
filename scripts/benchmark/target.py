"""What this engine is meant to reach.

In: the ratios of a run. Out: which targets they meet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """This engine does a line at least ``least`` times as fast as a peer."""

    line: str
    peer: str
    least: float


_LINES = ("point-read", "join", "insert", "update")

TARGETS = (
    Target("point-read", "piccolo", 4.0),
    Target("point-read", "sqlalchemy-orm", 3.0),
    Target("prepared-point-read", "aiosqlite", 1 / 1.5),
    Target("prepared-point-read", "tortoise", 3.0),
    Target("prepared-point-read", "sqlalchemy-orm", 8.0),
    *(Target(line, "tortoise", 1.0) for line in _LINES),
    # Measured with --bulk-rows 100000; what ``bulk.targets`` says is one more.
    Target("upsert-new", "sqlite3", 0.9),
    Target("upsert-new", "sqlalchemy-core", 1.0),
    Target("upsert-new", "tortoise", 1.0),
    Target("upsert-new", "piccolo", 2.0),
    Target("regions", "sqlite3", 0.5),
)

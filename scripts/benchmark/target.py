"""What this engine is meant to reach.

In: the ratios of a run. Out: which targets they meet.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Whichever of the others is the fastest, but for SQL by hand, which has no objects to give.
BEST = "the best other ORM"
BY_HAND = ("sqlite3", "aiosqlite")


@dataclass(frozen=True)
class Target:
    """This engine does a line at least ``least`` times as fast as a peer, by so many tasks."""

    line: str
    peer: str
    least: float
    tasks: tuple[int, ...] = (1, 32)


_LINES = ("point-read", "join", "insert", "update")

TARGETS = (
    Target("point-read", "piccolo", 4.0),
    Target("point-read", "sqlalchemy-orm", 3.0),
    Target("prepared-point-read", "aiosqlite", 4.0, (1,)),
    Target("prepared-point-read", "aiosqlite", 2.0, (32,)),
    Target("prepared-point-read", "sqlite3", 0.5, (1,)),
    Target("prepared-point-read", "tortoise", 3.0),
    Target("prepared-point-read", "sqlalchemy-orm", 8.0),
    Target("object-read", "yara-orm", 2.0),
    Target("join", "yara-orm", 1.5),
    Target("objects", "yara-orm", 1.2),
    Target("insert", "yara-orm", 1.0, (1,)),
    Target("insert", BEST, 5.0, (32,)),
    Target("insert", "sqlite3", 1.0, (32,)),
    Target("update", BEST, 1.0, (1,)),
    Target("update", BEST, 5.0, (32,)),
    *(Target(line, "tortoise", 1.0) for line in _LINES),
    # Measured with --bulk-rows 100000; what ``bulk.targets`` says is one more.
    Target("upsert-new", "sqlite3", 0.9),
    Target("upsert-new", "sqlalchemy-core", 1.0),
    Target("upsert-new", "tortoise", 1.0),
    Target("upsert-new", "piccolo", 2.0),
    Target("regions", "sqlite3", 0.5),
)

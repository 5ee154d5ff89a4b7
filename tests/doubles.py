"""Doubles for tests of the SQLite engine, named for what they do, and how such a test ends.

``pooled`` is the block most of these tests run in. When it is left, nothing may
wait, nothing may be held, a read and a write must work, and no thread, open file
or ``-wal`` file may be left.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from piccolo.query.methods.raw import Raw

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.files import MEMORY

_COUNTER = (
    "WITH RECURSIVE counter(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM counter LIMIT {steps})"
    " SELECT count(*) AS n FROM counter"
)
#: So many steps take SQLite minutes: the statement ends only when it is interrupted.
FOREVER = 2_000_000_000

SLOW_READ = _COUNTER.format(steps=FOREVER)
SLOW_WRITE = f"UPDATE core_entity SET legal_name = ({SLOW_READ})"


def slow_read(steps: int = FOREVER) -> Raw:
    """A read that takes about 0.1 s for each million of ``steps``."""
    return Entity.raw(_COUNTER.format(steps=steps))


def slow_write(steps: int = FOREVER) -> Raw:
    """A write to every entity there is, as slow as ``slow_read``."""
    return Entity.raw(f"UPDATE core_entity SET legal_name = ({_COUNTER.format(steps=steps)})")


class LockHolder:
    """Another user of the file, with a connection of its own, who holds the write lock."""

    def __init__(self, path: str | Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            self._db.close()
            raise

    def release(self) -> None:
        """Roll back, and give up the lock."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def __enter__(self) -> LockHolder:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()


async def until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until ``condition`` holds; fail when it still does not after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.002)


def wait_until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Like ``until``, without an event loop."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def threads() -> set[threading.Thread]:
    """The threads of connections that have not ended."""
    names = {"atlas-writer", "atlas-reader"}
    return {thread for thread in threading.enumerate() if thread.name in names}


def open_files(path: str | Path) -> list[str]:
    """The files of the database at ``path`` that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:  # that of listdir itself
            continue
        if target.startswith(str(path)):
            found.append(target)
    return found


def leftovers(path: str | Path) -> list[Path]:
    """The files beside the database that SQLite removes when the last user closes it."""
    return [file for end in ("-wal", "-shm") if (file := Path(f"{path}{end}")).exists()]


def rows(path: str | Path, sql: str, *parameters: Any) -> list[Any]:
    """Run a statement through a connection that has nothing to do with the engine."""
    db = sqlite3.connect(path)
    try:
        found = db.execute(sql, parameters).fetchall()
        db.commit()
        return found
    finally:
        db.close()


def codes(path: str | Path) -> list[str]:
    """The codes of the entities that are committed, in alphabetical order."""
    return [code for (code,) in rows(path, "SELECT code FROM core_entity ORDER BY code")]


def entity(code: str) -> Entity:
    """A new entity; its name is its code."""
    return Entity(code=code, name=code)


async def is_idle(engine: SQLiteEngine) -> None:
    """Check that nobody waits, nothing is held, and that a read and a write work."""

    def idle() -> bool:
        stats = engine.stats()
        return not (stats.waiting or stats.writer_in_use or stats.readers_in_use)

    assert engine.current_transaction.get() is None
    await until(idle)
    await Entity.raw("DELETE FROM core_entity WHERE code = 'no such code'")
    await Entity.raw("SELECT count(*) FROM core_entity")
    assert idle()


@asynccontextmanager
async def pooled(engine: SQLiteEngine, **options: Any) -> AsyncIterator[SQLiteEngine]:
    """``engine`` with a pool; see the top of this file for what must be true at the end."""
    before = threads()
    await engine.start_connection_pool(**options)
    try:
        yield engine
        await is_idle(engine)
    finally:
        await engine.close_connection_pool()
    await until(lambda: threads() <= before)
    if engine.path != MEMORY:
        assert open_files(engine.path) == []
        assert leftovers(engine.path) == []


def start(source: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a Python process of its own, with the package's configuration and no client.

    ``options`` are those of ``subprocess.Popen``.
    """
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        env={**os.environ, "PICCOLO_CONF": "atlas.conf"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 60.0) -> tuple[int, str, str]:
    """Wait until a process ends by itself, and return its exit status, output and errors."""
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the process did not end; it said: {output}{errors}") from None
    return process.returncode, output, errors

"""Opening and closing again and again leaves threads and open files as they were."""

from __future__ import annotations

import asyncio
import gc
import os
import threading

import pytest
from doubles import entity, leftovers, open_files, slow_read, until, wait_until

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import DatabaseFileError

ROUNDS = 50


class Use:
    """How many threads and files the process has."""

    def __init__(self) -> None:
        self.threads = threading.active_count()
        self.files = len(os.listdir("/proc/self/fd"))

    def __le__(self, other: Use) -> bool:
        return self.threads <= other.threads and self.files <= other.files


async def use(engine: SQLiteEngine) -> None:
    """A little of everything."""
    await entity("A").save()
    await asyncio.gather(*(Entity.count().run() for _ in range(3)))
    with pytest.raises(LookupError):
        async with engine.transaction():
            await Entity.delete(force=True)
            raise LookupError
    async with engine.snapshot():
        await Entity.select()
    async with await Entity.select().batch() as batch:
        await batch.next()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow_read().run(), 0.001)
    await Entity.delete(force=True)


async def test_fifty_rounds_of_a_pool(sqlite_engine: SQLiteEngine) -> None:
    """A pool that is opened, used and closed fifty times leaves nothing."""
    before = Use()
    for _ in range(ROUNDS):
        await sqlite_engine.start_connection_pool(pool_size=3)
        await use(sqlite_engine)
        await sqlite_engine.close_connection_pool()
        assert leftovers(sqlite_engine.path) == []
    await until(lambda: Use() <= before)


def test_fifty_event_loops(sqlite_engine: SQLiteEngine) -> None:
    """Event loops with a pool each, and without one, leave nothing."""

    async def main(number: int) -> None:
        if number % 2:
            await sqlite_engine.start_connection_pool(pool_size=2)
        await use(sqlite_engine)
        await sqlite_engine.close_connection_pool()

    before = Use()
    for number in range(ROUNDS):
        asyncio.run(main(number))
    wait_until(lambda: Use() <= before)
    assert open_files(sqlite_engine.path) == []


def test_fifty_engines(sqlite_engine: SQLiteEngine) -> None:
    """Engines that are dropped without being closed leave nothing."""
    before = Use()
    for _ in range(ROUNDS):
        engine = SQLiteEngine(sqlite_engine.path)
        asyncio.run(engine.run_ddl("SELECT 1"))
    del engine
    gc.collect()
    wait_until(lambda: Use() <= before)


async def test_fifty_failures_to_open(tmp_path: object) -> None:
    """Errors in opening, also when somebody keeps them, leave nothing."""
    before = Use()
    kept = []
    for _ in range(ROUNDS):
        try:
            await SQLiteEngine(f"{tmp_path}/missing/x.db").start_connection_pool()
        except DatabaseFileError as error:
            kept.append(error)
    assert len(kept) == ROUNDS
    await until(lambda: Use() <= before)

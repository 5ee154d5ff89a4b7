"""A process ends when its program does, whatever was left open, and when Ctrl-C is pressed."""

from __future__ import annotations

import signal
import time

import pytest
from doubles import SLOW_READ, SLOW_WRITE, codes, finish, leftovers, rows, start

from atlas.engine.sqlite.engine import SQLiteEngine

PROGRAM = f"""
import asyncio, os, sys
os.environ["DATABASE_URL"] = "file:" + sys.argv[1]
from atlas import Entity, create_client

SLOW_READ = {SLOW_READ!r}
SLOW_WRITE = {SLOW_WRITE!r}

async def open_client():
    db = create_client("file:" + sys.argv[1])
    await db.open()
    await Entity(code="kept", name="kept").save()
    await Entity.count()
    return db
"""

#: What a process leaves open; each prints "end" as its last statement.
ENDINGS = {
    "idle": """
async def main():
    await open_client()
asyncio.run(main())
""",
    "in a transaction": """
async def main():
    db = await open_client()
    await db.transaction().__aenter__()
    await Entity(code="lost", name="lost").save()
asyncio.run(main())
""",
    "in a snapshot and a batch": """
async def main():
    db = await open_client()
    await (await Entity.select().batch()).__aenter__()
    await db.snapshot().__aenter__()
asyncio.run(main())
""",
    "a slow read that is cancelled": """
async def main():
    await open_client()
    asyncio.create_task(Entity.raw(SLOW_READ).run())
    await asyncio.sleep(0.1)
asyncio.run(main())
""",
    "a slow write that nobody cancels": """
async def main():
    await open_client()
    kept.append(asyncio.create_task(Entity.raw(SLOW_WRITE).run()))
    await asyncio.sleep(0.1)
kept = []
asyncio.new_event_loop().run_until_complete(main())
""",
    "an exception": """
async def main():
    await open_client()
    sys.exit(0)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_client_that_is_never_closed(sqlite_engine: SQLiteEngine, ending: str) -> None:
    """The process ends by itself, soon, and a warning names the client that was left open."""
    path = sqlite_engine.path
    process = start(PROGRAM + ENDINGS[ending] + "print('end', flush=True)", path)
    assert process.stdout is not None
    process.stdout.readline()
    start_s = time.monotonic()
    status, _, errors = finish(process, timeout_s=30)
    assert time.monotonic() - start_s < 20
    assert status == 0
    (warning,) = (line for line in errors.splitlines() if "was never closed" in line)
    assert path in warning
    assert codes(path) == ["kept"]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    if ending in ("idle", "an exception"):
        assert leftovers(path) == []
        assert errors.count("\n") == 1


def test_queries_without_a_client(sqlite_engine: SQLiteEngine) -> None:
    """A program that only uses run_sync ends at once, silently, and closes its file."""
    source = PROGRAM + 'Entity(code="kept", name="kept").save().run_sync()\n'
    assert finish(start(source, sqlite_engine.path)) == (0, "", "")
    assert codes(sqlite_engine.path) == ["kept"]
    assert leftovers(sqlite_engine.path) == []


INTERRUPTED = {
    "a slow read": "await Entity.raw(SLOW_READ)",
    "a slow write in a transaction": """
        async with db.transaction():
            await Entity(code="lost", name="lost").save()
            await Entity.raw(SLOW_WRITE)""",
    "a slow batch": """
        async with await Entity.raw(SLOW_READ).batch() as batch:
            await batch.next()""",
    "many tasks": """
        await asyncio.gather(*(Entity.raw(SLOW_READ).run() for _ in range(20)))""",
}


@pytest.mark.parametrize("statement", INTERRUPTED)
def test_ctrl_c(sqlite_engine: SQLiteEngine, statement: str) -> None:
    """Ctrl-C interrupts the query, closes the file, and ends with nothing but its traceback."""
    path = sqlite_engine.path
    process = start(
        PROGRAM
        + f"""
async def main():
    async with create_client("file:" + sys.argv[1]) as db:
        await Entity(code="kept", name="kept").save()
        asyncio.get_running_loop().call_later(0.1, print, "ready", None)
        sys.stdout.reconfigure(line_buffering=True)
        {INTERRUPTED[statement].strip()}

asyncio.run(main())
""",
        path,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    process.send_signal(signal.SIGINT)
    status, _, errors = finish(process, timeout_s=30)
    assert status == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    for noise in ("never", "ignored", "destroyed", "retrieved"):
        assert noise not in errors
    assert codes(path) == ["kept"]
    assert leftovers(path) == []


def test_ctrl_c_in_run_sync(sqlite_engine: SQLiteEngine) -> None:
    """Ctrl-C interrupts a query of plain code too."""
    source = """
import threading
threading.Timer(0.3, print, ["ready"], {"flush": True}).start()
Entity.raw(SLOW_READ).run_sync()
"""
    process = start(PROGRAM + source, sqlite_engine.path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    status, _, errors = finish(process, timeout_s=30)
    assert status == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "ignored" not in errors

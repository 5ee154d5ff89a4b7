"""Several processes on one file: they wait for each other, and one that is killed loses little."""

from __future__ import annotations

import random
import time

import pytest
from doubles import codes, finish, rows, start

from atlas.engine.sqlite.engine import SQLiteEngine

ADD = """
import asyncio, sys
from atlas import Entity, create_client

async def add(db):
    async with db.transaction():
        row = await Entity.objects().get(Entity.code == "sum")
        row.legal_name = str(int(row.legal_name or 0) + 1)
        await row.save()

async def main():
    async with create_client("file:" + sys.argv[1]) as db:
        await asyncio.gather(*(add(db) for _ in range(int(sys.argv[2]))))
        print(db.stats().requests_timed_out)

asyncio.run(main())
"""

ADD_WITHOUT_A_POOL = """
import asyncio, os, sys
os.environ["DATABASE_URL"] = "file:" + sys.argv[1]
from concurrent.futures import ThreadPoolExecutor
from atlas import Entity
from atlas.conf import DB

async def add():
    async with DB.transaction():
        row = await Entity.objects().get(Entity.code == "sum")
        row.legal_name = str(int(row.legal_name or 0) + 1)
        await row.save()

with ThreadPoolExecutor(4) as executor:
    for future in [executor.submit(asyncio.run, add()) for _ in range(int(sys.argv[2]))]:
        future.result()
print(0)
"""

WRITE = """
import asyncio, sys
from atlas import Entity, create_client

def say(*words):
    print(*words, flush=True)

async def main():
    async with create_client("file:" + sys.argv[1]) as db:
        first = int(sys.argv[2])
        for number in range(first, first + 1_000_000):
            async with db.transaction():
                await Entity(code=f"{number}a", name="a").save()
                say("open", number)
                await asyncio.sleep(0)
                await Entity(code=f"{number}b", name="b").save()
            say("done", number)

asyncio.run(main())
"""


WRITE_TOGETHER = """
import asyncio, itertools, sys
from atlas import Entity, create_client

numbers = itertools.count(int(sys.argv[2]))

async def write():
    for number in numbers:
        await Entity(code=str(number), name="a").save()
        print(number, flush=True)

async def main():
    async with create_client("file:" + sys.argv[1], shared_commits=int(sys.argv[3])):
        await asyncio.gather(*(write() for _ in range(20)))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("source", "count"), [(ADD, 50), (ADD_WITHOUT_A_POOL, 15)], ids=["pooled", "unpooled"]
)
def test_four_processes_add_up(sqlite_engine: SQLiteEngine, source: str, count: int) -> None:
    """Concurrent read-modify-write transactions in each of four processes give the right sum.

    No error reaches a caller, least of all "database is locked".
    """
    path = sqlite_engine.path
    rows(path, "INSERT INTO core_entity (id, code, name) VALUES ('sum', 'sum', 'sum')")
    for process in [start(source, path, count) for _ in range(4)]:
        assert finish(process, timeout_s=100) == (0, "0\n", "")
    assert rows(path, "SELECT legal_name FROM core_entity") == [(str(4 * count),)]


def test_a_killed_writer_loses_only_what_is_not_committed(sqlite_engine: SQLiteEngine) -> None:
    """After kill -9 in a transaction all that was committed is there, and nothing of the rest."""
    path = sqlite_engine.path
    chance = random.Random(5)  # noqa: S311
    committed: set[int] = set()
    for round_ in range(4):
        process = start(WRITE, path, round_ * 1_000_000)
        assert process.stdout is not None
        for line in process.stdout:
            word, number = line.split()
            if word == "done":
                committed.add(int(number))
            elif len(committed) > round_ * 5 + 3:  # it is in a transaction now
                time.sleep(chance.random() * 0.01 * (round_ % 2))
                break
        process.kill()
        committed.update(int(line.split()[1]) for line in process.stdout if line.startswith("done"))
        finish(process)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        found = set(codes(path))
        whole = {code[:-1] for code in found}
        assert found == {f"{number}{end}" for number in whole for end in "ab"}
        # It may have been killed between a COMMIT and its saying so.
        assert len(whole - {str(number) for number in committed}) <= round_ + 1
        assert {str(number) for number in committed} <= whole


@pytest.mark.parametrize("shared_commits", [1, 64])
def test_a_killed_writer_keeps_what_it_acknowledged(
    sqlite_engine: SQLiteEngine, shared_commits: int
) -> None:
    """After kill -9 every write that was answered is there, also one that shared its commit."""
    path = sqlite_engine.path
    acknowledged: set[str] = set()
    for round_ in range(4):
        process = start(WRITE_TOGETHER, path, round_ * 1_000_000, shared_commits)
        assert process.stdout is not None
        before = len(acknowledged)
        for line in process.stdout:
            acknowledged.add(line.strip())
            if len(acknowledged) > before + 50 + 7 * round_:
                break
        process.kill()
        acknowledged.update(line.strip() for line in process.stdout if line.endswith("\n"))
        finish(process)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        assert acknowledged <= set(codes(path))
        # 20 tasks may each have been killed before they said so.
        assert len(set(codes(path)) - acknowledged) <= 20 * (round_ + 1)

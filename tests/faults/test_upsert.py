"""An upsert that is killed, cancelled or crowded is written as a whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import gc
import os
import random
import signal
import subprocess
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from doubles import LockHolder, finish, pooled, rows, start, until
from factory import make, stored, touched
from piccolo.engine.base import Engine

from atlas import Region, Tag, UpsertError
from atlas.client.client import Client
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.ulid import new_ulid
from atlas.upsert.options import Options
from atlas.upsert.upsert import upsert

LOAD = """
import asyncio, csv, os, sys
from atlas import Region, create_client

def say(*words):
    print(*words, flush=True)

def rows(path):
    with open(path, newline="") as file:
        yield from csv.DictReader(file)

async def load(path, file, commit_every):
    async with create_client("file:" + path) as db:
        say("open")
        result = await db.upsert(
            Region, rows(file), Region.code, batch_size=200, commit_every=commit_every or None,
            on_progress=lambda done, total: say("writing") if done == 1000 else None,
        )
        say(result.inserted, result.updated, result.unchanged)

for line in sys.stdin:
    child = os.fork()  # much faster than a new Python
    if not child:
        say(os.getpid())
        path, file, commit_every = line.split()
        asyncio.run(load(path, file, int(commit_every)))
        os._exit(0)
    os.waitpid(child, 0)
    say("ended")
"""


class Loader:
    """A process that loads files one after the other, each in a process of its own."""

    def __init__(self) -> None:
        self._process = start(LOAD, stdin=subprocess.PIPE)
        self._said: list[str] = []

    def begin(self, path: object, file: object, commit_every: int) -> int:
        """Begin to load ``file``; return the id of the process that does."""
        assert self._process.stdin is not None
        print(path, file, commit_every, file=self._process.stdin, flush=True)
        self._said = [self._line()]
        return int(self._said[0])

    def wait_for(self, word: str) -> list[str]:
        """Wait until it says ``word``, or has ended; return all it said so far."""
        while not self._said[-1].startswith((word, "ended")):
            self._said.append(self._line())
        return self._said

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return line.strip()

    def end(self) -> None:
        """End the process, which must not have complained."""
        assert finish(self._process)[::2] == (0, "")


COUNT = 3000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of regions, each of which has no parent."""
    path = tmp_path / "regions.csv"
    write(path, "load 0")
    return path


def write(path: Path, name: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["code", "name", "type"])
        writer.writeheader()
        writer.writerows(
            {"code": f"{number:05}", "name": name, "type": "City"} for number in range(COUNT)
        )


@pytest.fixture
def loader() -> Iterator[Loader]:
    """A process that loads files, and ends with the test."""
    loader = Loader()
    yield loader
    loader.end()


@pytest.mark.parametrize("commit_every", [0, 500], ids=["whole", "in parts"])
def test_a_killed_upsert_is_written_whole_or_not(
    sqlite_engine: SQLiteEngine, file: Path, loader: Loader, commit_every: int
) -> None:
    """After kill -9 at fifty moments no batch is half there, and running it again completes it.

    Twenty-five times each: all rows in one transaction, and 500 in each. At
    first the rows are new, later they are updated.
    """
    path = sqlite_engine.path
    names = "SELECT name, count(*) FROM core_region GROUP BY name"
    chance = random.Random(commit_every)  # noqa: S311
    outcomes = []
    for number in range(25):
        if number == 12:
            loader.begin(path, file, commit_every)
            loader.wait_for("ended")
            assert rows(path, names) == [("load 0", COUNT)]
        write(file, f"load {number if number >= 12 else 0}")
        before = dict(rows(path, names))
        process = loader.begin(path, file, commit_every)
        word, longest_s = ("open", 0.12) if number % 2 else ("writing", 0.03)
        loader.wait_for(word)
        time.sleep(chance.random() * longest_s)
        with suppress(ProcessLookupError):  # it was faster
            os.kill(process, signal.SIGKILL)
        loader.wait_for("ended")

        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        after = dict(rows(path, names))
        if commit_every:
            assert all(count % commit_every == 0 for count in after.values()), after
        else:
            assert after == before or list(after.values()) == [COUNT], after
        outcomes.append("nothing" if after == before else "something")
    assert outcomes.count("nothing") > 3, outcomes
    loader.begin(path, file, commit_every)
    loader.wait_for("ended")
    assert rows(path, names) == [("load 24", COUNT)]


@pytest.mark.parametrize("commit_every", [0, 700], ids=["whole", "in parts"])
def test_four_processes_upsert_the_same_file(
    sqlite_engine: SQLiteEngine, file: Path, commit_every: int
) -> None:
    """Each row is there once, one process inserted it, and the others found it unchanged."""
    path = sqlite_engine.path
    loaders = [Loader() for _ in range(4)]
    for loader in loaders:
        loader.begin(path, file, commit_every)
    inserted = unchanged = 0
    for loader in loaders:
        *_, counted, _ = loader.wait_for("ended")
        counts = [int(word) for word in counted.split()]
        assert sum(counts) == COUNT
        inserted, unchanged = inserted + counts[0], unchanged + counts[2]
        loader.end()
    assert (inserted, unchanged) == (COUNT, 3 * COUNT)
    assert rows(path, "SELECT count(*), count(DISTINCT code) FROM core_region") == [(COUNT, COUNT)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def tags(count: int, name: str = "x") -> list[dict[str, Any]]:
    return [{"code": f"{number:05}", "name": name} for number in range(count)]


async def test_a_cancelled_upsert_writes_nothing(sqlite_engine: SQLiteEngine) -> None:
    """Cancelled at any moment, once or twice, it leaves the rows as they were.

    Only a cancel during the COMMIT leaves it open whether that happened; then all are written.
    """
    async with pooled(sqlite_engine) as engine:
        await upsert(engine, Tag, tags(1000))
        before = await stored(Tag)
        chance = random.Random(7)  # noqa: S311
        cancelled = 0
        for number in range(40):
            task = asyncio.create_task(
                upsert(engine, Tag, tags(4000, f"y{number}"), None, Options(batch_size=100))
            )
            await asyncio.sleep(chance.random() * 0.06)
            task.cancel()
            if number % 3 == 0:
                await asyncio.sleep(0)
                task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(result, asyncio.CancelledError):
                cancelled += 1
                await until(lambda: not engine.stats().writer_in_use)
            after = await stored(Tag)
            if touched(before, after):
                assert [row["name"] for row in after.values()] == [f"y{number}"] * 4000
            before = after
        assert cancelled > 20
        assert (await upsert(engine, Tag, tags(10, "end"))).updated == 10


async def test_rows_that_never_come_can_be_cancelled(engine: Engine[Any]) -> None:
    """An upsert that waits for its rows ends with its task, on both databases."""

    async def stuck() -> AsyncIterator[dict[str, Any]]:
        for row in tags(250):
            yield row
        await asyncio.Event().wait()

    async with Client(engine) as client:  # type: ignore[arg-type]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.upsert(Tag, stuck(), batch_size=100)
        assert await Tag.count() == 0
        assert (await client.upsert(Tag, tags(5))).inserted == 5


async def test_a_cancel_keeps_what_is_committed(sqlite_engine: SQLiteEngine) -> None:
    """With ``commit_every`` a cancel loses only the part that was not committed."""

    arrived = asyncio.Event()

    async def stuck() -> AsyncIterator[dict[str, Any]]:
        for row in tags(250):
            yield row
        arrived.set()
        await asyncio.Event().wait()

    async with pooled(sqlite_engine) as engine:
        task = asyncio.create_task(upsert(engine, Tag, stuck(), None, Options(commit_every=100)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert "the first 200 rows are committed" in caught.value.__notes__[0]
        assert len(await stored(Tag)) == 200


async def test_an_upsert_waits_for_another_process(sqlite_engine: SQLiteEngine) -> None:
    """A lock of another process is waited for, as by any transaction."""
    async with pooled(sqlite_engine) as engine:
        with LockHolder(engine.path) as other:
            task = asyncio.create_task(upsert(engine, Tag, tags(5)))
            await asyncio.sleep(0.1)
            assert not task.done()
            other.release()
            assert (await task).inserted == 5


async def test_two_clients_upsert_the_same_rows(postgres_engine: Engine[Any]) -> None:
    """On PostgreSQL two upserts at once write each row once, and neither fails."""
    async with Client(postgres_engine) as client:  # type: ignore[arg-type]

        async def slowly(name: str) -> AsyncIterator[dict[str, Any]]:
            for row in tags(300, name):
                yield row
                await asyncio.sleep(0)

        first, second = await asyncio.gather(
            client.upsert(Tag, slowly("same"), batch_size=50),
            client.upsert(Tag, slowly("same"), batch_size=50),
        )
        assert sorted([first.inserted, second.inserted]) == [0, 300]
        assert sorted([first.unchanged, second.unchanged]) == [0, 300]
        first, second = await asyncio.gather(
            client.upsert(Tag, slowly("one"), batch_size=50),
            client.upsert(Tag, slowly("other"), batch_size=50),
        )
        assert first.updated == second.updated == 300
        assert len({row["name"] for row in (await stored(Tag)).values()}) == 1


async def test_memory_stays_flat(sqlite_engine: SQLiteEngine) -> None:
    """Of many rows only one batch is held: the peak does not grow with their number."""
    async with pooled(sqlite_engine) as engine:

        async def peak(count: int) -> int:
            gc.collect()
            tracemalloc.start()
            try:
                given = (
                    {"code": f"{count}-{number}", "name": "x" * 1000} for number in range(count)
                )
                await upsert(engine, Tag, given)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        await peak(1000)  # what is compiled and cached the first time
        few, many = await peak(2000), await peak(20_000)
        # A hash of each key is kept, some 80 bytes; a row of these has more than 1000.
        assert many - few < 18_000 * 150


async def test_a_disk_error_is_not_taken_for_a_bad_row(sqlite_engine: SQLiteEngine) -> None:
    """Only what the rows are to blame for is collected; other errors end the call."""
    region = await make(Region)
    async with pooled(sqlite_engine) as engine:
        rows(engine.path, "DROP TABLE db_tag")
        with pytest.raises(Exception, match="no such table: db_tag") as caught:
            await upsert(engine, Tag, tags(5), None, Options(on_error="collect"))
        assert not isinstance(caught.value, UpsertError)
        row = {"id": new_ulid(), "code": "x", "name": "x", "type": "City", "parent_id": region.id}
        assert (await upsert(engine, Region, [row])).inserted == 1

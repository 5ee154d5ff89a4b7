"""Cancels at random moments of a mixed load leave nothing behind and nothing half done."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from doubles import codes, entity, open_files, pooled, rows, slow_read, threads, until, wait_until

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine


class Load:
    """Operations of all kinds on one engine, each of which notes how far it came."""

    def __init__(self, engine: SQLiteEngine, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)  # noqa: S311
        self.outcomes: Counter[str] = Counter()
        self.committed: set[int] = set()
        self._number = 0

    async def read(self, begun: Callable[[], None]) -> None:
        begun()
        await Entity.select().order_by(Entity.code).limit(20)

    async def read_slowly(self, begun: Callable[[], None]) -> None:
        begun()
        await slow_read(self.random.randrange(200_000))

    async def write(self, begun: Callable[[], None]) -> None:
        begun()
        await Entity.update({Entity.name: str(self.random.random())}).where(Entity.code == "one")

    async def transact(self, begun: Callable[[], None]) -> None:
        self._number += 1
        number = self._number
        async with self.engine.transaction():
            begun()
            await entity(f"{number}a").save()
            try:
                async with self.engine.transaction():
                    await entity(f"{number}x").save()
                    raise LookupError
            except LookupError:
                pass
            async with self.engine.transaction():
                await entity(f"{number}b").save()
        self.committed.add(number)

    async def view(self, begun: Callable[[], None]) -> None:
        async with self.engine.snapshot():
            begun()
            first = await Entity.count()
            await asyncio.sleep(0)
            assert await Entity.count() == first

    async def batch(self, begun: Callable[[], None]) -> None:
        query = Entity.select(Entity.code).where(Entity.code > str(self.random.randrange(10)))
        async with await query.limit(60).batch(batch_size=20) as batch:
            begun()
            async for _ in batch:
                pass

    async def cancel_one(self, longest_s: float) -> None:
        """Run one operation and cancel it after a moment, sometimes more than once."""
        kinds = [self.read, self.read_slowly, self.write, self.transact, self.view, self.batch]
        (operation,) = self.random.choices(kinds, [3, 1, 3, 4, 2, 2])
        begun = asyncio.Event()
        task = asyncio.create_task(_awaited(operation(begun.set)))
        if self.random.random() < 0.5:  # half of them not before they have begun
            await asyncio.wait(
                {task, waiting := asyncio.create_task(begun.wait())},
                return_when=asyncio.FIRST_COMPLETED,
            )
            waiting.cancel()
        await asyncio.sleep(self.random.random() ** 2 * longest_s)
        finished = task.done()
        task.cancel()
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            await asyncio.sleep(0)
            task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert result is None or isinstance(result, asyncio.CancelledError), repr(result)
        self.outcomes[
            "finished" if finished else "cancelled in it" if begun.is_set() else "cancelled before"
        ] += 1

    async def run(self, cancels: int, *, side_by_side: int, longest_s: float) -> None:
        """Cancel so many operations, several at a time."""

        async def worker(count: int) -> None:
            for _ in range(count):
                await self.cancel_one(longest_s)

        await asyncio.gather(*(worker(cancels // side_by_side) for _ in range(side_by_side)))

    def check(self) -> None:
        """Each transaction wrote both of its rows or none, and what was committed is there."""
        assert rows(self.engine.path, "PRAGMA integrity_check") == [("ok",)]
        found = set(codes(self.engine.path)) - {"one"}
        whole = {code[:-1] for code in found}
        assert found == {f"{number}{end}" for number in whole for end in "ab"}
        assert {str(number) for number in self.committed} <= whole


async def _awaited(operation: Awaitable[None]) -> None:
    await operation


async def test_ten_thousand_cancels(sqlite_engine: SQLiteEngine) -> None:
    """Afterwards nothing waits or is held, the next queries work, and no thread or file is left."""
    # OFF: this is about cancels, and ten thousand of them should not wait for the disk.
    async with pooled(sqlite_engine, pool_size=3, synchronous="OFF") as engine:
        await entity("one").save()
        load = Load(engine, seed=1)
        await load.run(10_000, side_by_side=20, longest_s=0.02)
        await until(lambda: not engine.stats().writer_in_use)
        assert engine.stats().connections_opened <= 4 + 20
    load.check()
    # A good part was cancelled in the middle, and a good part was not cancelled at all.
    assert load.outcomes["cancelled in it"] > 3_000, load.outcomes
    assert load.outcomes["finished"] > 1_000, load.outcomes


async def test_cancels_without_a_pool(sqlite_engine: SQLiteEngine) -> None:
    """Connections of single queries come back or are closed, whatever is cancelled."""
    before = threads()
    await entity("one").save()
    load = Load(sqlite_engine, seed=2)
    await load.run(400, side_by_side=4, longest_s=0.05)
    await asyncio.wait_for(entity("next").save().run(), 20)
    await Entity.delete().where(Entity.code == "next")
    await sqlite_engine.close_connection_pool()
    await until(lambda: threads() <= before)
    assert open_files(sqlite_engine.path) == []
    load.check()


@pytest.mark.parametrize("seed", range(3))
async def test_cancelling_all_tasks_at_once(sqlite_engine: SQLiteEngine, seed: int) -> None:
    """A task group that fails cancels everything in it; the pool is as good as new."""
    async with pooled(sqlite_engine, pool_size=2) as engine:
        await entity("one").save()
        load = Load(engine, seed)
        for _ in range(10):
            with pytest.raises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    for _ in range(30):
                        kinds = [load.read, load.write, load.transact, load.view, load.batch]
                        operation = load.random.choice(kinds)
                        group.create_task(_awaited(operation(lambda: None)))
                    await asyncio.sleep(load.random.random() * 0.03)
                    raise LookupError
    load.check()


def test_cancelling_with_the_loop(sqlite_engine: SQLiteEngine) -> None:
    """An event loop that ends in the middle of everything leaves no lock, thread or file."""
    before = threads()

    async def main(seed: int, pool: bool) -> None:
        load = Load(sqlite_engine, seed)
        loads.append(load)
        if pool:
            await sqlite_engine.start_connection_pool(pool_size=2)
        for _ in range(20):
            kinds = [load.read, load.read_slowly, load.write, load.transact, load.batch]
            tasks.append(asyncio.create_task(_awaited(load.random.choice(kinds)(lambda: None))))
        await asyncio.sleep(load.random.random() * 0.05)

    tasks: list[asyncio.Task[None]] = []
    loads: list[Load] = []
    for seed in range(10):
        asyncio.run(main(seed, pool=seed % 2 == 0))
        for task in tasks:
            assert task.cancelled() or task.exception() is None
        asyncio.run(sqlite_engine.close_connection_pool())
        wait_until(lambda: threads() <= before)
        assert open_files(sqlite_engine.path) == []
        loads[-1].check()
        entity("next").save().run_sync()
        Entity.delete(force=True).run_sync()
        asyncio.run(sqlite_engine.close_connection_pool())

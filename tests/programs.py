"""Random programs of tasks and blocks, run on a client and held against what must be stored.

A program is a tree of steps. As it runs, each step says what became of its rows: they
must be there, must not be there, or are all there or none. ``run`` returns the faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from atlas import AtlasError, Client, Tag, UpsertError

_numbers = itertools.count()


@dataclass(frozen=True)
class Save:
    """Write a row."""


@dataclass(frozen=True)
class Pause:
    """Let other tasks run."""

    ms: int


@dataclass(frozen=True)
class Read:
    """Count the rows."""


@dataclass(frozen=True)
class Upsert:
    """Load rows, of which one is bad or none."""

    good: int
    bad: bool


@dataclass(frozen=True)
class Block:
    """A transaction; it ends well, raises, or is cancelled so many times after a while."""

    body: tuple[Any, ...]
    end: str
    ms: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Reads that all see the same moment."""


@dataclass(frozen=True)
class Generator:
    """An async generator that writes a row in a block and is left early."""


@dataclass(frozen=True)
class Tasks:
    """Bodies that run at the same time, each in a task of its own."""

    bodies: tuple[tuple[Any, ...], ...]


def _bodies(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(steps, min_size=1, max_size=4).map(tuple)


_leaves = st.one_of(
    st.just(Save()),
    st.just(Save()),
    st.just(Read()),
    st.builds(Pause, st.integers(0, 3)),
    st.builds(Upsert, st.integers(1, 3), st.booleans()),
    st.just(Snapshot()),
    st.just(Generator()),
)

_ENDS = ["well", "well", "raise", "cancel", "cancel twice", "scope"]

#: A program: what runs at the same time.
programs = st.builds(
    Tasks,
    st.lists(
        _bodies(
            st.recursive(
                _leaves,
                lambda steps: st.one_of(
                    st.builds(
                        Block,
                        _bodies(steps),
                        st.sampled_from(
                            ["well", "well", "raise", "cancel", "cancel twice", "scope"]
                        ),
                        st.integers(0, 6),
                    ),
                    st.builds(Tasks, st.lists(_bodies(steps), min_size=2, max_size=3).map(tuple)),
                ),
                max_leaves=8,
            )
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


class _RaisedError(Exception):
    """What a block of a program raises."""


@dataclass
class _Result:
    """What must be true of the rows of steps that ran."""

    #: Each row of a step that was answered: there, if what it is part of is.
    there: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    #: Rows of which all are there or none, because nobody was told.
    whole: list[frozenset[str]] = field(default_factory=list)

    def add(self, other: _Result) -> None:
        self.there |= other.there
        self.gone |= other.gone
        self.whole += other.whole

    def undone(self) -> None:
        """Say that the block of these rows was rolled back."""
        self.gone |= self.there
        for rows in self.whole:
            self.gone |= rows
        self.there, self.whole = set(), []

    def unknown(self) -> None:
        """Say that nobody was told whether the block of these rows was committed."""
        rows = frozenset(self.there)
        if rows:
            self.whole.append(rows)
        self.there = set()


class Runner:
    """Runs programs on an open client."""

    def __init__(self, db: Client) -> None:
        self._db = db

    async def run(self, program: Tasks) -> list[str]:
        """Run a program and return what is wrong afterwards; nothing is the right answer."""
        result = _Result()
        await asyncio.wait_for(self._tasks(program, result, inside=False), 60)
        # The loop closes generators that were left, and connections come back, in its time.
        for _ in range(200):
            stats = self._db.stats()
            if not (stats.waiting or stats.readers_in_use or stats.writer_in_use):
                break
            await asyncio.sleep(0.01)
        stored = {row["code"] for row in await self._db.run(Tag.select(Tag.code).run())}
        await self._db.run(Tag(code=f"r{next(_numbers)}", name="next").save().run())
        await self._db.run(Tag.delete(force=True).run())
        faults = []
        if result.there - stored:
            faults.append(f"acknowledged and not stored: {sorted(result.there - stored)}")
        if result.gone & stored:
            faults.append(f"undone and stored: {sorted(result.gone & stored)}")
        faults += [
            f"stored in part: {sorted(rows & stored)} of {sorted(rows)}"
            for rows in result.whole
            if 0 < len(rows & stored) < len(rows)
        ]
        if stats.waiting or stats.readers_in_use or stats.writer_in_use:
            faults.append(f"not given back: {stats}")
        return faults

    async def _body(self, steps: tuple[Any, ...], result: _Result, *, inside: bool) -> None:
        for step in steps:
            await self._step(step, result, inside=inside)

    async def _step(self, step: Any, result: _Result, *, inside: bool) -> None:
        if isinstance(step, Save):
            await self._save(result)
        elif isinstance(step, Pause):
            await asyncio.sleep(step.ms / 1000)
        elif isinstance(step, Read):
            await Tag.count()
        elif isinstance(step, Upsert):
            await self._upsert(step, result)
        elif isinstance(step, Snapshot):
            if not inside:
                async with self._db.snapshot():
                    assert await Tag.count() == await Tag.count()
        elif isinstance(step, Generator):
            await self._generator(result)
        elif isinstance(step, Block):
            await self._block(step, result)
        else:
            await self._tasks(step, result, inside=inside)

    async def _save(self, result: _Result) -> None:
        code = f"r{next(_numbers)}"
        try:
            await Tag(code=code, name="n").save()
        except AtlasError:  # refused, and it says that nothing is stored
            result.gone.add(code)
            raise
        except asyncio.CancelledError:
            result.whole.append(frozenset({code}))
            raise
        result.there.add(code)

    async def _upsert(self, step: Upsert, result: _Result) -> None:
        codes = [f"r{next(_numbers)}" for _ in range(step.good)]
        rows: list[dict[str, Any]] = [{"code": code, "name": "n"} for code in codes]
        if step.bad:
            rows.append({"code": f"r{next(_numbers)}", "name": None})
        try:
            await self._db.upsert(Tag, rows, batch_size=1)
        except UpsertError:
            result.gone.update(codes)
        except asyncio.CancelledError:
            result.whole.append(frozenset(codes))
            raise
        else:
            result.there.update(codes)

    async def _generator(self, result: _Result) -> None:
        code = f"r{next(_numbers)}"

        async def rows() -> AsyncIterator[int]:
            async with self._db.transaction():
                await Tag(code=code, name="n").save()
                yield 1

        try:
            async for _ in rows():
                break
        finally:
            result.gone.add(code)
        with contextlib.suppress(AtlasError):
            await self._save(result)  # stored or refused
        await asyncio.sleep(0.005)

    async def _block(self, step: Block, result: _Result) -> None:
        inner = _Result()
        has_ended = False

        async def block() -> None:
            nonlocal has_ended
            async with self._db.transaction():
                await self._body(step.body, inner, inside=True)
                has_ended = True
                if step.end == "raise":
                    raise _RaisedError

        try:
            if step.end in ("well", "raise"):
                await block()
            else:
                await self._cancelled(asyncio.create_task(block()), step)
        except _RaisedError:
            inner.undone()
        except AtlasError:
            inner.undone()
        except asyncio.CancelledError:
            if has_ended:
                inner.unknown()
            else:
                inner.undone()
            result.add(inner)
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            return
        result.add(inner)

    async def _cancelled(self, task: asyncio.Task[None], step: Block) -> None:
        await asyncio.sleep(step.ms / 1000)
        task.cancel()
        if step.end == "cancel twice":
            await asyncio.sleep(0)
            task.cancel()
        while step.end == "scope" and not task.done():
            task.cancel()
            await asyncio.sleep(0)
        try:
            await task
        except asyncio.CancelledError:
            if not task.done():  # this task was cancelled, not the block
                task.cancel()
                await asyncio.wait([task])
            raise

    async def _tasks(self, step: Tasks, result: _Result, *, inside: bool) -> None:
        results = [_Result() for _ in step.bodies]
        tasks = [
            asyncio.create_task(self._body(body, part, inside=inside))
            for body, part in zip(step.bodies, results, strict=True)
        ]
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            raise
        finally:
            for part in results:
                result.add(part)
        errors = [error for task in tasks if not task.cancelled() and (error := task.exception())]
        refused = [error for error in errors if not isinstance(error, _RaisedError | AtlasError)]
        if refused:
            raise refused[0]
        if errors and inside:
            raise errors[0]

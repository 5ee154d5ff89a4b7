"""Blocks where two things meet: tasks, nested blocks, cancels, generators; on both databases."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from unittest import IsolatedAsyncioTestCase

import pytest
from databases import url_of
from piccolo.engine.base import Engine
from piccolo.testing.test_case import AsyncTransactionTest

from atlas import Tag, UpsertError, create_client
from atlas.client.client import Client
from atlas.errors import PoolTimeoutError, TransactionLostError

pytestmark = pytest.mark.filterwarnings("ignore:A generator was left inside:ResourceWarning")


@pytest.fixture
def client(engine: Engine[Any], monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of an empty database, not open yet."""
    url = url_of(engine)
    client = create_client(url, acquire_timeout_ms=2000)
    monkeypatch.setattr(Tag._meta, "_db", client.engine)
    return client


@pytest.fixture
async def db(client: Client) -> AsyncIterator[Client]:
    """A client of an empty database; afterwards nothing waits and the next query works."""
    async with client:
        yield client
        await asyncio.wait_for(Tag(code="next", name="n").save(), 20)
        assert client.stats().waiting == 0


def tag(code: str) -> Tag:
    return Tag(code=code, name=code)


async def codes() -> list[str]:
    """Return what is stored."""
    return [row["code"] for row in await Tag.select(Tag.code).order_by(Tag.code)]


# --- turns


async def test_a_statement_of_another_task_is_no_part_of_a_nested_block(db: Client) -> None:
    """What a task writes in the outer block stays when another task's nested block is undone."""
    begun = asyncio.Event()

    async def fails() -> None:
        with pytest.raises(ZeroDivisionError):
            async with db.transaction():
                await tag("inner").save()
                begun.set()
                await asyncio.sleep(0.1)
                raise ZeroDivisionError

    async def saves() -> None:
        await begun.wait()
        await tag("outer").save()

    async with db.transaction():
        await asyncio.gather(fails(), saves())
    assert await codes() == ["outer"]


async def test_an_upsert_in_a_transaction_is_a_nested_block(db: Client) -> None:
    """What a task writes while another's upsert runs stays when the upsert is refused."""
    begun = asyncio.Event()

    async def rows() -> AsyncIterator[dict[str, Any]]:
        yield {"code": "a", "name": "a"}
        begun.set()
        await asyncio.sleep(0.1)
        yield {"code": "b", "name": None}

    async def loads() -> None:
        with pytest.raises(UpsertError):
            await db.upsert(Tag, rows(), batch_size=1)

    async def saves() -> None:
        await begun.wait()
        await tag("outer").save()

    async with db.transaction():
        await asyncio.gather(loads(), saves())
    assert await codes() == ["outer"]


async def test_nested_blocks_that_overlap_end_each_for_itself(db: Client) -> None:
    """Of two tasks' nested blocks the one that ends well is stored, the other is not."""

    async def part(code: str, error: Exception | None) -> None:
        async with db.transaction():
            await tag(code).save()
            await asyncio.sleep(0.05)
            if error:
                raise error

    async with db.transaction():
        results = await asyncio.gather(
            part("a", KeyError()), part("b", None), part("c", None), return_exceptions=True
        )
    assert [type(result) for result in results] == [KeyError, type(None), type(None)]
    assert await codes() == ["b", "c"]


async def test_a_turn_that_does_not_come_says_who_has_it(db: Client) -> None:
    """Who waits for another task's nested block is told its task's name, and can go on."""
    async with db.transaction():
        begun, over = asyncio.Event(), asyncio.Event()

        async def stays() -> None:
            async with db.transaction():
                await tag("stays").save()
                begun.set()
                await over.wait()

        task = asyncio.create_task(stays(), name="the one that stays")
        await begun.wait()
        with pytest.raises(PoolTimeoutError, match="the one that stays"):
            await tag("waits").save()
        over.set()
        await task
        await tag("goes-on").save()


async def test_a_nested_block_that_nobody_awaited_is_not_stored(db: Client) -> None:
    """A nested block that is open as the outer one ends never ended well, and is undone."""
    begun = asyncio.Event()

    async def forgotten() -> None:
        async with db.transaction():
            await tag("forgotten").save()
            begun.set()
            await asyncio.sleep(0.2)

    async with db.transaction():
        task = asyncio.create_task(forgotten())
        await begun.wait()
    with pytest.raises(TransactionLostError):
        await task
    assert await codes() == []


# --- cancels


@pytest.mark.parametrize("cancels", [1, 2, 100])
async def test_a_cancelled_nested_block_is_never_stored(cancels: int, db: Client) -> None:
    """Cancelled once, twice, or as anyio's scopes do until it is left, it is undone."""

    async def inner() -> None:
        async with db.transaction():
            await tag("inner").save()
            while True:
                await Tag.count()

    async with db.transaction():
        task = asyncio.create_task(inner())
        await asyncio.sleep(0.05)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task])
        await tag("outer").save()
    assert await codes() == ["outer"]


async def test_a_cancelled_upsert_in_a_transaction_is_never_stored(db: Client) -> None:
    """An upsert that a cancel scope ends leaves nothing in the transaction it is part of."""

    async def load() -> None:
        await db.upsert(Tag, ({"code": f"r{n}", "name": "n"} for n in range(10**6)), batch_size=50)

    async with db.transaction():
        task = asyncio.create_task(load())
        await asyncio.sleep(0.2)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        await tag("outer").save()
    assert await codes() == ["outer"]


# --- generators


async def rows_in(block: Any) -> AsyncIterator[Any]:
    """Yield rows inside a block."""
    async with block:
        for row in await Tag.select():
            yield row


async def test_a_write_after_a_generator_is_stored_or_refused(db: Client) -> None:
    """A write behind a generator that was left early is not answered and then undone."""
    await tag("row").save()
    answered: list[str] = []

    async def worker() -> None:
        async for _ in rows_in(db.transaction()):
            break
        await tag("after").save()
        answered.append("after")

    await asyncio.wait([asyncio.create_task(worker())])
    await asyncio.sleep(0.1)
    assert ("after" in await codes()) == (answered == ["after"])


@pytest.mark.parametrize("kind", ["transaction", "snapshot"])
async def test_a_task_is_free_after_a_generator_it_left(kind: str, db: Client) -> None:
    """When the block of the generator has ended, the task that left it can write again."""
    await tag("row").save()

    async def worker() -> None:
        async for _ in rows_in(getattr(db, kind)()):
            break
        gc.collect()
        await asyncio.sleep(0.2)
        await tag("later").save()

    await asyncio.create_task(worker())
    assert await codes() == ["later", "row"]


async def test_a_generator_that_is_collected_is_warned_of(db: Client) -> None:
    """The warning names ``contextlib.aclosing``, with which there is none."""
    await tag("row").save()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with aclosing(rows_in(db.transaction())) as rows:
            async for _ in rows:
                break
        assert [w for w in warned if w.category is ResourceWarning] == []

        async def worker() -> None:
            async for _ in rows_in(db.transaction()):
                break

        await asyncio.create_task(worker())
        await asyncio.sleep(0.2)
    assert any("contextlib.aclosing" in str(w.message) for w in warned)


# --- savepoints


@pytest.mark.parametrize("name", ["savepoint_1", "savepoint_2", "atlas_nested_1"])
async def test_a_made_up_savepoint_has_nobodys_name(name: str, db: Client) -> None:
    """``rollback_to()`` goes to the caller's savepoint, whatever names are made up."""
    async with db.transaction() as transaction:
        named = await transaction.savepoint(name)
        await tag("a").save()
        await transaction.savepoint()
        async with db.transaction():
            await tag("b").save()
        await named.rollback_to()
    assert await codes() == []


# --- Piccolo's own test classes


async def test_piccolos_transaction_test_rolls_back(client: Client) -> None:
    """``AsyncTransactionTest`` works on both engines, and nothing of a test stays."""
    engine: Any = client.engine
    seen: list[int] = []

    class Writes(AsyncTransactionTest):
        db = engine

        async def test_write(self) -> None:
            await tag("in the test").save()
            seen.append(await Tag.count())

    def run() -> Any:
        assert issubclass(Writes, IsolatedAsyncioTestCase)
        return Writes("test_write").run()

    result = await asyncio.to_thread(run)
    assert result.errors == []
    assert result.failures == []
    assert seen == [1]
    assert await Tag.count() == 0

"""Who is in a block of the sync client: contexts, not threads; and queries by ``run_sync()``."""

from __future__ import annotations

import asyncio
import contextvars
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databases import sqlite_copy

from atlas import ClientError, ConnectionClosedError, Entity, Tag, Unit, create_client, sync_client
from atlas.client.sync import SyncClient
from atlas.errors import TransactionLostError


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a migrated file; the tables are bound to no engine."""
    return sqlite_copy(migrated_file, tmp_path / "atlas.db")


@pytest.fixture
def db(url: str) -> Iterator[SyncClient]:
    """A sync client that does not wait for long."""
    with sync_client(url, acquire_timeout_ms=1000) as client:
        yield client
        client.run(tag("next").save())
        assert client.stats().waiting == 0


def tag(code: str) -> Tag:
    return Tag(code=code, name=code)


class Request:
    """A context of its own, whose steps any thread runs, as those of a web request."""

    def __init__(self) -> None:
        self._context = contextvars.Context()

    def step(self, thread: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Any:
        return thread.submit(self._context.run, function, *args).result(30)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def other_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_a_block_goes_with_its_context_to_another_thread(
    db: SyncClient, thread: ThreadPoolExecutor, other_thread: ThreadPoolExecutor
) -> None:
    """A request whose steps run in several threads is in its block in all of them."""
    request, block = Request(), db.transaction()
    request.step(thread, block.__enter__)
    request.step(other_thread, lambda: db.run(tag("a").save()))
    request.step(thread, block.__exit__, KeyError, KeyError(), None)
    assert db.run(Tag.count()) == 0


def test_another_context_in_the_same_thread_is_outside(
    db: SyncClient, thread: ThreadPoolExecutor
) -> None:
    """A request that gets the thread of another's block is not in that block."""
    first, second = Request(), Request()
    block = db.snapshot()
    first.step(thread, block.__enter__)
    second.step(thread, lambda: db.run(tag("second").save()))
    assert first.step(thread, lambda: db.run(Tag.count())) == 0
    first.step(thread, block.__exit__, None, None, None)
    assert db.run(Tag.count()) == 1


def test_a_block_is_reached_from_anywhere(db: SyncClient, thread: ThreadPoolExecutor) -> None:
    """``tx.run``, ``tx.upsert`` and ``tx.resolve`` are part of the block in any context."""
    request = Request()
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        request.step(thread, lambda: tx.run(tag("a").save()))
        result = request.step(thread, lambda: tx.upsert(Tag, [{"code": "b", "name": "b"}]))
        assert result.inserted == 1
        found = request.step(thread, lambda: tx.resolve(Tag, Tag.code, ["a", "b", "c"]))
        assert found.keys() == {"a", "b"}
        assert request.step(thread, lambda: tx.run(Tag.count())) == 2
        raise ZeroDivisionError
    assert db.run(Tag.count()) == 0
    with pytest.raises(TransactionLostError, match="left, or ended by hand"):
        tx.run(Tag.count())
    with db.snapshot() as snapshot:
        db.run  # noqa: B018 # the client's own calls go on beside it
        assert request.step(thread, lambda: snapshot.run(Tag.count())) == 0


def test_a_block_left_in_another_context_frees_the_first(
    db: SyncClient, thread: ThreadPoolExecutor
) -> None:
    """When another context has left a block, the one that entered it is outside."""
    first, second, block = Request(), Request(), db.transaction()
    first.step(thread, block.__enter__)
    second.step(thread, block.__exit__, None, None, None)
    first.step(thread, lambda: db.run(tag("a").save()))
    assert db.run(Tag.count()) == 1


# --- run_sync


async def test_run_sync_works_in_a_thread_beside_an_open_client(url: str) -> None:
    """Each of Piccolo's ways to run a query works in a plain thread while a client is open."""
    async with create_client(url):
        await tag("a").save()
        entity = Entity(code="e", name="E")
        await entity.save()
        unit = Unit(code="u", name="U", entity_id=entity.id)
        await unit.save()
        queries: list[Any] = [
            Tag.select().first(),
            Tag.objects().first(),
            Tag.objects().get(Tag.code == "a"),
            Tag.objects().get_or_create(Tag.code == "b", {Tag.name: "B"}),
            Tag.objects().create(code="c", name="C"),
            Tag.select(Tag.code).output(as_list=True),
            unit.refresh(),
            unit.get_related(Unit.entity_id),
            Tag.update({Tag.name: "A"}).where(Tag.code == "a"),
            Tag.exists(),
        ]
        for query in queries:
            await asyncio.to_thread(query.run_sync)
        assert await Tag.count() == 3


async def test_run_sync_that_its_loop_keeps_waiting_is_refused(url: str) -> None:
    """In a running loop that holds the writer it is refused at once; a read is not."""
    async with create_client(url) as db:
        begun, over = asyncio.Event(), asyncio.Event()

        async def holds() -> None:
            async with db.transaction():
                await tag("a").save()
                begun.set()
                await over.wait()

        task = asyncio.create_task(holds())
        await begun.wait()
        with pytest.raises(ClientError, match=r"run_sync\(\) holds up the event loop"):
            tag("b").save().run_sync()
        assert Tag.count().run_sync() == 0
        over.set()
        await task
        tag("c").save().run_sync()
        assert await Tag.count() == 2


# --- which database


async def test_a_task_that_outlives_its_client_writes_nowhere(
    url: str, migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ``close()`` a query does not go to the database of the settings."""
    client = create_client(url)
    await client.open()
    await tag("one").save()
    await client.close()
    with pytest.raises(ConnectionClosedError, match="is closed, and this task goes on"):
        await tag("two").save()
    async with create_client(url):
        await tag("three").save()
        assert await Tag.count() == 2


async def test_queries_wait_for_no_client_that_is_being_opened(url: str) -> None:
    """Until a client is open, a query beside its ``open()`` is refused; a second open() too."""
    client = create_client(url)
    opening = asyncio.create_task(client.open())
    await asyncio.sleep(0)
    with pytest.raises(ClientError, match="is being opened"):
        await tag("a").save()
    with pytest.raises(ClientError, match="is open already"):
        await client.open()
    await opening
    await tag("a").save()
    await client.close()


async def test_run_names_the_client(url: str, tmp_path: Path) -> None:
    """``db.run(query)`` runs on ``db``, whichever clients are open."""
    shutil.copy(url.removeprefix("file:"), tmp_path / "other.db")
    first, second = create_client(url), create_client(f"file:{tmp_path}/other.db")
    await first.open()
    await second.open()
    try:
        await second.run(tag("second").save())
        async with first.transaction():
            await first.run(tag("first").save())
            assert await second.run(Tag.count()) == 1
        assert [row["code"] for row in await first.run(Tag.select(Tag.code))] == ["first"]
    finally:
        await first.close()
        await second.close()
    with pytest.raises(ConnectionClosedError):
        await first.run(Tag.count())


# --- what it does not run on


async def test_trio_and_gevent_are_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under trio, and where gevent has replaced threads, the error says so."""
    monkey = types.ModuleType("gevent.monkey")
    monkey.is_module_patched = lambda name: True  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "gevent.monkey", monkey)
        with pytest.raises(ClientError, match="gevent"):
            sync_client(url).open()
        with pytest.raises(ClientError, match="gevent"):
            await create_client(url).open()
    trio = pytest.importorskip("trio")

    def under_trio() -> None:
        trio.run(create_client(url).open)

    with pytest.raises(ClientError, match="trio"):
        await asyncio.to_thread(under_trio)

"""Reads of the sync client: in the thread that asks, where that is short; else in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databases import sqlite_copy
from doubles import entity, rows, slow_read

from atlas import ClientError, CorruptValueError, Entity, Param, Unit, sync_client
from atlas.client.bridge import Bridge
from atlas.client.sync import SyncClient
from atlas.errors import ConnectionClosedError


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a database of its own, with two entities."""
    sqlite_copy(migrated_file, path := tmp_path / "ops.db")
    for code in "AB":
        rows(path, "INSERT INTO core_entity (id, code, name) VALUES (?1, ?1, ?1)", code)
    return f"file:{path}"


@pytest.fixture
def db(url: str) -> Iterator[SyncClient]:
    """A client that has read."""
    with sync_client(url) as client:
        client.run(Entity.count())
        yield client


@pytest.fixture
def no_loop(db: SyncClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nothing be handed to the event loop."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("it was handed to the event loop")

    with monkeypatch.context() as patch:
        patch.setattr(Bridge, "run", refuse)
        yield


@pytest.mark.usefixtures("no_loop")
def test_short_read_is_run_where_it_is_asked_for(db: SyncClient) -> None:
    """Selects, objects, counts and exists, prepared and built, need no other thread."""
    find = db.prepare(Entity.objects().where(Entity.code == Param("code")).first())

    found = db.run(find(code="B"))
    assert found is not None
    assert found.name == "B"
    assert db.run(find(code="C")) is None
    assert db.run(Entity.count()) == 2
    assert db.run(Entity.exists().where(Entity.code == "A")) is True
    assert db.run(Entity.select(Entity.code).order_by(Entity.code)) == [
        {"code": "A"},
        {"code": "B"},
    ]
    assert db.run(Entity.select(Entity.code).where(Entity.code == "A").first()) == {"code": "A"}
    assert db.run(Entity.select(Entity.code).output(as_list=True).order_by(Entity.code)) == [
        "A",
        "B",
    ]
    assert [each.code for each in db.run(Entity.objects().order_by(Entity.code))] == ["A", "B"]
    assert db.run(Unit.objects(Unit.entity_id)) == []


def test_long_read_is_run_by_the_loop(db: SyncClient) -> None:
    """A read that is not short gives what it should, and threads may still read."""
    many = Entity.raw("SELECT 1")
    assert db.run(slow_read(300_000)) == [{"n": 300_000}]
    assert db.run(many) == [{"1": 1}]
    assert db.run(Entity.count()) == 2


def test_read_in_a_block_is_part_of_it(db: SyncClient) -> None:
    """A transaction's own writes are seen inside it, and by no other thread."""
    with db.transaction():
        db.run(entity("C").save())
        assert db.run(Entity.count()) == 3
        with ThreadPoolExecutor(1) as other:
            assert other.submit(db.run, Entity.count()).result() == 2
    assert db.run(Entity.count()) == 3


def test_callbacks_are_called_once(db: SyncClient) -> None:
    """What a query calls of the caller's runs in the loop, and once."""
    called: list[Any] = []

    async def note(result: Any) -> Any:
        await asyncio.sleep(0.001)
        called.append(result)
        return result

    query = Entity.select(Entity.code).order_by(Entity.code).callback(note)
    assert db.run(query) == [{"code": "A"}, {"code": "B"}]
    assert len(called) == 1


def test_many_threads_read_what_is_theirs(db: SyncClient) -> None:
    """Each of many threads gets the rows it asked for, and every statement is counted."""
    find = db.prepare(Entity.select(Entity.name).where(Entity.code == Param("code")).first())
    before = db.stats().statements

    def read(code: str) -> bool:
        return all(db.run(find(code=code)) == {"name": code} for _ in range(100))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, "ABAB" * 4))
    assert db.stats().statements == before + 1600


def test_query_of_another_client_is_refused(
    db: SyncClient, migrated_file: Path, tmp_path: Path
) -> None:
    """A query that was prepared by another client is not run on that one in this one's name."""
    sqlite_copy(migrated_file, path := tmp_path / "other.db")
    with sync_client(f"file:{path}") as other:
        find = other.prepare(Entity.count())
        assert other.run(find()) == other.run(find()) == 0
        with pytest.raises(ClientError, match="runs in another thread"):
            db.run(find())


def test_corrupt_value_is_an_error(db: SyncClient, url: str) -> None:
    """A stored value that is none of its column's type is named, in whichever thread."""
    rows(url.removeprefix("file:"), "UPDATE core_entity SET created_at = 'x' WHERE code = 'B'")
    for _ in range(2):
        with pytest.raises(CorruptValueError, match="created_at"):
            db.run(Entity.objects())
    assert db.run(Entity.count()) == 2


def test_closed_client_refuses(url: str) -> None:
    """After the end a read is refused as any call is."""
    with sync_client(url) as db:
        db.run(Entity.count())
        db.run(Entity.count())
    with pytest.raises(ConnectionClosedError):
        db.run(Entity.count())


async def test_read_in_an_event_loop_is_refused(url: str) -> None:
    """A read that would hold up an event loop is refused, however short."""

    def use() -> SyncClient:
        db = sync_client(url)
        db.open()
        db.run(Entity.count())
        return db

    db = await asyncio.to_thread(use)
    with pytest.raises(ClientError, match="for plain threads"):
        db.run(Entity.count())
    await asyncio.to_thread(db.close)

"""Reads go to a real streaming standby when it is near enough, else to the primary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from between import Standby
from databases import postgres_copy, rows
from doubles import until
from piccolo.engine.exceptions import TransactionError

from atlas import Client, ConfigurationError, Tag, create_client, sync_client

ON_STANDBY = "SELECT pg_is_in_recovery() AS standby"


@pytest.fixture(scope="module")
def url(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated database on the primary."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture(scope="module")
def standby(url: str) -> Iterator[Standby]:
    """A standby that streams from the primary."""
    with Standby(url) as started:
        yield started


@pytest.fixture
async def db(url: str, standby: Standby) -> AsyncIterator[Client]:
    """A client of the primary and its standby, when that receives again."""
    await rows(standby.url(url), "SELECT pg_wal_replay_resume() WHERE pg_is_wal_replay_paused()")
    async with create_client(url, replicas=[standby.url(url)], max_lag_ms=60_000) as client:
        yield client
        await until(lambda: client.stats().readers_in_use == 0)


async def is_on_standby(block: Any) -> bool:
    async with block:
        (row,) = await Tag.raw(ON_STANDBY)
    return bool(row["standby"])


async def until_used(client: Client) -> None:
    """Wait until the standby has what was written, and is read."""
    for _ in range(500):
        if await is_on_standby(client.snapshot()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the standby was never read")


async def test_snapshots_and_reads_of_a_replica_go_to_the_standby(db: Client) -> None:
    """Other queries, and transactions, stay on the primary; a write is refused."""
    await until_used(db)
    assert await is_on_standby(db.replica())
    assert await Tag.raw(ON_STANDBY) == [{"standby": False}]
    assert not await is_on_standby(db.transaction())
    async with db.replica():
        with pytest.raises(TransactionError, match="only reads"):
            await Tag(code="a", name="n").save()


async def test_a_program_reads_what_it_wrote(url: str, standby: Standby, db: Client) -> None:
    """Each write is seen by the next read, wherever that goes."""
    for number in range(30):
        if number % 2:
            await Tag(code=f"own{number}", name="n").save()
        else:
            async with db.transaction():
                await Tag(code=f"own{number}", name="n").save()
        async with db.replica():
            assert await Tag.exists().where(Tag.code == f"own{number}")
    await rows(standby.url(url), "SELECT pg_wal_replay_pause()")
    await Tag(code="unseen", name="n").save()
    assert not await is_on_standby(db.snapshot())
    async with db.snapshot():
        assert await Tag.exists().where(Tag.code == "unseen")


async def test_a_standby_that_is_behind_is_not_read(url: str, standby: Standby) -> None:
    """Others' writes may be missing for ``max_lag_ms``, and no longer."""
    async with create_client(url, replicas=[standby.url(url)], max_lag_ms=100) as client:
        await rows(standby.url(url), "SELECT pg_wal_replay_resume()")
        await until_used(client)
        await rows(standby.url(url), "SELECT pg_wal_replay_pause()")
        await rows(url, "INSERT INTO db_tag (id, code, name) VALUES ('x', 'behind', 'n')")
        await asyncio.sleep(0.3)
        assert not await is_on_standby(client.replica())
        await rows(standby.url(url), "SELECT pg_wal_replay_resume()")
        await until_used(client)


@pytest.mark.parametrize("other", ["postgresql://postgres@127.0.0.1:1/none", "the primary"])
async def test_without_a_standby_the_primary_is_read(other: str, url: str) -> None:
    """One that cannot be reached, or is none, costs a moment and no read."""
    replica = url if other == "the primary" else other
    async with create_client(url, replicas=[replica]) as client:
        for _ in range(3):
            assert not await is_on_standby(client.snapshot())


def test_a_url_names_standbys(url: str, standby: Standby) -> None:
    """``replica=`` in the URL does the same, and none of its passwords is shown."""
    named = f"{url}&replica={quote(standby.url(url), safe='')}&max_lag_ms=60000"
    with sync_client(named) as client:
        for _ in range(500):
            with client.replica():
                (row,) = client.run(Tag.raw(ON_STANDBY))
            if row["standby"]:
                break
        assert row["standby"]
    secret = create_client(f"{url}&replica={quote('postgresql://me:Sentinel@db/x', safe='')}")
    assert "Sentinel" not in f"{secret!r} {secret.engine!r} {secret.engine.path}"
    with pytest.raises(ConfigurationError, match="no replicas"):
        create_client("file:x.db", replicas=[url])


async def test_a_promoted_standby_is_found_by_its_hosts(url: str, postgres_url: str) -> None:
    """After a failover a URL with both hosts leads to the one that takes writes."""
    with Standby(url) as standby:
        folders = [each.partition("host=")[2] for each in (standby.url(url), url)]
        both = f"{url.partition('?')[0]}?host={','.join(folders)}"
        async with create_client(f"{both}&target_session_attrs=read-write"):
            (row,) = await Tag.raw("SHOW unix_socket_directories")
            assert row["unix_socket_directories"] == folders[1]
        standby.promote()
        async with create_client(f"{both}&target_session_attrs=read-write"):
            await Tag(code="promoted", name="n").save()
        found = "SELECT count(*) FROM db_tag WHERE code = 'promoted'"
        assert await rows(standby.url(url), found) == [(1,)]
        assert await rows(url, found) == [(0,)]

"""A PostgreSQL server that is silent, full, or in conflict is told by one family of errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from between import Proxy
from conftest import run_on_server
from databases import postgres_copy, rows, sqlite_copy
from doubles import LockHolder, until
from piccolo.engine.exceptions import TransactionError

from atlas import (
    AtlasError,
    Client,
    ClientError,
    ConnectionLostError,
    DatabaseBusyError,
    DatabaseServerError,
    DeadlockError,
    SerializationError,
    StatementTimeoutError,
    Tag,
    TransactionLostError,
    create_client,
    sync_client,
)


@pytest.fixture(scope="module")
def url(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated database for the tests of this module."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture(params=["sqlite", "postgres"])
def any_url(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[str]:
    """A migrated database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_copy(request.getfixturevalue("migrated_file"), tmp_path / "a.db")
        return
    url = request.getfixturevalue("url")
    asyncio.run(rows(url, "DELETE FROM db_tag"))
    yield url


@pytest.fixture
async def db(url: str) -> AsyncIterator[Client]:
    """An open client without tags; in the end nothing is held, and a query works."""
    async with create_client(url, acquire_timeout_ms=20_000) as client:
        await Tag.delete(force=True)
        yield client
        assert await Tag.count() >= 0
        assert (client.stats().waiting, client.stats().readers_in_use) == (0, 0)


# --- silence


@pytest.mark.parametrize("where", ["statement", "block", "alone", "begin", "commit"])
async def test_a_silent_server_is_left_in_time(where: str, url: str) -> None:
    """A block under ``asyncio.timeout`` is left then, and the error says who did not answer."""
    async with Proxy(url) as proxy, create_client(f"{proxy.url}?pool_size=2") as client:

        async def work() -> None:
            async with asyncio.timeout(0.5):
                if where == "alone":
                    proxy.fall_silent()
                    await Tag.count()
                if where == "begin":
                    proxy.fall_silent()
                async with client.transaction():
                    await Tag.count()
                    proxy.fall_silent()
                    if where == "statement":
                        await Tag.count()
                    if where == "block":
                        raise ZeroDivisionError

        start = time.monotonic()
        with pytest.raises((TimeoutError, ZeroDivisionError)) as caught:
            await work()
        assert time.monotonic() - start < 1.5
        if where != "block":
            notes = getattr(caught.value.__cause__, "__notes__", [])
            assert any("The server did not answer" in note for note in notes)
        proxy.speak()
        async with asyncio.timeout(10):
            assert await Tag.count() >= 0
        await until(lambda: not client.stats().readers_in_use)


async def test_a_silent_server_is_named_by_who_comes_next(url: str) -> None:
    """Who wants a connection is told of the server, and not of a pool that is in use."""
    async with Proxy(url) as proxy, create_client(f"{proxy.url}?acquire_timeout_ms=300") as client:
        async with client.engine.connection():  # the one that is open
            proxy.fall_silent()
            with pytest.raises(DatabaseServerError, match="did not answer within 300 ms"):
                async with asyncio.timeout(5):
                    await Tag.count()
            proxy.speak()
        assert await Tag.count() >= 0


async def test_a_silent_first_host_is_passed_over(url: str) -> None:
    """The second host of a URL serves, and the first is not asked again at once."""
    async with Proxy(url) as silent, Proxy(url) as well:
        silent.fall_silent()
        both = well.url.replace(well.address, f"{silent.address},{well.address}")
        async with create_client(f"{both}?acquire_timeout_ms=600") as client:
            start = time.monotonic()
            async with client.engine.connection(), client.engine.connection():
                pass
            assert time.monotonic() - start < 0.3
        silent.speak()


async def test_the_server_stops_a_statement_that_takes_too_long(url: str) -> None:
    """``statement_timeout_ms`` ends it, and the connection is used again."""
    async with create_client(url, statement_timeout_ms=100, pool_size=1) as client:
        with pytest.raises(StatementTimeoutError, match="statement_timeout_ms"):
            await Tag.raw("SELECT pg_sleep(20)")
        assert await Tag.count() >= 0
        assert client.stats().connections_opened == 1


async def test_the_client_stops_waiting_for_a_silent_server(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server cannot stop it either, the connection is cut, and the error says so."""
    monkeypatch.setattr("atlas.engine.postgres.connection._GRACE_S", 0.1)
    async with Proxy(url) as proxy, create_client(f"{proxy.url}?statement_timeout_ms=200"):
        proxy.fall_silent()
        with pytest.raises(StatementTimeoutError, match="did not answer"):
            await Tag.count()
        proxy.speak()
        assert await Tag.count() >= 0


# --- connections


async def test_tasks_wait_for_as_many_connections_as_the_server_gives(
    url: str, postgres_url: str
) -> None:
    """With ``pool_size`` above what a role may have, what is there is shared."""
    await run_on_server(postgres_url, "DROP ROLE IF EXISTS few")
    await run_on_server(postgres_url, "CREATE ROLE few LOGIN SUPERUSER")
    await run_on_server(postgres_url, "ALTER ROLE few NOSUPERUSER CONNECTION LIMIT 2")
    async with create_client(url.replace("postgres:@", "few@"), pool_size=8) as client:
        await asyncio.gather(*(Tag.raw("SELECT pg_sleep(0.02)") for _ in range(20)))
        assert client.stats().readers <= 2
        with pytest.raises(DatabaseServerError, match="takes no more connections") as caught:
            async with client.engine.connection(), client.engine.connection():
                await create_client(url.replace("postgres:@", "few@")).open()
        assert isinstance(caught.value, AtlasError)
        assert caught.value.is_retryable


@pytest.mark.parametrize("moment", ["before", "during", "commit", "alone"])
async def test_a_lost_connection_is_one_error(moment: str, url: str, db: Client) -> None:
    """Wherever it is lost, ``ConnectionLostError`` says whether it can be run again."""

    async def end() -> None:
        (row,) = await Tag.raw("SELECT pg_backend_pid() AS pid")
        await rows(url, f"SELECT pg_terminate_backend({row['pid']}, 5000)")

    async def work() -> None:
        async with db.transaction():
            await Tag(code="lost", name="n").save()
            if moment == "during":
                job = asyncio.create_task(Tag.raw("SELECT pg_sleep(20)").run())
                await asyncio.sleep(0.1)
                query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state"
                await rows(url, f"{query} = 'active' AND query LIKE 'SELECT pg_sleep%'")
                await job
            await end()
            if moment == "before":
                await Tag.count()

    async def alone() -> None:
        job = asyncio.create_task(Tag.raw("UPDATE db_tag SET name = pg_sleep(20)::text").run())
        await asyncio.sleep(0.1)
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE"
        await rows(url, f"{query} 'UPDATE db_tag SET name%'")
        await job

    if moment == "alone":
        await Tag(code="there", name="n").save()
    with pytest.raises(ConnectionLostError) as caught:
        await (alone() if moment == "alone" else work())
    assert caught.value.is_retryable == (moment != "alone")
    assert isinstance(caught.value, TransactionLostError) == (moment != "alone")
    assert await rows(url, "SELECT code FROM db_tag WHERE code = 'lost'") == []


# --- conflicts


async def write_skew(client: Client, isolation: Any, retry: int) -> list[Any]:
    """Let two transactions read what the other one writes; return how each ended."""
    both = asyncio.Barrier(2)

    async def part(code: str) -> int:
        tries = 0
        async for transaction in client.transaction(retry=retry, isolation=isolation):
            async with transaction:
                tries += 1
                await Tag.count()
                if tries == 1:
                    await both.wait()
                await Tag(code=code, name="n").save()
        return tries

    return await asyncio.gather(part("a"), part("b"), return_exceptions=True)


async def test_a_serialization_failure_is_named_and_run_again(url: str, db: Client) -> None:
    """40001 is ``SerializationError``, and ``retry`` runs the block until it is written."""
    ends = await write_skew(db, "SERIALIZABLE", 0)
    errors = [end for end in ends if isinstance(end, BaseException)]
    assert [type(error) for error in errors] == [SerializationError]
    assert errors[0].is_retryable
    await Tag.delete(force=True)
    assert sorted(await write_skew(db, "SERIALIZABLE", 3)) == [1, 2]
    assert await rows(url, "SELECT code FROM db_tag ORDER BY code") == [("a",), ("b",)]


async def test_a_deadlock_is_named_and_run_again(db: Client) -> None:
    """40P01 is ``DeadlockError``, and ``retry()`` runs the function until it is written."""
    for code in ("a", "b"):
        await Tag(code=code, name="0").save()

    async def both(first: str, second: str, retry: int) -> int:
        tries = 0

        async def work() -> int:
            nonlocal tries
            tries += 1
            for code in (first, second):
                await Tag.raw("UPDATE db_tag SET name = name || '1' WHERE code = {}", code)
                await asyncio.sleep(0.1)
            return tries

        return await db.retry(work, retry=retry)

    ends = await asyncio.gather(both("a", "b", 0), both("b", "a", 0), return_exceptions=True)
    assert [type(end) for end in ends if isinstance(end, BaseException)] == [DeadlockError]
    ends = await asyncio.gather(both("a", "b", 3), both("b", "a", 3))
    assert sorted(ends) == [1, 2]
    assert await Tag.select(Tag.name).output(as_list=True) == ["0111", "0111"]


async def test_a_lock_that_is_held_too_long_is_named(db: Client) -> None:
    """55P03 is ``DatabaseBusyError``, as SQLite's lock is."""
    await Tag(code="a", name="n").save()

    async def other() -> None:
        async with db.transaction():
            await Tag.raw("SET LOCAL lock_timeout = 50")
            await Tag.update({Tag.name: "other"}).where(Tag.code == "a")

    async with db.transaction():
        await Tag.update({Tag.name: "mine"}).where(Tag.code == "a")
        context = __import__("contextvars").Context()
        task = context.run(asyncio.get_running_loop().create_task, db.run(other()))
        with pytest.raises(DatabaseBusyError, match="held a lock for too long"):
            await task


async def test_retry_on_both_databases(any_url: str) -> None:
    """A conflict is run again as often as asked, other errors are not, and the result comes out."""
    runs: list[int] = []

    def failing(error: Exception, times: int) -> Any:
        async def function() -> int:
            runs.append(len(runs))
            await Tag(code=f"r{len(runs)}", name="n").save()
            if len(runs) <= times:
                raise error
            return len(runs)

        return function

    async with create_client(any_url) as client:
        assert await client.retry(failing(DatabaseBusyError("x"), 2)) == 3
        assert await Tag.select(Tag.code).output(as_list=True) == ["r3"]
        runs.clear()
        with pytest.raises(SerializationError):
            await client.retry(failing(SerializationError("x"), 9), retry=1)
        assert len(runs) == 2
        runs.clear()
        with pytest.raises(ZeroDivisionError):
            await client.retry(failing(ZeroDivisionError(), 9))
        assert len(runs) == 1
        async with client.transaction():
            with pytest.raises(ClientError, match="Run the outermost again"):
                await client.retry(failing(ZeroDivisionError(), 0))
        with pytest.raises(ClientError, match="async for transaction in"):
            async with client.transaction(retry=2):
                pass
        with pytest.raises(ClientError, match="was not entered or not left"):
            async for _ in client.transaction(retry=2):
                pass
        with pytest.raises(ValueError, match="isolation is 'SNAPSHOT'"):
            client.transaction(isolation="SNAPSHOT")  # type: ignore[call-overload]
        async with client.transaction(isolation="SERIALIZABLE"):
            async with client.transaction(isolation="SERIALIZABLE"):
                pass
            with pytest.raises(TransactionError, match="give isolation to the outer"):
                async with client.transaction(isolation="READ COMMITTED"):
                    pass


def test_retry_in_plain_threads(any_url: str) -> None:
    """The sync client runs a block, or a function, again too."""
    runs = 0
    with sync_client(any_url) as client:
        for transaction in client.transaction(retry=3):
            with transaction:
                runs += 1
                client.run(Tag(code=f"s{runs}", name="n").save())
                if runs < 3:
                    raise DatabaseBusyError("x")
        assert client.run(Tag.select(Tag.code).output(as_list=True)) == ["s3"]
        assert client.retry(lambda: client.run(Tag.count())) == 1


async def test_a_lock_that_is_held_as_a_block_begins_is_run_again(
    migrated_file: Any, tmp_path: Any
) -> None:
    """Another process's lock on a file is waited for once more by each attempt."""
    url = sqlite_copy(migrated_file, tmp_path / "locked.db")
    async with create_client(url, busy_timeout_ms=30) as client:
        with LockHolder(url.removeprefix("file:")) as other:
            with pytest.raises(DatabaseBusyError):
                await client.retry(lambda: Tag.count().run(), retry=1)
            asyncio.get_running_loop().call_later(0.1, other.release)
            assert await client.retry(lambda: Tag.count().run(), retry=60) == 0
        assert await Tag.count() == 0

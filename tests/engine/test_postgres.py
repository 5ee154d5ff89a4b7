"""The PostgreSQL engine keeps the promises that the SQLite engine makes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from conftest import database_url
from databases import postgres_copy, rows
from piccolo.columns import Integer
from piccolo.engine.cockroach import CockroachTransaction
from piccolo.engine.exceptions import TransactionError
from piccolo.query.methods.raw import Raw
from piccolo.table import Table as StockTable

from atlas import (
    Client,
    ClientError,
    ConfigurationError,
    ConnectionClosedError,
    DatabaseServerError,
    Entity,
    PoolTimeoutError,
    TransactionLostError,
    create_client,
)
from atlas.constraints import Index, Unique
from atlas.engine.options import EngineOptions
from atlas.engine.postgres.engine import CockroachEngine, PostgresEngine

POOL_SIZE = 3


@pytest.fixture(scope="module")
def url(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated database for the tests of this module."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture
async def db(url: str) -> AsyncIterator[Client]:
    """An open client without rows; in the end nothing waits, is held or open, and a query works."""
    async with create_client(url, pool_size=POOL_SIZE, acquire_timeout_ms=10_000) as client:
        await Entity.delete(force=True)
        yield client
        await Entity.count()
        stats = client.stats()
        assert (stats.waiting, stats.readers_in_use) == (0, 0)
        assert "idle in transaction" not in await states(url)
    await until(lambda: nothing_is_connected(url))


async def states(url: str) -> list[str]:
    """Return what the server says that each connection to the database does."""
    query = (
        "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    return [state for (state,) in await rows(url, query)]


async def nothing_is_connected(url: str) -> bool:
    return await states(url) == []


async def until(condition: Any) -> None:
    """Wait until ``condition``, a coroutine function, is true."""
    for _ in range(1000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never became true")


async def codes(url: str) -> list[str]:
    """Return the codes of all entities, as another connection sees them."""
    return [code for (code,) in await rows(url, "SELECT code FROM core_entity ORDER BY code")]


def entity(code: str) -> Entity:
    return Entity(code=code, name=code)


# --- the pool


async def test_pool_size_is_the_most_connections(url: str, db: Client) -> None:
    """However many tasks query, no more than ``pool_size`` connections are open."""
    busy = asyncio.gather(*(Entity.raw("SELECT pg_sleep(0.05)") for _ in range(3 * POOL_SIZE)))

    async def is_full() -> bool:
        return db.stats().readers_in_use == POOL_SIZE

    await until(is_full)
    assert len(await states(url)) == POOL_SIZE
    await busy
    stats = db.stats()
    assert (stats.readers, stats.connections_opened) == (POOL_SIZE, POOL_SIZE)
    assert stats.requests_waited >= POOL_SIZE
    assert stats.longest_wait_ms > 0
    assert stats.statements >= 3 * POOL_SIZE


async def test_wait_ends_with_the_acquire_timeout(url: str) -> None:
    """A task that gets no connection in time is told how many wait, and for how long."""
    async with create_client(url, pool_size=1, acquire_timeout_ms=50) as db:
        async with db.transaction():
            waiting = asyncio.create_task(outside(db.ping))
            with pytest.raises(PoolTimeoutError, match=r"within \d+ ms .* 1 of 1 are in use") as e:
                await waiting
            assert "acquire_timeout_ms = 50" in str(e.value)
            assert db.stats().requests_timed_out == 1
        await db.ping()
        assert db.stats().waiting == 0


async def outside(function: Any) -> Any:
    """Call ``function`` as a task that is in no transaction, as another request would."""
    from atlas.client.scope import scope

    client = scope.get()
    assert client is not None
    client.engine.current_transaction.set(None)  # in this task's own context
    return await function()


async def test_waiting_is_counted(url: str) -> None:
    """A task that waits is in the figures, with how long it has waited."""
    async with create_client(url, pool_size=1) as db:
        async with db.transaction():
            waiting = asyncio.create_task(outside(db.ping))

            async def is_waiting() -> bool:
                return db.stats().waiting == 1

            await until(is_waiting)
            assert db.stats().waiting_ms > 0
        await waiting
        assert db.stats().waiting == 0


async def test_cancelled_wait_leaves_nothing(url: str) -> None:
    """A task cancelled while it waits takes no connection with it."""
    async with create_client(url, pool_size=1) as db:
        async with db.transaction():
            waiting = [asyncio.create_task(outside(db.ping)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
            assert all(task.cancelled() for task in waiting)
        await db.ping()
        assert db.stats().readers_in_use == 0


@pytest.mark.parametrize("is_late", [False, True])
async def test_closing_tells_those_who_wait(is_late: bool, url: str) -> None:
    """When the client is closed a waiting task gets ``ConnectionClosedError`` at once."""
    db = create_client(url, pool_size=1)
    await db.open()
    holding = db.transaction()
    await holding.__aenter__()
    engine: Any = db.engine
    waiting = asyncio.create_task(outside(engine.ping))

    async def is_waiting() -> bool:
        return db.stats().waiting == 1

    await until(is_waiting)
    if is_late:  # its timeout goes off just before the client is closed
        next(iter(engine._waits)).reschedule(0)
    closing = asyncio.create_task(db.close())
    with pytest.raises(ConnectionClosedError, match="is closed"):
        await waiting
    await holding.__aexit__(None, None, None)
    await closing
    assert await nothing_is_connected(url)


async def test_connection_that_is_kept_is_cut(url: str) -> None:
    """Closing waits for connections in use, but no longer than the acquire timeout."""
    db = create_client(url, acquire_timeout_ms=50)
    await db.open()
    holding = db.transaction()
    await holding.__aenter__()
    await Entity.insert(entity("LOST"))
    await db.close()
    with pytest.raises(TransactionLostError):
        await holding.__aexit__(None, None, None)
    await until(lambda: nothing_is_connected(url))
    assert "LOST" not in await codes(url)


async def test_opening_an_open_engine_changes_nothing(url: str) -> None:
    """``start_connection_pool`` and ``close_connection_pool`` can be repeated."""
    engine = PostgresEngine(url, EngineOptions(pool_size=1))
    with pytest.raises(ConnectionClosedError, match="No pool of postgresql://"):
        engine.stats()
    await engine.start_connection_pool(pool_size=2)
    pool = engine.pool
    await engine.start_connection_pool()
    assert engine.pool is pool
    assert engine.options.pool_size == 2
    await engine.close_connection_pool()
    await engine.close_connection_pool()
    assert await nothing_is_connected(url)


async def test_lost_connection_is_replaced(url: str, db: Client) -> None:
    """After the server ended a connection the query on it fails, and the next one works."""
    pid = (await Entity.raw("SELECT pg_backend_pid() AS pid"))[0]["pid"]
    running = asyncio.create_task(Entity.raw("SELECT pg_sleep(20)").run())

    async def is_running() -> bool:
        return "active" in await states(url)

    await until(is_running)
    await rows(url, f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(DatabaseServerError):
        await running
    assert await Entity.count() == 0


@pytest.mark.parametrize("statement", ["next", "running", "nested"])
async def test_a_connection_lost_in_a_transaction_is_a_lost_transaction(
    url: str, db: Client, statement: str
) -> None:
    """Whether it is found out at the next statement or under one, nothing was written."""
    with pytest.raises(TransactionLostError, match="nothing of the transaction was written"):
        async with db.transaction():
            await entity("A").save()
            ((pid,),) = [row.values() for row in await Entity.raw("SELECT pg_backend_pid() AS pid")]
            if statement == "running":
                job = asyncio.create_task(Entity.raw("SELECT pg_sleep(60)").run())
                await asyncio.sleep(0.1)
                await rows(url, f"SELECT pg_terminate_backend({pid}, 5000)")
                await job
            await rows(url, f"SELECT pg_terminate_backend({pid}, 5000)")
            if statement == "nested":
                async with db.transaction():
                    await entity("B").save()
            await entity("B").save()
    assert await codes(url) == []


async def test_a_connection_lost_under_a_statement_of_its_own(url: str, db: Client) -> None:
    """A write that runs by itself may have been done, and the error says so."""
    job = asyncio.create_task(Entity.raw("SELECT pg_sleep(60) AS slept").run())
    await asyncio.sleep(0.1)
    await rows(
        url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE "
        "'SELECT pg_sleep(60) AS slept' AND datname = current_database()",
    )
    with pytest.raises(DatabaseServerError, match="it may have been written"):
        await job


async def test_cancelled_query_is_stopped_on_the_server(url: str, db: Client) -> None:
    """Cancelling a task stops its statement, and its connection can be used again."""
    running = asyncio.create_task(Entity.raw("SELECT pg_sleep(60)").run())

    async def is_running() -> bool:
        return "active" in await states(url)

    await until(is_running)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async def is_idle() -> bool:
        return set(await states(url)) == {"idle"}

    await until(is_idle)


# --- another event loop


def in_another_loop(function: Any) -> Any:
    """Run a coroutine function in an event loop of another thread; return or raise as it does."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(function()))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive(), "it hangs"
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


@pytest.mark.parametrize("what", ["query", "transaction", "snapshot", "batch", "ping", "opening"])
async def test_another_event_loop_is_refused(what: str, db: Client) -> None:
    """Using an open client from another event loop is a clear error and no hang."""

    async def use() -> None:
        match what:
            case "query":
                await Entity.count()
            case "transaction":
                async with db.transaction():
                    pass
            case "snapshot":
                async with db.snapshot():
                    pass
            case "batch":
                async with await Entity.select().batch():
                    pass
            case "ping":
                await db.ping()
            case "opening":
                await db.engine.start_connection_pool()

    with pytest.raises(ClientError, match="opened in another event loop"):
        in_another_loop(use)


async def test_transaction_stays_in_its_event_loop(db: Client) -> None:
    """A thread that inherits a transaction's context cannot use its connection."""
    async with db.transaction():
        with pytest.raises(ClientError, match="another event loop"):
            await asyncio.to_thread(lambda: Entity.count().run_sync())
        assert await Entity.count() == 0


async def test_run_sync_works_beside_the_pool(url: str, db: Client) -> None:
    """``run_sync`` has a connection of its own, in a plain thread and in the loop's."""
    await Entity.insert(entity("A"))
    assert await asyncio.to_thread(lambda: Entity.count().run_sync()) == 1
    assert Entity.count().run_sync() == 1


def test_event_loops_one_after_another(url: str) -> None:
    """One client can be opened in one event loop after the other."""
    db = create_client(url)

    async def use(number: int) -> None:
        async with db:
            await Entity.delete(force=True)
            await Entity.insert(entity(f"A{number}"))

    for number in range(3):
        asyncio.run(use(number))
        assert asyncio.run(codes(url)) == [f"A{number}"]


def test_closing_in_another_event_loop(url: str) -> None:
    """A client is closed from any thread, whose loop then goes on."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    db = create_client(url)
    asyncio.run_coroutine_threadsafe(db.open(), loop).result(20)
    asyncio.run(db.close())
    assert not db.is_open
    asyncio.run(until(lambda: nothing_is_connected(url)))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


# --- transactions


async def test_transaction_commits(url: str, db: Client) -> None:
    """What a block wrote is there for others after it, and not before."""
    async with db.transaction():
        await Entity.insert(entity("A"))
        assert await codes(url) == []
    assert await codes(url) == ["A"]


async def test_transaction_rolls_back(url: str, db: Client) -> None:
    """A block that raises writes nothing, and its own exception comes out."""
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await Entity.insert(entity("A"))
            raise ZeroDivisionError
    assert await codes(url) == []


async def test_nested_block_is_a_savepoint(url: str, db: Client) -> None:
    """An inner block that raises undoes its own writes only."""
    async with db.transaction():
        await Entity.insert(entity("A"))
        with pytest.raises(ZeroDivisionError):
            async with db.transaction():
                await Entity.insert(entity("B"))
                raise ZeroDivisionError
        async with db.transaction():
            await Entity.insert(entity("C"))
    assert await codes(url) == ["A", "C"]


async def test_failed_statement_in_a_nested_block(url: str, db: Client) -> None:
    """A statement that may fail goes in a block of its own; the outer one goes on after it."""
    async with db.transaction():
        await Entity.insert(entity("A"))
        with pytest.raises(asyncpg.UniqueViolationError):
            async with db.transaction():
                await Entity.insert(entity("A"))
        await Entity.insert(entity("B"))
    assert await codes(url) == ["A", "B"]


async def test_failed_statement_that_was_swallowed(url: str, db: Client) -> None:
    """A transaction in which a statement failed is not committed, and says so."""
    with pytest.raises(TransactionLostError, match="wrote nothing of it"):
        async with db.transaction():
            await Entity.insert(entity("A"))
            with pytest.raises(asyncpg.UniqueViolationError):
                await Entity.insert(entity("A"))
    assert await codes(url) == []
    with pytest.raises(TransactionLostError, match="runs no more of it"):
        async with db.transaction():
            with pytest.raises(asyncpg.PostgresError):
                await Entity.raw("SELECT 1 / 0")
            await Entity.insert(entity("B"))
    assert await codes(url) == []


async def test_failed_statement_that_was_swallowed_in_a_nested_block(url: str, db: Client) -> None:
    """An inner block says that its work is lost, and the outer block goes on."""
    async with db.transaction():
        await Entity.insert(entity("A"))
        with pytest.raises(TransactionLostError, match="runs no more of it"):
            async with db.transaction():
                await Entity.insert(entity("B"))
                with pytest.raises(asyncpg.UniqueViolationError):
                    await Entity.insert(entity("A"))
        await Entity.insert(entity("C"))
    assert await codes(url) == ["A", "C"]


async def test_nested_block_cancelled_as_it_ends(url: str, db: Client) -> None:
    """A cancel while an inner block waits to be left undoes that block; the outer one goes on."""
    is_leaving = asyncio.Event()

    async def nested() -> None:
        async with db.transaction() as transaction:
            await Entity.insert(entity("B"))
            # A statement of another task of the block is running, and comes first.
            busy = asyncio.create_task(transaction.execute("SELECT pg_sleep(0.3)"))
            await asyncio.sleep(0.1)
            is_leaving.set()
        await busy

    async with db.transaction():
        await Entity.insert(entity("A"))
        task = asyncio.create_task(nested())
        await is_leaving.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await Entity.insert(entity("C"))
    assert await codes(url) == ["A", "C"]


async def test_failing_commit(url: str, db: Client) -> None:
    """A COMMIT that fails raises, writes nothing and leaves a clean connection."""
    await Entity.raw("CREATE TABLE slot (number INT UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            async with db.transaction():
                await Entity.raw("INSERT INTO slot VALUES (1), (1)")
        assert await rows(url, "SELECT * FROM slot") == []
        assert not db.engine.transaction_exists()
    finally:
        await Entity.raw("DROP TABLE slot")


@pytest.mark.parametrize("cancels", [1, 2])
async def test_cancelled_transaction_rolls_back(cancels: int, url: str, db: Client) -> None:
    """A block cancelled once or twice writes nothing and gives its connection back."""
    started = asyncio.Event()

    async def work() -> None:
        async with db.transaction():
            await Entity.insert(entity("A"))
            started.set()
            await Entity.raw("SELECT pg_sleep(60)")

    task = asyncio.create_task(work())
    await started.wait()
    await asyncio.sleep(0.01)
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task

    async def is_given_back() -> bool:
        return db.stats().readers_in_use == 0

    await until(is_given_back)
    assert await codes(url) == []


async def test_random_cancels_leave_nothing(url: str, db: Client) -> None:
    """Tasks cancelled at any moment of a transaction leave no connection behind."""

    async def work(number: int) -> None:
        async with db.transaction():
            await Entity.insert(entity(f"A{number}"))
            async with db.transaction():
                await Entity.count()
            async with await Entity.select().batch(batch_size=1) as batch:
                await batch.next()

    for number in range(60):
        tasks = [asyncio.create_task(work(3 * number + part)) for part in range(3)]
        await asyncio.sleep(number / 5000)
        for task in tasks:
            task.cancel()
        done, _ = await asyncio.wait(tasks)
        for task in done:
            assert task.cancelled() or task.exception() is None

    async def is_given_back() -> bool:
        return db.stats().readers_in_use == 0

    await until(is_given_back)  # rollbacks go on after a cancel


async def test_lost_transaction_shows_the_first_error(url: str, db: Client) -> None:
    """When the connection is lost the block's own error comes out, and the pool recovers."""
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            pid = (await Entity.raw("SELECT pg_backend_pid() AS pid"))[0]["pid"]
            await rows(url, f"SELECT pg_terminate_backend({pid}, 5000)")
            raise ZeroDivisionError
    assert await Entity.count() == 0


async def test_commit_by_hand_ends_the_transaction(url: str, db: Client) -> None:
    """After ``commit`` what was written stays, and a query in the block runs by itself."""
    async with db.transaction() as transaction:
        await Entity.insert(entity("A"))
        await transaction.commit()
        assert await codes(url) == ["A"]
        await Entity.insert(entity("B"))
        assert await codes(url) == ["A", "B"]
        with pytest.raises(TransactionLostError, match="The transaction is over"):
            await transaction.commit()
    async with db.transaction() as transaction:
        await Entity.insert(entity("C"))
        await transaction.rollback()
    assert await codes(url) == ["A", "B"]


async def test_savepoint_by_hand(url: str, db: Client) -> None:
    """A savepoint with a name can be gone back to by that name."""
    async with db.transaction() as transaction:
        await Entity.insert(entity("A"))
        await transaction.savepoint("before_b")
        await Entity.insert(entity("B"))
        await transaction.rollback_to("before_b")
        savepoint = await transaction.savepoint()
        await Entity.insert(entity("C"))
        await savepoint.rollback_to()
        await savepoint.release()
    assert await codes(url) == ["A"]
    async with db.transaction() as transaction:
        for name in ("a; DROP TABLE core_entity", 'a"'):
            with pytest.raises(ValueError, match="Savepoint names"):
                await transaction.savepoint(name)
            with pytest.raises(ValueError, match="Savepoint names"):
                await transaction.rollback_to(name)


async def test_nesting_can_be_refused(db: Client) -> None:
    """``allow_nested=False`` raises inside another transaction, as stock Piccolo does."""
    engine: Any = db.engine
    async with db.transaction():
        with pytest.raises(TransactionError):
            async with engine.transaction(allow_nested=False):
                pass


async def test_tasks_of_a_block_share_its_transaction(url: str, db: Client) -> None:
    """Tasks started in a block write in its transaction, one after another."""
    async with db.transaction():
        await asyncio.gather(*(Entity.insert(entity(f"A{number}")) for number in range(10)))
        assert await codes(url) == []
    assert len(await codes(url)) == 10


async def test_task_that_outlives_the_block_is_refused(url: str, db: Client) -> None:
    """A task that writes after its block was left gets ``TransactionLostError``."""
    left = asyncio.Event()

    async def late() -> None:
        await left.wait()
        await Entity.insert(entity("LATE"))

    async with db.transaction():
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
    left.set()
    with pytest.raises(TransactionLostError, match="must be awaited inside it"):
        await task
    assert await codes(url) == []


async def test_atomic_runs_in_one_transaction(url: str, db: Client) -> None:
    """Piccolo's ``atomic`` writes all of its queries or none."""
    atomic = db.engine.atomic()
    atomic.add(Entity.insert(entity("A")), Entity.insert(entity("A")))
    with pytest.raises(asyncpg.UniqueViolationError):
        await atomic.run()
    assert await codes(url) == []
    atomic.add(Entity.insert(entity("A")), Entity.insert(entity("B")))
    await atomic.run()
    assert await codes(url) == ["A", "B"]


# --- snapshots


async def test_snapshot_is_repeatable_read_and_read_only(db: Client) -> None:
    """A snapshot is a transaction of that isolation, and the next query is in none."""
    settings = Entity.raw(
        "SELECT current_setting('transaction_isolation') AS isolation,"
        " current_setting('transaction_read_only') AS read_only"
    )
    async with db.snapshot():
        assert (await settings)[0] == {"isolation": "repeatable read", "read_only": "on"}
        async with db.transaction():
            assert (await settings)[0] == {"isolation": "repeatable read", "read_only": "on"}
    assert (await settings)[0] == {"isolation": "read committed", "read_only": "off"}


async def test_snapshot_shows_the_moment_it_began(url: str, db: Client) -> None:
    """A snapshot sees nothing that was written after it began, though it had not read yet."""
    await Entity.insert(entity("A"))
    async with db.snapshot():
        await asyncio.create_task(outside(Entity.insert(entity("B")).run))
        assert await codes(url) == ["A", "B"]
        assert await Entity.count() == 1
        assert [row async for row in batched(Entity.select(Entity.code))] == [{"code": "A"}]
    assert await Entity.count() == 2


async def test_snapshot_refuses_writes(url: str, db: Client) -> None:
    """A write in a snapshot raises, and the block can go on reading."""
    async with db.snapshot():
        with pytest.raises(TransactionError, match="A snapshot only reads"):
            await Entity.insert(entity("A"))
        assert await Entity.count() == 0
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with db.snapshot():
            await Entity.raw("SELECT nextval(pg_get_serial_sequence('migration', 'id'))")
    assert await codes(url) == []


async def test_snapshot_inside_a_transaction_is_refused(db: Client) -> None:
    """A snapshot cannot begin where the task has writes of its own."""
    async with db.transaction():
        with pytest.raises(TransactionError, match="cannot begin inside"):
            async with db.snapshot():
                pass


# --- batches


async def batched(query: Any, size: int = 2) -> AsyncIterator[Any]:
    async with await query.batch(batch_size=size) as batch:
        async for found in batch:
            assert len(found) <= size
            for row in found:
                yield row


async def test_batch_returns_every_row(db: Client) -> None:
    """A batch has the query's parameters, its order and all its rows."""
    await Entity.insert(*(entity(f"A{number}") for number in range(7)))
    query = Entity.select(Entity.code).where(Entity.code != "A3").order_by(Entity.code)
    found = [row["code"] async for row in batched(query)]
    assert found == ["A0", "A1", "A2", "A4", "A5", "A6"]
    objects = [row async for row in batched(Entity.objects().order_by(Entity.code))]
    assert [type(row) for row in objects] == [Entity] * 7


async def test_batch_sees_its_transaction(db: Client) -> None:
    """Inside a transaction a batch reads what that wrote, and can be written beside."""
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await Entity.insert(*(entity(f"A{number}") for number in range(5)))
            async for row in batched(Entity.objects().order_by(Entity.code)):
                await Entity.insert(entity(row.code.replace("A", "B")))
            assert await Entity.count() == 10
            raise ZeroDivisionError
    assert await Entity.count() == 0


async def test_batch_is_no_transaction_of_the_block(url: str, db: Client) -> None:
    """What is written beside a batch is written at once."""
    await Entity.insert(entity("A"))
    with pytest.raises(ZeroDivisionError):
        async with await Entity.select().batch():
            await Entity.insert(entity("B"))
            raise ZeroDivisionError
    assert await codes(url) == ["A", "B"]


@pytest.mark.parametrize("how", ["raise", "cancel", "break", "bad query"])
async def test_batch_gives_its_connection_back(how: str, db: Client) -> None:
    """However a batch ends, the exception comes out and the connection comes back."""
    await Entity.insert(*(entity(f"A{number}") for number in range(5)))

    async def work() -> None:
        query: Any = Raw(Entity, _bad()) if how == "bad query" else Entity.select()
        async with await query.batch(batch_size=1) as batch:
            async for _ in batch:
                if how == "raise":
                    raise ZeroDivisionError
                if how == "cancel":
                    await asyncio.sleep(60)
                break

    task = asyncio.create_task(work())
    if how == "cancel":

        async def is_held() -> bool:
            return db.stats().readers_in_use == 1

        await until(is_held)
        task.cancel()
    errors = {
        "raise": ZeroDivisionError,
        "cancel": asyncio.CancelledError,
        "bad query": asyncpg.PostgresError,
    }
    if how in errors:
        with pytest.raises(errors[how]):
            await task
    else:
        await task

    async def is_back() -> bool:
        return db.stats().readers_in_use == 0

    await until(is_back)  # a cancelled task does not wait for it


def _bad() -> Any:
    return Entity.raw("SELECT * FROM no_such_table").querystring


async def test_batch_outside_its_block_is_refused(db: Client) -> None:
    """A batch that was left returns no more rows."""
    async with await Entity.select().batch() as batch:
        pass
    with pytest.raises(ConnectionClosedError, match="outside its async with block"):
        await batch.next()


async def test_batch_without_a_pool(url: str) -> None:
    """An engine whose pool is not open has a connection for the batch, and closes it."""
    engine = PostgresEngine(url)
    async with await engine.batch(Entity.raw("SELECT 1 AS one")) as batch:
        assert await batch.next() == [{"one": 1}]
    async with engine.transaction():
        await engine.run_ddl("SELECT 1")
    assert await nothing_is_connected(url)


# --- opening a server that is not there


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.mark.parametrize("kind", [PostgresEngine, CockroachEngine])
async def test_refused_connection_is_said(kind: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """A server that is not there is named, without the password, when the engine is opened."""
    engine = kind(f"postgresql://me:Sentinel@127.0.0.1:{free_port()}/atlas")
    assert capfd.readouterr() == ("", "")
    with pytest.raises(DatabaseServerError, match=r"postgresql://me:\*\*\*@127.0.0.1:\d+/atlas"):
        await engine.start_connection_pool()
    with pytest.raises(DatabaseServerError, match="cannot be reached") as caught:
        await engine.ping()
    assert isinstance(caught.value, ConnectionError)
    assert engine.pool is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"database": "no_such_database"}, "does not exist"),
        ({"user": "nobody"}, "nobody"),
        ({"query": "host=/no/such/folder"}, "No such file"),
    ],
)
async def test_refusal_of_the_server_is_said(
    change: dict[str, str], message: str, postgres_url: str
) -> None:
    """What the server or the system says is in the error, with the URL."""
    refused = postgres_url
    if "database" in change:
        refused = database_url(refused, change["database"])
    if "user" in change:
        refused = refused.replace("postgres:@", f"{change['user']}:@")
    if "query" in change:
        refused = f"{refused.partition('?')[0]}?{change['query']}"
    with pytest.raises(DatabaseServerError, match=message) as caught:
        await create_client(refused).open()
    assert "postgresql://" in str(caught.value)


async def test_wrong_password_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's refusal of a password is said, without the password."""

    async def refuse(**_: Any) -> None:
        raise asyncpg.InvalidPasswordError('password authentication failed for user "me"')

    monkeypatch.setattr(asyncpg, "connect", refuse)
    engine = PostgresEngine("postgresql://me:Sentinel@db/atlas")
    with pytest.raises(DatabaseServerError, match='authentication failed for user "me"') as caught:
        await engine.get_new_connection()
    assert "Sentinel" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "message"),
    [("poolsize=2", "poolsize"), ("sslmode=maybe", "sslmode"), ("port=x", "'x'")],
)
async def test_option_the_server_does_not_know(
    option: str, message: str, postgres_url: str
) -> None:
    """An option of the URL that neither Atlas nor the server knows is refused by its name."""
    with pytest.raises(ConfigurationError, match=message):
        await create_client(f"{postgres_url}&{option}").open()


async def test_silent_server_is_given_up() -> None:
    """A server that takes the connection and says nothing is waited for as long as was asked."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        client = create_client(f"postgresql://127.0.0.1:{port}/atlas", acquire_timeout_ms=50)
        with pytest.raises(DatabaseServerError, match="did not answer within 50 ms"):
            await client.open()
    assert not client.is_open


def test_fork_is_refused(url: str) -> None:
    """A client that was opened before a fork is refused in the child, as on SQLite."""
    engine = PostgresEngine(url)

    async def use() -> None:
        await engine.start_connection_pool()
        engine._pid = os.getppid()  # as it is in a child
        with pytest.raises(ClientError, match="forked"):
            await engine.ping()
        await engine.close_connection_pool()

    asyncio.run(use())


# --- DDL and the log


@pytest.fixture
def numbered(url: str) -> Iterator[type[StockTable]]:
    """A table with two constraints, which the test creates."""

    class Numbered(StockTable, tablename="numbered", db=PostgresEngine(url)):
        number = Integer()
        other = Integer()
        by_both = Index([number, other])
        once = Unique([number, other])

    yield Numbered
    Numbered.alter().drop_table(if_exists=True).run_sync()


async def test_composite_index_is_made_and_dropped(url: str, numbered: type[StockTable]) -> None:
    """Piccolo's ADD and DROP CONSTRAINT work for a composite index and a composite unique key."""
    query = "SELECT indexdef FROM pg_indexes WHERE tablename = 'numbered' ORDER BY indexdef"
    await numbered.create_table()
    made = [sql.partition(" ON ")[0].split()[1] for (sql,) in await rows(url, query)]
    assert made == ["INDEX", "UNIQUE", "UNIQUE"]  # the last is the primary key
    for constraint in numbered._meta.constraints:
        await numbered.alter().drop_constraint(constraint._meta.name)
    assert len(await rows(url, query)) == 1


async def test_statements_are_logged(db: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Each statement is one line with its duration and rows, and without its parameters."""
    caplog.set_level(logging.DEBUG, logger="atlas.engine")
    await Entity.select(Entity.code).where(Entity.name == "Personal")
    async with db.transaction():
        await db.engine.run_ddl("CREATE TEMPORARY TABLE logged (id INT)")
    lines = [record.getMessage() for record in caplog.records if record.name == "atlas.engine"]
    assert [line.partition(": ")[2].split()[0] for line in lines] == ["SELECT", "CREATE"]
    assert all(" ms, 0 rows: " in line for line in lines)
    assert "Personal" not in caplog.text


async def test_parameters_are_logged_on_request(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The options log statements at INFO, and with their parameters."""
    caplog.set_level(logging.INFO, logger="atlas.engine")
    async with create_client(url, log_queries=True, log_parameters=True):
        await Entity.select(Entity.code).where(Entity.name == "Personal")
    assert "['Personal']" in caplog.text


def test_cockroach_is_asked_for_twice() -> None:
    """A database that nobody has run this on is not used by mistake, nor copied to."""
    with pytest.raises(ConfigurationError, match="untested=1"):
        create_client("cockroachdb://db/atlas")
    engine = create_client("cockroachdb://db/atlas?untested=1").engine
    assert type(engine) is CockroachEngine
    assert engine.server.settings == {}


def test_cockroach_speaks_its_dialect() -> None:
    """The CockroachDB engine has its type, and transactions that Piccolo's migrations know."""
    engine = CockroachEngine("postgresql://db/atlas")
    assert engine.engine_type == "cockroach"
    assert isinstance(engine.transaction(), CockroachTransaction)
    assert repr(engine) == "<CockroachEngine postgresql://db/atlas>"

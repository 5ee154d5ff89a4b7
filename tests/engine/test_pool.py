"""The pool: who gets a connection and when, what its numbers say, and how it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles import (
    codes,
    entity,
    finish,
    leftovers,
    open_files,
    pooled,
    slow_read,
    start,
    threads,
    until,
)

from atlas import Entity
from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import pool as pool_module
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.pool import ConnectionPool
from atlas.errors import (
    ClientError,
    ConnectionClosedError,
    DatabaseFileError,
    PoolTimeoutError,
)

# Waiting.


async def test_a_wait_that_is_too_long_says_why(sqlite_engine: SQLiteEngine) -> None:
    """The error says how long it waited, who else waits, and what holds the writer."""
    async with pooled(sqlite_engine, acquire_timeout_ms=100) as engine:
        source, writer = await engine.acquire(reads=False, what="UPDATE core_entity SET x")
        start = time.monotonic()
        waiting = [asyncio.create_task(entity(str(number)).save().run()) for number in range(3)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert time.monotonic() - start >= 0.1
        for result in results:
            assert isinstance(result, PoolTimeoutError)
            assert isinstance(result, TimeoutError)
        assert "No writer became free within 1" in str(results[0])
        assert "acquire_timeout_ms = 100" in str(results[0])
        assert "2 more wait" in str(results[0])
        assert "Held by: UPDATE core_entity SET x, for 1" in str(results[0])
        assert engine.stats().requests_timed_out == 3
        source.release(writer)
        await entity("A").save()


async def test_a_transaction_is_named_as_the_holder(sqlite_engine: SQLiteEngine) -> None:
    """What holds the writer may be a transaction, or a query by its SQL."""
    async with pooled(sqlite_engine, acquire_timeout_ms=50, pool_size=1) as engine:

        async def outside(query: object) -> None:
            engine.current_transaction.set(None)
            await query  # type: ignore[misc]

        async with engine.transaction():
            with pytest.raises(PoolTimeoutError, match="Held by: a transaction, for"):
                await asyncio.create_task(outside(entity("A").save()))
        async with engine.snapshot():
            with pytest.raises(PoolTimeoutError, match=r"No reader .* Held by: a snapshot, for"):
                await asyncio.create_task(outside(Entity.count()))
        async with await Entity.select(Entity.code).batch():
            with pytest.raises(PoolTimeoutError, match="Held by: SELECT"):
                await Entity.count()


async def test_a_timed_out_task_leaves_the_queue(sqlite_engine: SQLiteEngine) -> None:
    """A task that gave up is skipped, and nothing is run for it later."""
    async with pooled(sqlite_engine, acquire_timeout_ms=50) as engine:
        source, writer = await engine.acquire(reads=False, what="the test")
        with pytest.raises(PoolTimeoutError):
            await entity("A").save()
        assert engine.stats().waiting == 0
        source.release(writer)
        await entity("B").save()
        assert codes(engine.path) == ["B"]


async def test_whoever_is_woken_for_nothing_keeps_their_place() -> None:
    """A task that found no connection after all is still before those who came later."""
    pool = ConnectionPool("writer", 1, 10_000, _never, lambda: None)
    order: list[str] = []
    connection = _FakeConnection()
    pool._size = 1
    pool.holders[connection] = pool_module._Holder("the test", 0.0)  # type: ignore[index]

    async def take(name: str) -> None:
        taken = await pool.acquire(name)
        order.append(name)
        pool.release(taken)

    first = asyncio.create_task(take("first"))
    await asyncio.sleep(0)
    second = asyncio.create_task(take("second"))
    await asyncio.sleep(0)
    pool._wake(None)
    await asyncio.sleep(0)
    assert [len(pool.waiting), order] == [2, []]
    pool.release(connection)  # type: ignore[arg-type]
    await asyncio.gather(first, second)
    assert order == ["first", "second"]


class _FakeConnection:
    is_alive = True


def _never() -> Connection:
    raise AssertionError("the pool is full")


# Statements of their own, which need no connection for longer than they run.


async def test_short_statements_share_a_reader(sqlite_engine: SQLiteEngine) -> None:
    """Many short reads at the same time are run by one thread, which is woken for few of them."""
    async with pooled(sqlite_engine, pool_size=4, inline_reads=0) as engine:
        await entity("A").save()
        for _ in range(5):
            counts = await asyncio.gather(*(Entity.count().run() for _ in range(100)))
            assert counts == [1] * 100
        pool = engine.pool.readers if engine.pool else None
        assert pool is not None
        assert pool._cost_s < pool_module._QUICK_S
        assert engine.stats().requests_waited > 300


async def test_a_slow_statement_holds_up_no_others(sqlite_engine: SQLiteEngine) -> None:
    """Short reads go on beside one that takes for ever, also those that were behind it."""
    async with pooled(sqlite_engine, pool_size=2) as engine:
        await asyncio.gather(*(Entity.count().run() for _ in range(10)))
        slow = asyncio.create_task(slow_read().run())
        quick = [asyncio.create_task(Entity.count().run()) for _ in range(50)]
        assert await asyncio.wait_for(asyncio.gather(*quick), 20) == [0] * 50
        assert not slow.done()
        assert engine.stats().readers == 2
        for _ in range(50):
            assert await asyncio.wait_for(Entity.count().run(), 20) == 0
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_long_statements_run_side_by_side(sqlite_engine: SQLiteEngine) -> None:
    """Once statements have proved to be long each has a reader, as far as there are any."""
    async with pooled(sqlite_engine, pool_size=3) as engine:
        for _ in range(4):
            await asyncio.gather(*(slow_read(50_000).run() for _ in range(8)))
        tasks = [asyncio.create_task(slow_read().run()) for _ in range(3)]
        await until(lambda: engine.stats().readers_in_use == 3)
        assert engine.stats().waiting == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("reads", [True, False])
async def test_statements_and_blocks_wait_in_one_queue(
    sqlite_engine: SQLiteEngine, reads: bool
) -> None:
    """Who wants a connection for a block is not passed by statements that came later."""
    order: list[str] = []

    async def statement(name: str) -> None:
        await (Entity.count() if reads else entity(name).save())
        order.append(name)

    async def block(name: str) -> None:
        async with engine.snapshot() if reads else engine.transaction():
            order.append(name)
            await Entity.count()

    async with pooled(sqlite_engine, pool_size=1) as engine:
        source, connection = await engine.acquire(reads=reads, what="the test")
        kinds = [statement, statement, block, statement, block, block, statement, statement]
        tasks = []
        for number, kind in enumerate(kinds):
            tasks.append(asyncio.create_task(kind(str(number))))
            await until(lambda: engine.stats().waiting == len(tasks))
        source.release(connection)
        await asyncio.gather(*tasks)
    assert order == sorted(order)


async def test_a_statement_that_waited_too_long_is_not_run(sqlite_engine: SQLiteEngine) -> None:
    """After PoolTimeoutError nothing of it reaches the database, however long the queue is."""
    async with pooled(sqlite_engine, acquire_timeout_ms=100, pool_size=1) as engine:
        slow = asyncio.create_task(slow_read().run())
        await until(lambda: engine.stats().readers_in_use)
        waiting = [asyncio.create_task(Entity.count().run()) for _ in range(20)]
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, PoolTimeoutError)
            assert "Held by: WITH RECURSIVE counter" in str(result)
        assert (engine.stats().waiting, engine.stats().requests_timed_out) == (0, 20)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert engine.stats().statements == 0
        assert await Entity.count() == 0


async def test_a_cancel_hits_its_own_statement_only(sqlite_engine: SQLiteEngine) -> None:
    """Of many statements of one thread, running or waiting, just the cancelled ones end early."""
    async with pooled(sqlite_engine, pool_size=1, inline_reads=0) as engine:
        for _ in range(30):
            tasks: list[asyncio.Task[object]] = [
                asyncio.create_task((slow_read() if number == 10 else Entity.count()).run())
                for number in range(21)
            ]
            cancelled = [tasks[10], tasks[13], tasks[-1]]
            await until(lambda: engine.stats().waiting == 10)
            for task in cancelled:
                task.cancel()
            for task, result in zip(
                tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True
            ):
                if task in cancelled:
                    assert isinstance(result, asyncio.CancelledError)
                else:
                    assert result == 0
        assert engine.stats().connections_opened == 2


async def test_closing_tells_statements_that_wait(sqlite_engine: SQLiteEngine) -> None:
    """Statements behind a running one get ConnectionClosedError; the running one may finish."""
    engine = sqlite_engine
    await engine.start_connection_pool(pool_size=1)
    running = asyncio.create_task(slow_read(500_000).run())
    await until(lambda: engine.stats().readers_in_use)
    waiting = [asyncio.create_task(Entity.count().run()) for _ in range(5)]
    await until(lambda: engine.stats().waiting == 5)
    await engine.close_connection_pool()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionClosedError)
    assert await running == [{"n": 500_000}]
    await until(lambda: open_files(engine.path) == [])


# Its numbers.


async def test_stats(sqlite_engine: SQLiteEngine) -> None:
    """The numbers are those of what happened."""
    async with pooled(sqlite_engine, pool_size=2, inline_reads=0) as engine:
        fresh = engine.stats()
        assert (fresh.readers, fresh.readers_in_use, fresh.writer_in_use) == (0, 0, False)
        assert (fresh.statements, fresh.connections_opened, fresh.requests_waited) == (0, 1, 0)
        assert (fresh.waiting, fresh.waiting_ms, fresh.longest_wait_ms) == (0, 0.0, 0.0)
        await Entity.count()
        await entity("A").save()
        assert engine.stats().statements == 2
        assert engine.stats().readers == 1
        assert engine.stats().connections_opened == 2
        async with engine.transaction():
            assert engine.stats().writer_in_use
            async with await Entity.select().batch():
                pass
        source, reader = await engine.acquire(reads=True, what="the test")
        other, second = await engine.acquire(reads=True, what="the test")
        assert engine.stats().readers_in_use == 2
        task = asyncio.create_task(Entity.count().run())
        await until(lambda: engine.stats().waiting_ms > 5)
        stats = engine.stats()
        assert (stats.waiting, stats.requests_waited) == (1, 1)
        source.release(reader)
        other.release(second)
        await task
        stats = engine.stats()
        assert stats.waiting == 0
        assert stats.longest_wait_ms > 5
        assert stats.statements == 4
        assert (stats.readers, stats.connections_opened) == (2, 3)


async def test_stats_need_a_pool(sqlite_engine: SQLiteEngine) -> None:
    """Without a pool there are no numbers, and the error says so."""
    with pytest.raises(ConnectionClosedError, match="No pool"):
        sqlite_engine.stats()


async def test_readers_are_opened_on_demand(sqlite_engine: SQLiteEngine) -> None:
    """There are as many readers as were needed at once, up to pool_size, and they are kept."""
    async with pooled(sqlite_engine, pool_size=3) as engine:
        for _ in range(5):
            await Entity.count()
        assert engine.stats().readers == 1
        await asyncio.gather(*(slow_read(300_000).run() for _ in range(2)))
        assert engine.stats().readers == 2
        await asyncio.gather(*(slow_read(50_000).run() for _ in range(10)))
        assert engine.stats().readers == 3
        assert engine.stats().connections_opened == 4


async def test_a_busy_connection_is_not_handed_out(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection whose caller was cancelled stays in use until its statement has ended."""
    answer = threading.Event()

    def execute_slowly(handle: Handle, *arguments: object) -> list[object]:
        answer.wait()
        return []

    async with pooled(sqlite_engine, pool_size=1) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(Handle, "execute_alone", execute_slowly)
            task = asyncio.create_task(Entity.count().run())
            await until(lambda: engine.stats().readers_in_use)
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert engine.stats().readers_in_use == 1
        waiting = asyncio.create_task(Entity.count().run())
        await until(lambda: engine.stats().waiting == 1)
        answer.set()
        assert await waiting == 0


# When opening fails.


async def test_a_failed_opening_does_not_shrink_the_pool(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After errors in opening readers, as many can be open as before."""
    async with pooled(sqlite_engine, pool_size=2) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(Handle, "_prepare", _fail_to_prepare)
            for _ in range(5):
                with pytest.raises(DatabaseFileError, match="for the test"):
                    await Entity.count()
            results = await asyncio.gather(
                *(Entity.count().run() for _ in range(6)), return_exceptions=True
            )
            assert all(isinstance(result, DatabaseFileError) for result in results)
        await asyncio.sleep(0.1)  # an opening that failed is not repeated at once
        await asyncio.gather(*(slow_read(100_000).run() for _ in range(4)))
        assert engine.stats().readers == 2


def _fail_to_prepare(handle: Handle, db: object) -> None:
    time.sleep(0.01)
    raise DatabaseFileError("for the test")


async def test_a_cancelled_opening_does_not_shrink_the_pool(sqlite_engine: SQLiteEngine) -> None:
    """A task cancelled while its reader is opened makes room for the next one."""
    async with pooled(sqlite_engine, pool_size=1) as engine:
        for _ in range(5):
            task = asyncio.create_task(Entity.count().run())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(Entity.count().run(), 20)
        assert engine.stats().readers == 1


async def test_a_connection_that_died_is_replaced(sqlite_engine: SQLiteEngine) -> None:
    """A connection that was closed under its holder leaves room for another."""
    async with pooled(sqlite_engine, pool_size=1) as engine:
        for reads in (True, False):
            source, connection = await engine.acquire(reads=reads, what="the test")
            connection.stop()
            source.release(connection)
        await entity("A").save()
        assert await Entity.count() == 1


async def test_opening_twice_is_once(sqlite_engine: SQLiteEngine) -> None:
    """Starting a pool that is open, or being opened, opens no second one."""
    before = threads()
    await asyncio.gather(*(sqlite_engine.start_connection_pool() for _ in range(3)))
    await sqlite_engine.start_connection_pool()
    await until(lambda: len(threads() - before) == 1)
    await entity("A").save()
    await sqlite_engine.close_connection_pool()
    await until(lambda: threads() <= before)
    assert open_files(sqlite_engine.path) == []


# Closing.


async def test_closing_tells_those_who_wait(sqlite_engine: SQLiteEngine) -> None:
    """Tasks that wait for a connection get ConnectionClosedError at once; the holder may finish."""
    engine = sqlite_engine
    await engine.start_connection_pool(pool_size=1)

    async def hold() -> None:
        async with engine.transaction():
            held.set()
            await finish.wait()
            await entity("A").save()

    held, finish = asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold())
    await held.wait()
    source, reader = await engine.acquire(reads=True, what="the test")
    waiting = [asyncio.create_task(entity(str(number)).save().run()) for number in range(5)]
    waiting += [asyncio.create_task(Entity.count().run()) for _ in range(5)]
    await until(lambda: engine.stats().waiting == 10)
    await engine.close_connection_pool()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionClosedError)
    assert codes(engine.path) == []
    source.release(reader)
    finish.set()
    await holder
    assert codes(engine.path) == ["A"]
    await until(lambda: open_files(engine.path) == [])


async def test_closing_is_safe_to_repeat(sqlite_engine: SQLiteEngine) -> None:
    """A closed pool can be closed again, and opened again."""
    for _ in range(3):
        await sqlite_engine.start_connection_pool()
        await entity("A").save()
        await Entity.delete(force=True)
        await sqlite_engine.close_connection_pool()
        await sqlite_engine.close_connection_pool()
        assert leftovers(sqlite_engine.path) == []


async def test_closing_leaves_no_files_beside_the_database(sqlite_engine: SQLiteEngine) -> None:
    """However many connections close together, no -wal or -shm file stays."""
    for _ in range(10):
        await sqlite_engine.start_connection_pool(pool_size=8)
        await entity("A").save()
        await asyncio.gather(*(slow_read(20_000).run() for _ in range(8)))
        await Entity.delete(force=True)
        await sqlite_engine.close_connection_pool()
        assert leftovers(sqlite_engine.path) == []


async def test_a_cancelled_close_closes_all_the_same(sqlite_engine: SQLiteEngine) -> None:
    """A task cancelled in closing leaves no connection open."""
    before = threads()
    await sqlite_engine.start_connection_pool(pool_size=2)
    await asyncio.gather(*(slow_read(100_000).run() for _ in range(2)))
    task = asyncio.create_task(sqlite_engine.close_connection_pool())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: threads() <= before)
    assert open_files(sqlite_engine.path) == []


async def test_closing_right_behind_a_failed_block(sqlite_engine: SQLiteEngine) -> None:
    """A connection that is just being rolled back is closed too before close returns."""
    for _ in range(5):
        await sqlite_engine.start_connection_pool()
        with pytest.raises(LookupError):
            async with sqlite_engine.transaction():
                await entity("A").save()
                raise LookupError
        await sqlite_engine.close_connection_pool()
        assert leftovers(sqlite_engine.path) == []
        assert open_files(sqlite_engine.path) == []


# Where it cannot be used.


def test_another_loop_is_refused(sqlite_engine: SQLiteEngine) -> None:
    """A query in another event loop, in another thread, is an error and not a hang."""
    errors: list[Exception] = []

    def other_thread() -> None:
        for attempt in (Entity.count().run, entity("A").save().run, transact, snapshot, batch):
            try:
                asyncio.run(attempt())
            except ClientError as error:
                errors.append(error)

    async def transact() -> None:
        async with sqlite_engine.transaction():
            pass

    async def snapshot() -> None:
        async with sqlite_engine.snapshot():
            pass

    async def batch() -> None:
        async with await Entity.select().batch():
            pass

    async def main() -> None:
        async with pooled(sqlite_engine):
            await asyncio.to_thread(other_thread)

    asyncio.run(main())
    assert len(errors) == 5
    for error in errors:
        assert "opened in another event loop, which runs in another thread" in str(error)


def test_a_loop_that_is_over_is_refused(sqlite_engine: SQLiteEngine) -> None:
    """A pool left open in a loop that is closed says so; starting it again replaces it."""
    before = threads()
    asyncio.run(sqlite_engine.start_connection_pool())
    with pytest.raises(ClientError, match="another event loop, which is closed"):
        asyncio.run(_count())

    async def again() -> None:
        async with pooled(sqlite_engine):
            await entity("A").save()

    asyncio.run(again())
    assert threads() <= before


async def _count() -> int:
    return await Entity.count()


def test_several_loops_one_after_another(sqlite_engine: SQLiteEngine) -> None:
    """Each event loop can open the pool for itself, and leaves nothing behind."""

    async def main(number: int) -> int:
        async with pooled(sqlite_engine):
            await entity(str(number)).save()
            return await Entity.count()

    assert [asyncio.run(main(number)) for number in range(5)] == [1, 2, 3, 4, 5]


FORK = """
import asyncio, os, sys, warnings
from atlas import ClientError, Entity, create_client

warnings.simplefilter("ignore", DeprecationWarning)  # to fork with threads is what is tested

async def main():
    async with create_client("file:" + sys.argv[1]):
        await Entity(code="A", name="A").save()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                await Entity.count()
            except ClientError as error:
                code = 0 if "forked" in str(error) else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        await Entity(code="B", name="B").save()
        return os.waitstatus_to_exitcode(status)

sys.exit(asyncio.run(main()))
"""


def test_a_forked_child_is_refused(sqlite_engine: SQLiteEngine) -> None:
    """In a child process the open pool is an error; the parent's goes on."""
    assert finish(start(FORK, sqlite_engine.path)) == (0, "", "")
    assert codes(sqlite_engine.path) == ["A", "B"]


# In memory.


async def test_memory_is_one_database(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tasks of the client share it: transactions, batches with queries inside, snapshots."""
    engine = _in_memory(monkeypatch)
    async with pooled_memory(engine):
        await asyncio.gather(*(entity(f"{number:02}").save().run() for number in range(20)))
        with pytest.raises(LookupError):
            async with engine.transaction():
                await Entity.delete(force=True)
                async with engine.transaction():
                    await entity("inner").save()
                raise LookupError
        seen = []
        async with await Entity.select(Entity.code).order_by(Entity.code).batch(7) as batch:
            async for rows in batch:
                seen += [row["code"] for row in rows]
                assert await Entity.count() == 20
        assert seen == [f"{number:02}" for number in range(20)]
        async with engine.snapshot():
            assert await Entity.count() == 20
        stats = engine.stats()
        assert (stats.readers, stats.connections_opened) == (0, 1)


async def test_memory_is_gone_afterwards(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it again gives an empty database; without a client there is none."""
    engine = _in_memory(monkeypatch)
    async with pooled_memory(engine):
        await entity("A").save()
    with pytest.raises(ClientError, match="exists only while a client is open"):
        await Entity.count()
    await engine.start_connection_pool()
    assert await engine.run_ddl("SELECT name FROM sqlite_master", in_pool=True) == []
    await engine.close_connection_pool()
    assert not Path(":memory:").exists()  # noqa: ASYNC240


async def test_memory_cancels_and_recovers(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled query does not take the one connection, and the database with it."""
    engine = _in_memory(monkeypatch)
    async with pooled_memory(engine):
        await entity("A").save()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(slow_read().run(), 0.02)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), engine.transaction():
                    await entity("B").save()
                    await slow_read()
        assert await Entity.count() == 1


def _in_memory(monkeypatch: pytest.MonkeyPatch) -> SQLiteEngine:
    engine = SQLiteEngine(":memory:", EngineOptions())
    monkeypatch.setattr(Entity._meta, "_db", engine)
    return engine


@asynccontextmanager
async def pooled_memory(engine: SQLiteEngine) -> AsyncIterator[SQLiteEngine]:
    """The pool of an engine in memory, with one table."""
    async with pooled(engine):
        await Entity.create_table()
        yield engine

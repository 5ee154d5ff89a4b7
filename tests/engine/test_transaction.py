"""Transactions: all or nothing, whatever ends them, and the connection always comes back.

Each test runs inside ``pooled``, which checks at the end that the context is
reset, the writer is free, the next query works and no thread is left; ``any_engine``
does the same without a pool.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from doubles import (
    SLOW_WRITE,
    LockHolder,
    codes,
    entity,
    pooled,
    slow_read,
    slow_write,
    threads,
    until,
    wait_until,
)
from piccolo.engine.exceptions import TransactionError
from piccolo.engine.sqlite import TransactionType

from atlas import Entity, Unit
from atlas.engine.sqlite.connection import Connection
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.transaction import Transaction
from atlas.errors import (
    DatabaseBusyError,
    PoolTimeoutError,
    RowNotFoundError,
    TransactionLostError,
)

INSERT = "INSERT INTO core_entity (id, code, name) VALUES ('{0}', '{0}', '{0}')"


@pytest.fixture(params=["pooled", "unpooled"])
async def any_engine(
    request: pytest.FixtureRequest, sqlite_engine: SQLiteEngine
) -> AsyncIterator[SQLiteEngine]:
    """The engine with its pool open, then without."""
    if request.param == "pooled":
        async with pooled(sqlite_engine):
            yield sqlite_engine
        return
    before = threads()
    yield sqlite_engine
    assert sqlite_engine.current_transaction.get() is None
    await Entity.raw("DELETE FROM core_entity")
    await sqlite_engine.close_connection_pool()
    await until(lambda: threads() <= before)


@asynccontextmanager
async def undone(engine: SQLiteEngine) -> AsyncIterator[None]:
    """A block that ends with nothing of it in the file and the writer free."""
    yield
    assert engine.current_transaction.get() is None
    await asyncio.wait_for(entity("next").save(), 20)
    assert codes(engine.path) == ["next"]


# What ends a block.


async def test_a_block_that_ends_is_committed(any_engine: SQLiteEngine) -> None:
    """What was written in the block is in the file behind it, and not before."""
    async with any_engine.transaction():
        await entity("A").save()
        await entity("B").save()
        assert await Entity.count() == 2
        assert codes(any_engine.path) == []
    assert codes(any_engine.path) == ["A", "B"]


async def test_a_block_that_raises_writes_nothing(any_engine: SQLiteEngine) -> None:
    """The block's exception comes through, and its writes are undone."""
    async with undone(any_engine):
        with pytest.raises(LookupError, match="mine"):
            async with any_engine.transaction():
                await entity("A").save()
                raise LookupError("mine")


async def test_a_block_that_is_cancelled_writes_nothing(any_engine: SQLiteEngine) -> None:
    """A cancel in the block comes through, and its writes are undone."""

    async def write() -> None:
        async with any_engine.transaction():
            await entity("A").save()
            written.set()
            await asyncio.Event().wait()

    written = asyncio.Event()
    async with undone(any_engine):
        task = asyncio.create_task(write())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


async def test_a_failing_statement_leaves_the_block_usable(any_engine: SQLiteEngine) -> None:
    """An error that the block catches undoes the statement only."""
    async with any_engine.transaction():
        await entity("A").save()
        with pytest.raises(sqlite3.IntegrityError):
            await entity("A").save()
        await entity("B").save()
    assert codes(any_engine.path) == ["A", "B"]


async def test_transactions_are_immediate(any_engine: SQLiteEngine) -> None:
    """A transaction has the write lock from its beginning."""
    async with any_engine.transaction():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            LockHolder(any_engine.path)
    async with any_engine.transaction(TransactionType.deferred):
        with LockHolder(any_engine.path):
            pass


async def test_atomic_is_a_transaction(any_engine: SQLiteEngine) -> None:
    """Piccolo's atomic() writes all of its queries or none."""
    atomic = any_engine.atomic()
    atomic.add(Entity.insert(entity("A")), Entity.insert(entity("A")))
    with pytest.raises(sqlite3.IntegrityError):
        await atomic.run()
    assert codes(any_engine.path) == []
    atomic.add(Entity.insert(entity("A")), Entity.insert(entity("B")))
    await atomic.run()
    assert codes(any_engine.path) == ["A", "B"]


# Nested blocks.


async def test_an_inner_block_that_raises_undoes_only_itself(any_engine: SQLiteEngine) -> None:
    """When the outer block catches the inner one's exception, its own writes stay."""
    async with any_engine.transaction():
        await entity("outer").save()
        with pytest.raises(LookupError):
            async with any_engine.transaction():
                await entity("inner").save()
                raise LookupError
        await entity("behind").save()
    assert codes(any_engine.path) == ["behind", "outer"]


async def test_an_outer_block_that_raises_undoes_the_inner_one(any_engine: SQLiteEngine) -> None:
    """An inner block that ended well is a part of the outer one."""
    async with undone(any_engine):
        with pytest.raises(LookupError):
            async with any_engine.transaction():
                async with any_engine.transaction():
                    await entity("inner").save()
                raise LookupError


async def test_three_levels(any_engine: SQLiteEngine) -> None:
    """Each level undoes itself and what is inside of it."""
    async with any_engine.transaction():
        await entity("1").save()
        with pytest.raises(LookupError):
            async with any_engine.transaction():
                await entity("2").save()
                async with any_engine.transaction():
                    await entity("3").save()
                with pytest.raises(KeyError):
                    async with any_engine.transaction():
                        await entity("3 undone").save()
                        raise KeyError
                assert await Entity.count() == 3
                raise LookupError
        async with any_engine.transaction(), any_engine.transaction():
            await entity("3 kept").save()
    assert codes(any_engine.path) == ["1", "3 kept"]


async def test_a_cancelled_inner_block_undoes_only_itself(any_engine: SQLiteEngine) -> None:
    """A timeout around an inner block undoes it, and the outer one goes on."""
    async with any_engine.transaction():
        await entity("outer").save()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                async with any_engine.transaction():
                    await entity("inner").save()
                    await asyncio.Event().wait()
        await entity("behind").save()
    assert codes(any_engine.path) == ["behind", "outer"]


async def test_inner_blocks_of_several_tasks_take_turns(any_engine: SQLiteEngine) -> None:
    """Tasks of one transaction can each have a nested block; one that raises undoes its own."""

    async def write(number: int) -> None:
        async with any_engine.transaction():
            await entity(f"{number}a").save()
            await asyncio.sleep(0)
            await entity(f"{number}b").save()
            if number % 2:
                raise LookupError

    async with any_engine.transaction():
        results = await asyncio.gather(*map(write, range(6)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), LookupError] * 3
    assert codes(any_engine.path) == ["0a", "0b", "2a", "2b", "4a", "4b"]


async def test_a_turn_that_never_comes_is_an_error(sqlite_engine: SQLiteEngine) -> None:
    """A nested block that waits for a task which waits for it ends with an error that says so."""
    async with pooled(sqlite_engine, acquire_timeout_ms=100) as engine:

        async def sibling() -> None:
            async with engine.transaction():
                pass

        async with undone(engine):
            with pytest.raises(
                PoolTimeoutError,
                match=r"waited for its turn .* another task \(",
            ):
                async with engine.transaction():
                    task = asyncio.create_task(sibling())
                    async with engine.transaction():
                        await task


async def test_a_savepoint_of_the_same_name_is_not_mixed_up(any_engine: SQLiteEngine) -> None:
    """A block undoes all of itself, whatever savepoints are made inside of it."""
    async with any_engine.transaction() as outer:
        with pytest.raises(LookupError):
            async with any_engine.transaction():
                await entity("A").save()
                for number in range(1, 5):
                    await outer.savepoint(f"savepoint_{number}")
                await entity("B").save()
                raise LookupError
    assert codes(any_engine.path) == []


async def test_nesting_can_be_refused(any_engine: SQLiteEngine) -> None:
    """With allow_nested=False an inner block raises, and the outer one goes on."""
    async with any_engine.transaction():
        await entity("A").save()
        with pytest.raises(TransactionError, match="allow_nested is False"):
            async with any_engine.transaction(allow_nested=False):
                pass
    async with any_engine.transaction(allow_nested=False):
        await entity("B").save()
    assert codes(any_engine.path) == ["A", "B"]


async def test_where_a_block_is_entered_decides_what_it_is(any_engine: SQLiteEngine) -> None:
    """A transaction made outside and entered inside another is nested; and the other way round."""
    made_outside = any_engine.transaction()
    async with any_engine.transaction():
        made_inside = any_engine.transaction()
        with pytest.raises(LookupError):
            async with made_outside:
                await entity("undone").save()
                raise LookupError
        await entity("A").save()
    async with made_inside:
        await entity("B").save()
    assert codes(any_engine.path) == ["A", "B"]


async def test_a_transaction_is_one_block_at_a_time(any_engine: SQLiteEngine) -> None:
    """One object can be entered again behind its block, but not within it."""
    transaction = any_engine.transaction()
    async with transaction:
        with pytest.raises(TransactionError, match="entered already"):
            async with transaction:
                pass
        await entity("A").save()
    async with transaction:
        await entity("B").save()
    assert codes(any_engine.path) == ["A", "B"]


# By hand.


async def test_commit_by_hand(any_engine: SQLiteEngine) -> None:
    """After commit() the rest of the block is outside the transaction: a query runs by itself."""
    async with any_engine.transaction() as transaction:
        await entity("A").save()
        await transaction.commit()
        assert codes(any_engine.path) == ["A"]
        await entity("B").save()
        assert codes(any_engine.path) == ["A", "B"]
        with pytest.raises(TransactionLostError, match="committed or rolled back by hand"):
            await transaction.commit()
    assert codes(any_engine.path) == ["A", "B"]


async def test_rollback_by_hand(any_engine: SQLiteEngine) -> None:
    """After rollback() nothing of the block was written, and a query runs by itself."""
    async with any_engine.transaction() as transaction:
        await entity("A").save()
        await transaction.rollback()
        assert codes(any_engine.path) == []
        await entity("B").save()
        assert codes(any_engine.path) == ["B"]


async def test_ending_by_hand_in_an_inner_block_ends_all_of_it(any_engine: SQLiteEngine) -> None:
    """An inner block is part of the transaction that rollback() ends."""
    async with any_engine.transaction():
        await entity("A").save()
        async with any_engine.transaction() as inner:
            await entity("B").save()
            await inner.rollback()
            assert codes(any_engine.path) == []
        await entity("C").save()
    assert codes(any_engine.path) == ["C"]


async def test_savepoints_by_hand(any_engine: SQLiteEngine) -> None:
    """rollback_to undoes what came after a savepoint, by name or object; release keeps it."""
    async with any_engine.transaction() as transaction:
        await entity("A").save()
        first = await transaction.savepoint()
        await entity("B").save()
        await first.rollback_to()
        await transaction.savepoint("mine")
        await entity("C").save()
        await transaction.rollback_to("mine")
        last = await transaction.savepoint()
        await entity("D").save()
        await last.release()
        with pytest.raises(ValueError, match="Savepoint names"):
            await transaction.savepoint("x; DROP TABLE core_entity")
    assert codes(any_engine.path) == ["A", "D"]


async def test_begin_as_a_statement_is_refused(any_engine: SQLiteEngine) -> None:
    """BEGIN outside a transaction is taken back, and the next statement is not part of one."""
    for statement in ("BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT x"):
        with pytest.raises(TransactionLostError, match="Use transaction"):
            await Entity.raw(statement)
    await entity("A").save()
    assert codes(any_engine.path) == ["A"]


async def test_commit_as_a_statement_ends_the_block(any_engine: SQLiteEngine) -> None:
    """What follows a plain COMMIT or ROLLBACK in a block is refused, not run on its own."""
    for statement in ("COMMIT", "ROLLBACK"):
        with pytest.raises(TransactionLostError, match="plain COMMIT or ROLLBACK"):
            async with any_engine.transaction():
                await Entity.raw(statement)
                await entity(statement).save()
    assert codes(any_engine.path) == []


# When SQLite says no.


async def test_a_failed_commit_is_the_end_of_it(any_engine: SQLiteEngine) -> None:
    """The error of a COMMIT reaches the caller, and later inserts are neither lost nor joined."""
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        async with any_engine.transaction():
            await Entity.raw("PRAGMA defer_foreign_keys = ON")
            await entity("A").save()
            await Unit.raw(
                "INSERT INTO core_unit (id, entity_id, code, name) VALUES ('u', 'none', 'U', 'U')"
            )
    assert any_engine.current_transaction.get() is None
    await entity("B").save()
    async with any_engine.transaction():
        await entity("C").save()
    assert codes(any_engine.path) == ["B", "C"]


async def test_a_failed_commit_by_hand(any_engine: SQLiteEngine) -> None:
    """commit() raises the error, and the rest of the block is refused."""
    async with any_engine.transaction() as transaction:
        await Entity.raw("PRAGMA defer_foreign_keys = ON")
        await Unit.raw(
            "INSERT INTO core_unit (id, entity_id, code, name) VALUES ('u', 'none', 'U', 'U')"
        )
        with pytest.raises(sqlite3.IntegrityError):
            await transaction.commit()
        with pytest.raises(TransactionLostError):
            await entity("A").save()
    assert codes(any_engine.path) == []


async def test_the_first_error_is_seen_when_sqlite_rolls_back(any_engine: SQLiteEngine) -> None:
    """INSERT OR ROLLBACK ends the transaction; its own error is the one the caller sees."""
    async with undone(any_engine):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            async with any_engine.transaction():
                await entity("A").save()
                await Entity.raw(INSERT.format("A").replace("INSERT", "INSERT OR ROLLBACK"))


@pytest.mark.parametrize("nested", [False, True])
async def test_nothing_runs_alone_behind_such_a_rollback(
    any_engine: SQLiteEngine, nested: bool
) -> None:
    """A block that goes on after SQLite rolled back gets errors: no statement autocommits."""
    async with undone(any_engine):
        with pytest.raises(TransactionLostError, match="SQLite rolled it back"):
            async with any_engine.transaction():
                await entity("A").save()
                replaced = INSERT.format("A").replace("INSERT", "INSERT OR ROLLBACK")
                with pytest.raises(sqlite3.IntegrityError):
                    if nested:
                        async with any_engine.transaction():
                            await Entity.raw(replaced)
                    else:
                        await Entity.raw(replaced)
                for attempt in (entity("B").save(), Entity.count(), Entity.select().first()):
                    with pytest.raises(TransactionLostError):
                        await attempt
                with pytest.raises(TransactionLostError):
                    async with await Entity.select().batch():
                        pass
                with pytest.raises(TransactionLostError):
                    async with any_engine.transaction():
                        pass


async def test_a_failing_rollback_hides_nothing(any_engine: SQLiteEngine) -> None:
    """When the rollback fails too, the block's error is seen and the connection closed."""
    async with undone(any_engine):
        with pytest.raises(LookupError, match="mine"):
            async with any_engine.transaction() as transaction:
                await entity("A").save()
                connection = transaction.connection

                def rollback() -> None:
                    raise sqlite3.OperationalError("disk I/O error")

                connection.handle.rollback = rollback  # type: ignore[method-assign]
                raise LookupError("mine")
        await until(lambda: not connection.is_alive)
        await connection.close()


async def test_a_failing_rollback_does_not_hide_a_failed_commit(any_engine: SQLiteEngine) -> None:
    """When COMMIT and then ROLLBACK fail, the error of COMMIT is seen."""
    async with undone(any_engine):
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            async with any_engine.transaction() as transaction:
                await Entity.raw("PRAGMA defer_foreign_keys = ON")
                await Unit.raw(
                    "INSERT INTO core_unit (id, entity_id, code, name)"
                    " VALUES ('u', 'none', 'U', 'U')"
                )
                connection = transaction.connection

                def rollback() -> None:
                    raise sqlite3.OperationalError("disk I/O error")

                connection.handle.rollback = rollback  # type: ignore[method-assign]
        await until(lambda: not connection.is_alive)
        await connection.close()


# Tasks.


async def test_tasks_of_the_block_share_it(any_engine: SQLiteEngine) -> None:
    """Twenty inserts side by side in one block are all in it."""
    async with any_engine.transaction():
        await asyncio.gather(*(entity(f"{number:02}").save().run() for number in range(20)))
        assert codes(any_engine.path) == []
    assert len(codes(any_engine.path)) == 20


async def test_a_task_that_outlives_the_block_is_refused(any_engine: SQLiteEngine) -> None:
    """A task started in the block and still running behind it gets an error, in any query."""

    async def straggle() -> list[type[BaseException]]:
        await over.wait()
        errors: list[type[BaseException]] = []
        for attempt in (entity("B").save().run, Entity.count().run, transact, snapshot, batch):
            try:
                await attempt()
            except (TransactionLostError, TransactionError) as error:
                errors.append(type(error))
        return errors

    async def transact() -> None:
        async with any_engine.transaction():
            pass

    async def snapshot() -> None:
        async with any_engine.snapshot():
            pass

    async def batch() -> None:
        async with await Entity.select().batch():
            pass

    over = asyncio.Event()
    async with any_engine.transaction():
        await entity("A").save()
        task = asyncio.create_task(straggle())
        await asyncio.sleep(0)
    over.set()
    lost = TransactionLostError
    assert await task == [lost, lost, lost, TransactionError, lost]
    assert codes(any_engine.path) == ["A"]


async def test_a_batch_that_outlives_the_block_is_refused(any_engine: SQLiteEngine) -> None:
    """It does not read on, on a connection that is another transaction's by then."""

    async def straggle() -> None:
        async with await Entity.select().batch(batch_size=1) as batch:
            assert len(await batch.next()) == 1
            reading.set()
            await over.wait()
            with pytest.raises(TransactionLostError):
                await batch.next()

    reading, over = asyncio.Event(), asyncio.Event()
    async with any_engine.transaction():
        await entity("A").save()
        await entity("B").save()
        task = asyncio.create_task(straggle())
        await reading.wait()
    over.set()
    await task


async def test_other_tasks_are_not_in_the_block(any_engine: SQLiteEngine) -> None:
    """A task that was started before the block reads what is committed, and writes after it."""

    async def other() -> tuple[int, list[str]]:
        await entered.wait()
        count = await Entity.count()
        counted.set()
        await entity("other").save()
        return count, codes(any_engine.path)

    entered, counted = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(other())
    async with any_engine.transaction():
        await entity("A").save()
        entered.set()
        await counted.wait()
    assert await task == (0, ["A", "other"])


async def test_a_generator_in_the_block(any_engine: SQLiteEngine) -> None:
    """A block in an async generator that is not read to its end is rolled back."""

    async def generate() -> AsyncIterator[int]:
        async with any_engine.transaction():
            await entity("A").save()
            yield 1

    async with undone(any_engine):
        generator = generate()
        async for _ in generator:
            break
        await generator.aclose()  # type: ignore[attr-defined]


# Cancels.


async def test_a_timeout_on_a_slow_read_leaves_the_block_usable(any_engine: SQLiteEngine) -> None:
    """The read is interrupted, and what was written before and after it is committed."""
    async with any_engine.transaction():
        await entity("A").save()
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow_read().run(), 0.05)
        await entity("B").save()
        assert time.monotonic() - start < 20
    assert codes(any_engine.path) == ["A", "B"]


async def test_a_timeout_on_a_slow_write_loses_the_transaction(any_engine: SQLiteEngine) -> None:
    """SQLite rolls back; the block is told so at its next statement, and nothing is written."""
    async with undone(any_engine):
        with pytest.raises(TransactionLostError, match="interrupted"):
            async with any_engine.transaction():
                await entity("A").save()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(slow_write().run(), 0.05)
                await entity("B").save()


async def test_a_lost_transaction_is_not_taken_for_committed(any_engine: SQLiteEngine) -> None:
    """A block that runs nothing more after losing its transaction raises at its end."""
    async with undone(any_engine):
        with pytest.raises(TransactionLostError):
            async with any_engine.transaction():
                await entity("A").save()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(slow_write().run(), 0.05)


async def test_a_slow_write_in_an_inner_block_loses_all_of_it(any_engine: SQLiteEngine) -> None:
    """SQLite rolls back to the beginning, and the outer block is told so."""
    async with undone(any_engine):
        with pytest.raises(TransactionLostError):
            async with any_engine.transaction():
                await entity("A").save()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05), any_engine.transaction():
                        await slow_write()
                await entity("B").save()


async def test_a_cancel_while_waiting_for_the_writer(sqlite_engine: SQLiteEngine) -> None:
    """A task that stops waiting leaves the queue, and those behind it are served."""
    async with pooled(sqlite_engine) as engine:

        async def write(code: str) -> None:
            async with engine.transaction():
                await entity(code).save()

        tasks = []
        source, connection = await engine.acquire(reads=False, what="the test")
        for number in range(5):
            tasks.append(asyncio.create_task(write(str(number))))
            await until(lambda: engine.stats().waiting == number + 1)  # noqa: B023
        tasks[0].cancel()
        tasks[2].cancel()
        await until(lambda: engine.stats().waiting == 3)
        source.release(connection)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert codes(engine.path) == ["1", "3", "4"]


async def test_a_cancel_in_the_moment_the_writer_is_handed_over(
    sqlite_engine: SQLiteEngine,
) -> None:
    """The connection that a cancelled task was just given goes to the next one."""
    async with pooled(sqlite_engine) as engine:

        async def write(code: str) -> None:
            async with engine.transaction():
                await entity(code).save()

        source, connection = await engine.acquire(reads=False, what="the test")
        first = asyncio.create_task(write("first"))
        await until(lambda: engine.stats().waiting == 1)
        second = asyncio.create_task(write("second"))
        await until(lambda: engine.stats().waiting == 2)
        source.release(connection)  # hands it to the first, which has not run since
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        assert codes(engine.path) == ["second"]


async def test_a_cancel_while_begin_waits_for_a_lock(any_engine: SQLiteEngine) -> None:
    """The writer stops waiting for the other process, and keeps no lock that it is granted."""
    before = threads()
    with LockHolder(any_engine.path) as other:

        async def write() -> None:
            async with any_engine.transaction():
                await entity("A").save()

        task = asyncio.create_task(write())
        await until(lambda: any(c._current for c in _connections()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if any_engine.pool is not None:  # even before the lock is released
            await until(lambda: not any_engine.stats().writer_in_use)
        other.release()
        await until(lambda: lock_is_free(any_engine.path), timeout_s=5)
        await asyncio.wait_for(entity("B").save().run(), 20)
    assert codes(any_engine.path) == ["B"]
    await until(lambda: len(threads() - before) <= 2)


def lock_is_free(path: str) -> bool:
    """Whether somebody else can write now."""
    try:
        with LockHolder(path):
            return True
    except sqlite3.OperationalError:
        return False


def _connections() -> list[Connection]:
    return [c for c in gc.get_objects() if isinstance(c, Connection)]


async def test_a_lock_that_is_never_granted(sqlite_engine: SQLiteEngine) -> None:
    """BEGIN gives up after the busy timeout; an error that is kept keeps nothing open."""
    async with pooled(sqlite_engine, busy_timeout_ms=60) as engine:
        kept = []
        with LockHolder(engine.path):
            for _ in range(3):
                try:
                    async with engine.transaction():
                        pass
                except DatabaseBusyError as error:
                    kept.append(error)
        assert len(kept) == 3
        async with engine.transaction():
            await entity("A").save()
        assert codes(engine.path) == ["A"]


async def test_a_second_cancel_during_the_rollback(any_engine: SQLiteEngine) -> None:
    """However often a task is cancelled, its block is rolled back and its connection returned."""

    async def write() -> None:
        async with any_engine.transaction():
            await entity("A").save()
            running.set()
            await slow_read()

    for steps in range(4):
        running = asyncio.Event()
        async with undone(any_engine):
            task = asyncio.create_task(write())
            await running.wait()
            task.cancel()
            for _ in range(steps):
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await Entity.delete(force=True)


async def test_a_cancel_at_every_await(any_engine: SQLiteEngine) -> None:
    """Wherever a transaction is cancelled, it has written all or nothing."""

    async def write() -> None:
        async with any_engine.transaction():
            await entity("A").save()
            async with any_engine.transaction():
                await entity("B").save()

    finished = False
    for steps in range(200):
        task = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(0.0001)
            if task.done():
                break
        finished = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await entity("C").save()  # behind the rollback
        assert codes(any_engine.path) in (["C"], ["A", "B", "C"])
        await Entity.delete(force=True)
        if finished:
            break
    assert finished


async def test_a_commit_that_is_cancelled_is_whole(any_engine: SQLiteEngine) -> None:
    """A cancel during COMMIT: all of it is in the file, or nothing."""
    for delay in range(15):
        transaction = any_engine.transaction()
        await transaction.__aenter__()
        await entity("A").save()
        await entity("B").save()
        task = asyncio.create_task(transaction.commit())
        await asyncio.sleep(delay * 0.0003)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transaction.__aexit__(None, None, None)
        await entity("C").save()
        assert codes(any_engine.path) in (["C"], ["A", "B", "C"])
        await Entity.delete(force=True)


# Event loops that end.


def test_a_loop_that_ends_in_the_block(sqlite_engine: SQLiteEngine) -> None:
    """asyncio.run cancels the task in the block; the lock is given up all the same."""
    before = threads()

    async def main() -> None:
        async def write() -> None:
            async with sqlite_engine.transaction():
                await entity("A").save()
                written.set()
                await slow_read()

        written = asyncio.Event()
        task = asyncio.create_task(write())
        await written.wait()
        assert not task.done()

    for _ in range(3):
        asyncio.run(main())
    asyncio.run(_write_soon(sqlite_engine, "B"))
    assert codes(sqlite_engine.path) == ["B"]
    wait_until(lambda: threads() <= before)


async def _write_soon(engine: SQLiteEngine, code: str) -> None:
    await asyncio.wait_for(entity(code).save().run(), 20)
    await engine.close_connection_pool()


@pytest.mark.parametrize("pool", [False, True])
def test_a_block_that_is_thrown_away(sqlite_engine: SQLiteEngine, pool: bool) -> None:
    """A loop is closed over a running block, and the block is collected: the lock is free."""
    before = threads()

    async def write() -> None:
        async with sqlite_engine.transaction():
            await entity("A").save()
            written.set()
            await asyncio.Event().wait()

    async def main() -> asyncio.Task[None]:
        if pool:
            await sqlite_engine.start_connection_pool()
        task = asyncio.create_task(write())
        await written.wait()
        return task

    written = asyncio.Event()
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(main())
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # that is what this test does
    del task
    gc.collect()
    db = sqlite3.connect(sqlite_engine.path, timeout=20)
    db.execute("BEGIN IMMEDIATE")
    db.close()
    assert codes(sqlite_engine.path) == []
    asyncio.run(sqlite_engine.close_connection_pool())
    wait_until(lambda: threads() <= before)


# Objects.


async def test_an_object_of_a_rolled_back_block(any_engine: SQLiteEngine) -> None:
    """Saving an object whose insert was rolled back says that its row is gone."""
    row = entity("A")
    with pytest.raises(LookupError):
        async with any_engine.transaction():
            await row.save()
            raise LookupError
    with pytest.raises(RowNotFoundError):
        await row.save()


def test_a_transaction_is_piccolos(sqlite_engine: SQLiteEngine) -> None:
    """transaction_exists and the types are those Piccolo's users know."""

    async def main() -> None:
        assert not sqlite_engine.transaction_exists()
        async with sqlite_engine.transaction() as transaction:
            assert isinstance(transaction, Transaction)
            assert sqlite_engine.transaction_exists()
        await sqlite_engine.close_connection_pool()

    asyncio.run(main())
    assert "core_entity" in SLOW_WRITE

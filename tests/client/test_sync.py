"""The sync client: what it runs, what a block holds for, and where it is refused."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databases import postgres_copy, rows, sqlite_copy
from doubles import entity, wait_until
from piccolo.engine.exceptions import TransactionError

from atlas import (
    Client,
    ClientError,
    ConnectionClosedError,
    DatabaseFileError,
    Entity,
    InvalidValueError,
    Order,
    Param,
    Person,
    SyncClient,
    Tag,
    TransactionLostError,
    create_client,
    sync_client,
)
from atlas.client import scope
from atlas.client.bridge import Bridge, Call


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated PostgreSQL database for the tests of this module."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without entities: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_copy(request.getfixturevalue("migrated_file"), tmp_path / "atlas.db")
    database: str = request.getfixturevalue("postgres_database")
    with sync_client(database) as client:
        client.run(Entity.delete(force=True))
    return database


@pytest.fixture
def file_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file of the test's own."""
    return sqlite_copy(migrated_file, tmp_path / "atlas.db")


@pytest.fixture
def other_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of another one."""
    return sqlite_copy(migrated_file, tmp_path / "other.db")


@pytest.fixture
def db(url: str) -> Iterator[SyncClient]:
    """An open client on each database."""
    with sync_client(url) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Each test begins and ends without an open client, and without a thread of one."""
    assert scope.opened == []
    yield
    assert scope.opened == []
    names = [thread.name for thread in threading.enumerate()]
    assert "atlas-loop" not in names


def codes(url: str) -> list[str]:
    """The codes of the entities that are committed, in alphabetical order."""
    return [
        code for (code,) in asyncio.run(rows(url, "SELECT code FROM core_entity ORDER BY code"))
    ]


def in_thread(function: Callable[[], Any]) -> Any:
    """Call ``function`` in a thread of its own and return what it returns, or raise."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result(60)


# --- what it runs


def test_it_runs_what_can_be_awaited(db: SyncClient) -> None:
    """Queries, methods of rows, frozen and prepared queries, and coroutines give their results."""
    row = entity("A")
    assert db.run(row.save()) == [{"id": row.id}]
    assert db.run(Entity.select(Entity.code)) == [{"code": "A"}]
    assert db.run(Entity.select(Entity.code).first()) == {"code": "A"}
    assert db.run(Entity.objects().get(Entity.code == "A")) == row
    assert db.run(Entity.count()) == 1
    assert db.run(Entity.exists().where(Entity.code == "B")) is False
    assert db.run(Entity.select(Entity.code).freeze()) == [{"code": "A"}]
    assert db.run(Entity.raw("SELECT code FROM core_entity")) == [{"code": "A"}]
    assert db.run(db.core.Entity.objects().get_or_create(Entity.code == "A")) == row

    async def both() -> list[int]:
        return list(await asyncio.gather(Entity.count().run(), Tag.count().run()))

    assert db.run(both()) == [1, 0]
    find = db.prepare(Entity.select(Entity.code).where(Entity.code == Param("code")))
    assert db.run(find(code="A")) == [{"code": "A"}]
    assert in_thread(lambda: db.run(find(code="B"))) == []
    db.run(row.remove())
    assert db.run(Entity.count()) == 0


def test_it_raises_what_the_query_raises(db: SyncClient) -> None:
    """An error comes as it is in a coroutine, and the next query works."""
    with pytest.raises(InvalidValueError, match=r"core_entity\.code"):
        db.run(Entity.insert(Entity(code=5, name="A")))

    async def leave() -> None:
        raise SystemExit(3)  # would end the event loop

    with pytest.raises(SystemExit):
        db.run(leave())
    assert db.run(Entity.count()) == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1", r"'SELECT 1' \(str\) is neither. SQL of your own is a query as Order.raw"),
        (None, r"None \(NoneType\) is neither"),
        (Entity.count, r"so call .*Table.count.*: run\(...\(...\)\)"),
        (Entity, r"so call "),
    ],
)
def test_what_cannot_be_run_is_refused(file_url: str, query: Any, message: str) -> None:
    """What cannot be awaited is refused, with what to give instead."""
    with sync_client(file_url) as db, pytest.raises(TypeError, match=message):
        db.run(query)


def test_future_of_another_loop_is_refused(file_url: str) -> None:
    """A task or future is awaited in its own event loop."""
    loop = asyncio.new_event_loop()
    try:
        with sync_client(file_url) as db, pytest.raises(TypeError, match="another event loop"):
            db.run(loop.create_future())
    finally:
        loop.close()


def test_batches_come_as_they_are_used(db: SyncClient) -> None:
    """A batch holds few rows at a time, is part of a transaction, and ends with its block."""
    with db.transaction():
        for number in range(25):
            db.run(entity(f"{number:02}").save())
        with db.batch(Entity.select(Entity.code).order_by(Entity.code), 10) as batch:
            found = [[row["code"] for row in rows] for rows in batch]
            assert db.run(Entity.count()) == 25
        numbers = [f"{number:02}" for number in range(25)]
        assert found == [numbers[:10], numbers[10:20], numbers[20:]]
    with db.batch(Entity.objects(), batch_size=1) as batch:
        assert isinstance(batch.next()[0], Entity)
        with pytest.raises(ClientError, match="entered already"):
            batch.__enter__()
    with pytest.raises(ConnectionClosedError):
        batch.next()
    with pytest.raises(ClientError, match="before it is entered"):
        db.batch(Entity.select()).next()
    wait_until(lambda: db.stats().readers_in_use == 0)


def test_figures(db: SyncClient) -> None:
    """``stats`` and ``ping`` are those of the pool."""
    before = db.stats().statements
    assert db.ping() > 0
    assert db.stats().statements > before
    assert str(db.engine.path) in repr(db)


# --- where a block holds


def test_transaction_holds_for_all_calls_of_its_thread(db: SyncClient, url: str) -> None:
    """All calls within the block are written together; those of other threads are no part."""
    with db.transaction():
        db.run(entity("A").save())
        assert codes(url) == []
        assert db.run(Entity.count()) == 1
        assert in_thread(lambda: db.run(Entity.count())) == 0
    assert codes(url) == ["A"]


def test_exception_rolls_back(db: SyncClient, url: str) -> None:
    """A block that raises writes nothing; the next one works."""
    with pytest.raises(LookupError), db.transaction():
        db.run(entity("A").save())
        raise LookupError
    assert db.run(Entity.count()) == 0
    with db.transaction():
        db.run(entity("B").save())
    assert codes(url) == ["B"]


def test_nested_block_is_a_savepoint(db: SyncClient, url: str) -> None:
    """An inner block that raises undoes its own writes only; an outer one undoes all."""
    with db.transaction():
        db.run(entity("A").save())
        with pytest.raises(LookupError), db.transaction():
            db.run(entity("B").save())
            with db.transaction():
                db.run(entity("C").save())
            raise LookupError
        with db.transaction():
            db.run(entity("D").save())
    assert codes(url) == ["A", "D"]
    with pytest.raises(LookupError), db.transaction():
        with db.transaction():
            db.run(entity("E").save())
        raise LookupError
    assert codes(url) == ["A", "D"]


def test_transaction_can_be_ended_by_hand(db: SyncClient, url: str) -> None:
    """``commit``, ``rollback`` and savepoints are those of the async transaction."""
    with db.transaction() as transaction:
        db.run(entity("A").save())
        savepoint = transaction.savepoint()
        db.run(entity("B").save())
        savepoint.rollback_to()
        savepoint.release()
        transaction.savepoint("named")
        db.run(entity("C").save())
        transaction.rollback_to("named")
        transaction.commit()
        assert codes(url) == ["A"]
        db.run(entity("D").save())  # the rest of the block is outside the transaction
        assert codes(url) == ["A", "D"]
    with db.transaction() as transaction:
        db.run(entity("E").save())
        transaction.rollback()
    assert codes(url) == ["A", "D"]


def test_return_and_break_commit(db: SyncClient, url: str) -> None:
    """A block that is left by ``return`` or ``break`` has ended well, as ``async with`` has it."""

    def write(code: str) -> None:
        with db.transaction():
            db.run(entity(code).save())
            return

    write("A")
    for code in "BC":
        with db.transaction():
            db.run(entity(code).save())
            break
    assert codes(url) == ["A", "B"]


def test_generator_that_is_closed_rolls_back(db: SyncClient, url: str) -> None:
    """A generator that is closed, or dropped, within its block writes nothing."""

    def write(code: str) -> Iterator[int]:
        with db.transaction():
            db.run(entity(code).save())
            yield 1
            db.run(entity(code + "2").save())

    generator = write("A")
    assert next(generator) == 1
    generator.close()
    assert next(write("B")) == 1  # dropped at once
    assert db.run(Entity.count()) == 0
    assert list(write("C")) == [1]
    assert codes(url) == ["C", "C2"]


def test_blocks_left_in_another_order(db: SyncClient, url: str) -> None:
    """After generators that end in another order than they began the thread is in no block."""

    def write(code: str) -> Iterator[None]:
        with db.transaction():
            db.run(entity(code).save())
            yield

    outer, inner = write("A"), write("B")
    next(outer)
    next(inner)
    outer.close()  # takes the savepoint along
    with pytest.raises(TransactionLostError):
        db.run(Entity.count())
    inner.close()
    assert db.run(Entity.count()) == 0
    assert Entity.count().run_sync() == 0
    db.run(entity("C").save())
    assert codes(url) == ["C"]


def test_dropped_block_is_rolled_back_and_said(db: SyncClient, url: str) -> None:
    """A block that is entered by hand and forgotten is undone, and the next call says so."""
    db.transaction().__enter__()
    with pytest.raises(TransactionLostError, match="dropped before its block was left"):
        db.run(entity("A").save())
    db.run(entity("B").save())
    assert codes(url) == ["B"]


def test_block_left_in_another_thread(db: SyncClient, url: str) -> None:
    """Whoever leaves it, the block ends, and the thread that entered it is outside again."""
    block = db.transaction()
    block.__enter__()
    db.run(entity("A").save())
    in_thread(lambda: block.__exit__(None, None, None))
    assert codes(url) == ["A"]
    db.run(entity("B").save())
    assert codes(url) == ["A", "B"]


def test_snapshot_sees_one_moment(db: SyncClient) -> None:
    """Reads of the block see one moment; it writes nothing; inside a transaction there is none."""
    with db.snapshot():
        assert db.run(Entity.count()) == 0
        in_thread(lambda: db.run(entity("A").save()))
        assert db.run(Entity.count()) == 0
        with pytest.raises(TransactionError, match="only reads"):
            db.run(entity("B").save())
    assert db.run(Entity.count()) == 1
    with db.transaction(), pytest.raises(TransactionError, match="inside a transaction"):
        db.snapshot().__enter__()


def test_block_is_entered_once(db: SyncClient) -> None:
    """A block is made for one ``with``."""
    block = db.transaction()
    with block, pytest.raises(ClientError, match="entered already"):
        block.__enter__()
    with pytest.raises(ClientError, match="entered already"):
        block.__enter__()
    with pytest.raises(ClientError, match="before it is entered"):
        db.transaction().commit()


# --- which client


def test_run_sync_follows_the_block(file_url: str, other_url: str) -> None:
    """In a thread's block, ``run_sync`` runs on its client, in its transaction."""
    with sync_client(file_url), sync_client(other_url) as db:
        entity("A").save().run_sync()
        with db.transaction() as transaction:
            entity("B").save().run_sync()
            assert db.run(Entity.count()) == Entity.count().run_sync() == 2
            transaction.rollback()
        assert Entity.count().run_sync() == 1
    assert codes(file_url) == []
    assert codes(other_url) == ["A"]


def test_two_clients_never_mix(file_url: str, other_url: str) -> None:
    """Threads that share two clients write to the one they name, in any nesting."""

    def work(number: int) -> None:
        for step in range(10):
            with first.transaction():
                first.run(entity(f"1-{number}-{step}").save())
                with second.transaction():
                    second.run(entity(f"2-{number}-{step}").save())
                    entity(f"2-sync-{number}-{step}").save().run_sync()
                    first.run(entity(f"1-more-{number}-{step}").save())
                entity(f"1-sync-{number}-{step}").save().run_sync()

    with (
        sync_client(file_url) as first,
        sync_client(other_url) as second,
        ThreadPoolExecutor(8) as executor,
    ):
        for future in [executor.submit(work, number) for number in range(8)]:
            future.result()
    assert len(codes(file_url)) == 240
    assert len(codes(other_url)) == 160
    assert {code[0] for code in codes(file_url)} == {"1"}
    assert {code[0] for code in codes(other_url)} == {"2"}


def test_thread_outside_all_blocks(file_url: str, other_url: str) -> None:
    """``run_sync`` uses the one open client, and guesses none of two; ``run`` always names one."""
    first, second = sync_client(file_url), sync_client(other_url)
    first.open()
    try:
        in_thread(lambda: entity("A").save().run_sync())
        second.open()
        in_thread(lambda: second.run(entity("B").save()))
        with pytest.raises(ClientError, match="Several clients are open"):
            in_thread(lambda: entity("C").save().run_sync())

        def build() -> None:  # needs no client until it is run
            second.run(Entity.update({Entity.name: "b"}).where(Entity.code == "B"))
            second.run(Person.select(Person.tags(Tag.name, as_list=True)))
            second.run(Order.select(Order.customer_id.full_name).order_by(Order.number))
            second.run(Entity.objects().get_or_create(Entity.code == "B"))

        in_thread(build)
    finally:
        first.close()
        second.close()
    assert (codes(file_url), codes(other_url)) == (["A"], ["B"])


def test_async_client_beside_it(url: str) -> None:
    """Coroutines use an async client, in a block or opened by hand, while threads use this one."""

    async def main(db: SyncClient) -> None:
        async with create_client(url) as client:
            await entity("A").save()
            assert scope.current_client() is client
            await asyncio.gather(
                *(asyncio.to_thread(db.run, entity(f"B{number}").save()) for number in range(4)),
                *(entity(f"C{number}").save().run() for number in range(4)),
            )
        client = create_client(url)
        await client.open()
        try:
            # As in a web framework, outside any block: the one client of this event loop.
            await asyncio.create_task(entity("D").save().run())
            assert await asyncio.to_thread(db.run, Entity.count()) == 10
        finally:
            await client.close()

    db = sync_client(url)
    db.open()
    try:
        asyncio.run(main(db))
    finally:
        db.close()
    assert codes(url) == ["A", "B0", "B1", "B2", "B3", "C0", "C1", "C2", "C3", "D"]


def test_coroutine_finds_no_pool_of_another_thread(file_url: str) -> None:
    """A coroutine does not use a sync client by accident; the error says what to open."""

    async def main() -> None:
        with pytest.raises(ClientError, match="opened in another event loop"):
            await Entity.count()

    with sync_client(file_url):
        asyncio.run(main())


# --- where it is refused


def test_event_loop_is_refused(file_url: str) -> None:
    """In a coroutine each call is an error that names the async client; the client stays usable."""

    async def main(db: SyncClient) -> None:
        calls: list[Callable[[], object]] = [
            lambda: db.run(Entity.count()),
            lambda: db.run(asyncio.sleep(0)),
            db.transaction().__enter__,
            db.snapshot().__enter__,
            db.batch(Entity.select()).__enter__,
            db.stats,
            db.ping,
            db.close,
            sync_client(file_url).open,
            sync_client(file_url).__enter__,
        ]
        for call in calls:
            with pytest.raises(ClientError, match=r"plain threads.*async with create_client\(\)"):
                call()

    with sync_client(file_url) as db:
        asyncio.run(main(db))
        with pytest.raises(ClientError, match="plain threads"):  # and in its own loop
            db.run(main_calls(db))
        assert db.run(Entity.count()) == 0


async def main_calls(db: SyncClient) -> None:
    """Call a client from its own event loop."""
    db.run(Entity.count())


def test_before_and_after(file_url: str) -> None:
    """A client that is not open says how to open it; one that is open is not opened again."""
    db = sync_client(file_url)
    for _ in range(2):
        assert not db.is_open
        calls: list[Callable[[], object]] = [
            lambda: db.run(Entity.count()),
            lambda: db.run(asyncio.sleep(0)),
            db.transaction().__enter__,
            db.stats,
        ]
        for call in calls:
            with pytest.raises(ConnectionClosedError, match=r"is not open; use: with sync_client"):
                call()
        with db:
            assert db.is_open
            with pytest.raises(ClientError, match="open already"):
                db.open()
            assert db.run(Entity.count()) == 0
        db.close()  # again


def test_failure_to_open_leaves_nothing(tmp_path: Path) -> None:
    """An error of opening comes as it is, and can be tried again."""
    db = sync_client(f"file:{tmp_path}/missing/x.db")
    for _ in range(2):
        with pytest.raises(DatabaseFileError), db:
            pass
        assert not db.is_open


@pytest.mark.parametrize("make", [sync_client, create_client])
def test_client_is_not_pickled(make: Callable[[str], SyncClient | Client], file_url: str) -> None:
    """To send a client to another process is an error that says what to do there."""
    with pytest.raises(ClientError, match="Open a client in the other process"):
        pickle.dumps(make(file_url))


def test_options_are_those_of_the_async_client(file_url: str) -> None:
    """Every keyword of ``create_client`` is one of ``sync_client``, and counts."""
    options: dict[str, Any] = {
        "pool_size": 2,
        "acquire_timeout_ms": 3,
        "busy_timeout_ms": 4,
        "synchronous": "OFF",
        "statement_cache": 5,
        "inline_reads": 0.25,
        "shared_commits": 6,
        "log_queries": True,
        "log_parameters": True,
        "read_only": True,
    }
    assert (
        sync_client(file_url, **options).engine.options
        == create_client(file_url, **options).engine.options
    )
    assert create_client.__kwdefaults__ == sync_client.__kwdefaults__


# --- closing while others use it


def test_close_waits_for_calls(file_url: str) -> None:
    """Calls that run when the client is closed are finished; later ones are refused."""
    with sync_client(file_url) as db:
        begun, goes_on = threading.Event(), threading.Event()

        async def slow() -> int:
            begun.set()
            await asyncio.to_thread(goes_on.wait)
            return int(await Entity.count())

        with ThreadPoolExecutor(2) as executor:
            call = executor.submit(db.run, slow())
            begun.wait()
            closing = executor.submit(db.close)
            with pytest.raises(ConnectionClosedError):
                while True:
                    db.run(Entity.count())
            assert not call.done()
            goes_on.set()
            assert call.result() == 0
            closing.result()


def test_close_rolls_back_what_others_have_open(file_url: str) -> None:
    """A transaction of another thread is undone by ``close``, and that thread is told."""
    inside, closed = threading.Event(), threading.Event()

    def work() -> None:
        with db.transaction():
            db.run(entity("A").save())
            inside.set()
            closed.wait()

    def in_vain() -> None:
        with db.transaction():
            db.run(entity("B").save())

    db = sync_client(file_url)
    db.open()
    with ThreadPoolExecutor(2) as executor:
        future = executor.submit(work)
        inside.wait()
        waiting = executor.submit(in_vain)
        db.close()
        closed.set()
        with pytest.raises(ConnectionClosedError):
            waiting.result()
        with pytest.raises(ConnectionClosedError):
            future.result()
    assert codes(file_url) == []


def test_close_after_an_error_interrupts(file_url: str) -> None:
    """When the block raises, running calls of other threads are cancelled: nothing waits."""
    begun = threading.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(LookupError), sync_client(file_url) as db:
            future = executor.submit(db.run, forever())
            begun.wait()
            raise LookupError
        with pytest.raises(ConnectionClosedError):
            future.result()


def test_answers_from_the_waiting_thread() -> None:
    """A coroutine can ask the thread that waits for it; what that raises comes back."""

    def call(function: Callable[[], Any]) -> Any:
        async def ask() -> Any:
            return await made.ask(function)

        made: Call[Any] = Call(ask())
        return bridge.run(made, contextvars.copy_context())

    bridge = Bridge("test")
    bridge.start()
    try:
        assert call(threading.get_ident) == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            call(lambda: 1 / 0)
        with pytest.raises(KeyboardInterrupt):
            call(_interrupt)
        assert call(lambda: call(lambda: 1)) == 1
    finally:
        bridge.stop()
    with pytest.raises(ConnectionClosedError):
        call(lambda: 1)


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_sqlite3_errors_keep_their_type(file_url: str) -> None:
    """What the driver raises can be caught as in a coroutine."""
    with sync_client(file_url) as db:
        db.run(entity("A").save())
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            db.run(entity("A").save())


# --- upsert and resolve


def test_upsert_and_resolve(db: SyncClient, url: str) -> None:
    """Rows are taken, and progress told, in the thread that called; the result is the same."""
    here, seen = threading.get_ident(), []

    def sheet() -> Iterator[dict[str, str]]:
        for number in range(25):
            seen.append(threading.get_ident())
            yield {"code": f"{number:02}", "name": "A"}

    def on_progress(done: int, total: int | None) -> None:
        seen.append(threading.get_ident())
        steps.append((done, total))

    steps: list[tuple[int, int | None]] = []
    result = db.upsert(Entity, sheet(), Entity.code, batch_size=10, on_progress=on_progress)
    assert (result.inserted, result.updated, result.unchanged) == (25, 0, 0)
    assert steps == [(10, None), (20, None), (25, None)]
    assert set(seen) == {here}
    again = db.upsert(Entity, list(sheet()), Entity.code, batch_size=10, on_progress=on_progress)
    assert again.unchanged == 25
    assert steps[-1] == (25, 25)
    ids = db.resolve(Entity, Entity.code, (f"{number:02}" for number in range(20, 30)))
    assert sorted(ids) == ["20", "21", "22", "23", "24"]
    assert len(codes(url)) == 25


def test_upsert_is_part_of_the_transaction(db: SyncClient, url: str) -> None:
    """In a block the upsert is written with the rest, or not at all."""
    row = {"code": "A", "name": "A"}
    with pytest.raises(LookupError), db.transaction():
        db.upsert(Entity, [row], Entity.code)
        assert db.run(Entity.count()) == 1
        raise LookupError
    assert codes(url) == []


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["rows", "on_progress"])
def test_upsert_that_is_broken_off(
    db: SyncClient, url: str, error: type[BaseException], where: str
) -> None:
    """What the rows or the progress raise comes through, and nothing is written."""

    def sheet() -> Iterator[dict[str, str]]:
        for number in range(20):
            if number == 15 and where == "rows":
                raise error
            yield {"code": f"{number:02}", "name": "A"}

    def on_progress(done: int, total: int | None) -> None:
        if where == "on_progress" and done == 20:  # of the last batch
            raise error

    with pytest.raises(error):
        db.upsert(Entity, sheet(), Entity.code, batch_size=10, on_progress=on_progress)
    assert codes(url) == []
    assert db.run(Entity.count()) == 0


def test_slow_rows_hold_up_nobody(db: SyncClient) -> None:
    """While one thread waits for its next row, others read, and it may read itself."""

    def sheet() -> Iterator[dict[str, str]]:
        assert in_thread(lambda: db.run(Entity.count())) == 0
        assert db.run(Entity.count()) == 0
        yield {"code": "A", "name": "A"}
        assert in_thread(lambda: db.run(Entity.count())) == 0
        yield {"code": "B", "name": "B"}

    assert db.upsert(Entity, sheet(), Entity.code, batch_size=1).inserted == 2


def test_upsert_refuses_what_it_cannot_take(file_url: str) -> None:
    """The errors are those of the async client, and of a client that is not open."""
    db = sync_client(file_url)
    with pytest.raises(ConnectionClosedError):
        db.upsert(Entity, [{"code": "A", "name": "A"}], Entity.code)
    with db:
        with pytest.raises(TypeError, match="rows is a dict"):
            db.upsert(Entity, {"code": "A"})
        with pytest.raises(ValueError, match="on_error"):
            db.upsert(Entity, [], on_error="maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize("reads", [True, False], ids=["reader", "writer"])
def test_a_query_in_a_thread_of_a_connection_is_refused_at_once(
    db: SyncClient, url: str, *, reads: bool
) -> None:
    """A ``__del__`` that the garbage collector calls there would wait for its own thread."""
    if not url.startswith("file:"):
        pytest.skip("PostgreSQL's connections have no threads")
    said: list[str] = []

    def collected(_: object) -> None:
        for use in (
            lambda: db.run(entity("A").save()),
            lambda: db.upsert(Tag, [{"code": "A", "name": "A"}]),
            lambda: Entity.count().run_sync(),
            db.ping,
        ):
            with pytest.raises(ClientError) as caught:
                use()
            said.append(str(caught.value))

    async def run() -> None:
        source, connection = await db.engine.acquire(reads=reads, what="the test")  # type: ignore[union-attr]
        try:
            await connection.run(collected)
        finally:
            source.release(connection)

    db.run(run())
    assert len(said) == 4
    assert all("would wait for itself" in each for each in said)
    db.run(entity("A").save())

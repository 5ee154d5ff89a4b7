"""Plain threads in adversity: random errors, Ctrl-C at any moment, forks, ends of the process."""

from __future__ import annotations

import _thread
import gc
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databases import sqlite_copy
from doubles import (
    SLOW_READ,
    SLOW_WRITE,
    codes,
    entity,
    finish,
    leftovers,
    open_files,
    rows,
    slow_read,
    slow_write,
    start,
    threads,
    wait_until,
)

from atlas import Entity, PoolTimeoutError, SyncClient, TransactionLostError, sync_client
from atlas.client import scope


@pytest.fixture
def path(migrated_file: Path, tmp_path: Path) -> Path:
    """A migrated SQLite file of the test's own."""
    sqlite_copy(migrated_file, tmp_path / "atlas.db")
    return tmp_path / "atlas.db"


def own_threads() -> set[threading.Thread]:
    """The threads of clients that have not ended."""
    loops = {thread for thread in threading.enumerate() if thread.name == "atlas-loop"}
    return threads() | loops


def is_idle(db: SyncClient) -> None:
    """Check that nobody waits, nothing is held, and that a read and a write work."""

    def idle() -> bool:
        stats = db.stats()
        return not (stats.waiting or stats.writer_in_use or stats.readers_in_use)

    wait_until(idle)
    db.run(Entity.raw("DELETE FROM core_entity WHERE code = 'no such code'"))
    db.run(Entity.raw("SELECT count(*) FROM core_entity"))
    wait_until(idle)


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[SyncClient]:
    """A client; at the end nothing may wait or be held, and nothing may be left."""
    before = own_threads()
    with sync_client(f"file:{path}", **options) as db:
        yield db
        is_idle(db)
    wait_until(lambda: own_threads() <= before)
    assert scope.opened == []
    assert open_files(path) == []
    assert leftovers(path) == []


# --- many threads


def test_sixteen_threads_with_random_errors_add_up(path: Path) -> None:
    """Of transactions that fail at random in 16 threads, those that ended well are all there."""
    per_thread, workers = 25, 16

    def work(number: int) -> int:
        chance, added = random.Random(number), 0  # noqa: S311
        for _ in range(per_thread):
            try:
                with db.transaction():
                    row = db.run(Entity.objects().get(Entity.code == "sum"))
                    row.legal_name = str(int(row.legal_name or 0) + 1)
                    db.run(row.save())
                    if chance.random() < 0.3:
                        raise LookupError
                    try:
                        with db.transaction():
                            db.run(Entity.update({Entity.legal_name: "spoilt"}, force=True))
                            raise LookupError
                    except LookupError:
                        pass
                    if chance.random() < 0.3:
                        db.run(Entity.raw("no SQL"))
            except Exception:  # noqa: S112
                continue
            added += 1
        return added

    with opened(path) as db:
        db.run(entity("sum").save())
        with ThreadPoolExecutor(workers) as executor:
            added = sum(executor.map(work, range(workers)))
        assert 0 < added < per_thread * workers
        assert rows(path, "SELECT legal_name FROM core_entity") == [(str(added),)]


def test_thread_in_a_transaction_reads_while_others_wait(path: Path) -> None:
    """With every connection taken or wanted, the thread in a transaction goes on: no deadlock."""
    with opened(path, pool_size=1) as db, ThreadPoolExecutor(16) as executor:
        with db.transaction():
            db.run(entity("A").save())
            others = [executor.submit(db.run, entity(f"B{n}").save()) for n in range(8)]
            readers = [executor.submit(db.run, slow_read(100_000)) for _ in range(7)]
            wait_until(lambda: db.stats().waiting >= 8)
            for _ in range(20):
                assert db.run(Entity.count()) == 1
                with db.transaction():
                    db.run(Entity.select())
            assert not any(other.done() for other in others)
        for future in (*others, *readers):
            future.result(30)
        assert len(codes(path)) == 9


def test_wait_has_an_end(path: Path) -> None:
    """A thread that waits for another's transaction gives up after the acquire timeout."""
    with opened(path, acquire_timeout_ms=100) as db, db.transaction():
        with ThreadPoolExecutor(1) as executor, pytest.raises(PoolTimeoutError, match="transacti"):
            executor.submit(db.run, entity("A").save()).result()
        db.run(entity("B").save())
    assert codes(path) == ["B"]


def test_long_query_does_not_hold_up_others(path: Path) -> None:
    """While one thread waits for a long query the others read and write."""
    with opened(path) as db, ThreadPoolExecutor(1) as executor:
        long = executor.submit(db.run, slow_read(3_000_000))
        for number in range(20):
            db.run(entity(f"{number:02}").save())
            db.run(Entity.count())
        assert not long.done()
        long.result()


# --- Ctrl-C


@contextmanager
def ctrl_c(when: Callable[[], object], press: Callable[[], object]) -> Iterator[None]:
    """Press Ctrl-C, as ``press`` does, once ``when`` holds; it must come before the block ends."""

    def work() -> None:
        wait_until(when)
        press()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        thread.join()


PRESSES = [
    pytest.param(_thread.interrupt_main, id="interrupt_main"),
    pytest.param(lambda: os.kill(os.getpid(), signal.SIGINT), id="SIGINT"),
]


@pytest.mark.parametrize("press", PRESSES)
@pytest.mark.parametrize("slow", [slow_read, slow_write])
def test_ctrl_c_interrupts_the_statement(
    path: Path, slow: Callable[[], Any], press: Callable[[], object]
) -> None:
    """Ctrl-C in a query that would take minutes ends it in SQLite; the client can be used."""
    with opened(path, pool_size=1) as db:
        db.run(entity("A").save())
        begun = db.stats().statements
        with ctrl_c(lambda: _runs(db, begun), press):
            db.run(slow())
        is_idle(db)
        assert rows(path, "SELECT legal_name FROM core_entity") == [(None,)]


def _runs(db: SyncClient, begun: int) -> bool:
    """Whether a statement has had the time to begin."""
    stats = db.stats()
    return bool(stats.readers_in_use or stats.writer_in_use) and not time.sleep(0.02)


@pytest.mark.parametrize("press", PRESSES)
@pytest.mark.parametrize("nested", [False, True])
def test_ctrl_c_rolls_back(path: Path, nested: bool, press: Callable[[], object]) -> None:
    """Ctrl-C in a transaction, waiting for a statement, undoes it; the next one works."""
    with opened(path) as db:
        ready = threading.Event()
        with ctrl_c(lambda: ready.is_set() and not time.sleep(0.05), press), db.transaction():
            db.run(entity("A").save())
            if nested:
                with db.transaction():
                    ready.set()
                    db.run(slow_write())
            ready.set()
            db.run(slow_write())
        with db.transaction():
            db.run(entity("B").save())
    assert codes(path) == ["B"]


def test_ctrl_c_between_statements_rolls_back(path: Path) -> None:
    """A signal that is raised in the block's own code undoes it."""
    with opened(path) as db:
        with pytest.raises(KeyboardInterrupt), db.transaction():
            db.run(entity("A").save())
            signal.raise_signal(signal.SIGINT)
            db.run(entity("B").save())
        assert db.run(Entity.count()) == 0


def test_ctrl_c_while_waiting_for_a_transaction(path: Path) -> None:
    """Ctrl-C in the queue for the writer leaves the queue."""
    with opened(path) as db, ThreadPoolExecutor(1) as executor:
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with db.transaction():
                inside.set()
                leave.wait()

        holding = executor.submit(hold)
        inside.wait()
        with ctrl_c(lambda: db.stats().waiting, _thread.interrupt_main), db.transaction():
            pass
        assert db.stats().waiting == 0
        leave.set()
        holding.result()


def test_ctrl_c_at_any_moment(path: Path) -> None:
    """Wherever a signal comes, a transaction is whole or not there, and nothing is held."""
    chance = random.Random(7)  # noqa: S311
    rounds, whole = 150, 0
    with opened(path) as db:
        began = time.monotonic()
        for _ in range(20):
            with db.transaction():
                db.run(entity("x").save())
                with db.transaction():
                    db.run(Entity.delete(force=True))
        usual_s = (time.monotonic() - began) / 20
        for number in range(rounds):
            delay_s = chance.random() * 2 * usual_s
            press = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT))
            try:
                press.start()
                with db.transaction():
                    db.run(entity(f"{number}a").save())
                    with db.transaction():
                        db.run(entity(f"{number}b").save())
                whole += 1
                press.join()
                time.sleep(20)  # the signal has been sent, and is on its way
            except KeyboardInterrupt:
                press.join()
            # Ctrl-C just before the block is left leaves it to be collected, which is said once.
            try:
                db.run(Entity.count())
            except TransactionLostError:
                db.run(Entity.count())
            if not number % 10:
                is_idle(db)
        found = set(codes(path))
        numbers = {code[:-1] for code in found}
        assert found == {f"{number}{end}" for number in numbers for end in "ab"}
        assert 0 < whole <= len(numbers) < rounds


def test_ctrl_c_while_opening_and_closing(path: Path) -> None:
    """Wherever a signal comes, what was opened is closed: no thread, no file, no client is left."""
    chance = random.Random(11)  # noqa: S311
    before = own_threads()

    def use() -> None:
        with sync_client(f"file:{path}") as db:
            db.run(Entity.count())

    began = time.monotonic()
    for _ in range(5):
        use()
    usual_s = (time.monotonic() - began) / 5
    for _ in range(60):
        delay_s = chance.random() * 1.3 * usual_s
        press = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT))
        try:
            press.start()
            use()
            press.join()
            time.sleep(20)  # the signal has been sent, and is on its way
        except KeyboardInterrupt:
            press.join()
        wait_until(lambda: own_threads() <= before)
        assert scope.opened == []
        assert scope.scope.get() is None
    use()
    assert open_files(path) == []
    assert leftovers(path) == []


# --- dropped, and never closed


def test_thread_that_dies_in_a_transaction(path: Path) -> None:
    """What a thread leaves open when it ends is rolled back."""
    with opened(path) as db:

        def work() -> None:
            block = db.transaction()
            block.__enter__()
            db.run(entity("A").save())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        db.run(entity("B").save())
    assert codes(path) == ["B"]


def test_block_in_a_cycle_is_collected(path: Path) -> None:
    """A generator that only the garbage collector can end gives its connection back."""
    with opened(path) as db:

        def write() -> Iterator[list[Any]]:
            mine: list[Any] = []
            with db.transaction():
                db.run(entity("A").save())
                yield mine

        def begin() -> None:
            generator = write()
            next(generator).append(generator)

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
        gc.collect()
        db.run(entity("B").save())
    assert codes(path) == ["B"]


def test_fifty_rounds_leave_nothing(path: Path) -> None:
    """A client that is opened, used by threads and closed fifty times leaves no thread or file."""
    files, before = len(os.listdir("/proc/self/fd")), threading.active_count()
    with ThreadPoolExecutor(4) as executor:
        for number in range(50):
            with sync_client(f"file:{path}", pool_size=2) as db:
                list(executor.map(db.run, [Entity.count() for _ in range(8)]))
                with pytest.raises(LookupError), db.transaction():
                    db.run(entity("lost").save())
                    raise LookupError
                with db.batch(Entity.select()) as batch:
                    batch.next()
                if not number % 10:
                    db.run(entity(str(number)).save())
            assert leftovers(path) == []
    wait_until(lambda: threading.active_count() <= before)
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= files)


PROGRAM = f"""
import os, sys, threading, time, warnings
from concurrent.futures import ThreadPoolExecutor
from atlas import ConnectionClosedError, Entity, sync_client

warnings.simplefilter("ignore", DeprecationWarning)  # to fork with threads is what is tested
SLOW_READ = {SLOW_READ!r}
SLOW_WRITE = {SLOW_WRITE!r}
URL = "file:" + sys.argv[1]

def daemon(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()
    time.sleep(0.2)

def entity(code):
    return Entity(code=code, name=code)

db = sync_client(URL)
db.open()
db.run(entity("kept").save())
"""

#: What a process leaves open; each prints "end" as its last statement.
ENDINGS = {
    "idle": "",
    "in a transaction and a batch": """
batch = db.batch(Entity.select())
batch.__enter__()
block = db.transaction()
block.__enter__()
db.run(entity("x").save())
""",
    "slow queries of daemons": """
daemon(db.run, Entity.raw(SLOW_READ))
daemon(db.run, Entity.raw(SLOW_WRITE))
""",
    "a generator": """
def write():
    with db.transaction():
        db.run(entity("x").save())
        yield
generator = write()
next(generator)
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_client_that_is_never_closed(path: Path, ending: str) -> None:
    """The process ends by itself, soon, rolls back, and one warning names the client."""
    process = start(PROGRAM + ENDINGS[ending] + "\nprint('end', flush=True)", path)
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    status, _, errors = finish(process, timeout_s=30)
    assert time.monotonic() - began < 15
    assert status == 0
    (warning,) = (line for line in errors.splitlines() if "was never closed" in line)
    assert str(path) in warning
    assert "with sync_client()" in warning
    assert codes(path) == ["kept"]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    if "daemon" not in ending:
        assert leftovers(path) == []


def test_ctrl_c_ends_a_program(path: Path) -> None:
    """Ctrl-C in a program with 16 busy threads closes the client and ends with its traceback."""
    source = """
db.close()
with sync_client(URL) as db:
    executor = ThreadPoolExecutor(16)
    for _ in range(16):
        executor.submit(db.run, Entity.raw(SLOW_READ))
    with db.transaction():
        db.run(entity("lost").save())
        print("ready", flush=True)
        db.run(Entity.raw(SLOW_WRITE))
"""
    process = start(PROGRAM + source, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    status, _, errors = finish(process, timeout_s=30)
    assert status == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "never" not in errors
    assert codes(path) == ["kept"]
    assert leftovers(path) == []


# --- other processes

FORK = """
def expect(what, *words):
    try:
        what()
    except Exception as error:
        assert type(error).__name__ == "ClientError", repr(error)
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError("no error")

def in_child(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
"""

FORKS = {
    "while the parent has the file open": """
def with_the_client_of_the_parent():
    expect(lambda: db.run(Entity.count()), "forked", "spawn")
    expect(db.transaction().__enter__, "forked")
    expect(db.stats, "forked")
    expect(db.open, "forked")
    expect(Entity.count().run_sync, "forked")
    assert not db.is_open
    db.close()

def with_the_same_file():
    for _ in range(2):
        expect(sync_client(URL).open, "cannot be opened in this process", "spawn")
    expect(Entity.raw("SELECT 1").run_sync, "forked")

def with_another_file():
    with sync_client("file:" + sys.argv[2]) as other:
        other.run(entity("child").save())
        with other.transaction():
            assert other.run(Entity.count()) == Entity.count().run_sync() == 1
        with ThreadPoolExecutor(4) as executor:
            assert list(executor.map(other.run, [Entity.count() for _ in range(8)])) == [1] * 8

for function in (with_the_client_of_the_parent, with_the_same_file, with_another_file):
    in_child(function)
with db.transaction() as block:
    db.run(entity("B").save())
    in_child(lambda: expect(lambda: block.__exit__(None, None, None), "forked"))
""",
    "when the parent has closed the file": """
def child():
    with sync_client(URL) as own:
        own.run(entity("child").save())
    db.open()
    db.run(entity("more").save())
    db.close()
    entity("unpooled").save().run_sync()

db.close()
os.environ["DATABASE_URL"] = URL
assert Entity.count().run_sync() == 1  # keeps a connection for a moment
in_child(child)
db.open()
assert db.run(Entity.count()) == 4
""",
    "while a query runs": """
def child():
    expect(lambda: db.run(Entity.count()), "forked")
    expect(sync_client("file:" + sys.argv[2]).open, "a query running", "spawn")

def slow():
    try:
        db.run(Entity.raw(SLOW_READ))
    except ConnectionClosedError:
        pass

daemon(slow)
in_child(child)
db.close(cancel=True)
db.open()
""",
    "that ends as a program does": """
pid = os.fork()
if pid == 0:
    sys.exit(0)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("case", FORKS)
def test_forked_child(migrated_file: Path, path: Path, case: str) -> None:
    """A forked child gets an error at once, or is right; the parent goes on, and loses nothing."""
    other = path.with_name("other.db")
    sqlite_copy(migrated_file, other)
    source = FORKS[case] + 'db.run(entity("after").save())\ndb.close()\n'
    assert finish(start(PROGRAM + FORK + source, path, other)) == (0, "", "")
    assert {"kept", "after"} <= set(codes(path))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert leftovers(path) == []
    assert codes(other) == (["child"] if "has the file open" in case else [])


POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from atlas import Entity, sync_client

db = None

def begin(url):
    global db
    db = sync_client(url)
    db.open()

def work(number):
    with db.transaction():
        row = db.run(Entity.objects().get(Entity.code == "sum"))
        row.legal_name = str(int(row.legal_name or 0) + 1)
        db.run(row.save())

def end(number):
    db.close()

def main():
    url = "file:" + sys.argv[1]
    context = multiprocessing.get_context(sys.argv[2])
    if sys.argv[2] == "spawn":
        begin(url)  # which the children do not see
    with ProcessPoolExecutor(2, context, begin, (url,)) as executor:
        list(executor.map(work, range(20)))
        if db is not None:
            try:
                executor.submit(work, db).result()
            except Exception as error:
                print(error)
            db.close()

if __name__ == "__main__":
    main()
"""


#: A script with a file, which a spawned process imports.
RUN = "sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_process_pool(path: Path, method: str, tmp_path: Path) -> None:
    """Worker processes that open a client each add up; a client that is sent to one is refused."""
    rows(path, "INSERT INTO core_entity (id, code, name) VALUES ('sum', 'sum', 'sum')")
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    process = start(f"import subprocess, sys; {RUN}", script, path, method)
    status, output, errors = finish(process, timeout_s=90)
    assert status == 0, errors
    assert ("cannot be pickled" in output) == (method == "spawn")
    assert rows(path, "SELECT legal_name FROM core_entity") == [("20",)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]

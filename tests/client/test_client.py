"""The client: what it opens, with which options, how it lives and what it never shows."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from databases import postgres_copy, rows, sqlite_copy
from factory import make
from piccolo.engine.exceptions import TransactionError

from atlas import (
    Client,
    ClientError,
    ConfigurationError,
    ConnectionClosedError,
    DatabaseFileError,
    DatabaseServerError,
    Entity,
    Person,
    PoolTimeoutError,
    Tag,
    Unit,
    create_client,
)
from atlas.client import scope
from atlas.engine.options import EngineOptions
from atlas.settings import Settings

SENTINEL = "Sentinel"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated PostgreSQL database for the tests of this module."""
    return asyncio.run(postgres_copy(postgres_url, migrated_postgres))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a migrated database: SQLite, then PostgreSQL, which keeps its rows."""
    if request.param == "sqlite":
        return sqlite_copy(request.getfixturevalue("migrated_file"), folder / "atlas.db")
    database: str = request.getfixturevalue("postgres_database")
    return database


# --- where the data is


def test_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the client is of ``DATABASE_URL``."""
    monkeypatch.setenv("DATABASE_URL", "file:/srv/environment.db")
    assert create_client().engine.path == "/srv/environment.db"


def test_url_comes_from_the_file(folder: Path) -> None:
    """Without a variable the client is of the ``.env`` in the working directory."""
    (folder / ".env").write_text("DATABASE_URL=file:dotenv.db\n")
    assert create_client().engine.path == str(folder / "dotenv.db")


def test_url_has_a_default(folder: Path) -> None:
    """Without any setting the client is of atlas-ops.db in the working directory."""
    assert create_client().engine.path == str(folder / "atlas-ops.db")
    assert list(folder.iterdir()) == []


def test_argument_wins_over_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, environment, ``.env``, default: the first that there is counts."""
    (folder / ".env").write_text("DATABASE_URL=file:/srv/dotenv.db\n")
    assert create_client().engine.path == "/srv/dotenv.db"
    monkeypatch.setenv("DATABASE_URL", "file:/srv/environment.db")
    assert create_client().engine.path == "/srv/environment.db"
    assert create_client("file:/srv/argument.db").engine.path == "/srv/argument.db"


async def test_relative_path_is_resolved_once(
    migrated_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client stays with its file when the working directory changes, and names it in full."""
    path = folder / "atlas.db"
    sqlite_copy(migrated_file, path)
    client = create_client("file:atlas.db")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    async with client:
        await Entity.insert(Entity(code="A", name="A"))
    assert repr(client) == f"<Client {path}>"
    assert await rows(f"file:{path}", "SELECT code FROM core_entity") == [("A",)]
    assert list((folder / "elsewhere").iterdir()) == []
    with pytest.raises(DatabaseFileError, match=str(folder / "elsewhere" / "missing" / "x.db")):
        await create_client("file:missing/x.db").open()


# --- options: the argument, the URL, the environment, .env, the default


@pytest.mark.parametrize(
    ("option", "argument", "in_url", "in_environment", "in_file"),
    [
        ("pool_size", 9, "8", "7", "6"),
        ("busy_timeout_ms", 0, "8", "7", "6"),
        ("synchronous", "OFF", "normal", "FULL", "EXTRA"),
        ("log_queries", False, "1", "0", "1"),
        ("log_parameters", True, "false", "true", "false"),
    ],
)
@pytest.mark.parametrize("location", ["file:data.db", "postgresql://db/atlas"])
def test_options_have_an_order(
    location: str,
    option: str,
    argument: Any,
    in_url: str,
    in_environment: str,
    in_file: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The argument wins over the URL, the URL over the environment, that over ``.env``."""
    with_option = f"{location}?{option}={in_url}"

    def chosen(url: str, **arguments: Any) -> Any:
        return getattr(create_client(url, **arguments).engine.options, option)

    def as_value(text: str) -> Any:
        return EngineOptions.from_text({option: text})[option]

    assert chosen(location) == getattr(EngineOptions, option)
    (folder / ".env").write_text(f"ATLAS_{option.upper()}={in_file}\n")
    assert chosen(location) == as_value(in_file)
    monkeypatch.setenv(f"ATLAS_{option.upper()}", in_environment)
    assert chosen(location) == as_value(in_environment)
    assert chosen(with_option) == as_value(in_url)
    assert chosen(with_option, **{option: argument}) == argument
    assert chosen(location, **{option: argument}) == argument
    monkeypatch.setenv("DATABASE_URL", with_option)
    client = create_client()
    assert getattr(client.engine.options, option) == as_value(in_url)


def test_each_option_is_an_argument() -> None:
    """Every option of the engine can be given to ``create_client``, and no other."""
    given: dict[str, Any] = {
        "pool_size": 1,
        "acquire_timeout_ms": 2,
        "busy_timeout_ms": 3,
        "statement_timeout_ms": 5,
        "synchronous": "EXTRA",
        "read_only": True,
        "statement_cache": 4,
        "inline_reads": 0.25,
        "shared_commits": 5,
        "file_mode": "0640",
        "log_queries": True,
        "log_parameters": True,
    }
    assert vars(create_client(":memory:", **given).engine.options) == given
    assert tuple(given) == EngineOptions.names()
    with pytest.raises(TypeError, match="poolsize"):
        create_client(":memory:", poolsize=1)  # type: ignore[call-arg]


def test_wrong_option_is_refused() -> None:
    """An argument that cannot be used is refused before anything is opened."""
    with pytest.raises(ConfigurationError, match="pool_size is 0"):
        create_client(pool_size=0)
    with pytest.raises(ConfigurationError, match="synchronous is 'off'"):
        create_client(synchronous="off")  # type: ignore[arg-type]


def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be used is refused by the name of its variable."""
    monkeypatch.setenv("DATABASE_URL", "mysql://db/atlas")
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: 'mysql:…' is not a database URL"):
        create_client()
    assert create_client("file:data.db").engine.engine_type == "sqlite"
    monkeypatch.setenv("ATLAS_POOL_SIZE", "many")
    with pytest.raises(ConfigurationError, match="ATLAS_POOL_SIZE"):
        create_client("file:data.db")


# --- the life of a client


async def test_block_opens_and_closes(url: str) -> None:
    """A client is open between the lines of its block, and leaves no thread."""
    threads = threading.active_count()
    client = create_client(url)
    assert not client.is_open
    async with client as entered:
        assert entered is client
        assert client.is_open
        assert await client.ping() > 0
        assert client.stats().statements >= 1
    assert not client.is_open
    for _ in range(1000):  # a thread that said it is done may need a moment to end
        if threading.active_count() == threads:
            break
        await asyncio.sleep(0.01)
    assert threading.active_count() == threads


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_failing_block_closes(error: type[BaseException], url: str) -> None:
    """A block that raises closes its client, and the exception comes out."""
    client = create_client(url)
    with pytest.raises(error):
        async with client:
            raise error
    assert not client.is_open
    assert scope.scope.get() is None


async def test_open_client_is_not_opened_again(url: str) -> None:
    """Opening a client that is open raises, and it stays as it is."""
    async with create_client(url) as client:
        with pytest.raises(ClientError, match="is open already; make another"):
            await client.open()
        with pytest.raises(ClientError, match="is open already; make another"):
            async with client:
                pass
        assert await client.ping() > 0


async def test_client_is_opened_once_by_two_tasks(url: str) -> None:
    """Of two tasks that open one client at the same time, one is refused."""
    client = create_client(url)
    results = await asyncio.gather(client.open(), client.open(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["ClientError", "NoneType"]
    assert scope.opened == [client]
    await client.close()
    assert scope.opened == []


async def test_closing_is_repeated_safely(url: str) -> None:
    """Closing a client that is closed, or was never opened, does nothing."""
    client = create_client(url)
    await client.close()
    async with client:
        await client.close()
        await client.close()
    await client.close()
    assert not client.is_open


async def test_closed_client_is_opened_again(url: str) -> None:
    """A client that was closed can be opened again, and starts its figures again."""
    client = create_client(url)
    for _ in range(2):
        async with client:
            await client.ping()
            assert client.stats().statements == 1


async def test_client_that_cannot_be_opened(folder: Path) -> None:
    """A client whose file cannot be opened is closed afterwards, and not in scope."""
    (folder / "data.db").mkdir()
    client = create_client("file:data.db")
    with pytest.raises(DatabaseFileError, match="it is a folder"):
        async with client:
            raise AssertionError("the block is not run")
    assert not client.is_open
    assert scope.opened == []
    assert scope.scope.get() is None
    (folder / "data.db").rmdir()
    async with client:
        assert client.is_open


@pytest.mark.parametrize("when", ["before", "after"])
async def test_client_that_is_not_open(when: str, url: str) -> None:
    """Every use of a client before it is opened, and after it was closed, is refused."""
    client = create_client(url)
    if when == "after":
        async with client:
            pass
    uses: list[Any] = [client.transaction, client.snapshot, client.stats, client.ping]
    for use in uses:
        with pytest.raises(ConnectionClosedError, match="is not open; use: async with"):
            result = use()
            if asyncio.iscoroutine(result):
                await result


async def test_fixture_is_left_in_another_context(url: str) -> None:
    """A generator entered in one task and left in another closes its client, quietly."""

    async def fixture() -> AsyncIterator[Client]:
        async with create_client(url) as client:
            yield client

    generator: Any = fixture()
    client = await asyncio.create_task(generator.__anext__())
    assert scope.current_client() is client  # the one that is open
    assert scope.scope.get() is None
    with contextlib.suppress(StopAsyncIteration):
        await asyncio.create_task(generator.__anext__())
    assert not client.is_open
    assert scope.current_client() is None


@pytest.fixture
async def client_of_a_fixture(url: str) -> AsyncIterator[Client]:
    """A client as a consumer's own tests would open it."""
    async with create_client(url) as client:
        yield client


@pytest.mark.parametrize("time", [1, 2])
async def test_fixture_opens_a_client(time: int, client_of_a_fixture: Client) -> None:
    """A test uses the client of its fixture, and the next test that of its own."""
    assert scope.current_client() is client_of_a_fixture
    assert isinstance(await Entity.count(), int)


def test_event_loops_one_after_another(url: str) -> None:
    """One client serves repeated ``asyncio.run``, one after the other."""
    client = create_client(url)

    async def use() -> float:
        async with client:
            return await client.ping()

    assert all(asyncio.run(use()) > 0 for _ in range(3))


async def test_another_event_loop_is_refused(url: str) -> None:
    """An open client is refused in the event loop of another thread, as a clear error."""
    async with create_client(url):

        def use() -> None:
            asyncio.run(count())

        async def count() -> None:
            await Entity.count()

        with pytest.raises(ClientError, match="opened in another event loop"):
            await asyncio.wait_for(asyncio.to_thread(use), timeout=20)


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_process_ends_with_an_open_client(
    kind: str, closes: bool, folder: Path, postgres_database: str
) -> None:
    """A client that was never closed lets the process end, and a warning names it."""
    url = "file:left.db" if kind == "sqlite" else postgres_database
    code = (
        "import asyncio, atlas\n"
        "async def main():\n"
        f"    client = atlas.create_client({url!r})\n"
        "    await client.open()\n"
        "    await client.ping()\n"
        f"    {'await client.close()' if closes else ''}\n"
        "asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        timeout=30,
    )
    assert result.returncode == 0
    if closes:
        assert result.stderr == ""
    else:
        assert "was never closed; use: async with create_client()" in result.stderr
        assert ("left.db" if kind == "sqlite" else "postgresql://postgres:***@") in result.stderr
        assert len(result.stderr.splitlines()) == 1


# --- the same code on both


async def consume(db: Client) -> dict[str, Any]:
    """Do what an application does, whatever the database is; return what it saw."""
    seen: dict[str, Any] = {}
    entity = await make(db.core.Entity, code="LPK1")
    unit = await make(db.core.Unit, entity_id=entity, name="Head office")
    async with db.transaction():
        await Entity.update({Entity.name: "Maju"}).where(Entity.id == entity.id)
        with contextlib.suppress(ZeroDivisionError):
            async with db.transaction():
                await Entity.update({Entity.name: "lost"}).where(Entity.id == entity.id)
                raise ZeroDivisionError
        await asyncio.gather(*(make(Tag, code=f"T{number}") for number in range(5)))
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction():
            await Tag.delete(force=True)
            raise ZeroDivisionError
    seen["join"] = await Unit.select(Unit.name, Unit.entity_id.name).where(Unit.id == unit.id)
    found = await Unit.objects(Unit.entity_id).get(Unit.id == unit.id)
    assert found is not None
    seen["prefetch"] = found.entity_id.code
    async with db.snapshot():
        before = await Tag.count()
        await asyncio.create_task(make_outside(db))
        seen["snapshot"] = (before, await Tag.count())
        try:
            await Tag.delete(force=True)
        except TransactionError as error:
            seen["write in a snapshot"] = str(error)[:21]
    seen["after it"] = await Tag.count()
    codes: list[list[str]] = []
    async with await Tag.select(Tag.code).order_by(Tag.code).batch(batch_size=4) as batch:
        async for part in batch:
            codes.append([row["code"] for row in part])
    seen["batch"] = codes
    person = await make(Person, full_name="Siti")
    await person.add_m2m(*await Tag.objects().order_by(Tag.code).limit(2), m2m=Person.tags)
    seen["m2m"] = [tag.code for tag in await person.get_m2m(Person.tags)]
    tag = await Tag.objects().get_or_create(Tag.code == "T0", defaults={Tag.name: "other"})
    seen["get_or_create"] = (tag.code, tag._was_created)
    try:
        await make(Tag, code="T0")
    except Exception as error:
        seen["unique"] = type(error).__name__.replace("UniqueViolationError", "IntegrityError")
    seen["worked"] = await db.ping() > 0 and db.stats().statements > 20
    seen["waiting"] = db.stats().waiting
    return seen


async def make_outside(db: Client) -> None:
    """Insert a tag as another request would: outside the caller's snapshot."""
    db.engine.current_transaction.set(None)
    await make(Tag, code="T5")


async def test_same_code_runs_on_both(
    migrated_file: Path, folder: Path, postgres_url: str, migrated_postgres: str
) -> None:
    """An application gets the same answers from SQLite and from PostgreSQL."""
    seen = []
    for url in (
        sqlite_copy(migrated_file, folder / "atlas.db"),
        await postgres_copy(postgres_url, migrated_postgres),
    ):
        async with create_client(url, pool_size=3) as db:
            seen.append(await consume(db))
    assert seen[0] == seen[1]
    assert seen[0] == {
        "join": [{"name": "Head office", "entity_id.name": "Maju"}],
        "prefetch": "LPK1",
        "snapshot": (5, 5),
        "write in a snapshot": "A snapshot only reads",
        "after it": 6,
        "batch": [["T0", "T1", "T2", "T3"], ["T4", "T5"]],
        "m2m": ["T0", "T1"],
        "get_or_create": ("T0", False),
        "unique": "IntegrityError",
        "worked": True,
        "waiting": 0,
    }


# --- what is never shown


@pytest.mark.parametrize(
    "login",
    [
        f"me:{SENTINEL}@127.0.0.1:1/atlas",
        f"me:a%40{SENTINEL}%3A@127.0.0.1:1/atlas",
        f"me:{SENTINEL}%2F%25x@127.0.0.1:1/atlas",
        f"me:a@{SENTINEL}@127.0.0.1:1/atlas",
        f"127.0.0.1:1/atlas?user=me&password={SENTINEL}",
        f"127.0.0.1:1/atlas?user=me&password=a%40{SENTINEL}",
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "cockroachdb"])
@pytest.mark.parametrize("source", ["argument", "environment", ".env"])
def test_password_is_never_shown(
    source: str,
    scheme: str,
    login: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No repr, message, traceback, warning or log of a client holds the URL's password."""
    caplog.set_level(logging.DEBUG)
    url = f"{scheme}://{login}"
    if scheme == "cockroachdb":
        url += f"{'&' if '?' in url else '?'}untested=1"
    shown: list[str] = []
    if source == "environment":
        monkeypatch.setenv("DATABASE_URL", url)
    elif source == ".env":
        (folder / ".env").write_text(f"DATABASE_URL={url}\n")
    client = create_client(url if source == "argument" else None, log_queries=True)
    engine: Any = client.engine
    assert SENTINEL in engine.config["dsn"]

    async def use() -> None:
        for use in (client.open, client.ping, engine.ping, engine.transaction().begin):
            try:
                await use()
            except (DatabaseServerError, ConnectionClosedError) as error:
                shown.extend((str(error), repr(error), *traceback.format_exception(error)))
        for block in (client.transaction, client.snapshot, client.stats, engine.stats):
            with pytest.raises(ConnectionClosedError) as caught:
                block()
            shown.append(str(caught.value))
        scope.opened.extend((client, create_client("file:other.db")))
        with pytest.raises(ClientError, match="Several clients are open") as several:
            await Entity.count()
        shown.append(str(several.value))
        scope.opened.clear()
        scope.scope.set(client)
        with pytest.raises(ConnectionClosedError) as closed:
            await Entity.count()
        shown.append(str(closed.value))
        # What a debugger or an error tracker prints.
        shown.extend((repr(client), str(client), repr(engine), str(engine), repr(Settings.load())))
        shown.append(repr(engine.current_transaction))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            asyncio.run(use())
    monkeypatch.setenv("DATABASE_URL", f"{url}{'&' if '?' in url else '?'}pool_size=x")
    with pytest.raises(ConfigurationError) as refused:
        create_client()
    shown.extend(traceback.format_exception(refused.value))
    shown.extend((caplog.text, stderr.getvalue(), *(str(warning.message) for warning in warned)))
    assert any("127.0.0.1:1/atlas" in text for text in shown)
    for text in shown:
        assert SENTINEL not in text


# --- one of several clients


async def test_transaction_is_of_its_client(migrated_file: Path, folder: Path) -> None:
    """Queries in a client's transaction run on that client, whichever block they are in."""
    first = sqlite_copy(migrated_file, folder / "first.db")
    second = sqlite_copy(migrated_file, folder / "second.db")
    async with create_client(first) as outer, create_client(second) as inner:
        with pytest.raises(ZeroDivisionError):
            async with outer.transaction():
                await make(Tag, code="LOST")
                raise ZeroDivisionError
        async with outer.transaction():
            await make(Tag, code="OUTER")
            async with inner.transaction():
                await make(Tag, code="INNER")
                async with outer.transaction():
                    await make(Tag, code="OUTER AGAIN")
                await make(Tag, code="INNER AGAIN")
        await make(Tag, code="IN THE BLOCK")
        async with outer.snapshot():
            assert await Tag.count() == 2
            async with inner.snapshot():
                assert await Tag.count() == 3
            assert await Tag.count() == 2
    query = "SELECT code FROM db_tag ORDER BY code"
    assert await rows(first, query) == [("OUTER",), ("OUTER AGAIN",)]
    assert await rows(second, query) == [("IN THE BLOCK",), ("INNER",), ("INNER AGAIN",)]


async def test_ping_is_answered_behind_a_transaction(url: str) -> None:
    """A health check asks a reader, which a long transaction does not hold."""
    async with create_client(url, pool_size=2, acquire_timeout_ms=5000) as client:
        begun, over = asyncio.Event(), asyncio.Event()

        async def imports() -> None:
            async with client.transaction():
                await Tag(code="a", name="n").save()
                begun.set()
                await over.wait()
                assert await client.ping() > 0
                assert await client.ping(writer=True) > 0

        task = asyncio.create_task(imports())
        await begun.wait()
        assert await client.ping() > 0
        if url.startswith("file:"):
            with pytest.raises(PoolTimeoutError, match="writer did not answer a ping within 50 ms"):
                await client.ping(writer=True, timeout_ms=50)
        over.set()
        await task
        assert await client.ping(writer=True) > 0


async def test_ping_has_a_timeout_of_its_own(url: str) -> None:
    """With every connection in use it fails after its own timeout, and the next one works."""
    async with create_client(url, pool_size=1) as client:
        async with client.connection(reads=True):
            with pytest.raises(PoolTimeoutError, match="within 50 ms"):
                await asyncio.create_task(client.ping(timeout_ms=50))
        assert await client.ping() > 0
        with pytest.raises(ValueError, match="timeout_ms is 0"):
            await client.ping(timeout_ms=0)

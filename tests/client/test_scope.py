"""Which database a query runs on: that of the block, of the one open client, of piccolo_conf."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from databases import postgres_copy, rows, sqlite_copy
from factory import make
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.apps.migrations.tables import Migration
from piccolo.columns import Varchar
from piccolo.conf.apps import Finder
from piccolo.engine import engine_finder
from piccolo.engine.sqlite import SQLiteEngine as StockSQLiteEngine
from piccolo.query.mixins import OnConflictAction
from piccolo.table import Table as StockTable

import atlas
from atlas import (
    Client,
    ClientError,
    ConnectionClosedError,
    Entity,
    Person,
    PersonTag,
    Region,
    Tag,
    Unit,
    create_client,
)
from atlas.client import scope

COPIES = 20


@pytest.fixture
def files(migrated_file: Path, tmp_path: Path) -> tuple[str, str]:
    """The URLs of two migrated and empty SQLite files."""
    first, second = (tmp_path / name for name in ("first.db", "second.db"))
    return sqlite_copy(migrated_file, first), sqlite_copy(migrated_file, second)


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Each test begins and ends without an open client, and the configured file is not made."""
    assert scope.opened == []
    yield
    assert scope.opened == []
    assert not Path(atlas.conf.DB.path).exists()


async def tags(url: str) -> list[str]:
    """Return the codes of all tags in a database, as another connection sees them."""
    return [code for (code,) in await rows(url, "SELECT code FROM db_tag ORDER BY code")]


# --- in a block, and outside of all


async def test_block_and_its_tasks(files: tuple[str, str]) -> None:
    """Queries of a block's task, and of tasks it starts, run on the block's client."""
    async with create_client(files[0]), create_client(files[1]):
        await make(Tag, code="A")
        await asyncio.gather(*(make(Tag, code=f"B{number}") for number in range(3)))
        async with asyncio.TaskGroup() as group:
            group.create_task(make(Tag, code="C"))
        await asyncio.to_thread(lambda: Tag.insert(Tag(code="D", name="D")).run_sync())
    assert await tags(files[0]) == []
    assert await tags(files[1]) == ["A", "B0", "B1", "B2", "C", "D"]


async def test_inner_block_wins(files: tuple[str, str]) -> None:
    """Of nested blocks the inner one counts, and after it the outer one again."""
    async with create_client(files[0]) as outer:
        await make(Tag, code="A")
        async with create_client(files[1]) as inner:
            assert scope.current_client() is inner
            await make(Tag, code="B")
        assert scope.current_client() is outer
        await make(Tag, code="C")
    assert scope.current_client() is None
    assert await tags(files[0]) == ["A", "C"]
    assert await tags(files[1]) == ["B"]


async def test_one_open_client_serves_every_task(files: tuple[str, str]) -> None:
    """A client opened in a start-up hook serves requests, which are other tasks."""
    started, stopped = asyncio.Event(), asyncio.Event()

    async def lifespan() -> None:
        async with create_client(files[0]):
            started.set()
            await stopped.wait()

    task = asyncio.create_task(lifespan())
    await started.wait()
    await asyncio.gather(*(make(Tag, code=f"A{number}") for number in range(3)))
    stopped.set()
    await task

    client = create_client(files[1])
    await asyncio.create_task(client.open())
    await asyncio.gather(*(make(Tag, code=f"B{number}") for number in range(3)))
    await asyncio.create_task(client.close())
    assert await tags(files[0]) == ["A0", "A1", "A2"]
    assert await tags(files[1]) == ["B0", "B1", "B2"]


async def test_several_open_clients_are_ambiguous(files: tuple[str, str]) -> None:
    """With several clients open, a task in the block of none is refused, and they are named."""
    clients = [create_client(url) for url in files]
    for client in clients:
        await client.open()
    for query in (Tag.count(), Tag.select(), Tag.insert(Tag(code="A", name="A"))):
        with pytest.raises(ClientError, match="Several clients are open") as caught:
            await query
        for url in files:
            assert url.removeprefix("file:") in str(caught.value)
    with pytest.raises(ClientError, match="Several clients are open"):
        engine_finder()
    async with clients[1].transaction():
        await make(Tag, code="A")
    await clients[0].close()
    assert await Tag.count() == 1
    await clients[1].close()


async def test_several_threads_have_a_client_each(files: tuple[str, str]) -> None:
    """Event loops in several threads, each in the block of its client, do not mix."""

    async def use(url: str, prefix: str) -> None:
        async with create_client(url):
            for number in range(20):
                async with Tag._meta.db.transaction():
                    await make(Tag, code=f"{prefix}{number}")

    await asyncio.gather(
        *(
            asyncio.to_thread(asyncio.run, use(url, prefix))
            for url, prefix in zip(files, "AB", strict=True)
        )
    )
    assert sorted(await tags(files[0])) == sorted(f"A{number}" for number in range(20))
    assert sorted(await tags(files[1])) == sorted(f"B{number}" for number in range(20))


@pytest.mark.parametrize("other_is_open", [False, True])
async def test_task_that_outlives_its_block(other_is_open: bool, files: tuple[str, str]) -> None:
    """A task started in a block is refused after it, and never served by another client."""
    left = asyncio.Event()

    async def late() -> None:
        await left.wait()
        await make(Tag, code="LATE")

    async with create_client(files[0]):
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
    async with create_client(files[1]) if other_is_open else contextlib.nullcontext():
        left.set()
        with pytest.raises(ConnectionClosedError, match=r"first\.db> is closed, and this task"):
            await task
    assert await tags(files[0]) == await tags(files[1]) == []


async def test_run_sync_runs_on_the_client_of_the_block(files: tuple[str, str]) -> None:
    """``run_sync`` in a block, though it needs a thread, runs on the client of the block."""
    async with create_client(files[0]), create_client(files[1]):
        Tag.insert(Tag(code="A", name="A")).run_sync()
        assert Tag.count().run_sync() == 1
    assert await tags(files[0]) == []
    assert await tags(files[1]) == ["A"]


async def test_run_sync_is_part_of_the_transaction(files: tuple[str, str]) -> None:
    """``run_sync`` in a transaction writes in it, instead of waiting for it without end."""
    async with create_client(files[0]) as db:
        with pytest.raises(ZeroDivisionError):
            async with db.transaction():
                await make(Tag, code="A")
                Tag.insert(Tag(code="B", name="B")).run_sync()
                assert Tag.count().run_sync() == await Tag.count() == 2
                raise ZeroDivisionError
        assert Tag.count().run_sync() == 0


async def test_run_sync_shows_the_error(files: tuple[str, str]) -> None:
    """``run_sync`` raises what the query raises, though Piccolo looks for a RuntimeError."""
    clients = [create_client(url) for url in files]
    for client in clients:
        await client.open()

    def use() -> Any:
        return Tag.count().run_sync()

    for run in (asyncio.to_thread(use), asyncio.to_thread(lambda: asyncio.run(in_a_loop()))):
        with pytest.raises(ClientError, match="Several clients are open"):
            await run
    for client in clients:
        await client.close()


async def in_a_loop() -> Any:
    return Tag.count().run_sync()


# --- one mechanism


async def test_every_table_asks_the_client(files: tuple[str, str]) -> None:
    """All 38 tables, Piccolo's Migration table and ``engine_finder`` have one engine."""
    async with create_client(files[0]) as client:
        engines = {
            *(table._meta.db for table in atlas.TABLES),
            Migration._meta.db,
            engine_finder(),
            Finder().get_engine(),
        }
        assert engines == {client.engine}
        async with create_client(files[1]) as other:
            assert Migration._meta.db is Entity._meta.db is engine_finder() is other.engine
        assert Migration._meta.db is Entity._meta.db is engine_finder() is client.engine
    assert Migration._meta.db is Entity._meta.db is engine_finder() is atlas.conf.DB


async def test_table_with_an_engine_of_its_own_keeps_it(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that was given an engine keeps it, inside a client's block too."""
    own = create_client(files[1]).engine
    monkeypatch.setattr(Tag._meta, "_db", None)  # is undone in the end
    Tag._meta.db = own
    async with create_client(files[0]):
        assert Tag._meta.db is own
        assert Entity._meta.db is not own


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_migrations_run_on_the_client(kind: str, tmp_path: Path, postgres_url: str) -> None:
    """``run_forwards`` in a block migrates the client's database and touches no other."""
    untouched = tmp_path / "untouched.db"
    if kind == "sqlite":
        url = f"file:{tmp_path / 'migrated.db'}"
    else:
        url = await postgres_copy(postgres_url, "template1")
    async with create_client(f"file:{untouched}"), create_client(url):
        result = await run_forwards("all")
        assert result.success, result.message
        assert await Migration.count() == 7
        assert await Entity.count() == 0
    assert len(await rows(url, "SELECT name FROM migration")) == 7
    with closing(sqlite3.connect(untouched)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


# --- tables that are none of Atlas's


async def test_foreign_table_keeps_its_engine(files: tuple[str, str], tmp_path: Path) -> None:
    """A stock table with a stock engine is never routed to a client."""
    path = tmp_path / "foreign.db"

    class Guest(StockTable, tablename="guest", db=StockSQLiteEngine(str(path))):
        name = Varchar()

    await Guest.create_table()
    async with create_client(files[0]) as client, client.transaction():
        await Guest.insert(Guest(name="A"))
        await make(Tag, code="A")
    assert await rows(f"file:{path}", "SELECT name FROM guest") == [("A",)]
    assert await tags(files[0]) == ["A"]


async def test_table_of_another_conf_keeps_its_engine(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stock engine in piccolo_conf, other tables use that, and ours the client."""
    path = tmp_path / "foreign.db"
    (tmp_path / "foreign_conf.py").write_text(
        "from piccolo.conf.apps import AppRegistry\n"
        "from piccolo.engine.sqlite import SQLiteEngine\n"
        f"DB = SQLiteEngine({str(path)!r})\n"
        "APP_REGISTRY = AppRegistry(apps=[])\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PICCOLO_CONF", "foreign_conf")

    class Guest(StockTable, tablename="guest"):
        name = Varchar()

    async with create_client(files[0]) as client:
        await Guest.create_table()
        await Guest.insert(Guest(name="A"))
        await make(Tag, code="A")
        assert Guest._meta.db is Migration._meta.db is engine_finder()
        assert Tag._meta.db is client.engine
    assert await rows(f"file:{path}", "SELECT name FROM guest") == [("A",)]
    assert await tags(files[0]) == ["A"]
    assert Tag._meta.db is not Guest._meta.db  # no client is open: that of DATABASE_URL


async def test_table_of_our_conf_follows_the_client(files: tuple[str, str]) -> None:
    """A consumer's table beside ours asks each time, and keeps no client that was closed."""

    class Session(StockTable, tablename="session"):
        token = Varchar()

    for url in files:
        async with create_client(url) as client:
            assert Session._meta.db is client.engine
            await Session.create_table()
            await Session.insert(Session(token=url))
    assert Session._meta.db is atlas.conf.DB
    for url in files:
        assert await rows(url, "SELECT token FROM session") == [(url,)]


# --- none open: piccolo_conf, or the settings


CONF = """
from piccolo.conf.apps import AppRegistry
from atlas import create_client
DB = create_client("file:conf.db").engine
APP_REGISTRY = AppRegistry(apps=["atlas.core.piccolo_app", "atlas.db.piccolo_app"])
"""
USE = """
import asyncio, atlas
from piccolo.engine import engine_finder
from piccolo.apps.migrations.tables import Migration
from atlas import Tag

async def main():
    await Tag.insert(Tag(code="A", name="A"))
    assert Tag._meta.db is Migration._meta.db is engine_finder()
    async with atlas.create_client("file:client.db") as db:
        await Tag.insert(Tag(code="B", name="B"))
        assert Tag._meta.db is db.engine
    await Tag.insert(Tag(code="C", name="C"))

asyncio.run(main())
"""


# As for a consumer: the checkout, and with it our own piccolo_conf.py, is not on the path.
WITHOUT_CHECKOUT = """
import os, sys
sys.path[:] = [path for path in sys.path if not os.path.exists(os.path.join(path, ".env.example"))]
"""


def run(code: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with only these settings."""
    site = folder / "site"
    site.mkdir()
    (site / "atlas").symlink_to(ROOT / "atlas")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "PICCOLO_CONF")
    }
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_CHECKOUT + code],
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(site)} | variables,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("conf", "variables", "database"),
    [
        (None, {}, "atlas-ops.db"),
        (None, {"DATABASE_URL": "file:settings.db"}, "settings.db"),
        (None, {"DATABASE_URL": "file:settings.db", "PICCOLO_CONF": "atlas.conf"}, "settings.db"),
        (CONF, {}, "conf.db"),
        (CONF, {"DATABASE_URL": "file:settings.db"}, "settings.db"),
        (CONF, {"DATABASE_URL": "file:settings.db", "PICCOLO_CONF": "atlas.conf"}, "settings.db"),
        (CONF, {"PICCOLO_CONF": ""}, "conf.db"),
    ],
)
def test_engine_of_a_script(
    conf: str | None,
    variables: dict[str, str],
    database: str,
    migrated_file: Path,
    tmp_path: Path,
) -> None:
    """With no client open, queries run on DATABASE_URL, else on the DB of piccolo_conf."""
    for name in (database, "client.db"):
        sqlite_copy(migrated_file, tmp_path / name)
    if conf is not None:
        (tmp_path / "piccolo_conf.py").write_text(conf)
    result = run(USE, tmp_path, **variables)
    assert result.returncode == 0, result.stderr
    assert asyncio.run(tags(f"file:{tmp_path / database}")) == ["A", "C"]
    assert asyncio.run(tags(f"file:{tmp_path / 'client.db'}")) == ["B"]
    assert {path.name for path in tmp_path.glob("*.db")} == {database, "client.db"}


@pytest.mark.parametrize(
    ("conf", "variables", "message"),
    [
        (None, {"PICCOLO_CONF": "atlas.cnf"}, "No module named 'atlas.cnf'"),
        (None, {"PICCOLO_CONF": "piccolo_conf"}, "No module named 'piccolo_conf'"),
        (CONF, {"PICCOLO_CONF": "no_such_conf"}, "No module named 'no_such_conf'"),
        ("import no_such_module", {}, "No module named 'no_such_module'"),
        ("raise ZeroDivisionError", {}, "ZeroDivisionError"),
        ("DB = None", {}, "ConfigurationError: piccolo_conf.py has no DB. Write there: "),
        (None, {"DATABASE_URL": "mysql://db"}, "ConfigurationError: DATABASE_URL: 'mysql:…' is no"),
    ],
)
def test_mistake_in_the_conf_is_shown(
    conf: str | None, variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    """A conf that is missing, broken or empty raises, and no other database is used instead."""
    if conf is not None:
        (tmp_path / "piccolo_conf.py").write_text(conf)
    code = "import asyncio, atlas\nasyncio.run(atlas.Tag.count().run())"
    result = run(code, tmp_path, **variables)
    assert result.returncode == 1
    assert message in result.stderr.splitlines()[-1]
    assert list(tmp_path.glob("*.db")) == []


def test_client_needs_no_conf(migrated_file: Path, tmp_path: Path) -> None:
    """In a client's block nothing else is looked for: neither a conf nor a DATABASE_URL."""
    sqlite_copy(migrated_file, tmp_path / "client.db")
    code = (
        "import asyncio, atlas\n"
        "from piccolo.engine import engine_finder\n"
        "from piccolo.apps.migrations.tables import Migration\n"
        "async def main():\n"
        "    async with atlas.create_client('file:client.db') as db:\n"
        "        assert await Migration.count() == 7\n"
        "        assert engine_finder() is db.engine\n"
        "asyncio.run(main())\n"
    )
    result = run(code, tmp_path, DATABASE_URL="mysql://of-another-program")
    assert result.returncode == 0, result.stderr


# --- the piccolo command in a checkout


@pytest.mark.parametrize("kind", ["file", "sqlite", "postgres"])
def test_commands_use_the_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """``piccolo`` in a checkout migrates the database of ``DATABASE_URL``."""
    url = f"file:{tmp_path / 'atlas.db'}"
    given = {"file": url, "sqlite": f"sqlite:///{tmp_path / 'atlas.db'}"}.get(kind, "")
    if kind == "postgres":
        server = request.getfixturevalue("postgres_url")
        given = url = asyncio.run(postgres_copy(server, "template1"))
    for arguments, output in (
        (("migrations", "forwards", "core"), "ok! ✔️"),
        (("migrations", "check"), "core"),
    ):
        result = piccolo(*arguments, url=given)
        assert result.returncode == 0, result.stderr
        assert output in result.stdout
    assert len(asyncio.run(rows(url, "SELECT name FROM migration"))) == 1
    assert asyncio.run(rows(url, "SELECT count(*) FROM core_entity")) == [(0,)]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (":memory:", ":memory: exists only while a client is open"),
        (
            "mysql://me:Sentinel@db",
            "DATABASE_URL: 'mysql:…' is not a database URL that Atlas knows",
        ),
        ("postgresql://me:Sentinel@127.0.0.1:1/atlas", "cannot be reached, or refused"),
    ],
)
def test_commands_say_what_is_wrong(url: str, message: str) -> None:
    """A URL that ``piccolo`` cannot work with fails, says why and shows no password."""
    result = piccolo("migrations", "forwards", "core", url=url)
    assert result.returncode != 0
    assert message in result.stdout + result.stderr
    assert "Sentinel" not in result.stdout + result.stderr


def piccolo(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run ``piccolo`` in this checkout, with its own piccolo_conf.py."""
    environment = {name: value for name, value in os.environ.items() if name != "PICCOLO_CONF"}
    return subprocess.run(
        [Path(sys.executable).with_name("piccolo"), *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment
        | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
        timeout=60,
    )


# --- two clients at once


async def fill(client: Client) -> None:
    """Put a unit, with its entity, and a person, with two tags, into the source for each copy."""
    async with client.transaction():
        region = await make(Region, code="11", name="source region")
        shared = [await make(Tag, code=f"TAG{number}", name="source tag") for number in range(2)]
        for number in range(COPIES):
            entity = await make(Entity, code=f"E{number}", name="source")
            await make(Unit, code=f"U{number}", name="source", entity_id=entity, region_id=region)
            person = await make(Person, full_name=f"P{number}", note="source", region_id=region)
            await person.add_m2m(*shared, m2m=Person.tags)


async def pause() -> None:
    """Let the other tasks go on, at a different place in each."""
    for _ in range(random.randrange(4)):  # noqa: S311
        await asyncio.sleep(0)


async def copy(number: int, source: Client, target: Client) -> None:
    """Copy one unit and person, with what they refer to; every third copy fails halfway.

    Both databases are written, each in a transaction of its own; each value says
    in which database it belongs.
    """
    async with source.snapshot():
        unit = await Unit.objects(Unit.entity_id, Unit.region_id).get(Unit.code == f"U{number}")
        assert unit is not None
        await pause()
        person = await Person.objects().get(Person.full_name == f"P{number}")
        assert person is not None
        person_tags = await person.get_m2m(Person.tags)
        await pause()
        codes: list[str] = []
        async with await Tag.select(Tag.code).order_by(Tag.code).batch(batch_size=1) as batch:
            async for found in batch:
                codes.extend(row["code"] for row in found)
                await pause()
                async with target.snapshot():
                    assert not await Unit.exists().where(Unit.name == "source")
        assert codes == ["TAG0", "TAG1"]

    async with target.transaction():
        # Every copy brings the same region and tags, and only the first of them inserts.
        region, entity = unit.region_id, unit.entity_id
        await Region.insert(
            Region(id=region.id, code=region.code, name="target", type=region.type)
        ).on_conflict(action=OnConflictAction.do_nothing)
        await pause()
        await Entity.objects().get_or_create(
            Entity.code == entity.code, defaults={Entity.id: entity.id, Entity.name: "target"}
        )
        await pause()
        await Unit.insert(
            Unit(
                id=unit.id,
                code=unit.code,
                name="target",
                entity_id=entity.id,
                region_id=region.id,
            )
        )
        copied = Person(
            id=person.id, full_name=person.full_name, note="target", region_id=person.region_id
        )
        await copied.save()
        await Tag.insert(
            *(Tag(id=tag.id, code=tag.code, name="target tag") for tag in person_tags)
        ).on_conflict(action=OnConflictAction.do_nothing)
        new_tags = await Tag.objects().order_by(Tag.code)
        await pause()
        await copied.add_m2m(*new_tags, m2m=Person.tags)
        if number % 3 == 0:
            raise ZeroDivisionError
        async with source.transaction():
            await Person.update({Person.note: "copied"}).where(Person.id == person.id)
            await pause()
            assert (await person.refresh()).note == "copied"
        assert (await copied.refresh()).note == "target"


async def check(source: str, target: str) -> None:
    """See, with the plain drivers, that each database holds exactly what belongs there."""
    copied = [number for number in range(COPIES) if number % 3]
    names = sorted(f"P{number}" for number in copied)

    async def column(url: str, query: str) -> list[Any]:
        return sorted(value for (value,) in await rows(url, query))

    assert await column(source, "SELECT DISTINCT name FROM core_unit") == ["source"]
    assert await column(source, "SELECT name FROM core_entity") == ["source"] * COPIES
    assert await column(source, "SELECT count(*) FROM db_person_tag") == [2 * COPIES]
    assert await column(source, "SELECT full_name FROM db_person WHERE note = 'copied'") == names
    assert await column(source, "SELECT DISTINCT name FROM db_tag") == ["source tag"]

    assert await column(target, "SELECT full_name FROM db_person") == names
    assert await column(target, "SELECT DISTINCT note FROM db_person") == ["target"]
    assert await column(target, "SELECT name FROM core_unit") == ["target"] * len(copied)
    assert await column(target, "SELECT name FROM core_entity") == ["target"] * len(copied)
    assert await column(target, "SELECT name FROM core_region") == ["target"]
    assert await column(target, "SELECT name FROM db_tag") == ["target tag"] * 2
    query = "SELECT person_id || tag_id FROM db_person_tag"
    expected = await column(
        source,
        f"{query} WHERE person_id IN (SELECT id FROM db_person WHERE note = 'copied')",
    )
    assert await column(target, query) == expected


@pytest.fixture(params=["sqlite", "postgres"])
def target_url(request: pytest.FixtureRequest, files: tuple[str, str]) -> str:
    """The URL of a migrated and empty database to copy to: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return files[1]
    server, template = map(request.getfixturevalue, ("postgres_url", "migrated_postgres"))
    return asyncio.run(postgres_copy(server, template))


async def nothing_is_held(client: Client) -> None:
    """Wait until every connection is given back: a rollback is not waited for."""
    for _ in range(1000):
        stats = client.stats()
        if (stats.waiting, stats.readers_in_use, stats.writer_in_use) == (0, 0, False):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(stats)


async def test_two_clients_do_not_mix(files: tuple[str, str], target_url: str) -> None:
    """Twenty tasks copy from one database to another, and each row ends where it belongs."""
    random.seed(7)
    source_url = files[0]
    async with create_client(source_url) as source:
        await fill(source)
        async with create_client(target_url) as target:
            results = await asyncio.gather(
                *(copy(number, source, target) for number in range(COPIES)),
                return_exceptions=True,
            )
            for number, result in enumerate(results):
                assert type(result) is (type(None) if number % 3 else ZeroDivisionError), result
            await nothing_is_held(source)
            await nothing_is_held(target)
            assert await PersonTag.count() == 2 * len([n for n in range(COPIES) if n % 3])
    await check(source_url, target_url)


async def test_blocks_in_tasks_do_not_mix(files: tuple[str, str]) -> None:
    """Tasks that each enter the block of one of two clients write only there."""

    async def work(url: str, prefix: str, number: int) -> None:
        # A task that started outside has the one it opened itself.
        async with create_client(url) as db:
            await pause()
            async with db.transaction():
                await make(Tag, code=f"{prefix}{number}")
                await pause()
                assert await Tag.count().where(Tag.code.not_like(f"{prefix}%")) == 0

    await asyncio.gather(
        *(
            asyncio.create_task(work(url, prefix, number))
            for number in range(5)
            for url, prefix in zip(files, "AB", strict=True)
        )
    )
    assert await tags(files[0]) == [f"A{number}" for number in range(5)]
    assert await tags(files[1]) == [f"B{number}" for number in range(5)]

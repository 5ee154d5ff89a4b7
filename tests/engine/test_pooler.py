"""Behind a real pgbouncer, as operators put it before PostgreSQL, every answer is the right one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from between import pgbouncer
from conftest import ROOT
from databases import postgres_copy, rows

from atlas import (
    ClientError,
    ConfigurationError,
    DatabaseServerError,
    Entity,
    Param,
    Tag,
    create_client,
)


@pytest.fixture(scope="module")
def direct(postgres_url: str, migrated_postgres: str) -> str:
    """A migrated database with two hundred tags and one entity, reached directly."""
    url = asyncio.run(postgres_copy(postgres_url, migrated_postgres))

    async def fill() -> None:
        async with create_client(url) as client:
            await client.upsert(Tag, [{"code": f"{n}", "name": "n"} for n in range(200)])
            await Entity(code="0", name="an entity").save()

    asyncio.run(fill())
    return url


@pytest.fixture(scope="module")
def pooled(direct: str) -> Iterator[str]:
    """The same database behind pgbouncer in transaction mode."""
    with pgbouncer(direct) as url:
        yield url


async def work(url: str, number: str) -> Counter[str]:
    """Read, write and read in batches as one of several programs; count how each ended."""
    ends: Counter[str] = Counter()

    async def one(count: int) -> None:
        tag = await Tag.select(Tag.code, Tag.name).where(Tag.code == str(count)).first()
        ends["read" if tag == {"code": str(count), "name": "n"} else f"read {tag}"] += 1
        entity = await Entity.select(Entity.name).where(Entity.code == str(count)).first()
        expected = {"name": "an entity"} if count == 0 else None
        ends["read" if entity == expected else f"read {entity}"] += 1
        code = f"{number}-{count}"
        async with client.transaction():
            await Entity(code=code, name="new").save()
            await Entity.update({Entity.name: code}).where(Entity.code == code)
        name = await client.run(find(code=code))
        ends["write" if name == [{"name": code}] else f"write {name}"] += 1

    async def batch() -> None:
        async with await Tag.select(Tag.name).where(Tag.name == "n").batch(batch_size=30) as found:
            got = [row async for rows in found for row in rows]
        ends["batch" if got == [{"name": "n"}] * 200 else f"batch of {len(got)}"] += 1

    async with create_client(url) as client:
        find: Any = client.prepare(Entity.select(Entity.name).where(Entity.code == Param("code")))
        for start in range(0, 200, 8):
            await asyncio.gather(*(one(start + place) for place in range(8)), batch())
    return ends


def test_two_programs_get_their_own_answers(direct: str, pooled: str) -> None:
    """Reads, writes, prepared queries and batches of two processes, each answer compared."""
    program = (
        "import asyncio, json, sys; sys.path[:0] = sys.argv[3:]; from test_pooler import work;"
        "print(json.dumps(asyncio.run(work(*sys.argv[1:3]))))"
    )
    paths = [str(ROOT / "tests"), str(ROOT / "tests" / "engine")]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, pooled, number, *paths], stdout=subprocess.PIPE
        )
        for number in ("a", "b")
    ]
    for each in running:
        printed, _ = each.communicate(timeout=120)
        assert json.loads(printed) == {"read": 400, "write": 200, "batch": 25}
    query = "SELECT count(*) FROM core_entity WHERE code LIKE '%-%' AND name = code"
    assert asyncio.run(rows(direct, query)) == [(400,)]


async def test_nothing_of_a_client_stays_in_a_session_of_the_pooler(
    direct: str, pooled: str
) -> None:
    """No named statement, cursor or setting is left for the next client of a session."""
    async with create_client(pooled, read_only=True, statement_timeout_ms=4321):
        await Tag.count()
        async with await Tag.select().batch(batch_size=10) as batch:
            await batch.next()
    connection = await asyncpg.connect(dsn=pooled, statement_cache_size=0)
    try:
        for _ in range(3):
            assert await connection.fetch("SELECT name FROM pg_prepared_statements") == []
            assert await connection.fetch("SELECT name FROM pg_cursors WHERE name <> ''") == []
            for setting, default in (("statement_timeout", "0"), ("transaction_read_only", "off")):
                assert await connection.fetchval(f"SHOW {setting}") == default
    finally:
        await connection.close()


async def test_read_only_and_settings_hold(pooled: str) -> None:
    """What the URL asks for holds for each statement, in blocks and by itself."""
    url = f"{pooled}?search_path=nowhere,public&options=-c%20work_mem=1234kB"
    async with create_client(url, read_only=True, statement_timeout_ms=5_000) as client:
        for _ in range(3):
            assert await Tag.count() == 200
            (shown,) = await Tag.raw("SELECT current_setting('work_mem') AS memory")
            assert shown == {"memory": "1234kB"}
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await Tag(code="new", name="n").save()
            async with client.snapshot():
                assert await Tag.raw("SELECT current_setting('search_path') AS path") == [
                    {"path": "nowhere,public"}
                ]
    async with create_client(url):
        assert await Tag.count() == 200


async def test_a_setting_of_a_session_is_refused(pooled: str) -> None:
    """SET, LISTEN and a session's lock would be another client's; SET LOCAL is the block's."""
    async with create_client(pooled) as client:
        for statement in ("SET work_mem = '2MB'", "LISTEN x", "SELECT pg_advisory_lock(1)"):
            with pytest.raises(ClientError, match="session of the pooler"):
                await Tag.raw(statement)
        async with client.transaction():
            await Tag.raw("SET LOCAL work_mem = '2MB'")
            assert await Tag.raw("SHOW work_mem") == [{"work_mem": "2MB"}]


async def test_a_setting_that_there_is_not_is_named(pooled: str) -> None:
    """An option that neither Atlas nor the server knows is refused by its name."""
    with pytest.raises(ConfigurationError, match="poolsize"):
        await create_client(f"{pooled}?poolsize=3").open()


async def test_statement_mode_is_refused(direct: str) -> None:
    """A pooler that lends no transactions cannot keep a block together, and is named."""
    with pgbouncer(direct, "statement") as url, pytest.raises(DatabaseServerError) as caught:
        await create_client(url).open()
    assert "statement mode" in str(caught.value)


async def test_session_mode_works(direct: str) -> None:
    """A pooler that lends sessions is a pooler as well."""
    with pgbouncer(direct, "session") as url:
        async with create_client(url) as client, client.transaction():
            assert await Tag.count() == 200


@pytest.mark.parametrize("command", ["audit", "info", "check"])
def test_commands_go_the_same_way(command: str, pooled: str, tmp_path: Path) -> None:
    """Who looks at a database from outside finds the same through the pooler."""
    environment = {k: value for k, value in os.environ.items() if k != "PICCOLO_CONF"}
    done = subprocess.run(
        [Path(sys.executable).parent / "atlas", command],
        cwd=tmp_path,
        env=environment | {"DATABASE_URL": pooled},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr

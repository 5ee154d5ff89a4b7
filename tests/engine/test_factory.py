"""From a URL to an engine that has opened nothing yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from atlas.engine.factory import create_engine
from atlas.engine.options import EngineOptions
from atlas.engine.postgres.engine import CockroachEngine, PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.url import DatabaseURL


@pytest.mark.parametrize(
    ("url", "kind", "engine_type"),
    [
        ("file:data.db", SQLiteEngine, "sqlite"),
        (":memory:", SQLiteEngine, "sqlite"),
        ("postgresql://db/atlas", PostgresEngine, "postgres"),
        ("cockroachdb://db/atlas?untested=1", CockroachEngine, "cockroach"),
    ],
)
def test_url_chooses_the_engine(url: str, kind: type, engine_type: str) -> None:
    """Each kind of URL gives its engine, which speaks its dialect and has the options."""
    options = EngineOptions(pool_size=9)
    engine = create_engine(DatabaseURL.parse(url), options)
    assert type(engine) is kind
    assert engine.engine_type == engine_type
    assert engine.options is options
    assert engine.pool is None


@pytest.mark.parametrize(
    "url",
    [
        "file:data.db",
        "postgresql://host.invalid/atlas",
        "cockroachdb://host.invalid/atlas?untested=1",
    ],
)
def test_nothing_is_opened(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Making an engine makes no file, connects to no server and prints nothing."""
    monkeypatch.chdir(tmp_path)
    create_engine(DatabaseURL.parse(url), EngineOptions())
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


WITHOUT_ASYNCPG = """
import asyncio, sys
sys.modules["asyncpg"] = None  # as if it were not installed
import atlas

async def main():
    async with atlas.create_client(":memory:") as db:
        await db.ping()

asyncio.run(main())
try:
    atlas.create_client("postgresql://me:Sentinel@db/atlas")
except atlas.ConfigurationError as error:
    print(error)
"""


def test_missing_asyncpg_is_said(tmp_path: Path) -> None:
    """Without asyncpg SQLite works, and a server's URL is refused with what to install."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_ASYNCPG],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        text=True,
        timeout=60,
    )
    assert result.stderr == ""
    assert result.stdout == (
        "postgresql://me:***@db/atlas: a server needs asyncpg. Install it with: pip install "
        "'.[postgres]' in a checkout, pip install 'WHEEL[postgres]' with a wheel's path\n"
    )

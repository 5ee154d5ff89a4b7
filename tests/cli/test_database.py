"""Which database a command, a client and code without one work on: the same one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import environment, run

CONF = """
from piccolo.conf.apps import AppRegistry
from atlas import create_client
from atlas.conf import APPS
DB = create_client("file:school.db", pool_size=2).engine
APP_REGISTRY = AppRegistry(apps=APPS)
"""
STOCK_CONF = """
from piccolo.conf.apps import AppRegistry
from piccolo.engine.sqlite import SQLiteEngine
from atlas.conf import APPS
DB = SQLiteEngine("stock.db")
APP_REGISTRY = AppRegistry(apps=APPS)
"""
CODE = """
import asyncio
from atlas import Region, create_client

async def main():
    assert await Region.count() == 38
    async with create_client() as db:
        assert await Region.count() == 38
        print(db.engine.path, db.engine.options.pool_size)

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration that names a database."""
    (tmp_path / "piccolo_conf.py").write_text(CONF)
    return tmp_path


def databases(folder: Path) -> list[str]:
    """Return the names of the databases in a folder."""
    return sorted(path.name for path in folder.glob("*.db"))


def python(folder: Path, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script that lies in ``folder``."""
    (folder / "script.py").write_text(code)
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )


def test_all_use_the_database_of_the_configuration(folder: Path) -> None:
    """Every command, a client and code without one use its DB, and commands say which it is."""
    for words in (("migrate",), ("seed",), ("audit",), ("check",), ("info",), ("adopt",)):
        done = run(folder, "atlas", *words)
        assert done.returncode == 0, done.stderr
        assert str(folder / "school.db") in done.stdout
    assert json.loads(run(folder, "atlas", "info", "--json").stdout)["location"].endswith(
        "school.db"
    )
    done = python(folder, CODE)
    assert done.stdout == f"{folder / 'school.db'} 2\n", done.stderr
    assert "Jawa" in run(folder, "piccolo", "fixtures", "dump", "--tables=Region").stdout
    assert databases(folder) == ["school.db"]


@pytest.mark.parametrize("said", ["variable", "dotenv", "argument"])
def test_what_is_said_wins_over_the_configuration(folder: Path, said: str) -> None:
    """DATABASE_URL, of the environment or .env, wins over the DB; --database over all."""
    variables, words = {}, ()
    if said == "variable":
        variables = {"DATABASE_URL": "file:other.db"}
    elif said == "dotenv":
        (folder / ".env").write_text("DATABASE_URL=file:other.db\n")
    else:
        variables, words = {"DATABASE_URL": "file:third.db"}, ("--database", "other.db")
    for command in ("migrate", "seed", "audit", "check", "info"):
        done = run(folder, "atlas", command, *words, **variables)
        assert done.returncode == 0, done.stderr
        assert str(folder / "other.db") in done.stdout
    if said != "argument":
        assert python(folder, CODE, **variables).stdout.startswith(str(folder / "other.db"))
    assert databases(folder) == ["other.db"]


def test_a_run_of_tests_is_led_to_no_other_database(folder: Path) -> None:
    """A configuration for tests keeps its DB, whatever DATABASE_URL says."""
    shutil.copy(folder / "piccolo_conf.py", folder / "piccolo_conf_test.py")
    code = "import atlas; print(atlas.create_client().engine.path, atlas.Tag._meta.db.path)"
    done = python(folder, code, DATABASE_URL="file:production.db", PICCOLO_CONF="piccolo_conf_test")
    assert done.stdout.split() == [str(folder / "school.db")] * 2, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("atlas", "migrate"),
        ("atlas", "seed"),
        ("atlas", "info"),
        ("piccolo", "migrations", "forwards", "all"),
    ],
)
def test_an_engine_of_piccolos_own_is_an_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    """The error names the line to write, and nothing is made."""
    (tmp_path / "piccolo_conf.py").write_text(STOCK_CONF)
    done = run(tmp_path, *words)
    assert done.returncode == (2 if words[0] == "atlas" else 1)
    assert "from atlas.conf import DB" in done.stderr
    assert "Traceback" not in done.stderr
    assert databases(tmp_path) == []


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (None, "PICCOLO_CONF=nowhere cannot be imported: No module named 'nowhere'"),
        ("1 / 0", "piccolo_conf.py cannot be imported: ZeroDivisionError"),
        ("APP_REGISTRY = None", "piccolo_conf.py has no DB"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(
    tmp_path: Path, conf: str | None, message: str
) -> None:
    """One line names the configuration and the reason, and the exit code is 2."""
    variables = {} if conf else {"PICCOLO_CONF": "nowhere"}
    if conf:
        (tmp_path / "piccolo_conf.py").write_text(conf)
    for command in ("check", "info", "seed"):
        done = run(tmp_path, "atlas", command, **variables)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert databases(tmp_path) == []

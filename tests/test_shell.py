"""Piccolo's own commands on this schema: shell, sql_shell, schema graph and tester."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from conftest import ROOT
from terminal import BIN, PROMPT, Terminal, environment

from atlas import TABLES, AtlasError, DatabaseFileError, create_client, sql_shell


@pytest.fixture
def project(migrated_file: Path, tmp_path: Path) -> Path:
    """A folder with this checkout's configuration and a migrated database with one entity."""
    for name in ("piccolo_conf.py", "piccolo_conf_test.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(migrated_file, tmp_path / "atlas-ops.db")
    with closing(sqlite3.connect(tmp_path / "atlas-ops.db")) as connection, connection:
        connection.execute(
            "INSERT INTO core_entity (id, code, name)"
            " VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'LPK1', 'Maju Bahasa')"
        )
    return tmp_path


def piccolo(folder: Path, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run ``piccolo`` with these arguments in ``folder``."""
    return subprocess.run(
        [BIN / "piccolo", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def test_shell_has_every_table_and_awaits(project: Path) -> None:
    """In ``piccolo shell run`` all 38 tables are in scope, and both ways to run a query work."""
    shell = Terminal("piccolo shell run", project)
    shell.read_to(PROMPT)
    names = [table.__name__ for table in TABLES]
    assert "38" in shell.run(f"len([{', '.join(names)}])")
    assert "[{'code': 'LPK1'}]" in shell.run("await Entity.select(Entity.code)")
    assert "LPK1" in shell.run("Entity.select(Entity.code).run_sync()[0]['code']")
    assert "ok" in shell.run("await Tag(code='vip', name='VIP').save() or 'ok'")
    assert shell.leave()[1] == 0
    with closing(sqlite3.connect(project / "atlas-ops.db")) as connection:
        assert connection.execute("SELECT code FROM db_tag").fetchall() == [("vip",)]


def test_sql_shell_enforces_foreign_keys(project: Path) -> None:
    """What is typed into ``piccolo sql_shell run`` cannot leave a row without its parent."""
    insert = "INSERT INTO core_unit (id, entity_id, code, name) VALUES ('u', 'nobody', 'u', 'u');"
    result = piccolo(
        project, "sql_shell", "run", input=f"SELECT code FROM core_entity;\n{insert}\n"
    )
    assert result.stdout.splitlines() == ["Enter .quit to exit", "LPK1"]
    assert "FOREIGN KEY constraint failed" in result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:s%3Acret@db.example:5433/atlas?application_name=x",
        "postgresql://ana@db.example:5433/atlas?application_name=x&password=s%3Acret",
    ],
)
def test_psql_gets_no_password_on_its_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], url: str
) -> None:
    """Whoever lists the processes of the machine sees the URL without the password."""
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "$@"; echo "[$PGPASSWORD]"\n')
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine = create_client(url).engine
    monkeypatch.setattr(sql_shell, "engine_finder", lambda: engine)
    sql_shell.run()
    assert capfd.readouterr().out.splitlines() == [
        r"Enter \q to exit",
        "postgresql://ana@db.example:5433/atlas?application_name=x",
        "[s:cret]",
    ]


def test_psql_gets_a_stock_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An engine of Piccolo's own, with its parts by name, is understood too."""
    assert sql_shell._psql({"user": "ana", "host": "db", "port": 5433, "database": "atlas"}) == (
        ["psql", "-U", "ana", "-h", "db", "-p", "5433", "-d", "atlas"],
        {},
    )
    assert sql_shell._psql({"database": "atlas", "password": "x"})[1] == {"PGPASSWORD": "x"}


def test_sql_shell_names_the_program_that_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sqlite3, without an engine and without the file each message says what is wrong."""
    engine = create_client(f"file:{project / 'atlas-ops.db'}").engine
    monkeypatch.setattr(sql_shell, "engine_finder", lambda: engine)
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(
        AtlasError, match="sqlite3 is not installed; on Debian: apt install sqlite3"
    ):
        sql_shell.run()
    monkeypatch.setattr(sql_shell, "engine_finder", lambda: None)
    with pytest.raises(AtlasError, match="no shell for None"):
        sql_shell.run()
    missing = create_client(f"file:{project / 'missing.db'}").engine
    monkeypatch.setattr(sql_shell, "engine_finder", lambda: missing)
    with pytest.raises(DatabaseFileError, match="no such file"):
        sql_shell.run()
    assert not (project / "missing.db").exists()


def test_schema_graph_has_every_table_and_reference(project: Path) -> None:
    """``piccolo schema graph`` draws 38 tables and an arrow for each foreign key."""
    dot = piccolo(project, "schema", "graph").stdout
    assert dot.startswith("digraph")
    tables = re.findall(r"^ +TABLE_(\w+) \[label", dot, re.MULTILINE)
    assert sorted(tables) == sorted(table.__name__ for table in TABLES)
    arrows = re.findall(r"TABLE_(\w+) -> TABLE_(\w+)", dot)
    references = [
        (table.__name__, key._foreign_key_meta.resolved_references.__name__)
        for table in TABLES
        for key in table._meta.foreign_key_columns
    ]
    assert sorted(arrows) == sorted(references)


TESTS = """
from piccolo.testing.test_case import AsyncTableTest, AsyncTransactionTest

import atlas
from atlas import TABLES, Entity, PersonTag, Tag, create_client


class TestTables(AsyncTableTest):
    tables = TABLES

    async def test_one(self):
        assert await Entity.count() == 0
        await Entity(code="LPK1", name="Maju Bahasa").save()
        assert await Entity.count() == 1

    async def test_two(self):
        assert await PersonTag.objects().order_by(PersonTag._meta.primary_key) == []
        async with create_client("file:other.db"):
            await Tag.create_table()
            await Tag(code="vip", name="VIP").save()
        assert await Tag.count() == 0


class TestTransaction(AsyncTransactionTest):
    async def test_three(self):
        await Tag.create_table()
        await Tag(code="vip", name="VIP").save()
"""


def test_tester_has_a_database_of_its_own(project: Path) -> None:
    """``piccolo tester run`` makes and drops the tables elsewhere, and takes words in quotes."""
    (project / "test_mine.py").write_text(TESTS)
    before = (project / "atlas-ops.db").read_bytes()
    result = piccolo(project, "tester", "run", "--pytest_args=-v -k 'one or two or three'")
    assert "3 passed" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0
    assert (project / "atlas-ops.db").read_bytes() == before
    assert (project / "other.db").exists()

    result = piccolo(project, "tester", "run", "--pytest_args=-k one")
    assert "1 passed, 2 deselected" in result.stdout
    assert piccolo(project, "tester", "run", "--pytest_args=-k none").returncode != 0


def test_the_test_configuration_is_gone_with_its_process(project: Path) -> None:
    """piccolo_conf_test registers the same seven apps, and leaves no file behind."""
    code = "import piccolo_conf_test as c; print(len(c.APP_REGISTRY.apps), c.DB.path)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        check=True,
    )
    count, path = result.stdout.split()
    assert count == "7"
    assert not Path(path).parent.exists()

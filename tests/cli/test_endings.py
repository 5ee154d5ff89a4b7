"""How commands end: their exit codes, Ctrl-C, a reader that goes away, and JSON of a failure."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pexpect
import pytest
from commands import BIN, environment, run
from conftest import ROOT

#: Sends the process Ctrl-C when it first looks for a module.
INTERRUPT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("INTERRUPT_AT"):
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def folder(migrated_file: Path, tmp_path: Path) -> Path:
    """A folder with a migrated database."""
    shutil.copyfile(migrated_file, tmp_path / "atlas-ops.db")
    return tmp_path


@pytest.mark.parametrize(
    "module",
    [
        "typer",
        "piccolo.query",
        "atlas.table",
        "atlas.check.drift",
        "piccolo.apps.migrations.tables",
    ],
)
def test_ctrl_c_while_modules_load(folder: Path, module: str) -> None:
    """It ends the command with 130 and without a traceback, whatever is being imported."""
    (folder / "sitecustomize.py").write_text(INTERRUPT)
    done = run(folder, "atlas", "check", PYTHONPATH=str(folder), INTERRUPT_AT=module)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_program_keeps_its_own_ctrl_c(tmp_path: Path) -> None:
    """Whoever imports the package gets KeyboardInterrupt, as without it."""
    code = "import signal, atlas; assert signal.getsignal(2) is signal.default_int_handler"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        ("atlas", "migrate", "--backwards", "--to", "all"),
        ("piccolo", "migrations", "backwards", "all"),
    ],
)
@pytest.mark.parametrize(("answer", "code"), [("ctrl-c", 130), ("ctrl-d", 1), ("n", 1)])
def test_a_question_can_be_declined(
    folder: Path, words: tuple[str, ...], answer: str, code: int
) -> None:
    """Ctrl-C, the end of stdin or a no end the command at once, and nothing is done."""
    child = pexpect.spawn(
        str(BIN / words[0]), list(words[1:]), cwd=folder, env=environment(), encoding="utf-8"
    )
    child.expect(r"\[y/N\] ", timeout=60)
    if answer == "n":
        child.sendline("n")
    else:
        child.sendcontrol(answer[-1])
    child.expect(pexpect.EOF, timeout=30)
    child.close()
    assert child.exitstatus == code
    assert "Traceback" not in child.before
    with closing(sqlite3.connect(folder / "atlas-ops.db")) as connection:
        assert connection.execute("SELECT count(*) FROM migration").fetchone() == (7,)


@pytest.mark.parametrize(
    "line",
    [
        "atlas info",
        "atlas info --json",
        "atlas check --json",
        "atlas audit --list",
        "atlas migrate --preview",
        "atlas --help",
        "piccolo fixtures dump",
    ],
)
def test_a_reader_may_go_away(folder: Path, line: str) -> None:
    """A command whose output nobody reads ends as one that SIGPIPE ended, and says nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    name, *words = line.split()
    done = subprocess.run(
        [BIN / name, *words],
        cwd=folder,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", ["check", "adopt", "audit", "info"])
@pytest.mark.parametrize("file", ["missing.db", "text.db"])
def test_a_failure_is_json_too(tmp_path: Path, command: str, file: str) -> None:
    """With --json a failure is an object with ``error``, exit code 2, and no file is made."""
    (tmp_path / "text.db").write_text("no database, but long enough to be taken for one")
    done = run(tmp_path, "atlas", command, "--json", "--database", file)
    said = json.loads(done.stdout)
    if command in ("check", "adopt") and done.returncode != 2:  # nothing there is a difference
        assert (file, done.returncode) == ("missing.db", 1)
    else:
        assert done.returncode == 2
        assert said == {"version": 1, "error": done.stderr.removeprefix("atlas: ").strip()}
        assert file in said["error"]
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("chekc",), "No such command 'chekc'"),
        (("audit", "--rule", "O44"), "there is no rule O44"),
        (("audit", "--table", "commerce_ordr"), "Did you mean commerce_order?"),
        (("audit", "--rule", "O4", "--table", "core_entity"), "O4 says nothing of core_entity"),
        (("migrate", "comerce"), "Did you mean commerce?"),
        (("check", "--qick"), "--quick"),
        (("info", "--database", "mysql://x"), "is not a database URL"),
    ],
)
def test_a_wrong_name_is_told(folder: Path, words: tuple[str, ...], message: str) -> None:
    """One line says what there is not and what is near, exit code 2; as JSON where asked for."""
    done = run(folder, "atlas", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    if words[0] in ("audit", "check", "info"):
        done = run(folder, "atlas", *words, "--json")
        assert message in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tables=Regoin",), "There is no table Regoin in core, db,"),
        (("--apps=cores",), "Did you mean core?"),
        (("--apps=core", "--tables=Region,Tag"), "There is no table Tag in core."),
    ],
)
def test_a_dump_of_what_is_not_there_is_refused(
    folder: Path, words: tuple[str, ...], message: str
) -> None:
    """An empty dump would look like a backup; what is wrong is on stderr, not in the file."""
    done = run(folder, "piccolo", "fixtures", "dump", *words, PICCOLO_CONF="atlas.conf")
    assert done.returncode == 1
    assert message in done.stderr
    assert "{" not in done.stdout


@pytest.mark.parametrize("words", [("check",), ("info",), ("adopt", "--dry-run"), ("audit",)])
def test_names_cannot_write_to_the_terminal(folder: Path, words: tuple[str, ...]) -> None:
    """Control characters in the names of a database are printed as escapes."""
    name = "owned\x1b]0;title\x07\x1b[2J"
    with closing(sqlite3.connect(folder / "atlas-ops.db")) as connection:
        connection.execute(f'ALTER TABLE db_tag ADD COLUMN "{name}" TEXT')
        connection.execute(f'CREATE TABLE "{name}" (a TEXT)')
        connection.execute(
            "INSERT INTO db_person (id, full_name, birth_date, created_at, updated_at)"
            f" VALUES ('{name}', '{name}', '2999-01-01', 'x', 'x')"
        )
        connection.commit()
    done = run(folder, "atlas", *words)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr

"""The scripts: complete, executable, described, and safe to start anywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
COMMANDS = [path for path in SCRIPTS if not path.suffix] + [ROOT / ".ci" / "run"]
BASH = [*COMMANDS, ROOT / "scripts" / "venv.sh"]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_command_is_executable(path: Path) -> None:
    """A script without a suffix is a command: executable, strict, in a folder of its own choice."""
    assert os.access(path, os.X_OK)
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    assert "set -euo pipefail" in lines
    assert any("dirname" in line for line in lines)


@pytest.mark.parametrize("path", BASH, ids=lambda path: path.name)
def test_bash_can_read_it(path: Path) -> None:
    """Bash finds no syntax error."""
    result = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_each_script_has_one_line() -> None:
    """scripts/README.md describes every script, and no other."""
    text = (ROOT / "scripts" / "README.md").read_text()
    described = re.findall(r"^- `([\w.-]+)`: .+", text, re.MULTILINE)
    assert sorted(described) == [path.name for path in SCRIPTS if path.name != "README.md"]


def test_ci_runs_the_tests() -> None:
    """The build server does what a person does."""
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text()


def test_old_python_is_refused(tmp_path: Path) -> None:
    """Where no Python is new enough, one line says which is needed."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "cmp", "dirname", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    old = programs / "python3"
    old.write_text('#!/bin/bash\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)

    result = subprocess.run(
        [tmp_path / "scripts" / "run"],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    assert result.stderr == "Atlas needs Python 3.11 or newer, and found: Python 3.9.2\n"
    assert not (tmp_path / ".venv").exists()


@pytest.mark.timeout(300)  # it asks the package index
def test_run_changes_nothing_the_second_time(tmp_path: Path) -> None:
    """In an empty clone: run, run again, and run on a file that is not a database."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout to clone")
    clone = tmp_path / "clone"

    def git(*arguments: str, folder: Path = clone) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout

    # A clone would leave out what is not committed yet.
    for name in git("ls-files", "-co", "--exclude-standard", folder=ROOT).splitlines():
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    git("init", "--quiet")
    git("add", "--all")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ATLAS_", "PICCOLO_", "PYTHON", "VIRTUAL_ENV"))
    } | {"DATABASE_URL": "postgresql://production.example/atlas"}  # which no demo row may reach

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [clone / "scripts" / "run"], cwd="/", env=environment, capture_output=True, text=True
        )

    first, second = run(), run()

    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stderr) == (0, "")
    assert "38 tables" in first.stdout
    assert "Nothing to do" in second.stdout
    assert "The latest orders" in second.stdout
    assert re.search(r"CK[BCT]-SO-\d{6} +\w+", second.stdout)
    assert "Installing" not in second.stdout
    assert "??" not in git("status", "--porcelain")

    (clone / "atlas-ops.db").write_text("no database")
    third = run()
    assert third.returncode == 2
    assert "is not an SQLite database" in third.stderr

"""The documents say what the code does: their examples run, and what they name exists."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from conftest import ROOT, migrate

import atlas.cli
from atlas.engine.sqlite.engine import SQLiteEngine

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "scripts" / "README.md"])

#: Programs that a shell block may use and that are not ours.
FOREIGN_COMMANDS = {
    "pre-commit",
    "cd",
    "cp",
    "echo",
    "export",
    "git",
    "grep",
    "head",
    "pip",
    "python",
    "source",
}


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """Yield the fenced blocks of all documents in one of these languages, with their place."""
    for path in DOCUMENTS:
        text = path.read_text()
        for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
            if match[2] in languages:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path.relative_to(ROOT)}:{line}", textwrap.dedent(match[3])


#: The recipes of docs/frameworks.md are run by test_frameworks.py.
PYTHON = [
    (place, code) for place, code in blocks("python") if not place.startswith("docs/frameworks.md")
]
SHELL = [
    (place, line)
    for place, block in blocks("shell", "sh", "bash", "console")
    for line in block.splitlines()
    if line.strip() and not line.lstrip().startswith("#")
]


def test_documents_have_examples() -> None:
    """The tests below find something to test."""
    places = " ".join(place for place, _ in [*PYTHON, *SHELL])
    assert "README.md" in places
    assert "docs/" in places


# --- Python -----------------------------------------------------------------


@pytest.fixture(scope="session")
def seeded_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what ``scripts/run`` leaves in a checkout. Copy it; do not write to it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "piccolo_conf.py", folder)
    migrate(SQLiteEngine(str(folder / "atlas-ops.db")))
    subprocess.run(
        [Path(sys.executable).with_name("atlas"), "seed", "--demo", "small"],
        cwd=folder,
        env=environment(),
        check=True,
        capture_output=True,
    )
    return folder


def environment() -> dict[str, str]:
    """Return the environment of somebody who has set nothing."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "PICCOLO_CONF") and not name.startswith("ATLAS_")
    }


@pytest.fixture
def checkout(seeded_checkout: Path, tmp_path: Path) -> Path:
    """A seeded checkout of the test's own."""
    return Path(shutil.copytree(seeded_checkout, tmp_path / "checkout"))


@pytest.mark.parametrize(("place", "code"), PYTHON, ids=[place for place, _ in PYTHON])
def test_python_block_runs(checkout: Path, place: str, code: str) -> None:
    """An example runs as a script, prints something, and warns of nothing."""
    (checkout / "example.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=checkout,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout
    assert result.stderr == ""


def test_readme_block_runs_when_pasted(checkout: Path) -> None:
    """README's example works line by line in the interactive interpreter."""
    (code,) = [code for place, code in PYTHON if place.startswith("README.md")]
    result = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=code,
        cwd=checkout,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.stdout.count("-SO-") == 5
    assert "Error" not in result.stderr


# --- the shell --------------------------------------------------------------


@pytest.mark.parametrize(("place", "line"), SHELL, ids=[f"{p} {c.split('#')[0]}" for p, c in SHELL])
def test_shell_block_names_what_exists(place: str, line: str) -> None:
    """Each command of an example is a script, a subcommand, or a program everybody has."""
    words = line.partition(" #")[0].removeprefix("$ ").split()
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        del words[0]
    command, *arguments = words
    command = command.removeprefix(".venv/bin/")
    if command.startswith("scripts/"):
        assert os.access(ROOT / command, os.X_OK)
    elif command == "atlas":
        options = typer.main.get_command(atlas.cli.app)
        assert arguments[0] in (*getattr(options, "commands", {}), "--help", "--version")
    elif command == "piccolo":
        app = importlib.import_module(f"piccolo.apps.{arguments[0]}.piccolo_app")
        commands = [getattr(each, "callable", each) for each in app.APP_CONFIG.commands]
        assert arguments[1] in [each.__name__ for each in commands]
    else:
        assert command in FOREIGN_COMMANDS


# --- names ------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """A link to a file of the project has a file at its end."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_modules_exist(path: Path) -> None:
    """A module, folder or script that a document names is there."""
    for name in re.findall(r"`((?:atlas|docs|scripts|tests)/[\w./]+)`", path.read_text()):
        assert (ROOT / name).exists(), name


def test_changelog_begins_with_what_is_unreleased() -> None:
    """Who changes something finds the place to say so, in the sections there are."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == "Unreleased"
    sections = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

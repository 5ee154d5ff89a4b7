"""What the repository holds, and what it never may: databases and secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import ROOT, SHARED

import atlas
from atlas.settings import Settings

MEGABYTE = 1_000_000

needs_git = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason=f"{ROOT} is not a checkout, so there is nothing to track"
)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=60
    )


def tracked() -> list[Path]:
    """Return the files git tracks that are there."""
    names = git("ls-files", "-z").stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@needs_git
@pytest.mark.parametrize(
    "name",
    [
        "atlas-ops.db",
        "atlas-ops.db-wal",
        "atlas-ops.db-shm",
        "atlas-ops.db-journal",
        "other.db",
        "atlas-ops.db.2026-11-23T10-02-05-668201Z.backup",
        "atlas-ops.db.2026-11-23T10-02-05-668201Z.backup.part",
        "atlas-ops.db.2026_11_23T10_26_42.core_region.jsonl",
        "x.sqlite",
        "x.sqlite-wal",
        "x.sqlite-journal",
        "x.sqlite3",
        "scripts/atlas-ops.db",
        "tests/data/copy.db-wal",
        ".env",
        ".venv/bin/python",
        "atlas/__pycache__/cli.cpython-311.pyc",
        "dist/atlas-0.1.0.tar.gz",
    ],
)
def test_what_is_no_source_is_ignored(name: str) -> None:
    """A database, its companions, a .env and what tools make are never offered for a commit."""
    assert git("check-ignore", "--no-index", "-q", name).returncode == 0


@needs_git
@pytest.mark.parametrize(
    "name", [".env.example", "atlas/db/tables.py", "docs/model.md", "tests/test_new.py"]
)
def test_sources_are_not_ignored(name: str) -> None:
    """The rules above do not hide what belongs to the project."""
    assert git("check-ignore", "--no-index", "-q", name).returncode == 1


@needs_git
def test_no_database_is_tracked() -> None:
    """No tracked file is a database, whatever its name."""
    files = tracked()
    assert files
    databases = [f for f in files if re.search(r"\.(db|sqlite3?)\b", f.name)]
    assert databases == []
    assert [f for f in files if f.read_bytes()[:15] == b"SQLite format 3"] == []
    assert not [f for f in files if f.name == ".env"]


@needs_git
def test_no_tracked_file_is_large() -> None:
    """A clone stays small: no file has more than a megabyte."""
    assert [f for f in tracked() if f.stat().st_size > MEGABYTE] == []


@needs_git
def test_scripts_can_be_run() -> None:
    """What README and the build server call is executable in every clone."""
    lines = git("ls-files", "-s", "scripts", ".ci").stdout.splitlines()
    assert lines
    for mode, name in (re.split(r" .*\t", line) for line in lines):
        if (ROOT / name).read_bytes().startswith(b"#!"):
            assert mode == "100755", name


#: Of ``# NAME=value`` and ``NAME=value`` the comment above, the name and the value.
VARIABLE = re.compile(r"((?:^#(?!\s*[A-Z_]+=).*\n)*)^#?\s*([A-Z][A-Z_]*)=(.*)$", re.MULTILINE)


def variables() -> dict[str, tuple[str, str]]:
    """Return the comment and the value of each variable in .env.example."""
    text = (ROOT / ".env.example").read_text()
    return {name: (comment, value.strip()) for comment, name, value in VARIABLE.findall(text)}


FIELDS: dict[str, Any] = {name.upper(): field for name, field in Settings.model_fields.items()}


def test_the_example_lists_every_setting() -> None:
    """.env.example has each variable that Settings reads, in the same order, and no other."""
    assert list(variables()) == list(FIELDS)


def test_the_example_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env with every line of the example is the same as none."""
    for name in FIELDS:
        monkeypatch.delenv(name, raising=False)
    example = tmp_path / ".env"
    example.write_text("".join(f"{name}={value}\n" for name, (_, value) in variables().items()))
    monkeypatch.chdir(tmp_path)
    read = Settings(_env_file=example)  # type: ignore[call-arg]
    assert read == Settings(_env_file=None)  # type: ignore[call-arg]
    assert read.model_fields_set == set(Settings.model_fields)


#: How the comment of a variable with such a name, or of such a type, says its unit.
UNITS = {
    "_MS": "milliseconds",
    "_SIZE": "connections",
    "_CACHE": "statements",
    "_READS": "milliseconds",
    "_COMMITS": "writes",
    "_URL": "postgresql://",
    "_FILE": "path",
    "_MODE": "0600",
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_says_what_a_variable_may_be(name: str) -> None:
    """The comment above a variable names its unit, or the values there are."""
    comment = variables()[name][0].lower()
    annotation = FIELDS[name].annotation
    if annotation is bool:
        assert "true or false" in comment
    elif choices := get_args(annotation):
        assert all(choice.lower() in comment for choice in choices)
    else:
        assert next(unit for end, unit in UNITS.items() if name.endswith(end)) in comment


def test_the_changelog_has_a_section_for_this_version() -> None:
    """The version, or what will be the next, has a section that says something."""
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    newest = sections[0]
    assert newest.startswith(("Unreleased", atlas.__version__))
    assert re.search(r"^### (Added|Changed|Deprecated|Removed|Fixed|Security)$", newest, re.M)
    assert re.search(r"^- \w", newest, re.MULTILINE)


def test_the_model_is_in_the_docs() -> None:
    """docs/model.md is the authority, byte for byte where that is at hand."""
    model = (ROOT / "docs" / "model.md").read_bytes()
    assert model.startswith(b"# The Atlas model\n")
    if (SHARED / "model.md").exists():
        assert model == (SHARED / "model.md").read_bytes()


def test_the_package_is_typed() -> None:
    """Type checkers of those who install Atlas read its annotations."""
    assert (ROOT / "atlas" / "py.typed").exists()

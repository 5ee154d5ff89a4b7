"""``piccolo migrations new`` says what it left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from piccolo.conf.apps import AppConfig

from atlas.check.new import keep_if_sound
from atlas.errors import MigrationError

TAG = "class Tag("
ORGANIZATION = "class Organization("
NAME = '    name = Text(help_text="display name")\n'
WARNING = "do not add up to what its tables declare"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, in which migrations may be written."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "atlas", tmp_path / "atlas", ignore=ignored)
    return tmp_path


def edit(package: Path, after: str, old: str, new: str) -> None:
    """Replace the first ``old`` after the line that begins with ``after`` in db's tables."""
    path = package / "atlas" / "db" / "tables.py"
    head, found, rest = path.read_text().partition(after)
    assert found
    assert old in rest
    path.write_text(head + found + rest.replace(old, new, 1))


def new(package: Path, *arguments: str) -> tuple[str, list[str]]:
    """Run ``piccolo migrations new db``; return its output, and what it warned of on stderr."""
    result = subprocess.run(
        [Path(sys.executable).with_name("piccolo"), "migrations", "new", "db", *arguments],
        capture_output=True,
        check=True,
        cwd=package,
        env=os.environ
        | {
            "DATABASE_URL": f"file:{package / 'unused.db'}",
            "PICCOLO_CONF": "atlas.conf",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(package),
        },
        text=True,
        timeout=60,
    )
    assert not (package / "unused.db").exists()
    if WARNING not in result.stderr:
        return result.stdout, []
    listed = result.stderr.partition(WARNING)[2].splitlines()[1:]
    return result.stdout, [line.strip() for line in listed if line.startswith("  ")]


def test_new_is_silent_when_nothing_is_left(package: Path) -> None:
    """A migration that brings about all that the tables declare is followed by no warning."""
    assert new(package, "--auto")[1] == []
    edit(package, TAG, NAME, NAME + '    note = Text(null=True, index=True, help_text="note")\n')
    output, warned = new(package, "--auto")
    assert "Created table columns" in output
    assert warned == []


def test_new_does_not_warn_of_sqlite(package: Path) -> None:
    """Piccolo's warning that SQLite lacks ALTERs is not printed: here they are made."""
    said, _ = new(package, "--auto")
    assert "fully supported" not in said


def test_rename_with_another_change(package: Path) -> None:
    """What changes besides a name is in the same migration."""
    edit(package, TAG, NAME, '    title = Text(null=True, help_text="display name")\n')
    edit(package, TAG, "[cls.name]", "[cls.title]")
    _, warned = new(package, "--auto", "--auto_input=y")
    assert warned == []


def test_changes_of_the_same_name_in_two_tables(package: Path) -> None:
    """A column that is renamed in one table and added to another is both in one migration."""
    edit(package, TAG, NAME, '    title = Text(help_text="display name")\n')
    edit(package, TAG, "[cls.name]", "[cls.title]")
    edit(
        package,
        ORGANIZATION,
        "    id = ulid_key()",
        "    title = Text(null=True)\n    id = ulid_key()",
    )
    _, warned = new(package, "--auto", "--auto_input=y")
    assert warned == []


def test_migration_by_hand_that_is_still_empty(package: Path) -> None:
    """A migration to be written by hand is followed by the list of what it has to do."""
    edit(package, TAG, NAME, NAME.replace("Text(", "Text(index=True, "))
    _, warned = new(package)
    assert warned == ["db_tag.db_tag_name: the index (name) is missing in the migrations"]


def test_key_that_changes_under_its_name(package: Path) -> None:
    """A key that is over the same columns in another way is dropped and made again."""
    edit(
        package,
        "class Contact(",
        "Unique([person_id, type, value])",
        "Unique([person_id, type, value], nulls_distinct=False)",
    )
    output, warned = new(package, "--auto")
    assert "No changes detected" not in output
    assert warned == []


async def test_a_migration_that_cannot_be_run_is_not_left(tmp_path: Path) -> None:
    """A file that was just written and cannot be imported is refused, and is not left."""
    config = AppConfig(app_name="unsound", migrations_folder_path=str(tmp_path))
    path = tmp_path / "unsound_2026_01_01t00_00_00_000000.py"
    path.write_text("ID = '2026-01-01T00:00:00:000000'\nVALUE = nan\n")
    with pytest.raises(MigrationError, match=r"cannot be run \(NameError: name 'nan' is not"):
        await keep_if_sound(config, str(path))
    assert not path.exists()

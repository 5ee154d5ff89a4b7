"""The ``atlas`` command: what it prints, and its one line when something is wrong."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

import atlas
import atlas.cli


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migrated and empty file, which the command finds by DATABASE_URL."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    monkeypatch.setenv("DATABASE_URL", f"file:{path}")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Run ``atlas`` with these arguments; return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["atlas", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        atlas.cli.main()
    return exit_info.value.code


def dump(path: Path) -> list[str]:
    """Return the SQL that makes the database, with every stored value."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_version_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``atlas --version`` names the version that is installed."""
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"atlas {atlas.__version__}\n"


def test_seed_counts_rows_and_then_does_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run says what it inserted; the second says so when it changed nothing."""
    assert run(monkeypatch, "seed") == 0
    assert "core_region" in capsys.readouterr().out
    assert run(monkeypatch, "seed", "--demo", "small") == 0
    assert "commerce_order_line" in capsys.readouterr().out
    seeded = dump(database)

    assert run(monkeypatch, "seed", "--demo", "small") == 0

    said = capsys.readouterr().out
    assert re.fullmatch(
        rf"Nothing to do: all \d{{4,5}} rows are there.\nDatabase: {database}\n", said
    )
    assert dump(database) == seeded


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:{}/unmigrated.db", "has no table core_entity. Make the tables first: atlas migrate"),
        ("file:{}/not_there.db", "there is no such file. Make it with: atlas migrate"),
        ("file:{}/missing/atlas.db", "the folder"),
        ("file:{}/text.db", "is not an SQLite database"),
        ("mysql://user:secret@host/db", "is not a database URL"),
        ("postgresql://user:secret@127.0.0.1:1/db", "127.0.0.1"),
    ],
)
def test_expected_error_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    message: str,
) -> None:
    """What is wrong with the database is said in one line, without a traceback or a password."""
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "unmigrated.db").touch()
    monkeypatch.setenv("DATABASE_URL", url.format(tmp_path))
    assert run(monkeypatch, "seed") == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith("atlas: ")
    assert message in said
    assert said.count("\n") == 1
    assert "secret" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.db", "unmigrated.db"]


def test_bug_is_not_hidden(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that is nobody's setting keeps its traceback, and is no difference found."""
    monkeypatch.setattr("atlas.seeding.seed", lambda **options: {}["bug"])
    assert run(monkeypatch, "seed") == 2
    assert "Traceback" in (said := capsys.readouterr().err)
    assert said.endswith("atlas: KeyError: 'bug'\n")

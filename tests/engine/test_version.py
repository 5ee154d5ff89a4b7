"""What is known of the SQLite in use, and who says it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atlas import create_client
from atlas.check import drift
from atlas.cli.check import print_report
from atlas.engine.sqlite import version
from atlas.errors import ConfigurationError
from atlas.info import read


@pytest.mark.parametrize(
    ("number", "has_bug"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_versions_with_the_wal_reset_bug_are_known(
    number: tuple[int, int, int], has_bug: bool
) -> None:
    """From 3.7.0 to 3.51.2, but for the series in which it was fixed before."""
    assert version.has_wal_reset_bug(number) is has_bug


def test_a_library_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which version Python has, and which it needs."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigurationError, match=r"needs 3\.35 or newer"):
        version.check()


@pytest.mark.parametrize(("number", "is_said"), [((3, 45, 0), True), ((3, 51, 3), False)])
async def test_check_and_info_say_whether_the_library_has_the_bug(
    number: tuple[int, int, int],
    is_said: bool,
    migrated_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is a note: the database is as it should be."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", number)
    client = create_client(f"file:{migrated_file}", read_only=True)
    report = await drift.check(client, quick=True)
    assert report.is_clean
    print_report(report)
    assert ("note: SQLite" in capsys.readouterr().out) is is_said
    async with client:
        assert any("WAL-reset bug" in said for said in (await read(client)).warnings) is is_said

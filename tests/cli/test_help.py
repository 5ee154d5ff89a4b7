"""What ``--help`` says: every option and argument has a default that is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from commands import run

import atlas.cli

COMMANDS = sorted(typer.main.get_command(atlas.cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_shown(name: str, tmp_path: Path) -> None:
    """-h and --help are one, and each parameter that may be left out says what it is then."""
    short, long = (run(tmp_path, "atlas", name, word) for word in ("-h", "--help"))
    assert (short.returncode, short.stdout) == (0, long.stdout)
    command = typer.main.get_command(atlas.cli.app).commands[name]  # type: ignore[attr-defined]
    takes_value = [
        each
        for each in command.params
        if not getattr(each, "is_flag", False)
        and not each.required
        and each.name not in ("help", "version")
    ]
    said = " ".join(short.stdout.replace("│", " ").split())
    assert said.count("[default: ") >= len(takes_value)


def test_backup_names_its_setting(tmp_path: Path) -> None:
    """The default of --backup is a setting, which the help of both commands names."""
    for name in ("migrate", "adopt"):
        assert "[default: (ATLAS_MIGRATION_BACKUP" in run(tmp_path, "atlas", name, "-h").stdout


def test_completion_for_shells_is_offered(tmp_path: Path) -> None:
    """A shell that asks how a line goes on gets the names of the commands."""
    done = run(
        tmp_path,
        "atlas",
        _ATLAS_COMPLETE="complete_bash",
        COMP_WORDS="atlas mi",
        COMP_CWORD="1",
        _TYPER_COMPLETE_ARGS="atlas mi",
    )
    assert "migrate" in done.stdout, done.stderr
    assert "--install-completion" in run(tmp_path, "atlas", "-h").stdout

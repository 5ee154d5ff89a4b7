"""What a run of migrations shows to whoever watches, and to nobody."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from atlas.cli.terminal import TerminalReport, interrupted


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def rebuild(report: TerminalReport) -> None:
    for done in (0, 5, 10):
        report.does("Rebuilding core_region", done, 10)
    report.close()


def test_long_steps_have_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild is named, with how much of it is done, and goes away at the end."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    rebuild(TerminalReport())
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "Rebuilding core_region" in shown


def test_nothing_is_drawn_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks there is no bar; lines are printed all the same."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    report = TerminalReport()
    rebuild(report)
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
    report.backed_up(Path("a.db.backup"))
    report.waits("a.db")
    said = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert said == [
        "The database from before this run is in a.db.backup",
        "Waiting for another process, which is writing to a.db",
    ]


def test_interrupt_says_what_became_of_the_run() -> None:
    """Ctrl-C after the commit does not claim that nothing was changed."""
    report = TerminalReport()
    assert interrupted(report) == "Interrupted. Nothing was changed."
    report.committed()
    assert interrupted(report) == "Interrupted, when everything was applied already."

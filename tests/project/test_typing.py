"""The typed promises in tests/typing, which are checked and never run."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT


def test_a_type_checker_knows_what_columns_and_queries_give() -> None:
    """Mypy agrees with each ``assert_type``, and finds each error that a comment expects."""
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tests/typing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, result.stdout + result.stderr

"""The typed promises in tests/typing, which are checked and never run."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT


def checked(*command: str) -> None:
    """Run a type checker, which must have nothing to say."""
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_knows_what_columns_and_queries_give() -> None:
    """Mypy agrees with each ``assert_type``, and finds each error that a comment expects."""
    checked("mypy", "--strict", "tests/typing")


def test_pyright_knows_what_columns_and_queries_give() -> None:
    """Pyright does too, in its strict mode, and needs each of those comments."""
    pytest.importorskip("pyright", reason="pyright is not installed: scripts/test installs it")
    checked("pyright", "--pythonpath", sys.executable)

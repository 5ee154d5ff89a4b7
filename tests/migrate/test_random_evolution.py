"""Random changes to the tables of two apps, with rows, on SQLite and PostgreSQL at once.

A few here; as many as ``ATLAS_EVOLUTIONS`` says from ``scripts/soak``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from evolving import evolve

_SEQUENCES = int(os.environ.get("ATLAS_EVOLUTIONS", "2"))


@pytest.mark.parametrize("seed", range(1, _SEQUENCES + 1))
async def test_random_evolution(
    seed: int, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step forwards, afresh and backwards both databases say and hold the same."""
    monkeypatch.chdir(tmp_path)  # where rows of PostgreSQL are saved
    steps = 8 + seed % 8
    assert await evolve(seed, steps, tmp_path, postgres_url) == 2 * steps

"""The package as somebody gets it who has only the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

QUERY = """
import asyncio, importlib.util
from atlas import Region, create_client

async def main():
    async with create_client():
        print(await Region.select(Region.name, Region.parent_id.code).order_by(Region.code).first())

assert importlib.util.find_spec("asyncpg") is None, "the extra postgres is installed"
assert importlib.util.find_spec("pytest") is None, "the extra dev is installed"
asyncio.run(main())
"""


@pytest.mark.timeout(300)  # it asks the package index
def test_wheel_works_with_base_dependencies_alone(tmp_path: Path) -> None:
    """In an empty folder, without the checkout and any extra: migrate, seed, query."""
    folder = tmp_path / "empty"
    folder.mkdir()
    venv = tmp_path / "venv"
    programs = venv / "bin"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ATLAS_", "PYTHON", "DATABASE_URL"))
    } | {"PICCOLO_CONF": "atlas.conf", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command: str | Path) -> str:
        result = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
        assert result.stderr == ""
        return result.stdout

    run(sys.executable, "-m", "venv", venv)
    run(programs / "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("atlas_ops-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {"atlas/py.typed", "atlas/model.md"} <= set(names)
    run(programs / "pip", "install", "-qq", wheel)

    run(programs / "piccolo", "migrations", "forwards", "all")
    checked = run(programs / "atlas", "check")
    assert "all agree. Compared: docs/model.md, table classes, migration files" in checked
    assert "core_region" in run(programs / "atlas", "seed")
    assert "Nothing to do" in run(programs / "atlas", "seed")
    assert "Aceh" in run(programs / "python", "-c", QUERY)
    assert [path.name for path in folder.iterdir()] == ["atlas-ops.db"]

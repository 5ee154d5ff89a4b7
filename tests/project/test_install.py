"""The package as somebody gets it who has only the wheel."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pexpect
import pytest
from conftest import ROOT
from terminal import PROMPT

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


@pytest.mark.timeout(600)  # it asks the package index
def test_the_walk_of_a_new_user(tmp_path: Path) -> None:
    """In an empty folder, without the checkout: init, migrate, seed, query; admin, playground."""
    folder = tmp_path / "empty"
    folder.mkdir()
    venv = tmp_path / "venv"
    programs = venv / "bin"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ATLAS_", "PYTHON", "PICCOLO_", "DATABASE_URL"))
    } | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command: str | Path, fails: bool = False) -> str:
        result = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert (result.returncode != 0) is fails, f"{result.stdout}\n{result.stderr}"
        assert result.stderr == ""
        return result.stdout

    run(sys.executable, "-m", "venv", venv)
    run(programs / "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("atlas_ops-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {"atlas/py.typed", "atlas/model.md"} <= set(names)
    run(programs / "pip", "install", "-qq", wheel)

    said = run(programs / "atlas", "init")
    assert "Next: atlas migrate && atlas seed\nThen: python first.py" in said
    run(programs / "atlas", "migrate")
    checked = run(programs / "atlas", "check")
    assert "all agree. Compared: docs/model.md, table classes, migration files" in checked
    assert "core_region" in run(programs / "atlas", "seed")
    assert "Nothing to do" in run(programs / "atlas", "seed")
    assert "11 Aceh" in run(programs / "python", "first.py")
    assert "Aceh" in run(programs / "python", "-c", QUERY)
    files = {".env", "__pycache__", "atlas-ops.db", "first.py", "piccolo_conf.py"}
    assert {path.name for path in folder.iterdir()} == files
    # What is installed is the package's own: no migration is written into it.
    refused = run(programs / "piccolo", "migrations", "new", "core", "--auto", fails=True)
    assert "core belongs to an installed package" in refused

    # And now with the page in the browser and the shell.
    run(programs / "pip", "install", "-qq", f"{wheel}[admin,explore]")
    admin = subprocess.Popen(
        [programs / "atlas", "admin", "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert admin.stdout
        said = ""
        while "Press Ctrl-C" not in said and (line := admin.stdout.readline()):
            said += line
        address = re.search(r"http://\S+", said)
        assert address, said + admin.communicate()[1]
        with urllib.request.urlopen(address[0], timeout=20) as page:  # noqa: S310
            assert page.status == 200
            assert b"page.js" in page.read()
    finally:
        admin.send_signal(signal.SIGINT)
        admin.communicate(timeout=60)
    assert admin.returncode == 0
    shell: Any = pexpect.spawn(
        str(programs / "atlas"),
        ["playground"],
        cwd=str(folder),
        env={**environment, "TERM": "dumb", "PROMPT_TOOLKIT_NO_CPR": "1"},
        dimensions=(40, 100),
        encoding="utf-8",
        timeout=60,
    )
    shell.expect(PROMPT)
    shell.sendline("await Order.count()")
    shell.expect("300")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)
    shell.close()

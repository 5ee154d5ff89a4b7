"""``atlas admin`` on the command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from databases import sqlite_copy
from terminal import BIN, environment

from atlas.admin.crud import TableCRUD
from atlas.admin.guard import is_loopback
from atlas.admin.site import endpoints_of


@pytest.fixture
def folder(migrated_file: Path, tmp_path: Path) -> Path:
    """A folder with a migrated database."""
    sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")
    return tmp_path


def start(folder: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [BIN / "atlas", "admin", *options],
        cwd=folder,
        env=environment(folder, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *options: str, **variables: str) -> tuple[int, str, str]:
    """Run the command to its end; return exit code, stdout and stderr."""
    process = start(folder, *options, **variables)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_it_serves_until_it_is_told_to_end(folder: Path, number: signal.Signals) -> None:
    """It says where the page is, serves it, and ends at a signal without a word."""
    process = start(folder, "--port", "0")
    assert process.stdout
    said = [process.stdout.readline() for _ in range(6)]
    assert said[0] == "Username: admin\n"
    assert said[3].startswith("Atlas admin, read-only: http://127.0.0.1:")
    assert said[5] == "Press Ctrl-C to stop.\n"
    with urllib.request.urlopen(said[3].split()[-1]) as response:  # noqa: S310
        assert response.status == 200
    process.send_signal(number)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    names = {file.name for file in folder.iterdir()}
    assert {name for name in names if name.endswith(".db")} == {"atlas-ops.db", "atlas-admin.db"}
    assert not any(name.startswith("atlas-admin.db-") for name in names)


def test_a_password_can_be_reset(folder: Path) -> None:
    """--reset-password prints another one each time, and serves nothing."""
    passwords = set()
    for _ in range(2):
        code, out, err = run(folder, "--reset-password")
        assert (code, err) == (0, "")
        assert out.startswith("Username: admin\nPassword: ")
        passwords.add(out.split()[-1])
    assert len(passwords) == 2


def test_a_port_in_use_is_told(folder: Path) -> None:
    """Where something listens already, one line says so, and how to go on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, out, err = run(folder, "--port", port)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert f"127.0.0.1:{port}" in err
    assert "--port" in err


@pytest.mark.parametrize("options", [(), ("--write",)], ids=["reading", "writing"])
def test_a_missing_file_is_told_and_not_made(folder: Path, options: tuple[str, ...]) -> None:
    """A database that is not there is an error in one line, and no file appears."""
    code, _, err = run(folder, "--port", "0", "--database", "missing.db", *options)
    assert code == 2
    assert err.count("\n") == 1
    assert "missing.db" in err
    assert sorted(file.name for file in folder.iterdir()) == ["atlas-ops.db"]


def test_a_database_without_the_tables_is_told(folder: Path) -> None:
    """Where the migrations have not run, one line says how to run them."""
    with closing(sqlite3.connect(folder / "other.db")) as connection:
        connection.execute("CREATE TABLE notes (note)")
    code, _, err = run(folder, "--port", "0", "--database", "other.db", "--write")
    assert code == 2
    assert err.count("\n") == 1
    assert "atlas migrate" in err


def test_without_the_extra_it_says_what_to_install(folder: Path) -> None:
    """Where Piccolo Admin is not installed, one line names the extra."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "piccolo_admin.py").write_text(
        "raise ModuleNotFoundError('none', name='piccolo_admin')\n"
    )
    code, out, err = run(folder, PYTHONPATH=str(hidden))
    assert (code, out) == (2, "")
    assert err == (
        "atlas: The admin page needs Piccolo Admin. Install it with: pip install '.[admin]' in a "
        "checkout, pip install 'WHEEL[admin]' with a wheel's path\n"
    )


def test_the_other_commands_do_not_load_it(folder: Path) -> None:
    """``import atlas.cli`` loads neither Piccolo Admin nor a web server."""
    code = "import sys, atlas.cli; print({'piccolo_admin', 'uvicorn', 'fastapi'} & {*sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


def test_what_others_can_reach_is_known() -> None:
    """Addresses of this machine alone are told from others."""
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.4", "example.com")))  # noqa: S104


def test_the_endpoints_are_ours_while_the_site_is_built() -> None:
    """Piccolo Admin gets our endpoints, and has its own again afterwards, also after an error."""
    from piccolo_admin import endpoints

    stock = vars(endpoints)["PiccoloCRUD"]
    with pytest.raises(LookupError), endpoints_of(TableCRUD):
        assert vars(endpoints)["PiccoloCRUD"] is TableCRUD
        raise LookupError
    assert vars(endpoints)["PiccoloCRUD"] is stock


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a version that it was not checked against, nothing is patched."""
    monkeypatch.setattr("piccolo_admin.version.__VERSION__", "1.15.0")
    with (
        pytest.raises(RuntimeError, match=r"piccolo-admin==1\.14\.\*"),
        endpoints_of(TableCRUD),
    ):
        pass

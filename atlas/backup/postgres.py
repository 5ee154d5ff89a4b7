"""Backups of a PostgreSQL database, by the server's own ``pg_dump`` and ``pg_restore``.

In: an engine and paths. Out: a file in pg_dump's custom format, or a database that was filled from
one. Passwords go through the environment, never through a command line, which others can see.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from atlas.errors import BackupError

SUFFIX = ".dump"

_POLL_S = 0.1


def name_of(engine: Any) -> str:
    """Return what backups of the database are named by."""
    path = engine.config["dsn"].partition("?")[0].rpartition("/")[2]
    return unquote(path).replace("/", "_") or "postgres"


def make(
    engine: Any, partial: Path, stop: threading.Event, on_progress: Callable[[int, None], None]
) -> tuple[None, None]:
    """Dump the database to ``partial``, and see that the dump can be read."""
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _run(engine, "pg_dump", ["--format=custom", f"--file={partial}"], stop, partial, on_progress)
    _run(engine, "pg_restore", ["--list", str(partial)], stop, partial, on_progress)
    return None, None


def put_back(
    engine: Any,
    backup: Path,
    replace_newer: bool,
    mode: int,
    on_progress: Callable[[int, None], None],
) -> tuple[str, None, None]:
    """Fill the database from a dump, in one transaction.

    What is there is dropped first only with ``replace_newer``: which of two is newer cannot be
    seen from outside a dump. Without it a database with any of its tables is refused.
    """
    words = [
        "--no-password",
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-privileges",
    ]
    if replace_newer:
        words += ["--clean", "--if-exists"]
    try:
        _run(engine, "pg_restore", [*words, "@dbname", str(backup)], None, backup, on_progress)
    except BackupError as error:
        if "already exists" in str(error) and not replace_newer:
            raise BackupError(
                f"{engine.path} has tables of the backup already. Restore to an empty database, or "
                "replace what is there: --replace-newer. Nothing was changed."
            ) from error
        raise
    return engine.path, None, None


def _run(
    engine: Any,
    program: str,
    words: list[str],
    stop: threading.Event | None,
    growing: Path,
    on_progress: Callable[[int, None], None],
) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"{engine.path}: a backup of a server needs {program}, which is not on this machine's "
            "PATH. Install PostgreSQL's client programs, of the server's version or newer (Debian: "
            "postgresql-client), or use the backups of whoever runs the server."
        )
    url, password = _without_password(engine.config["dsn"])
    name = f"--dbname={url}"
    if program == "pg_dump":
        words = [*words, "--no-password", name]
    words = [name if word == "@dbname" else word for word in words]
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    with (
        tempfile.TemporaryFile("w+", errors="replace") as said,
        subprocess.Popen(  # noqa: S603 - a program found on the PATH, and no shell
            [found, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as process,
    ):
        while True:
            try:
                code = process.wait(_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    process.terminate()
                elif growing.exists():
                    on_progress(growing.stat().st_size, None)
        said.seek(0)
        sentence = " ".join(said.read().split())
    if code:
        raise BackupError(f"{engine.path}: {program} failed: {sentence}")


def _without_password(url: str) -> tuple[str, str]:
    """Return a URL as libpq may be given it on a command line, and the password that was in it."""
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, _, password = login.partition(":")
    return f"{scheme}{separator}{user}{at}{place}", unquote(password)

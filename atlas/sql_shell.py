"""The database's own shell, as ``piccolo sql_shell run`` starts it: sqlite3 or psql.

In: the current engine. Out: the shell's process, until the user leaves it.
``atlas/patches.py`` puts it behind the command.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from piccolo.engine.finder import engine_finder
from piccolo.engine.postgres import PostgresEngine
from piccolo.engine.sqlite import SQLiteEngine

from atlas.errors import AtlasError, DatabaseFileError

_PACKAGES = {"sqlite3": "sqlite3", "psql": "postgresql-client"}

#: How long sqlite3 waits for the lock of another process; its own default is not at all.
_BUSY_TIMEOUT_MS = 30_000


def run() -> None:
    """Start sqlite3 or psql on the current database and wait until the user leaves it.

    sqlite3 enforces foreign keys, as Atlas does and sqlite3 by itself does not.
    psql gets the password by its environment, where ``ps`` shows it to nobody.
    Exits with the shell's code when that is none of success. Raises
    ``DatabaseFileError`` for a file that does not exist, which sqlite3 would
    make, and ``AtlasError`` when the program is not installed.
    """
    engine = engine_finder()
    environment: dict[str, str] = {}
    if isinstance(engine, SQLiteEngine):
        command = _sqlite3(str(engine.connection_kwargs["database"]))
        leave = ".quit"
    elif isinstance(engine, PostgresEngine):
        command, environment = _psql(engine.config)
        leave = r"\q"
    else:
        raise AtlasError(f"There is no shell for {engine!r}.")
    if shutil.which(command[0]) is None:
        raise AtlasError(
            f"{command[0]} is not installed; on Debian: apt install {_PACKAGES[command[0]]}"
        )
    print(f"Enter {leave} to exit", flush=True)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the shell's query
    try:
        ended = subprocess.run(command, env=os.environ | environment, check=False)  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, handler)
    if ended.returncode:
        sys.exit(ended.returncode)


def _sqlite3(path: str) -> list[str]:
    if not Path(path).exists():
        raise DatabaseFileError(f"{path}: there is no such file. Make it with: atlas migrate")
    settings = [f".timeout {_BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys = ON"]
    return ["sqlite3", *(word for setting in settings for word in ("-cmd", setting)), path]


def _psql(config: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Return the command without the password, and the environment that has it."""
    password = config.get("password")
    if dsn := config.get("dsn"):
        url = urlsplit(str(dsn))
        login, at, hosts = url.netloc.rpartition("@")
        user, _, in_login = login.partition(":")
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        password = parameters.pop("password", None) or unquote(in_login) or password
        url = url._replace(netloc=f"{user}{at}{hosts}", query=urlencode(parameters, safe="/"))
        words = [urlunsplit(url)]
    else:
        options = {"-U": "user", "-h": "host", "-p": "port", "-d": "database"}
        given = {option: str(config[name]) for option, name in options.items() if config.get(name)}
        words = [word for option in given.items() for word in option]
    return ["psql", *words], {"PGPASSWORD": str(password)} if password else {}

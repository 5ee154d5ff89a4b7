"""The database's own shell, as ``piccolo sql_shell run`` starts it: sqlite3 or psql.

In: the current engine. Out: the shell's process, until the user leaves it.
``atlas/patches.py`` puts it behind the command.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from piccolo.engine.finder import engine_finder
from piccolo.engine.postgres import PostgresEngine
from piccolo.engine.sqlite import SQLiteEngine

from atlas.errors import AtlasError, DatabaseFileError

_PACKAGES = {"sqlite3": "sqlite3", "psql": "postgresql-client"}

#: What psql takes in a URL (https://www.postgresql.org/docs/current/libpq-connect.html), of what a
#: URL may have here. Others are settings of the server's.
_OF_LIBPQ = frozenset(
    (
        *("host", "hostaddr", "port", "dbname", "user", "passfile", "connect_timeout", "options"),
        *("client_encoding", "application_name", "fallback_application_name", "channel_binding"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "sslmode", "sslcompression", "sslcert", "sslkey", "sslrootcert"),
        *("sslcrl", "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("gssencmode", "krbsrvname", "gsslib", "service", "target_session_attrs"),
    )
)

#: What only some versions of psql take, which do without it as well.
_OF_NEWER_LIBPQ = (
    *("load_balance_hosts", "sslnegotiation", "sslcertmode", "gssdelegation"),
    *("min_protocol_version", "max_protocol_version"),
    *("replica", "max_lag_ms"),  # these are our own
)

#: How long sqlite3 waits for the lock of another process; its own default is not at all.
_BUSY_TIMEOUT_MS = 30_000


def run() -> None:
    """Start sqlite3 or psql on the current database and wait until the user leaves it.

    sqlite3 enforces foreign keys, as Atlas does and sqlite3 by itself does not.
    psql gets passwords by its environment or a file, where ``ps`` shows them to nobody.
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
    """Return the command without secrets and with what psql knows, and the environment."""
    password = config.get("password")
    environment: dict[str, str] = {}
    if dsn := config.get("dsn"):
        url = urlsplit(str(dsn))
        login, at, hosts = url.netloc.rpartition("@")
        user, _, in_login = login.partition(":")
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        password = parameters.pop("password", None) or unquote(in_login) or password
        if key_password := parameters.pop("sslpassword", None):
            environment = _service(key_password, parameters)
        known = {name: parameters.pop(name) for name in [*parameters] if name in _OF_LIBPQ}
        if "database" in parameters:  # as asyncpg calls it
            known["dbname"] = parameters.pop("database")
        for name in _OF_NEWER_LIBPQ:
            parameters.pop(name, None)
        if parameters:  # settings of the server's
            given = [known.pop("options", "")]
            given += [f"-c {name}={_escaped(value)}" for name, value in parameters.items()]
            environment["PGOPTIONS"] = " ".join(filter(None, given))
        url = url._replace(netloc=f"{user}{at}{hosts}", query=urlencode(known, safe="/"))
        words = [urlunsplit(url)]
    else:
        options = {"-U": "user", "-h": "host", "-p": "port", "-d": "database"}
        given_words = {
            option: str(config[name]) for option, name in options.items() if config.get(name)
        }
        words = [word for option in given_words.items() for word in option]
    if password:
        environment["PGPASSWORD"] = str(password)
    return ["psql", *words], environment


def _service(key_password: str, parameters: dict[str, str]) -> dict[str, str]:
    """Return the environment that hands psql the password of a key, for which it has no variable.

    It is in a service file that only this user can read, and that goes with this process.
    """
    if "service" in parameters:
        raise AtlasError(
            "sslpassword cannot be handed to psql beside a service; put it into the service file."
        )
    if "\n" in key_password or "\r" in key_password:
        raise AtlasError("sslpassword has a line break, which psql reads from no file.")
    handle, path = tempfile.mkstemp(prefix="atlas-psql-")
    atexit.register(Path(path).unlink, missing_ok=True)
    with os.fdopen(handle, "w") as file:
        file.write(f"[atlas]\nsslpassword={key_password}\n")
    return {"PGSERVICEFILE": path, "PGSERVICE": "atlas"}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")

"""One connection to a server, and how it is opened.

In: a ``Server`` and the options of an engine. Out: a ``Connection``, set up the same whether the
server is reached directly or through a pooler, which is found out here; or the error that says
what the server answered. Knows no pool.

A pooler in transaction mode (pgbouncer, pgcat, RDS Proxy, Supavisor) gives each transaction
another of its sessions. What a session keeps is then not there the next time, or another client's:
prepared statements by name, cursors, settings. So a connection behind one sends statements without
a name, and its settings at the beginning of each block. asyncpg sends a statement without a name
in one piece for the pooler, as it ends with its only Sync (protocol/coreproto.pyx,
``_prepare_and_describe``).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg

from atlas.engine.options import EngineOptions
from atlas.engine.postgres.server import Server, shown_host
from atlas.engine.url import masked
from atlas.errors import (
    ClientError,
    ConfigurationError,
    DatabaseServerError,
    StatementTimeoutError,
    TooManyConnectionsError,
)

_EPOCH = datetime.date(2000, 1, 1).toordinal()
_INFINITIES = {2**31 - 1: datetime.date.max, -(2**31): datetime.date.min}

#: How much longer than the server the client waits for the end of a statement.
_GRACE_S = 1.0

#: How long a host that did not answer is tried last, in seconds.
_AVOIDED_S = 30.0

#: Words of statements after which the session may not be what it was.
_SESSION = re.compile(
    r"\b(?:SET|RESET|DISCARD|LISTEN|UNLISTEN|DECLARE|PREPARE|DEALLOCATE|LOAD|DO|CALL|TEMP|TEMPORARY"
    r"|set_config|pg_(?:try_)?advisory_(?:un)?lock\w*)\b",
    re.IGNORECASE,
)
#: Statements that outlive their transaction in the session, where a pooler has another.
_LASTING = re.compile(
    r"\s*(?:SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)|RESET\b|LISTEN\b|UNLISTEN\b|PREPARE\s+"
    r"(?!TRANSACTION\b)|LOAD\b)|.*\bpg_(?:try_)?advisory_lock",
    re.IGNORECASE | re.DOTALL,
)


class Connection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """An asyncpg connection that knows whether it is behind a pooler, and whether it is clean."""

    #: Whether each transaction has a session of the pooler's.
    is_pooled = False
    #: Whether a statement may have changed the session, or a block is open.
    is_dirty = False
    #: Sent at the beginning of each block behind a pooler.
    block_settings = ""
    #: Sent to make the session what it was.
    session_settings = ""
    #: How long a statement may take in the client, in seconds; None is for ever.
    timeout_s: float | None = None

    async def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement and return its records.

        Raises ``StatementTimeoutError`` when the server does not answer in time, and cuts the
        connection then. Raises ``ClientError`` for what would stay in a pooler's session.
        """
        if changes_session(sql):
            if self.is_pooled and _LASTING.match(sql):
                raise ClientError(
                    f"{sql[:60]!r} would stay in a session of the pooler's, which is the next "
                    "moment another client's. Use SET LOCAL or pg_advisory_xact_lock() in a "
                    "transaction(), or a URL that leads to the server itself."
                )
            self.is_dirty = True
        if self.timeout_s is not None:
            async with self.answering():
                return await self.fetch(sql, *parameters)  # type: ignore[no-any-return]
        start = time.monotonic()
        try:  # as answering() does, which takes as long as a short query
            return await self.fetch(sql, *parameters)  # type: ignore[no-any-return]
        except asyncio.CancelledError as error:
            _note(error, start)
            raise

    async def run_once(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a statement of ours that no other is like, so that it is not kept as prepared."""
        async with self.answering():
            statement = await self.prepare(sql, name="")
            return await statement.fetch(*parameters)  # type: ignore[no-any-return]

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Cut the connection when the block takes longer than a statement may."""
        start = time.monotonic()
        limit = asyncio.timeout(self.timeout_s)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.terminate()
            raise StatementTimeoutError(
                f"The server did not answer within {(time.monotonic() - start) * 1000:.0f} ms "
                "(statement_timeout_ms), and the connection was cut. Whether the statement was "
                "run is not known."
            ) from error
        except asyncio.CancelledError as error:
            _note(error, start)
            raise

    async def begin(self, statement: str) -> None:
        """Begin a block by ``statement``; its settings go with it."""
        async with self.answering():
            await self.execute(f"{statement}; {self.block_settings}")

    async def make_clean(self) -> None:
        """Make the session what it was when the connection was opened."""
        if self.is_in_transaction():
            await self.execute("ROLLBACK")
        if not self.is_pooled:
            await self.execute(f"{self.get_reset_query()}; {self.session_settings}")
        self.is_dirty = False


def _note(error: asyncio.CancelledError, start: float) -> None:
    """Let a cancel say that a statement was waited for, since ``start``."""
    seconds = time.monotonic() - start
    error.add_note(f"The server did not answer for {seconds:.1f} s, until the task was cancelled.")


def _changes_session(sql: str) -> bool:
    return _SESSION.search(sql) is not None


_known = lru_cache(maxsize=1024)(_changes_session)


def changes_session(sql: str) -> bool:
    """Return whether ``sql`` may leave the session otherwise than it was; in doubt, True."""
    return _known(sql) if len(sql) <= 4_000 else _changes_session(sql)


class Opener:
    """Opens connections to one server, as the options of its engine say."""

    def __init__(self, server: Server, options: EngineOptions, *, may_be_pooled: bool) -> None:
        self.server = server
        self.options = options
        #: Whether the last connection was behind a pooler.
        self.is_pooled = False
        self._may_be_pooled = may_be_pooled
        #: Hosts that did not answer, and until when they are tried last.
        self._avoided: dict[tuple[str, int], float] = {}

    async def open(self, timeout_s: float) -> Connection:
        """Return a connection that is the caller's, within about ``timeout_s``.

        Raises ``DatabaseServerError`` when no host serves, and ``ConfigurationError`` for a
        setting that the server does not know.
        """
        wanted = self.server.session_attributes
        kinds = ("standby", "any") if wanted == "prefer-standby" else (wanted,)
        now = time.monotonic()
        hosts = sorted(self.server.in_order(), key=lambda host: self._avoided.get(host, 0.0) > now)
        failed: list[DatabaseServerError] = []
        for kind in kinds:
            for host in hosts:
                try:
                    return await self._open(host, kind, timeout_s)
                except _PassedOverError as error:
                    failed.append(error.reason)
        if len(failed) == 1:
            raise failed[0]
        too_many = all(isinstance(error, TooManyConnectionsError) for error in failed)
        raised = TooManyConnectionsError if too_many else DatabaseServerError
        raise raised(" ".join(str(error) for error in failed)) from failed[-1]

    async def _open(self, host: tuple[str, int], kind: str, timeout_s: float) -> Connection:
        name = self.server.name
        where = f" ({shown_host(host)})" if len(self.server.hosts) > 1 else ""
        timeout_s = self.server.host_timeout_s(timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(host, kind)
        except TimeoutError as error:
            self._avoided[host] = time.monotonic() + _AVOIDED_S
            limit = "acquire_timeout_ms" if len(self.server.hosts) == 1 else "connect_timeout"
            raise _PassedOverError(
                DatabaseServerError(
                    f"{name}{where}: the server did not answer within {timeout_s * 1000:.0f} ms "
                    f"({limit})."
                )
            ) from error
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise _PassedOverError(
                DatabaseServerError(f"{name}{where}: is not {kind}, as target_session_attrs asks.")
            ) from error
        except (ValueError, asyncpg.UndefinedObjectError) as error:
            raise ConfigurationError(f"{name}: {masked(str(error))}") from error
        except asyncpg.TooManyConnectionsError as error:
            raise _PassedOverError(
                TooManyConnectionsError(
                    f"{name}{where}: the server takes no more connections ({error}). Close some, "
                    "lower pool_size, or put a pooler before it."
                )
            ) from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            refused = DatabaseServerError(
                f"{name}{where}: the server cannot be reached, or refused: {masked(str(error))}"
            )
            refused.__cause__ = error
            if isinstance(error, OSError | asyncpg.CannotConnectNowError):  # as libpq
                raise _PassedOverError(refused) from error
            raise refused from error

    async def _connect(self, host: tuple[str, int], kind: str) -> Connection:
        connection = await self._greeted(host, kind, self.options.statement_cache)
        try:
            if self._may_be_pooled and await _is_pooled(connection):
                if self.options.statement_cache:  # asyncpg cannot forget names any more
                    connection.terminate()
                    connection = await self._greeted(host, kind, 0)
                await self._set_up_pooled(connection)
            else:
                await self._set_up(connection)
            # asyncpg (pgproto/codecs/datetime.pyx) sends 0001-01-01 as -infinity and 9999-12-31,
            # which many write for "no end", as infinity.
            await connection.set_type_codec(
                "date",
                schema="pg_catalog",
                format="tuple",
                encoder=lambda day: (day.toordinal() - _EPOCH,),
                decoder=lambda days: (
                    _INFINITIES.get(days[0]) or datetime.date.fromordinal(days[0] + _EPOCH)
                ),
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _greeted(self, host: tuple[str, int], kind: str, cache: int) -> Connection:
        if self.is_pooled:
            cache = 0
        connection: Connection = await asyncpg.connect(
            **self.server.arguments(host),
            target_session_attrs=kind,
            timeout=None,
            statement_cache_size=cache,
            connection_class=Connection,
        )
        _keep_alive(connection, self.server.keepalives)
        if self.options.statement_timeout_ms:
            connection.timeout_s = self.options.statement_timeout_ms / 1000 + _GRACE_S
        return connection

    async def _set_up(self, connection: Connection) -> None:
        self.is_pooled = False
        settings = _settings(self.server, self.options)
        if self.options.read_only:
            settings["default_transaction_read_only"] = "on"
        connection.session_settings = _set(settings, is_local=False)
        if settings:
            await connection.execute(connection.session_settings)

    async def _set_up_pooled(self, connection: Connection) -> None:
        self.is_pooled = connection.is_pooled = True
        settings = _settings(self.server, self.options)
        if self.options.read_only:
            settings["transaction_read_only"] = "on"
        connection.block_settings = _set(settings, is_local=True)
        try:
            # Not in one piece: a pooler in statement mode looks at what each leaves open.
            await connection.execute("BEGIN")
            await connection.execute(f"{connection.block_settings}; COMMIT")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            if isinstance(error, asyncpg.UndefinedObjectError):
                raise
            raise DatabaseServerError(
                f"{self.server.name}: a pooler is in between that lends no transactions ({error}); "
                "pgbouncer in statement mode does so. Atlas needs pool_mode = transaction or "
                "session."
            ) from error


class _PassedOverError(Exception):
    """A host that does not serve, so that the next one is tried."""

    def __init__(self, reason: DatabaseServerError) -> None:
        self.reason = reason


async def _is_pooled(connection: Connection) -> bool:
    """Return whether another session answers than the one that greeted."""
    statement = await connection.prepare("SELECT pg_backend_pid()", name="")
    pid = await statement.fetchval()
    return bool(pid != connection.get_server_pid())


def _settings(server: Server, options: EngineOptions) -> dict[str, str]:
    settings = dict(server.settings)
    if options.statement_timeout_ms:
        settings["statement_timeout"] = str(options.statement_timeout_ms)
    return settings


def _set(settings: dict[str, str], *, is_local: bool) -> str:
    """Return the statement that makes settings; empty without any."""
    if not settings:
        return ""
    calls = [
        f"set_config({_quoted(name)}, {_quoted(value)}, {str(is_local).lower()})"
        for name, value in settings.items()
    ]
    return f"SELECT {', '.join(calls)}"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''").replace("\\", "\\\\")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def _keep_alive(connection: Connection, numbers: dict[str, int]) -> None:
    """Let the system notice a peer that is gone (libpq: keepalives, tcp_user_timeout)."""
    sock = connection._transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    names = {
        "keepalives_idle": "TCP_KEEPIDLE",
        "keepalives_interval": "TCP_KEEPINTVL",
        "keepalives_count": "TCP_KEEPCNT",
        "tcp_user_timeout": "TCP_USER_TIMEOUT",
    }
    with contextlib.suppress(OSError):  # a number that the system does not take
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(bool(numbers["keepalives"])))
        for name, constant in names.items():
            if numbers[name] > 0 and hasattr(socket, constant):  # not on every system
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, constant), numbers[name])

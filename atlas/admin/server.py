"""The server: opens the database and the users' file, and serves the site until Ctrl-C.

In: what the command line says. Out: a page on a port of this machine. Afterwards
both files are closed.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from atlas.admin.guard import Hosts
from atlas.admin.site import create_site
from atlas.admin.users import users
from atlas.client.client import Client, create_client
from atlas.errors import ConfigurationError
from atlas.tables import TABLES

#: So many connections at a time; one more is answered with 503.
_MOST_CONNECTIONS = 200

#: How long a browser may take to send the head of a request.
_HEAD_TIMEOUT_S = 10.0

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Called when the page can be opened: its URL, and the first user's password if just made.
OnReady = Callable[[str, str | None], None]


async def serve(
    users_file: Path,
    *,
    host: str,
    port: int,
    write: bool,
    on_ready: OnReady,
    names: Sequence[str] = (),
    proxies: Sequence[str] = (),
) -> None:
    """Serve the page until the process is told to end; open requests get five seconds.

    The database is that of a client without a URL; ``port`` 0 takes a free one. ``names`` are
    more names that browsers may call it by, and ``proxies`` the addresses of those whose word
    is taken on where a request comes from (X-Forwarded-For); nobody else's is. Raises
    ``ConfigurationError`` when nothing can listen there, or the database has not all
    tables, and what ``create_client`` and ``users`` raise. A database that is not
    there is not made.
    """
    with closing(_listen(host, port)) as listener:
        async with create_client(read_only=True) as client:
            await _check_tables(client)
        async with create_client(read_only=not write), users(users_file) as password:
            shown = f"[{host}]" if ":" in host else host
            config = uvicorn.Config(
                create_site(write=write, hosts=Hosts.of(host, names)),
                lifespan="off",
                access_log=False,
                log_level="warning",
                server_header=False,
                http=_Protocol,
                ws="none",
                proxy_headers=bool(proxies),
                forwarded_allow_ips=[*proxies],
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_graceful_shutdown=5,
            )
            server = _Server(config)
            on_ready(f"http://{shown}:{listener.getsockname()[1]}/", password)
            await server.serve(sockets=[listener])


async def _check_tables(client: Client) -> None:
    missing = [table._meta.tablename for table in TABLES if not await table.table_exists()]
    if missing:
        raise ConfigurationError(
            f"{client.engine.path} has no table {missing[0]}, and lacks {len(missing)} in all. "
            "Make them first, with: atlas migrate"
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Nothing can listen on {host}:{port} ({error.strerror or error}); choose another "
            "--port, or 0 for any that is free."
        ) from None
    return listener


class _Server(uvicorn.Server):
    """A server whose Ctrl-C is its end and no error: uvicorn raises the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


class _Protocol(H11Protocol):
    """A connection that is closed when the head of its request takes too long.

    uvicorn ends one that is idle between requests, but waits for the rest of a head for ever.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the time run while a head is awaited, once for the whole of it."""
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_TIMEOUT_S, self.transport.close)

    def _unwatch(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

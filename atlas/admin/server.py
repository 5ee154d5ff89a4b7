"""The server: opens the database and the users' file, and serves the site until Ctrl-C.

In: what the command line says. Out: a page on a port of this machine. Afterwards
both files are closed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn

from atlas.admin.site import create_site
from atlas.admin.users import users
from atlas.client.client import Client, create_client
from atlas.errors import ConfigurationError
from atlas.tables import TABLES

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
) -> None:
    """Serve the page until the process is told to end; open requests get five seconds.

    The database is that of a client without a URL; ``port`` 0 takes a free one. Raises
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
                create_site(write=write, hosts=_names(host)),
                lifespan="off",
                access_log=False,
                log_level="warning",
                server_header=False,
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


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(host: str) -> list[str]:
    """Return what a browser may call the server."""
    if is_loopback(host):
        return ["127.0.0.1", "localhost", "[::1]", host]
    return ["*"]  # whoever opens it to others knows under which names


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

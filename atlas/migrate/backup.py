"""A copy of an SQLite file beside it, from before a migration.

In: the path of a database whose write lock the caller holds, so that nobody
writes meanwhile. Out: the path of the copy. What the caller wrote and has not
committed is not in it. Knows no migration.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from atlas.engine.sqlite.rebuild import StepProgress
from atlas.errors import MigrationError

#: Pages copied at once, 16 MiB of 4 KiB each; in between it can be stopped.
_PAGES = 4096


async def back_up(path: str, progress: StepProgress) -> Path:
    """Copy the database at ``path`` to a new file beside it, and return where that is.

    The name is that of the file and the time in UTC; an existing file is never
    overwritten. ``progress`` is called with the pages that are copied, in another
    thread. The copy has the owner and the rights of the original, is whole
    when it has its name, and is on the disk on return. Raises ``MigrationError``
    when it cannot be made; nothing is left of it then.
    """
    source = Path(path)
    now = datetime.datetime.now(datetime.UTC)
    target = source.with_name(f"{source.name}.{now:%Y-%m-%dT%H-%M-%S-%fZ}.backup")
    partial = target.with_name(f"{target.name}.part")
    stop = threading.Event()
    copying = asyncio.ensure_future(asyncio.to_thread(_copy, source, partial, stop, progress))
    try:
        await asyncio.shield(copying)
        if target.exists():
            raise FileExistsError(f"{target} exists")
        partial.rename(target)
    except BaseException as error:
        stop.set()
        with suppress(Exception):
            await copying  # its file is closed then
        _remove(partial)
        if isinstance(error, OSError | sqlite3.Error):
            raise MigrationError(
                f"{path}: no copy could be made beside it ({error}), and nothing was changed. It "
                f"needs {_size(source)} bytes there. Make room, or do without: --no-backup"
            ) from error
        raise
    return target


def _copy(source: Path, target: Path, stop: threading.Event, progress: StepProgress) -> None:
    """Copy the database with SQLite's online backup: https://www.sqlite.org/backup.html"""
    status = source.stat()
    # Not readable for others while it is written, whatever the umask is.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def copied(result: int, remaining: int, total: int) -> None:
        if stop.is_set():
            raise InterruptedError("stopped")
        progress(f"Backing up {source.name}", total - remaining, total)

    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer, pages=_PAGES, progress=copied)
    with suppress(PermissionError):  # only root may give files away
        shutil.chown(target, status.st_uid, status.st_gid)
    target.chmod(stat.S_IMODE(status.st_mode))
    _sync(target)


def _sync(path: Path) -> None:
    """Wait until a file is on the disk, whatever SQLite thought enough."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(partial: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

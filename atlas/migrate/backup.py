"""A copy of an SQLite file beside it, from before a migration.

In: the path of a database whose write lock the caller holds, so that nobody
writes meanwhile. Out: the path of the copy. What the caller wrote and has not
committed is not in it. Knows no migration.
"""

from __future__ import annotations

import asyncio
import datetime
import shutil
import sqlite3
import stat
import threading
from contextlib import suppress
from pathlib import Path

from atlas.engine.sqlite import copying
from atlas.engine.sqlite.rebuild import StepProgress
from atlas.errors import MigrationError


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
    copied = asyncio.ensure_future(asyncio.to_thread(_copy, source, partial, stop, progress))
    try:
        await asyncio.shield(copied)
        if target.exists():
            raise FileExistsError(f"{target} exists")
        partial.rename(target)
    except BaseException as error:
        stop.set()
        with suppress(Exception):
            await copied  # its file is closed then
        copying.remove(partial)
        if isinstance(error, OSError | sqlite3.Error):
            raise MigrationError(
                f"{path}: no copy could be made beside it ({error}), and nothing was changed. It "
                f"needs {_size(source)} bytes there. Make room, or do without: --no-backup"
            ) from error
        raise
    return target


def _copy(source: Path, target: Path, stop: threading.Event, progress: StepProgress) -> None:
    """Copy the database, and give the copy the owner and the rights of the original."""
    status = source.stat()
    what = f"Backing up {source.name}"
    copying.copy(source, target, stop, lambda done, total: progress(what, done, total))
    with suppress(PermissionError):  # only root may give files away
        shutil.chown(target, status.st_uid, status.st_gid)
    target.chmod(stat.S_IMODE(status.st_mode))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

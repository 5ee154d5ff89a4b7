"""The two calls: where a backup goes and under which name, and which of old ones are kept.

In: an engine, whose database may be in use, and a path. Out: a file that is whole, or an error and
no file. What is copied, and how, is ``sqlite.py``'s and ``postgres.py``'s.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.backup import postgres, sqlite
from atlas.engine.sqlite import copying
from atlas.errors import BackupError

#: Called with how much is done, and of how much (None where that is not known), in a thread.
OnProgress = Callable[[int, int | None], None]

_INSTANT = "%Y-%m-%dT%H-%M-%S-%fZ"


@dataclass(frozen=True)
class Backup:
    """A backup that is whole, and what it holds."""

    path: Path
    #: Bytes.
    size: int
    #: Rows by table, and the migrations it has; None where only the server could count them.
    rows: dict[str, int] | None
    migrations: int | None
    #: Older backups that ``keep`` has removed.
    removed: list[Path]


@dataclass(frozen=True)
class Restored:
    """What a restore put in place, and where that is which was there before."""

    path: str
    #: None when there was nothing, or on a server.
    replaced: Path | None
    rows: dict[str, int] | None


async def back_up(
    engine: Any,
    to: Path,
    *,
    keep: int | None = None,
    mode: int = 0o600,
    on_progress: OnProgress = lambda done, total: None,
) -> Backup:
    """Copy the database of ``engine`` to ``to`` while others use it.

    A folder, there already, gets a file with the database's name and the time in UTC; ``keep``
    removes all but so many of them, once the new one is whole. A file that is there is never
    overwritten. The backup is of one moment, readable for its owner (``mode``), on the disk,
    and was opened and checked: integrity, references, the rows of each table, migrations.
    Raises ``BackupError`` when that cannot be; nothing is left then, also after a cancel.
    """
    is_folder = await asyncio.to_thread(to.is_dir)
    if keep is not None and (keep < 1 or not is_folder):
        raise BackupError("keep is a number from 1 on, of the backups in a folder that is there.")
    how = sqlite if engine.engine_type == "sqlite" else postgres
    stem = how.name_of(engine)
    if is_folder:
        now = datetime.datetime.now(datetime.UTC)
        target = to / f"{stem}.{now:{_INSTANT}}{how.SUFFIX}"
    else:
        target = to
    if target.exists():
        raise BackupError(f"{target} is there already; a backup never overwrites a file.")
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    stop = threading.Event()
    made = asyncio.ensure_future(
        asyncio.to_thread(_made, how, engine, partial, target, mode, stop, on_progress)
    )
    try:
        rows, migrations = await asyncio.shield(made)
    except BaseException as error:
        stop.set()
        with suppress(BaseException):
            await made  # its files are closed then
        copying.remove(partial)
        if isinstance(error, OSError | sqlite3.Error):
            raise BackupError(
                f"{engine.path}: no backup could be made at {target} ({error}). Nothing is left "
                "of it, and the database is as it was."
            ) from error
        raise
    size = (await asyncio.to_thread(target.stat)).st_size
    removed = [] if keep is None else _remove_old(to, stem, how.SUFFIX, keep)
    return Backup(target, size, rows, migrations, removed)


def _made(
    how: Any,
    engine: Any,
    partial: Path,
    target: Path,
    mode: int,
    stop: threading.Event,
    on_progress: OnProgress,
) -> tuple[dict[str, int] | None, int | None]:
    held = how.make(engine, partial, stop, on_progress)
    if stop.is_set():
        raise InterruptedError("stopped")
    partial.chmod(mode)
    copying.sync(partial)
    os.link(partial, target)  # which fails if there is one by now, as a rename does not
    partial.unlink()
    copying.sync(target.parent)
    return held  # type: ignore[no-any-return]


def _remove_old(folder: Path, stem: str, suffix: str, keep: int) -> list[Path]:
    backups = sorted(folder.glob(f"{_escaped(stem)}.????-??-??T??-??-??-??????Z{suffix}"))
    for path in backups[:-keep]:
        path.unlink()
    return backups[:-keep]


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


async def restore(
    engine: Any,
    backup: Path,
    *,
    replace_newer: bool = False,
    mode: int = 0o600,
    on_progress: OnProgress = lambda done, total: None,
) -> Restored:
    """Put a backup in the place of the database of ``engine``, which nobody may have open.

    The backup is checked first. A database that has rows newer than the backup's, or migrations
    that it has not, is refused unless ``replace_newer``. On SQLite what is replaced stays beside
    it under another name; on PostgreSQL all is restored in one transaction, or nothing. Raises
    ``BackupError``; the database is then as it was.
    """
    if not await asyncio.to_thread(backup.is_file):
        raise BackupError(f"{backup}: there is no such file to restore from.")
    how = sqlite if engine.engine_type == "sqlite" else postgres
    try:
        path, replaced, rows = await asyncio.to_thread(
            how.put_back, engine, backup, replace_newer, mode, on_progress
        )
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{backup} could not be restored to {engine.path}: {error}") from error
    return Restored(path, replaced, rows)

"""A consistent copy of an SQLite file, made while others read and write it.

In: the path of a database, and of a file that is not there yet. Out: that file, whole and on
the disk, of one moment. Knows no table.

SQLite's online backup begins again whenever another connection has written between two of its
steps (https://www.sqlite.org/backup.html), so that under steady writes it never ends. Here all
steps are of one read transaction: they see one moment, and nobody's write sends them back. In WAL
mode it keeps nobody from writing; the -wal grows meanwhile, as it does for any long read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

#: Pages copied at once, 16 MiB of 4 KiB each; in between it can be stopped.
_PAGES = 4096

#: How long the copy waits for the lock of another process before it begins.
_BUSY_S = 30.0

#: Called in the thread that copies, with the pages that are copied, and of how many.
OnPages = Callable[[int, int], None]


def copy(
    source: Path,
    target: Path,
    stop: threading.Event,
    on_pages: OnPages,
    look: Callable[[sqlite3.Connection], None] = lambda connection: None,
) -> None:
    """Copy the database at ``source`` to a new file at ``target``, which only its owner can read.

    ``look`` is called with a connection that sees the moment which the copy is of. ``stop`` ends
    it with ``InterruptedError``. Raises ``FileExistsError`` for a target that is there, and
    ``sqlite3.Error`` or ``OSError`` when it cannot be copied; the caller removes what is left.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def copied(result: int, remaining: int, total: int) -> None:
        if stop.is_set():
            raise InterruptedError("stopped")
        on_pages(total - remaining, total)

    with (
        closing(connect(source, timeout=_BUSY_S)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # here the moment is
        look(reader)
        reader.backup(writer, pages=_PAGES, progress=copied)
        reader.execute("ROLLBACK")
    sync(target)


def connect(path: Path, *, immutable: bool = False, timeout: float = 0.0) -> sqlite3.Connection:
    """Open a file to look at it; with ``immutable`` one that nobody else has open."""
    more = "&immutable=1" if immutable else ""
    uri = f"file:{quote(str(path))}?mode=ro{more}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout)


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk, whatever SQLite thought enough."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file that was not finished, with what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

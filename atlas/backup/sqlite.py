"""Backups of an SQLite file: copied as of one moment, opened, and compared with what it was.

In: an engine and paths. Out: a copy that is whole, or a file that took another's place. What it
knows of a database is what any has: tables, rows, references, ``updated_at``, migrations.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from atlas.engine.sqlite import copying
from atlas.engine.sqlite.create_table import quoted
from atlas.errors import BackupError

SUFFIX = ".db"

#: How long a restore waits for another program to close the file.
_BUSY_S = 0.5

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def name_of(engine: Any) -> str:
    """Return what backups of the database are named by; raise ``BackupError`` for ``:memory:``."""
    if engine.path == ":memory:":
        raise BackupError(":memory: is in no file, so there is nothing to back up or restore.")
    return Path(engine.path).stem


def make(
    engine: Any, partial: Path, stop: threading.Event, on_progress: Callable[[int, int], None]
) -> tuple[dict[str, int], int]:
    """Copy the file to ``partial`` and check the copy; return its rows by table, its migrations."""
    source: dict[str, int] = {}
    copying.copy(Path(engine.path), partial, stop, on_progress, lambda it: source.update(_rows(it)))
    found, migrations = check(partial)
    if found != source:
        differ = sorted(name for name in source if found.get(name) != source[name])
        raise BackupError(
            f"The copy of {engine.path} has other rows than the database had in {differ}."
        )
    return found, migrations


def check(path: Path) -> tuple[dict[str, int], int]:
    """Return the rows by table of a file that nobody has open, and how many migrations it has.

    Raises ``BackupError`` when it is damaged, or has references to rows that are not there.
    """
    beside = [path.name + end for end in ("-wal", "-journal") if _has_content(path, end)]
    if beside:
        raise BackupError(
            f"{path} is not a whole backup: {beside[0]} is beside it, with what is not in it yet. "
            "It is a copy of files in use, or open; make one with: atlas backup"
        )
    try:
        with closing(copying.connect(path, immutable=True)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise BackupError(f"{path} is damaged: {said}")
            lost = connection.execute("PRAGMA foreign_key_check").fetchall()
            if lost:
                table, _, other, _ = lost[0]
                raise BackupError(
                    f"{path} has {len(lost)} references to rows that are not there, the first from "
                    f"{table} to {other}. The database has them, too: see atlas doctor"
                )
            return _rows(connection), len(_migrations(connection))
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path} is not a database that SQLite can read: {error}") from error


def put_back(
    engine: Any,
    backup: Path,
    replace_newer: bool,
    mode: int,
    on_progress: Callable[[int, int], None],
) -> tuple[str, Path | None, dict[str, int]]:
    """Let a copy of ``backup`` take the place of the engine's file, which is kept beside it."""
    name_of(engine)
    target = Path(os.path.realpath(engine.path))
    if target.exists() and backup.samefile(target):
        raise BackupError(f"{backup} is the database itself.")
    rows, _ = check(backup)
    now = datetime.datetime.now(datetime.UTC)
    partial = target.with_name(f"{target.name}.{now:%Y-%m-%dT%H-%M-%S-%fZ}.part")
    try:
        copying.copy(backup, partial, threading.Event(), on_progress)
        check(partial)
        partial.chmod(mode)
        replaced = None
        if target.exists() and target.stat().st_size:
            replaced = target.with_name(f"{target.name}.{now:%Y-%m-%dT%H-%M-%S-%fZ}.replaced")
            _replace(target, partial, replaced, backup, replace_newer)
        else:
            partial.replace(target)
        copying.sync(target.parent)
    except BaseException:
        copying.remove(partial)
        raise
    return str(target), replaced, rows


def _replace(
    target: Path, partial: Path, replaced: Path, backup: Path, replace_newer: bool
) -> None:
    """Let ``partial`` have the name of ``target``, while nobody has that open."""
    with closing(sqlite3.connect(target, isolation_level=None, timeout=_BUSY_S)) as held:
        try:
            # Every connection in WAL mode holds a lock on the file for as long as it is open, and
            # this needs it alone: https://www.sqlite.org/wal.html ("journal_mode").
            # It also puts what is in the -wal into the file.
            held.execute("PRAGMA journal_mode = DELETE").fetchone()
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise BackupError(
                f"{target} is in use by another program ({error}). Stop it first: what it writes "
                "while the file is replaced would be lost. Nothing was changed."
            ) from error
        except sqlite3.DatabaseError:
            pass  # what is damaged or no database at all is what a restore is for
        else:
            if not replace_newer:
                _refuse_newer(held, target, backup)
        os.link(target, replaced)
        partial.replace(target)


def _refuse_newer(held: sqlite3.Connection, target: Path, backup: Path) -> None:
    with closing(copying.connect(backup, immutable=True)) as connection:
        ours, theirs = _newest(held), _newest(connection)
        later = [name for name, at in ours.items() if at > theirs.get(name, "")]
        more = _migrations(held) - _migrations(connection)
    if later or more:
        what = [f"rows of {len(later)} tables, the first {later[0]}"] if later else []
        what += [f"{len(more)} migrations"] if more else []
        raise BackupError(
            f"{target} is newer than {backup}: it has {' and '.join(what)}, that the backup has "
            "not. To replace it all the same: --replace-newer. Nothing was changed."
        )


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    names = [name for (name,) in connection.execute(_TABLES)]
    return {
        name: connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]
        for name in names
    }


def _newest(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the last change of each table that says when its rows changed."""
    newest = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")}
        if "updated_at" in columns:
            (at,) = connection.execute(f"SELECT max(updated_at) FROM {quoted(name)}").fetchone()
            newest[name] = str(at or "")
    return newest


def _migrations(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    try:
        return set(connection.execute("SELECT app_name, name FROM migration"))
    except sqlite3.OperationalError:  # there is no such table
        return set()


def _has_content(path: Path, end: str) -> bool:
    beside = path.with_name(path.name + end)
    return beside.exists() and beside.stat().st_size > 0

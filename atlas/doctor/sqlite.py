"""What can be wrong with an SQLite file, the files beside it, and the disk they are on.

In: an engine, whose file this process has not open. Out: findings. It takes no lock that keeps
anybody waiting, and changes nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import shutil
import sqlite3
import stat
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from atlas.doctor.finding import Diagnosis
from atlas.engine.sqlite.copying import connect
from atlas.engine.sqlite.create_table import quoted
from atlas.errors import ConfigurationError, DatabaseFileError

Found = Iterator[tuple[str, str]]

_MIB = 1024 * 1024

#: A -wal that is larger holds more than any checkpoint leaves.
_LARGE_WAL = 64 * _MIB
#: So much of a file may be free pages, and so many bytes, before it is worth a VACUUM.
_FREE_SHARE, _FREE_BYTES = 0.25, 16 * _MIB
#: Less free space than this, or than the database's own size, is too little for its next VACUUM.
_LEAST_SPACE = 256 * _MIB
#: To read all rows of a smaller table is quick.
_LARGE_TABLE = 100_000
#: A row that is changed so far in the future was written by a clock that is wrong.
_AHEAD = datetime.timedelta(minutes=2)

#: File systems of other machines, on which SQLite's locks and shared memory do not work.
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "glusterfs", "ceph"}

# Of the -shm file: https://www.sqlite.org/walformat.html
_LOCKS, _WRITER, _READERS = 120, 0, range(3, 8)
_MARKS, _LAST_FRAME = 100, 16


def look(engine: Any, diagnosis: Diagnosis) -> None:
    """Add what is found; raise ``DatabaseFileError`` when the file cannot be read at all."""
    if engine.path == ":memory:":
        raise ConfigurationError(":memory: is in no file; there is nothing to look at.")
    path = Path(os.path.realpath(engine.path))
    if not path.is_file():
        raise DatabaseFileError(f"{path}: there is no such file.")
    # Before the file is opened: closing the -shm would take this process's locks along.
    first = _holder(path, _WRITER)
    diagnosis.add("readers", *_readers(path))
    diagnosis.add("permissions", *_permissions(path, engine.options.mode))
    diagnosis.add("space", *_space(path))
    diagnosis.add("file system", *_file_system(path))
    diagnosis.add("clock", *_file_clock(path))
    try:
        with closing(connect(path, timeout=engine.options.busy_timeout_ms / 1000)) as db:
            diagnosis.add("integrity", *_integrity(db))
            diagnosis.add("references", *_references(db))
            diagnosis.add("indexes", *_indexes(db))
            diagnosis.add("pragmas", *_pragmas(db))
            diagnosis.add("fragmentation", *_fragmentation(db))
            diagnosis.add("instants", *_instants(db))
    except sqlite3.DatabaseError as error:
        diagnosis.add("integrity", (f"{path} cannot be read: {error}", _RESTORE))
    last = _holder(path, _WRITER)
    diagnosis.add("writer", *_long_writer(first, last))


_RESTORE = (
    "Stop all programs, keep the file with its -wal, and restore a backup (atlas restore). What is "
    "newer than that: sqlite3 FILE .recover, into another file."
)


def _integrity(db: sqlite3.Connection) -> Found:
    said = [line for (line,) in db.execute("PRAGMA integrity_check(10)")]
    if said != ["ok"]:
        yield f"the file is damaged: {'; '.join(said)[:300]}", _RESTORE


def _references(db: sqlite3.Connection) -> Found:
    counted = db.execute(
        'SELECT "table", "parent", count(*) FROM pragma_foreign_key_check GROUP BY 1, 2'
    ).fetchall()
    for table, parent, count in counted:
        yield (
            f"{count} references of {table} are to rows of {parent} that are not there",
            f"A tool without foreign keys wrote there. Find them with PRAGMA foreign_key_check("
            f"{table}), and put the rows back, or delete those that reference them.",
        )


def _indexes(db: sqlite3.Connection) -> Found:
    """Look for references without an index: each delete of a row then reads a whole table."""
    rows = db.execute(
        "SELECT m.name, f.'from' FROM sqlite_master m, pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i, "
        "pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = f.'from')"
    ).fetchall()
    large = [
        (table, column)
        for table, column in rows
        if db.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0] > _LARGE_TABLE
    ]
    for table, column in large:
        yield (
            f"{table}.{column} references other rows and has no index, and the table is large",
            "To delete a row that it may reference reads the whole table; add an index.",
        )


def _pragmas(db: sqlite3.Connection) -> Found:
    (mode,) = db.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        yield (
            f"the journal mode is {mode}: readers and writers wait for each other",
            "Open it once with Atlas, and not read-only; that sets WAL.",
        )
    (encoding,) = db.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        yield (
            f"texts are stored as {encoding}",
            "Make another file with atlas migrate, and load the rows.",
        )


def _fragmentation(db: sqlite3.Connection) -> Found:
    free, pages, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("freelist_count", "page_count", "page_size")
    )
    if free * size > _FREE_BYTES and free > pages * _FREE_SHARE:
        yield (
            f"{free * size // _MIB} MiB of the file's {pages * size // _MIB} MiB are free pages",
            "Run VACUUM when nobody writes; it needs as much room again on the disk.",
        )


def _instants(db: sqlite3.Connection) -> Found:
    now = datetime.datetime.now(datetime.UTC)
    latest = (now + _AHEAD).strftime("%Y-%m-%d %H:%M:%S")
    tables = db.execute(
        "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND c.name = 'updated_at'"
    ).fetchall()
    for (table,) in tables:
        (count,) = db.execute(
            f"SELECT count(*) FROM {quoted(table)} WHERE replace(updated_at, 'T', ' ') > ?",
            (latest,),
        ).fetchone()
        if count:
            yield (
                f"{count} rows of {table} were changed later than now ({now:%Y-%m-%dT%H:%M:%SZ})",
                "A machine's clock is, or was, ahead. Who reads on from the last updated_at misses "
                "what is written until then: set the clock, and touch those rows.",
            )


def _permissions(path: Path, mode: int) -> Found:
    names = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]
    names += sorted(path.parent.glob(f"{path.stem}*.backup"))
    names += sorted(path.parent.glob(f"{path.name}.*.replaced"))
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found = stat.S_IMODE(name.stat().st_mode)
            if found & 0o077 & ~mode:
                who = "everybody" if found & 0o007 & ~mode else "its group"
                yield (
                    f"{name} holds personal data, and {who} can use it ({found:04o})",
                    f"chmod {mode:04o} {name}, or set ATLAS_FILE_MODE if others are meant to.",
                )
    folder = path.parent.stat().st_mode
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        yield (
            f"everybody can remove or replace files in {path.parent}",
            f"chmod o-w {path.parent}",
        )


def _space(path: Path) -> Found:
    free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    if free < max(_LEAST_SPACE, size):
        yield (
            f"{free // _MIB} MiB are free on the disk of {path}, which has {size // _MIB} MiB",
            "Make room: a migration, a backup or a VACUUM needs as much as the database has.",
        )
    wal = path.with_name(f"{path.name}-wal")
    with contextlib.suppress(FileNotFoundError):
        if (length := wal.stat().st_size) > _LARGE_WAL:
            yield (
                f"{wal} has {length // _MIB} MiB: a long read, or many small ones that overlap, "
                "keep its content from being taken over",
                "Find the reader (it is named, if one is seen) and let it end; then write once.",
            )


def _file_system(path: Path) -> Found:
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:  # not Linux
        return
    under = [mount for mount in mounts if path.is_relative_to(mount[1])]
    kind = max(under, key=lambda mount: len(mount[1]))[2] if under else ""
    if kind in _REMOTE:
        yield (
            f"{path} is on {kind}: SQLite's locks and shared memory do not work between machines",
            "Put it on a disk of this machine, or use PostgreSQL.",
        )


def _file_clock(path: Path) -> Found:
    ahead = path.stat().st_mtime - datetime.datetime.now().timestamp()
    if ahead > _AHEAD.total_seconds():
        yield (
            f"{path} was changed {ahead:.0f} seconds from now",
            "This machine's clock is behind, or was ahead; see to its time service.",
        )


def _readers(path: Path) -> Found:
    """Name who reads a moment so old that the -wal cannot be taken over."""
    shared = path.with_name(f"{path.name}-shm")
    try:
        head = shared.read_bytes()[:_LOCKS]
    except OSError:
        return
    if len(head) < _LOCKS:
        return
    (last,) = struct.unpack_from("=I", head, _LAST_FRAME)
    marks = struct.unpack_from("=5I", head, _MARKS)
    for lock, mark in zip(_READERS, marks, strict=True):
        if mark < last - 10_000 and mark and (process := _holder(path, lock)):
            yield (
                f"process {process} reads a moment that is {last - mark} pages of changes old, and "
                "keeps the -wal from being taken over",
                "Let its read end: a snapshot, a batch or a cursor that was left open.",
            )


def _long_writer(first: int | None, last: int | None) -> Found:
    if first is not None and first == last:
        yield (
            f"process {first} held the write lock when this began and when it ended",
            "If it goes on, a transaction waits for something else meanwhile; all who write wait "
            "for it.",
        )


def _holder(path: Path, lock: int) -> int | None:
    """Return the id of the process that holds a lock in the -shm; None when nobody else does.

    The place of each is part of SQLite's file format (walformat.html, "WAL Locks").
    """
    try:
        descriptor = os.open(f"{path}-shm", os.O_RDWR)
    except OSError:
        return None
    try:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _LOCKS + lock, 1, 0)
        kind, _, _, _, process = struct.unpack(
            "hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
        )
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else process

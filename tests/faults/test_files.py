"""Files that cannot be used: the error says what is wrong with which file, and harms nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import codes, entity, finish, open_files, rows, start, threads, until

from atlas import Entity
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import DatabaseFileError


def fingerprint(path: Path) -> str:
    """What is in a file, or in all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        digest.update(str(file).encode() + (file.read_bytes() if file.is_file() else b""))
    return digest.hexdigest()


async def fails_to_open(path: Path, monkeypatch: pytest.MonkeyPatch, match: str) -> None:
    """Check that a pool, a read and writes fail with the path and ``match``, changing nothing."""
    before = fingerprint(path.parent) if path.parent.is_dir() else ""
    running = threads()
    engine = SQLiteEngine(str(path))
    monkeypatch.setattr(Entity._meta, "_db", engine)
    for attempt in (
        engine.start_connection_pool,
        entity("A").save().run,
        lambda: engine.transaction().__aenter__(),
        Entity.count().run,
    ):
        with pytest.raises(DatabaseFileError, match=match) as caught:
            await attempt()
        assert str(caught.value).startswith(f"{path}: ")
        assert isinstance(caught.value, sqlite3.OperationalError)
    assert engine.pool is None
    await until(lambda: threads() <= running)
    assert open_files(path) == []
    if before:
        assert fingerprint(path.parent) == before


async def test_a_missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the folder; it is not made."""
    engine = SQLiteEngine(str(tmp_path / "no" / "x.db"))
    for attempt in (engine.start_connection_pool, lambda: engine.run_ddl("CREATE TABLE t (a)")):
        with pytest.raises(DatabaseFileError, match=rf"the folder {tmp_path}/no does not exist"):
            await attempt()
    assert os.listdir(tmp_path) == []


async def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is not a file."""
    path = tmp_path / "folder"
    os.mkdir(path)
    await fails_to_open(path, monkeypatch, "it is a folder; give the path of a file")


async def test_a_file_as_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path through a file names that file."""
    write_text(tmp_path / "file", "x")
    engine = SQLiteEngine(str(tmp_path / "file" / "x.db"))
    with pytest.raises(DatabaseFileError, match=rf"{tmp_path}/file is not a folder"):
        await engine.start_connection_pool()


def size(path: Path) -> int:
    return path.stat().st_size


def write_text(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.parametrize(
    "text", ["hello", "id,code,name\n" * 500, "SQLite format 3\0" + "x" * 5000]
)
async def test_a_text_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Another kind of file is not touched."""
    path = tmp_path / "notes.csv"
    write_text(path, text)
    await fails_to_open(path, monkeypatch, "is not an SQLite database")


async def test_a_file_of_one_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite takes it for an empty one and would write over it."""
    path = tmp_path / "note.txt"
    write_text(path, "x")
    await fails_to_open(path, monkeypatch, "is damaged: its size, 1 bytes, .* or is not a database")


@pytest.mark.parametrize("left", [50, 5_000, 100_000])
@pytest.mark.parametrize("wal", [True, False])
async def test_a_truncated_database(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, wal: bool
) -> None:
    """A database that was cut off says so when it is opened, and keeps the bytes it has."""
    path = tmp_path / "cut.db"
    shutil.copyfile(migrated_file, path)
    if not wal:
        rows(path, "PRAGMA journal_mode = DELETE")
    assert size(path) > left
    os.truncate(path, left)
    await fails_to_open(path, monkeypatch, "is damaged|is not an SQLite database")


@pytest.mark.parametrize("wal", [True, False])
async def test_a_database_cut_within_a_page(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wal: bool
) -> None:
    """SQLite would read zeros for what is missing; the engine does not open it."""
    path = tmp_path / "cut.db"
    shutil.copyfile(migrated_file, path)
    if not wal:
        rows(path, "PRAGMA journal_mode = DELETE")
    os.truncate(path, size(path) - 100)
    await fails_to_open(path, monkeypatch, "is damaged: its size, .* is not a multiple of 4096")


async def test_a_page_that_is_in_the_log(sqlite_engine: SQLiteEngine, tmp_path: Path) -> None:
    """A writer that was killed while it copied the -wal file into the database lost nothing."""
    await sqlite_engine.start_connection_pool()
    await Entity.insert(*(entity(f"{number:05}") for number in range(1000)))
    copy = tmp_path / "copy.db"
    for end in ("", "-wal"):
        shutil.copyfile(f"{sqlite_engine.path}{end}", f"{copy}{end}")
    await sqlite_engine.close_connection_pool()
    shutil.copyfile(sqlite_engine.path, copy)
    os.truncate(copy, size(copy) - 100)
    engine = SQLiteEngine(str(copy))
    await engine.start_connection_pool()
    await engine.close_connection_pool()
    assert len(codes(copy)) == 1000
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]


async def test_an_empty_file(tmp_path: Path) -> None:
    """An empty file is an empty database, as for every tool of SQLite."""
    path = tmp_path / "empty.db"
    write_text(path, "")
    engine = SQLiteEngine(str(path))
    await engine.start_connection_pool()
    await engine.run_ddl("CREATE TABLE t (a)", in_pool=True)
    await engine.close_connection_pool()
    assert rows(path, "SELECT name FROM sqlite_master") == [("t",)]


async def test_a_file_that_disappears(sqlite_engine: SQLiteEngine) -> None:
    """A reader is not opened on a new, empty file when the old one was deleted."""
    await sqlite_engine.start_connection_pool()
    await entity("A").save()
    os.remove(sqlite_engine.path)
    with pytest.raises(DatabaseFileError, match="there is no such file"):
        await Entity.count()
    assert Path(sqlite_engine.path).name not in os.listdir(Path(sqlite_engine.path).parent)
    await sqlite_engine.close_connection_pool()


# Without the right to write. Root may write everything, so a process of nobody's tries it.

AS_NOBODY = """
import asyncio, os, sys
os.environ["DATABASE_URL"] = "file:" + sys.argv[1]
from atlas import DatabaseFileError, Entity, create_client

async def attempt(query):
    try:
        await query
    except DatabaseFileError as error:
        print(error)
    else:
        print("no error")

async def client():
    async with create_client("file:" + sys.argv[1]):
        await Entity.count()
        await Entity(code="B", name="B").save()

async def main():
    await attempt(client())
    await attempt(Entity.count().run())
    await attempt(Entity(code="C", name="C").save().run())

async def warm_up():  # import what is imported late, while it can be read
    async with create_client(":memory:"):
        await Entity.create_table()
        await Entity(code="B", name="B").save()

asyncio.run(warm_up())
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can write to; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "wal", "expected"),
    [
        (0o444, 0o777, True, "cannot be written: it is read-only"),
        (0o444, 0o777, False, "cannot be written: it is read-only"),
        (0o444, 0o555, True, "cannot be written: it is read-only"),
        (0o666, 0o555, True, "the right to write the file and its folder"),
        (0o666, 0o555, False, "the right to"),
        (0o000, 0o777, True, "cannot be opened: the process needs the right to read and write"),
    ],
)
def test_a_read_only_file(
    migrated_file: Path,
    open_folder: Path,
    file_mode: int,
    folder_mode: int,
    wal: bool,
    expected: str,
) -> None:
    """A file or folder that cannot be written is an error when it is opened, with the reason."""
    path = open_folder / "ops.db"
    shutil.copyfile(migrated_file, path)
    rows(path, "INSERT INTO core_entity (id, code, name) VALUES ('A', 'A', 'A')")
    if not wal:
        rows(path, "PRAGMA journal_mode = DELETE")
    before = fingerprint(path)
    path.chmod(file_mode)
    open_folder.chmod(folder_mode)
    status, output, errors = finish(start(AS_NOBODY, path))
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith(f"{path}: ")
        assert expected in line
    open_folder.chmod(0o777)
    path.chmod(0o666)
    assert fingerprint(path) == before
    assert codes(path) == ["A"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


# With no room.

LIMITED = """
import asyncio, os, resource, sys
from atlas import DatabaseFileError, Entity, create_client

async def main():
    path, room = sys.argv[1], int(sys.argv[2])
    async with create_client("file:" + path) as db:
        await Entity(code="before", name="A").save()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal") + room, hard))
        written = []
        try:
            for number in range(100_000):
                async with db.transaction():
                    await Entity(code=f"{number}a", name="A" * 5000).save()
                    await Entity(code=f"{number}b", name="A" * 5000).save()
                written.append(number)
        except DatabaseFileError as error:
            print(error)
        assert await Entity.count() == 1 + 2 * len(written)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await Entity(code="behind", name="A").save()
    print(len(written))

asyncio.run(main())
"""


@pytest.mark.parametrize("room", [0, 200_000])
def test_a_file_that_may_not_grow(sqlite_engine: SQLiteEngine, room: int) -> None:
    """A limit on the size of files: what was committed stays, and with room again writing works."""
    path = sqlite_engine.path
    status, output, errors = finish(start(LIMITED, path, room))
    assert (status, errors) == (0, "")
    error, count = output.splitlines()
    assert error.startswith(f"{path}: ")
    assert "nothing of the transaction was written" in error
    assert (int(count) > 0) is (room > 0)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert len(codes(path)) == 2 + 2 * int(count)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk(
    migrated_file: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up: what was committed stays, and with room again writing works."""
    path = small_disk / "ops.db"
    shutil.copyfile(migrated_file, path)
    engine = SQLiteEngine(str(path))
    monkeypatch.setattr(Entity._meta, "_db", engine)
    await engine.start_connection_pool()
    written = 0
    with pytest.raises(DatabaseFileError, match=r"full|refused") as caught:
        while True:
            async with engine.transaction():
                await Entity(code=f"{written}a", name="A" * 5000).save()
                await Entity(code=f"{written}b", name="A" * 5000).save()
            written += 1
    assert str(caught.value).startswith(f"{path}: ")
    assert written > 0
    assert await Entity.count() == 2 * written
    with pytest.raises(DatabaseFileError, match=r"full|refused"):
        await Entity.insert(*(Entity(code=f"x{n}", name="A" * 5000) for n in range(100)))
    subprocess.run(  # noqa: ASYNC221
        ["mount", "-o", "remount,size=8m", small_disk], check=True
    )
    await entity("behind").save()
    await engine.close_connection_pool()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert len(codes(path)) == 2 * written + 1


async def test_a_disk_with_no_room_at_all(
    migrated_file: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file on a disk that is full already is not harmed by the attempt to open it."""
    path = small_disk / "ops.db"
    shutil.copyfile(migrated_file, path)
    _fill(small_disk / "rest")
    before = fingerprint(path)
    engine = SQLiteEngine(str(path))
    monkeypatch.setattr(Entity._meta, "_db", engine)
    with pytest.raises(DatabaseFileError, match=r"full|refused|cannot be"):
        await engine.start_connection_pool()
        await entity("A").save()
    await engine.close_connection_pool()
    assert fingerprint(path) == before
    os.remove(small_disk / "rest")
    await entity("B").save()
    await engine.close_connection_pool()
    assert codes(path) == ["B"]


def _fill(path: Path) -> None:
    with pytest.raises(OSError, match="No space"), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_loop_is_not_needed_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """run_sync gives the same error."""
    monkeypatch.setattr(Entity._meta, "_db", SQLiteEngine(str(tmp_path)))
    with pytest.raises(DatabaseFileError, match="it is a folder"):
        Entity.count().run_sync()
    asyncio.run(until(lambda: not open_files(tmp_path)))

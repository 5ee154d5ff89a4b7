"""A database, or the files beside it, that another program removes or replaces under a client."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from databases import sqlite_copy
from doubles import codes, entity, leftovers, open_files, slow_read, threads, until

from atlas import Client, Entity, create_client, sync_client
from atlas.errors import DatabaseFileError


def content_of(path: Path) -> bytes:
    """All that is in a file."""
    return path.read_bytes()


@pytest.fixture
def path(migrated_file: Path, tmp_path: Path) -> Path:
    """A database of its own."""
    sqlite_copy(migrated_file, path := tmp_path / "ops.db")
    return path


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Client]:
    """A client that has written and read, and leaves nothing."""
    before = threads()
    async with create_client(f"file:{path}", acquire_timeout_ms=5000) as client:
        await entity("before").save()
        await Entity.count()
        yield client
    await until(lambda: threads() <= before)
    assert open_files(path) == []


def _remove(path: Path) -> None:
    path.unlink()


def _move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def _replace(path: Path) -> None:
    with closing(sqlite3.connect(copy := path.with_name("new.db"))) as other:
        other.executescript(
            "CREATE TABLE core_entity (id, code, name);INSERT INTO core_entity VALUES (1, 'new', 1)"
        )
    os.replace(copy, path)


def _remove_beside(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        os.remove(f"{path}{suffix}")


def _replace_beside(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        os.rename(f"{path}{suffix}", f"{path}.old{suffix}")
        shutil.copy(f"{path}.old{suffix}", f"{path}{suffix}")


CHANGES = [_remove, _move, _replace, _remove_beside, _replace_beside]


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_is_written_any_more(
    db: Client, path: Path, change: Callable[[Path], None]
) -> None:
    """A statement, a transaction and a snapshot say what happened, and so does a health check."""
    change(path)
    for _ in range(2):
        with pytest.raises(DatabaseFileError, match=r"no such file any more|another file now"):
            await entity("after").save()
    with pytest.raises(DatabaseFileError, match="while this client had it open"):
        async with db.transaction():
            await entity("after").save()
    with pytest.raises(DatabaseFileError, match="open it again"):
        async with db.snapshot():
            await Entity.count()
    with pytest.raises(DatabaseFileError):
        await db.ping()


@pytest.mark.parametrize("change", CHANGES)
async def test_no_reader_is_opened(db: Client, path: Path, change: Callable[[Path], None]) -> None:
    """A new reader would read another file, or make its own: those who need one are told."""
    async with db.snapshot():
        change(path)
        with pytest.raises(DatabaseFileError):
            await asyncio.create_task(_in_another_context(db))


async def _in_another_context(db: Client) -> None:
    db.engine.current_transaction.set(None)
    await slow_read(300_000)  # which is for a reader: a short one is read in the loop


@pytest.mark.parametrize("writes", [False, True], ids=["closed at once", "written before"])
async def test_the_file_that_was_put_there_stays_as_it_is(path: Path, writes: bool) -> None:
    """Nothing of the old file's -wal gets into it, however the client ends."""
    async with create_client(f"file:{path}"):
        for number in range(100):
            await entity(str(number)).save()
        _replace(path)
        content = content_of(path)
        if writes:
            with pytest.raises(DatabaseFileError):
                await entity("after").save()
    assert content_of(path) == content
    assert leftovers(path) == []
    assert codes(path) == ["new"]


async def test_a_file_that_was_moved_takes_along_what_was_committed(path: Path) -> None:
    """What was in its -wal only is in the file, under its new name."""
    async with create_client(f"file:{path}"):
        await entity("before").save()
        _move(path)
        with pytest.raises(DatabaseFileError):
            await entity("after").save()
    assert codes(path.with_name("moved.db")) == ["before"]


async def test_what_was_committed_survives_its_wal(db: Client, path: Path) -> None:
    """When only the files beside it were removed, the database gets what was in them."""
    _remove_beside(path)
    with pytest.raises(DatabaseFileError, match="-wal: there is no such file any more"):
        await entity("after").save()
    with closing(sqlite3.connect(path.with_name("copy.db"))) as copy:
        shutil.copy(path, path.with_name("copy.db"))
        assert copy.execute("SELECT code FROM core_entity").fetchall() == [("before",)]


async def test_opened_again_it_works(path: Path) -> None:
    """The way out that the error names."""
    client = create_client(f"file:{path}")
    async with client:
        await entity("before").save()
        _remove_beside(path)
        with pytest.raises(DatabaseFileError):
            await entity("after").save()
    async with client:
        await entity("again").save()
    assert codes(path) == ["again", "before"]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_folder_that_was_quiet_is_looked_at_again(
    db: Client, path: Path, change: Callable[[Path], None]
) -> None:
    """After many statements in a folder where nothing happens the next change is seen at once."""
    long_ago = time.time_ns() - 10**10
    os.utime(path.parent, ns=(long_ago, long_ago))
    for number in range(3):
        await entity(str(number)).save()
    change(path)
    with pytest.raises(DatabaseFileError):
        await entity("after").save()


async def test_a_link_to_the_database_is_followed(path: Path) -> None:
    """The -wal is beside the file itself; both it and the link are looked at."""
    link = path.with_name("link.db")
    for change in (lambda: _remove_beside(path), link.unlink):
        link.symlink_to(path)
        async with create_client(f"file:{link}"):
            await entity(f"before {len(codes(path))}").save()
            change()
            with pytest.raises(DatabaseFileError):
                await entity("after").save()
        link.unlink(missing_ok=True)
    assert codes(path) == ["before 0", "before 1"]


def test_the_sync_client_too(path: Path) -> None:
    """Its calls say the same."""
    with sync_client(f"file:{path}") as db:
        db.run(entity("before").save())
        _replace(path)
        with pytest.raises(DatabaseFileError, match="another file now"):
            db.run(entity("after").save())
    assert codes(path) == ["new"]


async def test_without_a_client_the_new_file_is_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries outside a client keep no file for longer than a moment: they take what is there."""
    engine = create_client(f"file:{path}").engine
    monkeypatch.setattr(Entity._meta, "_db", engine)
    await entity("before").save()
    _replace(path)
    assert await Entity.select(Entity.code) == [{"code": "new"}]
    _remove_beside_if_there(path)
    assert await Entity.select(Entity.code) == [{"code": "new"}]
    await engine.close_connection_pool()
    assert codes(path) == ["new"]


def _remove_beside_if_there(path: Path) -> None:
    with suppress(FileNotFoundError):
        _remove_beside(path)

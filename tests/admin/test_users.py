"""Who may log in is kept in a file of its own, and the password is shown once."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from admin_page import log_in, logged_in, visitor
from databases import rows, sqlite_copy

from atlas import ConfigurationError, create_client
from atlas.admin.users import FILE_NAME, User, path_beside, reset_password, users


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "_pbkdf2_iteration_count", 1000)


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated and empty file."""
    return sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")


SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"


async def test_the_database_gets_no_table_of_the_admins(url: str, tmp_path: Path) -> None:
    """After logins, edits and a new password the schema is as the migrations made it."""
    before = await rows(url, SCHEMA)
    async with logged_in(url, tmp_path / FILE_NAME, write=True) as (page, _):
        sent = {"code": "x", "name": "X", "type": "Interest"}
        assert (await page.post("db_tag/", json=sent)).status_code == 201
        await reset_password()
    assert await rows(url, SCHEMA) == before
    tables = {name for kind, name, *_ in before if kind == "table"}
    assert len(tables - {"migration", "sqlite_sequence"}) == 38
    users_file = await rows(f"file:{tmp_path / FILE_NAME}", SCHEMA)
    assert {name for kind, name, *_ in users_file if kind == "table"} - {"sqlite_sequence"} == {
        "admin_user",
        "admin_session",
    }


async def test_the_password_is_given_once_and_stored_hashed(tmp_path: Path) -> None:
    """The first opening makes user and password; the file holds no word of it, and is private."""
    path = tmp_path / FILE_NAME
    async with users(path) as password:
        assert password
        assert len(password) == 20
    async with users(path) as again:
        assert again is None
    ((hashed,),) = await rows(f"file:{path}", "SELECT password FROM admin_user")
    assert hashed.startswith("pbkdf2_sha256$")
    assert password.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_each_file_has_another_password(tmp_path: Path) -> None:
    """Passwords are random."""
    async with users(tmp_path / "a.db") as first:
        pass
    async with users(tmp_path / "b.db") as second:
        pass
    assert first != second


async def test_a_new_password_ends_all_logins(url: str, tmp_path: Path) -> None:
    """After a reset the old password and the old sessions are worth nothing."""
    async with create_client(url), users(tmp_path / FILE_NAME) as old:
        assert old
        async with visitor(write=False) as page:
            assert (await log_in(page, old)).status_code == 200
            assert (await page.get("/api/tables/db_tag/")).status_code == 200
            new = await reset_password()
            assert (await page.get("/api/tables/db_tag/")).status_code == 401
            assert (await log_in(page, old)).status_code == 401
            assert (await log_in(page, new)).status_code == 200
            assert (await page.get("/api/tables/db_tag/")).status_code == 200


async def test_a_logout_ends_the_session(url: str, tmp_path: Path) -> None:
    """Who has logged out is nobody, even with the cookie kept."""
    async with create_client(url), users(tmp_path / FILE_NAME) as password:
        assert password
        async with visitor(write=False) as page:
            await log_in(page, password)
            cookie = page.cookies["id"]
            assert (await page.post("/public/logout/")).status_code == 200
            page.cookies.set("id", cookie)
            assert (await page.get("/api/tables/db_tag/")).status_code == 401


async def test_passwords_cannot_be_tried_out(url: str, tmp_path: Path) -> None:
    """After some wrong logins the next are not even looked at."""
    async with create_client(url), users(tmp_path / FILE_NAME), visitor(write=False) as page:
        answers = [(await log_in(page, "guess")).status_code for _ in range(25)]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429


async def test_the_cookie_is_for_this_page_alone(url: str, tmp_path: Path) -> None:
    """No script reads the session's cookie, and no other site's request carries it."""
    async with (
        create_client(url),
        users(tmp_path / FILE_NAME) as password,
        visitor(write=False) as page,
    ):
        response = await log_in(page, password or "")
    (cookie,) = [value for value in response.headers.get_list("set-cookie") if value[:3] == "id="]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


async def test_another_file_is_refused_and_untouched(url: str, tmp_path: Path) -> None:
    """A file with other tables, as the operational database, never becomes one of users."""
    path = Path(url.removeprefix("file:"))
    before = await rows(url, SCHEMA)
    with pytest.raises(ConfigurationError, match="holds other tables"):
        async with users(path):
            pass
    assert await rows(url, SCHEMA) == before
    (tmp_path / "notes.txt").write_text("no database at all, but long enough to look like one" * 9)
    with pytest.raises(sqlite3.DatabaseError):
        async with users(tmp_path / "notes.txt"):
            pass


def test_the_file_is_beside_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside an SQLite file, in the working directory for a server, or where the setting says."""
    monkeypatch.chdir(tmp_path)
    file = create_client(f"file:{tmp_path}/data/ops.db").engine
    assert path_beside(file) == tmp_path / "data" / FILE_NAME
    server = create_client("postgresql://atlas@localhost/ops").engine
    assert path_beside(server) == tmp_path / FILE_NAME
    monkeypatch.setenv("ATLAS_ADMIN_FILE", str(tmp_path / "users.db"))
    assert path_beside(file) == path_beside(server) == tmp_path / "users.db"
    monkeypatch.setenv("ATLAS_ADMIN_FILE", f"{tmp_path}/data/../data/ops.db")
    with pytest.raises(ConfigurationError, match="ATLAS_ADMIN_FILE"):
        path_beside(file)


async def test_nothing_stays_open(tmp_path: Path) -> None:
    """Closing the users' file leaves no journal behind, and it can be moved."""
    path = tmp_path / FILE_NAME
    async with users(path):
        pass
    assert os.listdir(tmp_path) == [FILE_NAME]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

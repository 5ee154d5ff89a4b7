"""Nobody is let in who should not be, and nobody is kept out; a deletion asks."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from admin_page import ADDRESS, log_in, logged_in, visitor
from databases import sqlite_copy
from factory import make, stored

from atlas import Person, PersonTag, Tag, create_client
from atlas.admin import guard, logins
from atlas.admin.guard import Guard, Hosts
from atlas.admin.passwords import weakness
from atlas.admin.server import _Protocol
from atlas.admin.users import User, users

NOT_JSON = [
    b'{"code": "n", "name": NaN}',
    b'{"code": "n", "name": 1e999}',
    b'{"code": "n", "name": "\\ud800"}',
    b'{"code":',
    b"[" * 200_000,
    b"\xff\xfe",
    b"[1]",
    b"null",
    b"5",
    b'"x"',
]


@pytest.fixture(autouse=True)
def _quick_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(User, "_pbkdf2_iteration_count", 1000)
        yield


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated and empty file."""
    return sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")


@pytest_asyncio.fixture
async def page(url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The endpoints of the tables, for somebody who is logged in and may edit."""
    async with logged_in(url, tmp_path / "users.db", write=True) as (browser, _):
        yield browser


@pytest_asyncio.fixture
async def door(url: str, tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """The login page, and the password."""
    async with (
        create_client(url),
        users(tmp_path / "users.db") as password,
        visitor(write=False) as browser,
    ):
        yield browser, password or ""


# --- logins -------------------------------------------------------------------


async def test_only_failed_logins_are_counted(door: tuple[httpx.AsyncClient, str]) -> None:
    """Visits and right logins may be any number; 20 wrong ones are followed by a pause."""
    page, password = door
    for _ in range(25):
        await page.get("/public/login/")
        assert (await log_in(page, password)).status_code == 200
    answers = [(await log_in(page, "wrong")).status_code for _ in range(21)]
    assert answers == [401] * 20 + [429]
    assert (await log_in(page, password)).status_code == 429


async def test_the_pause_ends(
    door: tuple[httpx.AsyncClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five minutes the right password is right again, and the answer says how long it is."""
    page, password = door
    for _ in range(20):
        await log_in(page, "wrong")
    paused = await log_in(page, password)
    assert 290 < int(paused.headers["Retry-After"]) <= 300
    now = time.monotonic
    monkeypatch.setattr(logins.time, "monotonic", lambda: now() + 301)
    assert (await log_in(page, password)).status_code == 200


async def test_many_guesses_at_once_are_no_more_guesses(
    door: tuple[httpx.AsyncClient, str],
) -> None:
    """A try is counted before its password is looked at."""
    page, _ = door
    answers = await asyncio.gather(*(log_in(page, f"guess {n}") for n in range(40)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [401] * 20 + [429] * 20


async def test_a_failed_login_as_a_form_is_counted(door: tuple[httpx.AsyncClient, str]) -> None:
    """Stock answers it with 200, which is no way round the limit."""
    page, _ = door
    form = {"username": "admin", "password": "wrong", "format": "html"}
    answers = [(await page.post("/public/login/", data=form)).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]


async def test_the_pause_is_of_one_user_and_address() -> None:
    """Whoever guesses from elsewhere, or for somebody else, keeps nobody out; but few guess on."""
    passed = []

    async def site(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body"})

    limited = Guard(logins.LimitedLogins(site), Hosts.of("127.0.0.1"))

    async def guess(address: str, name: str) -> int:
        transport = httpx.ASGITransport(app=limited, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as browser:
            words = {"username": name, "password": "wrong"}
            return (await browser.post("/public/login/", json=words)).status_code

    for _ in range(20):
        assert await guess("10.0.0.1", "admin") == 401
    assert await guess("10.0.0.1", "admin") == 429
    assert await guess("10.0.0.1", "other") == 401
    assert await guess("10.0.0.2", "admin") == 401
    spread = [await guess(f"2001:db8::{n:x}", f"user {n}") for n in range(101)]
    assert spread == [401] * 100 + [429]  # one person has all addresses of such a network


async def test_a_header_is_not_an_address(door: tuple[httpx.AsyncClient, str]) -> None:
    """What anybody can write in a request does not make them somebody else."""
    page, _ = door
    for _ in range(20):
        await log_in(page, "wrong")
    for name, value in (("X-Forwarded-For", "10.0.0.9"), ("Forwarded", "for=10.0.0.9")):
        page.headers[name] = value
        assert (await log_in(page, "wrong")).status_code == 429


async def test_a_login_does_not_hold_the_page(
    door: tuple[httpx.AsyncClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords are hashed in a thread: a request that comes meanwhile is answered first."""
    page, password = door
    order = []
    hashed = User.hash_password

    def slow_hash(*given: Any) -> str:
        time.sleep(0.3)
        return hashed(*given)

    monkeypatch.setattr(User, "hash_password", slow_hash)

    async def note(what: str, request: Any) -> None:
        await request
        order.append(what)

    login = asyncio.create_task(note("login", log_in(page, password)))
    await asyncio.sleep(0.1)
    await note("page", page.get("/"))
    await login
    assert order == ["page", "login"]


@pytest.mark.parametrize("body", NOT_JSON, ids=repr)
async def test_an_odd_login_is_refused(door: tuple[httpx.AsyncClient, str], body: bytes) -> None:
    """What is no login is a 4xx and no error of the server's."""
    page, _ = door
    headers = {"Content-Type": "application/json"}
    answer = await page.post("/public/login/", content=body[:100_000], headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    answer = await page.post("/public/login/", json={"username": 1, "password": [2]})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "weak",
    [
        "short", "123456", "password", "Password123!", "p@ssw0rd2026", "qwertyuiop", "aaaaaaaaaaaa",
        "1234567890123", "admin-admin-1", "0987654321", "abababababab", "iloveyou123456",
    ],
)  # fmt: skip
def test_a_password_that_is_guessed_at_once_is_weak(weak: str) -> None:
    """Short ones, common words, rows of keys and repeats are named as such."""
    assert weakness(weak, "admin")


@pytest.mark.parametrize(
    "good", ["correct horse battery", "V8k-4tq_Zr-mPw0a", "hujan di bulan juni"]
)
def test_other_passwords_are_taken(good: str) -> None:
    """A long one of uncommon words is as good as one of signs."""
    assert weakness(good, "admin") is None


async def test_a_weak_new_password_is_not_taken(url: str, tmp_path: Path) -> None:
    """The page says why, and the old one stays; a good one is taken and ends all sessions."""
    async with create_client(url), users(tmp_path / "users.db") as old, visitor(write=True) as page:
        await log_in(page, old or "")
        for new, status in (("Password1234", 422), ("hujan di bulan juni", 303)):
            words = {"current_password": old, "new_password": new, "confirm_new_password": new}
            answer = await page.post("/api/change-password/", json=words)
            assert answer.status_code == status, answer.text
        assert (await log_in(page, old or "")).status_code == 401
        assert (await log_in(page, "hujan di bulan juni")).status_code == 200


# --- requests -----------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://evil.example/page"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8001"},
    ],
    ids=lambda each: str(*each.items()),
)
async def test_a_write_from_another_site_is_refused(
    page: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Even with the page's own token, which a page on another port of the machine can read."""
    answer = await page.post("db_tag/", json={"code": "x", "name": "x"}, headers=headers)
    assert answer.status_code == 403
    assert not await stored(Tag)
    same = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
    sent = {"code": "x", "name": "x", "type": "Interest"}
    assert (await page.post("db_tag/", json=sent, headers=same)).status_code == 201


def test_names_of_a_server_that_is_open_to_others() -> None:
    """It is called by an address, its own name, or one it was told; not by one that was bent."""
    hosts = Hosts.of("0.0.0.0", ["atlas.example.org"])  # noqa: S104 - the case
    assert all(name in hosts for name in ("10.1.2.3", "::1", "localhost", "atlas.example.org"))
    assert "evil.example" not in hosts
    assert "evil.example" not in Hosts.of("127.0.0.1")
    assert "10.1.2.3" not in Hosts.of("127.0.0.1")


async def test_bodies_are_bounded_and_end(
    page: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that is too large, or does not come, is refused; the page works on."""
    json = {"Content-Type": "application/json"}
    large = b'{"code": "' + b"x" * guard.MOST_BYTES + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    assert (await page.post("db_tag/", content=large, headers=json)).status_code == 413
    assert (await page.post("db_tag/", content=chunks(), headers=json)).status_code == 413
    sent = {"X": "y"}
    assert (await page.post("db_tag/", files={"f": b"x"}, data=sent)).status_code == 415
    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    assert (await page.post("db_tag/", content=never(), headers=json)).status_code == 408
    assert (await page.get("db_tag/")).json() == {"rows": []}


async def test_a_slow_head_of_a_request_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that sends no whole request is closed, however it trickles."""
    import uvicorn

    from atlas.admin import server

    monkeypatch.setattr(server, "_HEAD_TIMEOUT_S", 0.3)

    async def site(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(site, http=_Protocol, lifespan="off", log_level="error")
        running = server._Server(config)
        task = asyncio.create_task(running.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.write(b"GET / HT")
        async with asyncio.timeout(20):
            await reader.read()  # to the end of the connection
        writer.close()
        running.should_exit = True
        await task


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:30]))
async def test_an_odd_row_is_refused(page: httpx.AsyncClient, body: bytes) -> None:
    """NaN, half a text and what is no row are a 4xx, and nothing is written."""
    tag = await make(Tag)
    before = await stored(Tag)
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", "db_tag/"), ("PATCH", f"db_tag/{tag.id}/")):
        answer = await page.request(method, path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
    assert await stored(Tag) == before


@pytest.mark.parametrize(
    "query",
    [
        {"__page": 10**18},
        {"__page": 10**30},
        {"__page": "9" * 5000},
        {"__page": -1},
        {"__page_size": 10**30},
        {"name": "x" * 5000},
        {"name[]": ["x"] * 500},
        {"name": "\x00"},
        {"__order": "nothing"},
        {"created_at": "soon"},
    ],
    ids=str,
)
async def test_an_odd_list_is_empty_or_refused(
    page: httpx.AsyncClient, query: dict[str, Any]
) -> None:
    """No question about rows is an error of the server's, or a sentence of the database's."""
    answer = await page.get("db_tag/", params=query)
    assert answer.status_code in (200, 400, 422), answer.text
    assert not re.search("mismatch|sqlite3|Overflow|out of range", answer.text)


@pytest.mark.parametrize(
    "query",
    [{"search": "x " * 400}, {"search": "x" * 5000}, {"limit": "9" * 5000}, {"offset": 2**64}],
)
async def test_an_odd_search_is_refused(page: httpx.AsyncClient, query: dict[str, Any]) -> None:
    """A search has as many words as a person types."""
    assert (await page.get("db_tag/ids/", params=query)).status_code in (400, 422)


# --- deletions ----------------------------------------------------------------


async def test_parts_are_not_deleted_unasked(page: httpx.AsyncClient) -> None:
    """A row whose parts would go along is deleted only by who says how many of them go."""
    person = await make(Person)
    for _ in range(3):
        await make(PersonTag, person_id=person.id)
    before = await stored(PersonTag)
    path = f"db_person/{person.id}/"
    for query in ({}, {"__parts": "2"}, {"__parts": "yes"}):
        refused = await page.delete(path, params=query)
        assert refused.status_code == 409
        assert "3 rows with it: 3 of db_person_tag" in refused.json()["db_error"]
    assert await stored(PersonTag) == before
    told = (await page.get(path, params={"__parts": ""})).json()
    assert (told["count"], told["parts"]) == (3, {"db_person_tag": 3})
    assert (await page.delete(path, params={"__parts": 3})).status_code == 204
    assert not await stored(PersonTag)


@pytest.mark.parametrize("empty", ["", "  ", "\u00a0", None])
async def test_a_required_text_is_not_emptied(page: httpx.AsyncClient, empty: str | None) -> None:
    """A person keeps a name."""
    person = await make(Person)
    answer = await page.patch(f"db_person/{person.id}/", json={"full_name": empty})
    assert answer.status_code == 422
    assert (await stored(Person))[person.id]["full_name"] == person.full_name

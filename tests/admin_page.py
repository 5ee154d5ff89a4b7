"""The admin page in a test: opened on a client and a file of users, with somebody logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from atlas import Client, create_client
from atlas.admin.guard import Hosts
from atlas.admin.site import create_site
from atlas.admin.users import USERNAME, User, reset_password, users

ADDRESS = "http://127.0.0.1"


@asynccontextmanager
async def visitor(*, write: bool) -> AsyncIterator[httpx.AsyncClient]:
    """Open the site on the client that is open; what the browser knows before a login."""
    transport = httpx.ASGITransport(app=create_site(write=write, hosts=Hosts.of("127.0.0.1")))
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as browser:
        assert (await browser.get("/")).status_code == 200
        browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
        yield browser


async def log_in(browser: httpx.AsyncClient, password: str) -> httpx.Response:
    """Send the login form."""
    form = {"username": USERNAME, "password": password}
    return await browser.post("/public/login/", json=form)


@asynccontextmanager
async def logged_in(
    url: str, users_file: Path, *, write: bool = False
) -> AsyncIterator[tuple[httpx.AsyncClient, Client]]:
    """Open the site on ``url`` and log in; requests go to the tables' endpoints."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(User, "_pbkdf2_iteration_count", 1000)  # 0.3 s less for each password
        async with (
            create_client(url, read_only=not write) as client,
            users(users_file) as password,
            visitor(write=write) as browser,
        ):
            response = await log_in(browser, password or await reset_password())
            assert response.status_code == 200, response.text
            browser.base_url = httpx.URL(f"{ADDRESS}/api/tables/")
            yield browser, client

"""The site: Piccolo Admin with the 38 tables, and what guards it.

In: whether rows may be edited, and the names it is reached by. Out: an ASGI
application. It opens no database: queries run on the client that is open, and
those of users and sessions on the file that ``users.py`` has bound.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from piccolo.columns import Column
from piccolo.columns.readable import Readable
from piccolo_admin import endpoints, version
from piccolo_admin.endpoints import AdminRouter, TableConfig
from piccolo_admin.translations.data import ENGLISH
from piccolo_api.crud.endpoints import OrderBy
from piccolo_api.rate_limiting.middleware import RateLimitProvider
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas.admin import looks
from atlas.admin.crud import READABLE, TableCRUD
from atlas.admin.guard import SAFE_METHODS, Guard, Hosts
from atlas.admin.indonesian import INDONESIAN
from atlas.admin.logins import LimitedLogins
from atlas.admin.users import Session, User
from atlas.client.own_tables import own_tables
from atlas.columns import Text
from atlas.table import Table
from atlas.tables import TABLES

#: The version of Piccolo Admin whose lines are replaced below.
_CHECKED_VERSION = "1.14."

#: The domains of docs/model.md, as the menu names them.
GROUPS = {
    "core": "Core",
    "db": "Persons",
    "catalog": "Catalog",
    "commerce": "Commerce",
    "finance": "Finance",
    "marketing": "Marketing",
    "target": "Targets",
}

READ_ONLY = "This page only shows rows. To edit them, start it with: atlas admin --write"

#: Nothing is loaded from anywhere else; Vue and Font Awesome write styles into the page.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

#: Its pages load a program from a public server, which the policy above refuses.
_API_DOCUMENTATION = ("/api/docs", "/public/docs")

#: A form's fields that nobody edits: the table sets them.
_STYLE_TO_WRITE = """
form:not(.filter_wrapper form) div:has(> input[name="created_at"], > input[name="updated_at"]) {
    opacity: 0.5;
    pointer-events: none;
}
"""
#: What does nothing on a page that only shows rows.
_STYLE_TO_READ = """
[data-uitest="save_button"], [data-uitest="drop_down_button"], a.add,
.title_bar a[href$="/add/"], .table_wrapper input[type="checkbox"],
.table_wrapper td:last-child > span { display: none !important; }
"""


@contextmanager
def endpoints_of(crud: type[Any]) -> Iterator[None]:
    """Let what Piccolo Admin builds in this block have the endpoints of ``crud``.

    piccolo_admin/endpoints.py, line 591, makes a ``PiccoloCRUD`` for each table and
    offers no place to name another. Raises ``RuntimeError`` for a version of
    Piccolo Admin that this was not checked against.
    """
    if not version.__VERSION__.startswith(_CHECKED_VERSION):
        raise RuntimeError(
            f"Atlas patches Piccolo Admin {_CHECKED_VERSION}x and found "
            f"{version.__VERSION__}. Install piccolo-admin==1.14.*, or check "
            "atlas/admin/site.py against the new version."
        )
    original = vars(endpoints)["PiccoloCRUD"]
    vars(endpoints)["PiccoloCRUD"] = crud
    try:
        yield
    finally:
        vars(endpoints)["PiccoloCRUD"] = original


def create_site(*, write: bool, hosts: Hosts) -> ASGIApp:
    """Return the site; without ``write`` the server refuses whatever changes a row.

    ``hosts`` are the names and addresses a browser may ask for: another one is
    refused, as a page of somebody else's could ask for it (DNS rebinding).
    """
    # At each login; but 127.0.0.1 has no HTTPS, and what is sent to it leaves no machine.
    warnings.filterwarnings("ignore", "If running sessions in production", UserWarning)
    site: ASGIApp = LimitedLogins(_admin(write, hosts))
    if not write:
        site = _ReadOnly(site)
    return _Headers(Guard(site, hosts))


@functools.cache
def _admin(write: bool, hosts: Hosts) -> ASGIApp:
    """Return Piccolo Admin, which keeps nothing of who asks; to make it takes seconds."""
    with endpoints_of(TableCRUD):
        admin: Any = AdminRouter(
            *(_config(table) for table in [*TABLES, *own_tables()]),
            auth_table=User,
            session_table=Session,
            read_only=not write,
            site_name="Atlas" if write else "Atlas (read-only)",
            allowed_hosts=hosts,
            rate_limit_provider=_Unlimited(),
            translations=[ENGLISH, INDONESIAN],
        )
    style = looks.STYLE + (_STYLE_TO_WRITE if write else _STYLE_TO_READ + looks.STYLE_TO_READ)
    admin.template = admin.template.replace(
        "</head>",
        f'<style>{style}</style>\n<script src=".{looks.SCRIPT_PATH}" defer></script>\n</head>',
    )
    return admin  # type: ignore[no-any-return]


def _config(table: type[Table]) -> TableConfig:
    """Return how a table is shown: named rows first, newest first, without ids."""
    names = [column for column in table._meta.columns if not column._meta.primary_key]
    keys = [*table._key_columns] if len(table._key_columns) > 1 else []
    link = _naming_column(table)
    rest = looks.in_order([column for column in [*keys, *names] if column is not link])
    return TableConfig(
        table,
        visible_columns=[link, *rest],
        menu_group=_group(table),
        link_column=link,
        order_by=[OrderBy(table._meta.primary_key, ascending=False)],
    )


def _group(table: type[Table]) -> str:
    app = table._meta.tablename.partition("_")[0]
    return GROUPS.get(app, app.title()) if "_" in table._meta.tablename else "Yours"


def _naming_column(table: type[Table]) -> Column:
    """Return the column that names a row, or one that stands for all that do together."""
    match table.get_readable():
        case Readable(template="%s", columns=[Text() as column]) if not column._meta.null:
            return column
    made_up = Text()
    made_up._meta._name = READABLE
    made_up._meta._table = table
    return made_up


class _Unlimited(RateLimitProvider):
    """Lets ``LimitedLogins`` count: stock's limit counts visits, and never ends."""

    def increment(self, identifier: str) -> None:
        """Count nothing."""


class _Headers:
    """Adds the headers that keep the page from loading or telling anything elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_API_DOCUMENTATION):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        answer = self._app
        if scope["type"] == "http" and scope["path"] == looks.SCRIPT_PATH:
            answer = FileResponse(looks.SCRIPT, media_type="text/javascript")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await answer(scope, receive, send_with_headers)


class _ReadOnly:
    """Refuses each request that could change something but a login."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            if request.method not in SAFE_METHODS and not scope["path"].startswith("/public/"):
                await JSONResponse({"detail": READ_ONLY}, 405)(scope, receive, send)
                return
        await self._app(scope, receive, send)

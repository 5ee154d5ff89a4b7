"""``atlas admin``: the tables on a page in the browser."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from atlas.cli.app import app
from atlas.engine.url import DatabaseURL, path_or_url
from atlas.errors import AtlasError
from atlas.extras import how_to_install
from atlas.settings import Settings


@app.command()
def admin(
    database: Annotated[
        str | None, typer.Option(metavar="PATH|URL", help="Another database to look at.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Let rows be edited.")] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for any that is free.")
    ] = 8000,
    reset_password: Annotated[
        bool,
        typer.Option("--reset-password", help="Print a new password, log everybody out, and exit."),
    ] = False,
) -> None:
    """Show the tables on a page in the browser, until Ctrl-C.

    Only this machine can reach it, unless --host says otherwise, and nothing can be
    edited without --write. The password of the first login is printed once. Users
    and sessions are in atlas-admin.db, never in the database.
    """
    _check_installed()
    from atlas.admin import server, users

    url = None if database is None else path_or_url(database)
    parsed = Settings.load().url() if url is None else DatabaseURL.parse(url)
    path = users.path_beside(parsed)

    async def new_password() -> str:
        async with users.users(path) as first:
            return first or await users.reset_password()

    if reset_password:
        print(_login(asyncio.run(new_password())))
        return

    def ready(url: str, password: str | None) -> None:
        if password is not None:
            print(f"{_login(password)}\nIt is not shown again; a new one: --reset-password")
        what = "rows can be edited" if write else "read-only"
        print(f"Atlas admin, {what}: {url}\nPress Ctrl-C to stop.", flush=True)
        if not server.is_loopback(host):
            print(f"Others can reach {host}, and what they send is not encrypted.", file=sys.stderr)

    asyncio.run(
        server.serve(
            url,
            path,
            host=host,
            port=port,
            write=write,
            on_ready=ready,
        )
    )


def _login(password: str) -> str:
    from atlas.admin.users import USERNAME

    return f"Username: {USERNAME}\nPassword: {password}"


def _check_installed() -> None:
    try:
        import piccolo_admin  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in ("piccolo_admin", "uvicorn"):
            raise
        raise AtlasError(
            f"The admin page needs Piccolo Admin. Install it with: {how_to_install('admin')}"
        ) from None

"""``atlas admin``: the tables on a page in the browser."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from atlas.cli.app import Database, app, find_piccolo_conf
from atlas.cli.printing import show
from atlas.client.client import create_client
from atlas.errors import AtlasError
from atlas.extras import how_to_install


@app.command()
def admin(
    database: Database = None,
    write: Annotated[bool, typer.Option("--write", help="Let rows be edited.")] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for any that is free.")
    ] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name that browsers may call the page by; repeat it.",
            show_default="none but this machine's own",
        ),
    ] = None,
    behind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy that is believed where a request comes from; repeat it.",
            show_default="nobody is believed",
        ),
    ] = None,
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
    from atlas.admin import guard, server, users

    find_piccolo_conf()
    engine = create_client().engine
    path = users.path_beside(engine)

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
        show(f"Atlas admin, {what}: {url}\nDatabase: {engine.path}\nPress Ctrl-C to stop.")
        if not guard.is_loopback(host):
            print(f"Others can reach {host}, and what they send is not encrypted.", file=sys.stderr)

    asyncio.run(
        server.serve(
            path,
            host=host,
            port=port,
            write=write,
            on_ready=ready,
            names=allow_host or (),
            proxies=behind or (),
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

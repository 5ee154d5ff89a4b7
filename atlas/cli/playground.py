"""``atlas playground``: a shell on this schema, to try queries in."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas.cli.app import app


@app.command()
def playground(
    database: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL",
            help="Look at this database instead; nothing can be written.",
            show_default="a throwaway one",
        ),
    ] = None,
    ipython_profile: Annotated[
        bool, typer.Option("--ipython-profile", help="Use your own IPython settings and history.")
    ] = False,
) -> None:
    """Try queries on a throwaway database with demo rows.

    It is made in a temporary folder and removed when you leave.
    """
    from atlas.playground import run

    run(database, ipython_profile=ipython_profile)

"""What all subcommands share: the application, its version, and how errors look.

In: an error that a subcommand let through. Out: one line on stderr and exit code 1,
or a traceback where the error is a bug of Atlas.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from importlib.util import find_spec
from typing import Annotated

import typer
from piccolo.conf.apps import DEFAULT_MODULE_NAME, ENVIRONMENT_VARIABLE

from atlas.errors import AtlasError
from atlas.extras import DISTRIBUTION

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"atlas {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def _atlas(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Atlas, the operational database of an education group.

    The database is the one of DATABASE_URL, or atlas-ops.db in this folder.
    """


def find_piccolo_conf() -> None:
    """Let Piccolo find its configuration as its own command does: here, or else Atlas's own."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if not os.environ.get(ENVIRONMENT_VARIABLE) and find_spec(DEFAULT_MODULE_NAME) is None:
        os.environ[ENVIRONMENT_VARIABLE] = "atlas.conf"


def main() -> None:
    """Run the command of ``sys.argv``; print an expected error as one line and exit with 1."""
    try:
        app()
    except Exception as error:
        if not is_expected(error):
            raise
        sys.exit(one_line(error))


def one_line(error: Exception) -> str:
    """Return what the command says of an expected error."""
    return f"atlas: {' '.join(str(error).split())}"


def is_expected(error: Exception) -> bool:
    """Return whether ``error`` is about the database or a setting, and no bug of Atlas."""
    # asyncpg is an extra, so it may not be there to import its errors from.
    return isinstance(error, AtlasError | OSError | sqlite3.Error) or type(
        error
    ).__module__.startswith("asyncpg.")

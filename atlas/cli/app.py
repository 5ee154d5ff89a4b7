"""What all subcommands share: the application, the database, and how errors look.

In: a command line. Out: a subcommand that runs; or, when it fails, one line on stderr, the
same as JSON on stdout if ``--json`` is asked for, and the exit code. No other module
of the command turns an error into output.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated

import typer
from piccolo.conf.apps import DEFAULT_MODULE_NAME, ENVIRONMENT_VARIABLE

from atlas.cli.printing import READER_GONE, discard_stdout, say
from atlas.client import configured
from atlas.engine.url import DatabaseURL, path_or_url
from atlas.errors import AtlasError
from atlas.extras import DISTRIBUTION
from atlas.interrupt import INTERRUPTED, is_loaded

#: What the process ends with: all is as wanted, something differs or was declined, it failed.
OK, DIFFERS, FAILED = 0, 1, 2

#: A mistake on the command line. Typer brings a click of its own, or needs click's.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)


def _use(database: str | None) -> str | None:
    """Let the process use the database that is named on the command line."""
    if database is not None:
        url = path_or_url(database)
        DatabaseURL.parse(url)  # else the mistake would be looked for in the settings
        configured.use(url)
    return database


#: The option that all commands have which look at a database.
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="PATH|URL",
        callback=_use,
        help="The database.",
        show_default="DATABASE_URL, else the DB of piccolo_conf.py, else atlas-ops.db",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON, also when it fails.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"atlas {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def _atlas(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Atlas, the operational database of an education group.

    The database is the one of DATABASE_URL, of the environment or .env; else the DB of
    piccolo_conf.py in this folder; else atlas-ops.db in this folder. Exits with 0 when all
    is as wanted, 1 when something differs, 2 when it failed, and 130 after Ctrl-C.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def find_piccolo_conf() -> None:
    """Let Piccolo find its configuration as its own command does: here, or else Atlas's own.

    Raises ``ConfigurationError`` for one that cannot be imported.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if not os.environ.get(ENVIRONMENT_VARIABLE) and find_spec(DEFAULT_MODULE_NAME) is None:
        os.environ[ENVIRONMENT_VARIABLE] = configured.OWN_CONF
    configured.import_conf()


def main() -> None:
    """Run the command of ``sys.argv``, and exit."""
    is_loaded()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return what the process is to end with."""
    as_json = "--json" in arguments
    try:
        code = _invoked(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # of stdout: drivers have errors of their own for a connection
        discard_stdout()
        return READER_GONE
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # rich has seen it first
            return READER_GONE
        raise
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "atlas"
        what = _joined(getattr(error, "format_message", error.__str__)()).removesuffix(".")
        return _failed(f"atlas: {what}. See: {command} --help", as_json)
    except Exception as error:
        if not is_expected(error):
            traceback.print_exc()
            return _failed(f"atlas: {type(error).__name__}: {_joined(str(error))}", as_json)
        return _failed(one_line(error), as_json)
    finally:
        configured.use(None)


def _invoked(arguments: Sequence[str]) -> int:
    if any(name.startswith("_ATLAS_COMPLETE") for name in os.environ):
        app(prog_name="atlas")  # a shell asks how a word could go on; it exits
    command = typer.main.get_command(app)
    try:
        with command.make_context("atlas", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return OK


def _failed(line: str, as_json: bool) -> int:
    if as_json:
        try:
            print(json.dumps({"version": 1, "error": line.removeprefix("atlas: ")}), flush=True)
        except BrokenPipeError:
            discard_stdout()
    say(line)
    return FAILED


def one_line(error: Exception) -> str:
    """Return what the command says of an expected error."""
    return f"atlas: {_joined(str(error))}"


def _joined(text: str) -> str:
    return " ".join(text.split())


def is_expected(error: Exception) -> bool:
    """Return whether ``error`` is about the database or a setting, and no bug of Atlas."""
    # asyncpg is an extra, so it may not be there to import its errors from.
    return isinstance(error, AtlasError | OSError | sqlite3.Error) or type(
        error
    ).__module__.startswith("asyncpg.")

"""The shell itself: IPython, with an open client and an event loop that stays.

In: a client's URL, or nothing. Out: when the user leaves, or the process is asked to
end, the client is closed and the throwaway folder removed. Nothing is written
anywhere else: IPython's own files are in that folder too.
"""

from __future__ import annotations

import asyncio
import datetime
import shutil
import signal
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from piccolo.query.base import Query
from piccolo.query.functions import Avg, Count, Max, Min, Sum
from piccolo.table import Table
from rich.console import Console
from rich.text import Text

from atlas.client.client import Client
from atlas.errors import AtlasError
from atlas.extras import how_to_install
from atlas.playground import database as databases
from atlas.playground import display
from atlas.playground.banner import banner
from atlas.playground.results import Results, Run
from atlas.query.calendar import Month, Year
from atlas.tables import TABLES

if TYPE_CHECKING:
    from types import FrameType

#: What ends the process from outside: a closed terminal, and a plain kill.
_SIGNALS = [getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)]


def run(database: str | None = None, *, ipython_profile: bool = False) -> None:
    """Open the shell on a throwaway database, or on ``database`` for reading only.

    ``database`` is a path or a URL; a file is never made. ``ipython_profile`` takes
    the user's own settings and history of IPython. Raises ``AtlasError`` when
    IPython is not installed, or the database cannot be opened.
    """
    _check_ipython()
    with databases.temporary_folder() as folder, asyncio.Runner() as runner:
        throwaway = database is None
        client = databases.throwaway(folder) if database is None else databases.to_look_at(database)
        with _ended_by_signals(), _opened(client, runner):
            if throwaway:
                with Console(stderr=True).status("Making a throwaway database …"):
                    runner.run(databases.fill(client))
            else:
                runner.run(client.ping())
            Console(highlight=False).print(banner(client, throwaway), soft_wrap=True)
            _shell(client, runner, None if ipython_profile else folder / "ipython")


def run_stock_command(engine: str, ipython_profile: bool) -> None:
    """Do what ``piccolo playground run`` says here; exit with one line when it cannot be done."""
    if engine.lower() != "sqlite":
        sys.exit(
            "Atlas's playground is a throwaway SQLite file. To look at a database on a server: "
            "atlas playground --database postgresql://USER@HOST/DATABASE"
        )
    try:
        run(ipython_profile=ipython_profile)
    except AtlasError as error:
        sys.exit(str(error))


def namespace(client: Client, run: Run = asyncio.run) -> dict[str, Any]:
    """Return what is in scope: the tables, the client, functions of SQL and of rows, ``date``."""
    results = Results(run)
    return {
        **{table.__name__: table for table in TABLES},
        **{each.__name__: each for each in (Avg, Count, Max, Min, Sum, Month, Year)},
        **{each.__name__: each for each in (results.frame, results.save, results.chart)},
        "atlas": sys.modules["atlas"],
        "date": datetime.date,
        "db": client,
    }


def _check_ipython() -> None:
    try:
        import IPython  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "IPython":
            raise
        raise AtlasError(
            f"The playground needs IPython. Install it with: {how_to_install('explore')}"
        ) from None


@contextmanager
def _opened(client: Client, runner: asyncio.Runner) -> Iterator[None]:
    """Keep ``client`` open in the runner's event loop, for everything that runs there."""
    runner.run(client.__aenter__())
    try:
        yield
    finally:
        runner.run(client.__aexit__(None, None, None))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn a signal to end into ``SystemExit``, so that the folder is removed."""

    def end(number: int, frame: FrameType | None) -> None:
        from IPython import get_ipython

        if (shell := get_ipython()) is not None:  # which reports what ends a cell, and goes on
            shell.ask_exit()
        sys.exit(128 + number)

    handlers = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _shell(client: Client, runner: asyncio.Runner, ipython_folder: Path | None) -> None:
    """Run IPython until the user leaves it; ``await`` runs in ``runner``."""
    from IPython.terminal.ipapp import TerminalIPythonApp
    from traitlets.config import Config

    def run_cell(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return runner.run(coroutine)

    config = Config()
    if ipython_folder is not None:
        ipython_folder.mkdir()
        config.TerminalIPythonApp.ipython_dir = str(ipython_folder)
        config.HistoryManager.hist_file = ":memory:"
    config.TerminalIPythonApp.display_banner = False
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.loop_runner = run_cell
    application: Any = TerminalIPythonApp.instance(
        config=config, user_ns=namespace(client, runner.run)
    )
    application.initialize(argv=[])
    _show_readably(application.shell)
    try:
        application.start()
    finally:
        TerminalIPythonApp.clear_instance()
        type(application.shell).clear_instance()


def _enough_in_one_line() -> tuple[type[BaseException], ...]:
    """Return the errors that are about a query or Ctrl-C, not about code that calls it."""
    errors: list[type[BaseException]] = [AtlasError, sqlite3.Error, asyncio.CancelledError]
    with suppress(ModuleNotFoundError):  # an extra
        import asyncpg

        errors.append(asyncpg.PostgresError)
    return tuple(errors)


def _show_readably(shell: Any) -> None:
    """Let the shell show rows as tables, ``Order?`` as columns, and most errors in one line."""

    def show_error(
        shell: Any, kind: type[BaseException], error: BaseException, *_: Any, **__: Any
    ) -> None:
        text = f"{kind.__name__}: {error}" if str(error) else "Interrupted."
        Console(soft_wrap=True, highlight=False).print(Text(text, style="red"))

    shell.set_custom_exc(_enough_in_one_line(), show_error)
    formatter = shell.display_formatter.formatters["text/plain"]

    def show(result: Any, printer: Any, cycle: bool) -> None:
        width = shutil.get_terminal_size().columns
        shown = display.text(result, width, sys.stdout.isatty())
        printer.text(repr(result) if shown is None else shown)

    for kind in (list, dict, Table, Query):
        formatter.for_type(kind, show)

    inspect = shell.inspector.pinfo

    def show_columns(value: Any, *arguments: Any, **options: Any) -> Any:
        if not (isinstance(value, type) and issubclass(value, Table)):
            return inspect(value, *arguments, **options)
        print(display.columns(value, shutil.get_terminal_size().columns, sys.stdout.isatty()))

    shell.inspector.pinfo = show_columns

"""The one place where Piccolo itself is changed, with the reason for each change.

In: the pinned version of Piccolo. Out: the same library with the lines below
mended; a ``RuntimeError`` on a version they were not checked against.
"""

from __future__ import annotations

import asyncio
import contextvars
import shlex
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any, TypeVar

import piccolo
from piccolo.apps.fixtures.commands import dump as piccolo_dump
from piccolo.apps.fixtures.commands import load as piccolo_load
from piccolo.apps.migrations.auto import migration_manager
from piccolo.apps.migrations.commands import backwards, forwards, new
from piccolo.apps.sql_shell.commands import run as piccolo_sql_shell
from piccolo.apps.tester.commands import run as piccolo_tester
from piccolo.columns import Column, ForeignKey
from piccolo.conf.apps import AppConfig, Finder
from piccolo.engine.base import Engine
from piccolo.engine.finder import engine_finder
from piccolo.table import TableMeta
from piccolo.utils import pydantic as piccolo_pydantic
from piccolo.utils import sync as piccolo_sync

_CHECKED_VERSION = "1.38."
_CHECKED_ADMIN_VERSION = "1.14."

Result = TypeVar("Result")

#: The methods of Piccolo's ``MigrationManager`` that ``atlas.migrate.steps`` replaces.
MIGRATION_STEPS = (
    "get_table_from_snapshot",
    "_run_alter_columns",
    "_run_add_columns",
    "_run_drop_columns",
    "_run_drop_tables",
    "_run_rename_tables",
    "_run_rename_columns",
    "_run_add_constraints",
    "_run_drop_constraints",
)


def _value_type_of_a_foreign_key() -> None:
    """Let ``create_pydantic_model`` take ``OrderLine``.

    utils/pydantic.py, line 106, reads ``column.value_type``. A foreign key to a
    table with a column of that name (commerce_promotion) answers with the
    joined column; the class still knows the type.
    """
    original = piccolo_pydantic.get_pydantic_value_type

    def get_pydantic_value_type(column: Column) -> type:
        if isinstance(column, ForeignKey) and isinstance(column.value_type, Column):
            value_type: Any = type(column).value_type
            return value_type  # type: ignore[no-any-return]
        return original(column)

    piccolo_pydantic.get_pydantic_value_type = get_pydantic_value_type


def _engine_of_a_table() -> None:
    """Let a table ask for its engine each time.

    table.py, line 134, keeps the first one it finds, which may be that of a
    client that is closed by now.
    """

    def db(meta: TableMeta) -> Engine[Any]:
        engine = meta._db or engine_finder()
        if engine is None:
            raise RuntimeError("Unable to find the engine")
        return engine

    def set_db(meta: TableMeta, engine: Engine[Any]) -> None:
        meta._db = engine

    TableMeta.db = property(db, set_db)  # type: ignore[assignment]


def _run_sync() -> None:
    """Let ``run_sync()`` raise what the query raises, and run it where it is called.

    utils/sync.py, line 24, takes any RuntimeError, and so a ``ClientError``, for
    a sign of a running event loop, and awaits the query a second time. The
    thread it then starts knows neither the caller's client nor its transaction.
    """
    original = piccolo_sync.run_sync

    def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(coroutine)
        context = contextvars.copy_context()
        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(context.run, asyncio.run, coroutine).result()

    for name, module in list(sys.modules.items()):
        if name.startswith("piccolo") and vars(module).get("run_sync") is original:
            vars(module)["run_sync"] = run_sync


#: Whether Piccolo's migrations print what they do. A run of Atlas's has its own report.
prints: contextvars.ContextVar[bool] = contextvars.ContextVar("atlas_prints", default=True)


def _migrations_print() -> None:
    """Let a task keep ``MigrationManager.run`` (migration_manager.py, line 1229) from printing."""

    def print_if_wanted(*values: object, **options: Any) -> None:
        if prints.get():
            print(*values, **options)

    vars(migration_manager)["print"] = print_if_wanted


def _copied(function: Any) -> Callable[..., Any]:
    return FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )


#: Piccolo's own runs of migrations, for engines that are none of Atlas's.
stock_run_forwards = _copied(forwards.run_forwards)
stock_run_backwards = _copied(backwards.run_backwards)


def _migrations_run() -> None:
    """Let Piccolo's commands run migrations as ``atlas migrate`` does.

    forwards.py, lines 93 to 106, and backwards.py, lines 98 to 110, commit each
    migration by itself, and its row in the log after it; two processes apply the
    same one, and a crash in between is stuck. The code of the functions changes,
    not the names: Piccolo's command line (main.py, line 68) and whoever imported
    them have the functions already. It runs in Piccolo's modules, hence the imports.
    """

    async def run_forwards(
        app_name: str, migration_id: str = "", fake: bool = False, preview: bool = False
    ) -> Any:
        from atlas.cli import migrations

        return await migrations.run_forwards(app_name, migration_id, fake, preview)

    async def run_backwards(
        app_name: str,
        migration_id: str = "",
        auto_agree: bool = False,
        clean: bool = False,
        preview: bool = False,
    ) -> Any:
        from atlas.cli import migrations

        return await migrations.run_backwards(app_name, migration_id, auto_agree, clean, preview)

    async def command_forwards(
        app_name: str, migration_id: str = "", fake: bool = False, preview: bool = False
    ) -> None:
        from atlas.cli import migrations

        await migrations.forwards(app_name, migration_id, fake, preview)

    async def command_backwards(
        app_name: str,
        migration_id: str = "",
        auto_agree: bool = False,
        clean: bool = False,
        preview: bool = False,
    ) -> None:
        from atlas.cli import migrations

        await migrations.backwards(app_name, migration_id, auto_agree, clean, preview)

    # The defaults stay Piccolo's own.
    forwards.run_forwards.__code__ = run_forwards.__code__
    forwards.forwards.__code__ = command_forwards.__code__
    backwards.run_backwards.__code__ = run_backwards.__code__
    backwards.backwards.__code__ = command_backwards.__code__


def _migration_steps() -> None:
    """Let the steps of a migration do, and undo, all that they say.

    apps/migrations/auto/migration_manager.py: ``_run_alter_columns`` (line 533)
    passes over ``references`` and ``primary_key``, loses a default with the
    type, and forgets ON UPDATE with ON DELETE; ``get_table_from_snapshot``
    (line 478) gives columns as they were before they were altered; a step that
    drops does not ask whether anything is lost. ``atlas.migrate.steps`` has
    one function for each; it needs the tables, so it is imported later.
    """

    def replaced(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def step(
            manager: migration_manager.MigrationManager, *args: Any, **kwargs: Any
        ) -> Any:
            from atlas.migrate import steps

            return await getattr(steps, name)(manager, *args, **kwargs)

        return step

    for name in MIGRATION_STEPS:
        setattr(migration_manager.MigrationManager, name, replaced(name.removeprefix("_")))


def _new_migrations_are_checked() -> None:
    """Let ``piccolo migrations new`` say what it left out, and not what is supported now.

    apps/migrations/commands/new.py, line 93, writes what the differ found and
    looks no further; ``NoChanges`` is what it raises where that is nothing. Line
    238 warns that SQLite lacks ALTERs, which engine/sqlite/schema_editor.py makes.
    """
    original = new._create_new_migration
    stock_warning: Callable[..., None] = vars(new)["colored_warning"]

    async def create_new_migration(app_config: AppConfig, *args: Any, **kwargs: Any) -> Any:
        from atlas.migrate.new import warn_of_rest

        try:
            return await original(app_config, *args, **kwargs)
        finally:
            await warn_of_rest(app_config)

    def colored_warning(message: str, *args: Any, **kwargs: Any) -> None:
        from atlas.engine.sqlite.engine import SQLiteEngine

        if not isinstance(engine_finder(), SQLiteEngine):
            stock_warning(message, *args, **kwargs)

    vars(new)["_create_new_migration"] = create_new_migration
    vars(new)["colored_warning"] = colored_warning


def _fixtures() -> None:
    """Let ``piccolo fixtures`` take all 38 tables out of a database, and into another.

    apps/fixtures/commands/dump.py, line 58, reads table after table while
    others write. load.py, line 75, takes a column that a row does not name for
    null; line 84 writes a tree in the order of the file, a thousand rows at a
    time, so that a child may come before its parent; and line 90 overwrites
    ``created_at`` too.
    """
    from atlas import fixtures

    piccolo_dump.get_dump = partial(fixtures.dump, piccolo_dump.get_dump)
    piccolo_load.load_json_string = fixtures.load


def _sql_shell() -> None:
    """Let ``piccolo sql_shell run`` enforce foreign keys, and keep a password out of ``ps``.

    apps/sql_shell/commands/run.py, line 30, gives psql the whole URL; line 65
    starts sqlite3, where foreign keys are off, and which makes a missing file.
    The code changes, as in ``_migrations_run``, and for the same reason.
    """

    def run() -> None:
        from atlas.sql_shell import run

        run()

    piccolo_sql_shell.run.__code__ = run.__code__


def _playground() -> None:
    """Let ``piccolo playground run`` open this schema.

    apps/playground/commands/run.py, line 442, makes tables of bands in
    ./piccolo.sqlite, and drops those that are there under the same names (line
    227). Nobody but Piccolo's own command imports that module: it registers
    those tables.
    """

    def run(
        engine: str,
        user: str | None,
        password: str | None,
        database: str,
        host: str,
        port: int | None,
        ipython_profile: bool,
    ) -> None:
        from atlas.playground import run_stock_command

        run_stock_command(engine, ipython_profile)

    if (module := sys.modules.get("piccolo.apps.playground.commands.run")) is not None:
        module.run.__code__ = run.__code__


def _tester() -> None:
    """Let ``piccolo tester run --pytest_args`` take words in quotes: ``-k 'one or two'``.

    apps/tester/commands/run.py, line 81, splits at every blank.
    """
    run_pytest = piccolo_tester.run_pytest

    def run_split_pytest(pytest_args: list[str]) -> int:
        return run_pytest(shlex.split(" ".join(pytest_args)))

    piccolo_tester.run_pytest = run_split_pytest


@contextmanager
def crud_of_admin(crud: type[Any]) -> Iterator[None]:
    """Let what Piccolo Admin builds in this block have the endpoints of ``crud``.

    piccolo_admin/endpoints.py, line 591, makes a ``PiccoloCRUD`` for each table and
    offers no place to name another. Raises ``RuntimeError`` for a version of
    Piccolo Admin that this was not checked against.
    """
    from piccolo_admin import endpoints, version  # an extra

    if not version.__VERSION__.startswith(_CHECKED_ADMIN_VERSION):
        raise RuntimeError(
            f"Atlas patches Piccolo Admin {_CHECKED_ADMIN_VERSION}x and found "
            f"{version.__VERSION__}. Install piccolo-admin==1.14.*, or check "
            "atlas/patches.py against the new version."
        )
    original = vars(endpoints)["PiccoloCRUD"]
    vars(endpoints)["PiccoloCRUD"] = crud
    try:
        yield
    finally:
        vars(endpoints)["PiccoloCRUD"] = original


def replace_get_engine(get_engine: Callable[..., Any]) -> Callable[..., Any]:
    """Replace ``Finder.get_engine`` (conf/apps.py) and return the original.

    Piccolo's commands and migrations ask it for the engine; the tables ask the
    client in scope. Both must get the same, or a migration's DDL and its row
    in ``migration`` end up in two databases.
    """
    original = Finder.get_engine
    Finder.get_engine = get_engine  # type: ignore[method-assign]
    return original


def apply() -> None:
    """Apply every patch. Called once, when ``atlas.table`` is imported."""
    if not piccolo.__VERSION__.startswith(_CHECKED_VERSION):
        raise RuntimeError(
            f"Atlas patches Piccolo {_CHECKED_VERSION}x and found {piccolo.__VERSION__}. Install "
            "piccolo==1.38.*, or check atlas/patches.py against the new version."
        )
    _value_type_of_a_foreign_key()
    _engine_of_a_table()
    _run_sync()
    _migrations_print()
    _migrations_run()
    _migration_steps()
    _new_migrations_are_checked()
    _fixtures()
    _sql_shell()
    _playground()
    _tester()

"""The one place where Piccolo itself is changed, with the reason for each change.

In: the pinned version of Piccolo. Out: the same library with the lines below
mended; a ``RuntimeError`` on a version they were not checked against. A module
that nobody has imported yet is mended when somebody does: most programs need no
command of Piccolo's, and importing them all takes as long as Piccolo itself.
The front door applies it; nothing else of the package knows it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib.abc
import importlib.machinery
import shlex
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import piccolo
from piccolo.columns import Column, ForeignKey
from piccolo.conf.apps import AppConfig, Finder
from piccolo.engine.base import Engine
from piccolo.engine.finder import engine_finder
from piccolo.table import TableMeta
from piccolo.utils import sync as piccolo_sync

from atlas import stock
from atlas.client import scope
from atlas.engine.run_sync import running_sync

_CHECKED_VERSION = "1.38."

Result = TypeVar("Result")
Patch = Callable[[Any], None]

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
    "run",
)


class _PatchedModules(importlib.abc.MetaPathFinder):
    """Finds the modules that wait for a patch, and applies it as they are imported."""

    def __init__(self) -> None:
        self._waiting: dict[str, Patch] = {}

    def patch(self, name: str, patch: Patch) -> None:
        """Apply ``patch`` to the module of this name, now or when it is imported."""
        if name in sys.modules:
            patch(sys.modules[name])
        else:
            self._waiting[name] = patch

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module that waits, and none that does not."""
        patch = self._waiting.get(name)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            patch(module)
            del self._waiting[name]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _value_type_of_a_foreign_key(module: Any) -> None:
    """Let ``create_pydantic_model`` take ``OrderLine``.

    utils/pydantic.py, line 106, reads ``column.value_type``. A foreign key to a
    table with a column of that name (commerce_promotion) answers with the
    joined column; the class still knows the type.
    """
    original = module.get_pydantic_value_type

    def get_pydantic_value_type(column: Column) -> type:
        if isinstance(column, ForeignKey) and isinstance(column.value_type, Column):
            value_type: Any = type(column).value_type
            return value_type  # type: ignore[no-any-return]
        return original(column)  # type: ignore[no-any-return]

    module.get_pydantic_value_type = get_pydantic_value_type


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
    Of Piccolo's queries only some say that they run outside the pool (query/base.py,
    line 205; methods/objects.py, line 129, does not), so all of them do.
    """
    original = piccolo_sync.run_sync

    def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            waiting = asyncio.get_running_loop()
        except RuntimeError:
            with running_sync(None):
                return asyncio.run(coroutine)
        with running_sync(waiting):
            context = contextvars.copy_context()
        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(context.run, asyncio.run, coroutine).result()

    for name, module in list(sys.modules.items()):
        if name.startswith("piccolo") and vars(module).get("run_sync") is original:
            vars(module)["run_sync"] = run_sync


def _migration_manager(module: Any) -> None:
    """Let the steps of a migration do, and undo, all that they say; print only if wanted.

    apps/migrations/auto/migration_manager.py: ``_run_alter_columns`` (line 533)
    passes over ``references`` and ``primary_key``, loses a default with the
    type, and forgets ON UPDATE with ON DELETE; ``get_table_from_snapshot``
    (line 478) gives columns as they were before they were altered; a step that
    drops does not ask whether anything is lost; ``run`` (line 1229) drops tables
    before the keys to them, and makes them again after. ``atlas.migrate.steps`` has
    one function for each. ``run`` also prints, and a run of Atlas's has a report of its own.
    ``add_column`` (line 322) takes a text that reads as a day or an instant for one, also
    as the default of a column of text.
    """

    def print_if_wanted(*values: object, **options: Any) -> None:
        from atlas.migrate import report  # not before a migration runs, nor are the steps

        if report.prints.get():
            print(*values, **options)

    def replaced(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def step(manager: Any, *args: Any, **kwargs: Any) -> Any:
            from atlas.migrate import steps

            return await getattr(steps, name)(manager, *args, **kwargs)

        return step

    def add_column(
        manager: Any,
        table_class_name: str,
        tablename: str,
        column_name: str,
        db_column_name: str | None = None,
        column_class_name: str = "",
        column_class: type[Column] | None = None,
        params: dict[str, Any] | None = None,
        schema: str | None = None,
    ) -> None:
        cls = column_class or getattr(module.column_types, column_class_name)
        given = params or {}
        cleaned = module.deserialise_params(params=given)
        if isinstance(given.get("default"), str) and issubclass(cls.value_type, str):
            cleaned["default"] = given["default"]
        column = cls(**cleaned)
        column._meta.name = column_name
        if db_column_name:
            column._meta.db_column_name = db_column_name
        manager.add_columns.add_columns.append(
            module.AddColumnClass(
                column=column,
                tablename=tablename,
                table_class_name=table_class_name,
                schema=schema,
            )
        )

    module.print = print_if_wanted
    module.MigrationManager.add_column = add_column
    for name in MIGRATION_STEPS:
        setattr(module.MigrationManager, name, replaced(name.removeprefix("_")))


def _schema_snapshot(module: Any) -> None:
    """Let migrations be added up as they run; ``atlas.migrate.replay`` says what is otherwise."""

    def get_snapshot(snapshot: Any) -> Any:
        from atlas.migrate.replay import replay

        return replay(snapshot.managers)

    module.SchemaSnapshot.get_snapshot = get_snapshot


def _forwards(module: Any) -> None:
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

    async def command(
        app_name: str, migration_id: str = "", fake: bool = False, preview: bool = False
    ) -> None:
        from atlas.cli import migrations

        await migrations.forwards(app_name, migration_id, fake, preview)

    stock.keep(module.run_forwards)
    # The defaults stay Piccolo's own.
    module.run_forwards.__code__ = run_forwards.__code__
    module.forwards.__code__ = command.__code__


def _backwards(module: Any) -> None:
    """Let Piccolo's commands revert migrations as ``_forwards`` lets them run."""

    async def run_backwards(
        app_name: str,
        migration_id: str = "",
        auto_agree: bool = False,
        clean: bool = False,
        preview: bool = False,
    ) -> Any:
        from atlas.cli import migrations

        return await migrations.run_backwards(app_name, migration_id, auto_agree, clean, preview)

    async def command(
        app_name: str,
        migration_id: str = "",
        auto_agree: bool = False,
        clean: bool = False,
        preview: bool = False,
    ) -> None:
        from atlas.cli import migrations

        await migrations.backwards(app_name, migration_id, auto_agree, clean, preview)

    stock.keep(module.run_backwards)
    module.run_backwards.__code__ = run_backwards.__code__
    module.backwards.__code__ = command.__code__


def _new_migrations_are_checked(module: Any) -> None:
    """Let ``piccolo migrations new`` find all that changed, and leave no file that fails.

    apps/migrations/commands/new.py, line 151, compares by ``SchemaDiffer``, which leaves out
    what ``atlas.migrate.differ`` says; line 93 writes what it found and looks no further;
    ``NoChanges`` is what it raises where that is nothing. Line 238 warns that SQLite lacks
    ALTERs, which engine/sqlite/schema_editor.py makes.
    """
    original = module._create_new_migration
    stock_warning: Callable[..., None] = module.colored_warning

    async def get_alter_statements(manager: Any, app_config: AppConfig) -> Any:
        from atlas.migrate.differ import statements

        managers = await manager.get_migration_managers(app_config=app_config)
        return statements(app_config, managers, manager.auto_input)

    async def create_new_migration(app_config: AppConfig, *args: Any, **kwargs: Any) -> Any:
        from atlas.check.new import keep_if_sound, refuse_installed, warn_of_rest

        refuse_installed(app_config)
        try:
            written = await original(app_config, *args, **kwargs)
            await keep_if_sound(app_config, written.migration_path)
        finally:
            await warn_of_rest(app_config)
        return written

    def colored_warning(message: str, *args: Any, **kwargs: Any) -> None:
        from atlas.engine.sqlite.engine import SQLiteEngine

        if not isinstance(engine_finder(), SQLiteEngine):
            stock_warning(message, *args, **kwargs)

    module.AutoMigrationManager.get_alter_statements = get_alter_statements
    module._create_new_migration = create_new_migration
    module.colored_warning = colored_warning


def _fixtures_dump(module: Any) -> None:
    """Let ``piccolo fixtures dump`` take what was asked for out of a database, of one moment.

    apps/fixtures/commands/dump.py, line 58, reads table after table while others write;
    line 113 leaves out tables that do not exist, without a word; and line 142 prints where
    nobody may read any more.
    """
    from atlas import fixtures
    from atlas.cli import printing
    from atlas.errors import AtlasError

    def parse_args(apps: str, tables: str) -> Any:
        try:
            return fixtures.wanted(apps, tables)
        except AtlasError as error:
            sys.exit(f"piccolo: {error}")  # on stderr: the dump may go into a file

    module.get_dump = partial(fixtures.dump, module.get_dump)
    module.parse_args = parse_args
    module.print = printing.show_raw


def _fixtures_load(module: Any) -> None:
    """Let ``piccolo fixtures load`` put all 38 tables into a database.

    apps/fixtures/commands/load.py, line 75, takes a column that a row does not
    name for null; line 84 writes a tree in the order of the file, a thousand rows
    at a time, so that a child may come before its parent; and line 90 overwrites
    ``created_at`` too.
    """
    from atlas import fixtures

    module.load_json_string = fixtures.load


def _sql_shell(module: Any) -> None:
    """Let ``piccolo sql_shell run`` enforce foreign keys, and keep a password out of ``ps``.

    apps/sql_shell/commands/run.py, line 30, gives psql the whole URL; line 65
    starts sqlite3, where foreign keys are off, and which makes a missing file.
    The code changes, as in ``_forwards``, and for the same reason.
    """

    def run() -> None:
        from atlas.sql_shell import run

        run()

    module.run.__code__ = run.__code__


def _playground(module: Any) -> None:
    """Let ``piccolo playground run`` open this schema.

    apps/playground/commands/run.py, line 442, makes tables of bands in
    ./piccolo.sqlite, and drops those that are there under the same names (line
    227).
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

    module.run.__code__ = run.__code__


def _tester(module: Any) -> None:
    """Let ``piccolo tester run --pytest_args`` take words in quotes: ``-k 'one or two'``.

    apps/tester/commands/run.py, line 81, splits at every blank.
    """
    run_pytest = module.run_pytest

    def run_split_pytest(pytest_args: list[str]) -> int:
        code: int = run_pytest(shlex.split(" ".join(pytest_args)))
        return code

    module.run_pytest = run_split_pytest


def _model_builder(module: Any) -> None:
    """Let Piccolo's ``ModelBuilder`` build rows that the columns take.

    testing/model_builder.py, ``_randomize_attribute``: an id is 16 random letters to it, and a
    sum of money has fractions of a rupiah, a percentage is beyond 100 (rule G2).
    """
    builder = module.ModelBuilder
    randomize = builder._randomize_attribute

    def _randomize_attribute(column: Column) -> Any:
        from atlas.columns import Decimal, Ulid
        from atlas.columns import ForeignKey as Reference
        from atlas.ulid import new_ulid

        if isinstance(column, Ulid | Reference):
            return new_ulid()
        value = randomize(column)
        return float(int(value) % 100 + 1) if isinstance(column, Decimal) else value

    builder._randomize_attribute = _randomize_attribute


def _crud_of_piccolo_api(module: Any) -> None:
    """Let the endpoints of piccolo_api answer 422 to a value that a column refuses.

    crud/endpoints.py, ``post_single``, ``put_single`` and ``patch_single``: a ``ValueError`` is a
    500 without a word. What is wrong is said in FastAPI's form, column by column.
    """

    def refused(crud: Any, data: dict[str, Any]) -> list[dict[str, Any]]:
        from atlas.errors import InvalidValueError

        model = crud.pydantic_model_optional(**data)
        wrong = []
        for name in data.keys() & {column._meta.name for column in crud.table._meta.columns}:
            try:
                column = crud.table._meta.get_column_by_name(name)
                if accept := getattr(column, "accept", None):
                    accept(getattr(model, name))
            except InvalidValueError as error:
                wrong.append({"loc": ["body", name], "msg": str(error), "type": "value_error"})
        return wrong

    def answered(method: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
        @functools.wraps(method)
        async def endpoint(crud: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            import pydantic
            from starlette.responses import JSONResponse

            try:
                response = await method(crud, request, *args, **kwargs)
            except pydantic.ValidationError as error:  # of a filter: FastAPI has not seen it
                detail = error.errors(include_url=False, include_context=False)
                return JSONResponse({"detail": detail}, status_code=422)
            data = kwargs.get("data") or (args[-1] if args else None)
            if response.status_code != 500 or not isinstance(data, dict):
                return response
            wrong = refused(crud, data)
            return JSONResponse({"detail": wrong}, status_code=422) if wrong else response

        return endpoint

    crud = module.PiccoloCRUD
    for name in ("get_all", "get_count", "post_single", "put_single", "patch_single"):
        setattr(crud, name, answered(getattr(crud, name)))


def _get_engine() -> None:
    """Let Piccolo's commands and migrations use the engine of the client in scope.

    conf/apps.py, ``Finder.get_engine``: they ask it for the engine, and the tables
    ask the client in scope. Both must get the same, or a migration's DDL and its
    row in ``migration`` end up in two databases.
    """
    Finder.get_engine = scope.get_engine  # type: ignore[method-assign, assignment]


_OF_MODULES: dict[str, Patch] = {
    "piccolo.utils.pydantic": _value_type_of_a_foreign_key,
    "piccolo.apps.migrations.auto.migration_manager": _migration_manager,
    "piccolo.apps.migrations.auto.schema_snapshot": _schema_snapshot,
    "piccolo.apps.migrations.commands.forwards": _forwards,
    "piccolo.apps.migrations.commands.backwards": _backwards,
    "piccolo.apps.migrations.commands.new": _new_migrations_are_checked,
    "piccolo.apps.fixtures.commands.dump": _fixtures_dump,
    "piccolo.apps.fixtures.commands.load": _fixtures_load,
    "piccolo.apps.sql_shell.commands.run": _sql_shell,
    "piccolo.apps.playground.commands.run": _playground,
    "piccolo.apps.tester.commands.run": _tester,
    "piccolo.testing.model_builder": _model_builder,
    "piccolo_api.crud.endpoints": _crud_of_piccolo_api,
}


def apply() -> None:
    """Apply every patch. Called once, by the front door."""
    if not piccolo.__VERSION__.startswith(_CHECKED_VERSION):
        raise RuntimeError(
            f"Atlas patches Piccolo {_CHECKED_VERSION}x and found {piccolo.__VERSION__}. Install "
            "piccolo==1.38.*, or check atlas/patches.py against the new version."
        )
    _get_engine()
    _engine_of_a_table()
    _run_sync()
    modules = _PatchedModules()
    for name, patch in _OF_MODULES.items():
        modules.patch(name, patch)
    sys.meta_path.insert(0, modules)

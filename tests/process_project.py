"""A project of a test's own: apps with migrations, and the commands in processes of their own.

The migrations are written by hand, as text, so that a test says what is in each::

    project = Project(tmp_path, database)
    project.add_app("one")
    project.add_migration("one", "m1", table("one_thing"), sql("INSERT INTO one_thing …"))
    assert project.atlas("migrate").returncode == 0
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from databases import Database

_CONF = """
from piccolo.conf.apps import AppRegistry
from atlas.conf import DB

APP_REGISTRY = AppRegistry(apps={apps!r})
"""

_APP = """
import os
from piccolo.conf.apps import AppConfig

APP_CONFIG = AppConfig(
    app_name={name!r},
    migrations_folder_path=os.path.join(os.path.dirname(__file__), "piccolo_migrations"),
    table_classes=[],
    migration_dependencies={depends_on!r},
    commands=[],
)
"""

_MIGRATION = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder

from atlas.columns import Boolean, ForeignKey, Integer, Text

ID = {id!r}
VERSION = "1.38.0"
DESCRIPTION = {description!r}


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name={app!r}, description=DESCRIPTION)
    run = engine_finder().run_ddl

{body}
    return manager
"""


class Project:
    """A folder with a ``piccolo_conf.py`` whose database is ``database``."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database = database
        self._apps: list[str] = []

    def add_app(self, name: str, *, depends_on: str | None = None) -> None:
        """Add an app without tables; ``depends_on`` is one that is migrated before it."""
        folder = self.folder / name
        (folder / "piccolo_migrations").mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "piccolo_migrations" / "__init__.py").touch()
        depends = [f"{depends_on}.piccolo_app"] if depends_on else []
        (folder / "piccolo_app.py").write_text(_APP.format(name=name, depends_on=depends))
        self._apps.append(f"{name}.piccolo_app")
        (self.folder / "piccolo_conf.py").write_text(_CONF.format(apps=self._apps))

    def add_migration(self, app: str, id: str, *steps: str, description: str = "") -> Path:
        """Write a migration, or write it again; ``steps`` are lines that use ``manager``."""
        path = self.folder / app / "piccolo_migrations" / f"{app}_{id}.py"
        body = "\n".join(f"    {line}" for step in steps for line in step.splitlines())
        path.write_text(_MIGRATION.format(id=id, app=app, description=description, body=body))
        return path

    def atlas(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``atlas`` to its end."""
        return finished(self.start("atlas", *arguments, **variables))

    def piccolo(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``piccolo`` to its end."""
        return finished(self.start("piccolo", *arguments, **variables))

    def start(self, command: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in the folder, with these environment variables too."""
        environment = {
            name: value for name, value in os.environ.items() if name != "PICCOLO_CONF"
        } | {"DATABASE_URL": self.database.url, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
        own = Path(sys.executable).with_name(command)
        return subprocess.Popen(
            [own if own.exists() else command, *arguments],
            cwd=self.folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def applied(self) -> list[tuple[str, str]]:
        """Return the app and id of each row of the log, in the order of their application."""
        if "migration" not in self.database.table_names():
            return []
        return [
            (app, id)
            for app, id in self.database.rows("SELECT app_name, name FROM migration ORDER BY id")
        ]


def finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait until a process ends by itself, and return what it said."""
    try:
        output, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the process did not end; it said: {output}{errors}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


# Steps.


def table(name: str, *, references: str | None = None) -> str:
    """Return the step that makes a table; with a parent, whose rows take its own along."""
    class_name = name.title().replace("_", "")
    lines = [
        f"manager.add_table({class_name!r}, tablename={name!r})",
        _column(class_name, name, "id", "Text", "'primary_key': True"),
        _column(class_name, name, "name", "Text", "'null': True"),
    ]
    if references:
        lines += [
            "from piccolo.table import create_table_class",
            "from piccolo.columns.base import OnDelete",
            f"parent = create_table_class('Parent', class_kwargs={{'tablename': {references!r}}},"
            " class_members={'id': Text(primary_key=True)})",
            _column(
                class_name,
                name,
                "parent_id",
                "ForeignKey",
                "'references': parent, 'null': True, 'on_delete': OnDelete.cascade",
            ),
        ]
    return "\n".join(lines)


def drop_table(name: str) -> str:
    """Return the step that drops a table."""
    return f"manager.drop_table({name.title().replace('_', '')!r}, tablename={name!r})"


def sql(*statements: str) -> str:
    """Return the data step that runs ``statements``."""
    return _raw("add_raw", statements)


def sql_backwards(*statements: str) -> str:
    """Return the data step that runs ``statements`` when the migration is taken back."""
    return _raw("add_raw_backwards", statements)


def _raw(method: str, statements: tuple[str, ...]) -> str:
    name = f"{method}_step"
    lines = [f"async def {name}():", *(f"    await run({text!r})" for text in statements)]
    return "\n".join([*lines, f"manager.{method}({name})"])


def _column(class_name: str, tablename: str, name: str, column_class: str, params: str) -> str:
    return (
        f"manager.add_column({class_name!r}, {tablename!r}, column_name={name!r},"
        f" column_class={column_class}, params={{{params}}})"
    )

"""A small project with an app of its own, migrated by Piccolo's commands in this process.

In: the text of a ``tables.py``. Out: migrations written by ``piccolo migrations
new --auto``, and run forwards and backwards on one engine or another.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from piccolo.apps.migrations.commands.backwards import run_backwards
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.apps.migrations.commands.new import new
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import AppRegistry

import atlas.conf

APP = """
from pathlib import Path
from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="{app}",
    migrations_folder_path=str(Path(__file__).parent / "piccolo_migrations"),
    table_classes=table_finder(modules=["{app}.tables"], exclude_imported=True),
    migration_dependencies={before},
)
"""
_WORDS = "from atlas.migrate import allow_loss, fill_nulls, save_rows\n"


class Project:
    """An app in a folder of its own, after those that it references.

    Piccolo knows these alone while one is in use.
    """

    def __init__(self, folder: Path, app: str, after: Project | None = None) -> None:
        self.app = app
        self.apps: tuple[str, ...] = (*(after.apps if after else ()), app)
        self.package = folder / app
        (self.package / "piccolo_migrations").mkdir(parents=True)
        (self.package / "__init__.py").touch()
        (self.package / "piccolo_migrations" / "__init__.py").touch()
        before = [f"{name}.piccolo_app" for name in self.apps[:-1]]
        (self.package / "piccolo_app.py").write_text(APP.format(app=app, before=before))

    @property
    def migrations(self) -> list[Path]:
        """The migration files, oldest first."""
        return sorted((self.package / "piccolo_migrations").glob(f"{self.app}_*.py"))

    @contextlib.contextmanager
    def using(self, engine: Any) -> Iterator[None]:
        """Let Piccolo's commands know this app only, and use ``engine``."""
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(self.package.parent))
            patch.setattr(sys, "path", [*sys.path])
            registry = AppRegistry.__new__(AppRegistry)
            patch.setenv("ATLAS_MIGRATION_BACKUP", "0")  # test_run.py has tests of it
            patch.setattr(atlas.conf, "DB", engine)
            patch.setattr(Migration._meta, "_db", engine)
            self.forget()
            AppRegistry.__init__(registry, apps=[f"{app}.piccolo_app" for app in self.apps])
            patch.setattr(atlas.conf, "APP_REGISTRY", registry)
            try:
                yield
            finally:
                self.forget()

    def forget(self) -> None:
        """Forget the modules, so that they are read again."""
        for name in [*sys.modules]:
            for app in self.apps:
                if name == app or name.startswith((f"{app}.", f"{app}_2")):
                    del sys.modules[name]
        importlib.invalidate_caches()

    def write(self, tables: str) -> None:
        """Write ``tables.py``."""
        (self.package / "tables.py").write_text(tables.replace("{app}", self.app))
        for cache in self.package.glob("__pycache__/*"):
            cache.unlink()

    async def new(self, engine: Any, *, is_rename: bool = False, words: Any = ()) -> Path | None:
        """Let Piccolo write a migration; return its file, or None when nothing has changed."""
        before = self.migrations
        with self.using(engine), warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")  # "aren't fully supported by SQLite"
            await new(self.app, auto=True, auto_input="y" if is_rename else "n")
        written = [path for path in self.migrations if path not in before]
        if not written:
            return None
        (path,) = written
        if words:
            text = path.read_text()
            lines = "".join(f"    {word}\n" for word in words).replace("{app}", self.app)
            text = text.replace("    return manager\n", f"{lines}\n    return manager\n")
            path.write_text(re.sub(r"^(from piccolo)", _WORDS + r"\1", text, count=1, flags=re.M))
        return path

    async def forwards(self, engine: Any) -> None:
        """Run the migrations that were not run, in one transaction."""
        with self.using(engine), quiet():
            result = await run_forwards(self.app)
            assert result.success, result.message

    async def backwards(self, engine: Any) -> None:
        """Take the last migration back."""
        with self.using(engine), quiet():
            result = await run_backwards(self.app, migration_id="1", auto_agree=True)
            assert result.success, result.message


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what Piccolo prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield

"""The migration files of the apps.

In: Piccolo's registry of apps. Out: their migrations, imported, in the order in
which they are applied. Knows no database.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.conf.apps import AppConfig, Finder

from atlas.errors import ConfigurationError, MigrationError
from atlas.migrate.log import file_sha256
from atlas.nearest import did_you_mean


@dataclass(frozen=True)
class MigrationFile:
    """A migration as it lies on the disk."""

    app_name: str
    #: The ``ID`` in the file, under which the log has it.
    id: str
    path: Path
    #: The hash of its text, as the log keeps it.
    sha256: str
    module: ModuleType = field(repr=False, compare=False)

    @property
    def description(self) -> str:
        """What its author says that it does; mostly nothing."""
        return str(getattr(self.module, "DESCRIPTION", ""))


def app_names(*wanted: str) -> list[str]:
    """Return the apps that are wanted, those that others depend on first; all when none is named.

    Raises ``ConfigurationError`` for a name that is none, and says which there are.
    """
    known: list[str] = Finder().get_app_names(sort_by_migration_dependencies=True)
    if unknown := sorted(set(wanted) - set(known)):
        raise ConfigurationError(
            f"There is no app {', '.join(map(repr, unknown))}; the apps are {', '.join(known)}."
            f"{did_you_mean(unknown[0], known)}"
        )
    return [name for name in known if name in wanted or not wanted]


def migration_files(app_name: str) -> list[MigrationFile]:
    """Return the migrations of an app in the order of their ids.

    Raises ``MigrationError`` when a file cannot be imported, or has the id or
    the name of another.
    """
    return files_in(Finder().get_app_config(app_name))


def files_in(config: AppConfig) -> list[MigrationFile]:
    """Return the migrations of an app, in Piccolo's registry or not, as ``migration_files``."""
    app_name, folder = config.app_name, Path(config.resolved_migrations_folder_path)
    found: dict[str, MigrationFile] = {}
    for path in sorted(folder.glob("*.py")):
        if path.name == "__init__.py":
            continue
        sha256 = file_sha256(path)
        module = _imported(path)
        id = getattr(module, "ID", None)
        if not id:  # a helper of the migrations, as for stock Piccolo
            continue
        if id in found:
            raise MigrationError(f"{path} and {found[id].path.name} both have the ID {id}.")
        found[id] = MigrationFile(app_name, id, path, sha256, module)
    return [found[id] for id in sorted(found)]


async def managers_of(files: Iterable[Any]) -> list[MigrationManager]:
    """Return what migrations say, anew each time; nothing for one that does all itself."""
    said = [await file.module.forwards() for file in files]
    return [manager for manager in said if isinstance(manager, MigrationManager)]


def _imported(path: Path) -> ModuleType:
    # By its bare name, as stock Piccolo does (apps/migrations/commands/base.py): it imports them
    # again for its snapshots, and an enum in a file shall be one class.
    sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module(path.stem)
    except Exception as error:
        raise MigrationError(
            f"{path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise MigrationError(
            f"{path} has the name of another module, {module.__file__}. Give it another one; "
            "Piccolo imports migrations by the names of their files."
        )
    return module

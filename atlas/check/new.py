"""Whether a new migration may be written, and whether it is right.

In: an app for which ``piccolo migrations new`` is about to write a file, has written one, or
found nothing to write. Out: an error for an installed package, or for a file that cannot be run,
which is taken away again; a warning on stderr that names what its tables declare and its
migrations do not add up to. Works from the configuration that it is given: the app need not be
in Piccolo's registry.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from piccolo.conf.apps import AppConfig

from atlas.check.drift import added_up
from atlas.check.findings import Finding, found_in_migrations
from atlas.errors import MigrationError
from atlas.migrate.files import app_names, files_in, migration_files
from atlas.schema.declared import from_classes
from atlas.schema.schema import differences


def refuse_installed(app_config: AppConfig) -> None:
    """Raise ``MigrationError`` for an app of an installed package, which is not ours to change."""
    folder = Path(app_config.resolved_migrations_folder_path)
    if {"site-packages", "dist-packages"}.intersection(folder.parts):
        raise MigrationError(
            f"{app_config.app_name} belongs to an installed package ({folder}). What is written "
            "there is lost with the next upgrade, and no other installation has it. "
            "Change its tables in a checkout of the package, or add an app of your own."
        )


async def keep_if_sound(app_config: AppConfig, written: str) -> None:
    """Import a file that was just written, and add it up; raise, and leave none that fails.

    ``MigrationError`` says why: a default or a choice that has no form as Python source, mostly.
    """
    importlib.invalidate_caches()  # else the file just written may not be seen
    try:
        await added_up(files_in(app_config), "sqlite")
    except Exception as error:
        if isinstance(error, MigrationError) and os.path.basename(written) not in str(error):
            raise  # another file is at fault
        os.unlink(written)
        said = str(error).partition("cannot be imported: ")[2] or f"{type(error).__name__}: {error}"
        raise MigrationError(
            f"{app_config.app_name}: the migration that was written cannot be run ({said}), so it "
            "was taken away again. Change what Python cannot say of it in the table class, or "
            f"write the migration by hand: piccolo migrations new {app_config.app_name}"
        ) from error


async def warn_of_rest(app_config: AppConfig) -> None:
    """Compare an app's migrations with its tables; print on stderr what they lack."""
    try:
        found = await _rest(app_config)
    except MigrationError as error:
        print(f"atlas: the migrations cannot be checked: {error}", file=sys.stderr)
        return
    if not found:
        return
    app = app_config.app_name
    print(
        f"\natlas: the migrations of {app} do not add up to what its tables declare:",
        *(f"  {finding.message}" for finding in found),
        "Run the same command again: it may find the rest when this migration is there. What it "
        "does not find then has to be added to the file by hand.",
        sep="\n",
        file=sys.stderr,
    )


async def _rest(app_config: AppConfig) -> list[Finding]:
    app = app_config.app_name
    declared = from_classes(app_config.table_classes, "sqlite", app)
    others = [file for name in app_names() if name != app for file in migration_files(name)]
    found = differences(declared, await added_up(files_in(app_config), "sqlite", others))
    return [found_in_migrations(difference, app) for difference in found]

"""Where a new migration may be written, and what it leaves out.

In: an app for which ``piccolo migrations new`` is about to write a file, has written one, or
found nothing to write. Out: an error for an installed package; a warning on stderr that names
what its tables declare and its migrations do not add up to. Piccolo 1.38 leaves out, without
a word, changes of the same name in two tables (schema_differ.py, lines 574 and 602), what changes
besides a column's name (diffable_table.py, line 188), and more.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from piccolo.conf.apps import AppConfig

from atlas.check.drift import migration_findings, read_code
from atlas.errors import MigrationError


def refuse_installed(app_config: AppConfig) -> None:
    """Raise ``MigrationError`` for an app of an installed package, which is not ours to change."""
    folder = Path(app_config.resolved_migrations_folder_path)
    if {"site-packages", "dist-packages"}.intersection(folder.parts):
        raise MigrationError(
            f"{app_config.app_name} belongs to an installed package ({folder}). What is written "
            "there is lost with the next upgrade, and no other installation has it. "
            "Change its tables in a checkout of the package, or add an app of your own."
        )


async def warn_of_rest(app_config: AppConfig) -> None:
    """Compare an app's migrations with its tables; print on stderr what they lack."""
    importlib.invalidate_caches()  # else the file just written may not be seen
    try:
        found = await migration_findings(read_code("sqlite"), app_config.app_name)
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

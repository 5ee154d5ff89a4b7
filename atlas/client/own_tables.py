"""The tables of the user's own apps, which stand in the registry beside ours.

In: the project's ``piccolo_conf``. Out: those of its tables that are made like ours. Opens nothing.
"""

from __future__ import annotations

from atlas.client import configured
from atlas.table import Table


def own_tables() -> list[type[Table]]:
    """Return the tables of apps that are not Atlas's, in the registry's order; none without one.

    Only subclasses of ``atlas.table.Table`` are meant: others know nothing of keys and checks.
    """
    registry = getattr(configured.import_conf(), "APP_REGISTRY", None)
    return [
        table
        for app in (registry.app_configs.values() if registry else ())
        for table in app.table_classes
        if issubclass(table, Table) and not table.__module__.startswith("atlas.")
    ]

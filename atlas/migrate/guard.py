"""What happens before an app's tables are dropped.

In: the migration that would be taken back. Out: a transaction in which its
tables can be dropped, or ``TableInUseError`` naming the tables of others that
still reference them. Without it DROP TABLE empties those by ON DELETE CASCADE
on SQLite, and takes their foreign keys away on PostgreSQL, and Piccolo reports
success.
"""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder
from piccolo.querystring import QueryString

from atlas.errors import TableInUseError

# A table's own SQL may spell its parent in another case; ours are all lower.
_SQLITE = (
    'SELECT DISTINCT m.name AS child, lower(f."table") AS parent'
    " FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f"
    " WHERE m.type = 'table'"
)
# A regclass names the schema of a table that is not on the search path: another
# schema's core_entity is not the one that would be dropped.
_POSTGRES = (
    "SELECT DISTINCT conrelid::regclass::text AS child, confrelid::regclass::text AS parent"
    " FROM pg_constraint WHERE contype = 'f'"
)
# SQLite deletes a table's rows before it drops it, in the order they lie in, and
# a tree's own RESTRICT stops that unless it waits for COMMIT, when all are gone.
_SQLITE_DEFER = "PRAGMA defer_foreign_keys = 1"


async def prepare_drop(manager: MigrationManager) -> None:
    """Let the tables that ``manager`` made be dropped, with their rows, in this transaction.

    Raises ``TableInUseError`` while a table that it did not make references one
    that it did. Belongs in every migration that makes tables::

        manager.add_raw_backwards(partial(prepare_drop, manager))
    """
    engine = engine_finder()
    if engine is None:
        raise RuntimeError("Piccolo found no engine; is PICCOLO_CONF set?")
    in_sqlite = engine.engine_type == "sqlite"
    made = {table.tablename for table in manager.add_tables}
    references = await engine.run_querystring(QueryString(_SQLITE if in_sqlite else _POSTGRES))
    found = sorted(
        {row["child"] for row in references if row["parent"] in made and row["child"] not in made}
    )
    if found:
        raise TableInUseError(
            f"The tables of {manager.app_name} are not dropped, because tables of other apps "
            f"reference them: {', '.join(found)}. Take those apps back first, or all of them "
            "with: piccolo migrations backwards all"
        )
    if in_sqlite:
        await engine.run_querystring(QueryString(_SQLITE_DEFER))

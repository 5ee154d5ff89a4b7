"""A check before an app's tables are dropped.

In: the migration that would be taken back. Out: nothing, or ``TableInUseError``
naming the tables of other apps that still reference the ones it made. Without
it DROP TABLE empties those by ON DELETE CASCADE on SQLite, and takes their
foreign keys away on PostgreSQL, and Piccolo reports success.
"""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder
from piccolo.querystring import QueryString

from atlas.errors import TableInUseError

_SQLITE = (
    'SELECT DISTINCT m.name AS child, f."table" AS parent'
    " FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f"
    " WHERE m.type = 'table'"
)
_POSTGRES = (
    "SELECT DISTINCT child.relname::text AS child, parent.relname::text AS parent"
    " FROM pg_constraint AS c"
    " JOIN pg_class AS child ON child.oid = c.conrelid"
    " JOIN pg_class AS parent ON parent.oid = c.confrelid"
    " WHERE c.contype = 'f'"
)


async def refuse_while_referenced(manager: MigrationManager) -> None:
    """Raise ``TableInUseError`` while a table that ``manager`` did not make references one it did.

    Belongs in a migration that makes tables, so that it runs before they are
    dropped, in the same transaction::

        manager.add_raw_backwards(partial(refuse_while_referenced, manager))
    """
    engine = engine_finder()
    if engine is None:
        raise RuntimeError("Piccolo found no engine; is PICCOLO_CONF set?")
    made = {table.tablename for table in manager.add_tables}
    references = await engine.run_querystring(
        QueryString(_SQLITE if engine.engine_type == "sqlite" else _POSTGRES)
    )
    found = sorted(
        {row["child"] for row in references if row["parent"] in made and row["child"] not in made}
    )
    if found:
        raise TableInUseError(
            f"The tables of {manager.app_name} are not dropped, because tables of other apps "
            f"reference them: {', '.join(found)}. Take those apps back first, or all of them "
            "with: piccolo migrations backwards all"
        )

"""What would happen to the rows of others when tables are dropped.

In: a migration that is about to be applied or taken back. Out: nothing, or
``TableInUseError`` naming the tables that still reference one it would drop. For
want of the table they would lose their rows by ON DELETE CASCADE on SQLite, or
their foreign keys on PostgreSQL, and Piccolo would report success.
"""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.querystring import QueryString

from atlas.engine.factory import AtlasEngine
from atlas.errors import TableInUseError

# A table's own SQL may spell its parent in another case, which SQLite does not mind.
_SQLITE = (
    'SELECT DISTINCT m.name AS child, p.name AS parent, f."from" AS key,'
    " NULL AS child_schema, NULL AS parent_schema, NULL AS first_schema"
    " FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f"
    " JOIN sqlite_master AS p ON p.type = 'table' AND p.name = f.\"table\" COLLATE NOCASE"
    " WHERE m.type = 'table'"
)
_POSTGRES = (
    "SELECT DISTINCT c.relname::text AS child, p.relname::text AS parent, attname::text AS key,"
    " m.nspname::text AS child_schema, n.nspname::text AS parent_schema,"
    " current_schema()::text AS first_schema"
    " FROM pg_constraint JOIN pg_class AS c ON c.oid = conrelid"
    " JOIN pg_class AS p ON p.oid = confrelid"
    " JOIN pg_namespace AS m ON m.oid = c.relnamespace"
    " JOIN pg_namespace AS n ON n.oid = p.relnamespace"
    " JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) WHERE contype = 'f'"
)


async def check_drops(engine: AtlasEngine, manager: MigrationManager, *, backwards: bool) -> None:
    """Raise ``TableInUseError`` while a table that stays references one that would be dropped.

    Taking a migration back drops the tables it made; applying one drops those it
    says. A reference that the same migration drops or changes does not count.
    """
    tables = manager.add_tables if backwards else manager.drop_tables
    dropped = {table.tablename for table in tables}
    if not dropped:
        return
    altered = manager.alter_columns.alter_columns
    gone = {(column.tablename, column.db_column_name) for column in altered}
    if backwards:
        added = manager.add_columns.add_columns
        gone |= {(column.tablename, column.column._meta.db_column_name) for column in added}
    else:
        drops = manager.drop_columns.drop_columns
        gone |= {(column.tablename, column.db_column_name) for column in drops}
    sql = _SQLITE if engine.engine_type == "sqlite" else _POSTGRES
    rows = await engine.run_querystring(QueryString(sql))
    # The core_entity of another schema is not the one that would be dropped.
    places = {
        (table.schema or row["first_schema"], table.tablename) for table in tables for row in rows
    }
    found = sorted(
        {
            row["child"]
            if row["child_schema"] == row["first_schema"]
            else f"{row['child_schema']}.{row['child']}"
            for row in rows
            if (row["parent_schema"], row["parent"]) in places
            and (row["child_schema"], row["child"]) not in places
            and (row["child"], row["key"]) not in gone
        }
    )
    if not found:
        return
    if backwards:
        raise TableInUseError(
            f"The tables of {manager.app_name} are not dropped, because tables of other apps "
            f"reference them: {', '.join(found)}. Take those apps back first, or all of them "
            "with: piccolo migrations backwards all"
        )
    raise TableInUseError(
        f"{', '.join(sorted(dropped))}: not dropped, because other tables still reference what "
        f"would be: {', '.join(found)}. Drop those references first, in a migration of their app "
        "that is applied before this one."
    )

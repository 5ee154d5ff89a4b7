"""What the migrations of one app add up to.

In: Piccolo's ``MigrationManager``s. Out: the tables as they are when all have run, as
``DiffableTable``s, whose columns are made from all that the migrations say of them. It stands for
Piccolo's ``SchemaSnapshot`` (``patches.py``) and opens no database.

Piccolo 1.38 (schema_snapshot.py) changes the columns of the managers themselves, stops at a
default that the new type of its column does not take, as when two branches were merged, and drops
what a migration drops and makes again under one name.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterable
from typing import Any

from piccolo.apps.migrations.auto.diffable_table import DiffableTable
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.auto.operations import AlterColumn, RenameTable
from piccolo.columns import Column, ForeignKey
from piccolo.table import Table, create_table_class

from atlas.schema.declared import tolerant

#: The id of a migration, and a table that it renames.
Renames = tuple[tuple[str, RenameTable], ...]

#: The tables of other apps that were renamed, while the task runs migrations.
renamed_by_others: contextvars.ContextVar[Renames] = contextvars.ContextVar(
    "atlas_renamed_by_others", default=()
)


def renames_of(managers: Iterable[MigrationManager]) -> Renames:
    """Return the tables that migrations rename, the first one first."""
    ordered = sorted(managers, key=lambda each: each.migration_id)
    return tuple(
        (manager.migration_id, rename) for manager in ordered for rename in manager.rename_tables
    )


def follow(manager: MigrationManager, renames: Renames) -> None:
    """Let a migration reference the tables of other apps by the names that they got after it."""
    for migration_id, rename in renames:
        if migration_id < manager.migration_id:
            continue
        for added in manager.add_columns.add_columns:
            added.column = _follows(added.column, rename)


def replay(
    managers: Iterable[MigrationManager], others: Renames | None = None
) -> list[DiffableTable]:
    """Return the tables that the migrations of one app make, one after the other.

    ``others`` are tables of other apps that were renamed, whose names the references of this
    app's follow; those of the run that the task is in when they are left out. Ids of migrations
    are moments, so they tell what was renamed after it was referenced.
    """
    tables: list[DiffableTable] = []
    waiting = list(renamed_by_others.get() if others is None else others)
    for manager in sorted(managers, key=lambda each: each.migration_id):
        while waiting and waiting[0][0] < manager.migration_id:
            _follow_all(tables, waiting.pop(0)[1])
        tables += [
            DiffableTable(
                table.class_name,
                table.tablename,
                table.schema,
                list(table.columns),
                list(table.constraints),
            )
            for table in manager.add_tables
        ]
        dropped = {table.class_name for table in manager.drop_tables}
        tables = [table for table in tables if table.class_name not in dropped]
        for rename in manager.rename_tables:
            _rename_table(tables, rename)
        for move in manager.change_table_schemas:
            for table in tables:
                if table.tablename == move.tablename:
                    table.schema = move.new_schema
        for table in tables:
            _change_columns(manager, table)
            _change_constraints(manager, table)
    for _, rename in waiting:
        _follow_all(tables, rename)
    return tables


def _rename_table(tables: list[DiffableTable], rename: RenameTable) -> None:
    """Give a table its new name, and let the foreign keys of all follow."""
    for table in tables:
        if table.class_name == rename.old_class_name:
            table.class_name, table.tablename = rename.new_class_name, rename.new_tablename
            break
    _follow_all(tables, rename)


def _follow_all(tables: list[DiffableTable], rename: RenameTable) -> None:
    for table in tables:
        table.columns = [_follows(column, rename) for column in table.columns]


def _follows(column: Column, rename: RenameTable) -> Column:
    parent = column._meta.params.get("references")
    if not (
        isinstance(column, ForeignKey)
        and isinstance(parent, type)
        and issubclass(parent, Table)
        and parent.__name__ == rename.old_class_name
        and parent._meta.tablename == rename.old_tablename
    ):
        return column
    renamed: Any = create_table_class(
        class_name=rename.new_class_name,
        bases=(parent,),
        class_kwargs={"tablename": rename.new_tablename, "schema": parent._meta.schema},
    )
    return _changed(column, {"references": renamed})


def _change_columns(manager: MigrationManager, table: DiffableTable) -> None:
    name = table.class_name
    dropped = {drop.column_name for drop in manager.drop_columns.for_table_class_name(name)}
    columns = [column for column in table.columns if column._meta.name not in dropped]
    columns += manager.add_columns.columns_for_table_class_name(name)
    for rename in manager.rename_columns.for_table_class_name(name):
        columns = [
            _changed(column, {}, name=rename.new_column_name, stored_name=rename.new_db_column_name)
            if column._meta.name == rename.old_column_name
            else column
            for column in columns
        ]
    for change in manager.alter_columns.for_table_class_name(name):
        columns = [
            _altered(column, change) if column._meta.name == change.column_name else column
            for column in columns
        ]
    table.columns = columns


def _altered(column: Column, change: AlterColumn) -> Column:
    is_other = change.column_class is not None and change.column_class != change.old_column_class
    return _changed(column, change.params, cls=change.column_class if is_other else None)


def _changed(
    column: Column,
    params: dict[str, Any],
    *,
    cls: type[Column] | None = None,
    name: str | None = None,
    stored_name: str | None = None,
) -> Column:
    """Return the column with these parameters, and the column itself as it was."""
    meta = column._meta
    meta = column._meta
    made = tolerant(cls or type(column), {**meta.params, **params})
    made._meta._name = name or meta._name
    made._meta.db_column_name = stored_name or params.get("db_column_name") or meta.db_column_name
    if "references" not in params and isinstance(column, ForeignKey):
        made_key: Any = made
        if isinstance(made, ForeignKey):  # which a name alone does not lead to
            made_key._foreign_key_meta.references = column._foreign_key_meta.references
    return made


def _change_constraints(manager: MigrationManager, table: DiffableTable) -> None:
    name = table.class_name
    drops = manager.drop_constraints.for_table_class_name(name)
    dropped = {drop.constraint_name for drop in drops}
    table.constraints = [each for each in table.constraints if each._meta.name not in dropped]
    table.constraints += manager.add_constraints.constraints_for_table_class_name(name)

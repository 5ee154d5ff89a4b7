"""What a new migration has to say.

In: an app's configuration with its table classes, and its migrations. Out: Piccolo's
``AlterStatements`` that make the one of the other. Asks on the terminal what was renamed, and
opens no database. Each method stands for one of Piccolo 1.38's that leaves something out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from piccolo.apps.migrations.auto.diffable_table import DiffableTable, TableDelta
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.auto.operations import (
    AddConstraint,
    DropConstraint,
    RenameColumn,
    RenameTable,
)
from piccolo.apps.migrations.auto.schema_differ import (
    AlterStatements,
    ChangeTableSchemaCollection,
    RenameColumnCollection,
    RenameTableCollection,
    SchemaDiffer,
)
from piccolo.columns import Column
from piccolo.conf.apps import AppConfig

from atlas.migrate.replay import replay


def statements(
    app_config: AppConfig, managers: Iterable[MigrationManager], auto_input: str | None
) -> list[AlterStatements]:
    """Return what an app's next migration says; ``auto_input`` answers all questions."""
    declared: list[DiffableTable] = [
        _DeclaredTable(
            class_name=table.__name__,
            tablename=table._meta.tablename,
            columns=table._meta.non_default_columns,
            constraints=table._meta.constraints,
            schema=table._meta.schema,
        )
        for table in app_config.table_classes
    ]
    differ = _Differ(schema=declared, schema_snapshot=replay(managers), auto_input=auto_input)
    return differ.get_alter_statements()


class _DeclaredTable(DiffableTable):
    """A table class, of which what the migrations say is taken away."""

    def __sub__(self, value: DiffableTable) -> TableDelta:
        delta = super().__sub__(value)
        for change in delta.alter_columns:
            # Piccolo's (diffable_table.py, line 211) takes text that reads as a day for one.
            params = self.columns_map[change.column_name]._meta.params
            change.params = {name: params[name] for name in change.params}
        # It compares the names of constraints, and not what they are over.
        before = {each._meta.name: each for each in value.constraints}
        for constraint in self.constraints:
            name = constraint._meta.name
            old = before.get(name)
            if old is None or (
                type(old) is type(constraint) and old._meta.params == constraint._meta.params
            ):
                continue
            delta.drop_constraints.append(
                DropConstraint(
                    table_class_name=self.class_name,
                    constraint_name=name,
                    tablename=value.tablename,
                    schema=self.schema,
                )
            )
            delta.add_constraints.append(
                AddConstraint(
                    table_class_name=self.class_name,
                    constraint_name=name,
                    constraint_class_name=type(constraint).__name__,
                    constraint_class=type(constraint),
                    params=constraint._meta.params,
                    schema=self.schema,
                )
            )
        return delta

    # A dataclass's subclass has neither unless it says so.
    __hash__ = DiffableTable.__hash__
    __eq__ = DiffableTable.__eq__


class _Renames(RenameColumnCollection):
    """Columns that were renamed. Their names alone say nothing: two tables may both have one.

    Piccolo asks for the names (schema_differ.py, lines 574 and 602) and leaves out what another
    table drops or adds; ``_Differ`` has taken the renamed ones out already.
    """

    @property
    def old_column_names(self) -> list[str]:
        return []

    @property
    def new_column_names(self) -> list[str]:
        return []


class _Differ(SchemaDiffer):
    """Piccolo's comparison. What was moved or renamed is found first, and counts as done then.

    So all else that changes about it is found in the same go.
    """

    def check_table_schema_changes(self) -> ChangeTableSchemaCollection:
        """Find the tables that go to another schema."""
        found = super().check_table_schema_changes()
        for move in found.collection:
            old = self.schema_snapshot_map[move.class_name]
            self._count_as_done(old, replace(old, schema=move.new_schema))
        return found

    def check_rename_tables(self) -> RenameTableCollection:
        """Find the tables that were renamed: by their class or their name, else by asking."""
        gone = [table for table in self.schema_snapshot if table not in self.schema]
        new = [table for table in self.schema if table not in self.schema_snapshot]
        found = RenameTableCollection()
        for is_renamed in (_has_same_class, _has_same_name, self._asks_whether_renamed):
            for table in list(new):
                old = next((old for old in gone if is_renamed(old, table)), None)
                if old is None:
                    continue
                found.append(
                    RenameTable(
                        old_class_name=old.class_name,
                        old_tablename=old.tablename,
                        new_class_name=table.class_name,
                        new_tablename=table.tablename,
                        schema=table.schema,
                    )
                )
                gone.remove(old)
                new.remove(table)
                renamed = replace(old, class_name=table.class_name, tablename=table.tablename)
                self._count_as_done(old, renamed)
        return found

    def check_renamed_columns(self) -> RenameColumnCollection:
        """Find the columns that were renamed, by asking."""
        found = _Renames(super().check_renamed_columns().rename_columns)
        for rename in found.rename_columns:
            old = self.schema_snapshot_map[rename.table_class_name]
            columns = [
                _renamed(column, rename) if column._meta.name == rename.old_column_name else column
                for column in old.columns
            ]
            self._count_as_done(old, replace(old, columns=columns))
        return found

    def _count_as_done(self, old: DiffableTable, new: DiffableTable) -> None:
        place = next(i for i, table in enumerate(self.schema_snapshot) if table is old)
        self.schema_snapshot[place] = new
        self.schema_snapshot_map.pop(old.class_name, None)
        self.schema_snapshot_map[new.class_name] = new

    def _asks_whether_renamed(self, old: DiffableTable, table: DiffableTable) -> bool:
        names = [{c._meta.db_column_name for c in each.columns} for each in (old, table)]
        if not names[0] & names[1]:
            return False
        question = (
            f"Did you rename {old.class_name} (tablename: {old.tablename}) to "
            f"{table.class_name} (tablename: {table.tablename})? (y/N)"
        )
        return (self.auto_input or input(question)).lower() == "y"


def _has_same_class(old: DiffableTable, table: DiffableTable) -> bool:
    return old.class_name == table.class_name


def _has_same_name(old: DiffableTable, table: DiffableTable) -> bool:
    return (old.schema, old.tablename) == (table.schema, table.tablename)


def _renamed(column: Column, rename: RenameColumn) -> Column:
    renamed = column.copy()
    renamed._meta._name = rename.new_column_name
    renamed._meta.db_column_name = rename.new_db_column_name
    return renamed

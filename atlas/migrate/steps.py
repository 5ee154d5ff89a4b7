"""The steps of a migration, done and undone on both databases alike.

In: Piccolo's ``MigrationManager``, which holds what a migration file says. Out:
the statements for it, in the words of PostgreSQL's ALTER TABLE, which on SQLite
``alter.py`` understands. Each function here stands for the method of the same
name (``patches.py``), in which Piccolo 1.38 leaves something out. Before a step
loses anything it asks what the migration says (``consent.py``).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError
from pathlib import Path
from typing import Any

from piccolo.apps.migrations.auto.migration_manager import MigrationManager, SkippedTransaction
from piccolo.apps.migrations.commands.base import BaseMigrationManager
from piccolo.columns import Column, ForeignKey
from piccolo.columns.defaults.base import Default
from piccolo.columns.indexes import IndexMethod
from piccolo.constraints import Constraint, Unique
from piccolo.engine.cockroach import CockroachTransaction
from piccolo.engine.finder import engine_finder
from piccolo.query.methods.alter import AddConstraint
from piccolo.querystring import QueryString
from piccolo.table import Table, sort_table_classes

from atlas.columns import ModelColumn
from atlas.constraints import Index
from atlas.engine.sqlite import casts
from atlas.engine.sqlite.create_table import quoted
from atlas.errors import InvalidValueError, SchemaChangeError
from atlas.migrate import losses, report, saved
from atlas.migrate.consent import Consent, consent_of
from atlas.schema.indexes import (
    find_index,
    foreign_key_name,
    has_column,
    indexes_of,
    primary_key_name,
)
from atlas.schema.relation import TableName, beside, name_of, relation

#: In ALTER COLUMN these, which also make a sequence, are not types.
_PLAIN_TYPES = {"SERIAL": "INTEGER", "BIGSERIAL": "BIGINT"}


#: The longest name that PostgreSQL keeps, in bytes.
_LONGEST_NAME = 63


class _Steps:
    """What the functions below share: a manager, its engine, and what its migration allows."""

    def __init__(self, manager: MigrationManager) -> None:
        engine = engine_finder()
        if engine is None:
            raise RuntimeError("Piccolo found no engine; is PICCOLO_CONF set?")
        self.manager = manager
        self.engine: Any = engine
        self.consent: Consent = consent_of(manager)

    @property
    def is_run(self) -> bool:
        """Whether the migration is run, and not only shown."""
        return not self.manager.preview

    async def run(self, statement: str) -> None:
        """Run a statement, or print it for a preview."""
        if self.is_run:
            await self.engine.run_ddl(statement)
        else:
            print(f"\n {statement};")

    async def alter(self, table: str, actions: Iterable[str]) -> None:
        """Change a table; all in one statement, for which SQLite builds it again once."""
        actions = list(actions)
        if actions:
            await self.run(f"ALTER TABLE {relation(table)} {', '.join(actions)}")

    async def snapshot(self, class_name: str, *, before: bool) -> type[Table]:
        """Return a table as the migration finds it, or as it leaves it."""
        return await self.manager.get_table_from_snapshot(
            table_class_name=class_name, app_name=self.manager.app_name, offset=-1 if before else 0
        )

    def current_name(self, operation: Any, *, backwards: bool) -> TableName:
        """Return what the table of an operation is called now.

        Renaming comes before all else, both ways.
        """
        table: str = operation.tablename
        for rename in self.manager.rename_tables:
            if not backwards and table == rename.old_tablename:
                table = rename.new_tablename
                break
            if backwards and table == rename.new_tablename:
                table = rename.old_tablename
                break
        return TableName(table, operation.schema)

    def saved_path(self, table: str, column: str | None) -> Path:
        path = self.consent.saves.get((table, column))
        if path is None:
            return saved.path_of(
                self.engine, self.manager.app_name, self.manager.migration_id, table, column
            )
        return path

    async def refuse_missing_file(self, path: Path, table: str, column: str | None) -> None:
        """Raise when the rows that a migration saved are to come back, and their file is gone."""
        if saved.is_there(path) or self.consent.allows_loss_of_saved(table, column):
            return
        if column is not None and not await losses.count(self.engine, table):
            return  # there is no row to put a value into
        raise SchemaChangeError(
            f"{table if column is None else f'{table}.{column}'}: its rows were saved to {path}, "
            "and that file is not there, so they cannot be put back. Nothing was changed. Bring "
            "the file back, or say in the migration that it goes without them: "
            f"{losses.line_of('allow_loss', table, column)}"
        )

    # Columns.

    async def add_column(self, table: type[Table], name: str) -> None:
        """Add a column of ``table``, which says how it is, with its index and its values."""
        column = table._meta.get_column_by_name(name)
        meta, tablename = column._meta, name_of(table)
        place = (tablename, meta.db_column_name)
        needs_values = not meta.null and default_sql(column) is None and self.is_run
        path = self.saved_path(*place) if place in self.consent.saves else None
        if path is not None and self.is_run:
            await self.refuse_missing_file(path, *place)
        fills = place in self.consent.fills or (path is not None and path.exists())
        if needs_values and not fills:
            await losses.refuse_missing_default(self.engine, *place)
        # The key of the table is changed at the end, in one step with the key it had.
        definition = column.ddl.partition(", PRIMARY KEY (")[0].replace(" PRIMARY KEY", "", 1)
        if needs_values and fills:
            definition = definition.replace(" NOT NULL", "", 1)
        await self.run(f"ALTER TABLE {relation(tablename)} ADD COLUMN {definition}")
        if self.is_run and path is not None and path.exists():
            await saved.restore_column(self.engine, path, *place, keys_of(table))
        if needs_values and fills:
            await self.fill_nulls(tablename, column)
            await losses.refuse_nulls(self.engine, tablename, keys_of(table), place[1])
            await self.alter(tablename, [f"ALTER COLUMN {quoted(place[1])} SET NOT NULL"])
        if meta.index:
            await self.create_index(tablename, column)

    async def drop_column(self, table: type[Table], column: str, *, unless_given: bool) -> None:
        """Drop a column whose values are saved, allowed to go, or none.

        With ``unless_given`` what the migration itself gave all rows counts as no value.
        """
        tablename = name_of(table)
        if self.is_run and not await has_column(self.engine, tablename, column):
            # SQLite would take the quoted name for text, and count the rows that hold it.
            raise SchemaChangeError(
                f"{tablename} has no column {column}, so it cannot be dropped; nothing was changed."
            )
        if self.is_run:
            if (tablename, column) in self.consent.saves:
                path = self.saved_path(tablename, column)
                await saved.save(self.engine, path, tablename, [column], keys_of(table))
            elif not self.consent.allows_loss(tablename, column):
                default = self._given_value(table, column) if unless_given else None
                await losses.refuse_filled_column(
                    self.engine, tablename, keys_of(table), column, default
                )
        await self.run(f"ALTER TABLE {relation(tablename)} DROP COLUMN {quoted(column)}")

    def _given_value(self, table: type[Table], column: str) -> QueryString | None:
        """Return what all rows got when the migration added a column."""
        place = (name_of(table), column)
        if place in self.consent.fills:
            return QueryString("{}", self.consent.fills[place])
        (found,) = (c for c in table._meta.columns if c._meta.db_column_name == column)
        default = default_sql(found)
        if default is None:
            return None
        if isinstance(getattr(found, "default", None), Default):
            # As now(): it was worked out once, and rows that came later have a later one.
            return QueryString(f"(SELECT min({quoted(column)}) FROM {relation(place[0])})")
        return QueryString(default.replace("{", "{{").replace("}", "}}"))

    async def fill_nulls(self, table: str, column: Column) -> None:
        """Put the value that the migration gives where a column is null.

        Raises ``SchemaChangeError`` for one that the column does not take.
        """
        name = column._meta.db_column_name
        if not self.is_run or (table, name) not in self.consent.fills:
            return
        value = self.consent.fills[table, name]
        if isinstance(column, ModelColumn) and not isinstance(value, QueryString):
            try:
                value = column.accept(value)
            except InvalidValueError as error:
                raise SchemaChangeError(
                    f"{losses.line_of('fill_nulls', table, name, value)}: {error}. "
                    "Nothing was changed."
                ) from error
        query = f"UPDATE {relation(table)} SET {quoted(name)} = {{}} WHERE {quoted(name)} IS NULL"
        await self.engine.run_querystring(QueryString(query, value))

    # Indexes.

    async def create_index(self, table: str, column: Column) -> None:
        """Make the index over one column, unless just this one is there."""
        name, columns = _index_name(table, column), (column._meta.db_column_name,)
        if self.is_run:
            found = await find_index(self.engine, table, columns, unique=False, name=name)
            if found is not None and (found.name == name or len(name.encode()) > _LONGEST_NAME):
                return
        method = column._meta.index_method
        using = "" if self.engine.engine_type == "sqlite" else f" USING {method.value}"
        if self.engine.engine_type == "sqlite" and method is not IndexMethod.btree:
            raise ValueError(f"{table}.{columns[0]}: SQLite has no index of the kind {method}.")
        # PostgreSQL would clip a longer name, which another one may have then; it chooses itself.
        is_long = self.engine.engine_type != "sqlite" and len(name.encode()) > _LONGEST_NAME
        own = "" if is_long else f" {quoted(name)}"
        await self.run(f"CREATE INDEX{own} ON {relation(table)}{using} ({quoted(columns[0])})")

    async def drop_index(self, table: str, column: Column) -> None:
        """Drop the index over one column, whatever its name."""
        name, columns = _index_name(table, column), (column._meta.db_column_name,)
        if self.is_run:
            found = await find_index(self.engine, table, columns, unique=False, name=name)
            if found is None:
                return
            name = found.name
        await self.run(f"DROP INDEX {beside(table, name)}")

    async def drop_unique(self, table: str, columns: Sequence[str], name: str) -> list[str]:
        """Return what drops the unique key over ``columns``; drop it at once if it is an index."""
        if not self.is_run:
            return [f"DROP CONSTRAINT {quoted(name)}"]
        found = await find_index(self.engine, table, columns, unique=True, name=name)
        if found is None:
            return []
        if found.is_constraint:
            own = found.name if self.engine.engine_type != "sqlite" else name
            return [f"DROP CONSTRAINT {quoted(own)}"]
        await self.run(f"DROP INDEX {beside(table, found.name)}")
        return []

    # What changes about a column.

    async def column_actions(
        self, table: str, keys: Sequence[str], old: Column, new: Column
    ) -> list[str]:
        """Return what makes ``new`` of ``old``, all but its indexes."""
        name = new._meta.db_column_name
        column = quoted(name)
        actions: list[str] = []
        old_reference, new_reference = references(old), references(new)
        if old_reference != new_reference and old_reference:
            foreign_key = await foreign_key_name(self.engine, table, name) if self.is_run else None
            if foreign_key or not self.is_run:
                actions.append(f"DROP CONSTRAINT {quoted(foreign_key or f'{table}_{name}_fkey')}")
        old_default, new_default = default_sql(old), default_sql(new)
        old_type, new_type = type_of(old), type_of(new)
        if old_type != new_type:
            if old_default is not None:  # it may be none of the new type's
                actions.append(f"ALTER COLUMN {column} DROP DEFAULT")
                old_default = None
            if self.is_run:
                await self._refuse_misfits(table, keys, new, old_type, new_type)
            value = _cast(column, old_type, new_type)
            actions.append(f"ALTER COLUMN {column} TYPE {new_type} USING {value}")
        if old_default != new_default:
            change = "DROP DEFAULT" if new_default is None else f"SET DEFAULT {new_default}"
            actions.append(f"ALTER COLUMN {column} {change}")
        was_null = old._meta.null and not old._meta.primary_key
        is_null = new._meta.null and not new._meta.primary_key
        if was_null and not is_null:
            await self.fill_nulls(table, new)
            if self.is_run:
                await losses.refuse_nulls(self.engine, table, keys, name)
            actions.append(f"ALTER COLUMN {column} SET NOT NULL")
        elif is_null and not was_null:
            actions.append(f"ALTER COLUMN {column} DROP NOT NULL")
        if old_reference != new_reference and new_reference:
            actions.append(
                f"ADD CONSTRAINT {quoted(f'{table}_{name}_fkey')}"
                f" FOREIGN KEY ({column}) {new_reference}"
            )
        return actions

    async def _refuse_misfits(
        self, table: str, keys: Sequence[str], new: Column, old_type: str, new_type: str
    ) -> None:
        column = new._meta.db_column_name
        found = await losses.misfits(self.engine, table, keys, column, old_type, new_type)
        if not (self.consent.allows_loss(table, column) and new._meta.null):
            losses.refuse_misfits(table, column, new_type, found)
        for row, _, _ in found:
            where = " AND ".join(f"{quoted(key)} = {{}}" for key in row)
            update = f"UPDATE {relation(table)} SET {quoted(column)} = NULL WHERE {where}"
            await self.engine.run_querystring(QueryString(update, *row.values()))


# What a column is, in SQL.


def references(column: Column) -> str:
    """Return the REFERENCES clause of a foreign key; nothing for other columns."""
    if not isinstance(column, ForeignKey):
        return ""
    meta = column._foreign_key_meta
    table = meta.resolved_references._meta.get_formatted_tablename()
    target = meta.resolved_target_column._meta.db_column_name
    return (
        f"REFERENCES {table} ({quoted(target)})"
        f" ON DELETE {meta.on_delete.value} ON UPDATE {meta.on_update.value}"
    )


def default_sql(column: Column) -> str | None:
    """Return a column's default as SQL; None where there is none, or Python makes it."""
    if isinstance(column, ModelColumn):
        return column._default_sql()
    return ModelColumn._default_sql(column)  # type: ignore[arg-type]


def type_of(column: Column) -> str:
    """Return a column's type for ALTER COLUMN."""
    declared: str = column.column_type
    return _PLAIN_TYPES.get(declared, declared)


def _cast(column: str, old_type: str, new_type: str) -> str:
    """Return PostgreSQL's expression for a value in its new type, the same as SQLite's cast.

    Whether each value fits was looked at before; what is not castable is NULL by now.
    """
    old, new = casts.kind_of(old_type), casts.kind_of(new_type)
    if old_type == "TIMESTAMPTZ" and new == "text":
        seconds = "YYYY-MM-DD HH24:MI:SS"
        return (  # the transaction's time zone is UTC
            f"CASE WHEN date_trunc('second', {column}) = {column}"
            f" THEN to_char({column}, '{seconds}') ELSE to_char({column}, '{seconds}.US') END"
            " || '+00:00'"
        )
    if "text" not in (old, new):
        if (old == "time") is not (new == "time"):
            column = f"CAST({column} AS TEXT)"
        elif "boolean" in (old, new):
            column = f"CAST({column} AS INTEGER)"
    return f"CAST({column} AS {new_type})"


def keys_of(table: type[Table]) -> list[str]:
    """Return the names of a table's primary key."""
    return [c._meta.db_column_name for c in table._meta.columns if c._meta.primary_key]


def _columns_of(constraint: Unique | Index) -> list[str]:
    names: list[str] = constraint.get_column_names()
    return names


def _index_name(table: str, column: Column) -> str:
    return f"{table}_{column._meta.db_column_name}"


# The methods of the manager.


async def get_table_from_snapshot(
    manager: MigrationManager,
    table_class_name: str,
    app_name: str | None,
    offset: int = 0,
    migration_id: str | None = None,
) -> type[Table]:
    """Return a table as it was after a migration, or before it (``offset=-1``)."""
    if offset < 0:  # under its name at that time
        for rename in manager.rename_tables:
            if rename.new_class_name == table_class_name:
                table_class_name = rename.old_class_name
    diffable = await BaseMigrationManager().get_table_from_snapshot(
        app_name=app_name or manager.app_name,
        table_class_name=table_class_name,
        max_migration_id=migration_id or manager.migration_id,
        offset=offset,
    )
    return diffable.to_table_class()


async def run_alter_columns(manager: MigrationManager, backwards: bool = False) -> None:
    """Change columns: type, null, default, reference, keys and indexes."""
    steps = _Steps(manager)
    new_tables = {table.class_name for table in manager.add_tables}
    changed: dict[str, list[str]] = {}
    for change in manager.alter_columns.alter_columns:
        changed.setdefault(change.table_class_name, []).append(change.column_name)
    others: list[Any] = [*manager.add_columns.add_columns, *manager.drop_columns.drop_columns]
    for each in others:
        if each.table_class_name not in new_tables:  # it may be part of the key
            changed.setdefault(each.table_class_name, [])
    for class_name, names in changed.items():
        old = await steps.snapshot(class_name, before=not backwards)
        new = await steps.snapshot(class_name, before=backwards)
        renames = {
            rename.new_column_name: rename.old_column_name
            for rename in manager.rename_columns.for_table_class_name(class_name)
        }
        pairs = [_under_same_name(renames, old, new, name, backwards=backwards) for name in names]
        renamed = {
            name
            for rename in manager.rename_columns.for_table_class_name(class_name)
            for name in (rename.old_db_column_name, rename.new_db_column_name)
        }
        await _alter_table(steps, old, new, pairs, renamed)


async def _alter_table(
    steps: _Steps,
    old: type[Table],
    new: type[Table],
    pairs: Sequence[tuple[Column, Column]],
    renamed: set[str],
) -> None:
    """Change the columns of a table; ``renamed`` are the names that some of them had or have."""
    engine, table = steps.engine, name_of(new)
    actions: list[str] = []
    old_keys, new_keys = keys_of(old), keys_of(new)
    key_changes = set(old_keys) != set(new_keys) and not renamed & {*old_keys, *new_keys}
    if key_changes:
        key = await primary_key_name(engine, table) if steps.is_run else f"{table}_pkey"
        if key is not None:
            actions.append(f"DROP CONSTRAINT {quoted(key)}")
    for before, after in pairs:
        column = after._meta.db_column_name
        if before._meta.unique and not after._meta.unique:
            actions += await steps.drop_unique(table, [column], f"{table}_{column}_key")
        if before._meta.index and (
            not after._meta.index or before._meta.index_method is not after._meta.index_method
        ):
            await steps.drop_index(table, before)
        actions += await steps.column_actions(table, old_keys, before, after)
    if key_changes:
        if steps.is_run:
            for key in new_keys:
                await losses.refuse_nulls(engine, table, old_keys, key)
            await losses.refuse_duplicates(engine, table, new_keys)
        actions.append(f"ADD PRIMARY KEY ({', '.join(map(quoted, new_keys))})")
    for before, after in pairs:
        column = after._meta.db_column_name
        if after._meta.unique and not before._meta.unique:
            if steps.is_run:
                await losses.refuse_duplicates(engine, table, [column])
            actions.append(
                f"ADD CONSTRAINT {quoted(f'{table}_{column}_key')} UNIQUE ({quoted(column)})"
            )
    await steps.alter(table, actions)
    for before, after in pairs:
        if after._meta.index and (
            not before._meta.index or before._meta.index_method is not after._meta.index_method
        ):
            await steps.create_index(table, after)


def _under_same_name(
    renames: Mapping[str, str], old: type[Table], new: type[Table], name: str, *, backwards: bool
) -> tuple[Column, Column]:
    """Return a column before and after, both under the name it has by now.

    ``name`` is what the migration calls it, so after it; ``renames`` lead from there to before.
    Renaming comes first, both ways.
    """
    was = renames.get(name, name)
    before = old._meta.get_column_by_name(name if backwards else was).copy()
    after = new._meta.get_column_by_name(was if backwards else name)
    before._meta._name = after._meta.name
    before._meta.db_column_name = after._meta.db_column_name
    return before, after


async def run_add_columns(manager: MigrationManager, backwards: bool = False) -> None:
    """Add columns to tables that exist; backwards drop them."""
    steps = _Steps(manager)
    new_tables = {table.class_name for table in manager.add_tables}
    for added in manager.add_columns.add_columns:
        if added.table_class_name in new_tables:
            continue
        table = await steps.snapshot(added.table_class_name, before=False)
        if backwards:
            column = added.column._meta.db_column_name
            table._meta.tablename = steps.current_name(added, backwards=True)
            await steps.drop_column(table, column, unless_given=True)
        else:
            await steps.add_column(table, added.column._meta.name)


async def run_drop_columns(manager: MigrationManager, backwards: bool = False) -> None:
    """Drop columns; backwards add them again, with their index."""
    steps = _Steps(manager)
    for dropped in manager.drop_columns.drop_columns:
        table = await steps.snapshot(dropped.table_class_name, before=True)
        if backwards:
            await steps.add_column(table, dropped.column_name)
        else:
            table._meta.tablename = steps.current_name(dropped, backwards=False)
            await steps.drop_column(table, dropped.db_column_name, unless_given=False)


async def run(manager: MigrationManager, backwards: bool = False) -> None:
    """Run a migration: its data steps, then its changes, in an order in which references hold.

    A table is dropped when nothing references it any more, so last, and comes back before the
    columns that reference it do.
    """
    if report.prints.get():
        preview = "preview " if manager.preview else ""
        direction = f"{preview}{'backwards' if backwards else 'forwards'}"
        print(f"  - {manager.migration_id} [{direction}]... ", end="")
    engine = _Steps(manager).engine
    block = engine.transaction() if manager.wrap_in_transaction else SkippedTransaction()
    async with block as transaction:
        if isinstance(transaction, CockroachTransaction):
            await transaction.autocommit_before_ddl(enabled=False)
        if not manager.preview:
            for function in manager.raw_backwards if backwards else manager.raw:
                result: Any = function()
                if inspect.isawaitable(result):
                    await result
        await manager._run_add_tables(backwards=backwards)
        await manager._run_change_table_schema(backwards=backwards)
        await manager._run_rename_tables(backwards=backwards)
        if backwards:
            await run_drop_tables(manager, backwards=True)
        await manager._run_add_columns(backwards=backwards)
        await manager._run_drop_columns(backwards=backwards)
        await manager._run_rename_columns(backwards=backwards)
        if engine.engine_type != "cockroach":
            await _run_alterations(manager, backwards)
    if engine.engine_type == "cockroach":  # it changes no type inside a transaction
        await _run_alterations(manager, backwards)


async def _run_alterations(manager: MigrationManager, backwards: bool) -> None:
    await manager._run_alter_columns(backwards=backwards)
    # What goes makes room for what has the same name.
    if backwards:
        await manager._run_add_constraints(backwards=True)
        await manager._run_drop_constraints(backwards=True)
        return
    await manager._run_drop_constraints(backwards=False)
    await manager._run_add_constraints(backwards=False)
    await run_drop_tables(manager, backwards=False)


async def run_drop_tables(manager: MigrationManager, backwards: bool = False) -> None:
    """Drop tables; backwards make them again, with the rows that were saved."""
    steps = _Steps(manager)
    snapshots = [
        await steps.snapshot(dropped.class_name, before=True) for dropped in manager.drop_tables
    ]
    with suppress(CycleError):  # then they stay in the order of the migration
        snapshots = sort_table_classes(snapshots)
    if backwards:
        await _make_again(steps, snapshots)
        return
    if steps.is_run:
        for snapshot in snapshots:
            await _save_or_refuse(steps, snapshot)
    for snapshot in reversed(snapshots):
        await steps.run(f"DROP TABLE {relation(name_of(snapshot))}")


async def _save_or_refuse(steps: _Steps, table: type[Table]) -> None:
    name = name_of(table)
    if (name, None) in steps.consent.saves:
        columns = [c._meta.db_column_name for c in table._meta.columns]
        path = steps.saved_path(name, None)
        await saved.save(steps.engine, path, name, columns, keys_of(table))
    elif not steps.consent.allows_loss(name, None):
        await losses.refuse_filled_table(steps.engine, name)


async def _make_again(steps: _Steps, tables: Sequence[type[Table]]) -> None:
    """Make tables that were dropped, and put the rows that were saved back into them."""
    files = {}
    for table in tables:
        place = (name_of(table), None)
        if place in steps.consent.saves and steps.is_run:
            path = steps.saved_path(*place)
            await steps.refuse_missing_file(path, *place)
            if path.exists():
                files[name_of(table)] = path
        for statement in table.create_table().ddl:
            await steps.run(statement)
    for name, path in files.items():
        await saved.restore_table(steps.engine, path, name)


async def run_rename_tables(manager: MigrationManager, backwards: bool = False) -> None:
    """Rename tables, and what is named after them."""
    steps = _Steps(manager)
    for rename in reversed(manager.rename_tables) if backwards else manager.rename_tables:
        old, new = rename.old_tablename, rename.new_tablename
        if backwards:
            old, new = new, old
        if old == new:  # only the class has another name
            continue
        await steps.run(
            f"ALTER TABLE {relation(TableName(old, rename.schema))} RENAME TO {quoted(new)}"
        )
        await _rename_parts(steps, TableName(new, rename.schema), f"{old}_", f"{new}_", None)


async def run_rename_columns(manager: MigrationManager, backwards: bool = False) -> None:
    """Rename columns, and what is named after them."""
    steps = _Steps(manager)
    renames = manager.rename_columns.rename_columns
    for rename in reversed(renames) if backwards else renames:
        old, new = rename.old_db_column_name, rename.new_db_column_name
        if backwards:
            old, new = new, old
        if old == new:
            continue
        table = steps.current_name(rename, backwards=backwards)
        await steps.run(
            f"ALTER TABLE {relation(table)} RENAME COLUMN {quoted(old)} TO {quoted(new)}"
        )
        await _rename_parts(steps, table, f"{table}_{old}", f"{table}_{new}", new)


async def _rename_parts(steps: _Steps, table: str, old: str, new: str, column: str | None) -> None:
    """Rename the indexes and keys over one column that PostgreSQL, and Piccolo, name after it.

    SQLite's are renamed with the table or column itself (``alter.py``).
    """
    if steps.engine.engine_type == "sqlite" or not steps.is_run:
        return
    columns = [column] if column else None
    for index in await indexes_of(steps.engine, table):
        is_key = index.origin == "p"
        if not is_key and (len(index.columns) != 1 or columns not in (None, [*index.columns])):
            continue
        suffix = "pkey" if is_key else index.columns[0] if column is None else ""
        ends = ("",) if is_key or column is None else ("", "_key")
        for end in (*ends, "_key") if column is None and not is_key else ends:
            if index.name == f"{old}{suffix}{end}":
                await steps.run(
                    f"ALTER INDEX {beside(table, index.name)}"
                    f" RENAME TO {quoted(f'{new}{suffix}{end}')}"
                )
                break
    names = columns or [
        row["column_name"]
        for row in await steps.engine.run_querystring(
            QueryString(
                "SELECT attname AS column_name FROM pg_attribute WHERE attnum > 0"
                " AND attrelid = CAST({} AS text)::regclass AND NOT attisdropped",
                relation(table),
            )
        )
    ]
    for name in names:
        suffix = "_fkey" if column else f"{name}_fkey"
        if await foreign_key_name(steps.engine, table, name) == f"{old}{suffix}":
            await steps.alter(
                table,
                [f"RENAME CONSTRAINT {quoted(f'{old}{suffix}')} TO {quoted(f'{new}{suffix}')}"],
            )


async def run_add_constraints(manager: MigrationManager, backwards: bool = False) -> None:
    """Make keys and indexes over several columns; backwards drop them."""
    steps = _Steps(manager)
    new_tables = {table.class_name for table in manager.add_tables}
    for added in manager.add_constraints.add_constraints:
        if added.table_class_name in new_tables:
            continue
        table = steps.current_name(added, backwards=backwards)
        if backwards:
            await _drop_constraint(steps, table, added.constraint)
        else:
            await _add_constraint(steps, table, added.constraint)


async def run_drop_constraints(manager: MigrationManager, backwards: bool = False) -> None:
    """Drop keys and indexes over several columns; backwards make them again."""
    steps = _Steps(manager)
    for dropped in manager.drop_constraints.drop_constraints:
        table = await steps.snapshot(dropped.table_class_name, before=True)
        constraint = table._meta.get_constraint_by_name(dropped.constraint_name)
        if backwards:
            await _add_constraint(steps, name_of(table), constraint)
        else:
            name = steps.current_name(dropped, backwards=False)
            await _drop_constraint(steps, name, constraint)


async def _add_constraint(steps: _Steps, table: str, constraint: Constraint) -> None:
    if isinstance(constraint, Unique) and steps.is_run:
        await losses.refuse_duplicates(steps.engine, table, _columns_of(constraint))
    await steps.alter(table, [AddConstraint(constraint).ddl])


async def _drop_constraint(steps: _Steps, table: str, constraint: Constraint) -> None:
    """Drop a key or index, under the name it has; it may have gone with a column of it."""
    name = constraint._meta.name
    if isinstance(constraint, Unique | Index) and steps.is_run:
        unique = isinstance(constraint, Unique)
        columns = _columns_of(constraint)
        found = await indexes_of(steps.engine, table)
        if not any(index.name == name for index in found):
            other = await find_index(steps.engine, table, columns, unique=unique, name=name)
            if other is None:
                return
            if not other.is_constraint:
                await steps.run(f"DROP INDEX {beside(table, other.name)}")
                return
            name = other.name
    # The engine knows which of both it is (engine/ddl.py).
    await steps.run(f"ALTER TABLE {relation(table)} DROP CONSTRAINT IF EXISTS {name}")

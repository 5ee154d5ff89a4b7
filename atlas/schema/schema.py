"""A schema as data, and how two of them differ.

In: schemas, whether they come from the table classes (``declared.py``), from
migrations (``files.py``), from a database (``database.py``) or from docs/model.md
(``model.py``). Out: ``Difference``s, each fact once. Knows no file and no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Dialect = Literal["sqlite", "postgres"]
Names = tuple[str, ...]

#: The default of a column whose class does not say what it becomes in SQL: any will do.
ANY_DEFAULT = "(any)"


class Kind(StrEnum):
    """What is otherwise. The values are part of ``atlas check --json`` and stay as they are."""

    missing_table = "missing_table"
    extra_table = "extra_table"
    missing_column = "missing_column"
    extra_column = "extra_column"
    column_type = "column_type"
    column_null = "column_null"
    column_default = "column_default"
    column_choices = "column_choices"
    column_id = "column_id"
    primary_key = "primary_key"
    missing_foreign_key = "missing_foreign_key"
    extra_foreign_key = "extra_foreign_key"
    foreign_key_target = "foreign_key_target"
    foreign_key_on_delete = "foreign_key_on_delete"
    foreign_key_on_update = "foreign_key_on_update"
    foreign_key_off = "foreign_key_off"
    missing_index = "missing_index"
    extra_index = "extra_index"
    missing_unique = "missing_unique"
    extra_unique = "extra_unique"
    index_name = "index_name"
    index_definition = "index_definition"
    missing_check = "missing_check"
    check_definition = "check_definition"
    extra_rule = "extra_rule"
    unapplied_migration = "unapplied_migration"
    missing_migration_file = "missing_migration_file"
    edited_migration = "edited_migration"
    migration_out_of_order = "migration_out_of_order"
    migration_recorded_twice = "migration_recorded_twice"
    not_adopted = "not_adopted"
    trigger = "trigger"
    view = "view"
    foreign_log = "foreign_log"
    missing_value = "missing_value"
    unreadable_value = "unreadable_value"
    other_form = "other_form"
    refused_value = "refused_value"
    lost_reference = "lost_reference"
    duplicate_values = "duplicate_values"


@dataclass(frozen=True)
class Column:
    """A column; types and defaults are SQL of the dialect, in one spelling (``dialect.py``)."""

    name: str
    type: str
    null: bool
    default: str | None = None
    #: The tokens the application allows; no database knows of them.
    choices: Names = ()
    #: Whether the application makes a ULID where no value is given.
    makes_id: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """A reference of one column; of several, their names are joined by commas."""

    column: str
    target: str
    on_delete: str
    on_update: str
    #: False where the database has the reference and does not enforce it.
    is_enforced: bool = True


@dataclass(frozen=True)
class Index:
    """An index or unique key over ``columns``, in this order."""

    columns: Names
    unique: bool
    #: None where the database chooses it, or any will do.
    name: str | None
    #: What is not plain about it, as ``WHERE …`` or ``DESC``; empty for a plain one.
    rule: str = ""

    @property
    def shown(self) -> str:
        """The index in a few words."""
        kind = "unique " if self.unique else ""
        rule = f" {self.rule}" if self.rule else ""
        return f"{kind}({', '.join(self.columns)}){rule}"


@dataclass(frozen=True)
class Check:
    """A condition that each row of a table meets."""

    #: None for one without a name, which no table class declares.
    name: str | None
    sql: str
    #: The condition, to be compared as text; None where the database words it anew.
    words: str | None = None


@dataclass(frozen=True)
class Table:
    """A table. ``rules`` are those that no table class can declare, as a COLLATE."""

    name: str
    columns: Mapping[str, Column]
    primary_key: Names
    foreign_keys: Mapping[str, ForeignKey] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    rules: Names = ()
    #: The app whose migrations make the table; empty when none does.
    app: str = ""


Schema = Mapping[str, Table]


@dataclass(frozen=True)
class Difference:
    """One thing that one schema has otherwise than the other."""

    kind: Kind
    table: str
    #: The column, index or rule; None when it is the table.
    name: str | None = None
    expected: str | None = None
    found: str | None = None


def differences(
    expected: Schema, found: Schema, *, in_database: bool = False
) -> Iterator[Difference]:
    """Yield what ``found`` has otherwise than ``expected``, in the order of ``expected``.

    ``in_database`` leaves out what no database holds: choices, and ids made by
    the application. The order of columns does not count.
    """
    for name, table in expected.items():
        if name in found:
            yield from _table_differences(table, found[name], in_database)
        else:
            yield Difference(Kind.missing_table, name)
    for name in found:
        if name not in expected:
            yield Difference(Kind.extra_table, name)


def _table_differences(expected: Table, found: Table, in_database: bool) -> Iterator[Difference]:
    name = expected.name
    for column in expected.columns.values():
        if column.name in found.columns:
            other = found.columns[column.name]
            yield from _column_differences(name, column, other, in_database)
        else:
            yield Difference(Kind.missing_column, name, column.name, expected=column.type)
    for column in found.columns.values():
        if column.name not in expected.columns:
            yield Difference(Kind.extra_column, name, column.name, found=column.type)
    common = expected.columns.keys() & found.columns.keys()
    keys = [tuple(c for c in table.primary_key if c in common) for table in (expected, found)]
    if keys[0] != keys[1]:
        ours, theirs = (", ".join(table.primary_key) for table in (expected, found))
        yield Difference(Kind.primary_key, name, expected=ours, found=theirs or None)
    yield from _foreign_key_differences(expected, found)
    yield from _index_differences(expected, found)
    yield from _check_differences(expected, found)
    for rule in found.rules:
        if rule not in expected.rules:
            yield Difference(Kind.extra_rule, name, rule, found=rule)


def _column_differences(
    table: str, expected: Column, found: Column, in_database: bool
) -> Iterator[Difference]:
    name = expected.name
    if expected.type != found.type:
        yield Difference(Kind.column_type, table, name, expected.type, found.type)
    if expected.null != found.null:
        ours, theirs = ("null" if column.null else "not null" for column in (expected, found))
        yield Difference(Kind.column_null, table, name, ours, theirs)
    if expected.default != found.default and ANY_DEFAULT not in (expected.default, found.default):
        yield Difference(Kind.column_default, table, name, expected.default, found.default)
    if in_database:
        return
    if expected.choices != found.choices:
        tokens = [", ".join(column.choices) or None for column in (expected, found)]
        yield Difference(Kind.column_choices, table, name, *tokens)
    if expected.makes_id != found.makes_id:
        made = ["ULID" if column.makes_id else None for column in (expected, found)]
        yield Difference(Kind.column_id, table, name, *made)


def _foreign_key_differences(expected: Table, found: Table) -> Iterator[Difference]:
    table = expected.name
    for column, key in expected.foreign_keys.items():
        other = found.foreign_keys.get(column)
        if other is None:
            if column in found.columns:  # else the missing column says it all
                yield Difference(Kind.missing_foreign_key, table, column, key.target)
            continue
        if key.target != other.target:
            yield Difference(Kind.foreign_key_target, table, column, key.target, other.target)
        if key.on_delete != other.on_delete:
            yield Difference(
                Kind.foreign_key_on_delete, table, column, key.on_delete, other.on_delete
            )
        if key.on_update != other.on_update:
            yield Difference(
                Kind.foreign_key_on_update, table, column, key.on_update, other.on_update
            )
        if key.is_enforced and not other.is_enforced:
            yield Difference(Kind.foreign_key_off, table, column, key.target)
    for column, key in found.foreign_keys.items():
        is_column = column in found.columns and column not in expected.columns
        if column not in expected.foreign_keys and not is_column:
            yield Difference(Kind.extra_foreign_key, table, column, found=key.target)


def _check_differences(expected: Table, found: Table) -> Iterator[Difference]:
    left = list(found.checks)
    for check in expected.checks:
        other = next((each for each in left if _is_same_name(each.name, check.name)), None)
        if other is None:
            yield Difference(Kind.missing_check, expected.name, check.name, check.sql)
            continue
        left.remove(other)
        if None not in (check.words, other.words) and check.words != other.words:
            yield Difference(Kind.check_definition, expected.name, check.name, check.sql, other.sql)
    for other in left:
        name = " ".join(filter(None, (other.name, other.sql)))
        yield Difference(Kind.extra_rule, expected.name, name, found=name)


def _is_same_name(one: str | None, other: str | None) -> bool:
    """Return whether two names of indexes or checks are one to the database.

    Unquoted, as Piccolo writes them, PostgreSQL folds them to lower case.
    """
    return one is not None and other is not None and one.lower() == other.lower()


def _index_differences(expected: Table, found: Table) -> Iterator[Difference]:
    table = expected.name
    left = [index for index in found.indexes if not _names_extra(index, found, expected)]
    for index in expected.indexes:
        if _names_extra(index, expected, found):
            continue
        name = index.name or ",".join(index.columns)
        alike = [other for other in left if other.columns == index.columns]
        if not alike:
            kind = Kind.missing_unique if index.unique else Kind.missing_index
            yield Difference(kind, table, name, expected=index.shown)
            continue
        other = max(
            alike,
            key=lambda o: (o.unique == index.unique, o.rule == index.rule, o.name == index.name),
        )
        left.remove(other)
        if index.unique != other.unique:
            kind = Kind.missing_unique if index.unique else Kind.extra_unique
            yield Difference(kind, table, name, index.shown, other.shown)
        elif index.rule != other.rule:
            yield Difference(Kind.index_definition, table, name, index.shown, other.shown)
        elif index.name is not None and not _is_same_name(index.name, other.name):
            yield Difference(Kind.index_name, table, name, index.name, other.name)
    for other in left:
        kind = Kind.extra_unique if other.unique else Kind.extra_index
        yield Difference(kind, table, other.name or ",".join(other.columns), found=other.shown)


def _names_extra(index: Index, owner: Table, other: Table) -> bool:
    """Return whether the index is over a column that only ``owner`` has, which says it all."""
    return any(name in owner.columns and name not in other.columns for name in index.columns)

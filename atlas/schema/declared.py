"""The schema that table classes declare, and the one that migrations add up to.

In: Piccolo's tables, or the ``DiffableTable``s of its ``SchemaSnapshot``, and a
dialect. Out: a ``Schema``. It asks the column classes for their own DDL and
opens no database.

A snapshot's columns know only what the migrations wrote (``params``): where one
was altered, its attributes are still the old ones (schema_snapshot.py, 1.38). So
each column is made again from its ``params``, for the classes as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from types import SimpleNamespace
from typing import Any

from piccolo.apps.migrations.auto.diffable_table import DiffableTable
from piccolo.columns import Array, Serial
from piccolo.columns import Column as PiccoloColumn
from piccolo.columns import ForeignKey as PiccoloForeignKey
from piccolo.columns.indexes import IndexMethod
from piccolo.constraints import Check, Constraint, Unique
from piccolo.table import Table as PiccoloTable

from atlas.columns import ModelColumn
from atlas.constraints import Index as IndexConstraint
from atlas.schema.dialect import check_words, default_sql, type_sql
from atlas.schema.schema import ANY_DEFAULT, Column, Dialect, ForeignKey, Index, Names, Table
from atlas.schema.schema import Check as CheckOfTable
from atlas.ulid import new_ulid

#: The longest name of PostgreSQL, in bytes (NAMEDATALEN less 1).
_LONGEST_NAME = 63

#: The name of the key that Piccolo gives a table without one.
_IMPLICIT_KEY = "id"


def from_classes(
    tables: Iterable[type[PiccoloTable]], dialect: Dialect, app: str = ""
) -> dict[str, Table]:
    """Return the schema that table classes declare."""
    return _by_name(
        _table(
            table._meta.tablename,
            table._meta.schema,
            table._meta.columns,
            table._meta.constraints,
            dialect,
            app,
        )
        for table in tables
    )


def from_snapshot(
    tables: Iterable[DiffableTable], dialect: Dialect, app: str = ""
) -> dict[str, Table]:
    """Return the schema that migrations add up to."""
    return _by_name(
        _table(table.tablename, table.schema, table.columns, table.constraints, dialect, app)
        for table in tables
    )


def _by_name(tables: Iterable[Table]) -> dict[str, Table]:
    return {table.name: table for table in tables}


def _placed(name: str, schema: str | None, dialect: Dialect) -> str:
    """Return a table's name as ``database.py`` has it: ``hr.staff`` in a schema of its own."""
    return name if dialect == "sqlite" or schema in (None, "public") else f"{schema}.{name}"


def _table(
    name: str,
    schema: str | None,
    columns: Sequence[PiccoloColumn],
    constraints: Sequence[Constraint],
    dialect: Dialect,
    app: str,
) -> Table:
    # What a column's DDL asks of its table.
    owner: Any = SimpleNamespace(
        _meta=SimpleNamespace(
            tablename=name, db=SimpleNamespace(engine_type=dialect), columns=columns
        )
    )
    made = {_stored_name(column): _made_again(column, owner) for column in columns}
    if not any(column._meta.primary_key for column in made.values()):
        made = {_IMPLICIT_KEY: _implicit_key(owner), **made}
    foreign_keys = {}
    indexes = []
    for column_name, column in made.items():
        if isinstance(column, PiccoloForeignKey):
            place = _placed(name, schema, dialect)
            foreign_keys[column_name] = _foreign_key(column_name, column, place, made, dialect)
        meta = column._meta
        if meta.unique:
            key = f"{name}_{column_name}_key" if dialect == "postgres" else None
            indexes.append(Index((column_name,), unique=True, name=_known(key, dialect)))
        if meta.index:
            method = "" if meta.index_method is IndexMethod.btree else meta.index_method.value
            own = _known(f"{name}_{column_name}", dialect)
            indexes.append(Index((column_name,), unique=False, name=own, rule=method))
    checks = []
    rules = []
    for constraint in constraints:
        index = _constraint_index(constraint, dialect)
        if index is not None:
            indexes.append(index)
        elif isinstance(constraint, Check):
            sql = f"CHECK ({constraint.get_condition_str()})"
            checks.append(CheckOfTable(constraint._meta.name, sql, check_words(dialect, sql)))
        else:
            rules.append(f"constraint {constraint._meta.name}")
    return Table(
        name=_placed(name, schema, dialect),
        columns={
            column_name: _column(column_name, column, made, dialect)
            for column_name, column in made.items()
        },
        primary_key=tuple(n for n, column in made.items() if column._meta.primary_key),
        foreign_keys=foreign_keys,
        indexes=tuple(indexes),
        checks=tuple(checks),
        rules=tuple(rules),
        app=app,
    )


def _known(name: str | None, dialect: Dialect) -> str | None:
    """Return the name of an index; None where PostgreSQL would clip it, and chooses one itself."""
    if name and dialect == "postgres" and len(name.encode()) > _LONGEST_NAME:
        return None
    return name


def _stored_name(column: PiccoloColumn) -> str:
    return column._meta.db_column_name


def made_again(column: PiccoloColumn) -> PiccoloColumn:
    """Return a column as its parameters say it is, whatever its attributes say."""
    params = column._meta.params
    made = tolerant(type(column), params)
    made._meta._name = column._meta.name
    if isinstance(made, PiccoloForeignKey) and isinstance(params["references"], str):
        # By name, which only the column's own table could look up.
        of_class: Any = column
        made._foreign_key_meta.references = of_class._foreign_key_meta.references
    return made


def tolerant(cls: type[PiccoloColumn], params: dict[str, Any]) -> PiccoloColumn:
    """Return a column of these parameters, without a default that its type does not take.

    Of two branches that were merged, one changed the default and the other the type.
    """
    try:
        return cls(**params)
    except ValueError:
        made = cls(**{**params, "default": None, "null": True})
        made._meta.null = params.get("null", False)
        made._meta.params = {**params, "default": None}
        return made


def _made_again(column: PiccoloColumn, owner: Any) -> PiccoloColumn:
    made = made_again(column)
    _bind(made, owner)
    return made


def _bind(column: PiccoloColumn, owner: Any) -> None:
    column._meta._table = owner
    if isinstance(column, Array):  # whose base column may be that of the class itself
        column.base_column = column.base_column.copy()
        _bind(column.base_column, owner)


def _implicit_key(owner: Any) -> PiccoloColumn:
    """Return the key that Piccolo gives a table without one (table.py, line 493)."""
    key = Serial(index=False, primary_key=True, db_column_name=_IMPLICIT_KEY)
    key._meta._name = _IMPLICIT_KEY
    key._meta._table = owner
    return key


def _column(
    name: str, column: PiccoloColumn, columns: dict[str, PiccoloColumn], dialect: Dialect
) -> Column:
    declared = column.column_type if not _is_to_itself(column) else _own_key(columns).column_type
    choices = column._meta.choices
    return Column(
        name=name,
        type=type_sql(dialect, declared),
        null=column._meta.null,
        default=_default(column, dialect),
        choices=tuple(_token(member) for member in choices) if choices else (),
        makes_id=getattr(column, "default", None) is new_ulid,
    )


def _default(column: PiccoloColumn, dialect: Dialect) -> str | None:
    if isinstance(column, ModelColumn):
        return default_sql(dialect, column._default_sql())
    return ANY_DEFAULT  # Piccolo's own bake even generated values in


def _token(member: Enum) -> str:
    value = getattr(member.value, "value", member.value)  # a Choice of Piccolo's
    return str(value)


def _is_to_itself(column: PiccoloColumn) -> bool:
    return isinstance(column, PiccoloForeignKey) and column._meta.params["references"] == "self"


def _own_key(columns: dict[str, PiccoloColumn]) -> PiccoloColumn:
    return next(column for column in columns.values() if column._meta.primary_key)


def _foreign_key(
    name: str,
    column: PiccoloForeignKey[Any],
    table: str,
    columns: dict[str, PiccoloColumn],
    dialect: Dialect,
) -> ForeignKey:
    meta = column._foreign_key_meta
    if _is_to_itself(column):
        target = f"{table}.{_stored_name(_own_key(columns))}"
    else:
        key = meta.resolved_target_column
        parent = meta.resolved_references._meta
        target = f"{_placed(parent.tablename, parent.schema, dialect)}.{_stored_name(key)}"
    return ForeignKey(
        column=name,
        target=target,
        on_delete=meta.on_delete.value,
        on_update=meta.on_update.value,
    )


def _constraint_index(constraint: Constraint, dialect: Dialect) -> Index | None:
    params = constraint._meta.params
    names: Names = tuple(params.get("columns", ()))
    if isinstance(constraint, IndexConstraint):
        return Index(names, unique=False, name=_known(constraint._meta.name, dialect))
    if isinstance(constraint, Unique):
        rule = "" if params.get("nulls_distinct", True) else "NULLS NOT DISTINCT"
        name = _known(constraint._meta.name, dialect)
        return Index(names, unique=True, name=name, rule=rule)
    return None

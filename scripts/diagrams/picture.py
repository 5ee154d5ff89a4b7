"""What is on each picture: tables, their columns, and the references between them.

In: the table classes. Out: plain descriptions, which the drawing modules need
nothing else for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from piccolo.columns import Column
from piccolo.constraints import Unique

from atlas import TABLES
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Timestamp
from atlas.table import Table

#: The logical types of docs/model.md; the rest is text.
_TYPES = {
    Boolean: "bool",
    Date: "date",
    Decimal: "decimal",
    Integer: "integer",
    Timestamp: "timestamp",
}


@dataclass(frozen=True)
class Field:
    """A column: its logical type, and which keys it is part of (PK, FK, UK)."""

    name: str
    type: str
    keys: tuple[str, ...]
    null: bool
    #: The table a foreign key refers to.
    refers_to: str | None


@dataclass(frozen=True)
class Node:
    """A table. A stub is one of another domain, drawn for what refers to it, without columns."""

    name: str
    domain: str
    fields: tuple[Field, ...]
    is_stub: bool = False


@dataclass(frozen=True)
class Reference:
    """A foreign key: each row of ``child`` has one ``parent`` (or none), and a parent many rows."""

    child: str
    column: str
    parent: str
    #: Whether the key may be null, so that a child needs no parent.
    optional: bool
    #: Whether the key is unique, so that a parent has one child at most.
    single: bool


@dataclass(frozen=True)
class Picture:
    """One diagram."""

    name: str
    title: str
    nodes: tuple[Node, ...]
    references: tuple[Reference, ...]


def pictures() -> list[Picture]:
    """Return the picture of each domain, then that of the whole."""
    domains = list(dict.fromkeys(map(domain_of, TABLES)))
    return [*map(_of_domain, domains), _of_all()]


def domain_of(table: Any) -> str:
    """Return the domain of a table, which its name begins with."""
    domain: str = table._meta.tablename.partition("_")[0]
    return domain


def _of_domain(domain: str) -> Picture:
    """Return the tables of a domain with all columns, and stubs of others they refer to."""
    own = [table for table in TABLES if domain_of(table) == domain]
    names = {table._meta.tablename for table in own}
    references = tuple(reference for table in own for reference in _references(table))
    wanted = {reference.parent for reference in references} - names
    stubs = [table for table in TABLES if table._meta.tablename in wanted]
    nodes = (
        *(_node(table, table._meta.columns) for table in own),
        *(_node(table, table._key_columns, is_stub=True) for table in stubs),
    )
    return Picture(domain, f"{domain}: {len(own)} tables", nodes, references)


def _of_all() -> Picture:
    """Return all tables with their keys."""
    nodes = tuple(
        _node(table, [column for column in table._meta.columns if _keys(table, column)])
        for table in TABLES
    )
    references = tuple(reference for table in TABLES for reference in _references(table))
    return Picture("all", f"All {len(TABLES)} tables, with their keys", nodes, references)


def _node(table: type[Table], columns: Any, *, is_stub: bool = False) -> Node:
    fields = tuple(
        Field(
            name=column._meta.name,
            type=next((name for kind, name in _TYPES.items() if isinstance(column, kind)), "text"),
            keys=_keys(table, column),
            null=column._meta.null,
            refers_to=_parent(column) if isinstance(column, ForeignKey) else None,
        )
        for column in columns
    )
    return Node(table._meta.tablename, domain_of(table), fields, is_stub)


def _keys(table: type[Table], column: Column) -> tuple[str, ...]:
    name = column._meta.name
    kinds = {
        "PK": column._meta.primary_key,
        "FK": isinstance(column, ForeignKey),
        "UK": any(name in key for key in _unique_keys(table)),
    }
    return tuple(kind for kind, holds in kinds.items() if holds)


def _unique_keys(table: type[Table]) -> list[tuple[str, ...]]:
    """Return the columns of each unique key, beside the primary key."""
    return [
        *((column._meta.name,) for column in table._meta.columns if column._meta.unique),
        *(
            tuple(constraint._meta.params["columns"])
            for constraint in table._meta.constraints
            if isinstance(constraint, Unique)
        ),
    ]


def _parent(column: Any) -> str:
    name: str = column._foreign_key_meta.resolved_references._meta.tablename
    return name


def _references(table: type[Table]) -> list[Reference]:
    return [
        Reference(
            child=table._meta.tablename,
            column=column._meta.name,
            parent=_parent(column),
            optional=column._meta.null,
            single=(column._meta.name,) in _unique_keys(table),
        )
        for column in table._meta.foreign_key_columns
    ]

"""The name of a table together with the schema of PostgreSQL that it is in.

In: a table's name, and its schema if it names one. Out: a name that is compared and shown as the
table's own, and its SQL, which says the schema too: another schema may have a table of that name.
"""

from __future__ import annotations

from typing import Self

from piccolo.table import Table

from atlas.engine.sqlite.create_table import quoted


class TableName(str):
    """A table's name, which knows its schema; None is the one that the database looks in first."""

    schema: str | None

    def __new__(cls, name: str, schema: str | None = None) -> Self:
        """Return the name of a table in ``schema``."""
        self = super().__new__(cls, name)
        self.schema = schema
        return self


def name_of(table: type[Table]) -> TableName:
    """Return the name of a table class."""
    return TableName(table._meta.tablename, table._meta.schema)


def schema_of(table: str) -> str | None:
    """Return the schema that a table's name says; None where it says none."""
    return table.schema if isinstance(table, TableName) else None


def relation(table: str) -> str:
    """Return SQL for a table, with its schema if its name says one."""
    return beside(table, table)


def beside(table: str, name: str) -> str:
    """Return SQL for ``name``, an index or a table, in the schema of ``table``."""
    schema = schema_of(table)
    return quoted(name) if schema is None else f"{quoted(schema)}.{quoted(name)}"

"""Piccolo's DDL, said so that the database understands it.

In: one statement as Piccolo 1.38 writes it. Out: the statements to run instead.
Piccolo adds constraints with ALTER TABLE (query/methods/create.py), which
SQLite does not have, and no database has it for an index. Knows the text of a
statement, and no connection.
"""

from __future__ import annotations

import re

_TABLE = r'ALTER TABLE (?P<table>"[^"]+"(?:\."[^"]+")?)'
_ADD = re.compile(
    _TABLE + r" ADD CONSTRAINT (?P<name>\w+) (?P<kind>INDEX|UNIQUE) (?P<columns>\(.*\))", re.DOTALL
)
#: Piccolo lists the same DROP CONSTRAINT twice (query/methods/alter.py, default_ddl).
_DROP = re.compile(
    _TABLE + r" DROP CONSTRAINT IF EXISTS (?P<name>\w+)(?:, DROP CONSTRAINT IF EXISTS (?P=name))?"
)


#: An index under a name that PostgreSQL would clip, so that another one may have it already.
_LONG_INDEX = re.compile(r"CREATE INDEX (?P<name>\w{63,}) ON (?P<rest>.*)", re.DOTALL)
_LONGEST_NAME = 63


def for_sqlite(statement: str) -> list[str]:
    """Return ``statement`` for SQLite, where a composite unique key is a unique index."""
    if match := _ADD.fullmatch(statement):
        unique = "UNIQUE " if match["kind"] == "UNIQUE" else ""
        return [f"CREATE {unique}INDEX {match['name']} ON {match['table']} {match['columns']}"]
    if match := _DROP.fullmatch(statement):
        return [f"DROP INDEX IF EXISTS {match['name']}"]
    return [statement]


def for_postgres(statement: str) -> list[str]:
    """Return ``statement`` for PostgreSQL, whose indexes are not constraints."""
    match = _LONG_INDEX.fullmatch(statement)
    if match and len(match["name"].encode()) > _LONGEST_NAME:
        return [f"CREATE INDEX ON {match['rest']}"]  # PostgreSQL chooses a name that is free
    match = _ADD.fullmatch(statement)
    if match and match["kind"] == "INDEX":
        return [f"CREATE INDEX {match['name']} ON {match['table']} {match['columns']}"]
    if match := _DROP.fullmatch(statement):
        name = match["name"]
        return [
            f"ALTER TABLE {match['table']} DROP CONSTRAINT IF EXISTS {name}",
            f"DROP INDEX IF EXISTS {name}",
        ]
    return [statement]

"""Types and defaults in one spelling, so that they can be compared as text.

In: SQL as a column class, ``PRAGMA table_xinfo`` or PostgreSQL's catalog writes it.
Out: the spelling of the database itself. Knows no table.
"""

from __future__ import annotations

import datetime
import re

from atlas.engine.sqlite.create_table import tokens, unquoted
from atlas.schema.schema import Dialect

#: What PostgreSQL's ``format_type`` says for the names that column classes use.
_POSTGRES_TYPES = {
    "BIGSERIAL": "bigint",
    "BOOL": "boolean",
    "CHAR": "character",
    "DECIMAL": "numeric",
    "FLOAT": "double precision",
    "INT": "integer",
    "SERIAL": "integer",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMPTZ": "timestamp with time zone",
    "TIMETZ": "time with time zone",
    "VARCHAR": "character varying",
}
_TYPE = re.compile(r"(?P<name>[^(\[]+)(?P<size>\([^)]*\))?(?P<array>(\[\])*)")
_STRING = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CAST = re.compile(r"(?P<value>.*?)::[\w ]+(?:\(\d+(?:,\d+)?\))?(?:\[\])*", re.DOTALL)


def type_sql(dialect: Dialect, declared: str) -> str:
    """Return ``declared`` as the database tells it."""
    spaced = " ".join(declared.split())
    if dialect == "sqlite":
        return spaced.upper()
    match = _TYPE.fullmatch(spaced)
    if match is None:
        return spaced.lower()
    name = match["name"].strip()
    size = (match["size"] or "").replace(" ", "")
    return _POSTGRES_TYPES.get(name.upper(), name.lower()) + size + match["array"]


def default_sql(dialect: Dialect, sql: str | None) -> str | None:
    """Return a default in one spelling: 1 for ``true`` and ``1.0``, no cast, no parentheses."""
    if sql is None:
        return None
    text = _without_parentheses(sql.strip())
    if dialect == "postgres" and (match := _CAST.fullmatch(text)):
        text = _without_parentheses(match["value"])
        if "::timestamp with time zone" in sql:
            text = _in_utc(text)
        if _STRING.fullmatch(text) and _NUMBER.fullmatch(text[1:-1]) and not _is_text(sql):
            text = text[1:-1]  # as '-1'::integer
    if dialect == "sqlite" and re.fullmatch(r'"[^"]*"', text):  # which SQLite takes for text
        text = "'{}'".format(text[1:-1].replace("'", "''"))
    if text.upper() == "NULL":
        return None
    if text.upper() in ("TRUE", "FALSE"):
        return str(int(text.upper() == "TRUE"))
    if text.upper() in ("CURRENT_TIMESTAMP", "NOW()"):
        return "CURRENT_TIMESTAMP"
    if _NUMBER.fullmatch(text):
        return f"{float(text):.17g}"
    return text


def check_words(dialect: Dialect, sql: str) -> str | None:
    """Return a CHECK to compare as text: no matter how it is quoted and spaced.

    None on PostgreSQL, which keeps the condition and words it anew.
    """
    if dialect == "postgres":
        return None
    return " ".join(unquoted(token.text).lower() for token in tokens(sql))


def _in_utc(text: str) -> str:
    """Return an instant that PostgreSQL tells in the time zone of the session as Atlas says it."""
    try:
        instant = datetime.datetime.fromisoformat(text.strip("'"))
    except ValueError:  # infinity, a year before 1, another DateStyle
        return text
    if instant.tzinfo is None:
        return text
    return f"'{instant.astimezone(datetime.UTC).isoformat(' ')}'"


def _is_text(sql: str) -> bool:
    return re.search(r"::(text|character|varchar)", sql) is not None


def _without_parentheses(sql: str) -> str:
    while sql.startswith("(") and sql.endswith(")") and _closes_last(sql):
        sql = sql[1:-1].strip()
    return sql


def _closes_last(sql: str) -> bool:
    """Return whether the first parenthesis is closed by the last character."""
    depth = 0
    for place, character in enumerate(_STRING.sub(lambda m: "x" * len(m[0]), sql)):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return place == len(sql) - 1
    return False

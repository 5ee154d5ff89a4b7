"""Stored values that are none of their column's type.

In: the error of a conversion, the SQL it happened in, and a way to query. Out:
the error that names table, column, row and value. It looks at the tables the
SQL names, with the types they were declared with.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from atlas.engine.sqlite.errors import is_undecodable
from atlas.errors import AtlasError, CorruptValueError

if TYPE_CHECKING:
    from atlas.engine.sqlite.handle import Rows

#: Runs one statement where the error came from: on the same connection, if one is held.
Query = Callable[[str, Sequence[Any]], Awaitable["Rows"]]

_WORD = re.compile(r"\w+|\*")


def is_suspect(error: Exception) -> bool:
    """Return whether a corrupt value may be the reason of ``error``."""
    if isinstance(error, sqlite3.Error):
        return is_undecodable(error)
    # UnicodeError: a parameter that is not valid text. Nothing was read yet.
    return isinstance(error, ValueError) and not isinstance(error, AtlasError | UnicodeError)


async def find(query: Query, sql: str, error: Exception) -> CorruptValueError | None:
    """Return the error that says which value ``error``, raised by ``sql``, is about.

    That is the first corrupt value in the columns that ``sql`` names. None if
    there is none, as when an expression made the value, and when it cannot be
    looked for.
    """
    words = set(_WORD.findall(sql))
    in_text = isinstance(error, sqlite3.Error)
    try:
        for table in await query("SELECT name FROM sqlite_master WHERE type = 'table'", ()):
            if table["name"] in words and (
                found := await _look(query, table["name"], words, in_text)
            ):
                return found
    except (AtlasError, sqlite3.Error):
        pass
    return None


async def _look(
    query: Query, table: str, words: set[str], in_text: bool
) -> CorruptValueError | None:
    columns = await query("SELECT name, type, pk FROM pragma_table_info(?)", (table,))
    keys = [column["name"] for column in columns if column["pk"]]
    for column in columns:
        name, declared_type = column["name"], column["type"]
        if (declared_type == "TEXT") is not in_text or not {name, "*"} & words:
            continue
        rows = await query(_search(table, name, keys), (declared_type,))
        if rows:
            *key, storage, stored, value = rows[0].values()
            return CorruptValueError(
                table,
                name,
                key[0] if len(key) == 1 else tuple(key),
                _decoded(stored) if storage == "text" else value,
            )
    return None


def _search(table: str, column: str, keys: Sequence[str]) -> str:
    # The plus and the CASE take the declared type away, and with it the converter.
    key = "".join(f'+"{key}" AS "key {key}", ' for key in keys)
    return (
        f'SELECT {key}typeof("{column}") AS storage, CAST("{column}" AS BLOB) AS stored,'
        f' CASE typeof("{column}") WHEN \'text\' THEN NULL ELSE "{column}" END AS value'
        f' FROM "{table}" WHERE "{column}" IS NOT NULL'
        f' AND atlas_is_corrupt(?, typeof("{column}"), CAST("{column}" AS BLOB)) LIMIT 1'
    )


def _decoded(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored

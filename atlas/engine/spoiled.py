"""Stored values that are none of their column's type.

In: the error of a conversion and the SQL it happened in. Out: the error that
names table, column, row and value. It looks at the tables the SQL names, with
the types they were declared with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from piccolo.querystring import QueryString

from atlas.errors import AtlasError, SpoiledValueError

if TYPE_CHECKING:
    from atlas.engine.connection import Rows
    from atlas.engine.sqlite import SQLiteEngine

_WORD = re.compile(r"\w+|\*")

#: For each declared type, what is true of a value that does not belong there.
_SPOILED = {
    "BOOLEAN": "{c} NOT IN (0, 1)",
    "DATE": "typeof({c}) <> 'text' OR date({c}) IS NOT {c}",
    "INTEGER": "typeof({c}) <> 'integer'",
    "REAL": "typeof({c}) <> 'real'",
    "TIMESTAMPTZ": "typeof({c}) <> 'text' OR datetime({c}) IS NULL",
}


async def translated(engine: SQLiteEngine, sql: str, error: ValueError) -> ValueError:
    """Return the error to raise for ``error``, which ``sql`` raised.

    That is a ``SpoiledValueError`` for the first spoiled value in the tables of
    ``sql``. It is ``error`` itself if they hold none, as when an expression made
    the value, or when ``error`` is about something else.
    """
    if isinstance(error, AtlasError | UnicodeError):
        return error
    words = set(_WORD.findall(sql))
    for table in await _query(engine, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        if table["name"] not in words:
            continue
        columns = await _query(
            engine, "SELECT name, type, pk FROM pragma_table_info({})", table["name"]
        )
        keys = [column["name"] for column in columns if column["pk"]]
        for column in columns:
            name, condition = column["name"], _SPOILED.get(column["type"])
            if condition is None or not ({name, "*"} & words):
                continue
            # The plus takes the declared type away, and with it the converter.
            shown = ", ".join(f'+"{key}" AS "{key}"' for key in keys)
            spoiled = await _query(
                engine,
                f'SELECT {shown}, +"{name}" AS "spoiled value" FROM "{table["name"]}"'
                f' WHERE "{name}" IS NOT NULL AND ({condition.format(c=_quoted(name))}) LIMIT 1',
            )
            if spoiled:
                key = tuple(spoiled[0][key] for key in keys)
                return SpoiledValueError(
                    table["name"],
                    name,
                    key[0] if len(key) == 1 else key,
                    spoiled[0]["spoiled value"],
                )
    return error


def _quoted(name: str) -> str:
    return f'"{name}"'


async def _query(engine: SQLiteEngine, sql: str, *args: Any) -> Rows:
    return await engine.run_querystring(QueryString(sql, *args), in_pool=True)

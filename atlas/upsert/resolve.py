"""Natural keys to ids.

In: a table, the columns of a key and any number of values. Out: the id of each
row that has one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from piccolo.columns import Column

from atlas.table import Table
from atlas.upsert.keys import GivenKey, names_of, primary_key
from atlas.upsert.lookup import find
from atlas.upsert.validator import stored_form


class Found(dict[Any, Any]):
    """What was found by natural keys. A ``KeyError`` for one that was not names the table."""

    def __init__(self, tablename: str, names: tuple[str, ...]) -> None:
        super().__init__()
        self._tablename = tablename
        self._names = names

    def __missing__(self, value: Any) -> Any:
        error = KeyError(value)
        error.add_note(
            f"{self._tablename} has no row whose ({', '.join(self._names)}) is {value!r}, or it "
            "was not asked for. Load it first, or use .get() where it may be missing."
        )
        raise error


async def resolve(
    engine: Any,
    table: type[Table],
    key: GivenKey,
    values: Iterable[Any],
    *,
    to: Column | str | None = None,
) -> dict[Any, Any]:
    """Return the ids of rows by ``key``; see ``Client.resolve``."""
    names = names_of(table, key)
    if to is None and primary_key(table) != ("id",):
        raise ValueError(f"{table.__name__} has no id; say with to= which column you look for.")
    (wanted,) = names_of(table, "id" if to is None else to)
    columns: list[Any] = [table._meta.get_column_by_name(name) for name in names]
    given = list(dict.fromkeys(values))
    keys: list[tuple[Any, ...]] = []
    for value in given:
        parts = value if len(names) > 1 else (value,)
        if not isinstance(parts, tuple) or len(parts) != len(names):
            raise ValueError(f"{value!r} is not a tuple of ({', '.join(names)}).")
        keys.append(
            tuple(
                None if part is None else stored_form(column, part, engine.engine_type)
                for column, part in zip(columns, parts, strict=True)
            )
        )
    found = Found(table._meta.tablename, names)
    for place, identity in await find(engine, table, names, keys, wanted):
        value = given[place]
        if found.setdefault(value, identity) != identity:
            raise ValueError(
                f"{table._meta.tablename} has several rows whose ({', '.join(names)}) is "
                f"{value!r}. Give more columns, so that one row is meant."
            )
    return found

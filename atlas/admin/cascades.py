"""What goes along when a row is deleted: its parts, whose references say ON DELETE CASCADE.

In: a table and the key of a row. Out: how many rows of which tables, counted in the database
before anything goes. It deletes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from piccolo.columns import OnDelete

from atlas.columns import ForeignKey
from atlas.table import Table
from atlas.tables import TABLES

#: The parameter with which a request says how many parts it was told of.
PARTS = "__parts"

#: So many keys are asked about in one query.
_KEYS = 500


def _references(table: type[Table]) -> list[ForeignKey[Any]]:
    """Return the keys that reference ``table`` and take their rows along."""
    return [
        key
        for child in TABLES
        for key in child._meta.foreign_key_columns
        if isinstance(key, ForeignKey)
        and key._foreign_key_meta.resolved_references is table
        and key._foreign_key_meta.on_delete is OnDelete.cascade
    ]


async def parts_of(table: type[Table], key: Any) -> Counter[str]:
    """Return how many rows of each table go along with the row of ``key``."""
    parts: Counter[str] = Counter()
    if len(table._key_columns) > 1:  # nothing references a row of a join table
        return parts
    seen: set[tuple[type[Table], Any]] = {(table, key)}
    open_rows: list[tuple[type[Table], Collection[Any]]] = [(table, [key])]
    while open_rows:
        parent, keys = open_rows.pop()
        for reference in _references(parent):
            child: Any = reference._meta.table
            found = set()
            for start in range(0, len(keys), _KEYS):
                some = list(keys)[start : start + _KEYS]
                names = [column._meta.name for column in child._key_columns]
                rows = await child.select(*child._key_columns).where(reference.is_in(some))
                found |= {tuple(row[name] for name in names) for row in rows}
            new = {key for key in found if (child, key if len(key) > 1 else key[0]) not in seen}
            seen |= {(child, key if len(key) > 1 else key[0]) for key in new}
            parts[child._meta.tablename] += len(new)
            if new and len(child._key_columns) == 1:
                open_rows.append((child, [key for (key,) in new]))
    return +parts


def told(table: type[Table], parts: Counter[str]) -> dict[str, Any]:
    """Return the parts in words, and their number."""
    counted = ", ".join(f"{count} of {name}" for name, count in parts.most_common())
    total = parts.total()
    rows = "1 row" if total == 1 else f"{total} rows"
    return {
        "count": total,
        "parts": dict(parts),
        "detail": (
            f"Deleting this row of {table._meta.tablename} deletes {rows} with it: {counted}. "
            f"They are deleted only when the request says so, with {PARTS}={total}."
            if total
            else f"No other row is deleted with this row of {table._meta.tablename}."
        ),
    }

"""Rows of a tree whose parents are given by their keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atlas.client.client import Client
from atlas.table import Table

Row = dict[str, Any]


async def insert_tree(
    client: Client, table: type[Table], rows: Sequence[Row], key: tuple[str, ...]
) -> int:
    """Insert the ``rows`` that are missing, level by level; return how many were.

    ``parent_id`` of a row holds the last column of its parent's key, whose other
    columns are the row's own: ``code``, or ``entity_id`` and ``code``.
    """
    inserted = 0
    columns = [table._meta.get_column_by_name(name) for name in key]
    ids: dict[Any, Any] = {}
    left = list(rows)
    while left:
        known = {found[-1] if isinstance(found, tuple) else found for found in ids}
        level = [row for row in left if row["parent_id"] is None or row["parent_id"] in known]
        left = [row for row in left if row not in level]
        result = await client.upsert(
            table,
            [{**row, "parent_id": ids.get(_key(row, key, row["parent_id"]))} for row in level],
            key=columns,
            update=False,
        )
        inserted += result.inserted
        ids |= await client.resolve(table, columns, [_key(row, key, row[key[-1]]) for row in level])
    return inserted


def _key(row: Row, key: tuple[str, ...], last: Any) -> Any:
    return (*(row[name] for name in key[:-1]), last) if len(key) > 1 else last

"""Rows of a table that references itself: parents are written before their children.

In: rows in any order, where each knows its parent by id. Out: those that can be
written now. The others wait here, in memory, until their parents have come.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from atlas.upsert.lookup import find
from atlas.upsert.rows import Rows
from atlas.upsert.statements import Shape


class Tree:
    """The rows of one call that wait for their parents, by their keys."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._waiting: dict[Hashable, Rows] = {}
        self._children: dict[str, set[Hashable]] = {}

    def waiting(self) -> Iterator[Rows]:
        """Yield the rows that wait, each alone, in the order they came."""
        yield from self._waiting.values()

    def forget(self) -> None:
        """Let nothing wait any more."""
        self._waiting.clear()
        self._children.clear()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._waiting

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, key: Hashable) -> Rows | None:
        """Return the row with this key, which does not wait here any more; None if none does."""
        return self._waiting.pop(key, None)

    async def waves(self, rows: Rows) -> list[Rows]:
        """Return ``rows`` in parts, each to be written before the next; keep what must wait."""
        shape = rows.shape
        (key,) = shape.primary_key
        has_ids = key in shape.names
        wanted = {parent for name in shape.parents for parent in rows.column(name)} - {None}
        stored = await find(self._engine, shape.table, [key], [(i,) for i in wanted], key)
        known = {None, *(found for _, found in stored)}
        parts: list[Rows] = []
        while rows.values:
            parents = zip(*map(rows.column, shape.parents), strict=True)
            ready = [place for place, ids in enumerate(parents) if known.issuperset(ids)]
            if not ready:
                break
            part = rows.pick(ready)
            parts.append(part)
            if has_ids:
                known.update(part.column(key))
            rows = rows.without(ready)
        for place in range(len(rows.values)):
            self._keep(rows.pick([place]), known)
        return parts

    def _keep(self, rows: Rows, known: set[Any]) -> None:
        (key,) = rows.keys
        self._waiting[key] = rows
        for name in rows.shape.parents:
            (parent,) = rows.column(name)
            if parent not in known:
                self._children.setdefault(parent, set()).add(key)

    def released(self, rows: Rows) -> list[Rows]:
        """Return what waited for one of ``rows``, which are written now."""
        (identity,) = rows.shape.primary_key
        if not self._waiting or identity not in rows.shape.names:
            return []
        keys = [key for parent in rows.column(identity) for key in self._children.pop(parent, ())]
        found = [waiting for key in keys if (waiting := self._waiting.pop(key, None)) is not None]
        by_shape: dict[Shape, list[Rows]] = {}
        for waiting in sorted(found, key=lambda rows: rows.positions[0]):
            by_shape.setdefault(waiting.shape, []).append(waiting)
        return [
            Rows(
                shape,
                [rows.positions[0] for rows in parts],
                [rows.given[0] for rows in parts],
                [rows.values[0] for rows in parts],
            )
            for shape, parts in by_shape.items()
        ]

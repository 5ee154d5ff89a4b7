"""Some rows of a call, all of one shape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from atlas.upsert.statements import Shape, shape_of


@dataclass
class Rows:
    """Rows that carry the same columns."""

    shape: Shape
    #: Where each stands among the rows of the call.
    positions: list[int]
    #: Each as it was given.
    given: list[Any]
    #: Each in its stored form.
    values: list[tuple[Any, ...]]

    @property
    def keys(self) -> list[Hashable]:
        """The key of each row: a value, or a tuple of several."""
        key: Callable[[Any], Hashable] = itemgetter(*map(self.shape.names.index, self.shape.key))
        return list(map(key, self.values))

    def column(self, name: str) -> list[Any]:
        """Return the value of each row in a column."""
        return list(map(itemgetter(self.shape.names.index(name)), self.values))

    def pick(self, places: Sequence[int]) -> Rows:
        """Return the rows at these places."""
        return Rows(
            self.shape,
            [self.positions[place] for place in places],
            [self.given[place] for place in places],
            [self.values[place] for place in places],
        )

    def without(self, places: Collection[int]) -> Rows:
        """Return the rows at all other places."""
        if not places:
            return self
        left_out = set(places)
        return self.pick([place for place in range(len(self.values)) if place not in left_out])


def merged(parts: Sequence[Rows]) -> Rows:
    """Return one row for several with the same key, each given by itself, the last one last.

    It has the values of the last, and from the others what that does not carry.
    """
    last = parts[-1]
    if all(part.shape is last.shape for part in parts):
        return last
    values: dict[str, Any] = {}
    proposes_id = True
    for part in parts:
        given = dict(zip(part.shape.names, part.values[0], strict=True))
        if part.shape.proposes_id and not proposes_id:
            del given["id"]  # somebody knows the row's
        elif "id" in given:
            proposes_id = part.shape.proposes_id
        values |= given
    shape = shape_of(
        last.shape.table,
        frozenset(values),
        last.shape.key,
        last.shape.engine_type,
        proposes_id and "id" in values,
        last.shape.updates,
    )
    return Rows(shape, last.positions, last.given, [tuple(values[name] for name in shape.names)])

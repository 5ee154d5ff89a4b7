"""How many rows there are, and whether there is any."""

from __future__ import annotations

from typing import Any

from piccolo.custom_types import TableInstance
from piccolo.query.methods.count import Count as PiccoloCount
from piccolo.query.methods.exists import Exists as PiccoloExists

from atlas.query.shape import Shape, Shaped


class Count(Shaped, PiccoloCount):
    """``Table.count()``: how many rows there are."""

    def _shape(self) -> Shape | None:
        return _shape_of("count", self) if self.column is None and not self._distinct else None


class Exists(Shaped, PiccoloExists[TableInstance]):
    """``Table.exists()``: whether there is a row."""

    def _shape(self) -> Shape | None:
        return _shape_of("exists", self)


def _shape_of(kind: str, query: Any) -> Shape | None:
    shape = Shape(kind, query.table)
    return shape if shape.add_where(query.where_delegate._where) else None

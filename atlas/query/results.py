"""The rows of a result: which of their values must be floats, and many of them at a time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from piccolo.columns import Column
from piccolo.querystring import QueryString, Selectable

from atlas.columns import Decimal
from atlas.query.m2m import M2MSelect

if TYPE_CHECKING:
    from piccolo.table import Table as PiccoloTable


#: How many rows are turned into their final form before other tasks have their turn.
_SLICE = 100

#: How many where a row takes a microsecond.
LARGE_SLICE = 1000


async def in_slices(
    process: Callable[[Any], Awaitable[Any]], results: Any, size: int = _SLICE
) -> Any:
    """Process many rows a few at a time, so that the event loop is never held for long.

    Afterwards ``results`` holds no rows: to free them all in one go would hold it too.
    """
    if not results or len(results) <= size:
        return await process(results)
    processed: list[Any] = []
    program_freezes = gc.get_freeze_count() > 0
    for start in range(0, len(results), size):
        rows = results[start : start + size]
        results[start : start + size] = [None] * len(rows)
        processed += await process(rows)
        if not program_freezes:
            _count_as_old()
        await asyncio.sleep(0)
    return processed


def _count_as_old() -> None:
    """Let Python's garbage collector take all objects for old ones, without looking at them.

    While many are made it would look at all of them again and again, for longer each
    time. ``gc.freeze`` moves them out of its sight, ``gc.unfreeze`` to its oldest
    generation (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.freeze()
    gc.unfreeze()


def with_floats(
    querystrings: Sequence[QueryString], columns: Iterable[Any]
) -> Sequence[QueryString]:
    """Tell the engine which results must be floats; SQLite lets text stay in a REAL column."""
    floats: list[str | None] = []
    for column in columns:
        if isinstance(column, Decimal):
            floats.append(output_name(column))
        elif isinstance(column, WholeRow):
            floats += column.floats
    if not floats:
        return querystrings
    return [_Floats(floats, querystring) for querystring in querystrings]


class WholeRow(Selectable):
    """All columns of a table, as one selectable whose SQL does not have to be made again."""

    _alias = None

    def __init__(self, table: type[PiccoloTable]) -> None:
        columns = table._meta.columns
        self._sql = QueryString(", ".join(column._meta.get_full_name() for column in columns))
        self.floats = [output_name(column) for column in columns if isinstance(column, Decimal)]

    @staticmethod
    @cache
    def of(table: type[PiccoloTable]) -> WholeRow:
        """Return that of ``table``, which is made when it is first asked for."""
        return WholeRow(table)

    def get_select_string(self, engine_type: str, with_alias: bool = True) -> QueryString:
        return self._sql


class _Floats(QueryString):
    """A query, and the keys of its rows under which a float must be."""

    def __init__(self, floats: Sequence[str | None], querystring: QueryString) -> None:
        # Not super().__init__(), which would look at every value once more.
        self.template = querystring.template
        self.args = querystring.args
        self.columns = querystring.columns
        self.query_type = querystring.query_type
        self.table = querystring.table
        self._alias = querystring._alias
        self._frozen_compiled_strings = querystring._frozen_compiled_strings
        self.floats = floats


def output_name(selected: Any) -> str | None:
    """Return the key of a selected column in the rows of the result, where it has one."""
    if isinstance(selected, M2MSelect):
        return selected.name
    if isinstance(selected, Column):
        return selected._alias or str(selected._meta.get_default_alias())  # type: ignore[no-untyped-call]
    return getattr(selected, "_alias", None)

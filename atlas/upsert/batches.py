"""GivenRows from anywhere, a few at a time.

In: an iterable or async iterable. Out: lists of at most so many rows. Only the
rows of one list are held.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any

from atlas.upsert.frames import rows_of_frame

if TYPE_CHECKING:
    import csv
    from collections.abc import Callable
    from typing import Protocol

    from atlas.table import Table, Values

    class _NoValue:
        """What no value is: a dict of these is one whose values may be anything."""

    class _Frame(Protocol):
        """A data frame, of which a type checker knows nothing: of pandas, polars or pyarrow."""

        def __dataframe__(self, nan_as_null: bool = ..., allow_copy: bool = ...) -> Any: ...

    #: What a type checker lets be upserted into a table: its values by column, its objects, and
    #: dicts of which it knows nothing. A function is not taken: mypy looks at an argument that
    #: could be one after the others, and so at the rows when it knows the table.
    TypedRows = (
        Iterable[Values | Table[Values] | dict[str, _NoValue]]
        | AsyncIterable[Values | Table[Values] | dict[str, _NoValue]]
        | csv.DictReader[Any]
        | _Frame
        | Callable[[_NoValue], Values]
    )

GivenRows = Iterable[Any] | AsyncIterable[Any]


class Batches:
    """Takes rows from ``rows``, each once."""

    def __init__(self, rows: GivenRows) -> None:
        if isinstance(rows, str | bytes | dict):
            raise TypeError(
                f"rows is a {type(rows).__name__}; pass an iterable of dicts or table objects."
            )
        self._rows = rows_of_frame(rows)
        #: How many rows there are, where that can be known.
        self.total = len(self._rows) if isinstance(self._rows, Sized) else None
        self._iterator = self._begin()

    def _begin(self) -> Iterator[Any] | AsyncIterator[Any]:
        if isinstance(self._rows, AsyncIterable):
            return aiter(self._rows)
        if isinstance(self._rows, Iterable):
            return iter(self._rows)
        raise TypeError(f"rows is a {type(self._rows).__name__}, which cannot be iterated over.")

    def restart(self) -> bool:
        """Begin with the first row again; return whether that is possible, as for a list."""
        if self.total is None:
            return False
        self._iterator = self._begin()
        return True

    async def take(self, size: int) -> list[Any]:
        """Return the next ``size`` rows; fewer at the end, and then none."""
        if isinstance(self._iterator, Iterator):
            return list(islice(self._iterator, size))
        batch: list[Any] = []
        async for row in self._iterator:
            batch.append(row)
            if len(batch) == size:
                break
        return batch

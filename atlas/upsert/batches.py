"""GivenRows from anywhere, a few at a time.

In: an iterable or async iterable. Out: lists of at most so many rows. Only the
rows of one list are held.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from itertools import islice
from typing import Any

GivenRows = Iterable[Any] | AsyncIterable[Any]


class Batches:
    """Takes rows from ``rows``, each once."""

    def __init__(self, rows: GivenRows) -> None:
        if isinstance(rows, str | bytes | dict):
            raise TypeError(
                f"rows is a {type(rows).__name__}; pass an iterable of dicts or table objects."
            )
        #: How many rows there are, where that can be known.
        self.total = len(rows) if isinstance(rows, Sized) else None
        self._iterator: Iterator[Any] | AsyncIterator[Any]
        if isinstance(rows, AsyncIterable):
            self._iterator = aiter(rows)
        elif isinstance(rows, Iterable):
            self._iterator = iter(rows)
        else:
            raise TypeError(f"rows is a {type(rows).__name__}, which cannot be iterated over.")

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

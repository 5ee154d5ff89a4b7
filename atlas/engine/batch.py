"""The base of batches: a query whose rows are fetched as they are used, so that memory stays flat.

In: a query and how many rows at a time. Out: lists of rows. A database adds how it opens
a cursor, takes the next rows, and lets the cursor go.
"""

from __future__ import annotations

from abc import abstractmethod
from types import TracebackType
from typing import Any, Self

from piccolo.engine.base import BaseBatch
from piccolo.query.base import Query


class RowBatch(BaseBatch):
    """``async with await query.batch() as batch: async for rows in batch``."""

    def __init__(self, query: Query[Any, Any], batch_size: int) -> None:
        if batch_size < 1:  # SQLite would take it for no rows, or for all of them
            raise ValueError(f"batch_size is {batch_size}; give a whole number >= 1.")
        self._query = query
        self._batch_size = batch_size

    async def __aenter__(self, *args: Any, **kwargs: Any) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None = None,
        exception: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> bool:
        await self._leave(exception)
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Any]:
        rows = await self.next()
        if not rows:
            raise StopAsyncIteration
        return rows

    async def next(self) -> list[Any]:
        """Return the next rows; an empty list at the end.

        Raises ``ConnectionClosedError`` outside the block and after an error.
        """
        rows = await self._take()
        return await self._query._process_results(rows)  # type: ignore[no-any-return]

    @abstractmethod
    async def _open(self) -> None:
        """Open the cursor."""

    @abstractmethod
    async def _take(self) -> list[dict[str, Any]]:
        """Take the next rows."""

    @abstractmethod
    async def _leave(self, error: BaseException | None) -> None:
        """Close the cursor, and give its connection back."""

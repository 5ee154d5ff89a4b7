"""Transactions that are run again when another one got in their way.

In: what makes a block, and how often it may be run again. Out: a block for each attempt, until one
is committed. Only conflicts are run again, of which nothing was written: a serialization failure
(SQLSTATE 40001), a deadlock (40P01), a lock of SQLite's. Knows no engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from atlas.engine.backoff import wait_s
from atlas.errors import ClientError, ConflictError, DatabaseBusyError

if TYPE_CHECKING:
    from typing import Self

Result = TypeVar("Result")
BlockT = TypeVar("BlockT")


def is_conflict(error: BaseException | None) -> bool:
    """Return whether a transaction that ended with ``error`` may succeed the next time."""
    return isinstance(error, ConflictError | DatabaseBusyError)


class _Attempts(Generic[BlockT]):
    """How often a block was run, and how the last attempt ended."""

    def __init__(self, make: Callable[[], BlockT], retry: int) -> None:
        if type(retry) is not int or retry < 0:
            raise ValueError(f"retry is {retry!r}; give how often to run it again, at least 0.")
        self._make = make
        self._retry = retry
        self._count = 0
        self._is_done = False
        self._is_open = False

    def _next(self) -> int | None:
        """Begin an attempt; return its number from 0, or None when there is none to come."""
        if self._is_open:
            raise ClientError(
                "An attempt of transaction(retry=) was not entered or not left: put the whole body "
                "of the loop into its block."
            )
        if self._is_done:
            return None
        self._is_open = True
        self._count += 1
        return self._count - 1

    def _ended(self, error: BaseException | None) -> bool:
        """Note how an attempt ended; return whether there is another one."""
        self._is_open = False
        again = is_conflict(error) and self._count <= self._retry
        self._is_done = not again
        return again


class Attempts(_Attempts[AbstractAsyncContextManager[Any]]):
    """``async for transaction in db.transaction(retry=3): async with transaction: ...``"""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        number = self._next()
        if number is None:
            raise StopAsyncIteration
        if number:
            await asyncio.sleep(wait_s(number))
        return Attempt(self, self._make())

    async def __aenter__(self) -> NoReturn:
        raise ClientError(
            "A block of Python's cannot run itself again. Write: async for transaction in "
            "db.transaction(retry=...): async with transaction: ... Or give a function to "
            "db.retry()."
        )

    async def __aexit__(self, *_: object) -> None: ...


class Attempt:
    """One attempt of a transaction, to enter with ``async with``."""

    def __init__(self, attempts: Attempts, block: AbstractAsyncContextManager[Any]) -> None:
        self._attempts = attempts
        self._block = block

    async def __aenter__(self) -> Any:
        while True:
            try:
                return await self._block.__aenter__()
            except Exception as error:  # SQLite's lock is waited for as a block begins
                if not self._attempts._ended(error):
                    raise
            await asyncio.sleep(wait_s(self._attempts._next() or 0))
            self._block = self._attempts._make()

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            await self._block.__aexit__(exception_type, exception, traceback)
        except BaseException as error:
            if self._attempts._ended(error):  # at COMMIT
                return True
            raise
        return self._attempts._ended(exception)


class SyncAttempts(_Attempts[AbstractContextManager[Any]]):
    """``for transaction in db.transaction(retry=3): with transaction: ...``"""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> SyncAttempt:
        number = self._next()
        if number is None:
            raise StopIteration
        if number:
            time.sleep(wait_s(number))
        return SyncAttempt(self, self._make())

    def __enter__(self) -> NoReturn:
        raise ClientError(
            "A block of Python's cannot run itself again. Write: for transaction in "
            "db.transaction(retry=...): with transaction: ... Or give a function to db.retry()."
        )

    def __exit__(self, *_: object) -> None: ...


class SyncAttempt:
    """One attempt of a transaction, to enter with ``with``."""

    def __init__(self, attempts: SyncAttempts, block: AbstractContextManager[Any]) -> None:
        self._attempts = attempts
        self._block = block

    def __enter__(self) -> Any:
        while True:
            try:
                return self._block.__enter__()
            except Exception as error:
                if not self._attempts._ended(error):
                    raise
            time.sleep(wait_s(self._attempts._next() or 0))
            self._block = self._attempts._make()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            self._block.__exit__(exception_type, exception, traceback)
        except BaseException as error:
            if self._attempts._ended(error):
                return True
            raise
        return self._attempts._ended(exception)


async def run_again(attempts: Attempts, function: Callable[[], Awaitable[Result]]) -> Result:
    """Run ``function`` in a transaction, again after a conflict, and return its result."""
    async for transaction in attempts:
        async with transaction:
            result = await function()
    return result


def run_again_sync(attempts: SyncAttempts, function: Callable[[], Result]) -> Result:
    """Run ``function`` in a transaction, again after a conflict, and return its result."""
    for transaction in attempts:
        with transaction:
            result = function()
    return result

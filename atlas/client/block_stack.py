"""Where a thread is: the blocks it is in, innermost last.

In: blocks, as they are entered and left. Out: for a client, the transaction its
next call belongs to. Each thread has its own list, which nobody inherits.

What a thread does without ``db.run``, as ``query.run_sync()``, asks contextvars;
they are kept as the list is.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from atlas.client import scope
from atlas.engine.block import current_block
from atlas.errors import TransactionLostError

Maker = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]


class Place:
    """A ``with`` block of a client, as a thread is in it."""

    #: What the queries inside are part of.
    transaction: Any = None
    #: Whether the block was forgotten instead of left.
    is_dropped = False

    def __init__(self, client: scope.OpenClient) -> None:
        self.client = client
        self._thread: list[Place] | None = None

    def enter(self) -> None:
        """Let this thread be in the block."""
        if not _here.places:
            _here.outside = scope.scope.get()
        self._thread = _here.places
        self._thread.append(self)
        self._tell()

    def leave(self) -> None:
        """Let the thread that is in the block be in it no more, from any thread."""
        places, self._thread = self._thread, None
        if places is not None and self in places:
            places.remove(self)
            if places is _here.places:
                self._tell()

    def _tell(self) -> None:
        """Set the contextvars of this thread to what its list says."""
        places = _here.places
        scope.scope.set(places[-1].client if places else _here.outside)
        self.client.engine.current_transaction.set(_innermost(self.client))


class HeldPlace(Place):
    """A block that holds a connection: a transaction, a snapshot, a batch.

    ``make`` returns it, as the async client does; ``held`` are those of the
    client that were entered and not left. The coroutines run in its loop.
    """

    def __init__(self, client: scope.OpenClient, make: Maker, held: set[HeldPlace]) -> None:
        super().__init__(client)
        #: What the async block gave as it was entered.
        self.value: Any = None
        #: Whether the async block is left, or is left as soon as it is entered.
        self.is_over = False
        self._make = make
        self._held = held
        self._block: AbstractAsyncContextManager[Any] | None = None

    async def enter_block(self) -> None:
        """Enter the async block."""
        block = await self._make()
        self.value = await block.__aenter__()
        self._block = block
        self._held.add(self)
        self.transaction = current_block(self.client.engine)
        if self.is_over:  # its thread was interrupted, and is gone
            await self.leave_block(TransactionLostError())

    async def leave_block(self, error: BaseException | None) -> None:
        """Leave the async block, with the error it ended with. Safe to repeat with an error."""
        if self.is_over and error is None:
            raise TransactionLostError("The block was ended before its end, and rolled back.")
        self.is_over = True
        self._held.discard(self)
        block, self._block = self._block, None
        if block is not None:
            await block.__aexit__(type(error) if error else None, error, None)


class _Here(threading.local):
    """What a thread has of its own."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        #: The client of the thread outside all blocks.
        self.outside: scope.OpenClient | None = None


_here = _Here()


def _innermost(client: scope.OpenClient) -> Any:
    for place in reversed(_here.places):
        if place.client is client and place.transaction is not None:
            return place.transaction
    return None


def transaction_here(client: scope.OpenClient) -> Any:
    """Return the transaction of ``client`` this thread is in; None outside.

    Raises ``TransactionLostError``, once, when a block was forgotten instead of
    left: what comes next was meant to be part of it.
    """
    for place in _here.places:
        if place.is_dropped and place.client is client:
            place.leave()
            raise TransactionLostError(
                "A transaction of this thread was dropped before its block was left, and rolled "
                "back. Use: with db.transaction()"
            )
    return _innermost(client)

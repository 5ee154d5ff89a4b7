"""The ``with`` blocks that a context is in, innermost last.

In: blocks, as they are entered and left. Out: for a client, the transaction its next
call belongs to. A block belongs to the context that entered it, in whichever thread
that runs, and to copies of that context, as a task has one; no other context is in it.

What is done without ``db.run``, as ``query.run_sync()``, asks the contextvars of the
client and the engine, which are kept as the stack is.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from atlas.client import scope
from atlas.errors import TransactionLostError

Maker = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]

_stack: contextvars.ContextVar[tuple[Entry, ...]] = contextvars.ContextVar(
    "atlas_block_stack", default=()
)


class Entry:
    """A ``with`` block of a client, as a context is in it."""

    #: What the queries inside are part of.
    transaction: Any = None
    #: Whether the block was forgotten instead of left.
    is_dropped = False
    is_left = False

    def __init__(self, client: scope.OpenClient) -> None:
        self.client = client
        #: The client of the context outside all blocks.
        self._outside: scope.OpenClient | None = None

    def enter(self) -> None:
        """Let this context be in the block."""
        stack = _stack.get()
        self._outside = stack[0]._outside if stack else scope.scope.get()
        _stack.set((*stack, self))
        self._tell()

    def leave(self) -> None:
        """Let no context be in the block any more. The one that entered it may be another."""
        self.is_left = True
        if self in _stack.get():
            _stack.set(tuple(entry for entry in _stack.get() if entry is not self))
            self._tell()

    def _tell(self) -> None:
        """Set the contextvars of this context to what its stack says."""
        stack = _entries()
        scope.scope.set(stack[-1].client if stack else self._outside)
        self.client.engine.current_transaction.set(_innermost(self.client))


class HeldEntry(Entry):
    """A block that holds a connection: a transaction, a snapshot, a batch.

    ``make`` returns it, as the async client does; ``held`` are those of the
    client that were entered and not left. The coroutines run in its loop.
    """

    def __init__(self, client: scope.OpenClient, make: Maker, held: set[HeldEntry]) -> None:
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
        self.transaction = self.client.engine.current_transaction.get()
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


def _entries() -> list[Entry]:
    """Return the blocks that this context is in, without those that another one left."""
    return [entry for entry in _stack.get() if not entry.is_left]


def _innermost(client: scope.OpenClient) -> Any:
    for entry in reversed(_entries()):
        transaction = entry.transaction
        if entry.client is client and transaction is not None and not transaction.is_ended:
            return transaction
    return None


def transaction_here(client: scope.OpenClient) -> Any:
    """Return the transaction of ``client`` this context is in; None outside.

    Raises ``TransactionLostError``, once, when a block was forgotten instead of
    left: what comes next was meant to be part of it.
    """
    stack = _stack.get()
    if not stack:
        return None
    for entry in _entries():
        if entry.is_dropped and entry.client is client:
            entry.leave()
            raise TransactionLostError(
                "A transaction of this context was dropped before its block was left, and rolled "
                "back. Use: with db.transaction()"
            )
    if any(entry.is_left for entry in stack):  # left in another context than this one
        _stack.set(tuple(_entries()))
        stack[-1]._tell()
    return _innermost(client)

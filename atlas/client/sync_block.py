"""The ``with`` blocks of a sync client.

In: a client, and the block of its async one. Out: a block for one thread, which is
left clean whatever happens: an error, Ctrl-C at any moment, a generator that is
closed, a thread that ends, a block that is forgotten.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from atlas.client.block_stack import HeldPlace, Maker
from atlas.errors import ClientError, TransactionLostError

if TYPE_CHECKING:
    from typing import Self


class Caller(Protocol):
    """What a block asks of its client: ``atlas.SyncClient`` is one."""

    def _call(self, awaitable: Any, *, inside: HeldPlace | None = None) -> Any:
        """Run an awaitable in the client's event loop, and return its result."""

    def _new_place(self, make: Maker) -> HeldPlace:
        """Return a place for a block of this thread."""

    def _leave(self, place: HeldPlace, error: BaseException | None) -> None:
        """End a block, and wait for that."""

    def _give_up(self, place: HeldPlace, error: BaseException) -> None:
        """End a block without waiting."""


class SyncBlock:
    """A block of one thread, to enter with ``with``; other threads are not in it."""

    _place: HeldPlace | None = None

    def __init__(self, client: Caller, make: Maker) -> None:
        self._client = client
        self._make = make

    def __enter__(self) -> Self:
        if self._place is not None:
            raise ClientError("This block was entered already; make one for each with.")
        place = self._place = self._client._new_place(self._make)
        try:
            self._client._call(place.enter_block(), inside=place)
            self._enter(place)
            return self
        except BaseException as error:  # Ctrl-C may come when the async block was entered
            place.leave()
            self._client._give_up(place, error)
            raise

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        place = self._entered()
        try:
            place.leave()
            self._client._leave(place, exception)
        finally:
            if not place.is_over:  # Ctrl-C came before, or an event loop runs here
                place.leave()
                self._client._give_up(place, exception or TransactionLostError())

    def __del__(self) -> None:
        place = self._place
        if place is not None and not place.is_over:
            place.is_dropped = True  # it stays the thread's, so that its next call is told
            self._client._give_up(place, TransactionLostError())

    def _enter(self, place: HeldPlace) -> None:
        """Let the calls of this thread be part of the block."""
        place.enter()

    def _entered(self) -> HeldPlace:
        if self._place is None:
            raise ClientError("This block is used before it is entered: with block: ...")
        return self._place


class SyncSnapshot(SyncBlock):
    """Reads that all see the same moment, while others write."""


class SyncTransaction(SyncBlock):
    """Calls that are written as a whole or not at all; in another transaction, a savepoint.

    Its methods are those of the async transaction.
    """

    def commit(self) -> None:
        """Commit now; the rest of the block cannot use the transaction."""
        self._client._call(self._entered().value.commit())

    def rollback(self) -> None:
        """Roll back now; the rest of the block cannot use the transaction."""
        self._client._call(self._entered().value.rollback())

    def savepoint(self, name: str | None = None) -> SyncSavepoint:
        """Make a savepoint; its name is made up when it is left out."""
        savepoint = self._client._call(self._entered().value.savepoint(name))
        return SyncSavepoint(self._client, savepoint)

    def rollback_to(self, savepoint_name: str) -> None:
        """Roll back to a savepoint of this transaction by its name."""
        self._client._call(self._entered().value.rollback_to(savepoint_name))


class SyncSavepoint:
    """A point within a transaction to which it can be rolled back."""

    def __init__(self, client: Caller, savepoint: Any) -> None:
        self._client = client
        self._savepoint = savepoint
        self.name: str = savepoint.name

    def rollback_to(self) -> None:
        """Undo what was written since; the savepoint stays."""
        self._client._call(self._savepoint.rollback_to())

    def release(self) -> None:
        """Forget the savepoint; what was written since is part of the transaction."""
        self._client._call(self._savepoint.release())


class SyncBatch(SyncBlock):
    """A query whose rows are fetched as they are used: ``for rows in batch``.

    Any thread may take the next rows; each gets others.
    """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Any]:
        if rows := self.next():
            return rows
        raise StopIteration

    def next(self) -> list[Any]:
        """Return the next rows; an empty list at the end."""
        rows: list[Any] = self._client._call(self._entered().value.next())
        return rows

    def _enter(self, place: HeldPlace) -> None:
        """Other calls of this thread are not part of it."""

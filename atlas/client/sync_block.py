"""The ``with`` blocks of a sync client.

In: a client, and the block of its async one. Out: a block for one context, which is
left clean whatever happens: an error, Ctrl-C at any moment, a generator that is
closed, a thread that ends, a block that is forgotten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from piccolo.columns import Column
from piccolo.query.base import FrozenQuery

from atlas.client.block_stack import HeldEntry, Maker
from atlas.columns import ModelColumn
from atlas.errors import ClientError, TransactionLostError
from atlas.table import Table, Values
from atlas.upsert.keys import GivenKey
from atlas.upsert.result import UpsertResult

if TYPE_CHECKING:
    from typing import Self

    from atlas.upsert.batches import TypedRows

Result = TypeVar("Result")
Known = TypeVar("Known")
Found = TypeVar("Found")


class Caller(Protocol):
    """What a block asks of its client: ``atlas.SyncClient`` is one."""

    def _call(self, awaitable: Any, *, inside: HeldEntry | None = None) -> Any:
        """Run an awaitable in the client's event loop, and return its result."""

    def _run_in(self, entry: HeldEntry, query: Any) -> Any:
        """Run a query as part of a block, whatever context this is."""

    def _upsert(
        self, entry: HeldEntry, table: Any, rows: Any, key: Any, **options: Any
    ) -> UpsertResult:
        """Upsert rows as part of a block."""

    def _resolve_in(self, entry: HeldEntry, table: Any, key: Any, values: Any, to: Any) -> Any:
        """Look natural keys up as part of a block."""

    def _new_entry(self, make: Maker) -> HeldEntry:
        """Return a entry for a block of this thread."""

    def _leave(self, entry: HeldEntry, error: BaseException | None) -> None:
        """End a block, and wait for that."""

    def _give_up(self, entry: HeldEntry, error: BaseException) -> None:
        """End a block without waiting."""


class SyncBlock:
    """A block of the context that enters it, to enter with ``with``; no other is in it.

    Its methods reach it from any thread and context.
    """

    _block_entry: HeldEntry | None = None

    def __init__(self, client: Caller, make: Maker) -> None:
        self._client = client
        self._make = make

    def __enter__(self) -> Self:
        if self._block_entry is not None:
            raise ClientError("This block was entered already; make one for each with.")
        entry = self._block_entry = self._client._new_entry(self._make)
        try:
            self._client._call(entry.enter_block(), inside=entry)
            self._enter(entry)
            return self
        except BaseException as error:  # Ctrl-C may come when the async block was entered
            entry.leave()
            self._client._give_up(entry, error)
            raise

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entry = self._entered()
        try:
            entry.leave()
            self._client._leave(entry, exception)
        finally:
            if not entry.is_over:  # Ctrl-C came before, or an event loop runs here
                entry.leave()
                self._client._give_up(entry, exception or TransactionLostError())

    def __del__(self) -> None:
        entry = self._block_entry
        if entry is not None and not entry.is_over:
            entry.is_dropped = True  # it stays the context's, so that its next call is told
            self._client._give_up(entry, TransactionLostError())

    @overload
    def run(self, query: Awaitable[Result]) -> Result: ...

    @overload
    def run(self, query: FrozenQuery) -> Any: ...

    def run(self, query: Any) -> Any:
        """Run a query as part of this block, from any thread, and return its result.

        As ``SyncClient.run``. Raises ``TransactionLostError`` after the block.
        """
        return self._client._run_in(self._entered(), query)

    @overload
    def resolve(
        self, table: type[Table], key: ModelColumn[Any, Known, Any], values: Iterable[Known]
    ) -> dict[Known, str]: ...

    @overload
    def resolve(
        self,
        table: type[Table],
        key: GivenKey,
        values: Iterable[Known],
        *,
        to: ModelColumn[Found, Any, Any],
    ) -> dict[Known, Found]: ...

    @overload
    def resolve(
        self,
        table: type[Table],
        key: str | Sequence[Column | str],
        values: Iterable[Known],
        *,
        to: str | None = None,
    ) -> dict[Known, Any]: ...

    def resolve(
        self,
        table: type[Table],
        key: GivenKey,
        values: Iterable[Any],
        *,
        to: Column | str | None = None,
    ) -> dict[Any, Any]:
        """Return the id of each row whose ``key`` is among ``values``, as this block sees it.

        As ``Client.resolve``, from any thread.
        """
        found: dict[Any, Any] = self._client._resolve_in(
            self._entered(), table, key, list(values), to
        )
        return found

    def _enter(self, entry: HeldEntry) -> None:
        """Let the calls of this context be part of the block."""
        entry.enter()

    def _entered(self) -> HeldEntry:
        if self._block_entry is None:
            raise ClientError("This block is used before it is entered: with block: ...")
        return self._block_entry


class SyncSnapshot(SyncBlock):
    """Reads that all see the same moment, while others write."""


class SyncTransaction(SyncBlock):
    """Calls that are written as a whole or not at all; in another transaction, a savepoint.

    Its methods are those of the async transaction, and reach it from any thread.
    """

    def upsert(
        self,
        table: type[Table[Values]],
        rows: TypedRows[Values],
        key: GivenKey | None = None,
        **options: Any,
    ) -> UpsertResult:
        """Upsert rows as part of this transaction; arguments are those of ``SyncClient.upsert``."""
        return self._client._upsert(self._entered(), table, rows, key, **options)

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

    def _enter(self, entry: HeldEntry) -> None:
        """Other calls of this thread are not part of it."""

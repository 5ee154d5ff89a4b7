"""The sync client: the async one, for plain threads.

In: queries and blocks, from any number of threads. Out: rows; each thread waits
for its own. Holds an async client in an event loop of its own, and hands every
call to it; knows no SQL.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, Unpack, cast, overload

from piccolo.columns import Column
from piccolo.query.base import FrozenQuery, Query

from atlas.backup.backup import Backup
from atlas.backup.backup import OnProgress as OnBackup
from atlas.client import scope
from atlas.client.apps import Apps
from atlas.client.block_stack import Entry, HeldEntry, Maker, transaction_here
from atlas.client.bridge import Bridge, Call
from atlas.client.client import Client, Found, Known, create_client
from atlas.client.prepared import Prepared
from atlas.client.retry import SyncAttempts, run_again_sync
from atlas.client.runtime import check_supported
from atlas.client.sync_block import SyncBatch, SyncSnapshot, SyncTransaction
from atlas.client.sync_read import may_read, read
from atlas.columns import ModelColumn
from atlas.engine import threads
from atlas.engine.block import Isolation
from atlas.engine.factory import AtlasEngine
from atlas.engine.options import GivenOptions
from atlas.engine.ping import PING_TIMEOUT_MS
from atlas.engine.sqlite.inline import NotInlineError
from atlas.engine.sqlite.pool import PoolStats
from atlas.errors import ClientError, ConnectionClosedError, TransactionLostError, shown
from atlas.param import Names
from atlas.table import Table, Values
from atlas.upsert.batches import Batches, GivenRows
from atlas.upsert.keys import GivenKey
from atlas.upsert.options import Options, UpsertOptions
from atlas.upsert.result import UpsertResult
from atlas.upsert.upsert import upsert
from atlas.upsert.whole import Scope, SyncResult, Vanished, sync

if TYPE_CHECKING:
    from typing import Self

    from atlas.query.typed import Runs
    from atlas.upsert.batches import TypedRows

logger = logging.getLogger("atlas.client")

Result = TypeVar("Result")
Answer = TypeVar("Answer")
Loaded = TypeVar("Loaded", bound=UpsertResult)

#: How long the end of the process waits for a client that nobody closed.
_EXIT_TIMEOUT_S = 2.0

#: The sync clients that are open.
_opened: set[SyncClient] = set()


class SyncClient(Apps):
    """A database for plain threads, open between ``with`` and the end of the block.

    Any number of threads may share it. The tables are attributes by app
    (``db.commerce.Order``), the same classes as ``from atlas import Order``.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._bridge: Bridge | None = None
        self._entry: Entry | None = None
        #: The blocks of all threads that hold a connection; of the loop.
        self._held: set[HeldEntry] = set()
        #: Opening and closing, one at a time.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<SyncClient {self.engine.path}>"

    def __reduce__(self) -> NoReturn:
        raise ClientError(
            f"{self!r} cannot be pickled: it has connections and a thread. Open a client in the "
            "other process, with sync_client()."
        )

    @property
    def engine(self) -> AtlasEngine:
        """The engine, as the async client has it."""
        return self._client.engine

    @property
    def is_open(self) -> bool:
        """Whether queries can run on it."""
        bridge = self._bridge
        return bridge is not None and not bridge.is_inherited

    def open(self) -> None:
        """Open the client, as ``with`` does, without binding this thread to it.

        Raises ``DatabaseFileError`` when the file cannot be opened,
        ``DatabaseServerError`` when the server cannot be reached, and
        ``ClientError`` when the client is open, and in a thread with a running
        event loop.
        """
        check_supported()
        bridge = Bridge(repr(self))
        bridge.check()
        with self._lock:
            if self._bridge is not None:
                self._bridge.check()
                raise ClientError(f"{self!r} is open already; make another with sync_client().")
            try:
                bridge.start()
                bridge.run(Call(self._client.open()), contextvars.copy_context())
                self._bridge = bridge
                _opened.add(self)
            except BaseException:
                self._bridge = None
                _opened.discard(self)
                with suppress(ClientError):
                    last = Call(self._client.close(), stoppable=False)
                    bridge.run(last, contextvars.copy_context())
                bridge.stop()
                raise

    def close(self, *, cancel: bool = False) -> None:
        """Close the client: wait for the calls of other threads, and refuse further ones.

        A transaction that another thread is in is rolled back; its next call, or
        the end of its block, raises ``ConnectionClosedError``. With ``cancel``
        calls outside transactions are interrupted too. Afterwards no
        connection, thread or file is left. Safe to repeat.
        """
        bridge = self._bridge
        if bridge is not None and bridge.is_inherited:  # it stays the parent's
            self._bridge = None
            return
        with self._lock:
            bridge = self._bridge
            if bridge is None:
                return
            bridge.check()
            try:
                self._wind_up(bridge, cancel=cancel)
            except BaseException:  # Ctrl-C: it does not wait for what others do
                self._wind_up(bridge, cancel=True)
                raise
            finally:
                self._bridge = None
                _opened.discard(self)
                bridge.stop()  # last: Ctrl-C may come while it waits for the thread

    def __enter__(self) -> Self:
        entry = Entry(self._client)
        self.open()
        try:
            entry.enter()
            self._entry = entry
            return self
        except BaseException:  # Ctrl-C
            entry.leave()
            self.close(cancel=True)
            raise

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.leave()
        self.close(cancel=exception is not None)

    @overload
    def run(self, query: Awaitable[Result]) -> Result: ...

    @overload
    def run(self, query: FrozenQuery) -> Any: ...

    def run(self, query: Any) -> Any:
        """Run a query, wait for it, and return what ``await query`` gives in a coroutine.

        ``query`` is a query of Piccolo's, a call of a prepared query, or anything
        else that can be awaited: a coroutine runs in the client's event loop,
        and its queries on this client, in the thread's transaction if it is in
        one. Raises what the query raises, ``TypeError`` for what cannot be
        awaited, ``ConnectionClosedError`` when the client is not open, and
        ``ClientError`` in a forked process or a running event loop. Ctrl-C
        interrupts the statement; the client can be used afterwards.
        """
        if may_read(self._client, query) and transaction_here(self._client) is None:
            self._open_bridge().check()
            context = contextvars.copy_context()
            context.run(self._bind, None)
            with suppress(NotInlineError):
                return context.run(read, self.engine, query)
        return self._call(_awaitable(query))

    @overload
    def transaction(self, *, isolation: Isolation | None = None) -> SyncTransaction: ...

    @overload
    def transaction(self, *, retry: int, isolation: Isolation | None = None) -> SyncAttempts: ...

    def transaction(
        self, *, retry: int | None = None, isolation: Isolation | None = None
    ) -> SyncTransaction | SyncAttempts:
        """Return a block that is written as a whole or not at all.

        All calls of this context within it belong to it, in whichever thread it runs,
        and those of no other; ``with db.transaction() as tx: tx.run(query)`` reaches it
        from anywhere. Inside another it is a savepoint. An exception, Ctrl-C
        included, or a generator that is closed in it, undoes it; ``return``
        and ``break`` commit it, as the end of the block does.

        ``isolation`` and ``retry`` are those of ``Client.transaction``: ``for transaction in
        db.transaction(retry=3): with transaction: ...``
        """

        def make() -> SyncTransaction:
            return SyncTransaction(
                self, partial(_made, partial(self._client.transaction, isolation=isolation))
            )

        if retry is None:
            return make()

        def make_outermost() -> SyncTransaction:
            if transaction_here(self._client) is not None:
                raise ClientError(
                    "transaction(retry=) and retry() begin a transaction of their own: a part of "
                    "another one cannot be run again. Run the outermost again."
                )
            return make()

        return SyncAttempts(make_outermost, retry)

    def retry(
        self,
        function: Callable[[], Result],
        *,
        retry: int = 3,
        isolation: Isolation | None = None,
    ) -> Result:
        """Run ``function`` in a transaction and return its result; again after a conflict.

        As ``Client.retry``, for a plain function.
        """
        return run_again_sync(self.transaction(retry=retry, isolation=isolation), function)

    def snapshot(self) -> SyncSnapshot:
        """Return a read-only block: one consistent view for a report while writers go on."""
        return SyncSnapshot(self, partial(_made, self._client.snapshot))

    def replica(self) -> SyncSnapshot:
        """Return a block whose reads go to a standby, as ``Client.replica``."""
        return SyncSnapshot(self, partial(_made, self._client.replica))

    def batch(self, query: Query[Any, Any], batch_size: int = 100) -> SyncBatch:
        """Return ``query``'s rows, ``batch_size`` at a time, so that memory stays flat.

        Use it as ``with db.batch(query) as batch: for rows in batch``.
        """
        return SyncBatch(self, partial(query.batch, batch_size=batch_size))  # type: ignore[attr-defined]

    def prepare(self, query: Runs[Result, Names]) -> Prepared[Result, Names]:
        """Return ``query``, built and compiled once, to be called with the values of its ``Param``.

        ``find = db.prepare(...)``, then ``db.run(find(id=...))``, from any thread.
        Errors are those of ``Client.prepare``.
        """
        return self._client.prepare(query)

    def upsert(
        self,
        table: type[Table[Values]],
        rows: TypedRows[Values],
        key: GivenKey | None = None,
        **options: Unpack[UpsertOptions],
    ) -> UpsertResult:
        """Insert the rows that are new, update those that differ, leave the others untouched.

        As ``Client.upsert``. ``rows`` is iterated over, and ``on_progress`` called,
        in this thread, in the call's transaction, while the other threads' queries go
        on: a slow file holds up nobody, but those who wait to write.
        """
        return self._upsert(None, table, rows, key, **options)

    def sync(
        self,
        table: type[Table[Values]],
        rows: TypedRows[Values],
        key: GivenKey | None = None,
        *,
        scope: Scope,
        vanished: Vanished = "delete",
        min_ratio: float = 0.5,
        **options: Unpack[UpsertOptions],
    ) -> SyncResult:
        """Upsert rows that are all there are of a source; what is stored and not among them goes.

        As ``Client.sync``, with the rows taken as ``upsert`` takes them.
        """
        make = partial(sync, scope=scope, vanished=vanished, min_ratio=min_ratio)
        return self._load(make, None, table, rows, key, options)

    def _upsert(
        self,
        entry: HeldEntry | None,
        table: type[Table],
        rows: Any,
        key: GivenKey | None,
        **options: Any,
    ) -> UpsertResult:
        """Upsert as part of a block, by default of the one that this context is in."""
        return self._load(upsert, entry, table, rows, key, options)

    def _load(
        self,
        make: Callable[..., Awaitable[Loaded]],
        entry: HeldEntry | None,
        table: type[Table],
        rows: Any,
        key: GivenKey | None,
        options: Any,
    ) -> Loaded:
        source: _ThreadBatches[Loaded] = _ThreadBatches(rows, self._client)
        given = Options(**options)
        if (on_progress := given.on_progress) is not None:

            def tell(done: int, total: int | None) -> object:
                return source.ask(partial(on_progress, done, total))

            given = replace(given, on_progress=tell)

        async def load() -> Loaded:
            return await self._client.run(make(self.engine, table, source, key, given))

        source.call = Call(load())
        return self._run(source.call, entry)

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
        """Return the id of each row whose ``key`` is among ``values``, in one query.

        As ``Client.resolve``.
        """
        return self._call(
            self._client.resolve(table, cast(Any, key), list(values), to=cast(Any, to))
        )

    def _resolve_in(self, entry: HeldEntry, table: Any, key: Any, values: Any, to: Any) -> Any:
        return self._run(Call(self._client.resolve(table, key, values, to=to)), entry)

    def stats(self) -> PoolStats:
        """Return what the pool is doing, and has done since it was opened."""

        async def stats() -> PoolStats:
            return self._client.stats()

        return self._call(stats())

    def backup(
        self,
        to: str | Path,
        *,
        keep: int | None = None,
        on_progress: OnBackup = lambda done, total: None,
    ) -> Backup:
        """Copy the database while it is used, as ``Client.backup`` does."""
        return self._call(self._client.backup(to, keep=keep, on_progress=on_progress))

    def ping(self, *, writer: bool = False, timeout_ms: int = PING_TIMEOUT_MS) -> float:
        """Ask the database for an answer, and return how long it took in the loop, in milliseconds.

        As ``Client.ping``.
        """
        return self._call(self._client.ping(writer=writer, timeout_ms=timeout_ms))

    # For calls and blocks.

    def _call(
        self, awaitable: Awaitable[Result], *, inside: object = None, stoppable: bool = True
    ) -> Result:
        """Run ``awaitable`` as a call of this thread, in the transaction it is in."""
        return self._run(Call(awaitable, inside=inside, stoppable=stoppable))

    def _run_in(self, entry: HeldEntry, query: Any) -> Any:
        """Run a query as part of a block, whatever context this is."""
        return self._run(Call(_awaitable(query)), entry)

    def _run(self, call: Call[Result], entry: HeldEntry | None = None) -> Result:
        """Run a call in a block, by default in the one that this context is in."""
        try:
            bridge = self._open_bridge()
            if entry is None:
                transaction = transaction_here(self._client)
            else:
                transaction = entry.transaction
                if transaction is None or entry.is_over or transaction.is_over:
                    raise TransactionLostError("The block was left, or ended by hand.")
        except BaseException:
            call.end()
            raise
        call.inside = call.inside or transaction
        context = contextvars.copy_context()
        context.run(self._bind, transaction)
        return bridge.run(call, context)

    def _bind(self, transaction: Any) -> None:
        scope.scope.set(self._client)
        self.engine.current_transaction.set(transaction)

    def _open_bridge(self) -> Bridge:
        bridge = self._bridge
        if bridge is None:
            raise ConnectionClosedError(f"{self!r} is not open; use: with sync_client() as db")
        threads.check()
        return bridge

    def _new_entry(self, make: Maker) -> HeldEntry:
        return HeldEntry(self._client, make, self._held)

    def _leave(self, entry: HeldEntry, error: BaseException | None) -> None:
        """Leave a block, with the error it ended with, and wait for that."""
        try:
            self._call(entry.leave_block(error), stoppable=False)
        except Exception:
            if error is None:  # else the block's own error is the one to see
                raise

    def _give_up(self, entry: HeldEntry, error: BaseException) -> None:
        """Roll back a block that cannot be finished. Waits for nothing."""
        bridge = self._bridge
        if bridge is not None:
            bridge.soon(partial(entry.leave_block, error))

    def _wind_up(self, bridge: Bridge, *, cancel: bool) -> None:
        call = Call(self._end(bridge, cancel=cancel), stoppable=not cancel)
        bridge.run(call, contextvars.copy_context(), last=True)

    def _close_at_exit(self) -> None:
        """Close the client, but wait only a little. Only for the end of the process."""
        bridge, ended = self._bridge, threading.Event()
        if bridge is None or bridge.is_inherited:
            return

        async def end() -> None:
            try:
                await self._end(bridge, cancel=True)
            finally:
                ended.set()

        bridge.soon(end)
        ended.wait(_EXIT_TIMEOUT_S)
        bridge.stop(_EXIT_TIMEOUT_S)

    # In the loop.

    async def _end(self, bridge: Bridge, *, cancel: bool) -> None:
        """Refuse calls, end those that run, roll back what is open, and close the pool."""
        own = asyncio.current_task()
        running = bridge.refuse_calls()
        inside = {task for call in running if call.inside and (task := call.task)}
        others = {task for call in running if (task := call.task)} - inside - {own}
        for call in running:
            if call.stoppable and (call.inside or cancel) and call.task is not own:
                call.cancel(bridge.closed())
        if inside:
            await asyncio.wait(inside)
        for entry in self._held.copy():
            await entry.leave_block(bridge.closed())
        if others:
            await asyncio.wait(others)
        await bridge.wait_for_unasked()
        await self._client.close()


def sync_client(
    url: str | None = None,
    *,
    replicas: Sequence[str] = (),
    max_lag_ms: int | None = None,
    **options: Unpack[GivenOptions],
) -> SyncClient:
    """Return a client of the database at ``url`` for plain threads; nothing is opened yet.

    Arguments and errors are those of ``create_client``. Enter it with ``with``;
    in a coroutine use ``create_client``.
    """
    client = create_client(url, replicas=replicas, max_lag_ms=max_lag_ms, **options)
    return SyncClient(client)


def _awaitable(query: Any) -> Awaitable[Any]:
    """Return what ``run`` awaits, or raise ``TypeError``."""
    if isinstance(query, Query):
        return query.run()
    if isinstance(query, FrozenQuery):
        return query.run()  # type: ignore[no-untyped-call]
    if asyncio.isfuture(query):
        raise TypeError(f"{shown(query)} belongs to another event loop, and is awaited there.")
    if inspect.isawaitable(query):
        return query
    if callable(query):
        raise TypeError(f"run() takes what can be awaited, so call {shown(query)}: run(...(...)).")
    raise TypeError(
        f"run() takes a query, or something else that can be awaited; {shown(query)} is neither. "
        "SQL of your own is a query as Order.raw(...)."
    )


class _ThreadBatches(Batches, Generic[Loaded]):
    """Rows that are taken in the thread which waits for the call, in the call's transaction."""

    call: Call[Loaded]

    def __init__(self, rows: GivenRows, client: Client) -> None:
        super().__init__(rows)
        self._client = client

    async def take(self, size: int) -> list[Any]:
        """Return the next ``size`` rows; fewer at the end, and then none."""
        iterator = self._iterator
        if isinstance(iterator, AsyncIterator):
            return await super().take(size)
        return await self.ask(lambda: list(islice(iterator, size)))

    async def ask(self, function: Callable[[], Answer]) -> Answer:
        """Call ``function`` in the thread, where its calls are part of the transaction."""
        entry = Entry(self._client)
        entry.transaction = self._client.engine.current_transaction.get()

        def inside() -> Answer:
            entry.enter()
            try:
                return function()
            finally:
                entry.leave()

        return await self.call.ask(inside)


async def _made(make: Any) -> AbstractAsyncContextManager[Any]:
    """Make a block in the loop, in the context of the call."""
    block: AbstractAsyncContextManager[Any] = make()
    return block


@atexit.register
def _close_open_clients() -> None:
    for client in _opened.copy():
        if not client.is_open:  # in a fork: it is the parent's
            continue
        logger.warning("%r was never closed; use: with sync_client()", client)
        client._close_at_exit()

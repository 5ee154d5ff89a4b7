"""The async client: opens an engine's pool, binds the tables to it, closes it.

In: a URL and options. Out: an object to enter with ``async with``; inside, every
query of the 38 tables runs on it. Knows the engine and the tables, and no SQL.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, Unpack, cast, overload

from piccolo.columns import Column

from atlas.backup.backup import Backup, back_up
from atlas.backup.backup import OnProgress as OnBackup
from atlas.client import configured, scope
from atlas.client.apps import Apps
from atlas.client.prepared import Prepared, Result
from atlas.client.retry import Attempts, run_again
from atlas.client.runtime import check_supported
from atlas.columns import ModelColumn
from atlas.engine.block import Isolation, current_block
from atlas.engine.factory import AtlasEngine
from atlas.engine.options import GivenOptions
from atlas.engine.ping import PING_TIMEOUT_MS
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.pool import PoolStats
from atlas.errors import ClientError, ConfigurationError, ConnectionClosedError
from atlas.param import Names
from atlas.table import Table, Values
from atlas.upsert.keys import GivenKey
from atlas.upsert.options import Options, UpsertOptions
from atlas.upsert.resolve import resolve
from atlas.upsert.result import UpsertResult
from atlas.upsert.upsert import upsert
from atlas.upsert.whole import Scope, SyncResult, Vanished, sync

if TYPE_CHECKING:
    from atlas.engine.postgres.transaction import Transaction as PostgresTransaction
    from atlas.engine.sqlite.transaction import Transaction as SQLiteTransaction
    from atlas.query.typed import Runs
    from atlas.upsert.batches import TypedRows

#: What rows are found by, and what is looked up of them.
Known = TypeVar("Known")
Found = TypeVar("Found")
#: What ``async with`` gives.
Entered = TypeVar("Entered")

logger = logging.getLogger("atlas.client")


class Client(Apps):
    """A database, open between ``async with`` and the end of the block.

    The tables are attributes by app (``db.commerce.Order``), the same classes as
    ``from atlas import Order``. Queries of the block's task, and of tasks it
    starts, run on this client; outside any block, on the one client that is open.
    """

    def __init__(self, engine: AtlasEngine) -> None:
        self.engine = engine
        #: The event loop it was opened in.
        self.loop: asyncio.AbstractEventLoop | None = None
        self._token: contextvars.Token[scope.OpenClient | None] | None = None
        self._had_block = False

    def __reduce__(self) -> NoReturn:
        raise ClientError(
            f"{self!r} cannot be pickled: it has connections. Open a client in the other process, "
            "with create_client()."
        )

    def __repr__(self) -> str:
        return f"<Client {self.engine.path}>"

    @property
    def is_open(self) -> bool:
        """Whether queries can run on it."""
        return self in scope.opened

    async def open(self) -> None:
        """Open the pool, as ``async with`` does, without binding this task to the client.

        For a framework's start-up hook. Raises ``DatabaseFileError`` when the
        file cannot be opened, ``DatabaseServerError`` when the server cannot be
        reached, and ``ClientError`` when the client is open, or is being opened by another
        task; until it is open, queries outside all blocks are refused.
        """
        check_supported()
        loop = asyncio.get_running_loop()
        if self.is_open or self in scope.opening:
            raise ClientError(f"{self!r} is open already; make another client with create_client.")
        scope.opening[self] = loop
        try:
            await self.engine.start_connection_pool()
            self.loop = loop
            scope.note_opened(self)
        finally:
            del scope.opening[self]

    async def close(self) -> None:
        """Close the pool. Queries that wait for a connection get ``ConnectionClosedError``.

        Afterwards no connection, thread or file is left. Safe to repeat.
        """
        scope.note_closed(self, had_block=self._had_block)
        await self.engine.close_connection_pool()

    async def __aenter__(self) -> Client:
        await self.open()
        self._had_block = True
        self._token = scope.scope.set(self)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token, self._token = self._token, None
        if token is not None:
            # A fixture or generator may be left in another context than it was entered in.
            with suppress(ValueError):
                scope.scope.reset(token)
        await self.close()

    async def run(self, query: Awaitable[Result]) -> Result:
        """Await ``query`` on this client, whichever others are open, and return its result.

        ``query`` is a query of Piccolo's, a call of a prepared query, or a coroutine, whose
        queries run on this client too. In a block of this client it is part of that.
        Raises ``ConnectionClosedError`` when the client is not open.
        """
        self._open_engine()
        token = scope.scope.set(self)
        try:
            return await query
        finally:
            with suppress(ValueError):  # closed in another context, as a coroutine may be
                scope.scope.reset(token)

    @overload
    def transaction(
        self, *, isolation: Isolation | None = None
    ) -> Block[SQLiteTransaction | PostgresTransaction]: ...

    @overload
    def transaction(self, *, retry: int, isolation: Isolation | None = None) -> Attempts: ...

    def transaction(
        self, *, retry: int | None = None, isolation: Isolation | None = None
    ) -> Block[SQLiteTransaction | PostgresTransaction] | Attempts:
        """Return a block that is written as a whole or not at all.

        Inside another it is a savepoint. A block that raises, or is cancelled,
        writes nothing. Queries inside run on this client, whichever others are open.

        ``isolation`` keeps it apart from other transactions on PostgreSQL, which has
        "READ COMMITTED" unless the server says otherwise; SQLite's are always serializable.
        With ``retry`` it is run again up to so many times after a ``ConflictError`` or
        ``DatabaseBusyError``, each time after a short wait: ``async for transaction in
        db.transaction(retry=3): async with transaction: ...``. Raises ``ClientError`` for that
        inside another transaction, which would have to be run again as a whole.
        """
        if retry is None:
            return Block(self, self._open_engine().transaction(isolation=isolation))

        def make() -> Block[SQLiteTransaction | PostgresTransaction]:
            engine = self._open_engine()
            if current_block(engine) is not None:
                raise ClientError(
                    "transaction(retry=) and retry() begin a transaction of their own: a part of "
                    "another one cannot be run again. Run the outermost again."
                )
            return Block(self, engine.transaction(isolation=isolation))

        return Attempts(make, retry)

    async def retry(
        self,
        function: Callable[[], Awaitable[Result]],
        *,
        retry: int = 3,
        isolation: Isolation | None = None,
    ) -> Result:
        """Run ``function`` in a transaction and return its result; again after a conflict.

        As ``transaction(retry=)``, for a coroutine function without arguments; it must do no more
        than what may be done twice.
        """
        return await run_again(self.transaction(retry=retry, isolation=isolation), function)

    def snapshot(self) -> Block[object]:
        """Return a read-only block: one consistent view for a report while writers go on.

        Queries inside run on this client, whichever others are open.
        """
        return Block(self, self._open_engine().snapshot())

    def replica(self) -> Block[object]:
        """Return a block whose reads go to a standby of PostgreSQL, if one is near enough.

        One is when it is no further behind than ``max_lag_ms`` and has all that this client
        wrote; it is asked as the block begins. Else the block is on the primary. Each query sees
        its own moment; ``snapshot()``, which goes to a standby likewise, sees one. The standbys
        are those of ``create_client(url, replicas=[...])``, or ``replica=`` in the URL. A write in
        it is refused. On SQLite it is a snapshot.
        """
        return Block(self, self._open_engine().replica())

    def prepare(self, query: Runs[Result, Names]) -> Prepared[Result, Names]:
        """Return ``query``, built and compiled once, to be called with the values of its ``Param``.

        ``find = db.prepare(Order.objects().where(Order.id == Param("id")).first())``, then
        ``await find(id=order_id)``. It runs on this client. Takes a select, objects,
        count, exists, update, delete or raw query; raises ``PreparedQueryError`` for
        any other. The client need not be open yet.
        """
        return Prepared(self, query)

    async def upsert(
        self,
        table: type[Table[Values]],
        rows: TypedRows[Values],
        key: GivenKey | None = None,
        **options: Unpack[UpsertOptions],
    ) -> UpsertResult:
        """Insert the rows that are new, update those that differ, leave the others untouched.

        ``rows`` is an iterable or async iterable of dicts keyed by column name, of
        objects of ``table`` or of other rows (docs/sync.md), or a data frame. A row
        is found by ``key``, a unique key of the table: by default its sync key
        (docs/model.md section 6), of which the first row must carry the columns.
        Columns that a row does not carry keep their stored values; a new row gets
        their defaults. All is written in one transaction or nothing; inside a
        transaction of the caller it is part of that. The new state must be valid as
        a whole; the order of the rows does not matter. Options, with their defaults:

        - ``on_error="raise"``: bad rows end the call; ``"collect"`` writes the good ones, and
          ``result.errors`` has the bad ones.
        - ``duplicates="last"``: of rows with the same key the last wins; ``"error"`` makes the
          later ones bad rows.
        - ``update=True``: False only inserts, and leaves every row that exists as it is.
        - ``commit_every=None``: commit after so many rows.
        - ``batch_size=1000``: so many rows are held and written at a time.
        - ``on_progress=None``: called with (done, total) after each batch, total None where it
          is not known; it may be a coroutine function. What it raises rolls back.
        - ``max_errors=10``: how many bad rows the error names; it ends the call early.
        - ``refs=None``: references by natural key, as ``{"unit_id": (Unit, "entity_id", "code")}``.
        - ``ids=False``: True gives ``result.ids``, the id of each row in the order given.
        - ``dry_run=False``: True writes nothing, and ``result.plan`` says what would change.
        - ``check_rules=False``: True refuses rows that break a rule of docs/model.md section 7
          which a row alone can break.
        - ``show_values=True``: False keeps the values of bad rows out of the error's text.

        On PostgreSQL a call that another transaction is in the way of (a deadlock) is made again,
        up to five times, if it is not in a transaction of the caller and its rows can be
        iterated over again. Raises ``UpsertError`` for bad rows, and then nothing is
        written; ``ValueError`` for a key that is not unique and an option that cannot be, and
        ``ClientError`` for ``commit_every`` inside a transaction.
        """
        given: Any = rows
        return await upsert(self._open_engine(), table, given, key, Options(**options))

    async def sync(
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

        ``scope`` says which stored rows are the source's: its ``source_id`` or row, values
        by column (``{"entity_id": id}``), or a condition. A row that does not carry these
        values gets them. Rows in scope that vanished are deleted, or with
        ``vanished="deactivate"`` set inactive (and active again when they come back).
        Other arguments are those of ``upsert``. All is one transaction.

        Raises what ``upsert`` raises; ``IncompleteSourceError`` when there are fewer rows than
        ``min_ratio`` of those stored in scope, as of a file that is cut off;
        ``InvalidValueError`` when a row belongs to another scope; ``RowsInUseError``
        when others reference a row that would be deleted. Then nothing is changed.
        """
        engine = self._open_engine()
        limits: dict[str, Any] = {"scope": scope, "vanished": vanished, "min_ratio": min_ratio}
        return await self.run(sync(engine, table, rows, key, Options(**options), **limits))

    @overload
    async def resolve(
        self, table: type[Table], key: ModelColumn[Any, Known, Any], values: Iterable[Known]
    ) -> dict[Known, str]: ...

    @overload
    async def resolve(
        self,
        table: type[Table],
        key: GivenKey,
        values: Iterable[Known],
        *,
        to: ModelColumn[Found, Any, Any],
    ) -> dict[Known, Found]: ...

    @overload
    async def resolve(
        self,
        table: type[Table],
        key: str | Sequence[Column | str],
        values: Iterable[Known],
        *,
        to: str | None = None,
    ) -> dict[Known, Any]: ...

    async def resolve(
        self,
        table: type[Table],
        key: GivenKey,
        values: Iterable[Any],
        *,
        to: Column | str | None = None,
    ) -> dict[Any, Any]:
        """Return the id of each row whose ``key`` is among ``values``, in one query.

        ``key`` is a column, or several of them, and then each value is a tuple.
        The result has the values as they were given, without those that are in
        no row (None is in none); their number is not limited. ``to`` is the
        column to look up instead of the id:
        ``resolve(Identifier, ("source_id", "value"), keys, to="person_id")``.

        Raises ``InvalidValueError`` for a value that the column does not take, and
        ``ValueError`` when several rows have the same, so that none is meant.
        """
        return await resolve(self._open_engine(), table, key, values, to=to)

    def stats(self) -> PoolStats:
        """Return what the pool is doing, and has done since it was opened."""
        return self._open_engine().stats()

    async def ping(self, *, writer: bool = False, timeout_ms: int = PING_TIMEOUT_MS) -> float:
        """Ask the database for an answer, and return how long it took, in milliseconds.

        For a health check. On SQLite a reader is asked, which answers also while a long
        transaction holds the writer; with ``writer`` the writer is, behind those who wait for
        it. On PostgreSQL any connection to the server is. Raises ``PoolTimeoutError`` after
        ``timeout_ms``, ``DatabaseFileError`` when the file is not there any more, and
        ``DatabaseServerError`` when the server is away.
        """
        return await self._open_engine().ping(writer=writer, timeout_ms=timeout_ms)

    async def backup(
        self,
        to: str | Path,
        *,
        keep: int | None = None,
        on_progress: OnBackup = lambda done, total: None,
    ) -> Backup:
        """Copy the database to a file that is not there yet, or into a folder, while it is used.

        In a folder the file is named by the database and the time in UTC, and ``keep`` removes
        all but so many of those. The backup is of one moment, has its name only when it is whole,
        on the disk and checked (integrity, references, rows, migrations), and is readable as
        ``file_mode`` says. ``on_progress(done, total)`` is called in another thread, with pages, or
        with bytes and None on PostgreSQL, where ``pg_dump`` does it. Raises ``BackupError``, and
        then nothing is left of it, as after a cancel.
        """
        engine = self._open_engine()
        mode = engine.options.mode
        return await back_up(engine, Path(to), keep=keep, mode=mode, on_progress=on_progress)

    def connection(self, *, reads: bool = False) -> AbstractAsyncContextManager[Any]:
        """Lend a connection of the driver's, for what Piccolo has no words for.

        ``async with db.connection() as connection:`` gives an ``aiosqlite.Connection`` (to back
        up, to load an extension, to add a function), on PostgreSQL an ``asyncpg.Connection``. It
        is nobody else's until the block ends, and then comes back clean, or is closed: what was
        not committed is rolled back, and settings, functions and handlers go. On SQLite it is the
        writer, or with ``reads`` a reader. In a transaction or snapshot it is the connection of
        that block, and what runs on it is part of it.
        """
        return self._open_engine().lend(reads=reads)

    def _open_engine(self) -> AtlasEngine:
        scope.check_not_inherited(self)
        if not self.is_open:
            raise ConnectionClosedError(f"{self!r} is not open; use: async with create_client()")
        return self.engine


class Block(Generic[Entered]):
    """A transaction or snapshot of one client, to enter with ``async with``."""

    def __init__(self, client: Client, block: AbstractAsyncContextManager[Entered]) -> None:
        self._client = client
        self._block = block
        self._token: contextvars.Token[scope.OpenClient | None] | None = None

    async def __aenter__(self) -> Entered:
        entered = await self._block.__aenter__()
        self._token = scope.scope.set(self._client)
        return entered

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._token is not None:
            with suppress(ValueError):  # left in another context, as a client's block may be
                scope.scope.reset(self._token)
        return await self._block.__aexit__(exception_type, exception, traceback)


def current_client() -> Client | None:
    """Return the client a query of this task runs on; see ``scope.current_client``."""
    return cast("Client | None", scope.current_client())


def create_client(
    url: str | None = None,
    *,
    replicas: Sequence[str] = (),
    max_lag_ms: int | None = None,
    **options: Unpack[GivenOptions],
) -> Client:
    """Return a client of the database at ``url``; nothing is opened yet.

    Without a URL it is that of ``DATABASE_URL``, of ``.env``, of the project's
    ``piccolo_conf``, or ``file:atlas-ops.db``. Options win over those in the URL, and
    these over the environment; ``EngineOptions`` (atlas/engine/options.py) describes
    them. Raises ``ConfigurationError`` for a URL, option or ``piccolo_conf`` that
    cannot be used.

    ``replicas`` are the URLs of standbys of a PostgreSQL, from which ``snapshot()`` and
    ``replica()`` read when they are at most ``max_lag_ms`` (1,000 by default) behind.
    """
    engine = configured.new_engine(url, options)
    if replicas or max_lag_ms is not None:
        if isinstance(engine, SQLiteEngine):
            raise ConfigurationError(f"{engine.path}: an SQLite file has no replicas to read from.")
        engine.read_from(replicas, max_lag_ms)
    return Client(engine)


@atexit.register
def _warn_of_open_clients() -> None:
    for client in scope.opened:
        logger.warning("%r was never closed; use: async with create_client()", client)

"""Which engine a query runs on.

In: the clients that are open, and the one whose block the task is in. Out: the
engine of the 38 tables, of Piccolo's own ``Migration`` table and of its
commands. All of them ask each time; nothing is kept in a table.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from piccolo.conf.apps import Finder
from piccolo.engine.base import Engine
from piccolo.table import Table, TableMeta

from atlas import stock
from atlas.client import configured
from atlas.engine import forks
from atlas.errors import ClientError, ConnectionClosedError


class OpenClient(Protocol):
    """What is asked of a client: ``atlas.Client`` is one."""

    engine: Any
    #: The event loop it was opened in.
    loop: asyncio.AbstractEventLoop | None

    def _open_engine(self) -> Any:
        """Return the engine; raise ``ConnectionClosedError`` when the client is not open."""


#: The client whose ``async with`` block the task is in; child tasks inherit it.
scope: contextvars.ContextVar[OpenClient | None] = contextvars.ContextVar(
    "atlas_client", default=None
)

#: The engine whose SQL is being made for later, whether its client is open or not.
_compiling: contextvars.ContextVar[Engine[Any] | None] = contextvars.ContextVar(
    "atlas_compiling", default=None
)

#: The clients that are open in this process, in the order they were opened.
opened: list[OpenClient] = []

#: The clients that are about to be open, and the event loop of each.
opening: dict[OpenClient, asyncio.AbstractEventLoop] = {}

#: The client that a task outside all blocks has used.
_used: contextvars.ContextVar[OpenClient | None] = contextvars.ContextVar(
    "atlas_used_client", default=None
)

#: The last client that was opened without a block in an event loop, and closed. Until another is
#: open there, a query is one of a task that outlived it.
_closed: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, OpenClient] = (
    weakref.WeakKeyDictionary()
)

#: Those that were open in the process this one was forked from, and are not to be used here.
inherited: list[OpenClient] = []


def current_client() -> OpenClient | None:
    """Return the client a query of this task runs on; None when no client is open.

    Of several that are open it is that of this event loop, if there is just one.
    Raises ``ClientError`` when it cannot be told, and in a forked process for a
    client of the parent; ``ConnectionClosedError`` when the task's own was closed.
    """
    client = scope.get()
    if client is not None:
        check_not_inherited(client)
        if client not in opened:
            raise ConnectionClosedError(
                f"{client!r} is closed, and this task was started inside its block. Await such "
                "tasks before the block ends."
            )
        return client
    if len(opened) > 1:
        loop = _running_loop()
        # A pool serves only the event loop it was opened in; that of a sync client is no task's.
        ours = [client for client in opened if client.loop is loop]
        if len(ours) == 1:
            return ours[0]
        raise ClientError(
            f"Several clients are open ({', '.join(map(repr, opened))}), and this task is in the "
            "block of none of them. Run the query inside one's async with block, transaction() or "
            "snapshot(); in a plain thread with sync_client's run()."
        )
    if opened:
        _used.set(opened[0])
        return opened[0]
    if inherited:
        check_not_inherited(inherited[-1])
    return None


def _refuse_another_database() -> None:
    """Raise for a query that was meant for a client which is closed, or not open yet.

    It would go to the database of the settings, without a word.
    """
    loop = _running_loop()
    for client, its_loop in opening.items():
        if its_loop is loop:
            raise ClientError(
                f"{client!r} is being opened, and this query would not run on it. Await open(), "
                "or enter async with, before."
            )
    closed = _used.get() or (_closed.get(loop) if loop is not None else None)
    if closed is not None:
        raise ConnectionClosedError(
            f"{closed!r} is closed, and this task goes on. Await such tasks before close(); for "
            "the database of the settings open another client."
        )


def note_opened(client: OpenClient) -> None:
    """Let queries outside all blocks run on ``client``."""
    opened.append(client)
    if client.loop is not None:
        _closed.pop(client.loop, None)


def note_closed(client: OpenClient, *, had_block: bool) -> None:
    """Let no query run on ``client`` any more."""
    with suppress(ValueError):
        opened.remove(client)
        if not had_block and client.loop is not None:
            _closed[client.loop] = client


def check_not_inherited(client: OpenClient) -> None:
    """Raise ``ClientError`` if ``client`` was opened before this process was forked."""
    if client in inherited:
        raise ClientError(
            f"{client!r} was opened before this process was forked; its connections are the "
            "parent's. Open a client in the child; one of the same SQLite file only in a process "
            "that was started another way, as multiprocessing's spawn."
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def current_engine() -> Engine[Any]:
    """Return the engine of the current client; when none is open, the default engine."""
    engine = _compiling.get()
    if engine is not None:
        return engine
    client = current_client()
    if client is not None:
        return client.engine  # type: ignore[no-any-return]
    _refuse_another_database()
    return configured.default_engine()


@contextmanager
def compiling(engine: Engine[Any]) -> Iterator[None]:
    """Let the SQL of queries in this block be that of ``engine``."""
    token = _compiling.set(engine)
    try:
        yield
    finally:
        _compiling.reset(token)


def get_engine(finder: Finder, module_name: str | None = None) -> Engine[Any] | None:
    """``Finder.get_engine``, where the current engine comes before one of Atlas's.

    Another engine in ``piccolo_conf`` is that of other apps, which have nothing to do with
    a client.
    """
    try:
        engine: Engine[Any] | None = stock.get_engine(finder, module_name)
    except ModuleNotFoundError as error:
        if not configured.has_no_conf(error):
            raise
        return current_engine()
    if not configured.is_of_atlas(engine):
        return engine
    client = current_client()
    return configured.chosen_over(engine) if client is None else client.engine


class BoundMeta(TableMeta):
    """A table's ``_meta`` whose engine is the current one, unless the table was given its own."""

    @property
    def db(self) -> Engine[Any]:
        return self._db or current_engine()

    @db.setter
    def db(self, value: Engine[Any]) -> None:
        self._db = value

    def refresh_db(self) -> None:
        """Do nothing: the engine is looked up each time.

        ``piccolo tester run`` calls it for every table; Piccolo's would tie them
        to the engine of the test configuration, and no client would reach them.
        """


def bind(*tables: type[Table]) -> None:
    """Let ``tables`` run on the current engine."""
    for table in tables:
        table._meta = BoundMeta(**vars(table._meta))


@forks.in_child
def _forget_clients_of_the_parent() -> None:
    inherited.extend(opened)
    opened.clear()

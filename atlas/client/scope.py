"""Which engine a query runs on.

In: the clients that are open, and the one whose block the task is in. Out: the
engine of the 38 tables and of Piccolo's own ``Migration`` table. All of them
ask ``current_engine`` each time; nothing is kept in a table.
"""

from __future__ import annotations

import contextvars
import os
from typing import TYPE_CHECKING, Any

from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import DEFAULT_MODULE_NAME, ENVIRONMENT_VARIABLE, Finder
from piccolo.engine.base import Engine
from piccolo.table import Table, TableMeta

from atlas import patches
from atlas.engine.options import EngineOptions
from atlas.errors import ClientError, ConnectionClosedError

if TYPE_CHECKING:
    from atlas.client.client import Client

#: The client whose ``async with`` block the task is in; child tasks inherit it.
scope: contextvars.ContextVar[Client | None] = contextvars.ContextVar("atlas_client", default=None)

#: The clients that are open in this process, in the order they were opened.
opened: list[Client] = []

_default: Engine[Any] | None = None


def current_client() -> Client | None:
    """Return the client a query of this task runs on; None when no client is open.

    Raises ``ClientError`` when several are open and the task is in the block of
    none, and ``ConnectionClosedError`` when its own was closed.
    """
    client = scope.get()
    if client is not None:
        if client not in opened:
            raise ConnectionClosedError(
                f"{client!r} is closed, and this task was started inside its block. Await such "
                "tasks before the block ends."
            )
        return client
    if len(opened) > 1:
        raise ClientError(
            f"Several clients are open ({', '.join(map(repr, opened))}), and this task is in the "
            "block of none of them. Run the query inside: async with client"
        )
    return opened[0] if opened else None


def current_engine() -> Engine[Any]:
    """Return the engine of the current client; when none is open, the default engine."""
    client = current_client()
    return default_engine() if client is None else client.engine


def default_engine() -> Engine[Any]:
    """Return the engine of ``piccolo_conf``, as stock Piccolo; without one, of the settings.

    It is looked up once. Raises what importing ``piccolo_conf`` raises.
    """
    global _default
    if _default is None:
        _default = _find_default()
    return _default


def _find_default() -> Engine[Any]:
    finder = Finder()
    try:
        engine: Engine[Any] | None = _original_get_engine(finder)
    except ModuleNotFoundError as error:
        if os.environ.get(ENVIRONMENT_VARIABLE) or error.name != DEFAULT_MODULE_NAME:
            raise
        from atlas import conf  # reads the settings, so not before they are needed

        settings_engine: Engine[Any] = conf.DB
        return settings_engine
    if engine is None:
        raise ClientError(f"No client is open, and {DEFAULT_MODULE_NAME} has no DB.")
    return engine


def _get_engine(finder: Finder, module_name: str | None = None) -> Engine[Any] | None:
    """``Finder.get_engine``, where an open client comes before an Atlas engine of ``piccolo_conf``.

    Another engine there is that of other apps, which have nothing to do with a client.
    """
    engine: Engine[Any] | None = _original_get_engine(finder, module_name)
    if not isinstance(getattr(engine, "options", None), EngineOptions):
        return engine
    client = current_client()
    return engine if client is None else client.engine


class BoundMeta(TableMeta):
    """A table's ``_meta`` whose engine is the current one, unless the table was given its own."""

    @property
    def db(self) -> Engine[Any]:
        return self._db or current_engine()

    @db.setter
    def db(self, value: Engine[Any]) -> None:
        self._db = value


def bind(*tables: type[Table]) -> None:
    """Let ``tables``, Piccolo's ``Migration`` and Piccolo's commands run on the current engine."""
    every: tuple[type[Table], ...] = (*tables, Migration)
    for table in every:
        if not isinstance(table._meta, BoundMeta):
            table._meta = BoundMeta(**vars(table._meta))


_original_get_engine = patches.replace_get_engine(_get_engine)

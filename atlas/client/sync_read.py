"""Reads of plain threads, run where they are asked for.

In: what a thread asks the sync client to run. Out: its result, if it is one read that is short;
else ``NotInlineError``, and then the client's event loop is to run it. To be handed over to that
loop, and from there to a reader, takes many times as long as to read a row. Knows queries and
the engine, and no event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from piccolo.query.methods import objects as piccolo_objects
from piccolo.query.methods import select as piccolo_select
from piccolo.query.proxy import Proxy

from atlas.client.prepared import PreparedCall
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.inline import NotInlineError, in_thread
from atlas.query.count import Count, Exists
from atlas.query.select import Objects, Select

#: What only takes its result from the query in it.
_PROXIES = (
    piccolo_select.First,
    piccolo_select.SelectList,
    piccolo_select.SelectJSON,
    piccolo_objects.First,
    piccolo_objects.Get,
)


def may_read(client: Any, query: Any) -> bool:
    """Return whether ``query`` is one read of ``client``, which calls nothing of the caller's."""
    if not (isinstance(client.engine, SQLiteEngine) and client.engine.reads_here):
        return False
    if isinstance(query, PreparedCall):
        return query.is_read_of(client)
    while isinstance(query, Proxy):
        if not isinstance(query, _PROXIES):
            return False
        query = query.query
    if isinstance(query, Select | Objects):
        return not any(query.callback_delegate._callbacks.values())
    return isinstance(query, Count | Exists)


def read(engine: Any, query: Awaitable[Any]) -> Any:
    """Run a query for which ``may_read`` holds, in this thread, in a context of its own.

    Raises ``NotInlineError`` when it is not short, or would wait for anything.
    """
    table = getattr(query, "table", None)  # a proxy has that of its query
    if table is not None and table._meta.db is not engine:
        raise NotInlineError
    in_thread.set(True)
    steps = query.__await__()
    try:
        while next(steps) is None:  # it would give way to other tasks: here are none
            pass
    except StopIteration as end:
        return end.value
    steps.close()
    raise NotInlineError

"""What ``query.run_sync()`` means for an engine: its queries run outside the pool.

A pool serves the event loop that opened it, and ``run_sync()`` runs each query in a
loop of its own. In: who calls it. Out: whether the current query is such a one, and
the event loop that is held up by it. A leaf.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from atlas.errors import ClientError


@dataclass(frozen=True)
class _Call:
    #: The loop of the thread that waits; None in a plain thread.
    waiting: asyncio.AbstractEventLoop | None


_call: contextvars.ContextVar[_Call | None] = contextvars.ContextVar("atlas_run_sync", default=None)


@contextmanager
def running_sync(waiting: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Let queries of this block be those of a ``run_sync()`` that ``waiting`` waits for."""
    token = _call.set(_Call(waiting))
    try:
        yield
    finally:
        _call.reset(token)


def is_running_sync() -> bool:
    """Return whether the current query is one of ``run_sync()``."""
    return _call.get() is not None


def refuse_to_wait_for(loop: asyncio.AbstractEventLoop | None, path: str) -> None:
    """Raise ``ClientError`` if ``loop``, which holds a lock, waits for this query."""
    call = _call.get()
    if call is not None and call.waiting is not None and call.waiting is loop:
        raise ClientError(
            f"run_sync() holds up the event loop, in which a transaction on {path} is open that "
            "only this loop can end: the query would wait for it in vain. Await the query instead."
        )

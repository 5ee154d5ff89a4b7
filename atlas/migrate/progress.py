"""How far a long step of a migration is: from whoever does it to whoever shows it.

In: ``step("core_region", done, total)`` of a rebuild or a backup. Out: the same
to the callback that the command gave, if it gave one. Knows no terminal.

The callback travels in a context variable, which a connection's thread does not
have: take ``current()`` in the event loop, and call what it returns from anywhere.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

#: Called with what is being done ("Rebuilding core_region"), how much of it is done, and how
#: much there is, both in the same unit (rows, pages). ``done == total`` is the last call.
Progress: TypeAlias = Callable[[str, int, int], None]

_shown: contextvars.ContextVar[Progress | None] = contextvars.ContextVar(
    "atlas_migration_progress", default=None
)


def current() -> Progress:
    """Return what to call as a long step goes on; it may be called from any thread."""
    return _shown.get() or _nobody


@contextmanager
def shown(progress: Progress | None) -> Iterator[None]:
    """Let the steps run in this block report to ``progress``; None to nobody."""
    token = _shown.set(progress)
    try:
        yield
    finally:
        _shown.reset(token)


def _nobody(what: str, done: int, total: int) -> None:
    pass

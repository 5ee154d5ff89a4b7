"""Interrupts, repeated until they are heard.

SQLite forgets an interrupt that comes just before the first step of a
statement. In: functions that interrupt, and return whether to call them again.
Out: nothing. They are called in a thread, because the event loop in which
somebody was cancelled may be closed by now; it ends when there is none left.
The state is the list of functions and the thread, behind a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

from atlas.engine import forks

_AGAIN_S = 0.02

# Reentrant: a coroutine may be closed by the garbage collector, anywhere.
_lock = threading.RLock()
_pending: list[Callable[[], bool]] = []
_thread: threading.Thread | None = None


def repeat(interrupt: Callable[[], bool]) -> None:
    """Call ``interrupt`` again and again until it returns False."""
    with _lock:
        _pending.append(interrupt)
    _ensure_thread()


def _ensure_thread() -> None:
    global _thread
    with _lock:
        if _thread is not None or not _pending:
            return
        thread = threading.Thread(target=_work, name="atlas-interrupts", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started now; whoever was cancelled is told so
            with contextlib.suppress(RuntimeError):  # nor is there a loop
                asyncio.get_running_loop().call_later(_AGAIN_S, _ensure_thread)
            return
        _thread = thread


@forks.in_child
def _forget() -> None:
    """Begin again: the thread is the parent's, and may have held the lock."""
    global _lock, _thread
    _lock, _thread = threading.RLock(), None
    _pending.clear()


def _work() -> None:
    global _thread
    while True:
        time.sleep(_AGAIN_S)
        with _lock:
            interrupts = _pending.copy()
        heard = [interrupt for interrupt in interrupts if not interrupt()]
        with _lock:
            for interrupt in heard:
                _pending.remove(interrupt)
            if not _pending:
                _thread = None
                return

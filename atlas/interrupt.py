"""Ctrl-C while the ``atlas`` command still loads its modules.

In: the start of a process. Out: a process that Ctrl-C ends at once and without a
traceback, as long as it loads; nothing is open then that would have to be closed.
``atlas/__init__.py`` imports it before anything else. In any other program it does
nothing: how Ctrl-C works there is that program's affair.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

#: 128 and the number of the signal, as a shell has it.
INTERRUPTED = 130


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def is_loaded() -> None:
    """Let Ctrl-C raise ``KeyboardInterrupt`` from now on, as Python does by itself."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Return whether this process is the command, and not a program that imports the package."""
    name = os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0]
    return (
        name == "atlas"
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


if _is_command():
    signal.signal(signal.SIGINT, _end)

"""Lines on the terminal, and questions.

In: text that may hold names and values of a database. Out: the same on stdout or stderr,
where no character of it moves the cursor or sets a title; or the answer to a question.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Control characters but tab and newline, and those that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

#: What the process ends with when nobody reads its output: 128 and SIGPIPE, as a shell has it.
READER_GONE = 141


def plain(text: str) -> str:
    """Return ``text`` with its control characters as escapes, as ``\\x1b``."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def show(line: str) -> None:
    """Print a line of the result on stdout, at once."""
    print(plain(line), flush=True)


def show_raw(text: str) -> None:
    """Print a document on stdout as it is; end the process quietly when nobody reads it."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_stdout()
        sys.exit(READER_GONE)


def say(line: str) -> None:
    """Print a line on stderr, at once."""
    print(plain(line), file=sys.stderr, flush=True)


def discard_stdout() -> None:
    """Let what is left of the output go nowhere: nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ask(question: str) -> bool:
    """Ask on stderr for a yes; anything else is a no, and so is the end of stdin.

    Ctrl-C raises ``KeyboardInterrupt`` at once, where an event loop would wait for the
    answer before it looks at the signal.
    """
    with _interruptible():  # before the question is there to be answered with Ctrl-C
        print(f"{plain(question)} [y/N] ", end="", file=sys.stderr, flush=True)
        try:
            return input().strip().lower() in ("y", "yes")
        except EOFError:
            return False


@contextmanager
def _interruptible() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which gets no signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

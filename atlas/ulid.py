"""Primary keys: ULIDs that sort by creation.

In: nothing but the clock and the system's randomness. Out: 26 characters.
The format is https://github.com/ulid/spec.
"""

from __future__ import annotations

import os
import re
import threading
import time

from ulid import base32

#: The canonical text form. The first character is at most 7: 26 x 5 bits hold 128.
ULID_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


class _Generator:
    """Makes ids that increase. Not python-ulid's own generator, for one reason:

    that one reads the clock before it takes its lock and lets it go back, so
    an id can be smaller than the one before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: The last id as a number: 48 bits of milliseconds, then 80 of randomness.
        self._last = 0

    def __call__(self) -> str:
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            if now_ms > self._last >> 80:
                self._last = now_ms << 80 | int.from_bytes(os.urandom(10), "big")
            else:  # the same millisecond, or a clock that was set back
                self._last += 1
            number = self._last
        return base32.encode(number.to_bytes(16, "big"))


_generator = _Generator()


def _renew_generator() -> None:
    global _generator
    _generator = _Generator()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    # A forked child would count on from its parent's last id and repeat its ids.
    os.register_at_fork(after_in_child=_renew_generator)


def new_ulid() -> str:
    """Return a new ULID: 26 characters of Crockford base32.

    Ids of one process sort in the order they were made, from any number of
    threads, also when the system's clock is set back. Ids of several processes
    sort by their millisecond.
    """
    return _generator()


def is_ulid(value: object) -> bool:
    """Return whether ``value`` is a ULID in its canonical, upper-case text form."""
    return isinstance(value, str) and ULID_PATTERN.fullmatch(value) is not None

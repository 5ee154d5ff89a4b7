"""Primary keys: ULIDs that sort by creation.

In: nothing but the clock and the system's randomness. Out: 26 characters.
The format is https://github.com/ulid/spec.
"""

from __future__ import annotations

import os
import re
import threading
import time

from ulid import LaxMonotonicPolicy, base32

#: The canonical text form. The first character is at most 7: 26 x 5 bits hold 128.
ULID_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


class _Generator:
    """Makes ids that increase. Not python-ulid's own generator, for one reason:

    that one reads the clock before it takes its lock and lets it go back, so
    an id can be smaller than the one before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._policy = LaxMonotonicPolicy()
        self._last_ms = 0

    def __call__(self) -> str:
        with self._lock:
            self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
            now_ms = self._last_ms
            randomness = self._policy.resolve_randomness(now_ms, lambda _: os.urandom(10))
        return base32.encode(now_ms.to_bytes(6, "big") + randomness)


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

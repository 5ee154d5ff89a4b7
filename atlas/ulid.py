"""Primary keys: ULIDs that sort by creation.

In: nothing but the clock and the system's randomness. Out: 26 characters.
The format is https://github.com/ulid/spec.
"""

from __future__ import annotations

import os
import re
import threading
import time
from functools import cache
from itertools import product

#: The canonical text form. The first character is at most 7: 26 x 5 bits hold 128.
ULID_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


#: Crockford's base32, in the order of its digits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


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
        return _text(self.reserve(1))

    def reserve(self, count: int) -> int:
        """Return the first of ``count`` numbers in a row that are the caller's."""
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            if now_ms > self._last >> 80:
                first = now_ms << 80 | int.from_bytes(os.urandom(10), "big")
            else:  # the same millisecond, or a clock that was set back
                first = self._last + 1
            self._last = first + count - 1
        return first


_generator = _Generator()


def _text(number: int) -> str:
    from ulid import base32  # takes a tenth of the time of `import atlas`, which makes no id

    return base32.encode(number.to_bytes(16, "big"))


@cache
def _endings() -> list[str]:
    """Return the last three characters of ids, in their order."""
    return ["".join(characters) for characters in product(_ALPHABET, repeat=3)]


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


def new_ulids(count: int) -> list[str]:
    """Return ``count`` new ULIDs, as so many calls of ``new_ulid`` and much faster.

    They are numbers in a row, so most of them differ in their last characters only.
    """
    ids: list[str] = []
    first = _generator.reserve(count) if count else 0
    while len(ids) < count:
        number = first + len(ids)
        beginning = _text(number)[:-3]
        position = number % len(_endings())
        ids += [beginning + ending for ending in _endings()[position : position + count - len(ids)]]
    return ids


def is_ulid(value: object) -> bool:
    """Return whether ``value`` is a ULID in its canonical, upper-case text form."""
    return isinstance(value, str) and ULID_PATTERN.fullmatch(value) is not None

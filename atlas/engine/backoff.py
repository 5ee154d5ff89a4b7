"""How long to wait before what another transaction got in the way of is run again. A leaf."""

from __future__ import annotations

import random

#: The longest wait before the first attempt again, and before any, in seconds.
_FIRST_S, _LONGEST_S = 0.02, 1.0


def wait_s(attempt: int) -> float:
    """Return how long to wait before an attempt again, the first of which is 1.

    At random, so that two transactions that met do not meet again.
    """
    return random.uniform(0, min(_FIRST_S * 2 ** (attempt - 1), _LONGEST_S))  # noqa: S311

"""The nearest name to one that does not exist.

In: a name, and those that there are. Out: a question to end an error with. Knows nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean X?" for the nearest of ``names``; "" when none is near."""
    by_lower = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[found[0]]}?" if found else ""

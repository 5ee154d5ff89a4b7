"""What one SQL statement is: a read or a write.

In: SQL text. Out: whether it can go to a reading connection.
"""

from __future__ import annotations

import re

# The second + makes them possessive: a statement of many spaces and no word is refused at once.
_FIRST_WORD = re.compile(r"(?:\s++|--[^\n]*+|/\*.*?\*/)*+([A-Za-z]+)", re.DOTALL)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def only_reads(sql: str) -> bool:
    """Return whether ``sql`` certainly changes nothing.

    A doubtful statement counts as a write: it is run by the writer, where it is
    slower and never wrong. ``WITH`` may begin either kind, so it is a read only
    when no word of a write stands anywhere in it.
    """
    match = _FIRST_WORD.match(sql)
    first = match[1].upper() if match else ""
    if first in ("SELECT", "VALUES"):
        return True
    return first in ("WITH", "EXPLAIN") and not _WRITES.search(sql)

"""What one SQL statement is: a read or a write.

In: SQL text. Out: whether it can go to a reading connection.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPACE_OR_COMMENT = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


@lru_cache(maxsize=1024)
def only_reads(sql: str) -> bool:
    """Return whether ``sql`` certainly changes nothing.

    A doubtful statement counts as a write: it is run by the writer, where it is
    slower and never wrong. ``WITH`` may begin either kind, so it is a read only
    when no word of a write stands anywhere in it.
    """
    start = _SPACE_OR_COMMENT.match(sql)
    word = _WORD.match(sql, start.end() if start else 0)
    first = word.group().upper() if word else ""
    if first in ("SELECT", "VALUES"):
        return True
    return first in ("WITH", "EXPLAIN") and not _WRITES.search(sql)

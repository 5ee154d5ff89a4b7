"""What one SQL statement is: a read or a write, or the end of a transaction.

In: SQL text. Out: whether it can go to a reading connection, or into a block.
"""

from __future__ import annotations

import re

# The second + makes them possessive: a statement of many spaces and no word is refused at once.
_FIRST_WORD = re.compile(r"(?:\s++|--[^\n]*+|/\*.*?\*/)*+([A-Za-z]+)", re.DOTALL)
_TO = re.compile(r"\bTO\b", re.IGNORECASE)
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


def ends_transaction(sql: str) -> bool:
    """Return whether ``sql`` begins or ends a transaction; a savepoint of one does not count."""
    match = _FIRST_WORD.match(sql)
    first = match[1].upper() if match else ""
    if first == "ROLLBACK":
        return not _TO.search(sql)
    return first in ("BEGIN", "START", "COMMIT", "END", "ABORT", "PREPARE")

"""What one SQL statement is: a read or a write, or the end of a transaction.

In: SQL text. Out: whether it can go to a reading connection, or into a block.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: What SQLite lets stand before a word. The second + makes it possessive: a statement of many
#: spaces and no word is refused at once.
BLANK = r"(?:[\s;\ufeff]++|--[^\n]*+|/\*.*?\*/)*+"

_FIRST_WORD = re.compile(rf"{BLANK}([A-Za-z]+)", re.DOTALL)
_EMPTY_STATEMENT = re.compile(r"(?:\s++|--[^\n]*+|/\*.*?\*/)*+[;\ufeff]", re.DOTALL)
_TO = re.compile(r"\bTO\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def first_word(sql: str) -> str:
    """Return the word that a statement begins with, in capitals; empty if there is none."""
    match = _FIRST_WORD.match(sql)
    return match[1].upper() if match else ""


#: Longer statements are looked at each time: they are not kept.
_LONG = 4_000


def only_reads(sql: str) -> bool:
    """Return whether ``sql`` certainly changes nothing.

    A doubtful statement counts as a write: it is run by the writer, where it is
    slower and never wrong. ``WITH`` may begin either kind, so it is a read only
    when no word of a write stands anywhere in it.
    """
    return _known(sql) if len(sql) <= _LONG else _only_reads(sql)


def _only_reads(sql: str) -> bool:
    first = first_word(sql)
    if first in ("SELECT", "VALUES"):
        return not _EMPTY_STATEMENT.match(sql)
    return first in ("WITH", "EXPLAIN") and not _WRITES.search(sql)


_known = lru_cache(maxsize=512)(_only_reads)


def ends_transaction(sql: str) -> bool:
    """Return whether ``sql`` begins or ends a transaction; a savepoint of one does not count."""
    first = first_word(sql)
    if first == "ROLLBACK":
        return not _TO.search(sql)
    return first in ("BEGIN", "START", "COMMIT", "END", "ABORT", "PREPARE")

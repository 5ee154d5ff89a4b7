"""What came of an upsert: counts, and the rows that were refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from atlas.errors import shown
from atlas.upsert.plan import Plan


@dataclass(frozen=True)
class RowError:
    """Why one row was refused: one column of it, and what is wrong there."""

    #: Where the row stands among those of the call; the first is 0.
    position: int
    #: The column's name; of a key with several columns all, with commas; empty for the whole row.
    column: str
    value: Any
    reason: str
    #: The row as it was given.
    row: Any = field(repr=False, compare=False, default=None)
    #: Whether the text shows the value; not so with ``show_values=False``.
    shows_value: bool = field(repr=False, compare=False, default=True)

    def __str__(self) -> str:
        if not self.column:
            return f"row {self.position} {self.reason}"
        value = f"{shown(self.value)} " if self.shows_value else "(its value) "
        return f"row {self.position}, {self.column}: {value}{self.reason}"


@dataclass
class UpsertResult:
    """What happened to the rows of one call; each of them is counted once.

    ``inserted + updated + unchanged + duplicates + refused`` is the number of rows.
    """

    inserted: int = 0
    updated: int = 0
    #: Rows whose values were stored already; nothing was written for them.
    unchanged: int = 0
    #: Rows that had the key of another one of the call, which came later and won.
    duplicates: int = 0
    #: With ``on_error="collect"``: why rows were refused, one entry for each bad column.
    errors: list[RowError] = field(default_factory=list)
    #: Rows that are dealt with and committed. Inside a transaction of the caller none is,
    #: until that commits.
    committed: int = 0
    #: With ``ids=True``: the id of each row in the order given, None for one that was refused.
    ids: list[Any] = field(default_factory=list, repr=False)
    #: With ``dry_run=True``: what would change.
    plan: Plan | None = field(default=None, repr=False)

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return len({error.position for error in self.errors})

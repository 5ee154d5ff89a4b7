"""Which keys of a call have been met, and what became of their rows.

In: the keys of one batch after the other. Out: which of them came before. It
remembers the keys themselves: two of them may share a hash, as -1 and -2 do.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from atlas.upsert.result import UpsertResult


class Repeats:
    """The keys of one call, by what became of their rows, which ``result`` counts."""

    def __init__(self, result: UpsertResult) -> None:
        self._result = result
        self._inserted: set[Hashable] = set()
        self._updated: set[Hashable] = set()
        self._unchanged: set[Hashable] = set()

    def forget(self) -> None:
        """Begin again, as after a commit."""
        for seen in (self._inserted, self._updated, self._unchanged):
            seen.clear()

    def are_new(self, keys: Sequence[Hashable]) -> bool:
        """Return whether the keys differ from each other and none of them came before."""
        distinct = set(keys)
        return len(distinct) == len(keys) and all(
            seen.isdisjoint(distinct) for seen in (self._inserted, self._updated, self._unchanged)
        )

    def has(self, key: Hashable) -> bool:
        """Return whether a row with this key was written, or found unchanged, by this call."""
        return any(key in seen for seen in (self._inserted, self._updated, self._unchanged))

    def count(
        self,
        inserted: Sequence[Hashable],
        updated: Sequence[Hashable],
        unchanged: Sequence[Hashable],
    ) -> None:
        """Count rows, by their keys, with what became of them."""
        result = self._result
        new = self._first_times(inserted)
        result.inserted += len(new)
        self._inserted |= new

        new = self._first_times(unchanged)
        result.unchanged += len(new)
        self._unchanged |= new

        new = self._first_times(updated)
        # A row that was found unchanged, and is changed by a later one, is updated by the call.
        changed = self._unchanged.intersection(updated) if len(new) < len(updated) else ()
        self._unchanged -= set(changed)
        result.unchanged -= len(changed)
        result.updated += len(new) + len(changed)
        self._updated |= new.union(changed)

    def _first_times(self, keys: Sequence[Hashable]) -> set[Hashable]:
        """Return the keys that had not come before; count the others as duplicates."""
        new = set(keys)
        for seen in (self._inserted, self._updated, self._unchanged):
            if not seen.isdisjoint(new):
                new -= seen
        self._result.duplicates += len(keys) - len(new)
        return new

"""Which keys of a call have been met, and what became of their rows.

In: the keys of one batch after the other. Out: which of them came before. It
remembers a hash of 8 bytes for each key (in Python some 80 bytes), not the key.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from atlas.upsert.result import UpsertResult


class Repeats:
    """The keys of one call, by what became of their rows, which ``result`` counts."""

    def __init__(self, result: UpsertResult) -> None:
        self._result = result
        self._inserted: set[int] = set()
        self._updated: set[int] = set()
        self._unchanged: set[int] = set()

    def forget(self) -> None:
        """Begin again, as after a commit."""
        for seen in (self._inserted, self._updated, self._unchanged):
            seen.clear()

    def are_new(self, keys: Sequence[Hashable]) -> bool:
        """Return whether the keys differ from each other and none of them came before."""
        hashes = set(map(hash, keys))
        return len(hashes) == len(keys) and all(
            seen.isdisjoint(hashes) for seen in (self._inserted, self._updated, self._unchanged)
        )

    def has(self, key: Hashable) -> bool:
        """Return whether a row with this key was written, or found unchanged, by this call."""
        hashed = hash(key)
        return any(hashed in seen for seen in (self._inserted, self._updated, self._unchanged))

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
        changed = (
            self._unchanged.intersection(map(hash, updated)) if len(new) < len(updated) else ()
        )
        self._unchanged -= set(changed)
        result.unchanged -= len(changed)
        result.updated += len(new) + len(changed)
        self._updated |= new.union(changed)

    def _first_times(self, keys: Sequence[Hashable]) -> set[int]:
        """Return the hashes of keys that had not come before; count the others as duplicates."""
        hashes = set(map(hash, keys))
        for seen in (self._inserted, self._updated, self._unchanged):
            if not seen.isdisjoint(hashes):
                hashes -= seen
        self._result.duplicates += len(keys) - len(hashes)
        return hashes

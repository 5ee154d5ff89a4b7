"""What a query needs of the object whose row it writes: ``atlas.table.Table`` is one."""

from __future__ import annotations

from typing import Any, Protocol


class StoredRow(Protocol):
    """A row as an object, which learns what became of it."""

    _exists_in_db: bool

    @property
    def _key(self) -> Any:
        """The primary key: a tuple for a join table; None while a part of it is missing."""

    def _stored_key(self) -> Any:
        """Return the primary key of this row in the database."""

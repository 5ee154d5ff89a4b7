"""What every peer offers.

Between ``open`` and ``close`` no other peer has the file open: closing the last
connection of a file costs a checkpoint, which a peer that connects for every
query must not be spared because another keeps the file open.

``sqlite3`` has one set of adapters and converters for the whole process, and
several peers register their own as they are imported, so ``open`` registers
those of the peer again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Peer(Protocol):
    """A library that does the operations of ``line.py``, each in a method of its name.

    ``point_read`` returns a row: a mapping, or an object with the columns as
    attributes; so does ``prepared_point_read``, from a query that is built once
    where the library can do that. ``object_read`` returns it as an object, and ``objects``
    returns a list of them. ``join`` returns a list of rows; the writes
    return when the row is committed. ``upsert`` takes a list of orders, finds them
    by their source and writes all of them in one transaction; see ``bulk.py``. A
    method that is not a coroutine function is called in a plain loop, whatever the
    number of tasks.
    """

    #: As in the table and in ``target.py``.
    name: str
    title: str
    #: What it does less, or otherwise, than the others.
    note: str

    async def open(self, path: Path) -> None:
        """Open the file with the pragmas of ``data.pragmas_of_all``."""

    async def close(self) -> None:
        """Close all connections."""


def plain(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a row of any peer as a dict."""
    if isinstance(row, Mapping):
        return dict(row)
    return {name: getattr(row, name) for name in names}

"""What is measured: the lines of the table.

In: a database that is filled. Out: for each line the method of the peers to
call, and its arguments without end. To add a line, add it to ``LINES`` and the
method to the peers that can do it; the others are left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

from benchmark.data import Data

Arguments = Iterator[tuple[Any, ...]]


@dataclass(frozen=True)
class Line:
    """One operation."""

    #: As on the command line; with underscores it is the method of a peer.
    name: str
    title: str
    arguments: Callable[[Data], Arguments]
    #: By how many tasks at a time it is measured.
    tasks: tuple[int, ...] = (1, 32)

    @property
    def method(self) -> str:
        """The name of the peers' method."""
        return self.name.replace("-", "_")


def _point_reads(data: Data) -> Arguments:
    return ((order_id,) for order_id in data.scattered_order_ids())


def _joins(data: Data) -> Arguments:
    return ((entity_id,) for entity_id in cycle(data.entity_ids))


def _inserts(data: Data) -> Arguments:
    return ((order,) for order in data.new_orders())


def _updates(data: Data) -> Arguments:
    # Another note each time, so that every update has something to write.
    return zip(data.scattered_order_ids(), map("called {} times".format, count()), strict=False)


LINES = (
    Line("point-read", "Point read: one order by id, all 21 columns", _point_reads),
    Line("prepared-point-read", "Prepared point read: the same, prepared once", _point_reads),
    Line("object-read", "Object: the same as an object, the query built each time", _point_reads),
    Line("objects", "Objects: 100 orders of an entity, all 21 columns", _joins),
    Line("join", "Join: 100 orders of an entity by date, with customer and unit", _joins),
    Line("insert", "Insert: one order, committed", _inserts),
    Line("update", "Update: one column of one order by id, committed", _updates),
)

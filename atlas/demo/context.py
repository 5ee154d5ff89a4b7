"""What all parts of the demo share: chance, ids, and the rows made so far.

In: a seed. Out: rows with their ids, the same for the same seed. Knows the
tables, and nothing of what is sold.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from ulid import base32

from atlas import tables
from atlas.demo.names import Names
from atlas.demo.size import Size
from atlas.table import Table

Row = dict[str, Any]
RowsByTable = list[tuple[type[Table], list[Row]]]
T = TypeVar("T")

#: Shops open at 8:00 in Jakarta, which is 1:00 UTC.
_OPENING = timedelta(hours=1)
_OPEN_MS = 10 * 60 * 60 * 1000


class Context:
    """The rows made since they were last taken, and the chance that makes them.

    ``ids`` are those of the reference rows: table and code to id.
    """

    def __init__(self, size: Size, seed: int, ids: Mapping[tuple[type[Table], str], str]) -> None:
        self.size = size
        self.random = random.Random(seed)  # noqa: S311 - a demo has nothing to hide
        self.names = Names(seed)
        self.ids = ids
        self._rows: dict[type[Table], list[Row]] = defaultdict(list)

    def add(self, table: type[Table], day: date, **values: Any) -> str:
        """Make a row that was entered on ``day``, and return its id."""
        instant = (
            datetime(day.year, day.month, day.day, tzinfo=UTC)
            + _OPENING
            + timedelta(milliseconds=int(self.random.random() * _OPEN_MS))
        )
        values["created_at"] = values["updated_at"] = instant
        values["id"] = row_id = self._ulid(instant)
        self._rows[table].append(values)
        return row_id

    def join(self, table: type[Table], **values: Any) -> None:
        """Make a row of a join table."""
        self._rows[table].append(values)

    def take(self) -> RowsByTable:
        """Return the rows made since the last call, parents before children."""
        rows: RowsByTable = [
            (table, self._rows[table]) for table in tables.TABLES if table in self._rows
        ]
        self._rows = defaultdict(list)
        return rows

    def chance(self, probability: float) -> bool:
        """Return True as often as ``probability`` says, of 1."""
        return self.random.random() < probability

    def between(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        """Return one of ``values``, each as often as the others."""
        return values[int(self.random.random() * len(values))]

    def weighted(self, values: Mapping[T, float]) -> T:
        """Return a key, as often as its value says in relation to the others."""
        (chosen,) = self.random.choices([*values], [*values.values()])
        return chosen

    def _ulid(self, instant: datetime) -> str:
        milliseconds = int(instant.timestamp() * 1000)
        number = milliseconds << 80 | self.random.getrandbits(80)
        return base32.encode(number.to_bytes(16, "big"))

"""Days and instants by month and by year, for GROUP BY: ``Month(Order.order_date)``.

In: a column of dates or instants. Out: SQL that comes to text, on both databases the same:
"2026-02", "2026"; of an instant in UTC. It sorts as time does.
"""

from __future__ import annotations

from typing import ClassVar

from piccolo.columns import Column
from piccolo.querystring import QueryString

from atlas.columns import Date, Timestamp


class _Part(QueryString):
    """The first part of a day, as text."""

    _formats: ClassVar[tuple[str, str]]

    def __init__(self, column: Column, alias: str | None = None) -> None:
        if not isinstance(column, Date | Timestamp):
            raise TypeError(f"{type(self).__name__} takes a column of dates, not {column!r}.")
        sqlite, postgres = self._formats
        if column._meta.engine_type == "sqlite":
            template = f"strftime('{sqlite}', {{}})"
        elif isinstance(column, Timestamp):
            template = f"to_char({{}} AT TIME ZONE 'UTC', '{postgres}')"
        else:
            template = f"to_char({{}}, '{postgres}')"
        super().__init__(template, column, alias=alias or type(self).__name__.lower())


class Month(_Part):
    """The month of a day, "2026-02"; in a select it is called ``month``, or ``alias``."""

    _formats = ("%Y-%m", "YYYY-MM")


class Year(_Part):
    """The year of a day, "2026"; in a select it is called ``year``, or ``alias``."""

    _formats = ("%Y", "YYYY")

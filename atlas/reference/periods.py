"""The calendar: years, quarters and months."""

from __future__ import annotations

import calendar
import datetime
from typing import Any

Row = dict[str, Any]

_YEARS = (2025, 2026)


def periods() -> list[Row]:
    """Return the years, quarters and months, rows of ``core_period``; a parent is its code."""
    return [row for year in _YEARS for row in _periods(year)]


def _periods(year: int) -> list[Row]:
    """Return a year, its quarters and its months, each with the period it lies in."""
    rows = [_period(f"{year}", "Year", year, 1, 12, parent=None)]
    for quarter in range(1, 5):
        first = 3 * quarter - 2
        code = f"{year}-Q{quarter}"
        rows.append(_period(code, "Quarter", year, first, first + 2, parent=f"{year}"))
        rows.extend(
            _period(f"{year}-{month:02}", "Month", year, month, month, parent=code)
            for month in range(first, first + 3)
        )
    return rows


def _period(
    code: str, kind: str, year: int, first_month: int, last_month: int, parent: str | None
) -> Row:
    _, last_day = calendar.monthrange(year, last_month)
    return {
        "parent_id": parent,
        "code": code,
        "type": kind,
        "start_date": datetime.date(year, first_month, 1),
        "end_date": datetime.date(year, last_month, last_day),
    }

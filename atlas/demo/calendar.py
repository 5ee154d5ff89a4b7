"""On which days how many orders are made: seasons, weekends, growth."""

from __future__ import annotations

from datetime import date, timedelta

from atlas.demo.size import FIRST_DAY, LAST_DAY

#: January to December: the school year begins in July, Ramadan is quiet.
SEASON = (1.3, 1.0, 0.8, 0.9, 0.9, 1.4, 1.6, 1.1, 1.0, 1.0, 0.8, 0.7)
#: Monday to Sunday.
_WEEK = (0.9, 0.9, 0.9, 1.0, 1.0, 1.6, 0.4)
#: Of the second year over the first.
_GROWTH = 1.15


def orders_per_day(total: int) -> list[tuple[date, int]]:
    """Spread ``total`` orders over the days of the demo; the counts add up to it."""
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    weights = [
        SEASON[day.month - 1] * _WEEK[day.weekday()] * _GROWTH ** (day.year - FIRST_DAY.year)
        for day in days
    ]
    whole = sum(weights)
    counts = []
    done = 0
    passed = 0.0
    for day, weight in zip(days, weights, strict=True):
        passed += weight
        due = round(total * passed / whole)
        counts.append((day, due - done))
        done = due
    return counts

"""Targets: the plans of both years, month by month and unit by unit."""

from __future__ import annotations

from datetime import date

from atlas import tables
from atlas.demo.calendar import SEASON
from atlas.demo.catalog import Catalog
from atlas.demo.context import Context
from atlas.demo.organisation import Entity
from atlas.demo.size import FIRST_DAY, LAST_DAY

#: What an order brings, roughly.
_ORDER_AMOUNT = 1_900_000
#: The targets are above what the year before made.
_AMBITION = 1.1


def targets(context: Context, entity: Entity, catalog: Catalog, share: float) -> None:
    """Make the plans of an entity that sells ``share``, of 1, of the group's orders."""
    orders = context.size.orders * share / 2
    _plan(context, entity, catalog, FIRST_DAY.year, 1, "Approved", orders * 0.95)
    _plan(context, entity, catalog, LAST_DAY.year, 1, "Archived", orders)
    _plan(context, entity, catalog, LAST_DAY.year, 2, "Approved", orders * _AMBITION)


def _plan(
    context: Context,
    entity: Entity,
    catalog: Catalog,
    year: int,
    version: int,
    status: str,
    orders: float,
) -> None:
    """Make a plan for a year in which ``orders`` orders are hoped for."""
    day = max(FIRST_DAY, date(year - 1, 12, 1))
    plan_id = context.add(
        tables.TargetPlan,
        day,
        entity_id=entity.id,
        period_id=context.ids[tables.Period, str(year)],
        version=version,
        name=f"Target {year}",
        status=status,
        approved_date=day if status == "Approved" else None,
    )

    def line(period: str, metric: str, value: float, **of: str) -> None:
        context.add(
            tables.TargetLine,
            day,
            plan_id=plan_id,
            period_id=context.ids[tables.Period, period],
            metric=metric,
            value=value,
            **of,
        )

    weights = sum(unit.weight for unit in entity.units)
    seasons = sum(SEASON)
    for month, season in enumerate(SEASON, start=1):
        period = f"{year}-{month:02}"
        expected = orders * season / seasons
        line(period, "RevenueAmount", _rounded(expected * _ORDER_AMOUNT * 0.8))
        for unit in entity.units:
            if unit.open_date > date(year, month, 1):
                continue
            count = expected * unit.weight / weights
            line(period, "OrderAmount", _rounded(count * _ORDER_AMOUNT), unit_id=unit.id)
            line(period, "LeadCount", max(1, round(count * 1.5)), unit_id=unit.id)
            for person_id in unit.sales:
                line(
                    *(period, "OrderCount", max(1, round(count / len(unit.sales)))),
                    unit_id=unit.id,
                    sales_person_id=person_id,
                )
    for quarter in range(1, 5):
        for category_id in catalog.categories.values():
            value = orders / 4 / len(catalog.categories) * _ORDER_AMOUNT
            line(f"{year}-Q{quarter}", "OrderAmount", _rounded(value), category_id=category_id)


def _rounded(amount: float) -> int:
    """Return an amount to the next 100,000 rupiah."""
    return max(1, round(amount / 100_000)) * 100_000

"""The demo as a whole: a group of schools, and two years of its business.

In: a size, a seed, and the ids of the reference rows. Out: rows in portions, a
portion never referencing a later one. The same seed gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from atlas.demo.billing import Billing
from atlas.demo.calendar import orders_per_day
from atlas.demo.catalog import Catalog
from atlas.demo.context import Context, RowsByTable
from atlas.demo.marketing import Marketing
from atlas.demo.organisation import Entity, Unit, organisation
from atlas.demo.people import People
from atlas.demo.sales import Sales
from atlas.demo.size import Size
from atlas.demo.targets import targets
from atlas.table import Table

#: What part of the group's orders each entity makes.
_SHARES = {"CKB": 0.5, "CKT": 0.3, "CKC": 0.2}
#: A portion is handed out when it has so many orders, so that memory stays flat.
_PORTION = 500
#: Of 1 order, how many people asked and did not buy.
_ASKED = 0.3


@dataclass(frozen=True)
class Portion:
    """Some of the demo's rows, parents before children."""

    rows: RowsByTable
    #: How many orders they and all portions before hold.
    orders: int


@dataclass
class _Shop:
    entity: Entity
    sales: Sales
    marketing: Marketing


def generate(
    size: Size, seed: int, ids: Mapping[tuple[type[Table], str], str]
) -> Iterator[Portion]:
    """Return the rows of a group of schools.

    ``ids`` maps a table and a code to the id of the reference row: the cities
    of ``organisation.CITIES``, the tags of ``atlas.seeding``, channels and periods.
    """
    context = Context(size, seed, ids)
    entities = organisation(context)
    people = People(context)
    people.organize(entities)
    billing = Billing(context)
    shops: dict[str, _Shop] = {}
    for entity in entities:
        catalog = Catalog(context, entity)
        sales = Sales(context, entity, catalog, people, billing)
        shops[entity.code] = _Shop(entity, sales, Marketing(context, entity, catalog, people))
        targets(context, entity, catalog, _SHARES[entity.code])
    orders = handed_out = 0
    for day, count in orders_per_day(size.orders):
        if day.day == 1:
            for shop in shops.values():
                shop.marketing.plan(day)
        for _ in range(count):
            shop = shops[context.weighted(_SHARES)]
            unit = _open_unit(context, shop.entity, day)
            shop.marketing.won(shop.sales.sell(day, unit))
            if context.chance(_ASKED):
                shop.marketing.asked(day, unit)
        orders += count
        if orders - handed_out >= _PORTION:
            yield Portion(context.take(), orders)
            handed_out = orders
    yield Portion(context.take(), orders)


def _open_unit(context: Context, entity: Entity, day: date) -> Unit:
    """Return a unit that was open on a day."""
    units = {n: unit.weight for n, unit in enumerate(entity.units) if unit.open_date <= day}
    return entity.units[context.weighted(units)]

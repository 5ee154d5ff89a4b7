"""Sales: orders with their lines, promotions and seats.

In: a day, an entity and a unit. Out: the rows of one order and all that hangs on
it. It obeys rules O1 to O8 of docs/model.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from atlas import tables
from atlas.demo.billing import Billing, Line, Sale
from atlas.demo.catalog import Batch, Catalog, Item, Variant, line_of
from atlas.demo.context import Context
from atlas.demo.organisation import Entity, Unit
from atlas.demo.people import People
from atlas.demo.size import FIRST_DAY, LAST_DAY

_KINDS = {"Enrollment": 0.8, "Product": 0.16, "Service": 0.04}
_LEARNING = {"Course": 7.0, "Exam": 2.0, "Program": 1.0}
_CHANNELS = {
    "whatsapp": 8.0,
    "walk-in": 5.0,
    "instagram": 4.0,
    "referral": 3.0,
    "website": 2.0,
    "tiktok": 2.0,
    "google-ads": 1.0,
    "event": 1.0,
}
#: Orders still being written on the last days.
_DRAFT_DAYS = timedelta(days=10)
#: How long learners of the last days may wait for a class.
_WAIT = timedelta(days=20)


@dataclass
class Promotion:
    """A promotion and how often it may still be used."""

    id: str
    percent: int
    amount: int
    most: int
    least_order: int
    first: date
    last: date
    left: int

    def discount(self, gross: int, subtotal: int, day: date) -> int:
        """Return what it takes off a line; 0 where it does not apply."""
        if not self.left or subtotal < self.least_order or not self.first <= day <= self.last:
            return 0
        if self.percent:
            return min(gross * self.percent // 100, self.most)
        return min(self.amount, gross)


class Sales:
    """The shops of one entity."""

    def __init__(
        self, context: Context, entity: Entity, catalog: Catalog, people: People, billing: Billing
    ) -> None:
        self._world = context
        self._entity = entity
        self._catalog = catalog
        self._people = people
        self._billing = billing
        self._promotions = [
            promotion for year in (2025, 2026) for promotion in self._year_of_promotions(year)
        ]

    def _year_of_promotions(self, year: int) -> list[Promotion]:
        limit = max(20, self._world.size.orders // 200)
        return [
            self._promotion(
                f"PSB{year}",
                "Penerimaan siswa baru",
                "Seasonal",
                (date(year, 6, 1), date(year, 7, 31)),
                percent=10,
                most=500_000,
                least_order=1_000_000,
                limit=limit * 10,
            ),
            self._promotion(
                f"TEMAN{year}",
                "Ajak teman",
                "Referral",
                (date(year, 1, 1), date(year, 12, 31)),
                amount=100_000,
                least_order=500_000,
                limit=limit,
            ),
            self._promotion(
                f"PRESTASI{year}",
                "Beasiswa prestasi",
                "Scholarship",
                (date(year, 1, 15), date(year, 3, 31)),
                percent=25,
                most=2_000_000,
                least_order=1_000_000,
                limit=limit // 4,
            ),
        ]

    def _promotion(
        self,
        code: str,
        name: str,
        kind: str,
        days: tuple[date, date],
        *,
        percent: int = 0,
        amount: int = 0,
        most: int = 0,
        least_order: int,
        limit: int,
    ) -> Promotion:
        first, last = days
        promotion_id = self._world.add(
            tables.Promotion,
            FIRST_DAY,
            entity_id=self._entity.id,
            code=code,
            name=f"{name} {first.year}",
            type=kind,
            value_type="Percentage" if percent else "Amount",
            value=percent or amount,
            max_discount_amount=most or None,
            min_order_amount=least_order,
            usage_limit=limit,
            start_date=first,
            end_date=last,
        )
        return Promotion(promotion_id, percent, amount, most, least_order, first, last, limit)

    def sell(self, day: date, unit: Unit) -> Sale:
        """Write one order of ``day`` at ``unit``."""
        kind = self._world.weighted(_KINDS)
        if kind == "Service" and self._people.organizations["Company"] and unit.city:
            return self._sell_training(day, unit)
        if kind == "Product":
            return self._sell_products(day, unit)
        return self._sell_seat(day, unit)

    def _sell_seat(self, day: date, unit: Unit) -> Sale:
        """Sell a learner a place in a course, an exam or a programme, and what belongs to it."""
        context, catalog = self._world, self._catalog
        household, is_new = self._people.customer(day, self._entity, unit)
        learner = context.pick(household.learners)
        item, variant = self._choice(unit)
        price = variant.price(unit, day, ("EarlyBird", "Regular"))
        lines = [(item, line_of(item, variant, price, 1))]
        if is_new and item.type != "Exam":
            fee = catalog.fee.variants[0]
            fee_price = fee.price(unit, day, ("Regular",))
            lines.append((catalog.fee, line_of(catalog.fee, fee, fee_price, 1)))
        if item.type != "Exam" and context.chance(0.85):
            lines.append(self._product(unit, day))
        self._discount(lines, day)
        status = self._status(day)
        batch = None
        if status == "Completed":
            waits = day + _WAIT > LAST_DAY and context.chance(0.3)
            batch = None if waits else catalog.seat(item, variant, unit, day, learner)
            status = "Completed" if batch and batch.status == "Completed" else "Confirmed"
        sale = self._order(
            *(day, unit, "Enrollment", status, lines),
            is_new=is_new,
            customer_id=household.payer,
            participant_id=learner,
        )
        first = sale.lines[0]
        if batch:
            first.batch = batch
            first.left = self._enroll(first, learner, day, batch, item, variant, unit)
        elif status == "Confirmed":
            self._enrollment(first, learner, day, None, "Registered")
        self._billing.book(sale)
        return sale

    def _choice(self, unit: Unit) -> tuple[Item, Variant]:
        """Return what a learner buys: at the online unit online classes, elsewhere the others."""
        context = self._world
        while True:
            items = self._catalog.items[context.weighted(_LEARNING)]
            item = items[context.weighted({i: item.weight for i, item in enumerate(items)})]
            fitting = [v for v in item.variants if (v.mode == "Online") == (unit.city is None)]
            if fitting:
                return item, context.pick(fitting)

    def _product(self, unit: Unit, day: date) -> tuple[Item, dict[str, Any]]:
        item = self._world.pick(self._catalog.items["Product"])
        variant = item.variants[0]
        quantity = self._world.weighted({1: 8, 2: 2})
        return item, line_of(item, variant, variant.price(unit, day, ("Regular",)), quantity)

    def _sell_products(self, day: date, unit: Unit) -> Sale:
        household, is_new = self._people.customer(day, self._entity, unit)
        lines = [self._product(unit, day) for _ in range(self._world.between(1, 4))]
        self._discount(lines, day)
        status = self._status(day)
        sale = self._order(
            *(day, unit, "Product", status, lines),
            is_new=is_new,
            customer_id=household.payer,
        )
        self._billing.book(sale)
        return sale

    def _sell_training(self, day: date, unit: Unit) -> Sale:
        """Sell a company a class for some of its people."""
        context, catalog = self._world, self._catalog
        company = context.pick(self._people.organizations["Company"])
        item = next(item for item in catalog.items["Service"] if item.variants[0].id)
        variant = item.variants[0]
        seats = company.employees[: context.between(4, len(company.employees))]
        price = variant.price(unit, day, ("Regular",))
        lines = [(item, line_of(item, variant, price, len(seats)))]
        status = self._status(day)
        batch = None
        if status == "Completed":
            batch = catalog.open_class(item, variant, unit, day)
            status = "Completed" if batch.status == "Completed" else "Confirmed"
        sale = self._order(
            *(day, unit, "Service", status, lines),
            is_new=False,
            organization_id=company.id,
        )
        if batch:
            line = sale.lines[0]
            line.batch = batch
            for person_id in seats:
                self._enrollment(line, person_id, day, batch, _seat_status(batch))
        self._billing.book(sale)
        return sale

    def _status(self, day: date) -> str:
        if self._world.chance(0.04):
            return "Cancelled"
        if LAST_DAY - day < _DRAFT_DAYS and self._world.chance(0.3):
            return "Draft"
        return "Completed"

    def _discount(self, lines: list[tuple[Item, dict[str, Any]]], day: date) -> None:
        """Apply a promotion to the first line, to one order of four."""
        if not self._world.chance(0.25):
            return
        promotion = self._world.pick(self._promotions)
        _, line = lines[0]
        gross = int(line["quantity"] * line["unit_price"])
        subtotal = sum(int(row["quantity"] * row["unit_price"]) for _, row in lines)
        discount = promotion.discount(gross, subtotal, day)
        if not discount:
            return
        promotion.left -= 1
        taxes = line["tax_amount"] and int((gross - discount) * 11 / 100 + 0.5)
        line.update(
            promotion_id=promotion.id,
            discount_amount=discount,
            tax_amount=taxes,
            total_amount=gross - discount + taxes,
        )

    def _order(
        self,
        day: date,
        unit: Unit,
        kind: str,
        status: str,
        lines: list[tuple[Item, dict[str, Any]]],
        *,
        is_new: bool,
        customer_id: str | None = None,
        organization_id: str | None = None,
        participant_id: str | None = None,
    ) -> Sale:
        """Write an order whose totals are those of its lines, and the lines."""
        context, entity = self._world, self._entity
        sales_person = context.pick(unit.sales)
        channel_id = context.ids[tables.Channel, context.weighted(_CHANNELS)]
        discount = sum(line["discount_amount"] for _, line in lines)
        taxes = sum(line["tax_amount"] for _, line in lines)
        total = sum(line["total_amount"] for _, line in lines)
        order_id = context.add(
            tables.Order,
            day,
            entity_id=entity.id,
            unit_id=unit.id,
            number=entity.document_number("SO"),
            type=kind,
            status=status,
            order_date=day,
            customer_id=customer_id,
            organization_id=organization_id,
            participant_id=participant_id,
            sales_person_id=sales_person,
            channel_id=channel_id,
            subtotal_amount=total - taxes + discount,
            discount_amount=discount,
            tax_amount=taxes,
            total_amount=total,
            source_id=entity.source_id,
            source_key=f"row/{entity.next_number('row')}",
        )
        written = []
        for line_no, (sold, line) in enumerate(lines, start=1):
            line_id = context.add(tables.OrderLine, day, order_id=order_id, line_no=line_no, **line)
            taxes = line["tax_amount"]
            written.append(Line(line_id, sold, line["total_amount"] - taxes, taxes))
        return Sale(
            order_id,
            entity,
            unit,
            day,
            status,
            written,
            payer=customer_id,
            organization=organization_id,
            sales_person=sales_person,
            channel_id=channel_id,
            is_first=is_new,
        )

    def _enroll(
        self,
        line: Line,
        learner: str,
        day: date,
        batch: Batch,
        item: Item,
        variant: Variant,
        unit: Unit,
    ) -> date | None:
        """Seat a learner, let some leave or move on, and return when they left."""
        context = self._world
        if batch.status != "Completed" or context.chance(0.92):
            self._enrollment(line, learner, day, batch, _seat_status(batch))
            return None
        middle = batch.start + (batch.end - batch.start) // 2
        if item.type == "Exam":
            self._enrollment(line, learner, day, batch, "NoShow", end=batch.end)
            return None
        if context.chance(0.3):  # moves to a later class of the same kind
            later = self._catalog.seat(item, variant, unit, middle, learner)
            self._enrollment(line, learner, day, batch, "Transferred", end=middle)
            self._enrollment(line, learner, middle, later, _seat_status(later))
            return None
        self._enrollment(line, learner, day, batch, "Withdrawn", end=middle)
        return middle

    def _enrollment(
        self,
        line: Line,
        person_id: str,
        day: date,
        batch: Batch | None,
        status: str,
        end: date | None = None,
    ) -> None:
        context = self._world
        values: dict[str, Any] = {"end_date": end}
        if status == "Completed" and batch:
            values["end_date"] = batch.end
            values["score"] = context.between(50, 100)
            values["result"] = "Passed" if values["score"] >= 60 else "Failed"
            if values["result"] == "Passed":
                values["certificate_no"] = self._entity.document_number("CERT")
        context.add(
            tables.Enrollment,
            day,
            order_line_id=line.id,
            person_id=person_id,
            batch_id=batch and batch.id,
            status=status,
            enroll_date=day,
            **values,
        )


def _seat_status(batch: Batch) -> str:
    """Return what an enrollment in a class is when nothing special happened."""
    return {"Completed": "Completed", "Running": "Active", "Open": "Registered"}[batch.status]

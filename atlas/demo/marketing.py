"""Marketing: campaigns, the agenda of the units, and leads.

In: months, and the orders that were sold. Out: what was done to get them, and
the people who asked and did not buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from atlas import tables
from atlas.demo.billing import Sale
from atlas.demo.catalog import Catalog
from atlas.demo.context import Context
from atlas.demo.organisation import Entity, Unit
from atlas.demo.people import People
from atlas.demo.size import FIRST_DAY, LAST_DAY

_DIGITAL = ("instagram", "tiktok", "meta-ads", "google-ads")
#: Type, what it is called, its channel, and whether it takes place at a school.
_AGENDAS = (
    ("SchoolVisit", "Kunjungan sekolah", "event", True),
    ("OpenHouse", "Open house", "event", False),
    ("TrialClass", "Kelas percobaan", "event", False),
    ("Webinar", "Webinar orang tua", "website", False),
    ("SocialPost", "Konten testimoni", "instagram", False),
    ("LiveStream", "Live tanya jawab", "tiktok", False),
    ("Exhibition", "Pameran pendidikan", "event", False),
    ("Broadcast", "Siaran WhatsApp", "whatsapp", False),
)
_LOST = {
    "Price": 5.0,
    "Schedule": 3.0,
    "NoResponse": 6.0,
    "Location": 2.0,
    "Competitor": 2.0,
    "Other": 1.0,
}
#: After so long nobody is waited for.
_PATIENCE = timedelta(days=60)


@dataclass
class _Campaign:
    id: str
    first: date
    last: date


class Marketing:
    """The marketing of one entity."""

    def __init__(self, context: Context, entity: Entity, catalog: Catalog, people: People) -> None:
        self._world = context
        self._entity = entity
        self._catalog = catalog
        self._people = people
        self._campaigns = [
            self._campaign(year, quarter, number)
            for year in (FIRST_DAY.year, LAST_DAY.year)
            for quarter in range(1, 5)
            for number in range(2)
        ]
        #: Of each unit, the agenda of this month and the last.
        self._agendas: dict[str, list[tuple[str, date]]] = {}

    def _campaign(self, year: int, quarter: int, number: int) -> _Campaign:
        context, entity = self._world, self._entity
        first = date(year, 3 * quarter - 2, 1)
        last = (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
        name = ("Penerimaan Siswa", "Digital")[number]
        budget = context.between(10, 60) * 1_000_000
        campaign_id = context.add(
            tables.Campaign,
            first,
            entity_id=entity.id,
            owner_id=entity.marketer,
            code=f"{entity.code.lower()}-{year}q{quarter}-{number + 1}",
            name=f"{name} Q{quarter} {year}",
            objective=("LeadGeneration", "Awareness")[number],
            status="Completed" if last < LAST_DAY else "Active",
            start_date=first,
            end_date=last,
            budget_amount=budget,
        )
        for code in _DIGITAL[number * 2 :]:
            share = budget // 4
            context.join(
                tables.CampaignChannel,
                campaign_id=campaign_id,
                channel_id=context.ids[tables.Channel, code],
                budget_amount=share,
                spend_amount=share * context.between(60, 100) // 100,
            )
        return _Campaign(campaign_id, first, last)

    def plan(self, month: date) -> None:
        """Plan the agenda of every unit for the month that begins with ``month``."""
        for unit in self._entity.units:
            if unit.city and unit.open_date <= month:
                agendas = self._agendas.setdefault(unit.id, [])
                for _ in range(self._world.size.agendas):
                    agendas.append(self._agenda(month, unit))
                del agendas[: -2 * self._world.size.agendas]

    def _agenda(self, month: date, unit: Unit) -> tuple[str, date]:
        context = self._world
        kind, name, channel, at_school = context.pick(_AGENDAS)
        day = month + timedelta(days=context.between(0, 27))
        schools = self._people.organizations["School"]
        campaign = context.pick([c for c in self._campaigns if c.first <= day <= c.last])
        budget = context.between(2, 30) * 100_000
        is_held = context.chance(0.92)
        hour = context.between(8, 16)
        agenda_id = context.add(
            tables.Agenda,
            month,
            entity_id=self._entity.id,
            unit_id=unit.id,
            campaign_id=campaign.id,
            channel_id=context.ids[tables.Channel, channel],
            pic_id=context.pick(unit.sales),
            organization_id=context.pick(schools).id if at_school and schools else None,
            region_id=unit.city and context.ids[tables.Region, unit.city],
            name=f"{name} {unit.code}",
            type=kind,
            status="Done" if is_held else "Cancelled",
            start_date=day,
            end_date=day,
            start_time=f"{hour:02}:00",
            end_time=f"{hour + context.between(1, 4):02}:00",
            target_lead_count=context.between(5, 40),
            budget_amount=budget,
            actual_amount=budget * context.between(70, 115) // 100 if is_held else None,
            source_id=self._entity.source_id,
            source_key=f"agenda/{self._entity.next_number('agenda')}",
        )
        return agenda_id, day

    def won(self, sale: Sale) -> None:
        """Make the lead that an order of a new customer came from."""
        if sale.payer is None or not sale.is_first or not self._world.chance(0.7):
            return
        first_asked = sale.day - timedelta(days=self._world.between(0, 25))
        self._lead(
            max(first_asked, FIRST_DAY),
            sale.unit,
            person_id=sale.payer,
            item_id=sale.lines[0].item.id,
            owner_id=sale.sales_person,
            order_id=sale.id,
            channel_id=sale.channel_id,
            status="Won",
            closed_date=sale.day,
        )

    def asked(self, day: date, unit: Unit) -> None:
        """Make a lead of somebody who has not bought."""
        context = self._world
        values: dict[str, object]
        if LAST_DAY - day > _PATIENCE:
            closed = day + timedelta(days=context.between(3, 50))
            values = {
                "status": "Lost",
                "lost_reason": context.weighted(_LOST),
                "closed_date": closed,
            }
        else:
            values = {"status": context.pick(("New", "Contacted", "Qualified"))}
        kinds = self._catalog.items
        self._lead(
            day,
            unit,
            person_id=self._people.prospect(day, self._entity, unit),
            item_id=context.pick(kinds[context.pick(("Course", "Exam", "Program"))]).id,
            owner_id=context.pick(unit.sales),
            channel_id=context.ids[
                tables.Channel, context.pick(("whatsapp", "instagram", "website"))
            ],
            **values,
        )

    def _lead(self, day: date, unit: Unit, **values: object) -> None:
        context = self._world
        held = [a for a, held_on in self._agendas.get(unit.id, []) if held_on <= day]
        campaigns = [c.id for c in self._campaigns if c.first <= day <= c.last]
        context.add(
            tables.Lead,
            day,
            entity_id=self._entity.id,
            unit_id=unit.id,
            campaign_id=context.pick(campaigns) if context.chance(0.6) else None,
            agenda_id=context.pick(held) if held and context.chance(0.35) else None,
            lead_date=day,
            source_id=self._entity.source_id,
            source_key=f"lead/{self._entity.next_number('lead')}",
            **values,
        )

"""Marketing: campaigns, the agenda of the units, and leads.

In: months, and the orders that were sold. Out: what was done to get them, and
the people who asked and did not buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import atlas
from atlas.demo.billing import Sale
from atlas.demo.catalog import Catalog
from atlas.demo.organisation import Entity, Unit
from atlas.demo.people import People
from atlas.demo.size import FIRST_DAY, LAST_DAY
from atlas.demo.world import World

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

    def __init__(self, world: World, entity: Entity, catalog: Catalog, people: People) -> None:
        self._world = world
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
        world, entity = self._world, self._entity
        first = date(year, 3 * quarter - 2, 1)
        last = (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
        name = ("Penerimaan Siswa", "Digital")[number]
        budget = world.between(10, 60) * 1_000_000
        campaign_id = world.add(
            atlas.Campaign,
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
            world.join(
                atlas.CampaignChannel,
                campaign_id=campaign_id,
                channel_id=world.ids[atlas.Channel, code],
                budget_amount=share,
                spend_amount=share * world.between(60, 100) // 100,
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
        world = self._world
        kind, name, channel, at_school = world.pick(_AGENDAS)
        day = month + timedelta(days=world.between(0, 27))
        schools = self._people.organizations["School"]
        campaign = world.pick([c for c in self._campaigns if c.first <= day <= c.last])
        budget = world.between(2, 30) * 100_000
        is_held = world.chance(0.92)
        hour = world.between(8, 16)
        agenda_id = world.add(
            atlas.Agenda,
            month,
            entity_id=self._entity.id,
            unit_id=unit.id,
            campaign_id=campaign.id,
            channel_id=world.ids[atlas.Channel, channel],
            pic_id=world.pick(unit.sales),
            organization_id=world.pick(schools).id if at_school and schools else None,
            region_id=unit.city and world.ids[atlas.Region, unit.city],
            name=f"{name} {unit.code}",
            type=kind,
            status="Done" if is_held else "Cancelled",
            start_date=day,
            end_date=day,
            start_time=f"{hour:02}:00",
            end_time=f"{hour + world.between(1, 4):02}:00",
            target_lead_count=world.between(5, 40),
            budget_amount=budget,
            actual_amount=budget * world.between(70, 115) // 100 if is_held else None,
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
        world = self._world
        values: dict[str, object]
        if LAST_DAY - day > _PATIENCE:
            closed = day + timedelta(days=world.between(3, 50))
            values = {
                "status": "Lost",
                "lost_reason": world.weighted(_LOST),
                "closed_date": closed,
            }
        else:
            values = {"status": world.pick(("New", "Contacted", "Qualified"))}
        kinds = self._catalog.items
        self._lead(
            day,
            unit,
            person_id=self._people.prospect(day, self._entity, unit),
            item_id=world.pick(kinds[world.pick(("Course", "Exam", "Program"))]).id,
            owner_id=world.pick(unit.sales),
            channel_id=world.ids[atlas.Channel, world.pick(("whatsapp", "instagram", "website"))],
            **values,
        )

    def _lead(self, day: date, unit: Unit, **values: object) -> None:
        world = self._world
        held = [a for a, held_on in self._agendas.get(unit.id, []) if held_on <= day]
        campaigns = [c.id for c in self._campaigns if c.first <= day <= c.last]
        world.add(
            atlas.Lead,
            day,
            entity_id=self._entity.id,
            unit_id=unit.id,
            campaign_id=world.pick(campaigns) if world.chance(0.6) else None,
            agenda_id=world.pick(held) if held and world.chance(0.35) else None,
            lead_date=day,
            source_id=self._entity.source_id,
            source_key=f"lead/{self._entity.next_number('lead')}",
            **values,
        )

"""Customers: families, adults who learn themselves, schools and companies.

In: the context. Out: the rows of a new customer, or one who buys again. Remembers
only the latest ones of each unit, so that memory stays flat.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import Any

from atlas import tables
from atlas.demo.context import Context
from atlas.demo.organisation import CITIES, Entity, Unit
from atlas.demo.size import FIRST_DAY

#: How many customers of a unit are remembered, to buy again.
_REMEMBERED = 400
_EMPLOYEES = 12
#: How often a customer has bought before, and how often somebody is typed in twice.
_RETURNING = 0.6
_DUPLICATES = 0.004


@dataclass(frozen=True)
class Household:
    """Who pays, and who learns: the children, or the payer."""

    payer: str
    learners: tuple[str, ...]


@dataclass(frozen=True)
class Organization:
    """A school or company."""

    id: str
    type: str
    #: Of a company: who is sent to classes.
    employees: tuple[str, ...] = ()


class People:
    """Everybody the group knows."""

    def __init__(self, context: Context) -> None:
        self._world = context
        self._households: dict[str, deque[Household]] = {}
        self._persons = 0
        self.organizations: dict[str, list[Organization]] = {"School": [], "Company": []}

    def organize(self, entities: list[Entity]) -> None:
        """Make the schools and companies that all entities deal with."""
        context = self._world
        cities = list(CITIES)[: context.size.branches]
        for number in range(1, context.size.organizations + 1):
            kind = "Company" if number % 2 else "School"
            city = context.pick(cities)
            if kind == "Company":
                name = context.names.company()
            else:
                town = CITIES[city].split()[-1]
                name = f"SMA {context.names.last()} {context.between(1, 9)} {town}"
            entity = entities[number % len(entities)]
            organization_id = context.add(
                tables.Organization,
                FIRST_DAY,
                name=name,
                type=kind,
                npwp=f"98{number:014}",
                phone=context.names.phone(),
                email=f"info@org{number}.example",
                website=f"https://org{number}.example",
                region_id=context.ids[tables.Region, city],
                source_id=entity.source_id,
                source_key=f"org/{number}",
            )
            employees = tuple(
                self._person(FIRST_DAY, entity, city, 1975, 2000)
                for _ in range(_EMPLOYEES if kind == "Company" else 0)
            )
            for employee in employees:
                context.join(
                    tables.PersonOrganization,
                    person_id=employee,
                    organization_id=organization_id,
                    role="Employee",
                    job_title=context.pick(("Staf", "Supervisor", "Analis", "Koordinator")),
                    is_primary=True,
                )
            self.organizations[kind].append(Organization(organization_id, kind, employees))

    def customer(self, day: date, entity: Entity, unit: Unit) -> tuple[Household, bool]:
        """Return a household that buys at ``unit``, and whether it is new."""
        context = self._world
        known = self._households.setdefault(unit.id, deque(maxlen=_REMEMBERED))
        if known and context.chance(_RETURNING):
            return context.pick(known), False
        is_family = context.chance({"CKC": 1.0, "CKB": 0.55}.get(entity.code, 0.1))
        new = self._family(day, entity, unit) if is_family else self._adult(day, entity, unit)
        known.append(new)
        return new, True

    def prospect(self, day: date, entity: Entity, unit: Unit) -> str:
        """Return a new person who only asked."""
        return self._person(day, entity, unit.city, 1980, 2008)

    def _adult(self, day: date, entity: Entity, unit: Unit) -> Household:
        context = self._world
        person_id = self._person(day, entity, unit.city, 1985, 2007, is_student=True)
        if context.chance(0.1):
            tag_id = context.ids[tables.Tag, "studi-luar-negeri"]
            context.join(tables.PersonTag, person_id=person_id, tag_id=tag_id)
        if context.chance(_DUPLICATES):  # somebody typed them in twice
            context.add(
                tables.Person,
                day,
                full_name=f"{context.names.first('Male')} {context.names.last()}",
                merged_into_id=person_id,
                is_active=False,
            )
        return Household(person_id, (person_id,))

    def _family(self, day: date, entity: Entity, unit: Unit) -> Household:
        context = self._world
        surname, number = context.names.last(), context.names.phone()
        family: dict[str, Any] = {"surname": surname, "phone": number}
        parent = self._person(day, entity, unit.city, 1972, 1992, **family)
        context.join(
            tables.PersonTag, person_id=parent, tag_id=context.ids[tables.Tag, "orang-tua"]
        )
        first, last = (2012, 2021) if entity.code == "CKC" else (2006, 2014)
        children = tuple(
            self._person(day, entity, unit.city, first, last, is_student=True, **family)
            for _ in range(context.weighted({1: 5, 2: 4, 3: 1}))
        )
        for child in children:
            self._relation(day, parent, child, "Parent")
            self._relation(day, parent, child, "EmergencyContact")
        if len(children) == 2:
            self._relation(day, min(children), max(children), "Sibling")
        if context.chance(0.2):
            spouse = self._person(day, entity, unit.city, 1972, 1992)
            self._relation(day, min(parent, spouse), max(parent, spouse), "Spouse")
        return Household(parent, children)

    def _relation(self, day: date, from_person: str, to_person: str, kind: str) -> None:
        self._world.add(
            tables.Relation, day, from_person_id=from_person, to_person_id=to_person, type=kind
        )

    def _person(
        self,
        day: date,
        entity: Entity,
        city: str | None,
        first_year: int,
        last_year: int,
        *,
        surname: str | None = None,
        phone: str | None = None,
        is_student: bool = False,
    ) -> str:
        """Make a person with the identifier and the number that find them again."""
        context = self._world
        self._persons += 1
        gender = context.pick(("Male", "Female"))
        given = context.names.first(gender)
        year = context.between(first_year, last_year)
        person_id = context.add(
            tables.Person,
            day,
            full_name=f"{given} {surname or context.names.last()}",
            nickname=given if is_student else None,
            gender=gender,
            birth_date=date(year, context.between(1, 12), context.between(1, 28)),
            education_level=_education(day.year - year),
            region_id=city and context.ids[tables.Region, city],
        )
        context.add(
            tables.Identifier,
            day,
            person_id=person_id,
            source_id=entity.source_id,
            type="External",
            issuer=f"sheet-sales-{entity.code.lower()}",
            value=f"P-{self._persons:06}",
        )
        context.add(
            tables.Contact,
            day,
            person_id=person_id,
            type="WhatsApp",
            value=phone or context.names.phone(),
            is_primary=True,
            is_verified=context.chance(0.6),
            is_opt_out=context.chance(0.02),
        )
        if year < 2000 and context.chance(0.4):
            handle = "".join(c for c in given.lower() if c.isascii() and c.isalnum())
            context.add(
                tables.Contact,
                day,
                person_id=person_id,
                type="Email",
                value=f"{handle}.{self._persons}@mail.example",
                is_primary=True,
            )
        if year < 2005 and context.chance(0.25):
            context.add(
                tables.Identifier, day, person_id=person_id, type="NIK", value=context.names.nik()
            )
        if is_student:
            context.add(
                tables.Identifier,
                day,
                person_id=person_id,
                type="StudentNo",
                issuer=entity.code,
                value=f"S-{entity.next_number('student'):06}",
            )
            schools = self.organizations["School"]
            if year > 2005 and schools and context.chance(0.5):
                context.join(
                    tables.PersonOrganization,
                    person_id=person_id,
                    organization_id=context.pick(schools).id,
                    role="Student",
                    is_primary=True,
                )
        return person_id


def _education(age: int) -> str:
    for limit, level in (
        (7, "Preschool"),
        (13, "Elementary"),
        (16, "JuniorHigh"),
        (19, "SeniorHigh"),
        (23, "Diploma"),
    ):
        if age < limit:
            return level
    return "Bachelor"

"""The group: its entities, their units, staff and accounts.

In: the context. Out: the rows, and objects for who sells, teaches and pays there.
Names and codes of cities are those of the Ministry of Home Affairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from atlas import tables
from atlas.demo.context import Context
from atlas.demo.size import FIRST_DAY
from atlas.reference.chart import CHART

#: Code and name of each city with branches, the first ones first.
CITIES = {
    "31.74": "Kota Administrasi Jakarta Selatan",
    "32.73": "Kota Bandung",
    "35.78": "Kota Surabaya",
    "51.71": "Kota Denpasar",
    "34.71": "Kota Yogyakarta",
    "12.71": "Kota Medan",
    "73.71": "Kota Makassar",
    "33.74": "Kota Semarang",
    "36.74": "Kota Tangerang Selatan",
    "32.75": "Kota Bekasi",
    "16.71": "Kota Palembang",
    "64.71": "Kota Balikpapan",
    "35.73": "Kota Malang",
    "32.71": "Kota Bogor",
    "71.71": "Kota Manado",
    "52.71": "Kota Mataram",
}
_SHORT = (
    *("JKT", "BDG", "SBY", "DPS", "YOG", "MDN", "MKS", "SMG"),
    *("TGS", "BKS", "PLM", "BPN", "MLG", "BGR", "MDO", "MTR"),
)
#: Provinces an hour ahead of Jakarta (Keppres 41/1987).
_MAKASSAR_TIME = frozenset({"51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"})

_HOLDING = ("CKG", "Cakrawala Group", "PT Cakrawala Grup Indonesia", "PT")
_ENTITIES = (
    ("CKB", "Cakrawala Bahasa", "PT Cakrawala Bahasa Nusantara", "PT"),
    ("CKT", "Cakrawala Terampil", "PT Cakrawala Terampil Indonesia", "PT"),
    ("CKC", "Cakrawala Cendekia", "Yayasan Cakrawala Cendekia", "Yayasan"),
)
_FOUNDED = date(2016, 1, 4)


@dataclass
class Unit:
    """A place that sells."""

    id: str
    code: str
    city: str | None
    open_date: date
    #: How much of the entity's sales it makes, in relation to the others.
    weight: float
    sales: list[str] = field(default_factory=list)
    instructors: list[str] = field(default_factory=list)


@dataclass
class Entity:
    """An entity and what it needs to sell."""

    id: str
    code: str
    name: str
    #: The spreadsheet its orders come from.
    source_id: str = ""
    units: list[Unit] = field(default_factory=list)
    #: Code to id.
    accounts: dict[str, str] = field(default_factory=dict)
    marketer: str = ""
    _numbers: dict[str, int] = field(default_factory=dict)

    def next_number(self, kind: str) -> int:
        """Count on: 1, 2, 3 … for each ``kind``."""
        self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
        return number

    def document_number(self, kind: str) -> str:
        """Return the next number of a document, as ``CKB-SO-000001``."""
        return f"{self.code}-{kind}-{self.next_number(kind):06}"


def organisation(context: Context) -> list[Entity]:
    """Make the group and return the entities that sell."""
    holding = _entity(context, *_HOLDING, parent_id=None)
    return [_staffed(context, _entity(context, *row, parent_id=holding.id)) for row in _ENTITIES]


def _entity(
    context: Context,
    code: str,
    name: str,
    legal_name: str,
    legal_form: str,
    *,
    parent_id: str | None,
) -> Entity:
    entity_id = context.add(
        tables.Entity,
        _FOUNDED,
        parent_id=parent_id,
        code=code,
        name=name,
        legal_name=legal_name,
        legal_form=legal_form,
        npwp=f"99{context.between(0, 10**9):014}",
    )
    entity = Entity(entity_id, code, name)
    for row in CHART:
        entity.accounts[row["code"]] = context.add(
            tables.Account,
            _FOUNDED,
            entity_id=entity.id,
            **{**row, "parent_id": entity.accounts.get(row["parent_id"] or "")},
        )
    return entity


def _staffed(context: Context, entity: Entity) -> Entity:
    entity.source_id = context.add(
        tables.Source,
        _FOUNDED,
        entity_id=entity.id,
        code=f"sheet-sales-{entity.code.lower()}",
        name=f"Penjualan {entity.name}",
        type="Spreadsheet",
    )
    head = _unit(context, entity, "HO", "Kantor Pusat", "HeadOffice", "31.74", weight=0.3)
    for number, (short, city) in enumerate(zip(_SHORT, CITIES, strict=True)):
        if number == context.size.branches:
            break
        # The last third opened while the demo's years went on.
        late = number >= context.size.branches * 2 / 3
        opened = FIRST_DAY + timedelta(days=60 + 30 * number) if late else None
        name = CITIES[city].removeprefix("Kota ").removeprefix("Administrasi ")
        _unit(
            *(context, entity, short, name, "Branch", city),
            weight=1.5 / (1 + 0.15 * number),
            parent=head,
            opened=opened,
        )
    _unit(context, entity, "ONL", "Kelas Daring", "Online", None, weight=1.2, parent=head)
    _employee(context, entity, head, "Finance")
    entity.marketer = _employee(context, entity, head, "Marketing")
    return entity


def _unit(
    context: Context,
    entity: Entity,
    code: str,
    name: str,
    kind: str,
    city: str | None,
    *,
    weight: float,
    parent: Unit | None = None,
    opened: date | None = None,
) -> Unit:
    opened = opened or _FOUNDED + timedelta(days=context.between(0, 3000))
    unit = Unit(
        context.add(
            tables.Unit,
            min(opened, FIRST_DAY),
            entity_id=entity.id,
            parent_id=parent and parent.id,
            region_id=city and context.ids[tables.Region, city],
            code=code,
            name=name,
            type=kind,
            timezone="Asia/Makassar" if city and city[:2] in _MAKASSAR_TIME else "Asia/Jakarta",
            address=context.names.street() if city else None,
            phone=context.names.phone(),
            open_date=opened,
        ),
        code,
        city,
        opened,
        weight,
    )
    entity.units.append(unit)
    _employee(context, entity, unit, "Manager")
    unit.sales = [_employee(context, entity, unit, "Sales") for _ in range(2)]
    unit.instructors = [_employee(context, entity, unit, "Instructor") for _ in range(3)]
    return unit


def _employee(context: Context, entity: Entity, unit: Unit, role: str) -> str:
    gender = context.pick(("Male", "Female"))
    hired = max(unit.open_date, _FOUNDED)
    person_id = context.add(
        tables.Person,
        min(hired, FIRST_DAY),
        full_name=f"{context.names.first(gender)} {context.names.last()}",
        gender=gender,
        birth_date=date(
            context.between(1970, 1999), context.between(1, 12), context.between(1, 28)
        ),
        region_id=unit.city and context.ids[tables.Region, unit.city],
        education_level=context.pick(("Diploma", "Bachelor", "Bachelor", "Master")),
    )
    shared: dict[str, Any] = {"person_id": person_id}
    context.add(
        tables.Contact,
        FIRST_DAY,
        type="WhatsApp",
        value=context.names.phone(),
        is_primary=True,
        **shared,
    )
    context.add(
        tables.Identifier,
        FIRST_DAY,
        type="EmployeeNo",
        issuer=entity.code,
        value=f"E-{entity.next_number('employee'):04}",
        **shared,
    )
    context.join(tables.PersonUnit, unit_id=unit.id, role=role, start_date=hired, **shared)
    context.join(tables.PersonTag, tag_id=context.ids[tables.Tag, "karyawan"], **shared)
    return person_id

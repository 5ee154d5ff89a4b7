"""What the entities sell: items, variants, their dated prices, and classes.

In: the context and an entity. Out: the rows, and objects that answer which price
holds on a day and which class has a seat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from atlas import tables
from atlas.demo.context import Context
from atlas.demo.organisation import Entity, Unit
from atlas.demo.size import FIRST_DAY, LAST_DAY

#: Prices went up with the new year.
_NEW_PRICES = date(2026, 1, 1)
_RISE = 1.08
#: A branch in the capital is dearer, from this day on.
_CAPITAL_PRICES = date(2026, 7, 1)
_SCHEDULES = (
    ("Sen-Rab 16:30-18:00", 0),
    ("Sel-Kam 19:00-20:30", 1),
    ("Sab 09:00-12:00", 5),
)


class _Variant(NamedTuple):
    code: str
    name: str
    price: int
    level: str | None = None
    mode: str | None = None
    class_format: str | None = None
    sessions: int | None = None
    minutes: int | None = None
    #: How long a class lasts; 0 for what has no class.
    weeks: int = 0


class _Item(NamedTuple):
    code: str
    name: str
    type: str
    category: str
    variants: tuple[_Variant, ...] = ()
    price: int = 0
    uom: str = "Package"
    taxed: bool = False
    #: How often it is sold, in relation to others of its type.
    weight: float = 1.0


def _group(code: str, level: str, price: int) -> _Variant:
    name = f"{level} Kelas Grup"
    return _Variant(code, name, price, level, "Offline", "Group", 24, 90, 12)


def _online(code: str, level: str, price: int) -> _Variant:
    name = f"{level} Kelas Daring"
    return _Variant(code, name, price, level, "Online", "Group", 24, 90, 12)


def _exam(code: str, name: str, price: int, mode: str) -> _Variant:
    return _Variant(code, name, price, None, mode, None, 1, 150, 1)


#: Of each entity: code, name and parent of the categories, then the items.
_CATALOGS: dict[str, tuple[tuple[tuple[str, str, str | None], ...], tuple[_Item, ...]]] = {
    "CKB": (
        (
            ("LANG", "Kursus Bahasa", None),
            ("ENG", "Bahasa Inggris", "LANG"),
            ("MAND", "Bahasa Mandarin", "LANG"),
            ("TEST", "Ujian", None),
            ("STORE", "Buku dan Perlengkapan", None),
            ("CORP", "Pelatihan Perusahaan", None),
        ),
        (
            _Item(
                "GE",
                "General English",
                "Course",
                "ENG",
                (
                    _group("A1-GRP", "A1", 2_300_000),
                    _group("A2-GRP", "A2", 2_400_000),
                    _group("B1-GRP", "B1", 2_600_000),
                    _online("A2-ONL", "A2", 1_800_000),
                    _online("B1-ONL", "B1", 1_950_000),
                    _Variant("PRV", "Privat", 4_200_000, None, "Hybrid", "Private", 12, 60, 8),
                ),
                weight=4,
            ),
            _Item(
                "MD",
                "Mandarin",
                "Course",
                "MAND",
                (
                    _group("HSK1-GRP", "HSK 1", 2_700_000),
                    _group("HSK2-GRP", "HSK 2", 2_900_000),
                ),
            ),
            _Item(
                "EPT",
                "English Proficiency Test",
                "Exam",
                "TEST",
                (
                    _exam("OFF", "Di pusat ujian", 650_000, "Offline"),
                    _exam("ONL", "Daring", 550_000, "Online"),
                ),
                uom="Seat",
            ),
            _Item(
                "ABROAD",
                "Persiapan Studi ke Luar Negeri",
                "Program",
                "ENG",
                (
                    _Variant(
                        "STD", "Reguler", 7_500_000, None, "Hybrid", "SemiPrivate", 48, 120, 24
                    ),
                ),
            ),
            _Item(
                "BOOK-GE", "Buku General English", "Product", "STORE", price=185_000, uom="Piece"
            ),
            _Item("BOOK-MD", "Buku Mandarin", "Product", "STORE", price=210_000, uom="Piece"),
            _Item(
                "TOTE", "Tas Cakrawala", "Product", "STORE", price=120_000, uom="Piece", taxed=True
            ),
            _Item(
                "CORP-ENG",
                "English for Business",
                "Service",
                "CORP",
                (_Variant("INH", "In-house", 1_500_000, None, "Offline", "InHouse", 12, 120, 12),),
                uom="Seat",
                taxed=True,
            ),
        ),
    ),
    "CKT": (
        (
            ("SKILL", "Keterampilan Kerja", None),
            ("IT", "Teknologi Informasi", "SKILL"),
            ("HOSP", "Perhotelan", "SKILL"),
            ("TEST", "Sertifikasi", None),
            ("STORE", "Perlengkapan", None),
            ("CORP", "Pelatihan Perusahaan", None),
        ),
        (
            _Item(
                "OFFICE",
                "Administrasi Perkantoran",
                "Course",
                "IT",
                (
                    _group("DSR-GRP", "Dasar", 1_900_000),
                    _group("LNJ-GRP", "Lanjutan", 2_200_000),
                ),
                weight=2,
            ),
            _Item(
                "DIGMKT",
                "Pemasaran Digital",
                "Course",
                "IT",
                (
                    _group("GRP", "Reguler", 3_200_000),
                    _online("ONL", "Reguler", 2_500_000),
                ),
            ),
            _Item("BARISTA", "Barista", "Course", "HOSP", (_group("GRP", "Reguler", 3_500_000),)),
            _Item(
                "SERTIF",
                "Uji Kompetensi",
                "Exam",
                "TEST",
                (_exam("OFF", "Di tempat uji", 900_000, "Offline"),),
                uom="Seat",
            ),
            _Item(
                "SIAPKERJA",
                "Program Siap Kerja",
                "Program",
                "SKILL",
                (_Variant("STD", "Reguler", 9_000_000, None, "Offline", "Group", 72, 180, 24),),
            ),
            _Item("APRON", "Celemek", "Product", "STORE", price=95_000, uom="Piece", taxed=True),
            _Item("MODUL-IT", "Modul Komputer", "Product", "STORE", price=140_000, uom="Piece"),
            _Item(
                "CORP-IT",
                "Pelatihan Komputer Perusahaan",
                "Service",
                "CORP",
                (_Variant("INH", "In-house", 1_250_000, None, "Offline", "InHouse", 8, 180, 8),),
                uom="Seat",
                taxed=True,
            ),
        ),
    ),
    "CKC": (
        (
            ("BIMBEL", "Bimbingan Belajar", None),
            ("SD", "Sekolah Dasar", "BIMBEL"),
            ("SMA", "Sekolah Menengah", "BIMBEL"),
            ("TEST", "Ujian", None),
            ("STORE", "Buku", None),
            ("CORP", "Kerja Sama Sekolah", None),
        ),
        (
            _Item(
                "MAT",
                "Matematika",
                "Course",
                "SD",
                (
                    _group("SD-GRP", "SD", 1_500_000),
                    _group("SMP-GRP", "SMP", 1_700_000),
                    _online("SMP-ONL", "SMP", 1_200_000),
                ),
                weight=2,
            ),
            _Item(
                "CALIS",
                "Baca Tulis Hitung",
                "Course",
                "SD",
                (_group("TK-GRP", "TK", 1_350_000),),
            ),
            _Item(
                "TRYOUT",
                "Try-out",
                "Exam",
                "TEST",
                (
                    _exam("OFF", "Di cabang", 150_000, "Offline"),
                    _exam("ONL", "Daring", 90_000, "Online"),
                ),
                uom="Seat",
            ),
            _Item(
                "SNBT",
                "Persiapan SNBT",
                "Program",
                "SMA",
                (_Variant("STD", "Reguler", 6_000_000, None, "Hybrid", "Group", 60, 120, 24),),
            ),
            _Item("MODUL-MAT", "Modul Matematika", "Product", "STORE", price=110_000, uom="Piece"),
            _Item(
                "KAOS", "Kaos Cendekia", "Product", "STORE", price=85_000, uom="Piece", taxed=True
            ),
            _Item(
                "KELAS",
                "Kelas Tambahan di Sekolah",
                "Service",
                "CORP",
                (_Variant("INH", "Di sekolah", 450_000, None, "Offline", "InHouse", 12, 90, 12),),
                uom="Seat",
            ),
        ),
    ),
}

#: An order of a school comes with a fee once.
_FEE = _Item("DAFTAR", "Biaya Pendaftaran", "Service", "CORP", price=150_000, uom="Piece")
_FEE_CODE = _FEE.code

_INCOME = {
    "Course": "4-1000",
    "Exam": "4-2000",
    "Program": "4-3000",
    "Product": "4-4000",
    "Service": "4-5000",
}


@dataclass
class Price:
    """A dated price."""

    id: str
    amount: int
    tier: str
    unit_id: str | None
    first: date
    last: date


@dataclass(eq=False)  # each is itself, and can be a key
class Variant:
    """A priced form of an item; an item without variants is sold as one without an id."""

    id: str | None
    code: str
    mode: str | None
    weeks: int
    prices: list[Price] = field(default_factory=list)

    def price(self, unit: Unit, day: date, tiers: tuple[str, ...]) -> Price:
        """Return the price that holds for a unit on a day, of the first tier that has one."""
        found = [p for p in self.prices if p.first <= day <= p.last]
        for tier in tiers:
            for unit_id in (unit.id, None):
                for price in found:
                    if price.tier == tier and price.unit_id == unit_id:
                        return price
        raise LookupError(f"{self.code} has no price on {day}")


@dataclass
class Item:
    """A sellable thing."""

    id: str
    code: str
    name: str
    type: str
    category_id: str
    is_taxed: bool
    income_account: str
    weight: float
    variants: list[Variant]


@dataclass
class Batch:
    """A class with seats."""

    id: str
    start: date
    end: date
    capacity: int
    status: str
    persons: set[str] = field(default_factory=set)


class Catalog:
    """The catalogue of one entity, and its classes."""

    def __init__(self, context: Context, entity: Entity) -> None:
        self._world = context
        self._entity = entity
        self.categories: dict[str, str] = {}
        #: Items of each type.
        self.items: dict[str, list[Item]] = {}
        self._batches: dict[tuple[Variant, str], Batch] = {}
        categories, items = _CATALOGS[entity.code]
        for order, (code, name, parent) in enumerate(categories):
            self.categories[code] = context.add(
                tables.Category,
                FIRST_DAY,
                entity_id=entity.id,
                parent_id=parent and self.categories[parent],
                code=code,
                name=name,
                sort_order=order,
            )
        made = {item.code: self._item(item) for item in items}
        self.fee = self._item(_FEE)
        for item in made.values():
            self.items.setdefault(item.type, []).append(item)
        (program,) = self.items["Program"]
        for item in (*self.items["Course"][:1], *self.items["Exam"], *self.items["Product"][:1]):
            context.join(
                tables.ItemComponent,
                item_id=program.id,
                component_id=item.id,
                quantity=2 if item.type == "Course" else 1,
                is_required=item.type != "Product",
            )

    def _item(self, item: _Item) -> Item:
        context, entity = self._world, self._entity
        item_id = context.add(
            tables.Item,
            FIRST_DAY,
            entity_id=entity.id,
            category_id=self.categories[item.category],
            code=item.code,
            name=item.name,
            type=item.type,
            uom=item.uom,
        )
        variants = []
        for row in item.variants:
            variant_id = context.add(
                tables.Variant,
                FIRST_DAY,
                item_id=item_id,
                code=row.code,
                name=row.name,
                level=row.level,
                mode=row.mode,
                class_format=row.class_format,
                session_count=row.sessions,
                duration_minutes=row.minutes,
            )
            variant = Variant(variant_id, row.code, row.mode, row.weeks)
            self._prices(variant, row.price, f"{item.code}/{row.code}", variant_id=variant_id)
            variants.append(variant)
        if not variants:
            variants = [Variant(None, item.code, None, 0)]
            self._prices(variants[0], item.price, item.code, item_id=item_id)
        return Item(
            item_id,
            item.code,
            item.name,
            item.type,
            self.categories[item.category],
            item.taxed,
            entity.accounts[_INCOME[item.type]],
            item.weight,
            variants,
        )

    def _prices(self, variant: Variant, amount: int, key: str, **target: Any) -> None:
        """Make the prices of an item or a variant; none of a tier and a unit overlap."""
        dearer = _rounded(amount * _RISE)
        self._price(variant, f"{key}/2025", amount, FIRST_DAY, date(2025, 12, 31), **target)
        self._price(variant, f"{key}/2026", dearer, _NEW_PRICES, None, **target)
        if variant.weeks >= 8:
            for year, full in ((2025, amount), (2026, dearer)):
                first, last = date(year, 5, 1), date(year, 6, 15)
                self._price(
                    *(variant, f"{key}/{year}/early", _rounded(full * 0.9), first, last),
                    tier="EarlyBird",
                    **target,
                )
            capital = next((unit for unit in self._entity.units if unit.code == "JKT"), None)
            if capital and variant.mode != "Online":
                self._price(
                    *(variant, f"{key}/JKT", _rounded(dearer * 1.05), _CAPITAL_PRICES, None),
                    unit_id=capital.id,
                    **target,
                )

    def _price(
        self,
        variant: Variant,
        key: str,
        amount: int,
        first: date,
        last: date | None,
        tier: str = "Regular",
        unit_id: str | None = None,
        **target: Any,
    ) -> None:
        price_id = self._world.add(
            tables.Price,
            FIRST_DAY,
            unit_id=unit_id,
            tier=tier,
            amount=amount,
            valid_from=first,
            valid_to=last,
            source_id=self._entity.source_id,
            source_key=f"price/{key}",
            **target,
        )
        variant.prices.append(Price(price_id, amount, tier, unit_id, first, last or LAST_DAY))

    def seat(self, item: Item, variant: Variant, unit: Unit, day: date, person: str) -> Batch:
        """Seat a person in the next class of ``variant`` at ``unit``, a new one when it is full."""
        batch = self._batches.get((variant, unit.id))
        if batch is None or batch.start <= day or self._is_closed_to(batch, person):
            batch = self._batch(item, variant, unit, day)
            self._batches[variant, unit.id] = batch
        batch.persons.add(person)
        return batch

    def open_class(self, item: Item, variant: Variant, unit: Unit, day: date) -> Batch:
        """Open a class for one customer alone."""
        return self._batch(item, variant, unit, day)

    @staticmethod
    def _is_closed_to(batch: Batch, person: str) -> bool:
        return len(batch.persons) >= batch.capacity or person in batch.persons

    def _batch(self, item: Item, variant: Variant, unit: Unit, day: date) -> Batch:
        context, entity = self._world, self._entity
        schedule, weekday = context.pick(_SCHEDULES)
        start = day + timedelta(days=context.between(10, 24))
        start += timedelta(days=(weekday - start.weekday()) % 7)
        is_exam = item.type == "Exam"
        end = start if is_exam else start + timedelta(weeks=variant.weeks) - timedelta(days=1)
        status = "Open" if start > LAST_DAY else "Running" if end > LAST_DAY else "Completed"
        capacity = 40 if is_exam else 16 if variant.mode == "Online" else 12
        code = f"{item.code}-{variant.code}-{unit.code}"
        batch_id = context.add(
            tables.Batch,
            day,
            entity_id=entity.id,
            variant_id=variant.id,
            unit_id=unit.id,
            code=f"{code}-{start:%y%m}-{entity.next_number(code)}",
            name=f"{item.name} {variant.code}, {unit.code}, {start:%d-%m-%Y}",
            start_date=start,
            end_date=end,
            schedule_note=schedule,
            capacity=capacity,
            status=status,
        )
        teachers = list(unit.instructors)
        context.random.shuffle(teachers)
        for role, person_id in zip(
            ("Examiner",) if is_exam else ("Lead", "Assistant")[: context.between(1, 2)],
            teachers,
            strict=False,
        ):
            context.join(tables.BatchInstructor, batch_id=batch_id, person_id=person_id, role=role)
        return Batch(batch_id, start, end, capacity, status)


def _rounded(amount: float) -> int:
    """Return a price to the next 5,000 rupiah."""
    return math.ceil(amount / 5_000) * 5_000


def tax(amount: int, item: Item) -> int:
    """Return the VAT on an amount: 11 %, of what is not education."""
    return int(amount * 11 / 100 + 0.5) if item.is_taxed else 0


def line_of(item: Item, variant: Variant, price: Price, quantity: float) -> dict[str, Any]:
    """Return the columns of an order line that say what was sold, without discount."""
    gross = int(quantity * price.amount + 0.5)
    taxes = tax(gross, item)
    return {
        "item_id": item.id,
        "variant_id": variant.id,
        "price_id": price.id,
        "description": item.name,
        "quantity": quantity,
        "unit_price": price.amount,
        "discount_amount": 0,
        "tax_amount": taxes,
        "total_amount": gross + taxes,
    }

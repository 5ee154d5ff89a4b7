"""A language school to look at: one entity with a row in nearly every table.

In: nothing. Out: rows that stand on those of ``reference``, so load these
first. They obey docs/model.md section 7. Every name is invented; telephone
numbers and identity numbers are of a form that nobody is given.

Rows of the entity are found by its code and their own (``_own``), persons and
rows without a code by the source ``demo`` and a key (``_keyed``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import atlas
from atlas.table import Table
from school.loader import Row

_Rows = list[tuple[type[Table], Row]]

_ENTITY = "DEMO"
_SOURCE = "demo"


def demo() -> _Rows:
    """Return the demo entity and everything that hangs on it, parents before children."""
    return [
        *_organisation(),
        *_persons(),
        *_catalog(),
        *_sales(),
        *_money(),
        *_marketing(),
        *_targets(),
    ]


def _own(code: str) -> tuple[str, str]:
    """Return the natural key of a row that the entity's code and its own identify."""
    return (_ENTITY, code)


def _keyed(key: str) -> tuple[str, str]:
    """Return the natural key of a person, or of a row that has no code."""
    return (_SOURCE, key)


def _rows(table: type[Table], rows: Iterable[Row], **shared: Any) -> _Rows:
    return [(table, {**shared, **row}) for row in rows]


def _sourced(key: str, **values: Any) -> Row:
    return {"source_id": _SOURCE, "source_key": key, **values}


# --- core -------------------------------------------------------------------


def _organisation() -> _Rows:
    cities = (
        ("31.74", "Kota Administrasi Jakarta Selatan"),
        ("32.73", "Kota Bandung"),
        ("51.71", "Kota Denpasar"),
    )
    return [
        (
            atlas.Entity,
            {
                "code": _ENTITY,
                "name": "Cakrawala Bahasa (demo)",
                "legal_name": "PT Cakrawala Bahasa Demo",
                "legal_form": "PT",
                "npwp": "0000000000001234",
            },
        ),
        *_rows(
            atlas.Region,
            (
                {"code": code, "name": name, "type": "City", "parent_id": code[:2]}
                for code, name in cities
            ),
        ),
        *_rows(
            atlas.Unit,
            [
                {
                    "code": "HO",
                    "name": "Kantor Pusat",
                    "type": "HeadOffice",
                    "region_id": "31.74",
                    "open_date": date(2018, 3, 1),
                },
                {
                    "code": "JKT",
                    "name": "Jakarta Selatan",
                    "parent_id": _own("HO"),
                    "region_id": "31.74",
                    "phone": "+6281200000101",
                    "open_date": date(2018, 3, 1),
                },
                {
                    "code": "BDG",
                    "name": "Bandung",
                    "parent_id": _own("HO"),
                    "region_id": "32.73",
                    "phone": "+6281200000102",
                    "open_date": date(2020, 7, 6),
                },
                {
                    "code": "DPS",
                    "name": "Denpasar",
                    "parent_id": _own("HO"),
                    "region_id": "51.71",
                    "timezone": "Asia/Makassar",
                    "phone": "+6281200000103",
                    "open_date": date(2023, 1, 9),
                },
                {
                    "code": "ONL",
                    "name": "Kelas Daring",
                    "type": "Online",
                    "parent_id": _own("HO"),
                    "open_date": date(2021, 1, 4),
                },
            ],
            entity_id=_ENTITY,
        ),
        (
            atlas.Source,
            {
                "entity_id": _ENTITY,
                "code": _SOURCE,
                "name": "Demo rows of `atlas seed --demo`",
                "type": "Manual",
            },
        ),
    ]


# --- db ---------------------------------------------------------------------


def _person(key: str, full_name: str, whatsapp: str, **values: Any) -> _Rows:
    """Return a person with the identifier that finds them again and their WhatsApp number."""
    return [
        (atlas.Person, _sourced(key, full_name=full_name, **values)),
        (
            atlas.Identifier,
            {
                "person_id": _keyed(key),
                "source_id": _SOURCE,
                "type": "External",
                "issuer": _SOURCE,
                "value": key,
            },
        ),
        (
            atlas.Contact,
            {
                "person_id": _keyed(key),
                "type": "WhatsApp",
                "value": whatsapp,
                "is_primary": True,
            },
        ),
    ]


def _number(key: str, kind: str, issuer: str, value: str) -> Row:
    return {"person_id": _keyed(key), "type": kind, "issuer": issuer, "value": value}


def _persons() -> _Rows:
    male = {"gender": "Male"}
    female = {"gender": "Female"}
    return [
        # staff
        *_person("ratna", "Ratna Dewi Anggraini", "+6281200000001", **female),
        *_person("bagus", "Bagus Prasetyo", "+6281200000002", **male),
        *_person("suardana", "I Made Suardana", "+6281200000003", **male),
        *_person("yohanes", "Yohanes Simanjuntak", "+6281200000004", **male),
        *_person("lestari", "Lestari Handayani", "+6281200000005", **female),
        *_person("fajar", "Fajar Wicaksono", "+6281200000006", **male),
        *_person("aisyah", "Nur Aisyah", "+6281200000007", **female),
        # a father and his children, who share his number
        *_person(
            "hendra",
            "Hendra Kusuma",
            "+6281200000011",
            birth_date=date(1981, 8, 17),
            birth_place="Bandung",
            education_level="Bachelor",
            region_id="31.74",
            **male,
        ),
        *_person(
            "alya",
            "Alya Putri Kusuma",
            "+6281200000011",
            nickname="Alya",
            birth_date=date(2011, 5, 14),
            education_level="JuniorHigh",
            region_id="31.74",
            **female,
        ),
        *_person(
            "raka",
            "Raka Aditya Kusuma",
            "+6281200000011",
            nickname="Raka",
            birth_date=date(2008, 11, 2),
            education_level="SeniorHigh",
            region_id="31.74",
            **male,
        ),
        # learners who pay for themselves, a customer of the shop, and two who only asked
        *_person(
            "kartika",
            "Wayan Kartika Sari",
            "+6281200000012",
            birth_date=date(1999, 2, 26),
            education_level="Bachelor",
            region_id="51.71",
            **female,
        ),
        *_person("rina", "Rina Marlina", "+6281200000013", region_id="32.73", **female),
        *_person("ilham", "Ilham Ramadhan", "+6281200000014", region_id="32.73", **male),
        *_person("nadia", "Nadia Safitri", "+6281200000015", region_id="51.71", **female),
        # sent by their employer
        *_person("surya", "Surya Hidayat", "+6281200000021", **male),
        *_person("melati", "Melati Puspitasari", "+6281200000022", **female),
        *_rows(
            atlas.Organization,
            [
                _sourced(
                    "samudra",
                    name="PT Samudra Logistik",
                    type="Company",
                    npwp="0000000000005678",
                    email="hrd@samudra.example",
                    region_id="32.73",
                ),
                _sourced(
                    "sma-harapan",
                    name="SMA Harapan Nusa",
                    type="School",
                    website="https://sma-harapan.example",
                    region_id="32.73",
                ),
            ],
        ),
        *_rows(
            atlas.Contact,
            [
                {
                    "person_id": _keyed("hendra"),
                    "type": "Email",
                    "value": "hendra@kusuma.example",
                    "is_primary": True,
                    "is_verified": True,
                },
                {
                    "person_id": _keyed("kartika"),
                    "type": "Instagram",
                    "value": "kartika.demo",
                    "is_primary": True,
                },
            ],
        ),
        *_rows(
            atlas.Identifier,
            [
                # The serial number of a NIK, its last four digits, starts at 0001.
                _number("hendra", "NIK", "ID", "3174011708810000"),
                _number("kartika", "NIK", "ID", "5171016602990000"),
                _number("alya", "StudentNo", _ENTITY, "S-26001"),
                _number("raka", "StudentNo", _ENTITY, "S-26002"),
                _number("kartika", "StudentNo", _ENTITY, "S-26003"),
                _number("ratna", "EmployeeNo", _ENTITY, "E-001"),
                _number("yohanes", "EmployeeNo", _ENTITY, "E-014"),
            ],
        ),
        *_rows(
            atlas.Relation,
            [
                {"to_person_id": _keyed("alya"), "type": "Parent"},
                {"to_person_id": _keyed("alya"), "type": "EmergencyContact"},
                {"to_person_id": _keyed("raka"), "type": "Parent"},
            ],
            from_person_id=_keyed("hendra"),
        ),
        *_rows(
            atlas.Tag,
            [
                {"code": "orang-tua", "name": "Orang tua", "type": "Segment"},
                {"code": "alumni", "name": "Alumni", "type": "Status"},
                {"code": "studi-luar-negeri", "name": "Studi luar negeri", "type": "Interest"},
            ],
        ),
        *_rows(
            atlas.PersonTag,
            [
                {"person_id": _keyed("hendra"), "tag_id": "orang-tua"},
                {"person_id": _keyed("alya"), "tag_id": "alumni"},
                {"person_id": _keyed("kartika"), "tag_id": "alumni"},
                {"person_id": _keyed("kartika"), "tag_id": "studi-luar-negeri"},
                {"person_id": _keyed("nadia"), "tag_id": "studi-luar-negeri"},
            ],
        ),
        *_rows(
            atlas.PersonOrganization,
            [
                {
                    "person_id": _keyed("surya"),
                    "organization_id": _keyed("samudra"),
                    "role": "Employee",
                    "job_title": "Koordinator Gudang",
                    "is_primary": True,
                },
                {
                    "person_id": _keyed("melati"),
                    "organization_id": _keyed("samudra"),
                    "role": "Employee",
                    "job_title": "Staf Ekspor",
                    "is_primary": True,
                },
                {
                    "person_id": _keyed("ilham"),
                    "organization_id": _keyed("sma-harapan"),
                    "role": "Student",
                    "is_primary": True,
                },
            ],
        ),
        *(
            (
                atlas.PersonUnit,
                {
                    "person_id": _keyed(person),
                    "unit_id": _own(unit),
                    "role": role,
                    "start_date": start,
                },
            )
            for person, unit, role, start in [
                ("ratna", "HO", "Manager", date(2018, 3, 1)),
                ("aisyah", "HO", "Finance", date(2019, 2, 4)),
                ("fajar", "HO", "Marketing", date(2021, 6, 7)),
                ("bagus", "JKT", "Sales", date(2022, 1, 10)),
                ("bagus", "ONL", "Sales", date(2022, 1, 10)),
                ("lestari", "BDG", "Manager", date(2020, 7, 6)),
                ("suardana", "DPS", "Sales", date(2023, 1, 9)),
                ("suardana", "ONL", "Sales", date(2024, 1, 8)),
                ("yohanes", "JKT", "Instructor", date(2019, 8, 5)),
            ]
        ),
    ]


# --- catalog ----------------------------------------------------------------


def _variant(item: str, variant: str) -> tuple[tuple[str, str], str]:
    """Return the natural key of a variant."""
    return (_own(item), variant)


def _price(
    key: str, amount: int, valid_from: date, valid_to: date | None = None, **values: Any
) -> Row:
    return _sourced(key, amount=amount, valid_from=valid_from, valid_to=valid_to, **values)


def _catalog() -> _Rows:
    group = _variant("GE", "A2-GRP")
    new_year = date(2026, 1, 1)
    return [
        *_rows(
            atlas.Category,
            [
                {"code": "LANG", "name": "Kursus Bahasa", "sort_order": 1},
                {
                    "code": "ENG",
                    "name": "Bahasa Inggris",
                    "parent_id": _own("LANG"),
                    "sort_order": 1,
                },
                {"code": "TEST", "name": "Ujian", "sort_order": 2},
                {"code": "STORE", "name": "Buku dan Perlengkapan", "sort_order": 3},
                {"code": "CORP", "name": "Pelatihan Perusahaan", "sort_order": 4},
            ],
            entity_id=_ENTITY,
        ),
        *(
            (
                atlas.Item,
                {
                    "entity_id": _ENTITY,
                    "category_id": _own(category),
                    "code": code,
                    "name": name,
                    "type": kind,
                    "uom": uom,
                },
            )
            for code, name, category, kind, uom in [
                ("GE", "General English", "ENG", "Course", "Package"),
                ("EPT", "Tes Kecakapan", "TEST", "Exam", "Seat"),
                ("ABROAD", "Persiapan Studi", "ENG", "Program", "Package"),
                ("BOOK-A2", "Buku Kursus A2", "STORE", "Product", "Piece"),
                ("TOTE", "Tas Cakrawala", "STORE", "Product", "Piece"),
                ("ENG-LOG", "Logistics English", "CORP", "Service", "Session"),
            ]
        ),
        *_rows(
            atlas.Variant,
            [
                {
                    "item_id": _own("GE"),
                    "code": "A2-GRP",
                    "name": "A2 grup, 24 pertemuan",
                    "level": "A2",
                    "mode": "Offline",
                    "class_format": "Group",
                    "session_count": 24,
                    "duration_minutes": 90,
                },
                {
                    "item_id": _own("GE"),
                    "code": "B1-ONL",
                    "name": "B1 daring, 24 pertemuan",
                    "level": "B1",
                    "mode": "Online",
                    "class_format": "SemiPrivate",
                    "session_count": 24,
                    "duration_minutes": 90,
                },
                {
                    "item_id": _own("EPT"),
                    "code": "ONL",
                    "name": "Ujian daring",
                    "mode": "Online",
                    "duration_minutes": 120,
                },
                {
                    "item_id": _own("ABROAD"),
                    "code": "STD",
                    "name": "Paket enam bulan",
                    "mode": "Hybrid",
                    "class_format": "Group",
                },
                {
                    "item_id": _own("ENG-LOG"),
                    "code": "INH",
                    "name": "Di kantor klien",
                    "mode": "Offline",
                    "class_format": "InHouse",
                    "duration_minutes": 120,
                },
            ],
        ),
        *_rows(
            atlas.Price,
            [
                _price(
                    "GE/A2-GRP/2025",
                    2_500_000,
                    date(2025, 1, 1),
                    date(2025, 12, 31),
                    variant_id=group,
                ),
                _price("GE/A2-GRP/2026", 2_700_000, new_year, variant_id=group),
                _price(
                    "GE/A2-GRP/2026/DPS",
                    2_400_000,
                    new_year,
                    variant_id=group,
                    unit_id=_own("DPS"),
                ),
                _price(
                    "GE/A2-GRP/2026/early",
                    2_430_000,
                    date(2025, 11, 1),
                    date(2025, 12, 31),
                    variant_id=group,
                    tier="EarlyBird",
                ),
                _price("GE/B1-ONL/2026", 2_200_000, new_year, variant_id=_variant("GE", "B1-ONL")),
                _price("EPT/ONL/2026", 650_000, new_year, variant_id=_variant("EPT", "ONL")),
                _price(
                    "ABROAD/STD/2026", 6_900_000, new_year, variant_id=_variant("ABROAD", "STD")
                ),
                _price("BOOK-A2/2026", 185_000, new_year, item_id=_own("BOOK-A2")),
                _price("TOTE/2026", 120_000, new_year, item_id=_own("TOTE")),
                _price(
                    "ENG-LOG/2026",
                    1_500_000,
                    new_year,
                    variant_id=_variant("ENG-LOG", "INH"),
                    tier="Corporate",
                    min_quantity=10,
                ),
            ],
        ),
        *_rows(
            atlas.Batch,
            [
                {
                    "variant_id": group,
                    "unit_id": _own("JKT"),
                    "code": "GE-A2-JKT-2601",
                    "name": "General English A2, Januari 2026",
                    "start_date": date(2026, 1, 12),
                    "end_date": date(2026, 3, 30),
                    "schedule_note": "Sen-Rab 16:30-18:00",
                    "capacity": 12,
                    "status": "Completed",
                },
                {
                    "variant_id": _variant("EPT", "ONL"),
                    "unit_id": _own("ONL"),
                    "code": "EPT-260221",
                    "name": "Tes Kecakapan, 21 Februari 2026",
                    "start_date": date(2026, 2, 21),
                    "end_date": date(2026, 2, 21),
                    "capacity": 40,
                    "status": "Completed",
                },
                {
                    "variant_id": _variant("ENG-LOG", "INH"),
                    "unit_id": _own("BDG"),
                    "code": "LOG-SAMUDRA-2604",
                    "name": "Logistics English, PT Samudra Logistik",
                    "start_date": date(2026, 4, 6),
                    "end_date": date(2026, 6, 22),
                    "schedule_note": "Sen 14:00-16:00",
                    "capacity": 10,
                    "status": "Completed",
                },
                {
                    "variant_id": _variant("GE", "B1-ONL"),
                    "unit_id": _own("ONL"),
                    "code": "GE-B1-ONL-2607",
                    "name": "General English B1 daring, Juli 2026",
                    "start_date": date(2026, 7, 6),
                    "schedule_note": "Sel-Kam 19:00-20:30",
                    "capacity": 4,
                    "status": "Running",
                },
            ],
            entity_id=_ENTITY,
        ),
        *_rows(
            atlas.BatchInstructor,
            [
                {"batch_id": _own("GE-A2-JKT-2601"), "person_id": _keyed("yohanes")},
                {
                    "batch_id": _own("GE-A2-JKT-2601"),
                    "person_id": _keyed("lestari"),
                    "role": "Substitute",
                },
                {
                    "batch_id": _own("EPT-260221"),
                    "person_id": _keyed("lestari"),
                    "role": "Examiner",
                },
                {"batch_id": _own("LOG-SAMUDRA-2604"), "person_id": _keyed("lestari")},
                {"batch_id": _own("GE-B1-ONL-2607"), "person_id": _keyed("yohanes")},
            ],
        ),
        *_rows(
            atlas.ItemComponent,
            [
                {"component_id": _own("GE"), "quantity": 2},
                {"component_id": _own("EPT")},
                {"component_id": _own("BOOK-A2"), "is_required": False},
            ],
            item_id=_own("ABROAD"),
        ),
    ]


# --- commerce ---------------------------------------------------------------


def _line(
    item: str,
    unit_price: int,
    *,
    quantity: int = 1,
    discount: int = 0,
    tax: int = 0,
    **values: Any,
) -> dict[str, Any]:
    return {
        "item_id": _own(item),
        "quantity": quantity,
        "unit_price": unit_price,
        "discount_amount": discount,
        "tax_amount": tax,
        "total_amount": quantity * unit_price - discount + tax,
        **values,
    }


def _order(number: str, unit: str, lines: list[dict[str, Any]], **values: Any) -> _Rows:
    """Return an order whose four totals are those of its lines (rule O4), and the lines."""
    order = {
        "entity_id": _ENTITY,
        "unit_id": _own(unit),
        "number": number,
        "subtotal_amount": sum(line["quantity"] * line["unit_price"] for line in lines),
        "discount_amount": sum(line["discount_amount"] for line in lines),
        "tax_amount": sum(line["tax_amount"] for line in lines),
        "total_amount": sum(line["total_amount"] for line in lines),
        **values,
    }
    return [
        (atlas.Order, order),
        *(
            (atlas.OrderLine, {"order_id": _own(number), "line_no": line_no, **line})
            for line_no, line in enumerate(lines, start=1)
        ),
    ]


def _enrollment(number: str, person: str, batch: str, **values: Any) -> Row:
    """Return the enrollment of a person in what the order's first line sold."""
    return {
        "order_line_id": (_own(number), 1),
        "person_id": _keyed(person),
        "batch_id": _own(batch),
        **values,
    }


def _sales() -> _Rows:
    return [
        (
            atlas.Promotion,
            {
                "entity_id": _ENTITY,
                "code": "PSB10",
                "name": "Siswa baru, potongan 10%",
                "type": "Seasonal",
                "value_type": "Percentage",
                "value": 10,
                "max_discount_amount": 500_000,
                "min_order_amount": 1_000_000,
                "usage_limit": 100,
                "start_date": date(2026, 1, 1),
                "end_date": date(2026, 3, 31),
            },
        ),
        *_order(
            "SO-0001",
            "JKT",
            [
                _line(
                    "GE",
                    2_700_000,
                    discount=270_000,
                    variant_id=_variant("GE", "A2-GRP"),
                    price_id=_keyed("GE/A2-GRP/2026"),
                    promotion_id=_own("PSB10"),
                ),
                _line("BOOK-A2", 185_000, price_id=_keyed("BOOK-A2/2026")),
            ],
            type="Enrollment",
            status="Completed",
            order_date=date(2026, 1, 5),
            customer_id=_keyed("hendra"),
            participant_id=_keyed("alya"),
            sales_person_id=_keyed("bagus"),
            channel_id="whatsapp",
        ),
        *_order(
            "SO-0002",
            "ONL",
            [
                _line(
                    "EPT",
                    650_000,
                    variant_id=_variant("EPT", "ONL"),
                    price_id=_keyed("EPT/ONL/2026"),
                )
            ],
            type="Enrollment",
            status="Completed",
            order_date=date(2026, 2, 2),
            customer_id=_keyed("kartika"),
            participant_id=_keyed("kartika"),
            sales_person_id=_keyed("suardana"),
            channel_id="instagram",
        ),
        *_order(
            "SO-0003",
            "BDG",
            [
                _line("BOOK-A2", 185_000, quantity=2, price_id=_keyed("BOOK-A2/2026")),
                # Books are free of VAT, the bag is not.
                _line("TOTE", 120_000, tax=13_200, price_id=_keyed("TOTE/2026")),
            ],
            type="Product",
            status="Completed",
            order_date=date(2026, 2, 14),
            customer_id=_keyed("rina"),
            channel_id="walk-in",
        ),
        *_order(
            "SO-0004",
            "BDG",
            [
                _line(
                    "ENG-LOG",
                    1_500_000,
                    quantity=12,
                    tax=1_980_000,
                    variant_id=_variant("ENG-LOG", "INH"),
                    price_id=_keyed("ENG-LOG/2026"),
                )
            ],
            type="Service",
            status="Confirmed",
            order_date=date(2026, 3, 16),
            organization_id=_keyed("samudra"),
            sales_person_id=_keyed("lestari"),
            channel_id="partner",
        ),
        *_order(
            "SO-0005",
            "ONL",
            [
                _line(
                    "GE",
                    2_200_000,
                    variant_id=_variant("GE", "B1-ONL"),
                    price_id=_keyed("GE/B1-ONL/2026"),
                )
            ],
            type="Enrollment",
            status="Confirmed",
            order_date=date(2026, 6, 20),
            customer_id=_keyed("hendra"),
            participant_id=_keyed("raka"),
            sales_person_id=_keyed("bagus"),
            channel_id="referral",
        ),
        *_order(
            "SO-0006",
            "DPS",
            [
                _line(
                    "ABROAD",
                    6_900_000,
                    variant_id=_variant("ABROAD", "STD"),
                    price_id=_keyed("ABROAD/STD/2026"),
                )
            ],
            type="Enrollment",
            status="Draft",
            order_date=date(2026, 7, 1),
            customer_id=_keyed("kartika"),
            participant_id=_keyed("kartika"),
            sales_person_id=_keyed("suardana"),
            channel_id="whatsapp",
        ),
        *_rows(
            atlas.Enrollment,
            [
                _enrollment(
                    "SO-0001",
                    "alya",
                    "GE-A2-JKT-2601",
                    status="Completed",
                    enroll_date=date(2026, 1, 7),
                    end_date=date(2026, 3, 30),
                    result="Passed",
                    score=86.5,
                    certificate_no="CB-2026-0001",
                ),
                _enrollment(
                    "SO-0002",
                    "kartika",
                    "EPT-260221",
                    status="Completed",
                    enroll_date=date(2026, 2, 2),
                    end_date=date(2026, 2, 21),
                    result="Passed",
                    score=91,
                    certificate_no="CB-2026-0002",
                ),
                _enrollment(
                    "SO-0004",
                    "surya",
                    "LOG-SAMUDRA-2604",
                    status="Completed",
                    enroll_date=date(2026, 4, 1),
                    end_date=date(2026, 6, 22),
                ),
                _enrollment(
                    "SO-0004",
                    "melati",
                    "LOG-SAMUDRA-2604",
                    status="Withdrawn",
                    enroll_date=date(2026, 4, 1),
                    end_date=date(2026, 5, 4),
                ),
                _enrollment(
                    "SO-0005",
                    "raka",
                    "GE-B1-ONL-2607",
                    status="Active",
                    enroll_date=date(2026, 6, 20),
                ),
            ],
        ),
    ]


# --- finance ----------------------------------------------------------------


def _invoice(
    number: str, order: str, lines: list[dict[str, Any]], issue: date, due: date, **values: Any
) -> _Rows:
    """Return an issued invoice whose totals are those of its lines (rule F1), and the lines.

    A line names the order line it bills by ``order_line_no``.
    """
    tax = sum(line.get("tax_amount", 0) for line in lines)
    invoice = {
        "entity_id": _ENTITY,
        "order_id": _own(order),
        "number": number,
        "issue_date": issue,
        "due_date": due,
        "status": "Issued",
        "tax_amount": tax,
        "total_amount": sum(line["amount"] for line in lines) + tax,
        **values,
    }
    rows: _Rows = [(atlas.Invoice, invoice)]
    for line_no, line in enumerate(lines, start=1):
        values = {name: value for name, value in line.items() if name != "order_line_no"}
        values["order_line_id"] = (_own(order), line["order_line_no"])
        rows.append((atlas.InvoiceLine, {"invoice_id": _own(number), "line_no": line_no, **values}))
    return rows


def _bills(order_line_no: int, account: str, amount: int, tax: int = 0) -> dict[str, Any]:
    return {
        "order_line_no": order_line_no,
        "account_id": _own(account),
        "amount": amount,
        "tax_amount": tax,
    }


def _payment(number: str, invoice: str | None, amount: int, **values: Any) -> _Rows:
    """Return a payment, and its allocation when it settles an invoice as a whole."""
    payment = {"entity_id": _ENTITY, "number": number, "amount": amount, **values}
    rows: _Rows = [(atlas.Payment, payment)]
    if invoice is not None:
        allocation = {"payment_id": _own(number), "invoice_id": _own(invoice), "amount": amount}
        rows.append((atlas.PaymentAllocation, allocation))
    return rows


def _money() -> _Rows:
    return [
        *(
            (
                atlas.Account,
                {
                    "entity_id": _ENTITY,
                    "code": code,
                    "name": name,
                    "type": kind,
                    "parent_id": _own(parent) if parent else None,
                    "is_group": flag == "group",
                    "is_cash": flag == "cash",
                },
            )
            for code, name, kind, parent, flag in [
                ("1-0000", "Aset", "Asset", "", "group"),
                ("1-1000", "Kas dan Bank", "Asset", "1-0000", "group"),
                ("1-1100", "Kas Kecil Bandung", "Asset", "1-1000", "cash"),
                ("1-1200", "Bank Operasional", "Asset", "1-1000", "cash"),
                ("1-1300", "Saldo Gerbang Pembayaran", "Asset", "1-1000", "cash"),
                ("1-2000", "Piutang Usaha", "Asset", "1-0000", ""),
                ("2-0000", "Liabilitas", "Liability", "", "group"),
                ("2-1000", "Pendapatan Diterima di Muka", "Liability", "2-0000", ""),
                ("3-0000", "Ekuitas", "Equity", "", "group"),
                ("3-1000", "Modal", "Equity", "3-0000", ""),
                ("4-0000", "Pendapatan", "Income", "", "group"),
                ("4-1000", "Pendapatan Kursus", "Income", "4-0000", ""),
                ("4-2000", "Pendapatan Ujian", "Income", "4-0000", ""),
                ("4-3000", "Penjualan Buku dan Perlengkapan", "Income", "4-0000", ""),
                ("4-4000", "Pendapatan Pelatihan Perusahaan", "Income", "4-0000", ""),
                ("5-0000", "Beban", "Expense", "", "group"),
                ("5-1000", "Beban Pemasaran", "Expense", "5-0000", ""),
            ]
        ),
        *_invoice(
            "INV-0001",
            "SO-0001",
            [_bills(1, "4-1000", 2_430_000), _bills(2, "4-3000", 185_000)],
            issue=date(2026, 1, 5),
            due=date(2026, 1, 12),
        ),
        *_invoice(
            "INV-0002",
            "SO-0002",
            [_bills(1, "4-2000", 650_000)],
            issue=date(2026, 2, 2),
            due=date(2026, 2, 9),
        ),
        *_invoice(
            "INV-0003",
            "SO-0003",
            [_bills(1, "4-3000", 370_000), _bills(2, "4-3000", 120_000, tax=13_200)],
            issue=date(2026, 2, 14),
            due=date(2026, 2, 14),
        ),
        *_invoice(
            "INV-0004",
            "SO-0004",
            [_bills(1, "4-4000", 9_000_000, tax=990_000)],
            issue=date(2026, 3, 16),
            due=date(2026, 3, 30),
        ),
        *_invoice(
            "INV-0005",
            "SO-0004",
            [_bills(1, "4-4000", 9_000_000, tax=990_000)],
            issue=date(2026, 5, 18),
            due=date(2026, 6, 1),
            installment_no=2,
        ),
        *_invoice(
            "INV-0006",
            "SO-0005",
            [_bills(1, "4-1000", 2_200_000)],
            issue=date(2026, 6, 20),
            due=date(2026, 7, 6),
        ),
        *_payment(
            "PAY-0001",
            "INV-0001",
            2_615_000,
            unit_id=_own("JKT"),
            account_id=_own("1-1200"),
            person_id=_keyed("hendra"),
            method="BankTransfer",
            payment_date=date(2026, 1, 7),
        ),
        *_payment(
            "PAY-0002",
            "INV-0002",
            650_000,
            account_id=_own("1-1300"),
            person_id=_keyed("kartika"),
            method="QRIS",
            payment_date=date(2026, 2, 2),
            fee_amount=4_550,
            reference="QR-DEMO-0002",
        ),
        *_payment(
            "PAY-0003",
            "INV-0003",
            503_200,
            unit_id=_own("BDG"),
            account_id=_own("1-1100"),
            person_id=_keyed("rina"),
            method="Cash",
            payment_date=date(2026, 2, 14),
        ),
        *_payment(
            "PAY-0004",
            "INV-0004",
            9_990_000,
            account_id=_own("1-1200"),
            organization_id=_keyed("samudra"),
            method="VirtualAccount",
            payment_date=date(2026, 3, 27),
            reference="VA-DEMO-0004",
        ),
        *_payment(
            "PAY-0005",
            None,
            2_200_000,
            person_id=_keyed("hendra"),
            method="VirtualAccount",
            status="Pending",
            payment_date=date(2026, 6, 25),
            reference="VA-DEMO-0005",
        ),
        *(
            (
                atlas.Revenue,
                {
                    "entity_id": _ENTITY,
                    "unit_id": _own(unit),
                    "order_line_id": (_own(order), line_no),
                    "account_id": _own(account),
                    "revenue_date": day,
                    "amount": amount,
                },
            )
            for unit, order, line_no, account, day, amount in [
                ("JKT", "SO-0001", 1, "4-1000", date(2026, 1, 31), 810_000),
                ("JKT", "SO-0001", 1, "4-1000", date(2026, 2, 28), 810_000),
                ("JKT", "SO-0001", 1, "4-1000", date(2026, 3, 31), 810_000),
                ("JKT", "SO-0001", 2, "4-3000", date(2026, 1, 12), 185_000),
                ("ONL", "SO-0002", 1, "4-2000", date(2026, 2, 21), 650_000),
                ("BDG", "SO-0003", 1, "4-3000", date(2026, 2, 14), 370_000),
                ("BDG", "SO-0003", 2, "4-3000", date(2026, 2, 14), 120_000),
                ("BDG", "SO-0004", 1, "4-4000", date(2026, 4, 30), 6_000_000),
                ("BDG", "SO-0004", 1, "4-4000", date(2026, 5, 31), 6_000_000),
                ("BDG", "SO-0004", 1, "4-4000", date(2026, 6, 30), 6_000_000),
            ]
        ),
    ]


# --- marketing --------------------------------------------------------------


def _marketing() -> _Rows:
    return [
        (
            atlas.Campaign,
            {
                "entity_id": _ENTITY,
                "owner_id": _keyed("fajar"),
                "code": "PSB-2026",
                "name": "Penerimaan Siswa Baru 2026",
                "objective": "LeadGeneration",
                "status": "Completed",
                "start_date": date(2026, 1, 2),
                "end_date": date(2026, 3, 31),
                "budget_amount": 25_000_000,
            },
        ),
        *(
            (
                atlas.CampaignChannel,
                {
                    "campaign_id": _own("PSB-2026"),
                    "channel_id": channel,
                    "budget_amount": budget,
                    "spend_amount": spend,
                },
            )
            for channel, budget, spend in [
                ("instagram", 10_000_000, 9_240_000),
                ("meta-ads", 9_000_000, 8_875_500),
                ("whatsapp", 2_000_000, 1_310_000),
            ]
        ),
        *_rows(
            atlas.Agenda,
            [
                _sourced(
                    "agenda-school-visit",
                    unit_id=_own("BDG"),
                    campaign_id=_own("PSB-2026"),
                    channel_id="event",
                    pic_id=_keyed("lestari"),
                    organization_id=_keyed("sma-harapan"),
                    region_id="32.73",
                    name="Kunjungan ke SMA Harapan Nusa",
                    type="SchoolVisit",
                    status="Done",
                    start_date=date(2026, 1, 20),
                    end_date=date(2026, 1, 20),
                    start_time="09:00",
                    end_time="11:30",
                    location="Aula SMA Harapan Nusa",
                    target_lead_count=40,
                    budget_amount=3_000_000,
                    actual_amount=2_650_000,
                ),
                _sourced(
                    "agenda-webinar",
                    campaign_id=_own("PSB-2026"),
                    channel_id="instagram",
                    pic_id=_keyed("fajar"),
                    name="Webinar: Menyiapkan Tes Kecakapan",
                    type="Webinar",
                    status="Done",
                    start_date=date(2026, 1, 24),
                    end_date=date(2026, 1, 24),
                    start_time="19:30",
                    end_time="21:00",
                    target_lead_count=100,
                    budget_amount=1_000_000,
                    actual_amount=750_000,
                ),
                _sourced(
                    "agenda-open-house",
                    unit_id=_own("DPS"),
                    campaign_id=_own("PSB-2026"),
                    channel_id="event",
                    pic_id=_keyed("suardana"),
                    region_id="51.71",
                    name="Open House Denpasar",
                    type="OpenHouse",
                    status="Done",
                    start_date=date(2026, 3, 14),
                    end_date=date(2026, 3, 15),
                    start_time="10:00",
                    end_time="16:00",
                    target_lead_count=60,
                    budget_amount=5_000_000,
                ),
                _sourced(
                    "agenda-planning",
                    pic_id=_keyed("ratna"),
                    name="Rapat rencana pemasaran 2027",
                    type="Meeting",
                    start_date=date(2026, 12, 5),
                    end_date=date(2026, 12, 5),
                ),
            ],
            entity_id=_ENTITY,
        ),
        *_rows(
            atlas.Lead,
            [
                _sourced(
                    "lead-alya",
                    unit_id=_own("JKT"),
                    person_id=_keyed("alya"),
                    campaign_id=_own("PSB-2026"),
                    channel_id="whatsapp",
                    item_id=_own("GE"),
                    owner_id=_keyed("bagus"),
                    order_id=_own("SO-0001"),
                    status="Won",
                    lead_date=date(2026, 1, 3),
                    closed_date=date(2026, 1, 5),
                ),
                _sourced(
                    "lead-kartika",
                    unit_id=_own("ONL"),
                    person_id=_keyed("kartika"),
                    campaign_id=_own("PSB-2026"),
                    agenda_id=_keyed("agenda-webinar"),
                    channel_id="instagram",
                    item_id=_own("EPT"),
                    owner_id=_keyed("suardana"),
                    order_id=_own("SO-0002"),
                    status="Won",
                    lead_date=date(2026, 1, 24),
                    closed_date=date(2026, 2, 2),
                ),
                _sourced(
                    "lead-ilham",
                    unit_id=_own("BDG"),
                    person_id=_keyed("ilham"),
                    campaign_id=_own("PSB-2026"),
                    agenda_id=_keyed("agenda-school-visit"),
                    channel_id="event",
                    item_id=_own("GE"),
                    status="Lost",
                    lost_reason="Schedule",
                    lead_date=date(2026, 1, 20),
                    closed_date=date(2026, 2, 10),
                ),
                _sourced(
                    "lead-nadia",
                    person_id=_keyed("nadia"),
                    campaign_id=_own("PSB-2026"),
                    agenda_id=_keyed("agenda-open-house"),
                    channel_id="event",
                    item_id=_own("ABROAD"),
                    owner_id=_keyed("suardana"),
                    status="Contacted",
                    lead_date=date(2026, 3, 14),
                ),
            ],
            entity_id=_ENTITY,
        ),
    ]


# --- target -----------------------------------------------------------------


def _targets() -> _Rows:
    plan = (_ENTITY, "2026", 1)
    monthly_amounts = {
        "JKT": 60_000_000,
        "BDG": 45_000_000,
        "DPS": 30_000_000,
        "ONL": 25_000_000,
    }
    lines = [
        # By unit, the same goal every month.
        *(
            _target(f"2026-{month:02}", "OrderAmount", amount, unit=unit)
            for unit, amount in monthly_amounts.items()
            for month in range(1, 13)
        ),
        # Of the entity as a whole, by category and by sales person: other views of that goal.
        *(
            _target(f"2026-Q{quarter}", metric, value)
            for metric, value in [("OrderAmount", 480_000_000), ("LeadCount", 250)]
            for quarter in range(1, 5)
        ),
        _target("2026-Q1", "OrderAmount", 300_000_000, category="LANG"),
        _target("2026-Q1", "OrderAmount", 60_000_000, category="TEST"),
        _target("2026-Q1", "OrderAmount", 120_000_000, sales_person="bagus"),
    ]
    return [
        (
            atlas.TargetPlan,
            {
                "entity_id": _ENTITY,
                "period_id": "2026",
                "version": 1,
                "name": "Target 2026",
                "status": "Approved",
                "approved_date": date(2025, 12, 15),
            },
        ),
        *_rows(atlas.TargetLine, lines, plan_id=plan),
    ]


def _target(
    period: str,
    metric: str,
    value: int,
    unit: str | None = None,
    category: str | None = None,
    sales_person: str | None = None,
) -> Row:
    grain = unit or category or sales_person or "all"
    return _sourced(
        f"target-{period}-{metric}-{grain}",
        period_id=period,
        metric=metric,
        unit_id=_own(unit) if unit else None,
        category_id=_own(category) if category else None,
        sales_person_id=_keyed(sales_person) if sales_person else None,
        value=value,
    )

"""How each rule of docs/model.md section 7 is broken, one row at a time.

In: nothing. Out: cases, each SQL that corrupts a database of ``clean`` and the rows
that an audit must name, and no other. Plain SQL, because Atlas refuses some of it;
it runs on SQLite and PostgreSQL.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from school import demo, load, reference

import atlas
from atlas.table import Table

#: An id that sorts behind all others, and some more.
LAST = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
NEXT_TO_LAST = "7ZZZZZZZZZZZZZZZZZZZZZZZZY"


@dataclass(frozen=True)
class Case:
    """A violation, and how it comes about."""

    rule: str
    table: str
    column: str
    #: SQL that holds for the rows to be named.
    rows: str
    damage: tuple[str, ...]
    #: What cannot but be broken along with it: rule, table, column, rows.
    also: tuple[tuple[str, str, str, str], ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.rule}-{self.table}.{self.column}"


async def clean() -> None:
    """Load the demo, and a second entity with something of everything an entity can own."""
    await load([*reference(), *demo()])
    other = await _made(atlas.Entity, code="OTHER", name="Other", legal_form="CV")
    source = await _made(
        atlas.Source, entity_id=other, code="other", name="Other", type="Spreadsheet"
    )
    unit = await _made(atlas.Unit, entity_id=other, code="X-UNIT", name="Other unit")
    category = await _made(atlas.Category, entity_id=other, code="X-CAT", name="Other category")
    item = await _made(
        atlas.Item,
        entity_id=other,
        category_id=category,
        code="X-ITEM",
        name="Other item",
        type="Service",
    )
    variant = await _made(atlas.Variant, item_id=item, code="X-VAR", name="Other variant")
    await _made(
        atlas.Promotion,
        entity_id=other,
        code="X-PROMO",
        name="Other promotion",
        type="Voucher",
        value_type="Amount",
        value=1,
        start_date=_day(2020),
    )
    person = await _made(atlas.Person, full_name="Otto Other")
    order = await _made(
        atlas.Order,
        entity_id=other,
        unit_id=unit,
        number="X-ORDER",
        type="Service",
        status="Confirmed",
        order_date=_day(2026),
        customer_id=person,
        subtotal_amount=10,
        total_amount=10,
    )
    await _made(
        atlas.OrderLine,
        order_id=order,
        line_no=1,
        item_id=item,
        variant_id=variant,
        unit_price=10,
        total_amount=10,
        source_id=source,
        source_key="line",
    )
    for code, kind, is_cash in (("X-4", "Income", False), ("X-1", "Asset", True)):
        await _made(
            atlas.Account, entity_id=other, code=code, name=code, type=kind, is_cash=is_cash
        )
    await _made(
        atlas.Invoice,
        entity_id=other,
        order_id=order,
        number="X-INVOICE",
        issue_date=_day(2026),
        due_date=_day(2026),
    )
    campaign = await _made(
        atlas.Campaign,
        entity_id=other,
        code="X-CAMPAIGN",
        name="Other campaign",
        objective="Awareness",
        start_date=_day(2020),
    )
    await _made(
        atlas.Agenda,
        entity_id=other,
        campaign_id=campaign,
        name="Other agenda",
        type="Meeting",
        start_date=_day(2026),
        end_date=_day(2026),
    )


async def _made(table: type[Table], **values: object) -> str:
    row = table(**values)
    await row.save()
    return str(row._key)


def _day(year: int) -> datetime.date:
    return datetime.date(year, 1, 1)


# --- SQL ---------------------------------------------------------------------


def one(table: str, where: str, column: str = "id") -> str:
    """Return SQL for the id of the row of ``table`` that ``where`` is about."""
    return f"(SELECT {column} FROM {table} WHERE {where})"


def person(key: str) -> str:
    """Return SQL for the id of a person of the demo."""
    return one("db_identifier", f"type = 'External' AND value = '{key}'", "person_id")


def coded(table: str, code: str) -> str:
    """Return SQL for the id of the row with this code."""
    return one(table, f"code = '{code}'")


def order(number: str) -> str:
    """Return SQL for the id of the order with this number."""
    return one("commerce_order", f"number = '{number}'")


def line(number: str, line_no: int = 1) -> str:
    """Return SQL for the id of a line of the order with this number."""
    return one("commerce_order_line", f"order_id = {order(number)} AND line_no = {line_no}")


def update(table: str, where: str, **values: str) -> str:
    """Return an UPDATE; the values are SQL."""
    pairs = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"UPDATE {table} SET {pairs} WHERE {where}"


def insert(table: str, **values: str) -> str:
    """Return an INSERT; the values are SQL."""
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


ENTITY = coded("core_entity", "DEMO")
NEW = f"id = '{LAST}'"
_NEW_ID = f"'{LAST}'"
DRAFT = "number = 'SO-0006'"
DRAFT_LINE = f"id = {line('SO-0006')}"
ACTIVE = f"order_line_id = {line('SO-0005')}"


def case(
    rule: str, place: str, rows: str, *damage: str, also: tuple[tuple[str, str, str, str], ...] = ()
) -> Case:
    """Return a case; ``place`` is ``table.column``."""
    table, column = place.split(".")
    return Case(rule, table, column, rows, damage, also)


def changed(rule: str, place: str, rows: str, value: str, **others: str) -> Case:
    """Return a case in which the named rows themselves are updated: ``place`` gets ``value``."""
    table, column = place.split(".")
    return Case(rule, table, column, rows, (update(table, rows, **{column: value}, **others),))


GENERAL = [
    case(
        "G1",
        "core_channel.id",
        "id = 'no-ulid'",
        update("core_channel", "code = 'tiktok'", id="'no-ulid'"),
    ),
    changed("G1", "db_tag.updated_at", "code = 'alumni'", "'2000-01-01 00:00:00+00:00'"),
    changed("G2", "marketing_campaign.budget_amount", "code = 'PSB-2026'", "0.5"),
    changed(
        "G2",
        "marketing_campaign_channel.spend_amount",
        f"channel_id = {coded('core_channel', 'whatsapp')}",
        "-1",
    ),
    changed("G2", "finance_payment.amount", "number = 'PAY-0005'", "0"),
    changed(
        "G2",
        "finance_payment_allocation.amount",
        "payment_id = " + one("finance_payment", "number = 'PAY-0003'"),
        "0",
    ),
    changed("G2", "commerce_promotion.value", "code = 'PSB10'", "101"),
    changed("G2", "commerce_promotion.value", "code = 'X-PROMO'", "2.5"),
    changed("G2", "target_line.value", "source_key = 'target-2026-Q1-OrderAmount-all'", "-5"),
    changed("G3", "catalog_batch.end_date", "code = 'LOG-SAMUDRA-2604'", "'2026-04-05'"),
    changed("G3", "core_unit.close_date", "code = 'DPS'", "'2023-01-08'"),
    changed("G3", "marketing_lead.closed_date", "source_key = 'lead-ilham'", "'2026-01-19'"),
    changed("G3", "catalog_price.valid_to", "source_key = 'GE/A2-GRP/2025'", "'2024-12-31'"),
    changed("G3", "commerce_enrollment.end_date", ACTIVE, "'2026-06-19'"),
    changed("G3", "marketing_agenda.start_time", "source_key = 'agenda-open-house'", "'24:00'"),
    changed("G3", "marketing_agenda.end_time", "source_key = 'agenda-open-house'", "'9:00'"),
    changed("G3", "marketing_agenda.end_time", "source_key = 'agenda-webinar'", "'19:30'"),
    changed(
        "G4",
        "catalog_price.source_key",
        "source_key = 'TOTE/2026'",
        "'TOTE/2026'",
        source_id="NULL",
    ),
    case(
        "G5",
        "core_entity.parent_id",
        "code IN ('DEMO', 'OTHER')",
        update("core_entity", "code = 'DEMO'", parent_id=coded("core_entity", "OTHER")),
        update("core_entity", "code = 'OTHER'", parent_id=ENTITY),
    ),
    case(
        "G5",
        "core_unit.parent_id",
        "code IN ('HO', 'JKT')",
        update("core_unit", "code = 'HO'", parent_id=coded("core_unit", "JKT")),
    ),
    case(
        "G5",
        "core_region.parent_id",
        "code IN ('31', '31.74')",
        update("core_region", "code = '31'", parent_id=coded("core_region", "31.74")),
        also=(("G5", "core_region", "type", "code = '31'"),),
    ),
    case(
        "G5",
        "core_period.parent_id",
        "code IN ('2026', '2026-Q1', '2026-02')",
        update("core_period", "code = '2026'", parent_id=coded("core_period", "2026-02")),
        also=(
            ("G5", "core_period", "type", "code = '2026'"),
            ("G5", "core_period", "start_date", "code = '2026'"),
        ),
    ),
    changed("G5", "catalog_category.parent_id", "code = 'TEST'", coded("catalog_category", "TEST")),
    case(
        "G5",
        "finance_account.parent_id",
        "code IN ('1-0000', '1-1000')",
        update("finance_account", "code = '1-0000'", parent_id=coded("finance_account", "1-1000")),
    ),
    case(
        "G5",
        "core_region.type",
        "code = '31.74'",
        update("core_region", "code = '31.74'", parent_id=coded("core_region", "32.73")),
    ),
    changed("G5", "core_period.type", "code = '2026-02'", "'Quarter'"),
    case(
        "G5",
        "core_period.start_date",
        "code = '2026-03'",
        update("core_period", "code = '2026-03'", end_date="'2026-04-01'"),
    ),
    changed("G5", "finance_account.type", "code = '1-1100'", "'Equity'"),
    changed("G6", "core_unit.type", "code = 'JKT'", "'Shop'"),
]


# --- entities ----------------------------------------------------------------

_OTHER_UNIT = coded("core_unit", "X-UNIT")
_OTHER_CATEGORY = coded("catalog_category", "X-CAT")
_OTHER_ITEM = coded("catalog_item", "X-ITEM")
_OTHER_SOURCE = coded("core_source", "other")
_OTHER_CAMPAIGN = coded("marketing_campaign", "X-CAMPAIGN")
_OTHER_PERSON = one("db_person", "full_name = 'Otto Other'")
_PLANNING = "source_key = 'agenda-planning'"
_NADIA = "source_key = 'lead-nadia'"
_REVENUE = {
    "id": _NEW_ID,
    "entity_id": ENTITY,
    "revenue_date": "'2026-05-05'",
    "amount": "0",
    "basis": "'Manual'",
}

ENTITIES = [
    changed("E1", "core_unit.parent_id", "code = 'DPS'", _OTHER_UNIT),
    changed("E1", "catalog_category.parent_id", "code = 'CORP'", _OTHER_CATEGORY),
    changed("E1", "catalog_item.category_id", "code = 'TOTE'", _OTHER_CATEGORY),
    changed("E1", "catalog_price.unit_id", "source_key = 'TOTE/2026'", _OTHER_UNIT),
    changed("E1", "catalog_price.unit_id", "source_key = 'EPT/ONL/2026'", _OTHER_UNIT),
    case(
        "E1",
        "catalog_batch.variant_id",
        NEW,
        insert(
            "catalog_batch",
            id=_NEW_ID,
            entity_id=ENTITY,
            variant_id=coded("catalog_variant", "X-VAR"),
            unit_id=coded("core_unit", "JKT"),
            code="'NEW'",
            name="'New'",
            start_date="'2026-01-01'",
        ),
    ),
    changed("E1", "catalog_batch.unit_id", "code = 'EPT-260221'", _OTHER_UNIT),
    changed("E1", "commerce_order.unit_id", DRAFT, _OTHER_UNIT),
    changed(
        "E1",
        "commerce_order_line.item_id",
        f"id = {line('SO-0003', 2)}",
        _OTHER_ITEM,
        price_id="NULL",
    ),
    changed(
        "E1",
        "commerce_order_line.promotion_id",
        f"id = {line('SO-0003', 2)}",
        coded("commerce_promotion", "X-PROMO"),
    ),
    changed("E1", "finance_account.parent_id", "code = '4-1000'", coded("finance_account", "X-4")),
    case(
        "E1",
        "finance_invoice.order_id",
        NEW,
        insert(
            "finance_invoice",
            id=_NEW_ID,
            entity_id=ENTITY,
            order_id=order("X-ORDER"),
            number="'NEW'",
            issue_date="'2026-01-01'",
            due_date="'2026-01-01'",
        ),
    ),
    changed(
        "E1",
        "finance_invoice_line.account_id",
        f"order_line_id = {line('SO-0005')}",
        coded("finance_account", "X-4"),
    ),
    changed("E1", "finance_payment.unit_id", "number = 'PAY-0001'", _OTHER_UNIT),
    changed(
        "E1", "finance_payment.account_id", "number = 'PAY-0001'", coded("finance_account", "X-1")
    ),
    case(
        "E1",
        "finance_payment_allocation.invoice_id",
        "invoice_id = " + one("finance_invoice", "number = 'X-INVOICE'"),
        insert(
            "finance_payment_allocation",
            payment_id=one("finance_payment", "number = 'PAY-0005'"),
            invoice_id=one("finance_invoice", "number = 'X-INVOICE'"),
            amount="1",
        ),
    ),
    case(
        "E1",
        "finance_revenue.unit_id",
        NEW,
        insert("finance_revenue", **_REVENUE, unit_id=_OTHER_UNIT),
    ),
    changed(
        "E1",
        "finance_revenue.account_id",
        f"order_line_id = {line('SO-0002')}",
        coded("finance_account", "X-4"),
    ),
    case(
        "E1",
        "finance_revenue.order_line_id",
        NEW,
        insert(
            "finance_revenue",
            **_REVENUE,
            unit_id=coded("core_unit", "JKT"),
            order_line_id=line("X-ORDER"),
        ),
        also=(("E2", "finance_revenue", "unit_id", NEW),),
    ),
    changed("E1", "marketing_campaign.unit_id", "code = 'PSB-2026'", _OTHER_UNIT),
    changed("E1", "marketing_agenda.unit_id", "source_key = 'agenda-planning'", _OTHER_UNIT),
    changed(
        "E1", "marketing_agenda.campaign_id", "source_key = 'agenda-planning'", _OTHER_CAMPAIGN
    ),
    changed("E1", "marketing_lead.unit_id", _NADIA, _OTHER_UNIT),
    changed("E1", "marketing_lead.campaign_id", _NADIA, _OTHER_CAMPAIGN),
    changed(
        "E1", "marketing_lead.agenda_id", _NADIA, one("marketing_agenda", "name = 'Other agenda'")
    ),
    changed("E1", "marketing_lead.order_id", _NADIA, order("X-ORDER"), person_id=_OTHER_PERSON),
    changed("E1", "marketing_lead.item_id", _NADIA, _OTHER_ITEM),
    changed(
        "E1", "target_line.unit_id", "source_key = 'target-2026-01-OrderAmount-JKT'", _OTHER_UNIT
    ),
    changed(
        "E1",
        "target_line.category_id",
        "source_key = 'target-2026-Q1-OrderAmount-TEST'",
        _OTHER_CATEGORY,
    ),
    *(
        case(
            "E1",
            f"{table}.source_id",
            "source_key = 'of another entity'",
            update(
                table,
                f"id = (SELECT MIN(id) FROM {table})",
                source_id=_OTHER_SOURCE,
                source_key="'of another entity'",
            ),
        )
        for table in (
            "catalog_item",
            "catalog_variant",
            "catalog_price",
            "catalog_batch",
            "commerce_order",
            "commerce_order_line",
            "commerce_enrollment",
            "finance_invoice",
            "finance_payment",
            "finance_revenue",
            "marketing_campaign",
            "marketing_agenda",
            "marketing_lead",
            "target_line",
        )
    ),
    changed("E1", "commerce_order.sales_person_id", DRAFT, person("rina")),
    changed(
        "E1",
        "target_line.sales_person_id",
        "source_key = 'target-2026-Q1-OrderAmount-bagus'",
        person("rina"),
    ),
    changed(
        "E2",
        "finance_revenue.unit_id",
        f"order_line_id = {line('SO-0002')}",
        coded("core_unit", "JKT"),
    ),
]


# --- persons -----------------------------------------------------------------


def _relation(kind: str, from_person: str, to_person: str) -> str:
    return insert(
        "db_relation",
        id=_NEW_ID,
        type=f"'{kind}'",
        from_person_id=from_person,
        to_person_id=to_person,
    )


def _new_person(id: str, merged_into: str, is_active: str = "'0'") -> str:
    return insert(
        "db_person",
        id=f"'{id}'",
        full_name="'New'",
        merged_into_id=merged_into,
        is_active=is_active,
    )


_NIK = f"type = 'NIK' AND person_id = {person('hendra')}"
_SMALLEST, _LARGEST = (f"(SELECT {end}(id) FROM db_person)" for end in ("MIN", "MAX"))

PERSONS = [
    case("P1", "db_relation.to_person_id", NEW, _relation("Other", _SMALLEST, _SMALLEST)),
    case("P1", "db_relation.from_person_id", NEW, _relation("Spouse", _LARGEST, _SMALLEST)),
    case(
        "P1",
        "db_relation.to_person_id",
        f"type = 'Parent' AND to_person_id <> {person('raka')}",
        _relation("Parent", person("alya"), person("hendra")),
    ),
    changed(
        "P2", "db_identifier.value", f"type = 'NIK' AND person_id = {person('hendra')}", "'317'"
    ),
    case(
        "P2",
        "db_identifier.source_id",
        "value = 'rina'",
        update("db_identifier", "value = 'rina'", source_id="NULL"),
    ),
    changed("P2", "db_identifier.issuer", _NIK, "'IDN'"),
    changed("P2", "db_identifier.issuer", "type = 'External' AND value = 'rina'", "'nobody'"),
    changed("P2", "db_identifier.issuer", "value = 'S-26001'", "'NOPE'"),
    changed("P2", "core_entity.npwp", "code = 'DEMO'", "'12.345'"),
    changed("P2", "db_organization.npwp", "source_key = 'samudra'", "'123456789012345'"),
    case(
        "P3",
        "db_contact.is_primary",
        NEW,
        insert(
            "db_contact",
            id=_NEW_ID,
            person_id=person("hendra"),
            type="'WhatsApp'",
            value="'+6281200000999'",
            is_primary="'1'",
        ),
    ),
    case(
        "P3",
        "db_person_organization.is_primary",
        f"person_id = {person('surya')}"
        " AND organization_id = " + one("db_organization", "source_key = 'sma-harapan'"),
        insert(
            "db_person_organization",
            person_id=person("surya"),
            organization_id=one("db_organization", "source_key = 'sma-harapan'"),
            is_primary="'1'",
        ),
    ),
    changed(
        "P4",
        "db_contact.value",
        f"person_id = {person('rina')} AND type = 'WhatsApp'",
        "'081200000013'",
    ),
    changed(
        "P4",
        "db_contact.value",
        f"person_id = {person('hendra')} AND type = 'Email'",
        "'Hendra@kusuma.example'",
    ),
    changed("P4", "db_contact.value", "type = 'Instagram'", "'@kartika.demo'"),
    changed("P4", "db_organization.email", "source_key = 'samudra'", "'HRD@samudra.example'"),
    changed("P4", "core_unit.phone", "code = 'JKT'", "'0812-0000-0101'"),
    changed("P4", "db_organization.phone", "source_key = 'samudra'", "'+062812345678'"),
    case("P5", "db_person.is_active", NEW, _new_person(LAST, person("rina"), "'1'")),
    case(
        "P5",
        "db_person.merged_into_id",
        NEW,
        _new_person(NEXT_TO_LAST, person("rina")),
        _new_person(LAST, f"'{NEXT_TO_LAST}'"),
    ),
    case(
        "P5",
        "marketing_agenda.pic_id",
        "source_key = 'agenda-planning'",
        _new_person(LAST, person("rina")),
        update("marketing_agenda", "source_key = 'agenda-planning'", pic_id=_NEW_ID),
    ),
]


# --- catalog -----------------------------------------------------------------

_EARLY = "source_key = 'GE/A2-GRP/2026/early'"


def _component(item: str, component: str) -> str:
    return insert(
        "catalog_item_component",
        item_id=coded("catalog_item", item),
        component_id=coded("catalog_item", component),
    )


def _component_is(item: str, component: str) -> str:
    return (
        f"item_id = {coded('catalog_item', item)}"
        f" AND component_id = {coded('catalog_item', component)}"
    )


CATALOG = [
    case("C1", "catalog_price.item_id", _EARLY, update("catalog_price", _EARLY, variant_id="NULL")),
    case(
        "C1",
        "catalog_price.variant_id",
        _EARLY,
        update("catalog_price", _EARLY, item_id=coded("catalog_item", "EPT")),
    ),
    case(
        "C2",
        "catalog_price.valid_from",
        "source_key = 'GE/A2-GRP/2026'",
        update("catalog_price", "source_key = 'GE/A2-GRP/2025'", valid_to="'2026-01-01'"),
    ),
    case(
        "C2",
        "catalog_price.valid_from",
        NEW,
        insert(
            "catalog_price",
            id=_NEW_ID,
            item_id=coded("catalog_item", "EPT"),
            variant_id=one("catalog_variant", f"item_id = {coded('catalog_item', 'EPT')}"),
            amount="1",
            valid_from="'2026-06-01'",
        ),
    ),
    case(
        "C3",
        "catalog_item_component.component_id",
        _component_is("TOTE", "TOTE"),
        _component("TOTE", "TOTE"),
    ),
    case(
        "C3",
        "catalog_item_component.component_id",
        f"({_component_is('ABROAD', 'GE')}) OR ({_component_is('GE', 'ABROAD')})",
        _component("GE", "ABROAD"),
    ),
    case(
        "C3",
        "catalog_item_component.component_id",
        _component_is("ABROAD", "X-ITEM"),
        _component("ABROAD", "X-ITEM"),
    ),
    changed("C4", "catalog_batch.capacity", "code = 'GE-B1-ONL-2607'", "0"),
]


# --- commerce ----------------------------------------------------------------


def _line_and_order(line_values: dict[str, str], order_values: dict[str, str]) -> tuple[str, str]:
    return (
        update("commerce_order_line", DRAFT_LINE, **line_values),
        update("commerce_order", DRAFT, **order_values),
    )


def _total(column: str) -> Case:
    return case(
        "O4",
        "commerce_order.total_amount",
        DRAFT,
        update("commerce_order", DRAFT, **{column: f"{column} + 1"}),
    )


COMMERCE = [
    changed("O1", "commerce_order.participant_id", DRAFT, "NULL"),
    changed("O2", "commerce_order.customer_id", DRAFT, "NULL"),
    changed(
        "O3",
        "commerce_order_line.variant_id",
        DRAFT_LINE,
        coded("catalog_variant", "A2-GRP"),
        price_id="NULL",
    ),
    changed(
        "O3",
        "commerce_order_line.price_id",
        DRAFT_LINE,
        one("catalog_price", "source_key = 'EPT/ONL/2026'"),
    ),
    changed(
        "O3",
        "commerce_order_line.price_id",
        f"id = {line('SO-0003', 2)}",
        one("catalog_price", "source_key = 'BOOK-A2/2026'"),
    ),
    case(
        "O3",
        "commerce_order_line.price_id",
        DRAFT_LINE,
        update("commerce_order", DRAFT, order_date="'2025-12-31'"),
    ),
    case(
        "O4",
        "commerce_order_line.total_amount",
        DRAFT_LINE,
        *_line_and_order({"total_amount": "6900001"}, {"total_amount": "6900001"}),
    ),
    case(
        "O4",
        "commerce_order_line.discount_amount",
        DRAFT_LINE,
        *_line_and_order(
            {"discount_amount": "7000000", "tax_amount": "100000", "total_amount": "0"},
            {"discount_amount": "7000000", "tax_amount": "100000", "total_amount": "0"},
        ),
    ),
    *map(_total, ("subtotal_amount", "discount_amount", "tax_amount", "total_amount")),
    case(
        "O4",
        "commerce_order.total_amount",
        DRAFT,
        f"DELETE FROM commerce_order_line WHERE {DRAFT_LINE}",
    ),
    case(
        "O5",
        "commerce_order.status",
        NEW,
        insert(
            "commerce_order",
            id=_NEW_ID,
            entity_id=ENTITY,
            unit_id=coded("core_unit", "JKT"),
            number="'NEW'",
            type="'Other'",
            status="'Completed'",
            order_date="'2026-01-01'",
            customer_id=person("rina"),
        ),
    ),
    case(
        "O6",
        "commerce_order_line.promotion_id",
        f"id = {line('SO-0001')}",
        update("commerce_promotion", "code = 'PSB10'", end_date="'2026-01-04'"),
    ),
    case(
        "O6",
        "commerce_order_line.promotion_id",
        f"id = {line('SO-0001')}",
        update("commerce_promotion", "code = 'PSB10'", min_order_amount="2885001"),
    ),
    changed("O6", "commerce_promotion.usage_limit", "code = 'PSB10'", "0"),
    case(
        "O7",
        "commerce_enrollment.order_line_id",
        NEW,
        insert(
            "commerce_enrollment",
            id=_NEW_ID,
            order_line_id=line("SO-0003"),
            person_id=person("rina"),
            enroll_date="'2026-02-14'",
        ),
    ),
    changed("O7", "commerce_enrollment.person_id", ACTIVE, person("ilham")),
    changed("O7", "commerce_enrollment.batch_id", ACTIVE, coded("catalog_batch", "EPT-260221")),
    case(
        "O7",
        "commerce_enrollment.status",
        NEW,
        insert(
            "commerce_enrollment",
            id=_NEW_ID,
            order_line_id=line("SO-0005"),
            person_id=person("raka"),
            enroll_date="'2026-06-21'",
        ),
    ),
    changed("O7", "commerce_enrollment.status", ACTIVE, "'Transferred'"),
    changed("O8", "commerce_order.status", "number = 'SO-0005'", "'Cancelled'"),
    changed("O8", "commerce_order.status", "number = 'SO-0002'", "'Cancelled'"),
]


# --- finance -----------------------------------------------------------------

_UNPAID = "number = 'INV-0006'"
_UNPAID_LINE = f"order_line_id = {line('SO-0005')}"
_CASH = "number = 'PAY-0003'"
_CASH_ALLOCATION = f"payment_id = {one('finance_payment', _CASH)}"

FINANCE = [
    changed("F1", "finance_invoice.total_amount", _UNPAID, "2199999"),
    case(
        "F1",
        "finance_invoice.total_amount",
        _UNPAID,
        update("finance_invoice", _UNPAID, tax_amount="1"),
    ),
    case(
        "F1",
        "finance_invoice_line.order_line_id",
        f"order_line_id = {line('SO-0006')}",
        update("finance_invoice_line", _UNPAID_LINE, order_line_id=line("SO-0006")),
    ),
    changed("F2", "finance_payment.amount", _CASH, "503199"),
    case(
        "F2",
        "finance_invoice.total_amount",
        "number = 'INV-0003'",
        update("finance_payment", _CASH, amount="503201"),
        update("finance_payment_allocation", _CASH_ALLOCATION, amount="503201"),
    ),
    case(
        "F2",
        "finance_invoice.total_amount",
        "number = 'INV-0003'",
        update("finance_payment", _CASH, direction="'Out'"),
    ),
    case(
        "F3",
        "commerce_order.total_amount",
        "number = 'SO-0005'",
        update("finance_invoice", _UNPAID, total_amount="2200001"),
        update("finance_invoice_line", _UNPAID_LINE, amount="2200001"),
    ),
    changed(
        "F4",
        "finance_revenue.account_id",
        f"order_line_id = {line('SO-0002')}",
        coded("finance_account", "4-0000"),
    ),
    changed(
        "F4",
        "finance_revenue.account_id",
        f"order_line_id = {line('SO-0002')}",
        coded("finance_account", "2-1000"),
    ),
    changed(
        "F4", "finance_invoice_line.account_id", _UNPAID_LINE, coded("finance_account", "5-1000")
    ),
    changed("F4", "finance_payment.account_id", _CASH, coded("finance_account", "1-2000")),
    case(
        "F5",
        "commerce_order_line.total_amount",
        f"id = {line('SO-0003', 2)}",
        update("finance_revenue", f"order_line_id = {line('SO-0003', 2)}", amount="120001"),
    ),
]


# --- marketing and targets ---------------------------------------------------

_VISIT = "source_key = 'agenda-school-visit'"


def _plan(**values: str) -> str:
    return insert("target_plan", id=_NEW_ID, entity_id=ENTITY, version="2", name="'New'", **values)


def _target(period: str, name: str) -> Case:
    return changed(
        "T2", "target_line.period_id", f"source_key = '{name}'", coded("core_period", period)
    )


MARKETING = [
    case(
        "M2",
        "marketing_agenda.start_date",
        _VISIT,
        update("marketing_agenda", _VISIT, start_date="'2026-01-01'"),
    ),
    case(
        "M2",
        "marketing_agenda.start_date",
        _VISIT,
        update("marketing_agenda", _VISIT, end_date="'2026-04-01'"),
    ),
    changed("M3", "marketing_lead.lost_reason", "source_key = 'lead-ilham'", "NULL"),
    case(
        "M3",
        "marketing_lead.order_id",
        _NADIA,
        update("marketing_lead", _NADIA, status="'Won'"),
    ),
    changed("M3", "marketing_lead.person_id", "source_key = 'lead-alya'", person("ilham")),
]

TARGETS = [
    case("T1", "target_plan.period_id", NEW, _plan(period_id=coded("core_period", "2026-Q1"))),
    case(
        "T1",
        "target_plan.status",
        NEW,
        _plan(period_id=coded("core_period", "2026"), status="'Approved'"),
    ),
    _target("2026", "target-2026-Q1-LeadCount-all"),
    _target("2025-01", "target-2026-01-OrderAmount-JKT"),
    case(
        "T3",
        "target_line.metric",
        NEW,
        insert(
            "target_line",
            id=_NEW_ID,
            plan_id=one("target_plan", "version = 1"),
            period_id=coded("core_period", "2026-Q1"),
            metric="'OrderAmount'",
            value="1",
        ),
    ),
]

CASES = [*GENERAL, *ENTITIES, *PERSONS, *CATALOG, *COMMERCE, *FINANCE, *MARKETING, *TARGETS]

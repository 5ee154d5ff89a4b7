"""E1 and E2: what a row references belongs to the row's entity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from atlas.rules.rule import Check, DatabaseCheck, Rule, Severity
from atlas.table import Table
from atlas.tables import (
    TABLES,
    Account,
    Agenda,
    Batch,
    Campaign,
    Category,
    Enrollment,
    Invoice,
    InvoiceLine,
    Item,
    Lead,
    Order,
    OrderLine,
    Payment,
    PaymentAllocation,
    Price,
    Revenue,
    TargetLine,
    Unit,
    Variant,
)

#: The foreign key through which a table without entity_id belongs to an entity.
_OWNERS: dict[type[Table], str] = {
    Variant: "item_id",
    OrderLine: "order_id",
    Enrollment: "order_line_id",
    InvoiceLine: "invoice_id",
    PaymentAllocation: "payment_id",
    TargetLine: "plan_id",
}

#: The references that E1 names, and those that the notes of the tables call "same entity".
#: What another rule says more strictly is not here: an order line's variant and price (O3), an
#: enrollment's batch (O7), an invoice line's order line (F1), an item's component (C3).
_REFERENCES: dict[type[Table], tuple[str, ...]] = {
    Unit: ("parent_id",),
    Category: ("parent_id",),
    Item: ("category_id",),
    Price: ("unit_id",),
    Batch: ("variant_id", "unit_id"),
    Order: ("unit_id",),
    OrderLine: ("item_id", "promotion_id"),
    Account: ("parent_id",),
    Invoice: ("order_id",),
    InvoiceLine: ("account_id",),
    Payment: ("unit_id", "account_id"),
    PaymentAllocation: ("invoice_id",),
    Revenue: ("unit_id", "account_id", "order_line_id"),
    Campaign: ("unit_id",),
    Agenda: ("unit_id", "campaign_id"),
    Lead: ("unit_id", "campaign_id", "agenda_id", "order_id", "item_id"),
    TargetLine: ("unit_id", "category_id"),
}


@dataclass(frozen=True)
class _Path:
    """How SQL gets from a row to the id of its entity."""

    joins: str
    entity_id: str


def _parent(table: type[Table], name: str) -> type[Table]:
    column: Any = table._meta.get_column_by_name(name)
    return cast(type[Table], column._foreign_key_meta.resolved_references)


def _path(table: type[Table], alias: str) -> _Path:
    """Return the way from a row of ``table``, known as ``alias``, to its entity."""
    if "entity_id" in table._column_names:
        return _Path("", f"{alias}.entity_id")
    above = f"{alias}_owner"
    if table is Price:  # of an item, or of a variant of one (C1)
        joins = (
            f" LEFT JOIN catalog_variant {alias}_variant ON {alias}_variant.id = {alias}.variant_id"
            f" JOIN catalog_item {above}"
            f" ON {above}.id = COALESCE({alias}.item_id, {alias}_variant.item_id)"
        )
        return _Path(joins, f"{above}.entity_id")
    owner = _OWNERS[table]
    parent = _parent(table, owner)
    rest = _path(parent, above)
    join = f" JOIN {parent._meta.tablename} {above} ON {above}.id = {alias}.{owner}"
    return _Path(join + rest.joins, rest.entity_id)


def _check(table: type[Table], name: str) -> Check:
    parent = _parent(table, name)
    own, other = _path(table, "t"), _path(parent, "p")
    keys = ", ".join(f"t.{column._meta.name}" for column in table._key_columns)
    return DatabaseCheck(
        table=table,
        column=name,
        sentence=f"{name} references a {parent._meta.tablename} of another entity",
        sql=f"""
            SELECT {keys} FROM {table._meta.tablename} t{own.joins}
              JOIN {parent._meta.tablename} p ON p.id = t.{name}{other.joins}
             WHERE {other.entity_id} <> {own.entity_id}
        """,
    )


def _references() -> Iterator[Check]:
    for table, names in _REFERENCES.items():
        for name in names:
            yield _check(table, name)


def _sources() -> Iterator[Check]:
    """A source without an entity serves the whole group, and differs from no row's entity."""
    for table in TABLES:
        has_entity = "entity_id" in table._column_names or table in _OWNERS or table is Price
        if has_entity and "source_id" in table._column_names:
            yield _check(table, "source_id")


def _sales_person(table: type[Table]) -> Check:
    own = _path(table, "t")
    return DatabaseCheck(
        table=table,
        column="sales_person_id",
        sentence="sales_person_id works for no unit of the row's entity",
        severity=Severity.warning,
        sql=f"""
            SELECT t.id FROM {table._meta.tablename} t{own.joins}
             WHERE t.sales_person_id IS NOT NULL
               AND NOT EXISTS (
                   SELECT 1 FROM db_person_unit s JOIN core_unit u ON u.id = s.unit_id
                    WHERE s.person_id = t.sales_person_id AND u.entity_id = {own.entity_id})
        """,
    )


_REVENUE_UNIT = DatabaseCheck(
    table=Revenue,
    column="unit_id",
    sentence="unit_id is not the unit of the order",
    sql="""
        SELECT t.id
          FROM finance_revenue t
          JOIN commerce_order_line l ON l.id = t.order_line_id
          JOIN commerce_order o ON o.id = l.order_id
         WHERE o.unit_id <> t.unit_id
    """,
)


RULES = (
    Rule(
        "E1",
        (
            *_references(),
            *_sources(),
            _sales_person(Order),
            _sales_person(TargetLine),
        ),
    ),
    Rule("E2", (_REVENUE_UNIT,)),
)

"""The queries of the dashboard (D) and the sync workers (S), read from tests/queries.sql.

In: the file, and a database to ask. Out: each query with its SQL, and for each the
values of its parameters, found in the database so that there is something to answer.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "tests" / "queries.sql"

_HEADER, _, _AUDITS = PATH.read_text().partition("-- Audits")
#: The instant that the writing queries stamp.
_NOW = "2026-12-31 00:00:00+00:00"


@dataclass(frozen=True)
class Query:
    """One statement of the file."""

    #: As in the file: ``D1``; of an audit its rule.
    name: str
    title: str
    sql: str

    @property
    def writes(self) -> bool:
        """Whether it changes rows, rather than return them."""
        return self.sql.startswith(("INSERT", "UPDATE"))


QUERIES = [
    Query(name, title, sql.strip())
    for name, title, sql in re.findall(r"^-- ([SD]\d)\. (.+)\n([^;]+);", _HEADER, re.MULTILINE)
]
AUDITS = [
    Query(name, title, sql.strip())
    for name, title, sql in re.findall(r"^-- (\w\d) (.+)\n([^;]+);", _AUDITS, re.MULTILINE)
]


def parameters(database: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Return the parameters of each of ``QUERIES``, with which it has an answer.

    The entity is the one with most orders. The months and the year are those that
    orders of the entity are of. Raises ``LookupError`` where the database has
    nothing that a query could find.
    """

    def first(sql: str, **values: Any) -> Any:
        row = database.execute(sql, values).fetchone()
        if row is None:
            raise LookupError(f"there is no row to ask for: {' '.join(sql.split())}")
        return row[0] if len(row) == 1 else row

    entity_id, _ = first(
        "SELECT entity_id, COUNT(*) FROM commerce_order GROUP BY entity_id ORDER BY COUNT(*) DESC"
    )
    of_entity = {"entity_id": entity_id}
    year_id, year_from, year_to = first(
        "SELECT y.id, y.start_date, y.end_date FROM target_plan p"
        " JOIN core_period y ON y.id = p.period_id"
        " WHERE p.entity_id = :entity_id AND p.status = 'Approved'",
        **of_entity,
    )
    month_from, month_to = first(
        "SELECT m.start_date, m.end_date FROM core_period m JOIN marketing_agenda g"
        " ON g.entity_id = :entity_id AND g.start_date BETWEEN m.start_date AND m.end_date"
        " JOIN commerce_order o"
        " ON o.entity_id = :entity_id AND o.order_date BETWEEN m.start_date AND m.end_date"
        " AND o.status IN ('Confirmed', 'Completed')"
        " WHERE m.type = 'Month' GROUP BY m.start_date, m.end_date ORDER BY COUNT(*) DESC",
        **of_entity,
    )
    year = {**of_entity, "from": year_from, "to": year_to}
    month = {**of_entity, "from": month_from, "to": month_to}
    source_id, source_key, wa, full_name = first(
        "SELECT i.source_id, i.value, c.value, p.full_name FROM db_identifier i"
        " JOIN db_person p ON p.id = i.person_id JOIN db_contact c ON c.person_id = p.id"
        " WHERE i.type = 'External' AND c.type = 'WhatsApp'"
    )
    nik = first("SELECT value FROM db_identifier WHERE type = 'NIK' AND issuer = 'ID'")
    order_id, number, unit_id, person_id = first(
        "SELECT o.id, o.number, o.unit_id, o.participant_id FROM commerce_order o"
        " JOIN finance_invoice i ON i.order_id = o.id AND i.status = 'Issued'"
        " WHERE o.entity_id = :entity_id AND o.participant_id IS NOT NULL AND NOT EXISTS ("
        "   SELECT 1 FROM finance_payment_allocation a WHERE a.invoice_id = i.id)",
        **of_entity,
    )
    variant_id, tier, day = first(
        "SELECT variant_id, tier, valid_from FROM catalog_price"
        " WHERE variant_id IS NOT NULL AND unit_id IS NULL AND tier = 'Regular'"
    )
    due = first(
        "SELECT MAX(due_date) FROM finance_invoice WHERE entity_id = :entity_id", **of_entity
    )
    day30, day90 = first("SELECT date(:day, '-30 days'), date(:day, '-90 days')", day=due)
    category_code = first(
        "SELECT t.code FROM commerce_order o JOIN commerce_order_line l ON l.order_id = o.id"
        " JOIN catalog_item i ON i.id = l.item_id JOIN catalog_category c ON c.id = i.category_id"
        " JOIN catalog_category t ON t.id = c.parent_id"
        " WHERE o.entity_id = :entity_id AND o.order_date BETWEEN :from AND :to"
        " AND o.status IN ('Confirmed', 'Completed')",
        **month,
    )
    middle = first(
        "SELECT updated_at, id FROM commerce_order ORDER BY updated_at, id"
        " LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM commerce_order)"
    )
    return {
        "S1": {
            "source_id": source_id,
            "source_key": source_key,
            "nik": nik,
            "wa": wa,
            "full_name": full_name,
        },
        "S2": {
            "id": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            **of_entity,
            "unit_id": unit_id,
            "number": "a number of the source",
            "type": "Enrollment",
            "status": "Draft",
            "order_date": month_from,
            "customer_id": person_id,
            "participant_id": person_id,
            "sales_person_id": None,
            "channel_id": None,
            "source_id": source_id,
            "source_key": "a key of the source",
            "now": _NOW,
        },
        "S3": {"order_id": order_id, "now": _NOW},
        "S4": {**of_entity, "number": number},
        "S5": {
            "variant_id": variant_id,
            "unit_id": unit_id,
            "tier": tier,
            "quantity": 1,
            "day": day,
        },
        "S6": {"cursor_at": middle[0], "cursor_id": middle[1]},
        "D1": year,
        "D2": {**year, "year_id": year_id},
        "D3": month,
        "D4": {**of_entity, "day": due, "day30": day30, "day90": day90},
        "D5": month,
        "D6": {**month, "category_code": category_code},
    }

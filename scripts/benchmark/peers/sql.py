"""The statements of the peers that are given SQL, and their rows as dicts."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from piccolo.engine.sqlite import ADAPTERS

from atlas.engine.sqlite import converters
from atlas.ulid import new_ulid

#: Dates, timestamps and booleans come back as Python types, by Atlas's converters.
DETECT_TYPES = sqlite3.PARSE_DECLTYPES

POINT_READ = "SELECT * FROM commerce_order WHERE id = ?"

JOIN = """
SELECT o.id, o.number, o.status, o.order_date, o.total_amount,
    person.full_name AS customer, unit.name AS unit
FROM commerce_order o
LEFT JOIN db_person person ON person.id = o.customer_id
LEFT JOIN core_unit unit ON unit.id = o.unit_id
WHERE o.entity_id = ?
ORDER BY o.order_date, o.number
LIMIT 100
"""

INSERT = """
INSERT INTO commerce_order (
    id, entity_id, unit_id, number, type, status, order_date, customer_id, participant_id,
    channel_id, subtotal_amount, discount_amount, tax_amount, total_amount, note,
    created_at, updated_at
) VALUES (
    :id, :entity_id, :unit_id, :number, :type, :status, :order_date, :customer_id,
    :participant_id, :channel_id, :subtotal_amount, :discount_amount, :tax_amount,
    :total_amount, :note, :created_at, :updated_at
)
"""

UPDATE = "UPDATE commerce_order SET note = ?, updated_at = ? WHERE id = ?"


#: What an upsert writes beside the key and the instants.
VALUES = (
    "entity_id",
    "unit_id",
    "number",
    "type",
    "status",
    "order_date",
    "customer_id",
    "participant_id",
    "channel_id",
    "subtotal_amount",
    "discount_amount",
    "tax_amount",
    "total_amount",
    "note",
)

UPSERT = f"""
INSERT INTO commerce_order (
    id, {", ".join(VALUES)}, source_id, source_key, created_at, updated_at
) VALUES (
    :id, {", ".join(f":{name}" for name in VALUES)}, :source_id, :source_key, :now, :now
)
ON CONFLICT (source_id, source_key) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in VALUES)}, updated_at = excluded.updated_at
WHERE {" OR ".join(f"commerce_order.{name} IS NOT excluded.{name}" for name in VALUES)}
"""

UPSERT_REGION = """
INSERT INTO core_region (id, parent_id, code, name, type, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (code) DO UPDATE SET
    parent_id = excluded.parent_id, name = excluded.name, type = excluded.type,
    updated_at = excluded.updated_at
WHERE core_region.parent_id IS NOT excluded.parent_id OR core_region.name IS NOT excluded.name
    OR core_region.type IS NOT excluded.type
"""


def register() -> None:
    """Let ``sqlite3`` use the adapters and converters that Atlas uses."""
    converters.register()
    for value_type, adapter in ADAPTERS.items():
        sqlite3.register_adapter(value_type, adapter)


def complete(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order with what the libraries add by themselves: its id and two instants."""
    now = datetime.now(UTC)
    return {"id": new_ulid(), **order, "created_at": now, "updated_at": now}


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """Make a dict of a row; a ``row_factory``."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}

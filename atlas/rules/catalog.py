"""C1 to C4: prices, components and batches."""

from __future__ import annotations

from atlas.rules.rule import DatabaseCheck, RowCheck, Rule, Severity
from atlas.tables import Batch, ItemComponent, Price

_PRICE_TARGETS = (
    RowCheck(
        table=Price,
        column="item_id",
        sentence="price without item and variant",
        breaks=lambda row: row["item_id"] is None and row["variant_id"] is None,
        condition="item_id IS NULL AND variant_id IS NULL",
    ),
    DatabaseCheck(
        table=Price,
        column="variant_id",
        sentence="its variant is of another item than item_id",
        sql="""
            SELECT t.id FROM catalog_price t JOIN catalog_variant v ON v.id = t.variant_id
             WHERE v.item_id <> t.item_id
        """,
    ),
)

#: Each price beside the last day that those before it reach, which is linear where comparing
#: every pair would not be. A variant is one target, whether its price names the item or not.
_PRICE_OVERLAPS = DatabaseCheck(
    table=Price,
    column="valid_from",
    sentence="it overlaps an earlier price of the same target, unit, tier and min_quantity",
    sql="""
        SELECT id FROM (
            SELECT id, valid_from,
                   MAX(COALESCE(valid_to, '9999-12-31')) OVER (
                       PARTITION BY COALESCE(variant_id, item_id), unit_id, tier, min_quantity
                           ORDER BY valid_from, id
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
              FROM catalog_price
             WHERE is_active AND COALESCE(variant_id, item_id) IS NOT NULL
        ) AS priced
         WHERE reached >= valid_from
    """,
)

_COMPONENTS = (
    RowCheck(
        table=ItemComponent,
        column="component_id",
        sentence="an item is its own component",
        breaks=lambda row: row["item_id"] == row["component_id"],
        condition="item_id = component_id",
    ),
    DatabaseCheck(
        table=ItemComponent,
        column="component_id",
        sentence="the component contains the item",
        # UNION ends the walk where it meets a pair again.
        sql="""
            WITH RECURSIVE content(item_id, part_id) AS (
                SELECT item_id, component_id FROM catalog_item_component
                 WHERE item_id <> component_id
                UNION
                SELECT c.item_id, k.component_id
                  FROM content c JOIN catalog_item_component k ON k.item_id = c.part_id
                 WHERE c.item_id <> c.part_id
            )
            SELECT t.item_id, t.component_id FROM catalog_item_component t
             WHERE t.item_id <> t.component_id
               AND (t.component_id, t.item_id) IN (SELECT item_id, part_id FROM content)
        """,
    ),
    DatabaseCheck(
        table=ItemComponent,
        column="component_id",
        sentence="the component is of another entity",
        sql="""
            SELECT t.item_id, t.component_id
              FROM catalog_item_component t
              JOIN catalog_item i ON i.id = t.item_id
              JOIN catalog_item c ON c.id = t.component_id
             WHERE c.entity_id <> i.entity_id
        """,
    ),
)

_CAPACITY = DatabaseCheck(
    table=Batch,
    column="capacity",
    sentence="{seats} open enrollments on a capacity of {capacity}",
    severity=Severity.warning,
    sql="""
        SELECT t.id, t.capacity AS capacity, COUNT(e.id) AS seats
          FROM catalog_batch t
          LEFT JOIN commerce_enrollment e
            ON e.batch_id = t.id AND e.status IN ('Registered', 'Active')
         WHERE t.capacity IS NOT NULL
         GROUP BY t.id HAVING COUNT(e.id) > t.capacity
    """,
)


RULES = (
    Rule("C1", _PRICE_TARGETS),
    Rule("C2", (_PRICE_OVERLAPS,)),
    Rule("C3", _COMPONENTS),
    Rule("C4", (_CAPACITY,)),
)

"""O1 to O8: orders, their lines, promotions and enrollments.

A sum or count is made by LEFT JOIN where JOIN would say the same: then SQLite goes
through the left table in the order of its key, and sums without sorting anything.
"""

from __future__ import annotations

from atlas.rules.formats import differ, rounded, sql_differ, sql_rounded
from atlas.rules.rule import DatabaseCheck, Row, RowCheck, Rule, Severity
from atlas.tables import Enrollment, Order, OrderLine, Promotion

_PARTICIPANT = RowCheck(
    table=Order,
    column="participant_id",
    sentence="Enrollment order without participant",
    breaks=lambda row: row["type"] == "Enrollment" and row["participant_id"] is None,
    condition="type = 'Enrollment' AND participant_id IS NULL",
)

_CUSTOMER = RowCheck(
    table=Order,
    column="customer_id",
    sentence="order without customer and organization",
    breaks=lambda row: row["customer_id"] is None and row["organization_id"] is None,
    condition="customer_id IS NULL AND organization_id IS NULL",
)


# --- O3, O4, O5: lines ------------------------------------------------------

_LINE_PRICES = (
    DatabaseCheck(
        table=OrderLine,
        column="variant_id",
        sentence="its variant is of another item than item_id",
        sql="""
            SELECT t.id FROM commerce_order_line t JOIN catalog_variant v ON v.id = t.variant_id
             WHERE v.item_id <> t.item_id
        """,
    ),
    DatabaseCheck(
        table=OrderLine,
        column="price_id",
        sentence="its price is of another item or variant",
        sql="""
            SELECT t.id FROM commerce_order_line t JOIN catalog_price p ON p.id = t.price_id
             WHERE (p.variant_id IS NOT NULL
                    AND (t.variant_id IS NULL OR p.variant_id <> t.variant_id))
                OR (p.variant_id IS NULL AND p.item_id <> t.item_id)
        """,
    ),
    DatabaseCheck(
        table=OrderLine,
        column="price_id",
        sentence="its price is not valid on the order's date {day}",
        sql="""
            SELECT t.id, CAST(o.order_date AS TEXT) AS day
              FROM commerce_order_line t
              JOIN catalog_price p ON p.id = t.price_id
              JOIN commerce_order o ON o.id = t.order_id
             WHERE o.order_date < p.valid_from OR o.order_date > p.valid_to
        """,
    ),
)

_GROSS = sql_rounded("quantity * unit_price")
_LINE_GROSS = sql_rounded("l.quantity * l.unit_price")


def _gross(row: Row) -> float:
    """Return round(quantity x unit_price) of an order line."""
    return rounded(float(row["quantity"]) * float(row["unit_price"]))


_TOTALS = (
    RowCheck(
        table=OrderLine,
        column="total_amount",
        sentence="total_amount {total_amount} is not round({quantity} x {unit_price})"
        " - {discount_amount} + {tax_amount}",
        breaks=lambda row: differ(
            row["total_amount"], _gross(row) - row["discount_amount"] + row["tax_amount"]
        ),
        condition=sql_differ("total_amount", f"{_GROSS} - discount_amount + tax_amount"),
    ),
    RowCheck(
        table=OrderLine,
        column="discount_amount",
        sentence="discount_amount {discount_amount} is more than round({quantity} x {unit_price})",
        breaks=lambda row: row["discount_amount"] > _gross(row),
        condition=f"discount_amount > {_GROSS}",
    ),
    DatabaseCheck(
        table=Order,
        column="total_amount",
        sentence="subtotal, discount, tax and total are {subtotal_amount}, {discount_amount}, "
        "{tax_amount} and {total_amount}; its lines come to {subtotal}, {discount}, {tax} and "
        "{total}",
        sql=f"""
            SELECT t.id, t.subtotal_amount AS subtotal_amount, t.discount_amount AS discount_amount,
                   t.tax_amount AS tax_amount, t.total_amount AS total_amount,
                   COALESCE(SUM({_LINE_GROSS}), 0) AS subtotal,
                   COALESCE(SUM(l.discount_amount), 0) AS discount,
                   COALESCE(SUM(l.tax_amount), 0) AS tax,
                   COALESCE(SUM(l.total_amount), 0) AS total
              FROM commerce_order t LEFT JOIN commerce_order_line l ON l.order_id = t.id
             GROUP BY t.id
            HAVING {sql_differ("t.subtotal_amount", f"COALESCE(SUM({_LINE_GROSS}), 0)")}
                OR {sql_differ("t.discount_amount", "COALESCE(SUM(l.discount_amount), 0)")}
                OR {sql_differ("t.tax_amount", "COALESCE(SUM(l.tax_amount), 0)")}
                OR {sql_differ("t.total_amount", "COALESCE(SUM(l.total_amount), 0)")}
        """,
    ),
)

_HAS_LINES = DatabaseCheck(
    table=Order,
    column="status",
    sentence="{status} order without lines",
    sql="""
        SELECT t.id, t.status AS status FROM commerce_order t
         WHERE t.status IN ('Confirmed', 'Completed')
           AND NOT EXISTS (SELECT 1 FROM commerce_order_line l WHERE l.order_id = t.id)
    """,
)


# --- O6: promotions ---------------------------------------------------------

_PROMOTIONS = (
    DatabaseCheck(
        table=OrderLine,
        column="promotion_id",
        sentence="its promotion {code} is not valid on the order's date {day}",
        severity=Severity.warning,
        sql="""
            SELECT t.id, p.code AS code, CAST(o.order_date AS TEXT) AS day
              FROM commerce_promotion p
              JOIN commerce_order_line t ON t.promotion_id = p.id
              JOIN commerce_order o ON o.id = t.order_id
             WHERE o.order_date < p.start_date OR o.order_date > p.end_date
        """,
    ),
    DatabaseCheck(
        table=OrderLine,
        column="promotion_id",
        sentence="its promotion {code} needs an order of {least}, and this is one of {subtotal}",
        severity=Severity.warning,
        sql="""
            SELECT t.id, p.code AS code, p.min_order_amount AS least, o.subtotal_amount AS subtotal
              FROM commerce_promotion p
              JOIN commerce_order_line t ON t.promotion_id = p.id
              JOIN commerce_order o ON o.id = t.order_id
             WHERE o.subtotal_amount < p.min_order_amount
        """,
    ),
    DatabaseCheck(
        table=Promotion,
        column="usage_limit",
        sentence="used by {orders} orders that are not cancelled; its usage_limit is {usage_limit}",
        severity=Severity.warning,
        sql="""
            SELECT t.id, t.usage_limit AS usage_limit, COUNT(DISTINCT o.id) AS orders
              FROM commerce_promotion t
              LEFT JOIN commerce_order_line l ON l.promotion_id = t.id
              LEFT JOIN commerce_order o ON o.id = l.order_id AND o.status <> 'Cancelled'
             WHERE t.usage_limit IS NOT NULL
             GROUP BY t.id HAVING COUNT(DISTINCT o.id) > t.usage_limit
        """,
    ),
)


# --- O7, O8: enrollments ----------------------------------------------------

_ENROLLMENTS = (
    DatabaseCheck(
        table=Enrollment,
        column="order_line_id",
        sentence="it is on a line of a {type} order",
        sql="""
            SELECT t.id, o.type AS type
              FROM commerce_enrollment t
              JOIN commerce_order_line l ON l.id = t.order_line_id
              JOIN commerce_order o ON o.id = l.order_id
             WHERE o.type NOT IN ('Enrollment', 'Service')
        """,
    ),
    DatabaseCheck(
        table=Enrollment,
        column="person_id",
        sentence="person_id is not the participant of the Enrollment order",
        sql="""
            SELECT t.id
              FROM commerce_enrollment t
              JOIN commerce_order_line l ON l.id = t.order_line_id
              JOIN commerce_order o ON o.id = l.order_id
             WHERE o.type = 'Enrollment' AND o.participant_id <> t.person_id
        """,
    ),
    DatabaseCheck(
        table=Enrollment,
        column="batch_id",
        sentence="its batch is of another item than the order line",
        sql="""
            SELECT t.id
              FROM commerce_enrollment t
              JOIN commerce_order_line l ON l.id = t.order_line_id
              JOIN catalog_batch b ON b.id = t.batch_id
              JOIN catalog_variant v ON v.id = b.variant_id
             WHERE v.item_id <> l.item_id
        """,
    ),
    DatabaseCheck(
        table=Enrollment,
        column="status",
        sentence="the person has another open enrollment on the order line",
        sql="""
            SELECT t.id FROM commerce_enrollment t
             WHERE t.status IN ('Registered', 'Active') AND EXISTS (
                   SELECT 1 FROM commerce_enrollment o
                    WHERE o.order_line_id = t.order_line_id AND o.person_id = t.person_id
                      AND o.status IN ('Registered', 'Active') AND o.id < t.id)
        """,
    ),
    DatabaseCheck(
        table=Enrollment,
        column="status",
        sentence="Transferred, and the person has no other enrollment on the order line",
        sql="""
            SELECT t.id FROM commerce_enrollment t
             WHERE t.status = 'Transferred' AND NOT EXISTS (
                   SELECT 1 FROM commerce_enrollment o
                    WHERE o.order_line_id = t.order_line_id AND o.person_id = t.person_id
                      AND o.id <> t.id)
        """,
    ),
)

_CANCELLED = (
    DatabaseCheck(
        table=Order,
        column="status",
        sentence="Cancelled order with {active} Active enrollments",
        sql="""
            SELECT t.id, COUNT(e.id) AS active
              FROM commerce_order t
              LEFT JOIN commerce_order_line l ON l.order_id = t.id
              LEFT JOIN commerce_enrollment e ON e.order_line_id = l.id AND e.status = 'Active'
             WHERE t.status = 'Cancelled'
             GROUP BY t.id HAVING COUNT(e.id) > 0
        """,
    ),
    DatabaseCheck(
        table=Order,
        column="status",
        sentence="Cancelled order whose Issued invoice {number} holds {amount} of settled money",
        sql="""
            SELECT t.id, i.number AS number,
                   SUM(CASE p.direction WHEN 'In' THEN a.amount ELSE -a.amount END) AS amount
              FROM commerce_order t
              JOIN finance_invoice i ON i.order_id = t.id
              JOIN finance_payment_allocation a ON a.invoice_id = i.id
              JOIN finance_payment p ON p.id = a.payment_id
             WHERE t.status = 'Cancelled' AND i.status = 'Issued' AND p.status = 'Settled'
             GROUP BY t.id, i.id, i.number
            HAVING SUM(CASE p.direction WHEN 'In' THEN a.amount ELSE -a.amount END) >= 0.5
        """,
    ),
)


RULES = (
    Rule("O1", (_PARTICIPANT,)),
    Rule("O2", (_CUSTOMER,)),
    Rule("O3", _LINE_PRICES),
    Rule("O4", _TOTALS),
    Rule(
        "O5",
        (_HAS_LINES,),
        not_audited="that the lines of a Completed order did not change: "
        "no row tells what it was before",
    ),
    Rule(
        "O6",
        _PROMOTIONS,
        not_audited="that a promotion was active when it was used: is_active is of today",
    ),
    Rule("O7", _ENROLLMENTS),
    Rule("O8", _CANCELLED),
)

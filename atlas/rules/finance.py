"""F1 to F5: invoices, payments, accounts and revenue.

A sum is made by LEFT JOIN where JOIN would say the same: then SQLite goes through the
left table in the order of its key, and sums without sorting anything.
"""

from __future__ import annotations

from atlas.rules.formats import HALF_RUPIAH, sql_differ
from atlas.rules.rule import Check, DatabaseCheck, Rule
from atlas.table import Table
from atlas.tables import Invoice, InvoiceLine, Order, OrderLine, Payment, Revenue

_TAX = "COALESCE(SUM(l.tax_amount), 0)"
_TOTAL = "COALESCE(SUM(l.amount + l.tax_amount), 0)"

_INVOICES = (
    DatabaseCheck(
        table=Invoice,
        column="total_amount",
        sentence="tax and total are {tax_amount} and {total_amount}; its lines come to {tax} and "
        "{total}",
        sql=f"""
            SELECT t.id, t.tax_amount AS tax_amount, t.total_amount AS total_amount,
                   {_TAX} AS tax, {_TOTAL} AS total
              FROM finance_invoice t LEFT JOIN finance_invoice_line l ON l.invoice_id = t.id
             GROUP BY t.id
            HAVING {sql_differ("t.tax_amount", _TAX)} OR {sql_differ("t.total_amount", _TOTAL)}
        """,
    ),
    DatabaseCheck(
        table=InvoiceLine,
        column="order_line_id",
        sentence="its order line is of another order than the invoice",
        sql="""
            SELECT t.id
              FROM finance_invoice_line t
              JOIN finance_invoice i ON i.id = t.invoice_id
              JOIN commerce_order_line l ON l.id = t.order_line_id
             WHERE l.order_id <> i.order_id
        """,
    ),
)

#: What is settled of an invoice; a payment that is not Settled does not count.
_NET = """COALESCE(SUM(
    CASE WHEN p.status = 'Settled' AND p.direction = 'In' THEN a.amount
         WHEN p.status = 'Settled' THEN -a.amount END), 0)"""

_ALLOCATIONS = (
    DatabaseCheck(
        table=Payment,
        column="amount",
        sentence="{allocated} is allocated of an amount of {amount}",
        sql=f"""
            SELECT t.id, t.amount AS amount, SUM(a.amount) AS allocated
              FROM finance_payment t LEFT JOIN finance_payment_allocation a ON a.payment_id = t.id
             GROUP BY t.id HAVING SUM(a.amount) - t.amount >= {HALF_RUPIAH}
        """,
    ),
    DatabaseCheck(
        table=Invoice,
        column="total_amount",
        sentence="{net} is settled, which is not between 0 and its total of {total_amount}",
        sql=f"""
            SELECT t.id, t.total_amount AS total_amount, {_NET} AS net
              FROM finance_invoice t
              LEFT JOIN finance_payment_allocation a ON a.invoice_id = t.id
              LEFT JOIN finance_payment p ON p.id = a.payment_id
             GROUP BY t.id
            HAVING {_NET} <= -{HALF_RUPIAH} OR {_NET} - t.total_amount >= {HALF_RUPIAH}
        """,
    ),
)

_BILLED = DatabaseCheck(
    table=Order,
    column="total_amount",
    sentence="{billed} is billed of a total of {total_amount}",
    sql=f"""
        SELECT t.id, t.total_amount AS total_amount, SUM(i.total_amount) AS billed
          FROM commerce_order t
          LEFT JOIN finance_invoice i ON i.order_id = t.id AND i.status = 'Issued'
         GROUP BY t.id HAVING SUM(i.total_amount) - t.total_amount >= {HALF_RUPIAH}
    """,
)


def _account(table: type[Table], wrong: str, wanted: str) -> Check:
    return DatabaseCheck(
        table=table,
        column="account_id",
        sentence=f"its account {{code}} is not {wanted}",
        sql=f"""
            SELECT t.id, c.code AS code
              FROM {table._meta.tablename} t JOIN finance_account c ON c.id = t.account_id
             WHERE c.is_group OR {wrong}
        """,
    )


_ACCOUNTS = (
    _account(Revenue, "c.type <> 'Income'", "a posting Income account"),
    _account(
        InvoiceLine,
        "c.type NOT IN ('Income', 'Liability')",
        "a posting Income or Liability account",
    ),
    _account(Payment, "NOT c.is_cash", "a posting cash account"),
)

_RECOGNISED = DatabaseCheck(
    table=OrderLine,
    column="total_amount",
    sentence="{recognised} is recognised of a total before tax of {net}",
    sql=f"""
        SELECT t.id, t.total_amount - t.tax_amount AS net, SUM(r.amount) AS recognised
          FROM commerce_order_line t LEFT JOIN finance_revenue r ON r.order_line_id = t.id
         GROUP BY t.id
        HAVING SUM(r.amount) - (t.total_amount - t.tax_amount) >= {HALF_RUPIAH}
    """,
)


RULES = (
    Rule(
        "F1",
        _INVOICES,
        not_audited="that an Issued invoice changed only to Void: no row tells what it was before",
    ),
    Rule("F2", _ALLOCATIONS),
    Rule("F3", (_BILLED,)),
    Rule("F4", _ACCOUNTS),
    Rule("F5", (_RECOGNISED,)),
)

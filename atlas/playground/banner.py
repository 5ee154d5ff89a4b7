"""What a playground says first: where it is, what is in scope, and what to try.

In: a client and the names in scope. Out: text. Each of ``QUERIES`` can be pasted as
it is; the tests run them all.
"""

from __future__ import annotations

from atlas.client.client import Client
from atlas.tables import TABLES

#: What to try, with what it shows.
QUERIES = {
    "rows": "await Order.select(Order.number, Order.total_amount).order_by(Order.number).limit(5)",
    "a join": "await OrderLine.select(OrderLine.order_id.number, OrderLine.item_id.name).limit(5)",
    "a sum by group": (
        "await Order.select(Order.unit_id.name, Sum(Order.total_amount))"
        ".group_by(Order.unit_id.name)"
    ),
    "a chart by month, or Year(...)": (
        "chart(Order.select(Month(Order.order_date), Count()).group_by(Month(Order.order_date)))"
    ),
    "a frame of polars or pandas": "frame(Order.select(Order.order_date, Order.total_amount))",
    "a file, .csv or .json": "save(Person.select(Person.full_name), 'persons.csv')",
    "one object, and what it refers to": (
        "order = await Order.objects(Order.customer_id).first(); order.customer_id"
    ),
    "many to many": (
        "await Person.select(Person.full_name, Person.tags(Tag.name, as_list=True)).limit(9)"
    ),
    "a change": (
        "await Order.update({Order.note: 'new'}).where(Order.number == 'CKB-SO-000001')"
        ".returning(Order.note)"
    ),
    "the SQL, before it runs": "Order.select(Order.number).where(Order.status == 'Completed')",
}

#: Shown where nothing can be changed.
READ_ONLY = tuple(title for title in QUERIES if title != "a change")


def banner(client: Client, throwaway: bool) -> str:
    """Return the banner's lines, with ``rich``'s marks for emphasis."""
    if throwaway:
        where = (
            "A throwaway database with demo rows: change what you like. "
            "It is removed when you leave."
        )
        titles = tuple(QUERIES)
    else:
        where = f"{client.engine.path}, for reading only."
        titles = READ_ONLY
    lines = [
        f"[bold]Atlas playground[/]  {where}",
        f"In scope: the {len(TABLES)} tables by name, db (the client: db.commerce.Order, "
        "db.transaction()), Count, Sum, Avg, Min, Max, Month, Year, date, frame, save, chart.",
        "Try:",
        *(f"  [dim]# {title}[/]\n  {QUERIES[title]}" for title in titles),
        "Order? shows its columns, exit or Ctrl-D leaves.",
    ]
    return "\n".join(lines)

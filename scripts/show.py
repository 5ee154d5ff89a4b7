"""Print the latest orders: who bought what, at which unit, and whether it is paid."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from piccolo.query.functions import Sum
from rich.console import Console
from rich.table import Table

from atlas import OrderLine, Payment, PaymentAllocation, create_client

#: How many order lines are shown.
LINES = 25


async def select_lines() -> list[dict[str, Any]]:
    """Return the latest order lines, each with order, unit, customer and item: one query."""
    order = OrderLine.order_id
    return await (
        OrderLine.select(
            OrderLine.order_id,
            OrderLine.line_no,
            OrderLine.item_id.name.as_alias("item"),
            OrderLine.total_amount.as_alias("amount"),
            order.number.as_alias("number"),
            order.total_amount.as_alias("order_amount"),
            order.unit_id.name.as_alias("unit"),
            order.customer_id.full_name.as_alias("customer"),
            order.organization_id.name.as_alias("organization"),
        )
        .order_by(order.order_date, ascending=False)
        .order_by(order.number)
        .order_by(OrderLine.line_no)
        .limit(LINES)
    )


async def select_paid_amounts() -> dict[str, float]:
    """Return what has been paid for each order: settled payments less refunds."""
    order_id = PaymentAllocation.invoice_id.order_id
    direction = PaymentAllocation.payment_id.direction
    sums = await (
        PaymentAllocation.select(
            order_id.as_alias("order_id"),
            direction.as_alias("direction"),
            Sum(PaymentAllocation.amount).as_alias("amount"),
        )
        .where(PaymentAllocation.payment_id.status == Payment.Status.Settled)
        .group_by(order_id, direction)
    )
    paid: dict[str, float] = defaultdict(float)
    for row in sums:
        sign = 1 if row["direction"] == Payment.Direction.In else -1
        paid[row["order_id"]] += sign * row["amount"]
    return paid


async def main() -> None:
    """Select both, print one table."""
    async with create_client():
        lines, paid = await select_lines(), await select_paid_amounts()
    table = Table(
        "Order", "Unit", "Customer", "Item", box=None, pad_edge=False, collapse_padding=True
    )
    table.add_column("Rupiah", justify="right")
    table.add_column("Paid")
    for line in lines:
        first = line["line_no"] == 1
        amount = paid[line["order_id"]]
        is_paid = "yes" if amount >= line["order_amount"] else "partly" if amount else "no"
        table.add_row(
            line["number"] if first else "",
            line["unit"] if first else "",
            (line["customer"] or line["organization"]) if first else "",
            line["item"],
            f"{line['amount']:,.0f}",
            is_paid if first else "",
        )
    Console().print("\nThe latest orders", table, sep="\n\n")


if __name__ == "__main__":
    asyncio.run(main())

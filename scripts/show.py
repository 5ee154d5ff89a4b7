"""Print the orders of the database: who bought what, where, and what is paid."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.table import Table

from atlas import Order, OrderLine, Payment, PaymentAllocation


async def order_lines() -> list[dict[str, Any]]:
    """Return every order line with its order, unit, customer and item, joined in one query."""
    order = OrderLine.order_id
    return await (
        OrderLine.select(
            order.number,
            order.order_date,
            order.unit_id.name.as_alias("unit"),
            order.customer_id.full_name.as_alias("customer"),
            order.organization_id.name.as_alias("organization"),
            order.total_amount.as_alias("order_amount"),
            OrderLine.item_id.name.as_alias("item"),
            OrderLine.total_amount,
        )
        .where(order.status != Order.Status.Cancelled)
        .order_by(order.order_date, order.number, OrderLine.line_no)
    )

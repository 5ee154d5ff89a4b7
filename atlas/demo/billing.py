"""Money: invoices of an order, what is paid of them, and when it is earned.

In: an order that was sold. Out: its invoices, payments and recognised revenue,
up to the last day of the demo.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

from atlas import tables
from atlas.demo.catalog import Batch, Item
from atlas.demo.context import Context
from atlas.demo.organisation import Entity, Unit
from atlas.demo.size import LAST_DAY

#: From this total on, an order is paid in monthly instalments.
_INSTALMENTS_FROM = 2_500_000
#: Method, weight, account, and what the provider keeps of it, in 1/1000.
_METHODS = {
    "Cash": (3, "1-1100", 0),
    "BankTransfer": (3, "1-1200", 0),
    "VirtualAccount": (2, "1-1200", 0),
    "QRIS": (3, "1-1300", 7),
    "Card": (1, "1-1200", 20),
    "EWallet": (1, "1-1300", 15),
}
_WEIGHTS = {method: float(weight) for method, (weight, _, _) in _METHODS.items()}


@dataclass
class Line:
    """An order line that was written."""

    id: str
    item: Item
    #: Before tax.
    net: int
    tax: int
    #: The class it is delivered in; None where it is delivered at once.
    batch: Batch | None = None
    #: When the learner left.
    left: date | None = None


@dataclass
class Sale:
    """An order that was written."""

    id: str
    entity: Entity
    unit: Unit
    day: date
    status: str
    lines: list[Line]
    payer: str | None
    organization: str | None
    sales_person: str
    channel_id: str
    #: Whether the customer never bought before.
    is_first: bool

    @property
    def total(self) -> int:
        """What is to be paid."""
        return sum(line.net + line.tax for line in self.lines)


@dataclass
class _Invoice:
    id: str
    due: date
    total: int


class Billing:
    """The books of the group."""

    def __init__(self, context: Context) -> None:
        self._world = context

    def book(self, sale: Sale) -> None:
        """Bill an order, take the money, and recognise what is earned."""
        if sale.status == "Draft":
            return
        if sale.status == "Cancelled":
            self._cancel(sale)
            return
        large = sale.total >= _INSTALMENTS_FROM
        count = self._world.weighted({1: 4, 2: 3, 3: 3}) if large else 1
        self._collect(sale, self._invoices(sale, count, "Issued"))
        for line in sale.lines:
            self._recognise(sale, line)

    def _cancel(self, sale: Sale) -> None:
        """Void the invoice of a cancelled order, and pay back what was paid of it."""
        if not self._world.chance(0.7):
            return
        for invoice in self._invoices(sale, 1, "Void"):
            back = invoice.due + timedelta(days=self._world.between(5, 20))
            if self._world.chance(0.3) and back <= LAST_DAY:
                self._pay(sale, [(invoice, invoice.total)], invoice.due)
                self._pay(sale, [(invoice, invoice.total)], back, direction="Out")

    def _invoices(self, sale: Sale, count: int, status: str) -> list[_Invoice]:
        """Bill the lines in ``count`` monthly parts, as far as they are due to be billed."""
        made = []
        for number in range(1, count + 1):
            issued = sale.day + timedelta(days=30 * (number - 1))
            if issued > LAST_DAY:
                break
            parts = [
                (line, _part(line.net, number, count), _part(line.tax, number, count))
                for line in sale.lines
            ]
            total = sum(net + tax for _, net, tax in parts)
            due = issued + timedelta(days=7 if count > 1 or sale.organization else 0)
            invoice_id = self._world.add(
                tables.Invoice,
                issued,
                entity_id=sale.entity.id,
                order_id=sale.id,
                number=sale.entity.document_number("INV"),
                installment_no=number,
                issue_date=issued,
                due_date=due,
                status=status,
                tax_amount=sum(tax for _, _, tax in parts),
                total_amount=total,
            )
            for line_no, (line, net, tax) in enumerate(parts, start=1):
                self._world.add(
                    tables.InvoiceLine,
                    issued,
                    invoice_id=invoice_id,
                    line_no=line_no,
                    order_line_id=line.id,
                    account_id=line.item.income_account,
                    description=line.item.name,
                    amount=net,
                    tax_amount=tax,
                )
            made.append(_Invoice(invoice_id, due, total))
        return made

    def _collect(self, sale: Sale, invoices: list[_Invoice]) -> None:
        """Take the money: mostly in time, sometimes late, in part, or for two at once."""
        context = self._world
        if len(invoices) > 1 and context.chance(0.15):
            first, second, *invoices = invoices
            self._pay(sale, [(first, first.total), (second, second.total)], first.due)
        for invoice in invoices:
            paid = invoice.due + timedelta(days=context.weighted({0: 60, 3: 25, 12: 10, 35: 5}))
            if invoice.total == 0 or paid > LAST_DAY or context.chance(0.03):
                continue
            if context.chance(0.01):
                self._pay(sale, [], invoice.due, amount=invoice.total, status="Failed")
            part = invoice.total // 2 if context.chance(0.03) else invoice.total
            self._pay(sale, [(invoice, part)], paid)

    def _pay(
        self,
        sale: Sale,
        parts: list[tuple[_Invoice, int]],
        day: date,
        *,
        direction: str = "In",
        status: str = "Settled",
        amount: int | None = None,
    ) -> None:
        context, entity = self._world, sale.entity
        amount = sum(part for _, part in parts) if amount is None else amount
        if amount == 0 or day > LAST_DAY:
            return
        method = context.weighted(_WEIGHTS) if direction == "In" else "BankTransfer"
        _, account, fee = _METHODS[method]
        payment_id = context.add(
            tables.Payment,
            day,
            entity_id=entity.id,
            unit_id=sale.unit.id if method == "Cash" else None,
            account_id=entity.accounts[account],
            person_id=sale.payer,
            organization_id=sale.organization,
            number=entity.document_number("PAY"),
            direction=direction,
            method=method,
            status=status,
            payment_date=day,
            amount=amount,
            fee_amount=amount * fee // 1000 if direction == "In" else 0,
            reference=None if method == "Cash" else f"{context.random.getrandbits(40):010X}",
        )
        for invoice, part in parts:
            context.join(
                tables.PaymentAllocation, payment_id=payment_id, invoice_id=invoice.id, amount=part
            )

    def _recognise(self, sale: Sale, line: Line) -> None:
        """Recognise a class month by month while it runs, anything else on the day of the sale."""
        if line.net == 0:
            return
        if line.batch is None:
            if line.item.type in ("Product", "Service"):
                self._earn(sale, line, sale.day, line.net)
            return
        ends = _month_ends(line.batch.start, line.batch.end)
        for number, end in enumerate(ends, start=1):
            if end > LAST_DAY or (line.left and end > line.left):
                break
            self._earn(sale, line, end, _part(line.net, number, len(ends)))

    def _earn(self, sale: Sale, line: Line, day: date, amount: int) -> None:
        self._world.add(
            tables.Revenue,
            day,
            entity_id=sale.entity.id,
            unit_id=sale.unit.id,
            order_line_id=line.id,
            account_id=line.item.income_account,
            revenue_date=day,
            amount=amount,
        )


def _part(amount: int, number: int, count: int) -> int:
    """Return part ``number`` of ``count``; the last one takes what is left by the others."""
    part = amount // count
    return amount - part * (count - 1) if number == count else part


def _month_ends(first: date, last: date) -> list[date]:
    """Return the last day of each month from ``first`` on, and ``last`` in its own."""
    days = []
    year, month = first.year, first.month
    while (year, month) < (last.year, last.month):
        days.append(date(year, month, calendar.monthrange(year, month)[1]))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return [*days, last]

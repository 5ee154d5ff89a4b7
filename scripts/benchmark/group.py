"""A database of a whole group's business, of any size, for the queries to be measured on.

In: a path and a number of order lines. Out: a file made by the migrations, with
two years of orders, invoices, payments, revenue, leads and targets that obey the
rules of docs/model.md. Rows are written as plain SQL, in the text that Atlas
stores; nothing of it is random, so each size is the same every time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from atlas.ulid import new_ulid
from benchmark.data import connect, migrate

_NOW = "2026-12-31 00:00:00.000000+00:00"
_ENTITIES, _UNITS, _STAFF, _ITEMS = 4, 8, 6, 24
_FIRST_DAY, _DAYS = date(2025, 1, 1), 730
_YEARS = (2025, 2026)
#: Lines of the orders in turn: 2.5 on average.
_LINES = (1, 2, 3, 4)
_TYPES = ("Enrollment",) * 6 + ("Product",) * 3 + ("Service",)
_STATUSES = ("Draft", "Cancelled", "Confirmed", "Confirmed") + ("Completed",) * 16
_CHUNK = 2_000

_Row = dict[str, Any]


class _Writer:
    """Collects rows by table and writes them in batches."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._rows: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}

    def add(self, table: str, **values: Any) -> str:
        """Add a row with a new id, and return the id."""
        id = new_ulid()
        self.join(table, id=id, **values)
        return id

    def join(self, table: str, **values: Any) -> None:
        """Add a row as it is, to a table without an id of its own."""
        key = (table, *values)
        rows = self._rows.setdefault(key, [])
        rows.append(tuple(values.values()))
        if len(rows) >= _CHUNK:
            self._write(key)

    def flush(self) -> None:
        """Write what is left."""
        for key in self._rows:
            self._write(key)

    def _write(self, key: tuple[str, ...]) -> None:
        table, *columns = key
        rows, self._rows[key] = self._rows[key], []
        self._database.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}, created_at, updated_at)"
            f" VALUES ({', '.join('?' * len(columns))}, '{_NOW}', '{_NOW}')",
            rows,
        )


def make(path: Path, lines: int, on_order: Callable[[int, int], None] | None = None) -> None:
    """Make the file at ``path`` with ``lines`` order lines, or a few more.

    ``on_order`` is called now and then with the orders done and their number.
    """
    migrate(path)
    orders = max(16, lines * len(_LINES) // sum(_LINES))
    with closing(connect(path)) as database:
        database.execute("PRAGMA foreign_keys = 0")  # the rows come in no order that they ask for
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        writer = _Writer(database)
        _fill(writer, orders, on_order)
        writer.flush()
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill(writer: _Writer, orders: int, on_order: Callable[[int, int], None] | None) -> None:
    periods = _periods(writer)
    channel = writer.add("core_channel", code="wa", name="WhatsApp", type="Messaging")
    source = writer.add("core_source", code="sheet", name="Sheet", type="Spreadsheet")
    persons = [_person(writer, source, number) for number in range(max(8, orders // 2))]
    entities = [
        _Entity(writer, number, orders, periods, channel, source) for number in range(_ENTITIES)
    ]
    for number in range(orders):
        entities[number % _ENTITIES].sell(number, persons[number % len(persons)])
        if on_order and number % 1_000 == 0:
            on_order(number, orders)
    if on_order:
        on_order(orders, orders)


def _periods(writer: _Writer) -> dict[str, str]:
    ids: dict[str, str] = {}

    def add(code: str, kind: str, parent: str | None, start: date, end: date) -> None:
        ids[code] = writer.add(
            "core_period",
            code=code,
            type=kind,
            parent_id=ids.get(parent or ""),
            start_date=str(start),
            end_date=str(end),
        )

    for year in _YEARS:
        add(f"{year}", "Year", None, date(year, 1, 1), date(year, 12, 31))
        for quarter in range(1, 5):
            first = date(year, 3 * quarter - 2, 1)
            add(f"{year}-Q{quarter}", "Quarter", f"{year}", first, _end(year, 3 * quarter))
        for month in range(1, 13):
            quarter_code = f"{year}-Q{(month + 2) // 3}"
            first = date(year, month, 1)
            add(f"{year}-{month:02}", "Month", quarter_code, first, _end(year, month))
    return ids


def _end(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _person(writer: _Writer, source: str, number: int) -> str:
    id = writer.add("db_person", full_name=f"Person {number}")
    writer.add(
        "db_contact",
        person_id=id,
        type="WhatsApp",
        value=f"+62812{number:08}",
        is_primary=1,
    )
    writer.add(
        "db_identifier",
        person_id=id,
        type="External",
        issuer="sheet",
        source_id=source,
        value=f"person-{number}",
    )
    if number % 2:
        writer.add("db_identifier", person_id=id, type="NIK", issuer="ID", value=f"{number:016}")
    return id


class _Entity:
    """One entity, what it sells and where, and its sales."""

    def __init__(
        self,
        writer: _Writer,
        number: int,
        orders: int,
        periods: dict[str, str],
        channel: str,
        source: str,
    ) -> None:
        self._writer = writer
        self._orders = orders
        self._channel = channel
        self._source = source
        self._code = f"E{number}"
        self.id = writer.add("core_entity", code=self._code, name=self._code, legal_form="PT")
        self._units = [
            writer.add(
                "core_unit", entity_id=self.id, code=f"U{unit}", name=f"Unit {unit}", type="Branch"
            )
            for unit in range(_UNITS)
        ]
        self._staff = [
            writer.add("db_person", full_name=f"Staff {self._code} {staff}")
            for staff in range(_STAFF)
        ]
        for staff, person in enumerate(self._staff):
            writer.join(
                "db_person_unit", person_id=person, unit_id=self._units[staff], role="Sales"
            )
        self._income = self._account("4-1000", "Income", is_cash=0)
        self._bank = self._account("1-1000", "Asset", is_cash=1)
        self._promotion = writer.add(
            "commerce_promotion",
            entity_id=self.id,
            code="P10",
            name="Ten percent",
            type="Seasonal",
            value_type="Percentage",
            value=10,
            start_date="2025-01-01",
        )
        self._sell_from_categories()
        self._plan_and_campaign(periods)

    def _account(self, code: str, kind: str, is_cash: int) -> str:
        return self._writer.add(
            "finance_account", entity_id=self.id, code=code, name=code, type=kind, is_cash=is_cash
        )

    def _category(self, code: str, parent: str | None) -> str:
        return self._writer.add(
            "catalog_category", entity_id=self.id, code=code, name=code, parent_id=parent
        )

    def _sell_from_categories(self) -> None:
        """Make a tree of categories, items with a variant each, their prices and batches."""
        roots = [self._category(f"C{root}", None) for root in range(3)]
        leaves = [
            self._category(f"C{root}-{leaf}", roots[root]) for root in range(3) for leaf in (1, 2)
        ]
        #: Of each item: id, variant, price by year, batch by quarter.
        self._items: list[tuple[str, str, dict[int, tuple[str, int]], dict[str, str]]] = []
        for number in range(_ITEMS):
            code = f"I{number:02}"
            item = self._writer.add(
                "catalog_item",
                entity_id=self.id,
                category_id=leaves[number % len(leaves)],
                code=code,
                name=f"Item {number}",
                type="Course",
            )
            variant = self._writer.add(
                "catalog_variant", item_id=item, code="V", name=f"Variant of item {number}"
            )
            prices, batches = {}, {}
            for year in _YEARS:
                amount = (number + 10) * 100_000 + (year - _YEARS[0]) * 50_000
                id = self._writer.add(
                    "catalog_price",
                    variant_id=variant,
                    amount=amount,
                    valid_from=f"{year}-01-01",
                    valid_to=f"{year}-12-31",
                )
                prices[year] = (id, amount)
                for quarter in range(1, 5):
                    name = f"{year}-Q{quarter}"
                    batches[name] = self._writer.add(
                        "catalog_batch",
                        entity_id=self.id,
                        variant_id=variant,
                        unit_id=self._units[number % _UNITS],
                        code=f"{code}-{name}",
                        name=f"{code} {name}",
                        start_date=str(date(year, 3 * quarter - 2, 1)),
                    )
            self._items.append((item, variant, prices, batches))

    def _plan_and_campaign(self, periods: dict[str, str]) -> None:
        plan = self._writer.add(
            "target_plan",
            entity_id=self.id,
            period_id=periods["2026"],
            name="2026",
            status="Approved",
        )
        for unit in self._units:
            for month in range(1, 13):
                self._writer.add(
                    "target_line",
                    plan_id=plan,
                    period_id=periods[f"2026-{month:02}"],
                    metric="OrderAmount",
                    unit_id=unit,
                    value=250_000_000,
                )
        self._campaign = self._writer.add(
            "marketing_campaign",
            entity_id=self.id,
            code="ALL",
            name="All year",
            objective="LeadGeneration",
            start_date=str(_FIRST_DAY),
        )
        self._agendas = [
            self._writer.add(
                "marketing_agenda",
                entity_id=self.id,
                unit_id=self._units[week % _UNITS],
                campaign_id=self._campaign,
                pic_id=self._staff[week % _STAFF],
                name=f"Open house {week}",
                type="OpenHouse",
                status="Done",
                start_date=str(_FIRST_DAY + timedelta(weeks=week)),
                end_date=str(_FIRST_DAY + timedelta(weeks=week)),
                actual_amount=1_000_000,
            )
            for week in range(_DAYS // 7)
        ]

    def sell(self, number: int, customer: str) -> None:
        """Add the order of this number and everything that follows from it."""
        day = _FIRST_DAY + timedelta(days=number * _DAYS // self._orders)
        turn = number // _ENTITIES
        kind = _TYPES[turn % len(_TYPES)]
        status = (
            ("Draft", "Cancelled", "Confirmed", "Confirmed")[turn % 20]
            if turn % 20 < 4
            else "Completed"
        )
        unit = self._units[turn % _UNITS]
        order_id = new_ulid()
        lines = [
            self._line(order_id, line_no, number, kind, day.year)
            for line_no in range(1, _LINES[turn % len(_LINES)] + 1)
        ]
        totals = {
            name: sum(line[name] for line in lines)
            for name in ("discount_amount", "tax_amount", "total_amount")
        }
        gross = sum(line["quantity"] * line["unit_price"] for line in lines)
        self._writer.join(
            "commerce_order",
            id=order_id,
            entity_id=self.id,
            unit_id=unit,
            number=f"SO/{number:08}",
            type=kind,
            status=status,
            order_date=str(day),
            customer_id=customer,
            participant_id=customer if kind == "Enrollment" else None,
            sales_person_id=self._staff[turn % _STAFF],
            channel_id=self._channel,
            subtotal_amount=gross,
            **totals,
            source_id=self._source,
            source_key=f"order-{number}",
        )
        for line in lines:
            self._writer.join("commerce_order_line", **line)
        if kind == "Enrollment" and status != "Draft":
            self._enroll(lines[0], number, customer, status, day)
        if status in ("Confirmed", "Completed"):
            self._bill(order_id, number, lines, unit, customer, day, is_paid=status == "Completed")
        if turn % 2 == 0:
            self._lead(order_id, number, customer, unit, day)

    def _line(self, order_id: str, line_no: int, number: int, kind: str, year: int) -> _Row:
        item, variant, prices, _ = self._items[(number * 7 + line_no) % _ITEMS]
        price, amount = prices[year]
        quantity = 1 + number % 3 if kind == "Product" else 1
        discount = amount * quantity // 10 if number % 9 == 0 else 0
        tax = (amount * quantity - discount) * 11 // 100 if kind == "Product" else 0
        return {
            "id": new_ulid(),
            "order_id": order_id,
            "line_no": line_no,
            "item_id": item,
            "variant_id": variant,
            "price_id": price,
            "promotion_id": self._promotion if discount else None,
            "quantity": quantity,
            "unit_price": amount,
            "discount_amount": discount,
            "tax_amount": tax,
            "total_amount": amount * quantity - discount + tax,
            "source_id": self._source,
            "source_key": f"line-{number}-{line_no}",
        }

    def _enroll(self, line: _Row, number: int, person: str, status: str, day: date) -> None:
        *_, batches = self._items[(number * 7 + 1) % _ITEMS]
        self._writer.add(
            "commerce_enrollment",
            order_line_id=line["id"],
            person_id=person,
            batch_id=batches[f"{day.year}-Q{(day.month + 2) // 3}"],
            status={"Cancelled": "Withdrawn", "Completed": "Completed"}.get(status, "Active"),
            enroll_date=str(day),
        )

    def _bill(
        self,
        order_id: str,
        number: int,
        lines: list[_Row],
        unit: str,
        customer: str,
        day: date,
        *,
        is_paid: bool,
    ) -> None:
        """Add one or two invoices, and when the order is paid the money and the revenue."""
        parts = 2 if number % 3 == 0 else 1
        for part in range(parts):
            bills = [
                (
                    line["id"],
                    _part(line["total_amount"] - line["tax_amount"], part, parts),
                    _part(line["tax_amount"], part, parts),
                )
                for line in lines
            ]
            due = day + timedelta(days=30 * part)
            total = sum(amount + tax for _, amount, tax in bills)
            invoice = self._writer.add(
                "finance_invoice",
                entity_id=self.id,
                order_id=order_id,
                number=f"INV/{number:08}/{part + 1}",
                installment_no=part + 1,
                issue_date=str(due),
                due_date=str(due),
                status="Issued",
                tax_amount=sum(tax for *_, tax in bills),
                total_amount=total,
            )
            for line_no, (line_id, amount, tax) in enumerate(bills, 1):
                self._writer.add(
                    "finance_invoice_line",
                    invoice_id=invoice,
                    line_no=line_no,
                    order_line_id=line_id,
                    account_id=self._income,
                    amount=amount,
                    tax_amount=tax,
                )
            if is_paid:
                payment = self._writer.add(
                    "finance_payment",
                    entity_id=self.id,
                    unit_id=unit,
                    account_id=self._bank,
                    person_id=customer,
                    number=f"PAY/{number:08}/{part + 1}",
                    method="BankTransfer",
                    payment_date=str(due),
                    amount=total,
                )
                self._writer.join(
                    "finance_payment_allocation",
                    payment_id=payment,
                    invoice_id=invoice,
                    amount=total,
                )
        if is_paid:
            for line in lines:
                self._writer.add(
                    "finance_revenue",
                    entity_id=self.id,
                    unit_id=unit,
                    order_line_id=line["id"],
                    account_id=self._income,
                    revenue_date=str(day),
                    amount=line["total_amount"] - line["tax_amount"],
                )

    def _lead(self, order_id: str, number: int, person: str, unit: str, day: date) -> None:
        self._writer.add(
            "marketing_lead",
            entity_id=self.id,
            unit_id=unit,
            person_id=person,
            campaign_id=self._campaign,
            agenda_id=self._agendas[(day - _FIRST_DAY).days // 7 % len(self._agendas)],
            channel_id=self._channel,
            owner_id=self._staff[number % _STAFF],
            order_id=order_id,
            status="Won",
            lead_date=str(day),
        )


def _part(amount: int, part: int, parts: int) -> int:
    """Return one of ``parts`` of a whole amount; together they are the amount."""
    return amount * (part + 1) // parts - amount * part // parts

"""The rules of docs/model.md section 7 that a database can be checked for.

In: a ``Database``, which is all rows of all tables. Out: a sentence for every
row that breaks a rule. Knows the tables, and nothing of how rows get there.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import atlas
from atlas import (
    Account,
    Agenda,
    Batch,
    BatchInstructor,
    Campaign,
    CampaignChannel,
    Category,
    Contact,
    Enrollment,
    Entity,
    Identifier,
    Invoice,
    InvoiceLine,
    ItemComponent,
    Lead,
    Order,
    OrderLine,
    Organization,
    Payment,
    PaymentAllocation,
    Period,
    Person,
    PersonOrganization,
    PersonUnit,
    Price,
    Promotion,
    Region,
    Relation,
    Revenue,
    Source,
    TargetLine,
    TargetPlan,
    Unit,
    Variant,
)
from atlas.table import Table
from atlas.ulid import is_ulid

Row = dict[str, Any]
AnyTable = type[Table]


class Database:
    """All rows, as dicts, and by id."""

    def __init__(self, rows: dict[AnyTable, list[Row]]) -> None:
        self.rows = rows
        self._by_id = {
            (table, row["id"]): row for table in rows for row in rows[table] if "id" in row
        }

    @classmethod
    async def read(cls) -> Database:
        """Read every row of the database that the tables are bound to."""
        return cls({table: await table.select() for table in atlas.TABLES})

    def get(self, table: AnyTable, row_id: str | None) -> Row:
        """Return the row with this id; of None, a row that has nothing."""
        return defaultdict(lambda: None) if row_id is None else self._by_id[table, row_id]

    def children(self, table: AnyTable, foreign_key: str, row: Row) -> list[Row]:
        """Return the rows of ``table`` that reference ``row``."""
        return [child for child in self.rows[table] if child[foreign_key] == row["id"]]


Rule = Callable[[Database], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a check under the name its rule has in the model."""

    def register(check: Rule) -> Rule:
        RULES[name] = check
        return check

    return register


def violations(database: Database) -> list[str]:
    """Return a sentence for each row that breaks a rule."""
    return [f"{name}: {found}" for name, check in RULES.items() for found in check(database)]


def _by(rows: list[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


# --- general ----------------------------------------------------------------


@rule("G1")
def _stamps(db: Database) -> Iterator[str]:
    for table, rows in db.rows.items():
        for row in rows:
            if "id" in row and not is_ulid(row["id"]):
                yield f"{table.__name__} {row} has no ULID"
            if row["updated_at"] < row["created_at"]:
                yield f"{table.__name__} {row} was updated before it was created"


@rule("G2")
def _amounts(db: Database) -> Iterator[str]:
    for table, rows in db.rows.items():
        for column in table._meta.columns:
            name = column._meta.name
            if name not in ("amount", "unit_price") and not name.endswith("_amount"):
                continue
            for row in rows:
                amount = row[name]
                if amount is None:
                    continue
                if amount != round(amount):
                    yield f"{table.__name__}.{name} {amount} is no whole rupiah"
                if amount < 0 and table is not Revenue:
                    yield f"{table.__name__}.{name} {amount} is negative"
    for row in db.rows[Promotion]:
        if row["value_type"] == "Percentage" and not 0 <= row["value"] <= 100:
            yield f"promotion {row['code']} takes off {row['value']} percent"


@rule("G3")
def _dates(db: Database) -> Iterator[str]:
    pairs = [
        ("start_date", "end_date"),
        ("valid_from", "valid_to"),
        ("open_date", "close_date"),
        ("lead_date", "closed_date"),
        ("enroll_date", "end_date"),
        ("issue_date", "due_date"),
    ]
    for table, rows in db.rows.items():
        for row in rows:
            for first, last in pairs:
                if row.get(first) and row.get(last) and row[last] < row[first]:
                    yield f"{table.__name__}: {last} {row[last]} is before {first} {row[first]}"
    for row in db.rows[Agenda]:
        times = [row[name] for name in ("start_time", "end_time") if row[name] is not None]
        if any(not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time) for time in times):
            yield f"agenda {row['name']} has the times {times}"
        if len(times) == 2 and row["start_date"] == row["end_date"] and times[1] <= times[0]:
            yield f"agenda {row['name']} ends before it starts"


@rule("G4")
def _source_pairs(db: Database) -> Iterator[str]:
    for table, rows in db.rows.items():
        for row in rows:
            if "source_key" in row and (row["source_id"] is None) != (row["source_key"] is None):
                yield f"{table.__name__} {row['id']} has half a source"


@rule("G5")
def _trees(db: Database) -> Iterator[str]:
    for table in (Entity, Unit, Region, Period, Category, Account):
        for row in db.rows[table]:
            ancestors = {row["id"]}
            above = row
            while above["parent_id"] is not None:
                above = db.get(table, above["parent_id"])
                if above["id"] in ancestors:
                    yield f"{table.__name__} {row['code']} is its own ancestor"
                    break
                ancestors.add(above["id"])
    width = {
        **dict.fromkeys(["Province", "Year"], 3),
        **dict.fromkeys(["City", "Regency", "Quarter"], 2),
        **dict.fromkeys(["District", "Month"], 1),
        "Village": 0,
    }
    for table, top in ((Region, "Province"), (Period, "Year")):
        for row in db.rows[table]:
            if row["parent_id"] is None:
                if row["type"] != top:
                    yield f"{row['type']} {row['code']} has no parent"
            elif width[row["type"]] != width[db.get(table, row["parent_id"])["type"]] - 1:
                yield f"{row['type']} {row['code']} lies in a wrong type"
    for row in db.rows[Period]:
        parent = db.get(Period, row["parent_id"])
        if row["parent_id"] and not (
            parent["start_date"] <= row["start_date"] and row["end_date"] <= parent["end_date"]
        ):
            yield f"period {row['code']} is not inside {parent['code']}"
    for row in db.rows[Account]:
        if row["parent_id"] and db.get(Account, row["parent_id"])["type"] != row["type"]:
            yield f"account {row['code']} has another type than its parent"


@rule("G6")
def _choices(db: Database) -> Iterator[str]:
    for table, rows in db.rows.items():
        for column in table._meta.columns:
            if column._meta.choices is None:
                continue
            tokens = {member.value for member in column._meta.choices}
            for row in rows:
                value = row[column._meta.name]
                if value not in tokens and not (value is None and column._meta.null):
                    yield f"{table.__name__}.{column._meta.name} is {value!r}"


# --- entity consistency -----------------------------------------------------

#: The foreign key through which a table without entity_id belongs to an entity.
_OWNERS = {
    Variant: "item_id",
    ItemComponent: "item_id",
    BatchInstructor: "batch_id",
    OrderLine: "order_id",
    Enrollment: "order_line_id",
    InvoiceLine: "invoice_id",
    PaymentAllocation: "payment_id",
    CampaignChannel: "campaign_id",
    TargetLine: "plan_id",
}


def _entity_id(db: Database, table: AnyTable, row: Row) -> str | None:
    """Return the entity a row belongs to; None when the group shares it."""
    if "entity_id" in row:
        found: str | None = row["entity_id"]
        return found
    if table is Price:
        owner = "variant_id" if row["item_id"] is None else "item_id"
    elif table in _OWNERS:
        owner = _OWNERS[table]
    else:
        return None
    parent = _references(table)[owner]
    return _entity_id(db, parent, db.get(parent, row[owner]))


def _references(table: AnyTable) -> dict[str, AnyTable]:
    return {
        column._meta.name: column._foreign_key_meta.resolved_references
        for column in table._meta.foreign_key_columns
    }


@rule("E1")
def _one_entity(db: Database) -> Iterator[str]:
    for table, rows in db.rows.items():
        for row in rows:
            own = _entity_id(db, table, row)
            for name, parent in _references(table).items():
                if own is None or row[name] is None or parent is Entity:
                    continue
                other = _entity_id(db, parent, db.get(parent, row[name]))
                if other is not None and other != own:
                    yield f"{table.__name__} {row} references another entity by {name}"
    staff = {
        (row["person_id"], db.get(Unit, row["unit_id"])["entity_id"]) for row in db.rows[PersonUnit]
    }
    for row in db.rows[Order]:
        if row["sales_person_id"] and (row["sales_person_id"], row["entity_id"]) not in staff:
            yield f"the sales person of order {row['number']} works for no unit of its entity"


@rule("E2")
def _revenue_unit(db: Database) -> Iterator[str]:
    for row in db.rows[Revenue]:
        line = db.get(OrderLine, row["order_line_id"])
        if row["order_line_id"] and row["unit_id"] != db.get(Order, line["order_id"])["unit_id"]:
            yield f"revenue {row['id']} is of another unit than its order"


# --- persons ----------------------------------------------------------------


@rule("P1")
def _relations(db: Database) -> Iterator[str]:
    parents = {
        (row["from_person_id"], row["to_person_id"])
        for row in db.rows[Relation]
        if row["type"] == "Parent"
    }
    for row in db.rows[Relation]:
        pair = row["from_person_id"], row["to_person_id"]
        if pair[0] == pair[1]:
            yield f"person {pair[0]} is related to itself"
        if row["type"] in ("Spouse", "Sibling") and pair[0] > pair[1]:
            yield f"{row['type']} {pair} is stored from the larger id"
        if row["type"] == "Parent" and pair[::-1] in parents:
            yield f"{pair} are each other's parents"


@rule("P2")
def _identifiers(db: Database) -> Iterator[str]:
    entities = {row["code"] for row in db.rows[Entity]}
    for row in db.rows[Identifier]:
        kind, issuer, value = row["type"], row["issuer"], row["value"]
        if kind in ("NIK", "NPWP") and not re.fullmatch(r"\d{16}", value):
            yield f"{kind} {value} has not 16 digits"
        if (kind == "External") != (row["source_id"] is not None):
            yield f"{kind} {value} has source {row['source_id']}"
        if kind == "External" and issuer != db.get(Source, row["source_id"])["code"]:
            yield f"External {value} is issued by {issuer}, and its source is another"
        elif kind in ("StudentNo", "EmployeeNo") and issuer not in entities:
            yield f"{kind} {value} is issued by {issuer}, which is no entity"
        elif kind in ("NIK", "NPWP", "Passport", "KITAS", "NISN") and len(issuer) != 2:
            yield f"{kind} {value} is issued by {issuer}, which is no country"
    for table in (Entity, Organization):
        for row in db.rows[table]:
            if row["npwp"] and not re.fullmatch(r"\d{16}", row["npwp"]):
                yield f"NPWP {row['npwp']} has not 16 digits"


@rule("P3")
def _primaries(db: Database) -> Iterator[str]:
    for table, names in ((Contact, ("person_id", "type")), (PersonOrganization, ("person_id",))):
        for key, rows in _by([r for r in db.rows[table] if r["is_primary"]], *names).items():
            if len(rows) > 1:
                yield f"{table.__name__} {key} has {len(rows)} primary rows"


@rule("P4")
def _contacts(db: Database) -> Iterator[str]:
    for row in db.rows[Contact]:
        if row["type"] in ("WhatsApp", "Phone") and not re.fullmatch(
            r"\+[1-9]\d{7,14}", row["value"]
        ):
            yield f"{row['value']} is not E.164"
        if row["type"] == "Email" and row["value"] != row["value"].lower():
            yield f"{row['value']} is not in lower case"
        if row["value"].startswith("@"):
            yield f"{row['value']} starts with @"


@rule("P5")
def _merged(db: Database) -> Iterator[str]:
    for row in db.rows[Person]:
        if row["merged_into_id"] is None:
            continue
        if db.get(Person, row["merged_into_id"])["merged_into_id"]:
            yield f"{row['full_name']} is merged into a merged person"
        if row["is_active"]:
            yield f"{row['full_name']} is merged and active"
        for table in db.rows:
            for name, parent in _references(table).items():
                if parent is Person and any(other[name] == row["id"] for other in db.rows[table]):
                    yield f"{table.__name__}.{name} references {row['full_name']}, who is merged"


# --- catalog ----------------------------------------------------------------


@rule("C1")
def _price_targets(db: Database) -> Iterator[str]:
    for row in db.rows[Price]:
        if row["item_id"] is None and row["variant_id"] is None:
            yield f"price {row['id']} is of nothing"
        if row["item_id"] and row["variant_id"]:
            variant = db.get(Variant, row["variant_id"])
            if variant["item_id"] != row["item_id"]:
                yield f"price {row['id']} is of a variant of another item"


@rule("C2")
def _price_overlaps(db: Database) -> Iterator[str]:
    active = [row for row in db.rows[Price] if row["is_active"]]
    key = ("item_id", "variant_id", "unit_id", "tier", "min_quantity")
    for prices in _by(active, *key).values():
        prices.sort(key=lambda row: row["valid_from"])
        for earlier, later in pairwise(prices):
            if (earlier["valid_to"] or datetime.date.max) >= later["valid_from"]:
                yield f"prices {earlier['id']} and {later['id']} overlap"


@rule("C3")
def _components(db: Database) -> Iterator[str]:
    parts: dict[str, set[str]] = defaultdict(set)
    for row in db.rows[ItemComponent]:
        parts[row["item_id"]].add(row["component_id"])
    for item in list(parts):
        inside: set[str] = set()
        todo = list(parts[item])
        while todo:
            part = todo.pop()
            if part not in inside:
                inside.add(part)
                todo.extend(parts.get(part, ()))
        if item in inside:
            yield f"item {item} is a component of itself"


@rule("C4")
def _capacities(db: Database) -> Iterator[str]:
    for batch in db.rows[Batch]:
        seats = db.children(Enrollment, "batch_id", batch)
        taken = sum(row["status"] in ("Registered", "Active") for row in seats)
        if batch["capacity"] is not None and taken > batch["capacity"]:
            yield f"batch {batch['code']} has {taken} learners on {batch['capacity']} seats"


# --- commerce ---------------------------------------------------------------


@rule("O1")
def _participants(db: Database) -> Iterator[str]:
    for row in db.rows[Order]:
        if row["type"] == "Enrollment" and row["participant_id"] is None:
            yield f"order {row['number']} has no participant"


@rule("O2")
def _customers(db: Database) -> Iterator[str]:
    for row in db.rows[Order]:
        if row["customer_id"] is None and row["organization_id"] is None:
            yield f"order {row['number']} has no customer"


@rule("O3")
def _line_prices(db: Database) -> Iterator[str]:
    for row in db.rows[OrderLine]:
        variant = db.get(Variant, row["variant_id"])
        if row["variant_id"] and variant["item_id"] != row["item_id"]:
            yield f"line {row['id']} sells a variant of another item"
        if row["price_id"] is None:
            continue
        price = db.get(Price, row["price_id"])
        if price["variant_id"] not in (None, row["variant_id"]) or price["item_id"] not in (
            None,
            row["item_id"],
        ):
            yield f"line {row['id']} has the price of something else"
        day = db.get(Order, row["order_id"])["order_date"]
        if not price["valid_from"] <= day <= (price["valid_to"] or day):
            yield f"line {row['id']} has a price that is not valid on {day}"


@rule("O4")
def _order_totals(db: Database) -> Iterator[str]:
    for row in db.rows[OrderLine]:
        gross = round(row["quantity"] * row["unit_price"])
        if row["total_amount"] != gross - row["discount_amount"] + row["tax_amount"]:
            yield f"line {row['id']} does not add up"
        if row["discount_amount"] > gross:
            yield f"line {row['id']} has a discount above its price"
    for order in db.rows[Order]:
        lines = db.children(OrderLine, "order_id", order)
        sums = {
            "subtotal_amount": sum(round(row["quantity"] * row["unit_price"]) for row in lines),
            **{
                name: sum(row[name] for row in lines)
                for name in ("discount_amount", "tax_amount", "total_amount")
            },
        }
        for name, amount in sums.items():
            if order[name] != amount:
                yield f"order {order['number']}: {name} is {order[name]}, its lines {amount}"


@rule("O5")
def _order_lines(db: Database) -> Iterator[str]:
    for order in db.rows[Order]:
        if order["status"] in ("Confirmed", "Completed") and not db.children(
            OrderLine, "order_id", order
        ):
            yield f"order {order['number']} has no line"


@rule("O6")
def _promotions(db: Database) -> Iterator[str]:
    for promotion in db.rows[Promotion]:
        lines = db.children(OrderLine, "promotion_id", promotion)
        orders = [db.get(Order, order_id) for order_id in {line["order_id"] for line in lines}]
        if promotion["usage_limit"] is not None and len(orders) > promotion["usage_limit"]:
            yield f"promotion {promotion['code']} is used too often"
        for order in orders:
            day = order["order_date"]
            if not promotion["start_date"] <= day <= (promotion["end_date"] or day):
                yield f"promotion {promotion['code']} is not valid on {day}"
            if order["subtotal_amount"] < (promotion["min_order_amount"] or 0):
                yield f"promotion {promotion['code']} is used on a small order"


@rule("O7")
def _enrollments(db: Database) -> Iterator[str]:
    for row in db.rows[Enrollment]:
        line = db.get(OrderLine, row["order_line_id"])
        order = db.get(Order, line["order_id"])
        if order["type"] not in ("Enrollment", "Service"):
            yield f"enrollment {row['id']} is in a {order['type']} order"
        if order["type"] == "Enrollment" and row["person_id"] != order["participant_id"]:
            yield f"enrollment {row['id']} is not of the order's participant"
        variant = db.get(Variant, db.get(Batch, row["batch_id"])["variant_id"])
        if row["batch_id"] and variant["item_id"] != line["item_id"]:
            yield f"enrollment {row['id']} is in a batch of another item"
    still_open = [row for row in db.rows[Enrollment] if row["status"] in ("Registered", "Active")]
    for key, rows in _by(still_open, "order_line_id", "person_id").items():
        if len(rows) > 1:
            yield f"{key} has {len(rows)} open enrollments"


# --- finance ----------------------------------------------------------------


@rule("F1")
def _invoice_totals(db: Database) -> Iterator[str]:
    for invoice in db.rows[Invoice]:
        lines = db.children(InvoiceLine, "invoice_id", invoice)
        tax = sum(row["tax_amount"] for row in lines)
        total = sum(row["amount"] for row in lines) + tax
        if (invoice["tax_amount"], invoice["total_amount"]) != (tax, total):
            yield f"invoice {invoice['number']} differs from its lines"
        for row in lines:
            order_line = db.get(OrderLine, row["order_line_id"])
            if row["order_line_id"] and order_line["order_id"] != invoice["order_id"]:
                yield f"invoice {invoice['number']} bills another order's line"


@rule("F2")
def _allocations(db: Database) -> Iterator[str]:
    for payment in db.rows[Payment]:
        allocations = db.children(PaymentAllocation, "payment_id", payment)
        if sum(row["amount"] for row in allocations) > payment["amount"]:
            yield f"payment {payment['number']} is allocated more than once"
    sign = {"In": 1, "Out": -1}
    for invoice in db.rows[Invoice]:
        net = 0
        for row in db.children(PaymentAllocation, "invoice_id", invoice):
            payment = db.get(Payment, row["payment_id"])
            if payment["status"] == "Settled":
                net += sign[payment["direction"]] * row["amount"]
        if not 0 <= net <= invoice["total_amount"]:
            yield f"invoice {invoice['number']} of {invoice['total_amount']} got {net}"


@rule("F3")
def _billed(db: Database) -> Iterator[str]:
    for order in db.rows[Order]:
        invoices = db.children(Invoice, "order_id", order)
        billed = sum(row["total_amount"] for row in invoices if row["status"] == "Issued")
        if billed > order["total_amount"]:
            yield f"order {order['number']} of {order['total_amount']} is billed {billed}"


@rule("F4")
def _accounts(db: Database) -> Iterator[str]:
    for table, types in (
        (Revenue, {"Income"}),
        (InvoiceLine, {"Income", "Liability"}),
        (Payment, {"Asset"}),
    ):
        for row in db.rows[table]:
            if row["account_id"] is None:
                continue
            account = db.get(Account, row["account_id"])
            is_cash = table is not Payment or account["is_cash"]
            if account["is_group"] or account["type"] not in types or not is_cash:
                yield f"{table.__name__} {row['id']} is posted on account {account['code']}"


@rule("F5")
def _recognised(db: Database) -> Iterator[str]:
    for line in db.rows[OrderLine]:
        earned = sum(row["amount"] for row in db.children(Revenue, "order_line_id", line))
        if earned > line["total_amount"] - line["tax_amount"]:
            yield f"line {line['id']} earned {earned}"


# --- marketing and targets --------------------------------------------------


@rule("M2")
def _agenda_dates(db: Database) -> Iterator[str]:
    for row in db.rows[Agenda]:
        if row["campaign_id"] is None:
            continue
        campaign = db.get(Campaign, row["campaign_id"])
        last = campaign["end_date"] or row["end_date"]
        if not campaign["start_date"] <= row["start_date"] <= row["end_date"] <= last:
            yield f"agenda {row['name']} is outside its campaign"


@rule("M3")
def _leads(db: Database) -> Iterator[str]:
    for row in db.rows[Lead]:
        if row["status"] == "Won" and row["order_id"] is None and row["closed_date"] is None:
            yield f"lead {row['id']} is won by nothing"
        if row["status"] == "Lost" and row["lost_reason"] is None:
            yield f"lead {row['id']} is lost without a reason"
        order = db.get(Order, row["order_id"])
        if row["order_id"] and row["person_id"] not in (
            order["customer_id"],
            order["participant_id"],
        ):
            yield f"lead {row['id']} was won by the order of somebody else"


@rule("T1")
def _plans(db: Database) -> Iterator[str]:
    for row in db.rows[TargetPlan]:
        if db.get(Period, row["period_id"])["type"] != "Year":
            yield f"plan {row['name']} is for no year"
    approved = [row for row in db.rows[TargetPlan] if row["status"] == "Approved"]
    for key, rows in _by(approved, "entity_id", "period_id").items():
        if len(rows) > 1:
            yield f"{key} has {len(rows)} approved plans"


@rule("T2")
def _target_periods(db: Database) -> Iterator[str]:
    for row in db.rows[TargetLine]:
        period = db.get(Period, row["period_id"])
        year = db.get(Period, db.get(TargetPlan, row["plan_id"])["period_id"])
        inside = year["start_date"] <= period["start_date"] <= year["end_date"]
        if period["type"] not in ("Quarter", "Month") or not inside:
            yield f"target {row['id']} is for {period['code']}"


@rule("T3")
def _target_grains(db: Database) -> Iterator[str]:
    key = ("plan_id", "metric", "period_id", "unit_id", "category_id", "sales_person_id")
    for values, rows in _by(db.rows[TargetLine], *key).items():
        if len(rows) > 1:
            yield f"{values} has {len(rows)} targets"

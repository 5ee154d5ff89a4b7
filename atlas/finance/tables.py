"""The finance tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference

from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, OnDelete, Text
from atlas.columns.shared import active, created, ulid_key, updated
from atlas.commerce.tables import Order, OrderLine
from atlas.constraints import Index, Unique
from atlas.core.tables import Entity, Source, Unit
from atlas.db.tables import Organization, Person
from atlas.query.m2m import M2M
from atlas.table import Table


class Account(
    Table,
    tablename="finance_account",
    sync_keys=[("entity_id", "code")],
    help_text="Chart-of-accounts node of one entity; groups and posting accounts in one tree.",
):
    class Type(StrEnum):
        Asset = "Asset"
        Liability = "Liability"
        Equity = "Equity"
        Income = "Income"
        Expense = "Expense"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    parent_id = ForeignKey("self", null=True, index=True, help_text="same entity and type")
    code = Text(help_text="e.g. `4-1000`")
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of account")
    is_group = Boolean(default=False, help_text="groups take no postings")
    is_cash = Boolean(
        default=False,
        help_text="cash, bank or e-wallet account a payment can land on",
    )
    is_active = active()
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    index_entity_type = Index([entity_id, type])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.code, cls.name])


class Invoice(
    Table,
    tablename="finance_invoice",
    sync_keys=[("source_id", "source_key"), ("entity_id", "number")],
    help_text="A bill for (a part of) one order; several per order when paid in instalments.",
):
    class Status(StrEnum):
        Draft = "Draft"
        Issued = "Issued"
        Void = "Void"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    order_id = ForeignKey(
        Order,
        index=True,
        help_text="same entity; unit and buyer are read from it",
    )
    number = Text(help_text="document number, unique in its entity")
    installment_no = Integer(default=1, help_text="which instalment of the order, from 1")
    issue_date = Date(help_text="day of issue")
    due_date = Date(help_text="= issue_date when payable at once")
    status = Text(
        default=Status.Draft,
        choices=Status,
        help_text="paid/unpaid is derived from allocations, never stored",
    )
    tax_number = Text(null=True, help_text="Faktur Pajak serial")
    tax_amount = Decimal(default=0.0, help_text="sum of lines")
    total_amount = Decimal(default=0.0, help_text="sum of line amount + tax")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_number = Unique([entity_id, number])
    unique_source = Unique([source_id, source_key])
    index_entity_issue_date = Index([entity_id, issue_date])
    index_entity_status_due_date = Index([entity_id, status, due_date])
    index_updated_at_id = Index([updated_at, id])
    payments = M2M(LazyTableReference("PaymentAllocation", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.number])


class InvoiceLine(
    Table,
    tablename="finance_invoice_line",
    sync_keys=[("invoice_id", "line_no")],
    help_text="What an invoice bills, and on which income account.",
):
    id = ulid_key()
    invoice_id = ForeignKey(Invoice, on_delete=OnDelete.cascade, help_text="the invoice")
    line_no = Integer(help_text="position of the line, from 1")
    order_line_id = ForeignKey(
        OrderLine,
        null=True,
        index=True,
        help_text="null = charge that is not an order line (stamp duty, late fee)",
    )
    account_id = ForeignKey(
        Account,
        null=True,
        index=True,
        help_text="posting Income/Liability account",
    )
    description = Text(null=True, help_text="free text")
    amount = Decimal(help_text="IDR before tax")
    tax_amount = Decimal(default=0.0, help_text="IDR, tax of the line")
    created_at = created()
    updated_at = updated()
    unique_invoice_line_no = Unique([invoice_id, line_no])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s line %s", columns=[cls.invoice_id._.number, cls.line_no])


class Payment(
    Table,
    tablename="finance_payment",
    sync_keys=[("source_id", "source_key"), ("entity_id", "number")],
    help_text="Money received from, or refunded to, a customer.",
):
    class Direction(StrEnum):
        In = "In"
        Out = "Out"

    class Method(StrEnum):
        Cash = "Cash"
        BankTransfer = "BankTransfer"
        VirtualAccount = "VirtualAccount"
        QRIS = "QRIS"
        Card = "Card"
        EWallet = "EWallet"
        Other = "Other"

    class Status(StrEnum):
        Pending = "Pending"
        Settled = "Settled"
        Failed = "Failed"
        Cancelled = "Cancelled"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(
        Unit,
        null=True,
        help_text="unit that took the money; null = central/gateway",
    )
    account_id = ForeignKey(
        Account,
        null=True,
        index=True,
        help_text="cash/bank account it landed on",
    )
    person_id = ForeignKey(Person, null=True, index=True, help_text="payer if known")
    organization_id = ForeignKey(Organization, null=True, index=True, help_text="the organization")
    number = Text(help_text="document number, unique in its entity")
    direction = Text(default=Direction.In, choices=Direction, help_text="Out = refund")
    method = Text(choices=Method, help_text="how the money moved")
    status = Text(default=Status.Settled, choices=Status, help_text="where the payment stands")
    payment_date = Date(help_text="day the money moved")
    amount = Decimal(help_text="IDR, always positive")
    fee_amount = Decimal(default=0.0, help_text="gateway/bank fee kept by the provider")
    reference = Text(null=True, index=True, help_text="bank or gateway reference")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_number = Unique([entity_id, number])
    unique_source = Unique([source_id, source_key])
    index_entity_payment_date = Index([entity_id, payment_date])
    index_unit_payment_date = Index([unit_id, payment_date])
    index_updated_at_id = Index([updated_at, id])
    invoices = M2M(LazyTableReference("PaymentAllocation", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.number])


class PaymentAllocation(
    Table,
    tablename="finance_payment_allocation",
    sync_keys=[("payment_id", "invoice_id")],
    help_text="M2M: how much of a payment settles which invoice.",
):
    payment_id = ForeignKey(
        Payment,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the payment",
    )
    invoice_id = ForeignKey(Invoice, primary_key=True, index=True, help_text="the invoice")
    amount = Decimal(help_text="IDR, positive; sign comes from the payment's direction")
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s to %s: %s",
            columns=[cls.payment_id._.number, cls.invoice_id._.number, cls.amount],
        )


class Revenue(
    Table,
    tablename="finance_revenue",
    sync_keys=[("source_id", "source_key"), ("order_line_id", "revenue_date")],
    help_text=(
        "Recognised revenue: an amount earned by a unit on a day (monthly recognition, or a "
        "revenue sheet row)."
    ),
):
    class Basis(StrEnum):
        Delivery = "Delivery"
        Invoice = "Invoice"
        Cash = "Cash"
        Manual = "Manual"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(Unit, help_text="same entity")
    order_line_id = ForeignKey(
        OrderLine,
        null=True,
        help_text="null = summary row without order detail",
    )
    account_id = ForeignKey(Account, null=True, index=True, help_text="posting Income account")
    revenue_date = Date(help_text="day the revenue counts for")
    amount = Decimal(help_text="IDR before tax; negative = reversal")
    basis = Text(default=Basis.Delivery, choices=Basis, help_text="why it counts as earned")
    description = Text(null=True, help_text="free text")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_order_line_revenue_date = Unique([order_line_id, revenue_date])
    unique_source = Unique([source_id, source_key])
    index_entity_revenue_date = Index([entity_id, revenue_date])
    index_unit_revenue_date = Index([unit_id, revenue_date])
    index_updated_at_id = Index([updated_at, id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s on %s: %s", columns=[cls.unit_id._.name, cls.revenue_date, cls.amount]
        )

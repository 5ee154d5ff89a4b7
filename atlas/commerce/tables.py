"""The commerce tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable

from atlas.catalog.tables import Batch, Item, Price, Variant
from atlas.columns import Date, Decimal, ForeignKey, Integer, OnDelete, Text
from atlas.columns.shared import active, created, ulid_key, updated
from atlas.constraints import Index, Unique
from atlas.core.tables import Channel, Entity, Source, Unit
from atlas.db.tables import Organization, Person
from atlas.table import Table


class Promotion(
    Table,
    tablename="commerce_promotion",
    sync_keys=[("entity_id", "code")],
    help_text="A discount rule: voucher, scholarship, referral or seasonal promotion.",
):
    class Type(StrEnum):
        Voucher = "Voucher"
        Scholarship = "Scholarship"
        Referral = "Referral"
        Seasonal = "Seasonal"
        Corporate = "Corporate"

    class ValueType(StrEnum):
        Percentage = "Percentage"
        Amount = "Amount"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of promotion")
    value_type = Text(choices=ValueType, help_text="whether value is a percentage or an amount")
    value = Decimal(help_text="percent 0-100, or IDR")
    max_discount_amount = Decimal(null=True, help_text="IDR, ceiling of a percentage discount")
    min_order_amount = Decimal(null=True, help_text="IDR, smallest order it applies to")
    usage_limit = Integer(null=True, help_text="how often it may be used; null = no limit")
    start_date = Date(help_text="first day")
    end_date = Date(null=True, help_text="last day, inclusive")
    is_active = active()
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    index_entity_start_date = Index([entity_id, start_date])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Order(
    Table,
    tablename="commerce_order",
    sync_keys=[("source_id", "source_key"), ("entity_id", "number")],
    help_text="A sale: who buys what, at which unit, on which day.",
):
    # The four stored totals are a deliberate, rule-guarded redundancy (O4): the dashboard
    # aggregates one table.
    # Exam registrations are Enrollment orders of an item with type Exam; type says how the order
    # behaves, the item says what was sold.
    class Type(StrEnum):
        Enrollment = "Enrollment"
        Product = "Product"
        Service = "Service"
        Other = "Other"

    class Status(StrEnum):
        Draft = "Draft"
        Confirmed = "Confirmed"
        Completed = "Completed"
        Cancelled = "Cancelled"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    unit_id = ForeignKey(
        Unit,
        help_text="selling unit, same entity; head office when the source names none",
    )
    number = Text(help_text="document number, unique in its entity")
    type = Text(choices=Type, help_text="kind of order")
    status = Text(default=Status.Draft, choices=Status, help_text="where the order stands")
    order_date = Date(help_text="local calendar date of the sale")
    customer_id = ForeignKey(
        Person,
        null=True,
        index=True,
        help_text="buyer/payer; customer_id or organization_id must be set",
    )
    organization_id = ForeignKey(
        Organization,
        null=True,
        index=True,
        help_text="corporate/school buyer",
    )
    participant_id = ForeignKey(
        Person,
        null=True,
        index=True,
        help_text="the learner/test taker: required when type = Enrollment, optional otherwise",
    )
    sales_person_id = ForeignKey(Person, null=True, help_text="the person who sold it")
    channel_id = ForeignKey(
        Channel,
        null=True,
        index=True,
        help_text="acquisition or sales channel",
    )
    subtotal_amount = Decimal(
        default=0.0,
        help_text="sum of round(quantity x unit_price) of lines",
    )
    discount_amount = Decimal(default=0.0, help_text="sum of lines")
    tax_amount = Decimal(default=0.0, help_text="sum of lines")
    total_amount = Decimal(default=0.0, help_text="sum of line totals (rule O4)")
    note = Text(null=True, help_text="free text")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_number = Unique([entity_id, number])
    unique_source = Unique([source_id, source_key])
    index_entity_order_date = Index([entity_id, order_date])
    index_unit_order_date = Index([unit_id, order_date])
    index_sales_person_order_date = Index([sales_person_id, order_date])
    index_updated_at_id = Index([updated_at, id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.number])


class OrderLine(
    Table,
    tablename="commerce_order_line",
    sync_keys=[("source_id", "source_key"), ("order_id", "line_no")],
    help_text="One sold item/variant of an order, with its price at the time of sale.",
):
    id = ulid_key()
    order_id = ForeignKey(Order, on_delete=OnDelete.cascade, help_text="the order")
    line_no = Integer(help_text="position of the line, from 1")
    item_id = ForeignKey(Item, index=True, help_text="the item")
    variant_id = ForeignKey(Variant, null=True, index=True, help_text="variant of item_id")
    price_id = ForeignKey(
        Price,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="price row that was applied",
    )
    promotion_id = ForeignKey(
        Promotion,
        null=True,
        index=True,
        help_text="promotion that explains discount_amount",
    )
    description = Text(null=True, help_text="name as sold")
    quantity = Decimal(default=1.0, help_text="how many, in the unit of measure of the item")
    unit_price = Decimal(help_text="snapshot, IDR before tax")
    discount_amount = Decimal(default=0.0, help_text="IDR, discount of the line")
    tax_amount = Decimal(default=0.0, help_text="IDR, tax of the line")
    total_amount = Decimal(help_text="round(quantity x unit_price) - discount_amount + tax_amount")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_order_line_no = Unique([order_id, line_no])
    unique_source = Unique([source_id, source_key])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s line %s: %s",
            columns=[cls.order_id._.number, cls.line_no, cls.item_id._.name],
        )


class Enrollment(
    Table,
    tablename="commerce_enrollment",
    sync_keys=[("source_id", "source_key"), ("batch_id", "person_id")],
    help_text=(
        "The seat of one person in what an order line sold; lives from registration to result."
    ),
):
    class Status(StrEnum):
        Registered = "Registered"
        Active = "Active"
        Completed = "Completed"
        Withdrawn = "Withdrawn"
        Transferred = "Transferred"
        NoShow = "NoShow"

    class Result(StrEnum):
        Passed = "Passed"
        Failed = "Failed"
        Incomplete = "Incomplete"

    id = ulid_key()
    order_line_id = ForeignKey(OrderLine, index=True, help_text="the order line")
    person_id = ForeignKey(
        Person,
        index=True,
        help_text=(
            "equals the order's participant_id on Enrollment orders; named persons of a corporate"
            " Service order otherwise"
        ),
    )
    batch_id = ForeignKey(Batch, null=True, help_text="null = waiting for placement")
    status = Text(
        default=Status.Registered,
        choices=Status,
        help_text="where the enrollment stands",
    )
    enroll_date = Date(help_text="day of registration")
    end_date = Date(null=True, help_text="last day, inclusive")
    result = Text(null=True, choices=Result, help_text="outcome")
    score = Decimal(null=True, help_text="score reached")
    certificate_no = Text(null=True, index=True, help_text="number of the certificate issued")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_batch_person = Unique([batch_id, person_id])
    unique_source = Unique([source_id, source_key])
    index_updated_at_id = Index([updated_at, id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s in %s",
            columns=[cls.person_id._.full_name, cls.order_line_id._.item_id._.name],
        )

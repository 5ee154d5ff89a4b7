"""The catalog tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference

from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, OnDelete, Text
from atlas.columns.shared import active, created, ulid_key, updated
from atlas.constraints import Index, Unique
from atlas.core.tables import Entity, Source, Unit
from atlas.db.tables import Person
from atlas.query.m2m import M2M
from atlas.table import Table


class Category(
    Table,
    tablename="catalog_category",
    sync_keys=[("entity_id", "code")],
    help_text="Category tree of one entity's catalog (business line -> subject).",
):
    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    parent_id = ForeignKey("self", null=True, index=True, help_text="same entity")
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    sort_order = Integer(default=0, help_text="position among its siblings")
    is_active = active()
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Item(
    Table,
    tablename="catalog_item",
    sync_keys=[("source_id", "source_key"), ("entity_id", "code")],
    help_text="A sellable thing of one entity: course, exam, programme, product or service.",
):
    class Type(StrEnum):
        Course = "Course"
        Exam = "Exam"
        Program = "Program"
        Product = "Product"
        Service = "Service"

    class Uom(StrEnum):
        Package = "Package"
        Session = "Session"
        Hour = "Hour"
        Month = "Month"
        Seat = "Seat"
        Piece = "Piece"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    category_id = ForeignKey(Category, index=True, help_text="same entity")
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of item")
    uom = Text(default=Uom.Package, choices=Uom, help_text="unit that quantity counts")
    description = Text(null=True, help_text="free text")
    is_active = active()
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    unique_source = Unique([source_id, source_key])
    index_entity_type = Index([entity_id, type])
    components = M2M(LazyTableReference("ItemComponent", module_path=__name__), this_side="item_id")
    packages = M2M(
        LazyTableReference("ItemComponent", module_path=__name__), this_side="component_id"
    )

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Variant(
    Table,
    tablename="catalog_variant",
    sync_keys=[("source_id", "source_key"), ("item_id", "code")],
    help_text="A priced form of an item: level, delivery mode, class format, length.",
):
    # entity_id is not repeated: item_id determines it.
    class Mode(StrEnum):
        Offline = "Offline"
        Online = "Online"
        Hybrid = "Hybrid"

    class ClassFormat(StrEnum):
        Group = "Group"
        SemiPrivate = "SemiPrivate"
        Private = "Private"
        InHouse = "InHouse"
        SelfPaced = "SelfPaced"

    id = ulid_key()
    item_id = ForeignKey(Item, help_text="the item")
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    level = Text(null=True, help_text="open text: A1..C2, Beginner, Band 6 ...")
    mode = Text(null=True, choices=Mode, help_text="delivery mode")
    class_format = Text(null=True, choices=ClassFormat, help_text="class format")
    session_count = Integer(null=True, help_text="number of sessions")
    duration_minutes = Integer(null=True, help_text="per session")
    is_active = active()
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_item_code = Unique([item_id, code])
    unique_source = Unique([source_id, source_key])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, %s", columns=[cls.item_id._.name, cls.name])


class Price(
    Table,
    tablename="catalog_price",
    sync_keys=[("source_id", "source_key")],
    help_text="A dated price of an item or of one of its variants, optionally for one unit.",
):
    class Tier(StrEnum):
        Regular = "Regular"
        EarlyBird = "EarlyBird"
        Alumni = "Alumni"
        Group = "Group"
        Corporate = "Corporate"
        Promo = "Promo"

    id = ulid_key()
    item_id = ForeignKey(
        Item,
        null=True,
        on_delete=OnDelete.cascade,
        help_text="set when the price is for the whole item",
    )
    variant_id = ForeignKey(
        Variant,
        null=True,
        on_delete=OnDelete.cascade,
        help_text=(
            "set when the price is for one variant; item_id and variant_id are never both null "
            "(rule C1)"
        ),
    )
    unit_id = ForeignKey(
        Unit,
        null=True,
        on_delete=OnDelete.cascade,
        index=True,
        help_text="null = all units of the entity",
    )
    tier = Text(default=Tier.Regular, choices=Tier, help_text="customer group the price is for")
    min_quantity = Integer(default=1, help_text="smallest quantity the price is for")
    amount = Decimal(help_text="IDR, whole rupiah, before tax")
    valid_from = Date(help_text="first day of validity")
    valid_to = Date(null=True, help_text="inclusive; null = open")
    is_active = active()
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_source = Unique([source_id, source_key])
    index_variant_valid_from = Index([variant_id, valid_from])
    index_item_valid_from = Index([item_id, valid_from])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s%s, %s from %s",
            columns=[cls.item_id._.name, cls.variant_id._.name, cls.amount, cls.valid_from],
        )


class Batch(
    Table,
    tablename="catalog_batch",
    sync_keys=[("source_id", "source_key"), ("entity_id", "code")],
    help_text=(
        "A scheduled run of a variant at a unit: a class, cohort (angkatan), or exam session."
    ),
):
    class Status(StrEnum):
        Draft = "Draft"
        Open = "Open"
        Running = "Running"
        Completed = "Completed"
        Cancelled = "Cancelled"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    variant_id = ForeignKey(Variant, index=True, help_text="the variant")
    unit_id = ForeignKey(Unit, help_text="same entity")
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    start_date = Date(help_text="first day")
    end_date = Date(null=True, help_text="last day, inclusive")
    schedule_note = Text(null=True, help_text="e.g. `Sen-Rab-Jum 18:30-20:00`")
    capacity = Integer(null=True, help_text="number of seats")
    status = Text(default=Status.Draft, choices=Status, help_text="where the batch stands")
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    unique_source = Unique([source_id, source_key])
    index_unit_start_date = Index([unit_id, start_date])
    index_entity_start_date = Index([entity_id, start_date])
    instructors = M2M(LazyTableReference("BatchInstructor", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class BatchInstructor(
    Table,
    tablename="catalog_batch_instructor",
    sync_keys=[("batch_id", "person_id")],
    help_text="M2M: instructors/examiners of a batch.",
):
    class Role(StrEnum):
        Lead = "Lead"
        Assistant = "Assistant"
        Examiner = "Examiner"
        Substitute = "Substitute"

    batch_id = ForeignKey(
        Batch,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the batch",
    )
    person_id = ForeignKey(Person, primary_key=True, index=True, help_text="the person")
    role = Text(default=Role.Lead, choices=Role, help_text="what the person does there")
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s: %s of %s",
            columns=[cls.person_id._.full_name, cls.role, cls.batch_id._.name],
        )


class ItemComponent(
    Table,
    tablename="catalog_item_component",
    sync_keys=[("item_id", "component_id")],
    help_text="M2M: an item (programme, package) is made of other items.",
):
    item_id = ForeignKey(
        Item,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the package/programme",
    )
    component_id = ForeignKey(Item, primary_key=True, index=True, help_text="the contained item")
    quantity = Decimal(default=1.0, help_text="how many, in the unit of measure of the item")
    is_required = Boolean(default=True, help_text="0 = the component may be left out")
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s: %s x %s",
            columns=[cls.item_id._.name, cls.quantity, cls.component_id._.name],
        )

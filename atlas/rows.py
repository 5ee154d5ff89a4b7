"""What a select of whole rows returns, and what an insert takes, for a type checker.

In: the 38 tables. Out: two ``TypedDict`` for each. ``OrderRow`` is a row as a
select of all columns returns it. ``OrderInsert`` is a new row, for ``Client.upsert`` and
``Order(**row)``: what has no default and may not be null is required.
``OrderStatus`` is a column's choices.

Made by scripts/rows; do not edit.
"""

# No "from __future__ import annotations": it hides NotRequired from __required_keys__.
import datetime
from typing import Literal, NotRequired, TypedDict

from atlas.catalog.tables import Batch, BatchInstructor, Item, Price, Variant
from atlas.commerce.tables import Enrollment, Order, Promotion
from atlas.core.tables import Channel, Entity, Period, Region, Source, Unit
from atlas.db.tables import (
    Contact,
    Identifier,
    Organization,
    Person,
    PersonOrganization,
    PersonUnit,
    Relation,
    Tag,
)
from atlas.finance.tables import Account, Invoice, Payment, Revenue
from atlas.marketing.tables import Agenda, Campaign, Lead
from atlas.target.tables import TargetLine, TargetPlan

EntityLegalForm = Literal["PT", "CV", "Yayasan", "Koperasi", "Perorangan", "Other"]

RegionType = Literal["Province", "City", "Regency", "District", "Village"]

UnitType = Literal["HeadOffice", "Branch", "Department", "ExamCenter", "Online"]

PeriodType = Literal["Year", "Quarter", "Month"]

ChannelType = Literal[
    "Messaging",
    "Social",
    "Ads",
    "Web",
    "Marketplace",
    "Email",
    "Phone",
    "WalkIn",
    "Event",
    "Referral",
    "Partner",
    "Other",
]

SourceType = Literal["Spreadsheet", "Database", "Api", "PaymentGateway", "AdPlatform", "Manual"]

PersonGender = Literal["Male", "Female"]

PersonEducationLevel = Literal[
    "Preschool",
    "Elementary",
    "JuniorHigh",
    "SeniorHigh",
    "Diploma",
    "Bachelor",
    "Master",
    "Doctorate",
]

OrganizationType = Literal[
    "Company", "School", "University", "Government", "Partner", "Community", "Other"
]

ContactType = Literal[
    "WhatsApp", "Phone", "Email", "Instagram", "Facebook", "TikTok", "Telegram", "Line", "Other"
]

IdentifierType = Literal[
    "NIK", "NPWP", "Passport", "KITAS", "NISN", "StudentNo", "EmployeeNo", "External"
]

RelationType = Literal[
    "Parent", "Guardian", "Spouse", "Sibling", "Relative", "EmergencyContact", "Referrer", "Other"
]

TagType = Literal["Segment", "Interest", "Behaviour", "Status", "Other"]

PersonOrganizationRole = Literal["Student", "Alumni", "Employee", "Contact", "Owner", "Other"]

PersonUnitRole = Literal[
    "Manager", "Sales", "Instructor", "Examiner", "Marketing", "Finance", "Admin", "Other"
]

ItemType = Literal["Course", "Exam", "Program", "Product", "Service"]

ItemUom = Literal["Package", "Session", "Hour", "Month", "Seat", "Piece"]

VariantMode = Literal["Offline", "Online", "Hybrid"]

VariantClassFormat = Literal["Group", "SemiPrivate", "Private", "InHouse", "SelfPaced"]

PriceTier = Literal["Regular", "EarlyBird", "Alumni", "Group", "Corporate", "Promo"]

BatchStatus = Literal["Draft", "Open", "Running", "Completed", "Cancelled"]

BatchInstructorRole = Literal["Lead", "Assistant", "Examiner", "Substitute"]

PromotionType = Literal["Voucher", "Scholarship", "Referral", "Seasonal", "Corporate"]

PromotionValueType = Literal["Percentage", "Amount"]

OrderType = Literal["Enrollment", "Product", "Service", "Other"]

OrderStatus = Literal["Draft", "Confirmed", "Completed", "Cancelled"]

EnrollmentStatus = Literal[
    "Registered", "Active", "Completed", "Withdrawn", "Transferred", "NoShow"
]

EnrollmentResult = Literal["Passed", "Failed", "Incomplete"]

AccountType = Literal["Asset", "Liability", "Equity", "Income", "Expense"]

InvoiceStatus = Literal["Draft", "Issued", "Void"]

PaymentDirection = Literal["In", "Out"]

PaymentMethod = Literal[
    "Cash", "BankTransfer", "VirtualAccount", "QRIS", "Card", "EWallet", "Other"
]

PaymentStatus = Literal["Pending", "Settled", "Failed", "Cancelled"]

RevenueBasis = Literal["Delivery", "Invoice", "Cash", "Manual"]

CampaignObjective = Literal["Awareness", "LeadGeneration", "Conversion", "Retention"]

CampaignStatus = Literal["Planned", "Active", "Paused", "Completed", "Cancelled"]

AgendaType = Literal[
    "SchoolVisit",
    "OpenHouse",
    "Exhibition",
    "Seminar",
    "Webinar",
    "TrialClass",
    "SocialPost",
    "LiveStream",
    "Broadcast",
    "Partnership",
    "Meeting",
    "Other",
]

AgendaStatus = Literal["Planned", "Ongoing", "Done", "Postponed", "Cancelled"]

LeadStatus = Literal["New", "Contacted", "Qualified", "Won", "Lost"]

LeadLostReason = Literal[
    "Price", "Schedule", "Location", "Competitor", "NoResponse", "NotEligible", "Other"
]

TargetPlanStatus = Literal["Draft", "Approved", "Archived"]

TargetLineMetric = Literal[
    "OrderAmount",
    "OrderCount",
    "EnrollmentCount",
    "NewCustomerCount",
    "BilledAmount",
    "CollectedAmount",
    "RevenueAmount",
    "LeadCount",
    "AgendaCount",
]


class EntityRow(TypedDict):
    """A row of ``core_entity`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: holding structure
    parent_id: str | None
    #: short stable code used by sync sheets, e.g. `LPK1`
    code: str
    #: trading name
    name: str
    #: name on the deed, e.g. `PT Maju Bahasa`
    legal_name: str | None
    #: legal form of the entity
    legal_form: EntityLegalForm
    #: 16 digits (15-digit legacy numbers are left-padded with 0)
    npwp: str | None
    #: ISO 4217 alpha-3; every *_amount / *_price of the entity is in it
    currency_code: str
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class EntityInsert(TypedDict):
    """A new row of ``core_entity``."""

    id: NotRequired[str]
    parent_id: NotRequired[str | None]
    code: str
    name: str
    legal_name: NotRequired[str | None]
    legal_form: NotRequired[EntityLegalForm | Entity.LegalForm]
    npwp: NotRequired[str | None]
    currency_code: NotRequired[str]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class RegionRow(TypedDict):
    """A row of ``core_region`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the row above it in the tree
    parent_id: str | None
    #: Kemendagri code with dots, e.g. `31`, `31.74`, `31.74.01`, `31.74.01.1001`
    code: str
    #: display name
    name: str
    #: Provinsi, Kota, Kabupaten, Kecamatan, Kelurahan/Desa
    type: RegionType
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class RegionInsert(TypedDict):
    """A new row of ``core_region``."""

    id: NotRequired[str]
    parent_id: NotRequired[str | None]
    code: str
    name: str
    type: RegionType | Region.Type
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class UnitRow(TypedDict):
    """A row of ``core_unit`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity; e.g. area -> branch
    parent_id: str | None
    #: city/district the unit stands in
    region_id: str | None
    #: short stable code
    code: str
    #: display name
    name: str
    #: Branch = Cabang
    type: UnitType
    #: place-of-business tax number, the successor of the branch NPWP
    nitku: str | None
    #: IANA zone; Asia/Jakarta, Asia/Makassar or Asia/Jayapura; gives meaning to local dates and
    #: HH:MM
    timezone: str
    #: postal address
    address: str | None
    #: E.164, the unit WhatsApp number
    phone: str | None
    #: first day of business
    open_date: datetime.date | None
    #: last day of business
    close_date: datetime.date | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class UnitInsert(TypedDict):
    """A new row of ``core_unit``."""

    id: NotRequired[str]
    entity_id: str
    parent_id: NotRequired[str | None]
    region_id: NotRequired[str | None]
    code: str
    name: str
    type: NotRequired[UnitType | Unit.Type]
    nitku: NotRequired[str | None]
    timezone: NotRequired[str]
    address: NotRequired[str | None]
    phone: NotRequired[str | None]
    open_date: NotRequired[datetime.date | None]
    close_date: NotRequired[datetime.date | None]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PeriodRow(TypedDict):
    """A row of ``core_period`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: month -> quarter -> year
    parent_id: str | None
    #: `2026`, `2026-Q1`, `2026-01`
    code: str
    #: kind of period
    type: PeriodType
    #: first day
    start_date: datetime.date
    #: inclusive
    end_date: datetime.date
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PeriodInsert(TypedDict):
    """A new row of ``core_period``."""

    id: NotRequired[str]
    parent_id: NotRequired[str | None]
    code: str
    type: PeriodType | Period.Type
    start_date: datetime.date
    end_date: datetime.date
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class ChannelRow(TypedDict):
    """A row of ``core_channel`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: WhatsApp is a row with type Messaging
    type: ChannelType
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class ChannelInsert(TypedDict):
    """A new row of ``core_channel``."""

    id: NotRequired[str]
    code: str
    name: str
    type: ChannelType | Channel.Type
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class SourceRow(TypedDict):
    """A row of ``core_source`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: null = source serves the whole group
    entity_id: str | None
    #: stable, never reused, e.g. `sheet-sales-jkt`
    code: str
    #: display name
    name: str
    #: kind of source
    type: SourceType
    #: spreadsheet id + tab gid, base URL ...; never a credential
    locator: str | None
    #: last watermark the worker committed (opaque to the database)
    sync_cursor: str | None
    #: day of the last sync
    last_sync_date: datetime.date | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class SourceInsert(TypedDict):
    """A new row of ``core_source``."""

    id: NotRequired[str]
    entity_id: NotRequired[str | None]
    code: str
    name: str
    type: SourceType | Source.Type
    locator: NotRequired[str | None]
    sync_cursor: NotRequired[str | None]
    last_sync_date: NotRequired[datetime.date | None]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PersonRow(TypedDict):
    """A row of ``db_person`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: single field: many Indonesian names have no family name
    full_name: str
    #: name used in daily life
    nickname: str | None
    #: gender
    gender: PersonGender | None
    #: day of birth
    birth_date: datetime.date | None
    #: place of birth
    birth_place: str | None
    #: ISO 3166-1 alpha-2
    nationality_code: str
    #: PAUD/TK, SD, SMP, SMA/SMK, D1-D4, S1, S2, S3
    education_level: PersonEducationLevel | None
    #: street line
    address: str | None
    #: lowest known area
    region_id: str | None
    #: postal code
    postal_code: str | None
    #: tombstone of a duplicate: points to the surviving row
    merged_into_id: str | None
    #: free text
    note: str | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PersonInsert(TypedDict):
    """A new row of ``db_person``."""

    id: NotRequired[str]
    full_name: str
    nickname: NotRequired[str | None]
    gender: NotRequired[PersonGender | Person.Gender | None]
    birth_date: NotRequired[datetime.date | None]
    birth_place: NotRequired[str | None]
    nationality_code: NotRequired[str]
    education_level: NotRequired[PersonEducationLevel | Person.EducationLevel | None]
    address: NotRequired[str | None]
    region_id: NotRequired[str | None]
    postal_code: NotRequired[str | None]
    merged_into_id: NotRequired[str | None]
    note: NotRequired[str | None]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class OrganizationRow(TypedDict):
    """A row of ``db_organization`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: display name
    name: str
    #: kind of organization
    type: OrganizationType
    #: 16 digits; not unique
    npwp: str | None
    #: E.164
    phone: str | None
    #: lower case
    email: str | None
    #: web address
    website: str | None
    #: postal address
    address: str | None
    #: administrative area
    region_id: str | None
    #: postal code
    postal_code: str | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class OrganizationInsert(TypedDict):
    """A new row of ``db_organization``."""

    id: NotRequired[str]
    name: str
    type: OrganizationType | Organization.Type
    npwp: NotRequired[str | None]
    phone: NotRequired[str | None]
    email: NotRequired[str | None]
    website: NotRequired[str | None]
    address: NotRequired[str | None]
    region_id: NotRequired[str | None]
    postal_code: NotRequired[str | None]
    is_active: NotRequired[bool]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class ContactRow(TypedDict):
    """A row of ``db_contact`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the person
    person_id: str
    #: kind of contact point
    type: ContactType
    #: canonical: phones E.164 (`+62812...`, leading 0 replaced), e-mail lower case, handles without
    #: @
    value: str
    #: at most one per person and type (rule P3)
    is_primary: bool
    #: the point was proven to reach the person
    is_verified: bool
    #: do not contact on this point
    is_opt_out: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class ContactInsert(TypedDict):
    """A new row of ``db_contact``."""

    id: NotRequired[str]
    person_id: str
    type: NotRequired[ContactType | Contact.Type]
    value: str
    is_primary: NotRequired[bool]
    is_verified: NotRequired[bool]
    is_opt_out: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class IdentifierRow(TypedDict):
    """A row of ``db_identifier`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the person
    person_id: str
    #: set exactly when type = External: the system whose key this is
    source_id: str | None
    #: kind of identifier
    type: IdentifierType
    #: who issued it: ISO country code for government numbers, entity code for StudentNo/EmployeeNo,
    #: source code for External (rule P2)
    issuer: str
    #: digits only for NIK/NPWP; the source key for External
    value: str
    #: last day of validity, inclusive
    valid_to: datetime.date | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class IdentifierInsert(TypedDict):
    """A new row of ``db_identifier``."""

    id: NotRequired[str]
    person_id: str
    source_id: NotRequired[str | None]
    type: IdentifierType | Identifier.Type
    issuer: NotRequired[str]
    value: str
    valid_to: NotRequired[datetime.date | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class RelationRow(TypedDict):
    """A row of ``db_relation`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the person who is `type` of the other
    from_person_id: str
    #: the other person
    to_person_id: str
    #: kind of relation
    type: RelationType
    #: free text
    note: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class RelationInsert(TypedDict):
    """A new row of ``db_relation``."""

    id: NotRequired[str]
    from_person_id: str
    to_person_id: str
    type: RelationType | Relation.Type
    note: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class TagRow(TypedDict):
    """A row of ``db_tag`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: kind of tag
    type: TagType
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class TagInsert(TypedDict):
    """A new row of ``db_tag``."""

    id: NotRequired[str]
    code: str
    name: str
    type: NotRequired[TagType | Tag.Type]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PersonTagRow(TypedDict):
    """A row of ``db_person_tag`` as a select of all columns returns it."""

    #: the person
    person_id: str
    #: the tag
    tag_id: str
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PersonTagInsert(TypedDict):
    """A new row of ``db_person_tag``."""

    person_id: str
    tag_id: str
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PersonOrganizationRow(TypedDict):
    """A row of ``db_person_organization`` as a select of all columns returns it."""

    #: the person
    person_id: str
    #: the organization
    organization_id: str
    #: what the person does there
    role: PersonOrganizationRole
    #: job title
    job_title: str | None
    #: first day
    start_date: datetime.date | None
    #: last day, inclusive
    end_date: datetime.date | None
    #: school/employer shown by default
    is_primary: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PersonOrganizationInsert(TypedDict):
    """A new row of ``db_person_organization``."""

    person_id: str
    organization_id: str
    role: NotRequired[PersonOrganizationRole | PersonOrganization.Role]
    job_title: NotRequired[str | None]
    start_date: NotRequired[datetime.date | None]
    end_date: NotRequired[datetime.date | None]
    is_primary: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PersonUnitRow(TypedDict):
    """A row of ``db_person_unit`` as a select of all columns returns it."""

    #: the person
    person_id: str
    #: the unit
    unit_id: str
    #: what the person does there
    role: PersonUnitRole
    #: first day
    start_date: datetime.date | None
    #: null = still assigned
    end_date: datetime.date | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PersonUnitInsert(TypedDict):
    """A new row of ``db_person_unit``."""

    person_id: str
    unit_id: str
    role: PersonUnitRole | PersonUnit.Role
    start_date: NotRequired[datetime.date | None]
    end_date: NotRequired[datetime.date | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class CategoryRow(TypedDict):
    """A row of ``catalog_category`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity
    parent_id: str | None
    #: short stable code
    code: str
    #: display name
    name: str
    #: position among its siblings
    sort_order: int
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class CategoryInsert(TypedDict):
    """A new row of ``catalog_category``."""

    id: NotRequired[str]
    entity_id: str
    parent_id: NotRequired[str | None]
    code: str
    name: str
    sort_order: NotRequired[int]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class ItemRow(TypedDict):
    """A row of ``catalog_item`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity
    category_id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: kind of item
    type: ItemType
    #: unit that quantity counts
    uom: ItemUom
    #: free text
    description: str | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class ItemInsert(TypedDict):
    """A new row of ``catalog_item``."""

    id: NotRequired[str]
    entity_id: str
    category_id: str
    code: str
    name: str
    type: ItemType | Item.Type
    uom: NotRequired[ItemUom | Item.Uom]
    description: NotRequired[str | None]
    is_active: NotRequired[bool]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class VariantRow(TypedDict):
    """A row of ``catalog_variant`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the item
    item_id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: open text: A1..C2, Beginner, Band 6 ...
    level: str | None
    #: delivery mode
    mode: VariantMode | None
    #: class format
    class_format: VariantClassFormat | None
    #: number of sessions
    session_count: int | None
    #: per session
    duration_minutes: int | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class VariantInsert(TypedDict):
    """A new row of ``catalog_variant``."""

    id: NotRequired[str]
    item_id: str
    code: str
    name: str
    level: NotRequired[str | None]
    mode: NotRequired[VariantMode | Variant.Mode | None]
    class_format: NotRequired[VariantClassFormat | Variant.ClassFormat | None]
    session_count: NotRequired[int | None]
    duration_minutes: NotRequired[int | None]
    is_active: NotRequired[bool]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PriceRow(TypedDict):
    """A row of ``catalog_price`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: set when the price is for the whole item
    item_id: str | None
    #: set when the price is for one variant; item_id and variant_id are never both null (rule C1)
    variant_id: str | None
    #: null = all units of the entity
    unit_id: str | None
    #: customer group the price is for
    tier: PriceTier
    #: smallest quantity the price is for
    min_quantity: int
    #: IDR, whole rupiah, before tax
    amount: float
    #: first day of validity
    valid_from: datetime.date
    #: inclusive; null = open
    valid_to: datetime.date | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PriceInsert(TypedDict):
    """A new row of ``catalog_price``."""

    id: NotRequired[str]
    item_id: NotRequired[str | None]
    variant_id: NotRequired[str | None]
    unit_id: NotRequired[str | None]
    tier: NotRequired[PriceTier | Price.Tier]
    min_quantity: NotRequired[int]
    amount: float
    valid_from: datetime.date
    valid_to: NotRequired[datetime.date | None]
    is_active: NotRequired[bool]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class BatchRow(TypedDict):
    """A row of ``catalog_batch`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: the variant
    variant_id: str
    #: same entity
    unit_id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: first day
    start_date: datetime.date
    #: last day, inclusive
    end_date: datetime.date | None
    #: e.g. `Sen-Rab-Jum 18:30-20:00`
    schedule_note: str | None
    #: number of seats
    capacity: int | None
    #: where the batch stands
    status: BatchStatus
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class BatchInsert(TypedDict):
    """A new row of ``catalog_batch``."""

    id: NotRequired[str]
    entity_id: str
    variant_id: str
    unit_id: str
    code: str
    name: str
    start_date: datetime.date
    end_date: NotRequired[datetime.date | None]
    schedule_note: NotRequired[str | None]
    capacity: NotRequired[int | None]
    status: NotRequired[BatchStatus | Batch.Status]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class BatchInstructorRow(TypedDict):
    """A row of ``catalog_batch_instructor`` as a select of all columns returns it."""

    #: the batch
    batch_id: str
    #: the person
    person_id: str
    #: what the person does there
    role: BatchInstructorRole
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class BatchInstructorInsert(TypedDict):
    """A new row of ``catalog_batch_instructor``."""

    batch_id: str
    person_id: str
    role: NotRequired[BatchInstructorRole | BatchInstructor.Role]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class ItemComponentRow(TypedDict):
    """A row of ``catalog_item_component`` as a select of all columns returns it."""

    #: the package/programme
    item_id: str
    #: the contained item
    component_id: str
    #: how many, in the unit of measure of the item
    quantity: float
    #: 0 = the component may be left out
    is_required: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class ItemComponentInsert(TypedDict):
    """A new row of ``catalog_item_component``."""

    item_id: str
    component_id: str
    quantity: NotRequired[float]
    is_required: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PromotionRow(TypedDict):
    """A row of ``commerce_promotion`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: short stable code
    code: str
    #: display name
    name: str
    #: kind of promotion
    type: PromotionType
    #: whether value is a percentage or an amount
    value_type: PromotionValueType
    #: percent 0-100, or IDR
    value: float
    #: IDR, ceiling of a percentage discount
    max_discount_amount: float | None
    #: IDR, smallest order it applies to
    min_order_amount: float | None
    #: how often it may be used; null = no limit
    usage_limit: int | None
    #: first day
    start_date: datetime.date
    #: last day, inclusive
    end_date: datetime.date | None
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PromotionInsert(TypedDict):
    """A new row of ``commerce_promotion``."""

    id: NotRequired[str]
    entity_id: str
    code: str
    name: str
    type: PromotionType | Promotion.Type
    value_type: PromotionValueType | Promotion.ValueType
    value: float
    max_discount_amount: NotRequired[float | None]
    min_order_amount: NotRequired[float | None]
    usage_limit: NotRequired[int | None]
    start_date: datetime.date
    end_date: NotRequired[datetime.date | None]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class OrderRow(TypedDict):
    """A row of ``commerce_order`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: selling unit, same entity; head office when the source names none
    unit_id: str
    #: document number, unique in its entity
    number: str
    #: kind of order
    type: OrderType
    #: where the order stands
    status: OrderStatus
    #: local calendar date of the sale
    order_date: datetime.date
    #: buyer/payer; customer_id or organization_id must be set
    customer_id: str | None
    #: corporate/school buyer
    organization_id: str | None
    #: the learner/test taker: required when type = Enrollment, optional otherwise
    participant_id: str | None
    #: the person who sold it
    sales_person_id: str | None
    #: acquisition or sales channel
    channel_id: str | None
    #: sum of round(quantity x unit_price) of lines
    subtotal_amount: float
    #: sum of lines
    discount_amount: float
    #: sum of lines
    tax_amount: float
    #: sum of line totals (rule O4)
    total_amount: float
    #: free text
    note: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class OrderInsert(TypedDict):
    """A new row of ``commerce_order``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: str
    number: str
    type: OrderType | Order.Type
    status: NotRequired[OrderStatus | Order.Status]
    order_date: datetime.date
    customer_id: NotRequired[str | None]
    organization_id: NotRequired[str | None]
    participant_id: NotRequired[str | None]
    sales_person_id: NotRequired[str | None]
    channel_id: NotRequired[str | None]
    subtotal_amount: NotRequired[float]
    discount_amount: NotRequired[float]
    tax_amount: NotRequired[float]
    total_amount: NotRequired[float]
    note: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class OrderLineRow(TypedDict):
    """A row of ``commerce_order_line`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the order
    order_id: str
    #: position of the line, from 1
    line_no: int
    #: the item
    item_id: str
    #: variant of item_id
    variant_id: str | None
    #: price row that was applied
    price_id: str | None
    #: promotion that explains discount_amount
    promotion_id: str | None
    #: name as sold
    description: str | None
    #: how many, in the unit of measure of the item
    quantity: float
    #: snapshot, IDR before tax
    unit_price: float
    #: IDR, discount of the line
    discount_amount: float
    #: IDR, tax of the line
    tax_amount: float
    #: round(quantity x unit_price) - discount_amount + tax_amount
    total_amount: float
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class OrderLineInsert(TypedDict):
    """A new row of ``commerce_order_line``."""

    id: NotRequired[str]
    order_id: str
    line_no: int
    item_id: str
    variant_id: NotRequired[str | None]
    price_id: NotRequired[str | None]
    promotion_id: NotRequired[str | None]
    description: NotRequired[str | None]
    quantity: NotRequired[float]
    unit_price: float
    discount_amount: NotRequired[float]
    tax_amount: NotRequired[float]
    total_amount: float
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class EnrollmentRow(TypedDict):
    """A row of ``commerce_enrollment`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the order line
    order_line_id: str
    #: equals the order's participant_id on Enrollment orders; named persons of a corporate Service
    #: order otherwise
    person_id: str
    #: null = waiting for placement
    batch_id: str | None
    #: where the enrollment stands
    status: EnrollmentStatus
    #: day of registration
    enroll_date: datetime.date
    #: last day, inclusive
    end_date: datetime.date | None
    #: outcome
    result: EnrollmentResult | None
    #: score reached
    score: float | None
    #: number of the certificate issued
    certificate_no: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class EnrollmentInsert(TypedDict):
    """A new row of ``commerce_enrollment``."""

    id: NotRequired[str]
    order_line_id: str
    person_id: str
    batch_id: NotRequired[str | None]
    status: NotRequired[EnrollmentStatus | Enrollment.Status]
    enroll_date: datetime.date
    end_date: NotRequired[datetime.date | None]
    result: NotRequired[EnrollmentResult | Enrollment.Result | None]
    score: NotRequired[float | None]
    certificate_no: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class AccountRow(TypedDict):
    """A row of ``finance_account`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity and type
    parent_id: str | None
    #: e.g. `4-1000`
    code: str
    #: display name
    name: str
    #: kind of account
    type: AccountType
    #: groups take no postings
    is_group: bool
    #: cash, bank or e-wallet account a payment can land on
    is_cash: bool
    #: 0 = hidden from pickers, history kept
    is_active: bool
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class AccountInsert(TypedDict):
    """A new row of ``finance_account``."""

    id: NotRequired[str]
    entity_id: str
    parent_id: NotRequired[str | None]
    code: str
    name: str
    type: AccountType | Account.Type
    is_group: NotRequired[bool]
    is_cash: NotRequired[bool]
    is_active: NotRequired[bool]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class InvoiceRow(TypedDict):
    """A row of ``finance_invoice`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity; unit and buyer are read from it
    order_id: str
    #: document number, unique in its entity
    number: str
    #: which instalment of the order, from 1
    installment_no: int
    #: day of issue
    issue_date: datetime.date
    #: = issue_date when payable at once
    due_date: datetime.date
    #: paid/unpaid is derived from allocations, never stored
    status: InvoiceStatus
    #: Faktur Pajak serial
    tax_number: str | None
    #: sum of lines
    tax_amount: float
    #: sum of line amount + tax
    total_amount: float
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class InvoiceInsert(TypedDict):
    """A new row of ``finance_invoice``."""

    id: NotRequired[str]
    entity_id: str
    order_id: str
    number: str
    installment_no: NotRequired[int]
    issue_date: datetime.date
    due_date: datetime.date
    status: NotRequired[InvoiceStatus | Invoice.Status]
    tax_number: NotRequired[str | None]
    tax_amount: NotRequired[float]
    total_amount: NotRequired[float]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class InvoiceLineRow(TypedDict):
    """A row of ``finance_invoice_line`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the invoice
    invoice_id: str
    #: position of the line, from 1
    line_no: int
    #: null = charge that is not an order line (stamp duty, late fee)
    order_line_id: str | None
    #: posting Income/Liability account
    account_id: str | None
    #: free text
    description: str | None
    #: IDR before tax
    amount: float
    #: IDR, tax of the line
    tax_amount: float
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class InvoiceLineInsert(TypedDict):
    """A new row of ``finance_invoice_line``."""

    id: NotRequired[str]
    invoice_id: str
    line_no: int
    order_line_id: NotRequired[str | None]
    account_id: NotRequired[str | None]
    description: NotRequired[str | None]
    amount: float
    tax_amount: NotRequired[float]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PaymentRow(TypedDict):
    """A row of ``finance_payment`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: unit that took the money; null = central/gateway
    unit_id: str | None
    #: cash/bank account it landed on
    account_id: str | None
    #: payer if known
    person_id: str | None
    #: the organization
    organization_id: str | None
    #: document number, unique in its entity
    number: str
    #: Out = refund
    direction: PaymentDirection
    #: how the money moved
    method: PaymentMethod
    #: where the payment stands
    status: PaymentStatus
    #: day the money moved
    payment_date: datetime.date
    #: IDR, always positive
    amount: float
    #: gateway/bank fee kept by the provider
    fee_amount: float
    #: bank or gateway reference
    reference: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PaymentInsert(TypedDict):
    """A new row of ``finance_payment``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: NotRequired[str | None]
    account_id: NotRequired[str | None]
    person_id: NotRequired[str | None]
    organization_id: NotRequired[str | None]
    number: str
    direction: NotRequired[PaymentDirection | Payment.Direction]
    method: PaymentMethod | Payment.Method
    status: NotRequired[PaymentStatus | Payment.Status]
    payment_date: datetime.date
    amount: float
    fee_amount: NotRequired[float]
    reference: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class PaymentAllocationRow(TypedDict):
    """A row of ``finance_payment_allocation`` as a select of all columns returns it."""

    #: the payment
    payment_id: str
    #: the invoice
    invoice_id: str
    #: IDR, positive; sign comes from the payment's direction
    amount: float
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class PaymentAllocationInsert(TypedDict):
    """A new row of ``finance_payment_allocation``."""

    payment_id: str
    invoice_id: str
    amount: float
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class RevenueRow(TypedDict):
    """A row of ``finance_revenue`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: same entity
    unit_id: str
    #: null = summary row without order detail
    order_line_id: str | None
    #: posting Income account
    account_id: str | None
    #: day the revenue counts for
    revenue_date: datetime.date
    #: IDR before tax; negative = reversal
    amount: float
    #: why it counts as earned
    basis: RevenueBasis
    #: free text
    description: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class RevenueInsert(TypedDict):
    """A new row of ``finance_revenue``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: str
    order_line_id: NotRequired[str | None]
    account_id: NotRequired[str | None]
    revenue_date: datetime.date
    amount: float
    basis: NotRequired[RevenueBasis | Revenue.Basis]
    description: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class CampaignRow(TypedDict):
    """A row of ``marketing_campaign`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: null = entity-wide
    unit_id: str | None
    #: responsible staff member
    owner_id: str | None
    #: also used as utm_campaign
    code: str
    #: display name
    name: str
    #: what the campaign is for
    objective: CampaignObjective
    #: where the campaign stands
    status: CampaignStatus
    #: first day
    start_date: datetime.date
    #: last day, inclusive
    end_date: datetime.date | None
    #: IDR, planned cost
    budget_amount: float
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class CampaignInsert(TypedDict):
    """A new row of ``marketing_campaign``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: NotRequired[str | None]
    owner_id: NotRequired[str | None]
    code: str
    name: str
    objective: CampaignObjective | Campaign.Objective
    status: NotRequired[CampaignStatus | Campaign.Status]
    start_date: datetime.date
    end_date: NotRequired[datetime.date | None]
    budget_amount: NotRequired[float]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class CampaignChannelRow(TypedDict):
    """A row of ``marketing_campaign_channel`` as a select of all columns returns it."""

    #: the campaign
    campaign_id: str
    #: acquisition or sales channel
    channel_id: str
    #: IDR, planned cost
    budget_amount: float
    #: cumulative, overwritten by the ad-platform worker
    spend_amount: float
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class CampaignChannelInsert(TypedDict):
    """A new row of ``marketing_campaign_channel``."""

    campaign_id: str
    channel_id: str
    budget_amount: NotRequired[float]
    spend_amount: NotRequired[float]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class AgendaRow(TypedDict):
    """A row of ``marketing_agenda`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: null = entity-level agenda; otherwise same entity
    unit_id: str | None
    #: the campaign
    campaign_id: str | None
    #: acquisition or sales channel
    channel_id: str | None
    #: person in charge
    pic_id: str | None
    #: host school/partner
    organization_id: str | None
    #: administrative area
    region_id: str | None
    #: display name
    name: str
    #: kind of agenda
    type: AgendaType
    #: where the agenda stands
    status: AgendaStatus
    #: first day
    start_date: datetime.date
    #: = start_date for one-day agendas
    end_date: datetime.date
    #: HH:MM local to the unit
    start_time: str | None
    #: HH:MM
    end_time: str | None
    #: where it takes place
    location: str | None
    #: leads it should bring
    target_lead_count: int | None
    #: IDR, planned cost
    budget_amount: float
    #: realised cost; null = not reported yet
    actual_amount: float | None
    #: what came of it
    result_note: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class AgendaInsert(TypedDict):
    """A new row of ``marketing_agenda``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: NotRequired[str | None]
    campaign_id: NotRequired[str | None]
    channel_id: NotRequired[str | None]
    pic_id: NotRequired[str | None]
    organization_id: NotRequired[str | None]
    region_id: NotRequired[str | None]
    name: str
    type: AgendaType | Agenda.Type
    status: NotRequired[AgendaStatus | Agenda.Status]
    start_date: datetime.date
    end_date: datetime.date
    start_time: NotRequired[str | None]
    end_time: NotRequired[str | None]
    location: NotRequired[str | None]
    target_lead_count: NotRequired[int | None]
    budget_amount: NotRequired[float]
    actual_amount: NotRequired[float | None]
    result_note: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class LeadRow(TypedDict):
    """A row of ``marketing_lead`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: null until routed to a unit
    unit_id: str | None
    #: the person
    person_id: str
    #: the campaign
    campaign_id: str | None
    #: the agenda it came from
    agenda_id: str | None
    #: acquisition or sales channel
    channel_id: str | None
    #: what they asked for
    item_id: str | None
    #: sales person following up
    owner_id: str | None
    #: the order it became
    order_id: str | None
    #: where the lead stands
    status: LeadStatus
    #: why it was lost
    lost_reason: LeadLostReason | None
    #: day of first contact
    lead_date: datetime.date
    #: day it was won or lost
    closed_date: datetime.date | None
    #: free text
    note: str | None
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class LeadInsert(TypedDict):
    """A new row of ``marketing_lead``."""

    id: NotRequired[str]
    entity_id: str
    unit_id: NotRequired[str | None]
    person_id: str
    campaign_id: NotRequired[str | None]
    agenda_id: NotRequired[str | None]
    channel_id: NotRequired[str | None]
    item_id: NotRequired[str | None]
    owner_id: NotRequired[str | None]
    order_id: NotRequired[str | None]
    status: NotRequired[LeadStatus | Lead.Status]
    lost_reason: NotRequired[LeadLostReason | Lead.LostReason | None]
    lead_date: datetime.date
    closed_date: NotRequired[datetime.date | None]
    note: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class TargetPlanRow(TypedDict):
    """A row of ``target_plan`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the entity it belongs to
    entity_id: str
    #: a Year row
    period_id: str
    #: version of the plan within its year
    version: int
    #: display name
    name: str
    #: where the plan stands
    status: TargetPlanStatus
    #: day of approval
    approved_date: datetime.date | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class TargetPlanInsert(TypedDict):
    """A new row of ``target_plan``."""

    id: NotRequired[str]
    entity_id: str
    period_id: str
    version: NotRequired[int]
    name: str
    status: NotRequired[TargetPlanStatus | TargetPlan.Status]
    approved_date: NotRequired[datetime.date | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]


class TargetLineRow(TypedDict):
    """A row of ``target_line`` as a select of all columns returns it."""

    #: 26-char ULID, generated by the application
    id: str
    #: the plan
    plan_id: str
    #: Month or Quarter inside the plan's year
    period_id: str
    #: what is counted
    metric: TargetLineMetric
    #: null = entity-level line
    unit_id: str | None
    #: null = all categories
    category_id: str | None
    #: null = not per person
    sales_person_id: str | None
    #: IDR for *Amount metrics, a count otherwise
    value: float
    #: source of record of this row
    source_id: str | None
    #: key of the row in that source
    source_key: str | None
    #: UTC; never changes
    created_at: datetime.datetime
    #: UTC; set on every write that changes a value
    updated_at: datetime.datetime


class TargetLineInsert(TypedDict):
    """A new row of ``target_line``."""

    id: NotRequired[str]
    plan_id: str
    period_id: str
    metric: TargetLineMetric | TargetLine.Metric
    unit_id: NotRequired[str | None]
    category_id: NotRequired[str | None]
    sales_person_id: NotRequired[str | None]
    value: float
    source_id: NotRequired[str | None]
    source_key: NotRequired[str | None]
    created_at: NotRequired[datetime.datetime]
    updated_at: NotRequired[datetime.datetime]

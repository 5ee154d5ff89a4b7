"""The core tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference

from atlas.columns import Date, ForeignKey, OnDelete, Text
from atlas.columns.shared import active, created, ulid_key, updated
from atlas.constraints import Index, Unique
from atlas.query.m2m import M2M
from atlas.table import Table


class Entity(
    Table,
    tablename="core_entity",
    sync_keys=[("code",)],
    help_text=(
        "A legal/business entity of the group (PT, CV, Yayasan); the tenant that `entity_id` "
        "scopes by."
    ),
):
    class LegalForm(StrEnum):
        PT = "PT"
        CV = "CV"
        Yayasan = "Yayasan"
        Koperasi = "Koperasi"
        Perorangan = "Perorangan"
        Other = "Other"

    id = ulid_key()
    parent_id = ForeignKey("self", null=True, index=True, help_text="holding structure")
    code = Text(unique=True, help_text="short stable code used by sync sheets, e.g. `LPK1`")
    name = Text(help_text="trading name")
    legal_name = Text(null=True, help_text="name on the deed, e.g. `PT Maju Bahasa`")
    legal_form = Text(
        default=LegalForm.PT,
        choices=LegalForm,
        help_text="legal form of the entity",
    )
    npwp = Text(null=True, help_text="16 digits (15-digit legacy numbers are left-padded with 0)")
    currency_code = Text(
        default="IDR",
        help_text="ISO 4217 alpha-3; every *_amount / *_price of the entity is in it",
    )
    is_active = active()
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Region(
    Table,
    tablename="core_region",
    sync_keys=[("code",)],
    help_text="Indonesian administrative area tree (province, city/regency, district, village).",
):
    class Type(StrEnum):
        Province = "Province"
        City = "City"
        Regency = "Regency"
        District = "District"
        Village = "Village"

    id = ulid_key()
    parent_id = ForeignKey("self", null=True, index=True, help_text="the row above it in the tree")
    code = Text(
        unique=True,
        help_text="Kemendagri code with dots, e.g. `31`, `31.74`, `31.74.01`, `31.74.01.1001`",
    )
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="Provinsi, Kota, Kabupaten, Kecamatan, Kelurahan/Desa")
    is_active = active()
    created_at = created()
    updated_at = updated()
    index_type_name = Index([type, name])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Unit(
    Table,
    tablename="core_unit",
    sync_keys=[("entity_id", "code")],
    help_text=(
        "An operating unit of one entity: branch (Cabang), department, exam centre, online "
        "unit; a tree."
    ),
):
    class Type(StrEnum):
        HeadOffice = "HeadOffice"
        Branch = "Branch"
        Department = "Department"
        ExamCenter = "ExamCenter"
        Online = "Online"

    id = ulid_key()
    entity_id = ForeignKey(Entity, help_text="the entity it belongs to")
    parent_id = ForeignKey(
        "self",
        null=True,
        index=True,
        help_text="same entity; e.g. area -> branch",
    )
    region_id = ForeignKey(
        Region,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="city/district the unit stands in",
    )
    code = Text(help_text="short stable code")
    name = Text(help_text="display name")
    type = Text(default=Type.Branch, choices=Type, help_text="Branch = Cabang")
    nitku = Text(
        null=True,
        help_text="place-of-business tax number, the successor of the branch NPWP",
    )
    timezone = Text(
        default="Asia/Jakarta",
        help_text=(
            "IANA zone; Asia/Jakarta, Asia/Makassar or Asia/Jayapura; gives meaning to local "
            "dates and HH:MM"
        ),
    )
    address = Text(null=True, help_text="postal address")
    phone = Text(null=True, help_text="E.164, the unit WhatsApp number")
    open_date = Date(null=True, help_text="first day of business")
    close_date = Date(null=True, help_text="last day of business")
    is_active = active()
    created_at = created()
    updated_at = updated()
    unique_entity_code = Unique([entity_id, code])
    persons = M2M(LazyTableReference("PersonUnit", module_path="atlas.db.tables"))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Period(
    Table,
    tablename="core_period",
    sync_keys=[("code",)],
    help_text=(
        "Reporting calendar: years, quarters and months as rows with first and last day; "
        "targets and the dashboard join on it."
    ),
):
    # Group-wide (no entity_id): all entities report on the calendar year. If one entity ever gets
    # another fiscal year, add rows with their own codes; nothing else changes.
    class Type(StrEnum):
        Year = "Year"
        Quarter = "Quarter"
        Month = "Month"

    id = ulid_key()
    parent_id = ForeignKey("self", null=True, index=True, help_text="month -> quarter -> year")
    code = Text(unique=True, help_text="`2026`, `2026-Q1`, `2026-01`")
    type = Text(choices=Type, help_text="kind of period")
    start_date = Date(help_text="first day")
    end_date = Date(help_text="inclusive")
    created_at = created()
    updated_at = updated()
    unique_type_start_date = Unique([type, start_date])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.code])


class Channel(
    Table,
    tablename="core_channel",
    sync_keys=[("code",)],
    help_text=(
        "Acquisition/sales channel vocabulary shared by orders, leads, agendas and campaigns."
    ),
):
    class Type(StrEnum):
        Messaging = "Messaging"
        Social = "Social"
        Ads = "Ads"
        Web = "Web"
        Marketplace = "Marketplace"
        Email = "Email"
        Phone = "Phone"
        WalkIn = "WalkIn"
        Event = "Event"
        Referral = "Referral"
        Partner = "Partner"
        Other = "Other"

    id = ulid_key()
    code = Text(unique=True, help_text="short stable code")
    name = Text(help_text="display name")
    type = Text(choices=Type, index=True, help_text="WhatsApp is a row with type Messaging")
    is_active = active()
    created_at = created()
    updated_at = updated()
    campaigns = M2M(LazyTableReference("CampaignChannel", module_path="atlas.marketing.tables"))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Source(
    Table,
    tablename="core_source",
    sync_keys=[("code",)],
    help_text=(
        "Registered external source of synced rows (a spreadsheet tab, a legacy database, an "
        "API) and its watermark."
    ),
):
    class Type(StrEnum):
        Spreadsheet = "Spreadsheet"
        Database = "Database"
        Api = "Api"
        PaymentGateway = "PaymentGateway"
        AdPlatform = "AdPlatform"
        Manual = "Manual"

    id = ulid_key()
    entity_id = ForeignKey(
        Entity,
        null=True,
        index=True,
        help_text="null = source serves the whole group",
    )
    code = Text(unique=True, help_text="stable, never reused, e.g. `sheet-sales-jkt`")
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of source")
    locator = Text(
        null=True,
        help_text="spreadsheet id + tab gid, base URL ...; never a credential",
    )
    sync_cursor = Text(
        null=True,
        help_text="last watermark the worker committed (opaque to the database)",
    )
    last_sync_date = Date(null=True, help_text="day of the last sync")
    is_active = active()
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])

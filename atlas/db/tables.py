"""The db tables of docs/model.md: schema only, no queries and no rules."""

from enum import StrEnum

from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference

from atlas.columns import Boolean, Date, ForeignKey, OnDelete, Text
from atlas.columns.shared import active, created, ulid_key, updated
from atlas.constraints import Index, Unique
from atlas.core.tables import Region, Source, Unit
from atlas.query.m2m import M2M
from atlas.table import Table


class Person(
    Table,
    tablename="db_person",
    help_text=(
        "One natural person of the group master (learner, parent, payer, lead, staff, "
        "instructor); shared by all entities."
    ),
):
    # No entity_id on purpose: the same person buys from several entities; the entity relation is a
    # fact of orders, leads and db_person_unit.
    # No source pair: a person arrives from many systems, so external keys are rows of
    # db_identifier (many per person), not two columns.
    class Gender(StrEnum):
        Male = "Male"
        Female = "Female"

    class EducationLevel(StrEnum):
        Preschool = "Preschool"
        Elementary = "Elementary"
        JuniorHigh = "JuniorHigh"
        SeniorHigh = "SeniorHigh"
        Diploma = "Diploma"
        Bachelor = "Bachelor"
        Master = "Master"
        Doctorate = "Doctorate"

    id = ulid_key()
    full_name = Text(
        index=True,
        help_text="single field: many Indonesian names have no family name",
    )
    nickname = Text(null=True, help_text="name used in daily life")
    gender = Text(null=True, choices=Gender, help_text="gender")
    birth_date = Date(null=True, index=True, help_text="day of birth")
    birth_place = Text(null=True, help_text="place of birth")
    nationality_code = Text(default="ID", help_text="ISO 3166-1 alpha-2")
    education_level = Text(
        null=True,
        choices=EducationLevel,
        help_text="PAUD/TK, SD, SMP, SMA/SMK, D1-D4, S1, S2, S3",
    )
    address = Text(null=True, help_text="street line")
    region_id = ForeignKey(
        Region,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="lowest known area",
    )
    postal_code = Text(null=True, help_text="postal code")
    merged_into_id = ForeignKey(
        "self",
        null=True,
        index=True,
        help_text="tombstone of a duplicate: points to the surviving row",
    )
    note = Text(null=True, help_text="free text")
    is_active = active()
    created_at = created()
    updated_at = updated()
    index_updated_at_id = Index([updated_at, id])
    tags = M2M(LazyTableReference("PersonTag", module_path=__name__))
    organizations = M2M(LazyTableReference("PersonOrganization", module_path=__name__))
    units = M2M(LazyTableReference("PersonUnit", module_path=__name__))
    batches = M2M(LazyTableReference("BatchInstructor", module_path="atlas.catalog.tables"))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.full_name])


class Organization(
    Table,
    tablename="db_organization",
    sync_keys=[("source_id", "source_key")],
    help_text=(
        "A company, school, campus, agency or partner that buys, hosts events, employs or "
        "sends persons."
    ),
):
    # npwp is indexed, not unique: schools of one foundation share the foundation's number.
    class Type(StrEnum):
        Company = "Company"
        School = "School"
        University = "University"
        Government = "Government"
        Partner = "Partner"
        Community = "Community"
        Other = "Other"

    id = ulid_key()
    name = Text(help_text="display name")
    type = Text(choices=Type, help_text="kind of organization")
    npwp = Text(null=True, index=True, help_text="16 digits; not unique")
    phone = Text(null=True, help_text="E.164")
    email = Text(null=True, help_text="lower case")
    website = Text(null=True, help_text="web address")
    address = Text(null=True, help_text="postal address")
    region_id = ForeignKey(
        Region,
        null=True,
        on_delete=OnDelete.set_null,
        index=True,
        help_text="administrative area",
    )
    postal_code = Text(null=True, help_text="postal code")
    is_active = active()
    source_id = ForeignKey(Source, null=True, help_text="source of record of this row")
    source_key = Text(null=True, help_text="key of the row in that source")
    created_at = created()
    updated_at = updated()
    unique_source = Unique([source_id, source_key])
    index_type_name = Index([type, name])
    persons = M2M(LazyTableReference("PersonOrganization", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Contact(
    Table,
    tablename="db_contact",
    sync_keys=[("person_id", "type", "value")],
    help_text="A reachable contact point of a person; WhatsApp first.",
):
    # (type, value) is indexed but not unique: a parent and two children share one WhatsApp number.
    class Type(StrEnum):
        WhatsApp = "WhatsApp"
        Phone = "Phone"
        Email = "Email"
        Instagram = "Instagram"
        Facebook = "Facebook"
        TikTok = "TikTok"
        Telegram = "Telegram"
        Line = "Line"
        Other = "Other"

    id = ulid_key()
    person_id = ForeignKey(Person, on_delete=OnDelete.cascade, help_text="the person")
    type = Text(default=Type.WhatsApp, choices=Type, help_text="kind of contact point")
    value = Text(
        help_text=(
            "canonical: phones E.164 (`+62812...`, leading 0 replaced), e-mail lower case, "
            "handles without @"
        ),
    )
    is_primary = Boolean(default=False, help_text="at most one per person and type (rule P3)")
    is_verified = Boolean(default=False, help_text="the point was proven to reach the person")
    is_opt_out = Boolean(default=False, help_text="do not contact on this point")
    created_at = created()
    updated_at = updated()
    unique_person_type_value = Unique([person_id, type, value])
    index_type_value = Index([type, value])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.type, cls.value])


class Identifier(
    Table,
    tablename="db_identifier",
    sync_keys=[("source_id", "value"), ("type", "issuer", "value")],
    help_text=(
        "An identity number or external key of a person: NIK, NPWP, passport, student number,"
        " key in a source system."
    ),
):
    # issuer is NOT NULL so that U2 has no nullable column and really stops a second row with the
    # same NIK; U1 binds only External rows, the others have no source.
    class Type(StrEnum):
        NIK = "NIK"
        NPWP = "NPWP"
        Passport = "Passport"
        KITAS = "KITAS"
        NISN = "NISN"
        StudentNo = "StudentNo"
        EmployeeNo = "EmployeeNo"
        External = "External"

    id = ulid_key()
    person_id = ForeignKey(Person, on_delete=OnDelete.cascade, index=True, help_text="the person")
    source_id = ForeignKey(
        Source,
        null=True,
        help_text="set exactly when type = External: the system whose key this is",
    )
    type = Text(choices=Type, help_text="kind of identifier")
    issuer = Text(
        default="ID",
        help_text=(
            "who issued it: ISO country code for government numbers, entity code for "
            "StudentNo/EmployeeNo, source code for External (rule P2)"
        ),
    )
    value = Text(help_text="digits only for NIK/NPWP; the source key for External")
    valid_to = Date(null=True, help_text="last day of validity, inclusive")
    created_at = created()
    updated_at = updated()
    unique_source_value = Unique([source_id, value])
    unique_type_issuer_value = Unique([type, issuer, value])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.type, cls.value])


class Relation(
    Table,
    tablename="db_relation",
    sync_keys=[("from_person_id", "to_person_id", "type")],
    help_text=(
        "A directed, typed relation between two persons: from_person is `type` of to_person."
    ),
):
    # Keeps an id: the same pair may hold several types (mother is Parent and EmergencyContact), so
    # the pair is not a key and this is not a join table.
    # Store one direction only; Child is the reverse reading of Parent.
    class Type(StrEnum):
        Parent = "Parent"
        Guardian = "Guardian"
        Spouse = "Spouse"
        Sibling = "Sibling"
        Relative = "Relative"
        EmergencyContact = "EmergencyContact"
        Referrer = "Referrer"
        Other = "Other"

    id = ulid_key()
    from_person_id = ForeignKey(
        Person,
        on_delete=OnDelete.cascade,
        help_text="the person who is `type` of the other",
    )
    to_person_id = ForeignKey(Person, on_delete=OnDelete.cascade, help_text="the other person")
    type = Text(choices=Type, help_text="kind of relation")
    note = Text(null=True, help_text="free text")
    created_at = created()
    updated_at = updated()
    unique_from_person_to_person_type = Unique([from_person_id, to_person_id, type])
    index_to_person_type = Index([to_person_id, type])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s: %s of %s",
            columns=[cls.from_person_id._.full_name, cls.type, cls.to_person_id._.full_name],
        )


class Tag(
    Table, tablename="db_tag", sync_keys=[("code",)], help_text="Segmentation label for persons."
):
    class Type(StrEnum):
        Segment = "Segment"
        Interest = "Interest"
        Behaviour = "Behaviour"
        Status = "Status"
        Other = "Other"

    id = ulid_key()
    code = Text(unique=True, help_text="short stable code")
    name = Text(help_text="display name")
    type = Text(default=Type.Segment, choices=Type, help_text="kind of tag")
    is_active = active()
    created_at = created()
    updated_at = updated()
    persons = M2M(LazyTableReference("PersonTag", module_path=__name__))

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class PersonTag(
    Table,
    tablename="db_person_tag",
    sync_keys=[("person_id", "tag_id")],
    help_text="M2M: tags of a person.",
):
    person_id = ForeignKey(
        Person,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the person",
    )
    tag_id = ForeignKey(
        Tag,
        primary_key=True,
        on_delete=OnDelete.cascade,
        index=True,
        help_text="the tag",
    )
    created_at = created()
    updated_at = updated()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s: %s", columns=[cls.person_id._.full_name, cls.tag_id._.name])


class PersonOrganization(
    Table,
    tablename="db_person_organization",
    sync_keys=[("person_id", "organization_id")],
    help_text="M2M: a person studies at, works for or represents an organization.",
):
    class Role(StrEnum):
        Student = "Student"
        Alumni = "Alumni"
        Employee = "Employee"
        Contact = "Contact"
        Owner = "Owner"
        Other = "Other"

    person_id = ForeignKey(
        Person,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the person",
    )
    organization_id = ForeignKey(
        Organization,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the organization",
    )
    role = Text(default=Role.Contact, choices=Role, help_text="what the person does there")
    job_title = Text(null=True, help_text="job title")
    start_date = Date(null=True, help_text="first day")
    end_date = Date(null=True, help_text="last day, inclusive")
    is_primary = Boolean(default=False, help_text="school/employer shown by default")
    created_at = created()
    updated_at = updated()
    index_organization_role = Index([organization_id, role])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s: %s at %s",
            columns=[cls.person_id._.full_name, cls.role, cls.organization_id._.name],
        )


class PersonUnit(
    Table,
    tablename="db_person_unit",
    sync_keys=[("person_id", "unit_id")],
    help_text="M2M: a person works for a unit (staff, sales, instructor).",
):
    # One principal role per pair.
    class Role(StrEnum):
        Manager = "Manager"
        Sales = "Sales"
        Instructor = "Instructor"
        Examiner = "Examiner"
        Marketing = "Marketing"
        Finance = "Finance"
        Admin = "Admin"
        Other = "Other"

    person_id = ForeignKey(
        Person,
        primary_key=True,
        on_delete=OnDelete.cascade,
        help_text="the person",
    )
    unit_id = ForeignKey(Unit, primary_key=True, on_delete=OnDelete.cascade, help_text="the unit")
    role = Text(choices=Role, help_text="what the person does there")
    start_date = Date(null=True, help_text="first day")
    end_date = Date(null=True, help_text="null = still assigned")
    created_at = created()
    updated_at = updated()
    index_unit_role = Index([unit_id, role])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(
            template="%s: %s at %s",
            columns=[cls.person_id._.full_name, cls.role, cls.unit_id._.name],
        )

"""P1 to P5: persons, what identifies them, and how they are reached."""

from __future__ import annotations

from collections.abc import Iterator

from atlas.rules import formats
from atlas.rules.rule import Check, DatabaseCheck, RowCheck, Rule
from atlas.table import Table
from atlas.tables import (
    TABLES,
    Contact,
    Entity,
    Identifier,
    Organization,
    Person,
    PersonOrganization,
    Relation,
    Unit,
)

_DIGIT_TYPES = ("NIK", "NPWP")
_GOVERNMENT_TYPES = ("NIK", "NPWP", "Passport", "KITAS", "NISN")
_PHONE_TYPES = ("WhatsApp", "Phone")
_HANDLE_TYPES = ("Instagram", "Facebook", "TikTok", "Telegram", "Line")


# --- P1 ---------------------------------------------------------------------

_RELATIONS = (
    RowCheck(
        table=Relation,
        column="to_person_id",
        sentence="a person is related to itself",
        breaks=lambda row: row["from_person_id"] == row["to_person_id"],
        condition="from_person_id = to_person_id",
    ),
    RowCheck(
        table=Relation,
        column="from_person_id",
        sentence="{type} is stored from the larger id",
        breaks=lambda row: (
            row["type"] in ("Spouse", "Sibling") and row["from_person_id"] > row["to_person_id"]
        ),
        condition="type IN ('Spouse', 'Sibling') AND from_person_id > to_person_id",
    ),
    DatabaseCheck(
        table=Relation,
        column="to_person_id",
        sentence="a parent descends from the child",
        # UNION ends the walk where it meets a pair again.
        sql="""
            WITH RECURSIVE descent(ancestor_id, person_id) AS (
                SELECT from_person_id, to_person_id FROM db_relation
                 WHERE type = 'Parent' AND from_person_id <> to_person_id
                UNION
                SELECT d.ancestor_id, r.to_person_id
                  FROM descent d JOIN db_relation r ON r.from_person_id = d.person_id
                 WHERE r.type = 'Parent' AND d.ancestor_id <> d.person_id
            )
            SELECT t.id FROM db_relation t
             WHERE t.type = 'Parent' AND t.from_person_id <> t.to_person_id
               AND (t.to_person_id, t.from_person_id) IN (
                   SELECT ancestor_id, person_id FROM descent)
        """,
    ),
)


# --- P2 ---------------------------------------------------------------------


def _npwp(table: type[Table]) -> Check:
    return RowCheck(
        table=table,
        column="npwp",
        sentence="npwp has not 16 digits",
        breaks=lambda row: not formats.SIXTEEN_DIGITS.fits(row["npwp"]),
        condition=formats.SIXTEEN_DIGITS.misfits("npwp"),
    )


_IDENTIFIERS = (
    RowCheck(
        table=Identifier,
        column="value",
        sentence="{type} has not 16 digits",
        breaks=lambda row: (
            row["type"] in _DIGIT_TYPES and not formats.SIXTEEN_DIGITS.fits(row["value"])
        ),
        condition=f"type IN {formats.sql_list(_DIGIT_TYPES)}"
        f" AND {formats.SIXTEEN_DIGITS.misfits('value')}",
    ),
    RowCheck(
        table=Identifier,
        column="source_id",
        sentence="type is {type}, and source_id is set exactly for External",
        breaks=lambda row: (row["type"] == "External") != (row["source_id"] is not None),
        condition="(type = 'External') <> (source_id IS NOT NULL)",
    ),
    RowCheck(
        table=Identifier,
        column="issuer",
        sentence="{type} is issued by {issuer}, which is not an ISO country code",
        breaks=lambda row: (
            row["type"] in _GOVERNMENT_TYPES and not formats.COUNTRY.fits(row["issuer"])
        ),
        condition=f"type IN {formats.sql_list(_GOVERNMENT_TYPES)}"
        f" AND {formats.COUNTRY.misfits('issuer')}",
    ),
    DatabaseCheck(
        table=Identifier,
        column="issuer",
        sentence="External is issued by {issuer}, and its source is {source}",
        sql="""
            SELECT t.id, t.issuer AS issuer, s.code AS source
              FROM db_identifier t JOIN core_source s ON s.id = t.source_id
             WHERE t.type = 'External' AND t.issuer <> s.code
        """,
    ),
    DatabaseCheck(
        table=Identifier,
        column="issuer",
        sentence="{type} is issued by {issuer}, which is not an entity's code",
        sql="""
            SELECT t.id, t.type AS type, t.issuer AS issuer
              FROM db_identifier t LEFT JOIN core_entity e ON e.code = t.issuer
             WHERE t.type IN ('StudentNo', 'EmployeeNo') AND e.id IS NULL
        """,
    ),
    _npwp(Entity),
    _npwp(Organization),
)


# --- P3 ---------------------------------------------------------------------

_PRIMARIES = (
    DatabaseCheck(
        table=Contact,
        column="is_primary",
        sentence="the person has another primary {type}",
        sql="""
            SELECT t.id, t.type AS type FROM db_contact t
             WHERE t.is_primary AND EXISTS (
                   SELECT 1 FROM db_contact o
                    WHERE o.person_id = t.person_id AND o.type = t.type
                      AND o.is_primary AND o.id < t.id)
        """,
    ),
    DatabaseCheck(
        table=PersonOrganization,
        column="is_primary",
        sentence="the person has another primary organization",
        sql="""
            SELECT t.person_id, t.organization_id FROM db_person_organization t
             WHERE t.is_primary AND EXISTS (
                   SELECT 1 FROM db_person_organization o
                    WHERE o.person_id = t.person_id AND o.is_primary
                      AND o.organization_id < t.organization_id)
        """,
    ),
)


# --- P4 ---------------------------------------------------------------------


def _phone(table: type[Table]) -> Check:
    return RowCheck(
        table=table,
        column="phone",
        sentence="phone is not in E.164 form (+62812…)",
        breaks=lambda row: not formats.PHONE.fits(row["phone"]),
        condition=formats.PHONE.misfits("phone"),
    )


_CONTACTS = (
    RowCheck(
        table=Contact,
        column="value",
        sentence="{type} is not in E.164 form (+62812…)",
        breaks=lambda row: row["type"] in _PHONE_TYPES and not formats.PHONE.fits(row["value"]),
        condition=f"type IN {formats.sql_list(_PHONE_TYPES)} AND {formats.PHONE.misfits('value')}",
    ),
    RowCheck(
        table=Contact,
        column="value",
        sentence="Email is not in lower case",
        breaks=lambda row: row["type"] == "Email" and row["value"] != row["value"].lower(),
        condition="type = 'Email' AND value <> lower(value)",
    ),
    RowCheck(
        table=Contact,
        column="value",
        sentence="the {type} handle begins with @",
        breaks=lambda row: row["type"] in _HANDLE_TYPES and row["value"].startswith("@"),
        condition=f"type IN {formats.sql_list(_HANDLE_TYPES)} AND substr(value, 1, 1) = '@'",
    ),
    RowCheck(
        table=Organization,
        column="email",
        sentence="email is not in lower case",
        breaks=lambda row: row["email"] is not None and row["email"] != row["email"].lower(),
        condition="email <> lower(email)",
    ),
    _phone(Unit),
    _phone(Organization),
)


# --- P5 ---------------------------------------------------------------------


def _references_to_merged() -> Iterator[Check]:
    for table in TABLES:
        for column in table._meta.foreign_key_columns:
            name = column._meta.name
            if column._foreign_key_meta.resolved_references is Person and name != "merged_into_id":
                yield _reference_to_merged(table, name)


def _reference_to_merged(table: type[Table], name: str) -> Check:
    keys = ", ".join(f"t.{column._meta.name}" for column in table._key_columns)
    return DatabaseCheck(
        table=table,
        column=name,
        sentence=f"{name} references a person who is merged into another",
        # Any id is > '': unlike IS NOT NULL this is a range of the index.
        sql=f"""
            SELECT {keys} FROM db_person p JOIN {table._meta.tablename} t ON t.{name} = p.id
             WHERE p.merged_into_id > ''
        """,
    )


_MERGED = (
    RowCheck(
        table=Person,
        column="is_active",
        sentence="it is merged into another person, and still active",
        breaks=lambda row: row["merged_into_id"] is not None and bool(row["is_active"]),
        condition="merged_into_id IS NOT NULL AND is_active",
    ),
    DatabaseCheck(
        table=Person,
        column="merged_into_id",
        sentence="it is merged into a person who is merged too",
        sql="""
            SELECT t.id FROM db_person t JOIN db_person p ON p.id = t.merged_into_id
             WHERE t.merged_into_id > '' AND p.merged_into_id IS NOT NULL
        """,
    ),
)


RULES = (
    Rule("P1", _RELATIONS),
    Rule("P2", _IDENTIFIERS),
    Rule("P3", _PRIMARIES),
    Rule("P4", _CONTACTS),
    Rule(
        "P5",
        (*_MERGED, *_references_to_merged()),
        not_audited="that a merge was one transaction: only its result is stored",
    ),
)

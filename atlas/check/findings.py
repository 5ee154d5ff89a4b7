"""What a check found, in sentences and as JSON.

In: differences of schemas, and what is wrong with the log of migrations. Out:
``Finding``s, each with the way out, in a ``CheckReport``. Knows no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from atlas.schema.schema import Difference, Kind

#: Raised when a key or value of the JSON is renamed or taken away; new ones may come without.
JSON_VERSION = 1


class Link(StrEnum):
    """Which two neighbours of the chain differ. The values are part of the JSON."""

    model = "model"
    migrations = "migrations"
    log = "log"
    database = "database"


class Severity(StrEnum):
    """Whether a finding counts. The values are part of the JSON."""

    drift = "drift"
    #: Worth knowing, and no fault: a trigger or a view that somebody added.
    note = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is otherwise than it should be, and the way out."""

    kind: Kind
    link: Link
    #: The app whose table or migration it is; empty for what is not an app's.
    app: str
    table: str | None
    #: The column, index, rule, trigger or migration; None when it is the table itself.
    name: str | None
    expected: str | None
    found: str | None
    remedy: str
    severity: Severity = Severity.drift

    @property
    def subject(self) -> str:
        """What it is about: ``core_entity.code``, or ``core 2026-…`` for a migration."""
        if self.link is Link.log:
            return f"{self.app} {self.name}" if self.name else "the log of migrations"
        return ".".join(part for part in (self.table, self.name) if part)

    @property
    def message(self) -> str:
        """What is wrong, in a sentence without the way out."""
        where = _WHERE[self.link]
        if self.kind in _SENTENCES:
            said = _SENTENCES[self.kind].format(
                where=where, expected=self.expected, found=self.found
            )
        else:
            what = self.kind.removeprefix("column_").replace("_", " ")
            found, expected = (value or "none" for value in (self.found, self.expected))
            said = f"the {what} is {found} in {where} and should be {expected}"
        return f"{self.subject}: {said}"

    def as_note(self) -> Finding:
        """Return the same finding as one that does not count."""
        return replace(self, severity=Severity.note)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {**asdict(self), "message": self.message}


_WHERE = {
    Link.model: "the table classes",
    Link.migrations: "the migrations",
    Link.log: "the log of migrations",
    Link.database: "the database",
}
_SENTENCES = {
    Kind.missing_table: "the table is missing in {where}",
    Kind.extra_table: "a table too many in {where}",
    Kind.missing_column: "the column is missing in {where}",
    Kind.extra_column: "a column too many in {where} ({found})",
    Kind.column_null: "is {found} in {where} and should be {expected}",
    Kind.missing_foreign_key: "the reference to {expected} is missing in {where}",
    Kind.extra_foreign_key: "references {found} in {where} and should not",
    Kind.missing_index: "the index {expected} is missing in {where}",
    Kind.extra_index: "an index too many in {where}: {found}",
    Kind.missing_unique: "{expected} is missing in {where}",
    Kind.extra_unique: "a key too many in {where}: {found}",
    Kind.index_name: "is called {found} in {where}",
    Kind.index_definition: "is {found} in {where} and should be {expected}",
    Kind.extra_rule: "a rule too many in {where}",
    Kind.missing_check: "{expected} is missing in {where}",
    Kind.check_definition: "is {found} in {where} and should be {expected}",
    Kind.foreign_key_off: "the reference to {expected} is in {where}, and is not enforced",
    Kind.missing_value: "is null in {found}, and required",
    Kind.unreadable_value: "is not {expected} in {found}",
    Kind.other_form: "is not text of the form {expected} in {found}",
    Kind.refused_value: "is a value that the model does not allow in {found}",
    Kind.lost_reference: "{found} reference rows of {expected} that are not there",
    Kind.duplicate_values: "{found} that are to be unique are there more than once",
    Kind.unapplied_migration: "is not applied",
    Kind.missing_migration_file: "is applied, and its file is missing",
    Kind.edited_migration: "the file was edited since it was applied",
    Kind.migration_out_of_order: "{found}",
    Kind.migration_recorded_twice: "is in {where} {found} times",
    Kind.not_adopted: "{found}",
    Kind.trigger: "a trigger that no migration made",
    Kind.view: "a view that no migration made",
    Kind.foreign_log: "the log of another tool's migrations",
}


@dataclass(frozen=True)
class CheckReport:
    """What ``check`` found."""

    #: The path of the file, or the URL of the server with its password masked.
    database: str
    #: What was compared, each with the next.
    compared: tuple[str, ...]
    findings: tuple[Finding, ...]
    #: What whoever runs this database should know of its library.
    warnings: tuple[str, ...] = ()

    @property
    def drift(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(f for f in self.findings if f.severity is Severity.drift)

    @property
    def is_clean(self) -> bool:
        """Whether all say the same; notes do not count."""
        return not self.drift

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data, as ``atlas check --json`` prints it."""
        return {
            "version": JSON_VERSION,
            "database": self.database,
            "compared": list(self.compared),
            "clean": self.is_clean,
            "findings": [finding.as_json() for finding in self.findings],
            "warnings": list(self.warnings),
        }


def found_in_model(difference: Difference, app: str) -> Finding:
    """Return what the table classes have otherwise than docs/model.md, which is right."""
    remedy = (
        f"docs/model.md is the authority. Change atlas/{app}/tables.py, or the model first if the "
        "change is meant."
    )
    return _finding(difference, Link.model, app, remedy)


def found_in_migrations(difference: Difference, app: str) -> Finding:
    """Return what an app's migrations add up to otherwise than its table classes."""
    remedy = (
        f"Write the migration: piccolo migrations new {app} --auto. What it does not see has to be "
        "added to the file by hand."
    )
    return _finding(difference, Link.migrations, app, remedy)


def found_in_database(difference: Difference, app: str) -> Finding:
    """Return what the database has otherwise than the migrations that were applied to it."""
    remedy = _DATABASE_REMEDIES.get(difference.kind, _REPAIR)
    return _finding(
        difference, Link.database, app, remedy.format(table=difference.table, name=difference.name)
    )


def _finding(difference: Difference, link: Link, app: str, remedy: str) -> Finding:
    return Finding(
        kind=difference.kind,
        link=link,
        app=app,
        table=difference.table,
        name=difference.name,
        expected=difference.expected,
        found=difference.found,
        remedy=remedy,
    )


_REPAIR = "Mend it, with every row as it is: atlas adopt --repair"
_DATABASE_REMEDIES = {
    Kind.missing_table: (
        "Restore it from a backup. If its rows are not missed, make it again: atlas adopt --repair"
    ),
    Kind.missing_column: (
        "Restore it from a backup. If its values are not missed, make it again: "
        "atlas adopt --repair"
    ),
    Kind.extra_table: (
        "Register the app that it belongs to in piccolo_conf.py, or drop it when nobody needs it: "
        'DROP TABLE "{table}"'
    ),
    Kind.extra_column: (
        "Declare it in the table class and write the migration, or drop it when nobody needs its "
        'values: ALTER TABLE "{table}" DROP COLUMN "{name}"'
    ),
    Kind.missing_check: (
        "Correct the rows that break it, then make it again as the migration has it: ALTER TABLE "
        '"{table}" ADD CONSTRAINT "{name}" … on PostgreSQL, atlas adopt --repair on SQLite'
    ),
    Kind.foreign_key_off: (
        "Correct the rows whose references lead nowhere, then switch its triggers on again, as "
        'the owner of the table: ALTER TABLE "{table}" ENABLE TRIGGER ALL. Both tables of a '
        "reference have such triggers; session_replication_role has to be origin"
    ),
    Kind.extra_index: (
        'Declare it in the table class and write the migration, or drop it: DROP INDEX "{name}"'
    ),
}


def log_finding(
    kind: Kind, app: str, name: str | None, remedy: str, *, found: str | None = None
) -> Finding:
    """Return what is wrong with the log of migrations, or with one of them."""
    return Finding(
        kind=kind,
        link=Link.log,
        app=app,
        table=None,
        name=name,
        expected=None,
        found=found,
        remedy=remedy,
    )


def note(kind: Kind, app: str, table: str | None, name: str | None, remedy: str) -> Finding:
    """Return what is in the database, is not a fault, and is worth knowing."""
    return Finding(
        kind=kind,
        link=Link.database,
        app=app,
        table=table,
        name=name,
        expected=None,
        found=None,
        remedy=remedy,
        severity=Severity.note,
    )


def sentences(findings: Sequence[Finding]) -> str:
    """Return findings as one text for an error or a warning, a line for each."""
    return "\n".join(f"{finding.message}. {finding.remedy}." for finding in findings)

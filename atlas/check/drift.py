"""Whether the model, the table classes, the migrations and the database say the same.

In: an engine, and Piccolo's registry of apps. Out: a ``CheckReport``, in which each
drift is one finding, at the link of the chain where it is::

    docs/model.md → table classes → migration files → log of migrations → database

Each link compares neighbours: the database with what the *applied* migrations add
up to, so that a migration which is not applied is one finding, and not one for
each column that it would add. Changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from piccolo.conf.apps import AppConfig, Finder

from atlas.check.findings import (
    CheckReport,
    Finding,
    found_in_database,
    found_in_migrations,
    found_in_model,
    log_finding,
    note,
)
from atlas.client.scope import current_engine
from atlas.engine.factory import AtlasEngine
from atlas.engine.options import EngineOptions
from atlas.errors import MigrationError
from atlas.migrate import log
from atlas.migrate.files import app_names, managers_of, migration_files
from atlas.migrate.replay import renames_of, replay
from atlas.schema import database, model
from atlas.schema.declared import from_classes, from_snapshot
from atlas.schema.reading import reading
from atlas.schema.schema import Dialect, Kind, Schema, Table, differences

if TYPE_CHECKING:
    from atlas.client.client import Client

#: Tables in which other tools note their migrations; nobody needs them after ``atlas adopt``.
FOREIGN_LOGS = frozenset({"__drizzle_migrations"})

_ID = re.compile(r"""^ID = (["'])(?P<id>.+)\1""", re.MULTILINE)


class File(Protocol):
    """A migration file, as far as the log knows of it."""

    @property
    def app_name(self) -> str:
        """The app it belongs to."""

    @property
    def id(self) -> str:
        """The id under which it is in the log."""

    @property
    def path(self) -> Path:
        """Where it is."""


@dataclass(frozen=True)
class UnreadFile:
    """A migration file that was not imported."""

    app_name: str
    id: str
    path: Path


@dataclass(frozen=True)
class Code:
    """What the code says: each app's classes, its files, and what these add up to."""

    dialect: Dialect
    apps: tuple[str, ...]
    classes: Mapping[str, Schema]
    files: tuple[File, ...]

    @property
    def schemas(self) -> set[str]:
        """The schemas of PostgreSQL that the apps' tables name, but for the one looked in first."""
        named = {table._meta.schema for app in self.apps for table in tables_of(app)}
        return {schema for schema in named if schema not in (None, "public")}

    def owner(self, table: str) -> str:
        """Return the app that a table belongs to; nothing for a table of none."""
        return next((app for app in self.apps if table in self.classes[app]), "")

    def has(self, tables: Iterable[str]) -> list[str]:
        """Return those of ``tables`` that belong to an app."""
        return [table for table in tables if self.owner(table)]


async def check(client: Client | None = None, *, quick: bool = False) -> CheckReport:
    """Compare the model, the table classes, the migrations and the database.

    The database is that of ``client``, which need not be open, or of the current
    one. ``quick`` is for the start of a service: it compares the log with the
    files, and the database with the table classes, and leaves out what only a
    change of the code can change: what the model and the files say. Nothing is
    written and no file is made. Raises ``DatabaseFileError`` where there is no
    database, ``DatabaseServerError`` for a server that is away, and
    ``MigrationError`` when a migration or the model cannot be read.
    """
    engine = atlas_engine() if client is None else client.engine
    code = read_code(database.dialect_of(engine), quick=quick)
    async with reading(engine) as reader:
        contents = await database.read(reader, code.schemas)
        applied = await log.applied(reader) if contents.has_log else []
    report = await compare(code, contents, applied, path=str(engine.path), quick=quick)
    return replace(report, warnings=tuple(engine.library_warnings()))


def atlas_engine() -> AtlasEngine:
    """Return the engine that migrations run on: the current client's, or that of piccolo_conf.

    Raises ``MigrationError`` for one that is none of Atlas's.
    """
    engine: Any = current_engine()
    if not isinstance(getattr(engine, "options", None), EngineOptions):
        raise MigrationError("The DB of piccolo_conf is not an engine of Atlas's.")
    return engine  # type: ignore[no-any-return]


def read_code(dialect: Dialect, *, quick: bool = False) -> Code:
    """Return what the registered apps say; ``quick`` does not import their migrations."""
    apps = tuple(app_names())
    return Code(
        dialect=dialect,
        apps=apps,
        classes={app: _class_schema(tables_of(app), dialect, app) for app in apps},
        files=tuple(
            file for app in apps for file in (unread_files(app) if quick else migration_files(app))
        ),
    )


async def compare(
    code: Code,
    contents: database.Contents,
    applied: Sequence[log.Applied],
    *,
    path: str,
    quick: bool = False,
) -> CheckReport:
    """Return what the parts of the chain have otherwise than their neighbours."""
    findings: list[Finding] = []
    compared = ["table classes", "migration files", "log of migrations", "database"]
    if quick:
        del compared[1]
    elif (document := model.document()) is not None:
        compared.insert(0, "docs/model.md")
        findings += model_findings(document)
    ours = code.has(contents.tables)
    is_foreign = bool(ours) and not applied
    in_log = [] if is_foreign else list(log_findings(code, applied))
    lost = {finding.app for finding in in_log if finding.kind is Kind.missing_migration_file}
    if not quick:
        for app in code.apps:
            if app not in lost:  # else there is no telling what they add up to
                findings += await migration_findings(code, app)
    findings += in_log
    if is_foreign:
        findings.append(
            log_finding(
                Kind.not_adopted,
                "",
                None,
                "Another tool made them. See what differs: atlas adopt --dry-run. Take them over: "
                "atlas adopt",
                found=f"is empty, and {len(ours)} of our tables are there",
            )
        )
    else:
        findings += await _compared_database(code, contents, applied, lost, quick)
    findings += notes(code, contents)
    return CheckReport(database=path, compared=tuple(compared), findings=tuple(findings))


async def _compared_database(
    code: Code,
    contents: database.Contents,
    applied: Sequence[log.Applied],
    lost: set[str],
    quick: bool,
) -> list[Finding]:
    names = {(row.app_name, row.name) for row in applied}
    expected: dict[str, Table] = {}
    unknown: set[str] = set()
    for app in code.apps:
        own = [file for file in code.files if file.app_name == app]
        done = [file for file in own if (app, file.id) in names]
        if app in lost or (quick and done == own):
            expected |= code.classes[app]
        elif quick:  # what is applied of it can only be told from the files
            unknown |= code.classes[app].keys()
        else:
            others = [
                file
                for file in code.files
                if file.app_name != app and (file.app_name, file.id) in names
            ]
            expected |= await added_up(done, code.dialect, others)
    known = {name: table for name, table in contents.tables.items() if name not in unknown}
    return database_findings(code, expected, known)


# --- docs/model.md → table classes


def model_findings(path: Path) -> Iterator[Finding]:
    """Yield what the 38 table classes have otherwise than the model at ``path``."""
    from atlas.tables import TABLES  # which the migrations, that import this package, come before

    tables = model.from_model(path.read_text(encoding="utf-8"))
    # The model names no index.
    for difference in differences(tables, _class_schema(TABLES, "sqlite", "")):
        owner = tables[difference.table].app if difference.table in tables else ""
        yield found_in_model(difference, owner or difference.table.partition("_")[0])


# --- table classes → migration files


async def migration_findings(code: Code, app: str) -> list[Finding]:
    """Return what an app's migrations add up to otherwise than its table classes."""
    own = [file for file in code.files if file.app_name == app]
    others = [file for file in code.files if file.app_name != app]
    found = differences(code.classes[app], await added_up(own, code.dialect, others))
    return [found_in_migrations(difference, app) for difference in found]


_added_up: dict[tuple[Dialect, tuple[Any, ...]], Schema] = {}


async def added_up(files: Sequence[Any], dialect: Dialect, others: Sequence[Any] = ()) -> Schema:
    """Return the schema that the migrations of one app make when they are applied in order.

    ``others`` are the migrations of other apps, which may rename what these tables reference.
    """
    key = dialect, (*files, None, *others)
    if key not in _added_up:
        tables = replay(await managers_of(files), renames_of(await managers_of(others)))
        app = files[0].app_name if files else ""
        _added_up[key] = from_snapshot(tables, dialect, app)
    return _added_up[key]


def unread_files(app: str) -> list[UnreadFile]:
    """Return an app's migration files by the ids in their text, without importing them."""
    folder = Path(_config(app).resolved_migrations_folder_path)
    found = []
    for path in folder.glob("*.py"):
        if path.name != "__init__.py" and (match := _ID.search(path.read_text(encoding="utf-8"))):
            found.append(UnreadFile(app, match["id"], path))
    return sorted(found, key=lambda file: file.id)


def _config(app: str) -> AppConfig:
    return Finder().get_app_config(app)


def tables_of(app: str) -> tuple[type[Any], ...]:
    """Return the table classes of an app."""
    return tuple(_config(app).table_classes)


@lru_cache(maxsize=64)
def _class_schema(tables: tuple[type[Any], ...], dialect: Dialect, app: str) -> Schema:
    return from_classes(tables, dialect, app)


# --- migration files → log of migrations


def log_findings(code: Code, applied: Sequence[log.Applied]) -> Iterator[Finding]:
    """Yield what is in the log and not in the files, and the other way round."""
    files = {(file.app_name, file.id): file for file in code.files}
    counts = Counter((row.app_name, row.name) for row in applied)
    for (app, name), count in counts.items():
        if count > 1:
            yield log_finding(
                Kind.migration_recorded_twice,
                app,
                name,
                "Look whether its data steps ran twice, then delete all but its first row from "
                "the table migration.",
                found=str(count),
            )
    hashes = {(row.app_name, row.name): row.file_sha256 for row in applied}
    for key, sha256 in hashes.items():
        if key not in files:
            yield log_finding(Kind.missing_migration_file, *key, _missing_remedy(code, key[0]))
        elif sha256 is not None and sha256 != log.file_sha256(files[key].path):
            yield log_finding(
                Kind.edited_migration,
                *key,
                f"Restore {files[key].path.name} as it was, and make the change in a new "
                f"migration: piccolo migrations new {key[0]} --auto",
            )
    yield from _order_findings(code, list(counts))


def _missing_remedy(code: Code, app: str) -> str:
    if app not in code.apps:
        return f"Register the app {app} in the piccolo_conf.py that PICCOLO_CONF names."
    return (
        "Restore the file, or install the version of the package that has it: this one is older "
        "than the database."
    )


def _order_findings(code: Code, applied: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Yield the migrations that are not applied, and those applied after a later one."""
    last: dict[str, str] = {}
    for app, name in applied:
        if app in last and name < last[app]:
            yield log_finding(
                Kind.migration_out_of_order,
                app,
                name,
                "Look whether the two depend on each other. If not, exchange their ran_on in the "
                "table migration.",
                found=f"was applied after {last[app]}, which is later",
            )
        else:
            last[app] = name
    for file in code.files:
        app, name = file.app_name, file.id
        if (app, name) in applied:
            continue
        if app in last and name < last[app]:
            yield log_finding(
                Kind.migration_out_of_order,
                app,
                name,
                "If it does not depend on that one, apply it: atlas migrate. Else give it a new "
                "ID, and its file the name of that.",
                found=f"is not applied, and {last[app]}, which is later, is",
            )
        else:
            yield log_finding(Kind.unapplied_migration, app, name, "Apply it: atlas migrate")


# --- log of migrations → database


def database_findings(code: Code, expected: Schema, found: Schema) -> list[Finding]:
    """Return what a database has otherwise than ``expected``."""
    return [
        found_in_database(difference, code.owner(difference.table))
        for difference in differences(expected, found, in_database=True)
        if difference.table not in FOREIGN_LOGS
    ]


def notes(code: Code, contents: database.Contents) -> Iterator[Finding]:
    """Yield what is in the database besides our tables, and is not a fault."""
    for name, table in contents.triggers:
        yield note(Kind.trigger, code.owner(table), table, name, "Migrations keep it, if they can.")
    for name in contents.views:
        yield note(Kind.view, "", name, None, "Migrations keep it, if they can.")
    for name in sorted(FOREIGN_LOGS & contents.tables.keys()):
        yield note(
            Kind.foreign_log,
            "",
            name,
            None,
            f'Drop it when that tool is used no more: DROP TABLE "{name}"',
        )

"""``atlas check`` reports each drift once, at its place, and changes nothing."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from conftest import ROOT, bind

import atlas
from atlas import DatabaseFileError, DatabaseServerError, create_client
from atlas.check import drift
from atlas.check.findings import CheckReport, Finding, Link, Severity
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.migrate import log
from atlas.schema.schema import Kind

KEYS = {"version", "database", "compared", "clean", "findings", "warnings"}
FINDING_KEYS = {
    "kind",
    "link",
    "app",
    "table",
    "name",
    "expected",
    "found",
    "remedy",
    "severity",
    "message",
}


# --- changes by hand


def recreate(path: str, table: str, old: str, new: str) -> None:
    """Make an empty SQLite table again, with ``new`` for ``old`` in its definition."""
    with closing(sqlite3.connect(path)) as connection, connection:
        query = "SELECT type, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
        made = connection.execute(query + " ORDER BY type = 'index'", (table,)).fetchall()
        assert old in made[0][1], made[0][1]
        connection.execute(f"DROP TABLE {table}")
        connection.execute(made[0][1].replace(old, new, 1))
        for _, sql in made[1:]:
            connection.execute(sql)


async def change(engine: Any, *statements: str | tuple[str, str, str]) -> None:
    """Change a database with the plain driver: by SQL, or an SQLite table's definition."""
    if engine.engine_type != "sqlite":
        connection = await asyncpg.connect(dsn=engine.config["dsn"])
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()
        return
    for statement in statements:
        if isinstance(statement, tuple):
            recreate(engine.path, *statement)
        else:
            with closing(sqlite3.connect(engine.path)) as connection, connection:
                connection.execute(statement)


Change = list[Any]
TAG = "db_tag"
FOREIGN_KEY = (
    '"parent_id" TEXT REFERENCES "core_unit" ("id") ON DELETE RESTRICT ON UPDATE NO ACTION'
)
NOW = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"
UNIT_FK = "ALTER TABLE core_unit DROP CONSTRAINT core_unit_parent_id_fkey"

#: A name, what is done on both or on each of the databases, and the one finding.
CHANGES: list[tuple[str, Change, Change, tuple[Kind, str, str | None]]] = [
    (
        "table dropped",
        ["DROP TABLE target_line"],
        ["DROP TABLE target_line"],
        (Kind.missing_table, "target_line", None),
    ),
    (
        "table added",
        ["CREATE TABLE mine (id TEXT)"],
        ["CREATE TABLE mine (id TEXT)"],
        (Kind.extra_table, "mine", None),
    ),
    (
        "column dropped",
        ["ALTER TABLE db_tag DROP COLUMN is_active"],
        ["ALTER TABLE db_tag DROP COLUMN is_active"],
        (Kind.missing_column, TAG, "is_active"),
    ),
    (
        "column with index and reference dropped",
        ["DROP INDEX core_unit_region_id", "ALTER TABLE core_unit DROP COLUMN region_id"],
        ["ALTER TABLE core_unit DROP COLUMN region_id"],
        (Kind.missing_column, "core_unit", "region_id"),
    ),
    (
        "column added",
        ["ALTER TABLE db_tag ADD COLUMN colour TEXT"],
        ["ALTER TABLE db_tag ADD COLUMN colour TEXT"],
        (Kind.extra_column, TAG, "colour"),
    ),
    (
        "column with index and reference added",
        [
            "ALTER TABLE db_tag ADD COLUMN unit_id TEXT REFERENCES core_unit (id)",
            "CREATE INDEX mine ON db_tag (unit_id)",
        ],
        [
            "ALTER TABLE db_tag ADD COLUMN unit_id TEXT REFERENCES core_unit (id)",
            "CREATE INDEX mine ON db_tag (unit_id)",
        ],
        (Kind.extra_column, TAG, "unit_id"),
    ),
    (
        "type changed",
        [(TAG, '"is_active" BOOLEAN', '"is_active" INTEGER')],
        ["ALTER TABLE db_tag ALTER COLUMN name TYPE VARCHAR(100)"],
        (Kind.column_type, TAG, ""),
    ),
    (
        "not null dropped",
        [(TAG, '"name" TEXT NOT NULL', '"name" TEXT')],
        ["ALTER TABLE db_tag ALTER COLUMN name DROP NOT NULL"],
        (Kind.column_null, TAG, "name"),
    ),
    (
        "not null set",
        [("core_unit", '"region_id" TEXT', '"region_id" TEXT NOT NULL')],
        ["ALTER TABLE core_unit ALTER COLUMN region_id SET NOT NULL"],
        (Kind.column_null, "core_unit", "region_id"),
    ),
    (
        "default changed",
        [(TAG, "DEFAULT 'Segment'", "DEFAULT 'Other'")],
        ["ALTER TABLE db_tag ALTER COLUMN type SET DEFAULT 'Other'"],
        (Kind.column_default, TAG, "type"),
    ),
    (
        "default dropped",
        [(TAG, "DEFAULT 'Segment'", "")],
        ["ALTER TABLE db_tag ALTER COLUMN type DROP DEFAULT"],
        (Kind.column_default, TAG, "type"),
    ),
    (
        "default set",
        [(TAG, '"name" TEXT NOT NULL', "\"name\" TEXT NOT NULL DEFAULT ''")],
        ["ALTER TABLE db_tag ALTER COLUMN name SET DEFAULT ''"],
        (Kind.column_default, TAG, "name"),
    ),
    (
        "default of an instant changed",
        [(TAG, f"DEFAULT ({NOW})", "DEFAULT CURRENT_TIMESTAMP")],
        ["ALTER TABLE db_tag ALTER COLUMN created_at SET DEFAULT '2026-01-01'"],
        (Kind.column_default, TAG, "created_at"),
    ),
    (
        "primary key changed",
        [
            (
                "db_person_tag",
                'PRIMARY KEY ("person_id", "tag_id")',
                'PRIMARY KEY ("tag_id", "person_id")',
            )
        ],
        [
            "ALTER TABLE db_person_tag DROP CONSTRAINT db_person_tag_pkey",
            "ALTER TABLE db_person_tag ADD PRIMARY KEY (tag_id, person_id)",
        ],
        (Kind.primary_key, "db_person_tag", None),
    ),
    (
        "primary key dropped",
        [("target_line", '"id" TEXT PRIMARY KEY', '"id" TEXT')],
        ["ALTER TABLE target_line DROP CONSTRAINT target_line_pkey"],
        (Kind.primary_key, "target_line", None),
    ),
    (
        "reference to another table",
        [("core_unit", FOREIGN_KEY, FOREIGN_KEY.replace('"core_unit"', '"core_region"'))],
        [UNIT_FK, "ALTER TABLE core_unit ADD FOREIGN KEY (parent_id) REFERENCES core_region"
                  " ON DELETE RESTRICT"],
        (Kind.foreign_key_target, "core_unit", "parent_id"),
    ),
    (
        "on delete changed",
        [("core_unit", FOREIGN_KEY, FOREIGN_KEY.replace("RESTRICT", "cascade"))],
        [UNIT_FK, "ALTER TABLE core_unit ADD FOREIGN KEY (parent_id) REFERENCES core_unit"
                  " ON DELETE CASCADE"],
        (Kind.foreign_key_on_delete, "core_unit", "parent_id"),
    ),
    (
        "on update changed",
        [("core_unit", FOREIGN_KEY, FOREIGN_KEY.replace("NO ACTION", "CASCADE"))],
        [UNIT_FK, "ALTER TABLE core_unit ADD FOREIGN KEY (parent_id) REFERENCES core_unit"
                  " ON DELETE RESTRICT ON UPDATE CASCADE"],
        (Kind.foreign_key_on_update, "core_unit", "parent_id"),
    ),
    (
        "reference dropped",
        [("core_unit", FOREIGN_KEY, '"parent_id" TEXT')],
        [UNIT_FK],
        (Kind.missing_foreign_key, "core_unit", "parent_id"),
    ),
    (
        "reference added",
        [(TAG, '"name" TEXT NOT NULL', '"name" TEXT NOT NULL REFERENCES "core_unit" ("id")')],
        ["ALTER TABLE db_tag ADD FOREIGN KEY (name) REFERENCES core_unit (id)"],
        (Kind.extra_foreign_key, TAG, "name"),
    ),
    (
        "index dropped",
        ["DROP INDEX core_unit_region_id"],
        ["DROP INDEX core_unit_region_id"],
        (Kind.missing_index, "core_unit", "core_unit_region_id"),
    ),
    (
        "index over several columns dropped",
        ["DROP INDEX db_relation_to_person_id_type"],
        ["DROP INDEX db_relation_to_person_id_type"],
        (Kind.missing_index, "db_relation", "db_relation_to_person_id_type"),
    ),
    (
        "index added",
        ["CREATE INDEX mine ON db_tag (name)"],
        ["CREATE INDEX mine ON db_tag (name)"],
        (Kind.extra_index, TAG, "mine"),
    ),
    (
        "index twice",
        ["CREATE INDEX mine ON core_unit (region_id)"],
        ["CREATE INDEX mine ON core_unit (region_id)"],
        (Kind.extra_index, "core_unit", "mine"),
    ),
    (
        "index renamed",
        ["DROP INDEX core_unit_region_id", "CREATE INDEX mine ON core_unit (region_id)"],
        ["ALTER INDEX core_unit_region_id RENAME TO mine"],
        (Kind.index_name, "core_unit", "core_unit_region_id"),
    ),
    (
        "index made partial",
        [
            "DROP INDEX core_unit_region_id",
            "CREATE INDEX core_unit_region_id ON core_unit (region_id) WHERE region_id > 'A'",
        ],
        [
            "DROP INDEX core_unit_region_id",
            "CREATE INDEX core_unit_region_id ON core_unit (region_id) WHERE region_id > 'A'",
        ],
        (Kind.index_definition, "core_unit", "core_unit_region_id"),
    ),
    (
        "index made descending",
        [
            "DROP INDEX core_unit_region_id",
            "CREATE INDEX core_unit_region_id ON core_unit (region_id DESC)",
        ],
        [
            "DROP INDEX core_unit_region_id",
            "CREATE INDEX core_unit_region_id ON core_unit (region_id DESC)",
        ],
        (Kind.index_definition, "core_unit", "core_unit_region_id"),
    ),
    (
        "index made unique",
        [
            "DROP INDEX core_unit_region_id",
            "CREATE UNIQUE INDEX core_unit_region_id ON core_unit (region_id)",
        ],
        [
            "DROP INDEX core_unit_region_id",
            "CREATE UNIQUE INDEX core_unit_region_id ON core_unit (region_id)",
        ],
        (Kind.extra_unique, "core_unit", "core_unit_region_id"),
    ),
    (
        "unique key dropped",
        [(TAG, '"code" TEXT UNIQUE NOT NULL', '"code" TEXT NOT NULL')],
        ["ALTER TABLE db_tag DROP CONSTRAINT db_tag_code_key"],
        (Kind.missing_unique, TAG, ""),
    ),
    (
        "unique key over several columns dropped",
        ["DROP INDEX db_contact_person_id_type_value_key"],
        ["ALTER TABLE db_contact DROP CONSTRAINT db_contact_person_id_type_value_key"],
        (Kind.missing_unique, "db_contact", "db_contact_person_id_type_value_key"),
    ),
    (
        "unique key added",
        ["CREATE UNIQUE INDEX mine ON db_tag (name)"],
        ["ALTER TABLE db_tag ADD CONSTRAINT mine UNIQUE (name)"],
        (Kind.extra_unique, TAG, "mine"),
    ),
    (
        "check added",
        [(TAG, '"name" TEXT NOT NULL', "\"name\" TEXT NOT NULL CHECK (name <> 'CHECK')")],
        ["ALTER TABLE db_tag ADD CONSTRAINT mine CHECK (name <> '')"],
        (Kind.extra_rule, TAG, ""),
    ),
    (
        "collation added",
        [(TAG, '"name" TEXT NOT NULL', '"name" TEXT NOT NULL COLLATE NOCASE')],
        ['ALTER TABLE db_tag ALTER COLUMN name TYPE TEXT COLLATE "C"'],
        (Kind.extra_rule, TAG, ""),
    ),
    (
        "without rowid, or row security",
        [("db_person_tag", 'PRIMARY KEY ("person_id", "tag_id"))',
          'PRIMARY KEY ("person_id", "tag_id")) WITHOUT ROWID')],
        ["ALTER TABLE db_person_tag ENABLE ROW LEVEL SECURITY"],
        (Kind.extra_rule, "db_person_tag", ""),
    ),
]  # fmt: skip


def found(report: CheckReport) -> list[tuple[str, str | None, str | None]]:
    return [(f.kind, f.table, f.name) for f in report.drift]


async def test_clean_database_has_no_finding(engine: Any) -> None:
    """On a migrated database nothing is found, quick or not, and the whole chain was compared."""
    report = await drift.check()
    assert report.findings == ()
    assert report.is_clean
    assert report.compared == (
        "docs/model.md",
        "table classes",
        "migration files",
        "log of migrations",
        "database",
    )
    assert (await drift.check(quick=True)).findings == ()


@pytest.mark.parametrize(
    ("in_sqlite", "expected"), [(c[1], c[3]) for c in CHANGES], ids=[c[0] for c in CHANGES]
)
async def test_change_of_a_sqlite_file_is_one_finding(
    sqlite_engine: SQLiteEngine, in_sqlite: Change, expected: tuple[str, str, str | None]
) -> None:
    """Whatever differs in an SQLite file is reported once, with the way out, quick or not."""
    await change(sqlite_engine, *in_sqlite)
    check_one(await drift.check(), expected)
    check_one(await drift.check(quick=True), expected)


async def test_change_of_a_postgres_database_is_one_finding(
    postgres_engine: PostgresEngine,
) -> None:
    """Whatever differs in a PostgreSQL database is reported once, with the way out."""
    connection = await asyncpg.connect(dsn=postgres_engine.config["dsn"])
    try:
        for name, _, statements, expected in CHANGES:
            transaction = connection.transaction()
            await transaction.start()
            for statement in statements:
                await connection.execute(statement)
            reader: Any = _Reader(connection)
            report = await drift.compare(
                drift.read_code("postgres"),
                await drift.database.read(reader),
                await log.applied(reader),
                path=name,
            )
            await transaction.rollback()
            check_one(report, expected)
    finally:
        await connection.close()


class _Reader:
    """A connection of the test's own, in whose transaction the readers look."""

    engine_type = "postgres"

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def run_querystring(self, querystring: Any) -> Any:
        sql, arguments = querystring.compile_string(engine_type="postgres")
        return await self._connection.fetch(sql, *arguments)


def check_one(report: CheckReport, expected: tuple[str, str, str | None]) -> None:
    kind, table, name = expected
    (finding,) = report.findings
    assert (finding.kind, finding.table) == (kind, table), report.database
    if name != "":
        assert finding.name == name
    assert finding.severity is Severity.drift
    assert finding.link == "database"
    assert finding.app == ("" if table == "mine" else table.partition("_")[0])
    assert finding.message.startswith(finding.subject)
    assert "None" not in finding.message
    assert "{" not in finding.message + finding.remedy
    assert finding.remedy
    assert not report.is_clean


async def test_every_difference_is_found_at_once(engine: Any) -> None:
    """Several drifts of one table and of several are each reported."""
    if engine.engine_type == "sqlite":
        await change(
            engine, (TAG, "DEFAULT 'Segment'", ""), (TAG, '"name" TEXT NOT', '"name" INT NOT')
        )
    else:
        await change(
            engine,
            "ALTER TABLE db_tag ALTER COLUMN type DROP DEFAULT",
            "ALTER TABLE db_tag ALTER COLUMN name TYPE CHAR(10)",
        )
    await change(engine, "DROP INDEX core_unit_region_id", "DROP TABLE target_line")
    assert sorted(found(await drift.check())) == [
        (Kind.column_default, TAG, "type"),
        (Kind.column_type, TAG, "name"),
        (Kind.missing_index, "core_unit", "core_unit_region_id"),
        (Kind.missing_table, "target_line", None),
    ]


async def test_triggers_and_views_are_notes(engine: Any) -> None:
    """A trigger, a view and another tool's log are mentioned, and are not drift."""
    await change(engine, "CREATE VIEW mine AS SELECT id FROM db_tag")
    await change(engine, "CREATE TABLE __drizzle_migrations (id INTEGER)")
    if engine.engine_type == "sqlite":
        await change(engine, "CREATE TRIGGER watch AFTER DELETE ON db_tag BEGIN SELECT 1; END")
    else:
        await change(
            engine,
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER watch AFTER DELETE ON db_tag EXECUTE FUNCTION f()",
        )
    report = await drift.check()
    assert report.is_clean
    assert [(f.kind, f.table, f.name, f.severity) for f in report.findings] == [
        (Kind.trigger, TAG, "watch", Severity.note),
        (Kind.view, "mine", None, Severity.note),
        (Kind.foreign_log, "__drizzle_migrations", None, Severity.note),
    ]


# --- the log


def ids() -> dict[str, str]:
    return {file.app_name: file.id for app in drift.app_names() for file in drift.unread_files(app)}


LOG_CHANGES = {
    "not applied": (
        ["DELETE FROM migration WHERE app_name = 'target'", "DROP TABLE target_line",
         "DROP TABLE target_plan"],
        Kind.unapplied_migration,
        "target",
    ),
    "edited": (
        [f"UPDATE migration SET file_sha256 = '{'0' * 64}' WHERE app_name = 'finance'"],
        Kind.edited_migration,
        "finance",
    ),
    "file missing": (
        ["INSERT INTO migration (name, app_name, ran_on)"
         " VALUES ('2027-01-01T00:00:00:000000', 'core', '2027-01-01 00:00:00')"],
        Kind.missing_migration_file,
        "core",
    ),
    "app missing": (
        ["INSERT INTO migration (name, app_name, ran_on)"
         " VALUES ('2027-01-01T00:00:00:000000', 'other', '2027-01-01 00:00:00')"],
        Kind.missing_migration_file,
        "other",
    ),
    "twice": (
        ["INSERT INTO migration (name, app_name, ran_on)"
         " SELECT name, app_name, ran_on FROM migration WHERE app_name = 'db'"],
        Kind.migration_recorded_twice,
        "db",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOG_CHANGES)
@pytest.mark.parametrize("quick", [False, True])
async def test_change_of_the_log_is_one_finding(engine: Any, name: str, quick: bool) -> None:
    """What the log has otherwise than the files is reported once, and nothing for its tables."""
    statements, kind, app = LOG_CHANGES[name]
    async with engine.transaction():
        await log.prepare(engine)
    await change(engine, *statements)
    report = await drift.check(quick=quick)
    (finding,) = report.findings
    assert (finding.kind, finding.app, finding.link) == (kind, app, "log")
    assert finding.name == ids().get(app) or finding.name == "2027-01-01T00:00:00:000000"
    assert finding.remedy


async def test_tables_without_a_log_are_one_finding(engine: Any) -> None:
    """A database that another tool made is told to be adopted, not that nothing is applied."""
    await change(engine, "DROP TABLE migration")
    (finding,) = (await drift.check()).findings
    assert finding.kind is Kind.not_adopted
    assert "38 of our tables" in finding.message
    assert "atlas adopt" in finding.remedy


async def test_empty_database_lacks_only_its_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a database without tables it is said that no migration is applied, for each one."""
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    path.touch()
    bind(SQLiteEngine(str(path)), monkeypatch)
    report = await drift.check()
    assert [f.kind for f in report.findings] == [Kind.unapplied_migration] * 7
    assert path.stat().st_size == 0


def applied(*names: str, app: str = "core") -> list[log.Applied]:
    moment = datetime.datetime(2026, 1, 1)
    return [log.Applied(app, name, moment, None) for name in names]


def code_of(*names: str) -> drift.Code:
    files = tuple(drift.UnreadFile("core", name, Path(name)) for name in names)
    return drift.Code("sqlite", ("core",), {"core": {}}, files)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["1", "2", "3"], []),
        (["1", "3"], [("2", Kind.migration_out_of_order)]),
        (["1", "3", "2"], [("2", Kind.migration_out_of_order)]),
        (["1", "2"], [("3", Kind.unapplied_migration)]),
        (["1"], [("2", Kind.unapplied_migration), ("3", Kind.unapplied_migration)]),
        (["1", "2", "2", "3"], [("2", Kind.migration_recorded_twice)]),
        (["1", "2", "3", "4"], [("4", Kind.missing_migration_file)]),
    ],
)
def test_order_of_the_log(rows: list[str], expected: list[tuple[str, Kind]]) -> None:
    """A migration that came after a later one, or was left out before it, is out of order."""
    findings = list(drift.log_findings(code_of("1", "2", "3"), applied(*rows)))
    assert [(f.name, f.kind) for f in findings] == expected


# --- it only looks


async def test_check_writes_nothing(tmp_path: Path, migrated_file: Path) -> None:
    """The file, its journal mode and its folder are as before, also while a client is open."""
    path = tmp_path / "atlas-ops.db"
    shutil.copyfile(migrated_file, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes(), path.stat().st_mtime_ns
    client = create_client(f"file:{path}")
    assert (await drift.check(client)).is_clean
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(tmp_path) == ["atlas-ops.db"]
    async with client:
        assert (await drift.check()).is_clean
        assert await atlas.Tag.count() == 0


async def test_check_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database in memory, which only its client has, is looked at through the client."""
    async with create_client(":memory:"):
        report = await drift.check()
    assert len(report.drift) == 7


async def test_check_makes_no_file(tmp_path: Path) -> None:
    """Where there is no database it says so, and makes none."""
    with pytest.raises(DatabaseFileError, match="no such file"):
        await drift.check(create_client(f"file:{tmp_path / 'none.db'}"))
    assert os.listdir(tmp_path) == []


async def test_server_that_is_away(tmp_path: Path) -> None:
    """A server that cannot be reached is an error, which shows no password."""
    with pytest.raises(DatabaseServerError) as caught:
        await drift.check(create_client("postgresql://user:secret@127.0.0.1:1/db"))
    assert "secret" not in str(caught.value)


async def test_check_while_another_process_writes(sqlite_engine: SQLiteEngine) -> None:
    """A writer in the middle of a transaction does not hold the check up."""
    with closing(sqlite3.connect(sqlite_engine.path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("CREATE TABLE mine (id TEXT)")
        assert (await drift.check()).is_clean
        writer.execute("ROLLBACK")


# --- the command


def run(package: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``atlas`` with the package that lies in ``package``."""
    return subprocess.run(
        [Path(sys.executable).with_name("atlas"), *arguments],
        capture_output=True,
        check=False,
        cwd=package,
        env=os.environ
        | {
            "DATABASE_URL": url,
            "PICCOLO_CONF": "atlas.conf",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(package),
        },
        text=True,
        timeout=60,
    )


def checked(package: Path, url: str, code: int) -> list[dict[str, Any]]:
    """Run ``atlas check --json``, which is to exit with ``code``; return its findings."""
    result = run(package, url, "check", "--json")
    assert result.returncode == code, result.stdout + result.stderr
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert report.keys() == KEYS
    assert report["version"] == 1
    assert report["clean"] is (code == 0)
    for finding in report["findings"]:
        assert finding.keys() == FINDING_KEYS
    findings: list[dict[str, Any]] = report["findings"]
    return findings


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package and the model, to be changed."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "atlas", tmp_path / "atlas", ignore=ignored)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=ignored)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))


def migration(package: Path, app: str) -> Path:
    (path,) = (package / "atlas" / app / "piccolo_migrations").glob(f"{app}_*.py")
    return path


def without_notes(output: str) -> str:
    """What a command printed, without what it says of the SQLite that runs here."""
    lines = output.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("note: SQLite "))


def test_command_says_all_is_well(migrated_file: Path) -> None:
    """On a clean database ``atlas check`` exits with 0 and says what it compared."""
    result = run(ROOT, f"file:{migrated_file}", "check")
    assert (result.returncode, result.stderr) == (0, "")
    assert without_notes(result.stdout) == (
        f"{migrated_file}: all agree. Compared: docs/model.md, table classes, migration files, "
        "log of migrations, database.\n"
    )
    result = run(ROOT, f"file:{migrated_file}", "check", "--quick")
    assert without_notes(result.stdout) == (
        f"{migrated_file}: all agree. Compared: table classes, log of migrations, database.\n"
    )


def test_command_says_what_differs_and_what_to_do(sqlite_engine: SQLiteEngine) -> None:
    """``atlas check`` exits with 1 and prints each finding with its way out, readable in a pipe."""
    recreate(str(sqlite_engine.path), TAG, '"is_active" BOOLEAN', '"is_active" INTEGER')
    result = run(ROOT, f"file:{sqlite_engine.path}", "check")
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.splitlines()[:2] == [
        "db_tag.is_active: the type is INTEGER in the database and should be BOOLEAN",
        "    Mend it, with every row as it is: atlas adopt --repair",
    ]
    assert result.stdout.splitlines()[2].startswith(f"{sqlite_engine.path}: 1 thing differs.")
    assert "\x1b" not in result.stdout


def test_change_of_the_model_is_one_finding(package: Path, migrated_file: Path) -> None:
    """What docs/model.md says otherwise than the classes is found between those two."""
    edit(
        package / "docs" / "model.md",
        "| name | text | no | - | - | - | - | trading name |",
        "| name | text | yes | - | - | - | - | trading name |",
    )
    (finding,) = checked(package, f"file:{migrated_file}", 1)
    assert finding["link"] == "model"
    assert (finding["kind"], finding["table"], finding["name"]) == (
        "column_null",
        "core_entity",
        "name",
    )
    assert (finding["expected"], finding["found"]) == ("null", "not null")


def test_change_of_a_class_is_found_against_model_and_migrations(
    package: Path, migrated_file: Path
) -> None:
    """A class that was changed alone differs from both its neighbours; the database is right."""
    edit(
        package / "atlas" / "db" / "tables.py",
        '    type = Text(default=Type.Segment, choices=Type, help_text="kind of tag")',
        '    type = Text(default=Type.Other, choices=Type, help_text="kind of tag")',
    )
    findings = checked(package, f"file:{migrated_file}", 1)
    assert [(f["link"], f["kind"], f["table"], f["name"]) for f in findings] == [
        ("model", "column_default", TAG, "type"),
        ("migrations", "column_default", TAG, "type"),
    ]
    assert [(f["expected"], f["found"]) for f in findings] == [
        ("'Segment'", "'Other'"),
        ("'Other'", "'Segment'"),
    ]


def test_without_the_model_the_rest_is_compared(package: Path, migrated_file: Path) -> None:
    """Where docs/model.md is not to be found, the report does not claim that it was compared."""
    shutil.rmtree(package / "docs")
    assert checked(package, f"file:{migrated_file}", 0) == []
    assert "model.md" not in run(package, f"file:{migrated_file}", "check").stdout


def add_migration(package: Path, number: int) -> str:
    """Add a migration of ``core`` that does nothing; return its id."""
    id = f"2027-01-0{number}T00:00:00:000000"
    name = "core_" + re.sub("[:-]", "_", id).lower()
    (package / "atlas" / "core" / "piccolo_migrations" / f"{name}.py").write_text(
        "from piccolo.apps.migrations.auto.migration_manager import MigrationManager\n\n"
        f'ID = "{id}"\nVERSION = "1.38.0"\nDESCRIPTION = ""\n\n\n'
        "async def forwards():\n"
        '    return MigrationManager(migration_id=ID, app_name="core", description=DESCRIPTION)\n'
    )
    return id


def test_files_and_log_are_compared(package: Path, sqlite_engine: SQLiteEngine) -> None:
    """A new file, one out of order, an edited and a lost one are each one finding."""
    url = f"file:{sqlite_engine.path}"
    first, second = add_migration(package, 1), add_migration(package, 2)
    sha256 = log.file_sha256(migration(package, "target"))
    with closing(sqlite3.connect(sqlite_engine.path)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(migration)")]
        if "file_sha256" not in columns:
            connection.execute("ALTER TABLE migration ADD COLUMN file_sha256 TEXT")
        connection.execute(
            "UPDATE migration SET file_sha256 = ? WHERE app_name = 'target'", (sha256,)
        )
    pending = [(f["kind"], f["name"]) for f in checked(package, url, 1)]
    assert pending == [("unapplied_migration", first), ("unapplied_migration", second)]

    with closing(sqlite3.connect(sqlite_engine.path)) as connection, connection:
        connection.execute(
            "INSERT INTO migration (name, app_name, ran_on) VALUES (?, 'core', ?)",
            (second, "2027-01-02 00:00:00"),
        )
    (finding,) = checked(package, url, 1)
    assert (finding["kind"], finding["name"]) == ("migration_out_of_order", first)

    path = migration(package, "target")
    path.write_text(path.read_text() + "\n# one more line\n")
    next((package / "atlas/core/piccolo_migrations").glob("core_2027_01_02*")).unlink()
    found = {(f["kind"], f["app"]) for f in checked(package, url, 1)}
    assert found == {
        ("edited_migration", "target"),
        ("missing_migration_file", "core"),
        ("migration_out_of_order", "core"),
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:{}/none.db", "there is no such file"),
        ("file:{}/text.db", "is not an SQLite database"),
        ("file:{}", "it is a folder"),
        ("postgresql://user:secret@127.0.0.1:1/db", "127.0.0.1"),
        ("mysql://user:secret@host/db", "is not a database URL"),
    ],
)
def test_command_that_could_not_look_exits_with_2(tmp_path: Path, url: str, message: str) -> None:
    """Where there is nothing to look at it exits with 2, says why in a line, and makes no file."""
    (tmp_path / "text.db").write_text("this is not a database, and long enough to be one" * 50)
    result = run(ROOT, url.format(tmp_path), "check", "--json")
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr + result.stdout
    assert json.loads(result.stdout).keys() == {"version", "error"}
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


def test_migration_that_cannot_be_imported_exits_with_2(package: Path, migrated_file: Path) -> None:
    """A migration with a fault is named, and nothing is claimed about the database."""
    migration(package, "target").write_text("this is not valid Python")
    result = run(package, f"file:{migrated_file}", "check")
    assert (result.returncode, result.stdout) == (2, "")
    assert "target_" in result.stderr
    assert "SyntaxError" in result.stderr


def test_report_can_be_read_by_a_service() -> None:
    """The report a service gets has the findings as objects, and their sentences."""
    finding = Finding(
        Kind.column_type, Link.database, "db", TAG, "name", "TEXT", "INTEGER", "Mend it."
    )
    report = CheckReport("x.db", ("database",), (finding,))
    assert report.as_json()["findings"][0]["message"] == finding.message
    assert not report.is_clean

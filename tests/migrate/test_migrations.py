"""What ``piccolo migrations`` does to a database, by the command itself in a process of its own.

Each test has a database of its own; whatever writes migration files does so in
a copy of the package.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import catalog
import model
import pytest
from conftest import ROOT
from databases import Database, url_of
from piccolo.engine.base import Engine

import atlas
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, Text
from atlas.table import Table

MODEL = model.parse((ROOT / "docs" / "model.md").read_text())
STORED = model.stored(MODEL.tables)
APPS = tuple(domain.name for domain in MODEL.domains)
MIGRATION = catalog.PICCOLO_TABLE


# --- databases and the command


@pytest.fixture
def migrated(engine: Engine[Any]) -> Database:
    """A migrated database without rows: SQLite, then PostgreSQL."""
    return Database(url_of(engine))


@pytest.fixture
def filled(engine: Engine[Any]) -> Database:
    """A migrated database with rows in every table, a child in each tree among them."""
    asyncio.run(fill())
    return Database(url_of(engine))


def piccolo(
    *arguments: str, on: Database, cwd: Path, package: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run ``piccolo`` with the atlas package that lies in ``package``."""
    return subprocess.run(
        [Path(sys.executable).with_name("piccolo"), *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(package) | {"PICCOLO_CONF": "atlas.conf", "DATABASE_URL": on.url},
        text=True,
        timeout=60,
    )


def environment(package: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}


def succeeded(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The command failed" not in result.stdout
    return result.stdout


def refused(result: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the names of the tables that a refused ``backwards`` says are in the way."""
    assert result.returncode == 1, result.stdout + result.stderr
    match = re.search(r"reference them: (.*?)\. Take those apps back first", result.stderr)
    assert match is not None, result.stderr
    return set(match[1].split(", "))


# --- rows


async def fill() -> None:
    """Insert a row into every table that is bound, and a child of it into every tree."""
    ids: dict[str, str] = {}
    for table in atlas.TABLES:
        rows = [table(**values(table, ids, 1))]
        if any(is_own_parent(column) for column in table._meta.foreign_key_columns):
            ids[table._meta.tablename] = rows[0]._key
            rows.append(table(**values(table, ids, 2)))
        await table.insert(*rows)
        ids[table._meta.tablename] = rows[-1]._key


def values(table: type[Table], ids: dict[str, str], number: int) -> dict[str, Any]:
    """Return a value for every foreign key, and for every column that needs one."""
    given: dict[str, Any] = {}
    for column in table._meta.columns:
        name = column._meta.name
        if isinstance(column, ForeignKey):
            given[name] = ids.get(column._foreign_key_meta.resolved_references._meta.tablename)
        elif column._meta.choices:
            given[name] = next(iter(column._meta.choices))
        elif not column._meta.null and column.default is None:
            given[name] = SAMPLES[type(column)](number)
    return given


SAMPLES = {
    Text: lambda number: f"text {number}",
    Integer: lambda number: number,
    Decimal: lambda number: number * 1000,
    Boolean: lambda number: True,
    Date: lambda number: datetime.date(2026, 1, number),
}


def is_own_parent(column: Any) -> bool:
    return column._foreign_key_meta.resolved_references is column._meta.table


def test_rows_are_in_every_table(filled: Database) -> None:
    """The tests below that look for lost rows have rows to lose."""
    assert all(filled.all_rows().values())
    assert filled.rows("SELECT count(*) FROM core_entity WHERE parent_id IS NOT NULL") == [(1,)]
    assert filled.rows("SELECT count(*) FROM core_unit WHERE region_id IS NOT NULL") == [(2,)]


# --- forwards


def test_forwards_make_the_38_tables_from_nothing(empty: Database, tmp_path: Path) -> None:
    """``piccolo migrations forwards all`` makes the tables of the model and Piccolo's own."""
    succeeded(piccolo("migrations", "forwards", "all", on=empty, cwd=tmp_path))
    assert empty.table_names() == {*MODEL.tables, MIGRATION}
    assert model.differences(STORED, empty.schema(), "the database") == []


def test_second_forwards_changes_nothing(filled: Database, tmp_path: Path) -> None:
    """On a migrated database the command has nothing to do, and says so for every app."""
    before = filled.all_rows()
    output = succeeded(piccolo("migrations", "forwards", "all", on=filled, cwd=tmp_path))
    assert output.count("No migrations need to be run") == len(APPS)
    assert filled.all_rows() == before
    assert model.differences(STORED, filled.schema(), "the database") == []


# --- backwards


def test_backwards_all_returns_to_nothing_and_forwards_comes_back(
    migrated: Database, tmp_path: Path
) -> None:
    """``backwards all`` leaves only Piccolo's table; ``forwards all`` makes the rest again."""
    succeeded(piccolo("migrations", "backwards", "all", "--auto_agree", on=migrated, cwd=tmp_path))
    assert migrated.table_names() == {MIGRATION}
    assert migrated.rows("SELECT * FROM migration") == []
    succeeded(piccolo("migrations", "forwards", "all", on=migrated, cwd=tmp_path))
    assert model.differences(STORED, migrated.schema(), "the database") == []


def test_backwards_all_works_with_rows_in_every_table(filled: Database, tmp_path: Path) -> None:
    """Rows that reference each other, trees included, do not stand in the way of ``all``."""
    succeeded(piccolo("migrations", "backwards", "all", "--auto_agree", on=filled, cwd=tmp_path))
    assert filled.table_names() == {MIGRATION}


def tables_of(app: str) -> set[str]:
    return {name for name, domain in MODEL.domain_of.items() if domain == app}


def children_of(app: str) -> set[str]:
    """Return the tables of other apps that reference one of ``app``."""
    return {
        table.name
        for table in MODEL.tables.values()
        if MODEL.domain_of[table.name] != app
        and any(
            column.references and column.references.partition(".")[0] in tables_of(app)
            for column in table.columns
        )
    }


PARENT_APPS = [app for app in APPS if children_of(app)]
LEAF_APPS = [app for app in APPS if not children_of(app)]


def test_apps_are_parents_and_leaves() -> None:
    """The two tests below take back all seven apps between them."""
    assert PARENT_APPS == ["core", "db", "catalog", "commerce"]
    assert LEAF_APPS == ["finance", "marketing", "target"]


@pytest.mark.parametrize("app", PARENT_APPS)
def test_backwards_of_a_referenced_app_is_refused(
    app: str, filled: Database, tmp_path: Path
) -> None:
    """Taking back an app that others reference fails, names their tables, and loses no row."""
    before = filled.all_rows()
    result = piccolo("migrations", "backwards", app, "--auto_agree", on=filled, cwd=tmp_path)
    assert refused(result) == children_of(app)
    assert filled.all_rows() == before
    assert model.differences(STORED, filled.schema(), "the database") == []


@pytest.mark.parametrize("app", LEAF_APPS)
def test_backwards_of_an_unreferenced_app_takes_only_its_tables(
    app: str, filled: Database, tmp_path: Path
) -> None:
    """Taking back an app that nobody references leaves every other table as it was."""
    before = filled.all_rows()
    succeeded(piccolo("migrations", "backwards", app, "--auto_agree", on=filled, cwd=tmp_path))
    after = filled.all_rows()
    assert before.keys() - after.keys() == tables_of(app)
    before.pop(MIGRATION)
    assert len(after.pop(MIGRATION)) == len(APPS) - 1
    assert after == {name: rows for name, rows in before.items() if name not in tables_of(app)}


def test_backwards_all_spares_a_table_of_the_consumers_own(
    filled: Database, tmp_path: Path
) -> None:
    """A table that is not an app's is named when it references ours, and keeps its rows."""
    filled.execute(
        "CREATE TABLE mine (lead_id TEXT REFERENCES marketing_lead (id) ON DELETE CASCADE)",
        "INSERT INTO mine SELECT id FROM marketing_lead",
    )
    before = filled.all_rows()
    assert before["mine"]
    result = piccolo("migrations", "backwards", "all", "--auto_agree", on=filled, cwd=tmp_path)
    assert refused(result) == {"mine"}
    after = filled.all_rows()
    assert after["mine"] == before["mine"]
    assert after["marketing_lead"] == before["marketing_lead"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_backwards_finds_a_reference_in_capital_letters(filled: Database, tmp_path: Path) -> None:
    """SQLite's names know no case, so neither does the search for who references a table."""
    filled.execute("CREATE TABLE mine (line_id TEXT REFERENCES Target_Line ON DELETE CASCADE)")
    result = piccolo("migrations", "backwards", "target", "--auto_agree", on=filled, cwd=tmp_path)
    assert refused(result) == {"mine"}


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_backwards_tells_schemas_apart(filled: Database, tmp_path: Path) -> None:
    """Another schema's tables count when they reference ours, not when their names are equal."""
    filled.execute(
        "CREATE SCHEMA other",
        "CREATE TABLE other.target_line (id text PRIMARY KEY)",
        "CREATE TABLE other.mine (line_id text REFERENCES other.target_line)",
    )
    succeeded(piccolo("migrations", "backwards", "target", "--auto_agree", on=filled, cwd=tmp_path))
    filled.execute("CREATE TABLE other.payments (id text REFERENCES public.finance_payment)")
    result = piccolo("migrations", "backwards", "finance", "--auto_agree", on=filled, cwd=tmp_path)
    assert refused(result) == {"other.payments"}


# --- the files


@pytest.mark.parametrize("app", APPS)
def test_files_are_named_after_app_and_time(app: str) -> None:
    """A migration is ``<app>_<time>.py``, and the time is the id it is noted under."""
    folder = migrations_folder(ROOT, app)
    names = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    names.remove("__init__.py")
    assert names
    for name in names:
        match = re.search(r'^ID = "(.+)"$', (folder / name).read_text(), flags=re.MULTILINE)
        assert match is not None, name
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d:\d{6}", match[1])
        assert name == f"{app}_{re.sub('[:-]', '_', match[1]).lower()}.py"


def migrations_folder(package: Path, app: str) -> Path:
    return package / "atlas" / app / "piccolo_migrations"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel installs, and nothing else."""
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_installed_wheel_migrates(installed: Path, tmp_path: Path) -> None:
    """The wheel has every migration, so a consumer without the checkout makes the same tables."""
    for app in APPS:
        assert {path.name for path in migrations_folder(installed, app).iterdir()} == {
            path.name for path in migrations_folder(ROOT, app).glob("*.py")
        }
    database = Database(f"file:{tmp_path / 'installed.db'}")
    succeeded(
        piccolo("migrations", "forwards", "all", on=database, cwd=tmp_path, package=installed)
    )
    assert model.differences(STORED, database.schema(), "the database") == []


def test_commands_use_the_package_they_are_given(installed: Path, tmp_path: Path) -> None:
    """The tests with a copy of the package test the copy."""
    where = subprocess.run(
        [sys.executable, "-c", "import atlas; print(atlas.__file__)"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment(installed),
        text=True,
        timeout=60,
    )
    assert Path(where.stdout.strip()) == installed / "atlas" / "__init__.py"


# --- new migrations


def copy_package(folder: Path) -> Path:
    """Copy the package into ``folder``, where migrations may be written."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "atlas", folder / "atlas", ignore=ignored)
    return folder


def migration_files(package: Path) -> set[Path]:
    return set(package.glob("atlas/*/piccolo_migrations/*.py"))


def test_new_finds_no_changes(migrated: Database, tmp_path: Path) -> None:
    """The migrations make all that the tables declare: a second ``new`` writes no file."""
    package = copy_package(tmp_path)
    before = migration_files(package)
    output = succeeded(
        piccolo("migrations", "new", "all", "--auto", on=migrated, cwd=tmp_path, package=package)
    )
    assert output.count("No changes detected") == len(APPS)
    assert migration_files(package) == before


UNIQUE_GONE = "    unique_person_type_value = Unique([person_id, type, value])\n"
INDEX_GONE = "    index_to_person_type = Index([to_person_id, type])\n"
IN_TAG = '    persons = M2M(LazyTableReference("PersonTag", module_path=__name__))\n'
INDEX_ADDED = "    index_type_name = Index([type, name])\n"
UNIQUE_ADDED = "    unique_name_type = Unique([name, type])\n"


@pytest.fixture(scope="module")
def changed_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with four composite keys changed, and the migration for them."""
    package = copy_package(tmp_path_factory.mktemp("changed"))
    path = package / "atlas" / "db" / "tables.py"
    text = path.read_text()
    for old, new in {
        UNIQUE_GONE: "",
        INDEX_GONE: "",
        IN_TAG: INDEX_ADDED + UNIQUE_ADDED + IN_TAG,
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)
    new_migration(package)
    return package


def new_migration(package: Path) -> str:
    unused = Database(f"file:{package / 'unused.db'}")
    return succeeded(
        piccolo("migrations", "new", "db", "--auto", on=unused, cwd=package, package=package)
    )


def test_new_sees_composite_keys_and_indexes_come_and_go(changed_package: Path) -> None:
    """A composite ``Unique`` or ``Index`` in a class is in the next migration, and once only."""
    written = {path.name for path in migration_files(changed_package)} - {
        path.name for path in migration_files(ROOT)
    }
    assert len(written) == 1
    (name,) = written
    text = (migrations_folder(changed_package, "db") / name).read_text()
    operations = re.findall(r"manager\.(\w+)\([^)]*?constraint_name=\"(\w+)\"", text)
    assert sorted(operations) == [
        ("add_constraint", "db_tag_name_type_key"),
        ("add_constraint", "db_tag_type_name"),
        ("drop_constraint", "db_contact_person_id_type_value_key"),
        ("drop_constraint", "db_relation_to_person_id_type"),
    ]
    assert "No changes detected" in new_migration(changed_package)


def test_composite_keys_and_indexes_come_and_go_in_the_database(
    changed_package: Path, filled: Database, tmp_path: Path
) -> None:
    """Such a migration changes the database and back, and the rows stay."""
    before = filled.all_rows()
    succeeded(
        piccolo("migrations", "forwards", "db", on=filled, cwd=tmp_path, package=changed_package)
    )
    found = model.differences(STORED, filled.schema(), "the database")
    assert [said.partition(" is ")[0] for said in found] == [
        "db_contact: uniques",
        "db_relation: indexes",
        "db_tag: indexes",
        "db_tag: uniques",
    ]
    schema = filled.schema()
    assert schema["db_contact"].uniques == ()
    assert schema["db_relation"].indexes == ()
    assert schema["db_tag"].indexes == (("type", "name"),)
    assert schema["db_tag"].uniques == (("code",), ("name", "type"))
    succeeded(
        piccolo(
            "migrations",
            "backwards",
            "db",
            "--auto_agree",
            on=filled,
            cwd=tmp_path,
            package=changed_package,
        )
    )
    assert model.differences(STORED, filled.schema(), "the database") == []
    assert filled.all_rows() == before

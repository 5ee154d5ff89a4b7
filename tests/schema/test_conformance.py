"""docs/model.md, the table classes and the migrated databases say the same.

Each of the four is read on its own into one shape (``model.py``, ``catalog.py``)
and compared. The second half changes one thing at a time, in each of them, and
shows that the comparison says which.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.util
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import catalog
import model
import pytest
from conftest import ROOT, SHARED, bind, database_url, run_on_server
from model import Column, Table
from piccolo.columns import OnDelete, OnUpdate
from piccolo.conf.apps import AppRegistry
from piccolo.engine.base import Engine
from piccolo.table import create_db_tables

import atlas
import atlas.conf
from atlas.constraints import Index
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.ulid import new_ulid

Schema = Mapping[str, Table]

DOCUMENT = (ROOT / "docs" / "model.md").read_text()
MODEL = model.parse(DOCUMENT)
CLASSES = {table._meta.tablename: table for table in atlas.TABLES}
DATABASES = ("SQLite", "PostgreSQL")
TABLE_NAMES = sorted(MODEL.tables)


@pytest.fixture(scope="session")
def schemas(
    migrated_file: Path, migrated_postgres: str, postgres_url: str
) -> dict[str, dict[str, Table]]:
    """What each source says; the first two with the application's part."""
    with closing(sqlite3.connect(migrated_file)) as connection:
        in_sqlite = catalog.read_sqlite(connection)
    in_postgres = asyncio.run(read_postgres(database_url(postgres_url, migrated_postgres)))
    return {
        "docs/model.md": dict(MODEL.tables),
        "the table classes": catalog.read_classes(atlas.TABLES),
        "SQLite": in_sqlite,
        "PostgreSQL": in_postgres,
    }


async def read_postgres(url: str, *statements: str) -> dict[str, Table]:
    """Read a PostgreSQL schema as it is after ``statements``, which are rolled back."""
    connection = await asyncpg.connect(dsn=url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        for statement in statements:
            await connection.execute(statement)
        schema = await catalog.read_postgres(connection)
        await transaction.rollback()
        return schema
    finally:
        await connection.close()


def shown(found: Sequence[str]) -> str:
    return "\n".join(found)


# --- the agreement


def test_model_and_classes_agree(schemas: dict[str, dict[str, Table]]) -> None:
    """The table classes are exactly those of the model."""
    found = model.differences(MODEL.tables, schemas["the table classes"], "the table classes")
    assert not found, shown(found)


@pytest.mark.parametrize("source", ["docs/model.md", "the table classes"])
@pytest.mark.parametrize("database", DATABASES)
def test_migrated_database_agrees(
    schemas: dict[str, dict[str, Table]], source: str, database: str
) -> None:
    """A database made by the migrations is exactly what the model and the classes say."""
    found = model.differences(model.stored(schemas[source]), schemas[database], database)
    assert not found, shown(found)


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
async def test_tables_made_by_piccolo_equal_the_migrated_ones(
    name: str,
    schemas: dict[str, dict[str, Table]],
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Piccolo's ``create_db_tables`` and the migrations make the same schema."""
    if name == "sqlite":
        path = tmp_path / "created.db"
        bind(SQLiteEngine(str(path)), monkeypatch)
        await create_db_tables(*atlas.TABLES)
        with closing(sqlite3.connect(path)) as connection:
            created = catalog.read_sqlite(connection)
        expected = schemas["SQLite"]
    else:
        await run_on_server(postgres_url, "CREATE DATABASE atlas_created")
        url = database_url(postgres_url, "atlas_created")
        bind(PostgresEngine(url), monkeypatch)
        await create_db_tables(*atlas.TABLES)
        created = await read_postgres(url)
        expected = schemas["PostgreSQL"]
    found = model.differences(expected, created, "create_db_tables")
    assert not found, shown(found)


@pytest.mark.parametrize("database", DATABASES)
def test_no_check_constraint_exists(schemas: dict[str, dict[str, Table]], database: str) -> None:
    """The database holds no CHECK, trigger, partial index or other rule the model does not name."""
    found = {name: table.extras for name, table in schemas[database].items() if table.extras}
    assert not found


def test_model_is_the_shared_one_byte_for_byte() -> None:
    """docs/model.md is a copy of the authority that all work is measured by."""
    authority = SHARED / "model.md"
    if not authority.exists():
        pytest.skip(f"{authority} is not on this machine, so there is nothing to compare with")
    assert (ROOT / "docs" / "model.md").read_bytes() == authority.read_bytes()


@pytest.mark.parametrize("source", ["docs/model.md", "the table classes", *DATABASES])
def test_every_foreign_key_leads_an_index(
    schemas: dict[str, dict[str, Table]], source: str
) -> None:
    """Deleting a parent row and joining to it never scan a table."""
    unled = [
        f"{table.name}.{column.name}"
        for table in schemas[source].values()
        for column in table.columns
        if column.references
        and column.name
        not in {names[0] for names in (table.primary_key, *table.uniques, *table.indexes)}
    ]
    assert not unled


@pytest.mark.parametrize("database", DATABASES)
def test_indexes_carry_the_names_that_migrations_drop_them_by(
    database: str, migrated_file: Path, migrated_postgres: str, postgres_url: str
) -> None:
    """Every index and composite key is in the database under the name its class gives it."""
    if database == "SQLite":
        with closing(sqlite3.connect(migrated_file)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
            present = {name for (name,) in rows}
    else:
        present = asyncio.run(postgres_index_names(database_url(postgres_url, migrated_postgres)))
    expected = {
        constraint._meta.name for table in atlas.TABLES for constraint in table._meta.constraints
    }
    for table in atlas.TABLES:
        indexed = (column for column in table._meta.columns if column._meta.index)
        expected |= {table._get_index_name([column._meta.name]) for column in indexed}
    assert not expected - present


async def postgres_index_names(url: str) -> set[str]:
    connection = await asyncpg.connect(dsn=url)
    try:
        rows = await connection.fetch("SELECT indexname FROM pg_indexes")
        return {row["indexname"] for row in rows}
    finally:
        await connection.close()


async def test_plain_sql_gets_the_defaults_of_the_model(engine: Engine[Any]) -> None:
    """A row written by SQL that leaves columns out is read back with the model's defaults."""
    await atlas.Entity.raw(
        "INSERT INTO core_entity (id, code, name) VALUES ({}, {}, {})", new_ulid(), "A", "A"
    )
    entity = await atlas.Entity.objects().get(atlas.Entity.code == "A")
    assert entity is not None
    assert (entity.legal_form, entity.currency_code, entity.is_active) == ("PT", "IDR", True)
    assert entity.created_at.tzinfo is not None
    assert abs(entity.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert entity.updated_at.utcoffset() == timedelta(0)


# --- the model agrees with itself, so it was read as it is meant


def test_domains_count_their_tables() -> None:
    """The domains table counts the tables of section 4, 38 in all."""
    counted = list(MODEL.domain_of.values())
    assert {domain.name: domain.table_count for domain in MODEL.domains} == {
        domain.name: counted.count(domain.name) for domain in MODEL.domains
    }
    assert len(MODEL.tables) == 38
    assert all(name.startswith(f"{MODEL.domain_of[name]}_") for name in MODEL.tables)


def test_join_tables_are_those_with_a_key_of_two_foreign_keys() -> None:
    """The list of join tables is exactly the tables without an id."""
    joining = tuple(table.name for table in MODEL.tables.values() if is_join_table(table))
    assert joining == MODEL.join_tables
    assert all(
        [column.name for column in table.columns if column.in_primary_key]
        == list(table.primary_key)
        for table in MODEL.tables.values()
    )
    assert all(
        table.primary_key == ("id",) or table.name in joining for table in MODEL.tables.values()
    )


def is_join_table(table: Table) -> bool:
    keys = [table.column(name) for name in table.primary_key]
    return len(keys) == 2 and all(key.references for key in keys)


def test_self_references_are_the_listed_ones() -> None:
    """The list of self-references is exactly the foreign keys to the own table."""
    found = {
        f"{table.name}.{column.name}"
        for table in MODEL.tables.values()
        for column in table.columns
        if column.references == f"{table.name}.id"
    }
    assert found == set(MODEL.self_references)


def test_references_of_a_domain_are_those_of_its_foreign_keys() -> None:
    """The references column names each domain that a foreign key leads to, and no other."""
    for domain in MODEL.domains:
        reached = {
            MODEL.domain_of[column.references.partition(".")[0]]
            for table in MODEL.tables.values()
            if MODEL.domain_of[table.name] == domain.name
            for column in table.columns
            if column.references
        }
        assert reached - {domain.name} == set(domain.references)


def test_entity_id_is_null_where_section_5_says_so() -> None:
    """Entity scoping and the columns tables agree."""
    assert MODEL.entity_id_null == {
        table.name: column.null
        for table in MODEL.tables.values()
        for column in table.columns
        if column.name == "entity_id"
    }


def test_every_sync_key_is_unique() -> None:
    """A worker that looks a row up by its sync key finds at most one."""
    assert MODEL.sync_keys.keys() == MODEL.tables.keys() - {"db_person"}
    for name, keys in MODEL.sync_keys.items():
        table = MODEL.tables[name]
        assert set(keys) <= {table.primary_key, *table.uniques}, name


# --- the package around the tables


@pytest.mark.parametrize("path", ["atlas/conf.py", "piccolo_conf.py"])
def test_registry_lists_the_apps_in_dependency_order(path: str) -> None:
    """Both configurations register the seven apps of the model, and nothing else."""
    expected = [f"{domain.app}.piccolo_app" for domain in MODEL.domains]
    assert registry(ROOT / path).apps == expected
    names = [domain.name for domain in MODEL.domains]
    for domain in MODEL.domains:
        assert set(domain.references) <= set(names[: names.index(domain.name)])


def registry(path: Path) -> AppRegistry:
    spec = importlib.util.spec_from_file_location("configuration_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: AppRegistry = module.APP_REGISTRY
    return found


@pytest.mark.parametrize("domain", MODEL.domains, ids=lambda domain: domain.name)
def test_app_is_what_the_domains_table_says(domain: model.Domain) -> None:
    """An app has its domain's name, tables and references."""
    config = importlib.import_module(f"{domain.app}.piccolo_app").APP_CONFIG
    assert config.app_name == domain.name
    assert config.migration_dependencies == [
        f"atlas.{reference}.piccolo_app" for reference in domain.references
    ]
    assert {table._meta.tablename for table in config.table_classes} == {
        name for name, owner in MODEL.domain_of.items() if owner == domain.name
    }
    assert config.resolved_migrations_folder_path == str(
        ROOT / domain.app.replace(".", "/") / "piccolo_migrations"
    )


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_front_door_and_app_give_the_same_class(name: str) -> None:
    """``from atlas import X`` is the class of the app that owns the table."""
    table = MODEL.tables[name]
    module = importlib.import_module(f"atlas.{MODEL.domain_of[name]}.tables")
    assert getattr(atlas, table.class_name) is getattr(module, table.class_name)
    assert getattr(atlas, table.class_name) is CLASSES[name]
    assert table.class_name in atlas.__all__


def test_class_names_are_unique() -> None:
    """No two tables share a class name, so a shell can import them all."""
    names = [table.__name__ for table in atlas.TABLES]
    assert len(names) == len(set(names)) == 38


def test_parents_come_before_children() -> None:
    """``atlas.TABLES`` can be created and loaded from front to back."""
    names = [table._meta.tablename for table in atlas.TABLES]
    for place, name in enumerate(names):
        for column in MODEL.tables[name].columns:
            if column.references:
                assert column.references.partition(".")[0] in names[: place + 1]


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_help_text_is_the_models(name: str) -> None:
    """A table's help is its purpose, a column's its note, and no help is empty."""
    table, meta = MODEL.tables[name], CLASSES[name]._meta
    assert meta.help_text == table.purpose
    for column in meta.columns:
        note = table.column(column._meta.name).note
        assert column._meta.help_text, column
        assert note == "-" or column._meta.help_text == note


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_attribute_and_column_have_one_name(name: str) -> None:
    """No column is stored under another name than its attribute's."""
    for column in CLASSES[name]._meta.columns:
        assert column._meta.params["db_column_name"] is None, column
        assert getattr(CLASSES[name], column._meta.name) is column


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_choices_are_named_as_their_tokens(name: str) -> None:
    """A choice reads the same in Python as it is stored: ``Order.Status.Draft``."""
    for column in CLASSES[name]._meta.columns:
        for member in column._meta.choices or ():
            assert member.name == member.value, column


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_row_reads_as_more_than_its_id(name: str) -> None:
    """Every table says for itself which columns a person knows a row by."""
    table = CLASSES[name]
    assert "get_readable" in vars(table)
    readable = table.get_readable()
    assert readable.template.count("%s") == len(readable.columns) > 0
    for column in readable.columns:
        assert not column._meta.primary_key
        assert not column._meta.name.endswith("_id"), f"{column!r} reads as a bare ULID"


async def test_get_readable_runs(engine: Engine[Any]) -> None:
    """The database understands every table's ``get_readable``, joins included."""
    for table in atlas.TABLES:
        assert await table.select(table.get_readable()) == []


def expected_relations() -> set[tuple[str, str, str, str]]:
    """For each join table both ways: this table, its key, the other key, the other table."""
    found = set()
    for name in MODEL.join_tables:
        first, second = (MODEL.tables[name].column(key) for key in MODEL.tables[name].primary_key)
        for this, other in ((first, second), (second, first)):
            tables = [str(key.references).partition(".")[0] for key in (this, other)]
            found.add((tables[0], f"{name}.{this.name}", f"{name}.{other.name}", tables[1]))
    return found


def test_join_tables_are_relations_of_both_sides() -> None:
    """Each join table is a many-to-many attribute of both its parents, and there is no other."""
    found = []
    for name, table in CLASSES.items():
        for relation in table._meta.m2m_relationships:
            meta = relation._meta
            joining = meta.resolved_joining_table._meta.tablename
            found.append(
                (
                    name,
                    f"{joining}.{meta.primary_foreign_key._meta.name}",
                    f"{joining}.{meta.secondary_foreign_key._meta.name}",
                    meta.secondary_table._meta.tablename,
                )
            )
    assert len(found) == len(set(found)) == 14
    assert set(found) == expected_relations()


def test_components_and_packages_are_the_two_sides_of_one_table() -> None:
    """``Item.components`` starts at item_id, ``Item.packages`` at component_id."""
    components, packages = atlas.Item.components._meta, atlas.Item.packages._meta
    assert components.resolved_joining_table is packages.resolved_joining_table
    assert components.resolved_joining_table is atlas.ItemComponent
    assert components.primary_foreign_key._meta.name == "item_id"
    assert packages.primary_foreign_key._meta.name == "component_id"


# --- tables.py is schema and nothing else

DECLARATIONS = frozenset(
    {
        "Boolean",
        "Date",
        "Decimal",
        "ForeignKey",
        "Index",
        "Integer",
        "LazyTableReference",
        "M2M",
        "Now",
        "Readable",
        "Text",
        "Timestamp",
        "Ulid",
        "Unique",
        "active",
        "created",
        "ulid_key",
        "updated",
    }
)


@pytest.mark.parametrize("domain", MODEL.domains, ids=lambda domain: domain.name)
def test_tables_file_only_declares(domain: model.Domain) -> None:
    """A tables.py holds imports and classes of declarations: no query, no rule, no helper."""
    tree = ast.parse((ROOT / domain.app.replace(".", "/") / "tables.py").read_text())
    docstring, *rest = tree.body
    assert isinstance(docstring, ast.Expr)
    assert not [ast.unparse(node) for node in rest if not isinstance(node, IMPORTS | ast.ClassDef)]
    assert not list(undeclared(rest))


@pytest.mark.parametrize("domain", MODEL.domains, ids=lambda domain: domain.name)
def test_tables_file_imports_only_what_the_app_references(domain: model.Domain) -> None:
    """Imports point one way: columns, table, and the apps of the references column."""
    tree = ast.parse((ROOT / domain.app.replace(".", "/") / "tables.py").read_text())
    allowed = {
        "atlas.columns",
        "atlas.columns.shared",
        "atlas.constraints",
        "atlas.query.m2m",
        "atlas.table",
    }
    allowed |= {f"atlas.{reference}.tables" for reference in domain.references}
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert {name for name in imported if str(name).startswith("atlas")} <= allowed


IMPORTS = ast.Import | ast.ImportFrom


def undeclared(nodes: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the statements and calls in class bodies that declare nothing."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from undeclared(node.body)
        elif isinstance(node, ast.FunctionDef):
            if node.name != "get_readable" or [ast.unparse(d) for d in node.decorator_list] != [
                "classmethod"
            ]:
                yield f"def {node.name}"
            if [type(statement) for statement in node.body] != [ast.Return]:
                yield ast.unparse(node)
        elif not isinstance(node, ast.Assign | ast.AnnAssign | IMPORTS):
            yield ast.unparse(node)
        yield from (
            ast.unparse(call)
            for call in ast.walk(node)
            if isinstance(call, ast.Call)
            and not (isinstance(call.func, ast.Name) and call.func.id in DECLARATIONS)
        )


@pytest.mark.parametrize(
    "statement",
    [
        "class A(Table):\n    async def find(cls): ...",
        "class A(Table):\n    def get_readable(cls): return Readable()",
        "class A(Table):\n  @classmethod\n  def get_readable(cls):\n    x = 1\n    return x",
        "class A(Table):\n    rows = Other.select()",
        "class A(Table):\n    print('loaded')",
        "def helper(): ...",
    ],
)
def test_a_query_or_a_rule_in_a_tables_file_is_reported(statement: str) -> None:
    """The check of tables.py sees functions, queries and statements."""
    assert list(undeclared(ast.parse(statement).body))


# --- mutations of the model: whatever is written differently there is reported


def reported(change: Callable[[], Schema], against: Schema) -> list[str]:
    """Return what the comparison says of a change, or the reader of the changed text itself."""
    try:
        return model.differences(change(), against, "the table classes")
    except model.ModelError as error:
        return [str(error)]


def document_with(table: str, old: str, new: str) -> str:
    """Return docs/model.md with one place in the section of one table changed."""
    head, heading, rest = DOCUMENT.partition(f"#### {table}\n")
    body, boundary, tail = rest.partition("\n#### ")
    assert body.count(old) == 1, f"{old!r} is {body.count(old)} times in {table}"
    return head + heading + body.replace(old, new) + boundary + tail


@pytest.mark.parametrize(
    ("table", "old", "new", "sentence"),
    [
        ("core_entity", "| code | text |", "| code | date |", "core_entity.code: type is 'text'"),
        ("core_unit", "| phone | text | yes |", "| phone | text | no |", "core_unit.phone: null"),
        ("core_entity", "| IDR |", "| USD |", "core_entity.currency_code: default is 'IDR'"),
        ("core_unit", "FK core_region", "FK core_channel", "core_unit.region_id: references is"),
        ("core_unit", "SET NULL", "CASCADE", "core_unit.region_id: on delete is 'SET NULL'"),
        ("db_tag", "Behaviour, ", "", "db_tag.type: choices is"),
        ("db_tag", "Segment, Interest", "Interest, Segment", "db_tag.type: choices is"),
        ("db_person_tag", "PK, FK db_tag", "FK db_tag", "db_person_tag.tag_id: in primary key is"),
        ("db_person_tag", "(person_id, tag_id)", "(tag_id, person_id)", "db_person_tag: primary"),
        ("core_unit", "- Unique: (entity_id, code)\n", "", "core_unit: uniques is"),
        ("core_unit", "(entity_id, code)", "(code, entity_id)", "core_unit: uniques is"),
        ("core_unit", "- Index: (region_id)\n", "", "core_unit: indexes is"),
        ("core_unit", "- Index: (region_id)", "- Unique: (region_id)", "core_unit: indexes is"),
        ("core_unit", "| nitku |", "| nitku_number |", "core_unit.nitku: a column too many"),
    ],
)
def test_edit_of_the_model_is_reported(table: str, old: str, new: str, sentence: str) -> None:
    """A change of the text of the model is reported by table and column."""
    changed = document_with(table, old, new)
    found = reported(lambda: model.parse(changed).tables, catalog.read_classes(atlas.TABLES))
    assert len(found) >= 1
    assert any(said.startswith(sentence) for said in found), shown(found)


def test_dropped_column_in_the_model_is_reported() -> None:
    """A column that the model no longer has is one too many in the classes."""
    row = re.search(r"\| nitku .*\n", DOCUMENT)
    assert row is not None
    changed = model.parse(document_with("core_unit", row[0], ""))
    found = model.differences(changed.tables, catalog.read_classes(atlas.TABLES), "the classes")
    assert found == ["core_unit.nitku: a column too many in the classes"]


def test_moved_column_in_the_model_is_reported() -> None:
    """The order of the columns counts."""
    row = re.search(r"\| nitku .*\n", DOCUMENT)
    following = re.search(r"\| timezone .*\n", DOCUMENT)
    assert row is not None
    assert following is not None
    changed = document_with("core_unit", row[0] + following[0], following[0] + row[0])
    found = model.differences(
        model.parse(changed).tables, catalog.read_classes(atlas.TABLES), "the classes"
    )
    assert len(found) == 1
    assert found[0].startswith("core_unit.timezone: the columns stand in another order")


def test_added_table_in_the_model_is_reported() -> None:
    """A table that the model gains is missing in the classes."""
    listed = re.search(r"\| 12 \| db_tag .*\n", DOCUMENT)
    section = re.search(r"#### db_tag\n.*?(?=#### )", DOCUMENT, flags=re.DOTALL)
    assert listed is not None
    assert section is not None
    changed = DOCUMENT.replace(
        listed[0], listed[0] + listed[0].replace("db_tag", "db_label").replace("Tag", "Label")
    ).replace(section[0], section[0] + section[0].replace("db_tag", "db_label"))
    found = model.differences(
        model.parse(changed).tables, catalog.read_classes(atlas.TABLES), "the classes"
    )
    assert found == ["db_label: the table is missing in the classes"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("| 12 | db_tag | Tag |", "| 12 | db_tag | Label |", "db_tag: class name is 'Tag'"),
        ("label for persons", "label for people", "db_tag: purpose is 'Segmentation label"),
        ("ON UPDATE is always NO ACTION", "ON UPDATE is always CASCADE", "section 1 no longer"),
        ("| 12 | db_tag |", "| 12 | db_label |", "db_tag stands in section 4"),
        ("- Unique: (code)", "- UNIQUE (code)", "core_entity: '- UNIQUE (code)' is not a key"),
    ],
)
def test_edit_outside_the_columns_tables_is_reported(old: str, new: str, sentence: str) -> None:
    """Names, purposes and conventions count too, and nothing unknown is passed over."""
    assert old in DOCUMENT
    changed = DOCUMENT.replace(old, new)
    found = reported(lambda: model.parse(changed).tables, catalog.read_classes(atlas.TABLES))
    assert any(said.startswith(sentence) for said in found), shown(found)


#: For each cell of a columns table, another value that the model could have there.
OTHER_CELL: dict[str, Callable[[str], str]] = {
    "column": lambda cell: f"{cell}_changed",
    "type": lambda cell: "date" if cell == "text" else "text",
    "null": lambda cell: "no" if cell == "yes" else "yes",
    "key": lambda cell: {"-": "PK", "PK": "-"}.get(cell, f"{cell}_changed"),
    "on delete": lambda cell: "RESTRICT" if cell == "CASCADE" else "CASCADE",
    "default": lambda cell: "Changed" if cell == "-" else "-",
    "choices": lambda cell: "One, Two" if cell == "-" else cell.rpartition(", ")[0] or "One",
    "note": lambda cell: f"{cell} changed",
}


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_every_cell_of_the_model_counts(name: str) -> None:
    """Whichever cell of a columns table is changed, its column is named in the report."""
    classes = {name: catalog.read_classes([CLASSES[name]])[name]}
    body = section_of(name)
    for line in [line for line in body.splitlines() if re.match(r"\| [a-z]\w+ \|", line)][1:]:
        cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
        for place, heading in enumerate(model.COLUMN_HEADER):
            changed = [*cells[:place], OTHER_CELL[heading](cells[place]), *cells[place + 1 :]]
            text = body.replace(line, f"| {' | '.join(changed)} |")
            found = reported(lambda text=text: parsed(name, text), classes)
            assert any(said.startswith(f"{name}.{cells[0]}: ") for said in found), (
                f"{heading} of {name}.{cells[0]} does not count: {found}"
            )


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_every_key_and_index_of_the_model_counts(name: str) -> None:
    """Whichever line below a columns table is taken out, its table is named in the report."""
    classes = {name: catalog.read_classes([CLASSES[name]])[name]}
    body = section_of(name)
    lines = re.findall(r"- (?:Primary key|Unique|Index): .*\n", body)
    assert lines
    for line in lines:
        text = body.replace(line, "", 1)
        found = reported(lambda text=text: parsed(name, text), classes)
        assert found, line
        assert found[0].startswith(name), found


def section_of(name: str) -> str:
    return DOCUMENT.partition(f"#### {name}\n")[2].partition("\n##")[0] + "\n"


def parsed(name: str, body: str) -> dict[str, Table]:
    table = MODEL.tables[name]
    return {name: model.parse_table(name, body, table.class_name, table.purpose)}


# --- mutations of the classes


def null(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "null", not column._meta.null)


def unique(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "unique", not column._meta.unique)


def index(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "index", not column._meta.index)


def primary_key(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "primary_key", not column._meta.primary_key)


def choices(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "choices", None if column._meta.choices else OnDelete)


def default(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column, "default", 7)


def help_text(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "help_text", "")


def name_in_the_database(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._meta, "db_column_name", "other")


def kind(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = column._meta.table._meta.columns
    other = atlas.Order.order_date if column.column_type == "TEXT" else atlas.Order.note
    stranger = type(other)()
    stranger._meta, stranger.default = column._meta, column.default
    changed = [stranger if each._meta.name == column._meta.name else each for each in columns]
    monkeypatch.setattr(column._meta.table._meta, "columns", changed)


def on_delete(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = column._foreign_key_meta
    other = OnDelete.cascade if key.on_delete is OnDelete.restrict else OnDelete.restrict
    monkeypatch.setattr(key, "on_delete", other)


def on_update(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._foreign_key_meta, "on_update", OnUpdate.cascade)


def target(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = column._foreign_key_meta
    other = atlas.Tag if key.resolved_references is not atlas.Tag else atlas.Person
    monkeypatch.setattr(key, "references", other)


def target_column(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column._foreign_key_meta, "target_column", "created_at")


OF_ANY_COLUMN = [
    null,
    unique,
    index,
    primary_key,
    choices,
    default,
    help_text,
    name_in_the_database,
    kind,
]
OF_A_FOREIGN_KEY = [on_delete, on_update, target, target_column]


@pytest.mark.parametrize("change", [*OF_ANY_COLUMN, *OF_A_FOREIGN_KEY], ids=lambda c: c.__name__)
def test_change_of_a_class_is_reported(change: Callable[[Any, pytest.MonkeyPatch], None]) -> None:
    """Whichever property of whichever column is changed in a class, its table is reported."""
    for name, table in CLASSES.items():
        meta = table._meta
        for column in meta.foreign_key_columns if change in OF_A_FOREIGN_KEY else meta.columns:
            with pytest.MonkeyPatch.context() as monkeypatch:
                change(column, monkeypatch)
                found = model.differences(
                    {name: MODEL.tables[name]}, catalog.read_classes([table]), "the class"
                )
            assert found, f"{change.__name__} of {column!r} does not count"
            assert all(said.startswith(name) for said in found), found
            if change not in (unique, index, name_in_the_database):
                assert any(said.startswith(f"{name}.{column._meta.name}: ") for said in found)


def test_dropped_constraint_of_a_class_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every composite index and unique key of every class is needed."""
    for name, table in CLASSES.items():
        for constraint in table._meta.constraints:
            others = [each for each in table._meta.constraints if each is not constraint]
            with monkeypatch.context() as patch:
                patch.setattr(table._meta, "constraints", others)
                found = model.differences(
                    {name: MODEL.tables[name]}, catalog.read_classes([table]), "the class"
                )
            what = "indexes" if isinstance(constraint, Index) else "uniques"
            assert len(found) == 1
            assert found[0].startswith(f"{name}: {what} is ")


def test_missing_class_is_reported() -> None:
    """A table whose class is gone is missing."""
    left = [table for table in atlas.TABLES if table is not atlas.TargetLine]
    found = model.differences(MODEL.tables, catalog.read_classes(left), "the classes")
    assert found == ["target_line: the table is missing in the classes"]


def test_dropped_column_of_a_class_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that a class no longer has is missing."""
    left = [column for column in atlas.Unit._meta.columns if column is not atlas.Unit.nitku]
    monkeypatch.setattr(atlas.Unit._meta, "columns", left)
    found = model.differences(MODEL.tables, catalog.read_classes(atlas.TABLES), "the classes")
    assert found == ["core_unit.nitku: the column is missing in the classes"]


def test_every_field_of_the_shape_counts() -> None:
    """The comparison passes over no field of a table or a column."""
    table = MODEL.tables["core_unit"]
    for field in fields(Table):
        if field.name not in ("name", "columns"):
            changed = {"core_unit": replace(table, **{field.name: "changed"})}
            assert model.differences({"core_unit": table}, changed, "here"), field.name
    first, *others = table.columns
    for field in fields(Column):
        column = replace(first, **{field.name: "changed"})
        changed = {"core_unit": replace(table, columns=(column, *others))}
        assert model.differences({"core_unit": table}, changed, "here"), field.name


# --- mutations of the SQLite database


@pytest.fixture
def sqlite_copy(migrated_file: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the migrated SQLite database, in memory."""
    with (
        closing(sqlite3.connect(migrated_file)) as source,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as copy,
    ):
        source.backup(copy)
        yield copy


def in_sqlite(connection: sqlite3.Connection) -> list[str]:
    return model.differences(
        model.stored(MODEL.tables), catalog.read_sqlite(connection), "the database"
    )


def test_copy_of_the_sqlite_database_agrees(sqlite_copy: sqlite3.Connection) -> None:
    """What the mutations below report is their own doing."""
    assert in_sqlite(sqlite_copy) == []


@pytest.mark.parametrize(
    ("table", "old", "new", "sentence"),
    [
        ("core_unit", '"phone" TEXT', '"phone" VARCHAR(20)', "core_unit.phone: type"),
        ("core_unit", '"open_date" DATE', '"open_date" TEXT', "core_unit.open_date: type"),
        ("catalog_price", '"amount" REAL', '"amount" NUMERIC', "catalog_price.amount: type"),
        ("core_unit", '"name" TEXT NOT NULL', '"name" TEXT', "core_unit.name: null"),
        ("core_unit", '"phone" TEXT', '"phone" TEXT NOT NULL', "core_unit.phone: null"),
        ("core_unit", "DEFAULT 'Branch'", "DEFAULT 'Online'", "core_unit.type: default"),
        ("core_unit", " DEFAULT 'Branch'", "", "core_unit.type: default"),
        ("core_unit", "DEFAULT 1", "DEFAULT 0", "core_unit.is_active: default"),
        ("core_unit", "DEFAULT 1", "DEFAULT '1'", "core_unit.is_active: default"),
        ("core_unit", '"phone" TEXT', "\"phone\" TEXT DEFAULT '-'", "core_unit.phone: default"),
        (
            "db_tag",
            "\"updated_at\" TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00'",
            "\"updated_at\" TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%S'",
            "db_tag.updated_at: default",
        ),
        ("core_unit", 'REFERENCES "core_region"', 'REFERENCES "core_entity"', "core_unit.region_"),
        ("core_unit", '"core_region" ("id")', '"core_region" ("code")', "core_unit.region_id: ref"),
        ("core_unit", "ON DELETE SET NULL", "ON DELETE CASCADE", "core_unit.region_id: on delete"),
        ("core_unit", "ON DELETE SET NULL", "", "core_unit.region_id: on delete"),
        (
            "core_unit",
            "ON DELETE SET NULL ON UPDATE NO ACTION",
            "ON DELETE SET NULL ON UPDATE CASCADE",
            "core_unit.region_id: on update",
        ),
        (
            "core_unit",
            ' REFERENCES "core_region" ("id") ON DELETE SET NULL ON UPDATE NO ACTION',
            "",
            "core_unit.region_id: references is None",
        ),
        ("core_unit", '"nitku" TEXT', '"nitku" TEXT REFERENCES core_unit (id)', "core_unit.nitku"),
        ("core_unit", '"id" TEXT PRIMARY KEY', '"id" TEXT', "core_unit: primary key is ()"),
        ("db_person_tag", '("person_id", "tag_id")', '("tag_id", "person_id")', "db_person_tag: p"),
        ("db_person_tag", '("person_id", "tag_id")', '("person_id")', "db_person_tag.tag_id: in p"),
        ("db_tag", '"code" TEXT UNIQUE', '"code" TEXT', "db_tag: uniques is ()"),
        ("core_unit", '"nitku" TEXT', '"nitku" TEXT UNIQUE', "core_unit: uniques"),
        ("core_unit", '"nitku" TEXT, ', "", "core_unit.nitku: the column is missing"),
        ("core_unit", '"nitku" TEXT', '"nitku" TEXT, "more" TEXT', "core_unit.more: a column"),
        ("core_unit", '"nitku" TEXT, "timezone"', '"timezone"', "core_unit.nitku: the column is"),
        ("core_unit", '"phone" TEXT', '"phone" TEXT CHECK (phone > 0)', "core_unit: extras"),
        ("core_unit", '"phone" TEXT', '"phone" TEXT COLLATE NOCASE', "core_unit: extras"),
        ("core_unit", 'NO ACTION, "code"', 'NO ACTION DEFERRABLE, "code"', "core_unit: extras"),
        ("core_unit", '"nitku" TEXT', '"nitku" TEXT AS (code)', "core_unit: extras"),
    ],
)
def test_remade_sqlite_table_is_reported(
    sqlite_copy: sqlite3.Connection, table: str, old: str, new: str, sentence: str
) -> None:
    """A table that was made with another definition is reported by table and column."""
    remake(sqlite_copy, table, old, new)
    found = in_sqlite(sqlite_copy)
    assert any(said.startswith(sentence) for said in found), shown(found)
    assert all(said.startswith(table) for said in found), shown(found)


def remake(connection: sqlite3.Connection, table: str, old: str, new: str) -> None:
    """Drop an empty table and create it again, with its indexes, from a changed definition."""
    statements = connection.execute(
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC",
        (table,),
    ).fetchall()
    definition, *indexes = [sql for (sql,) in statements]
    assert definition.count(old) == 1, f"{old!r} is {definition.count(old)} times in {definition}"
    connection.execute(f'DROP TABLE "{table}"')
    connection.execute(definition.replace(old, new))
    for sql in indexes:
        connection.execute(sql)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("CREATE INDEX more ON core_unit (name)", "core_unit: indexes"),
        ("CREATE INDEX again ON core_unit (region_id)", "core_unit: indexes"),
        ("CREATE UNIQUE INDEX more ON core_unit (name)", "core_unit: uniques"),
        ("CREATE INDEX more ON core_unit (lower(name))", "core_unit: indexes"),
        ("DROP TABLE target_line", "target_line: the table is missing"),
        ("CREATE TABLE core_extra (id TEXT)", "core_extra: a table too many in the database"),
        ("ALTER TABLE core_unit RENAME COLUMN nitku TO number", "core_unit.nitku: the column is"),
        ("ALTER TABLE core_unit DROP COLUMN nitku", "core_unit.nitku: the column is missing"),
        ("ALTER TABLE core_unit ADD COLUMN more TEXT", "core_unit.more: a column too many"),
        ("CREATE VIEW core_view AS SELECT 1", "core_view: a table too many in the database"),
        (
            "CREATE TRIGGER core_unit_changed AFTER UPDATE ON core_unit BEGIN SELECT 1; END",
            "core_unit: extras is ('the trigger core_unit_changed',)",
        ),
    ],
)
def test_sqlite_statement_is_reported(
    sqlite_copy: sqlite3.Connection, statement: str, sentence: str
) -> None:
    """A change made in an SQLite database by hand is reported."""
    sqlite_copy.execute(statement)
    found = in_sqlite(sqlite_copy)
    assert len(found) in (1, 2), shown(found)  # a renamed column is missing and too many
    assert any(said.startswith(sentence) for said in found), shown(found)


def test_every_sqlite_index_counts(sqlite_copy: sqlite3.Connection) -> None:
    """Whichever index is dropped, made partial or descending, its table is reported."""
    indexes = sqlite_copy.execute(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    assert len(indexes) > 100
    for name, table, sql in indexes:
        sqlite_copy.execute("BEGIN")
        sqlite_copy.execute(f'DROP INDEX "{name}"')
        dropped = in_sqlite(sqlite_copy)
        sqlite_copy.execute(f"{sql} WHERE 1")
        partial = in_sqlite(sqlite_copy)
        sqlite_copy.execute("ROLLBACK")
        assert [said.partition(" is ")[0] for said in dropped] in (
            [f"{table}: indexes"],
            [f"{table}: uniques"],
        ), name
        assert partial == [
            f"{table}: extras is ('{name} is partial, descending or collated',) in the database "
            "and should be ()"
        ]


def test_descending_sqlite_index_is_reported(sqlite_copy: sqlite3.Connection) -> None:
    """The direction of an index counts."""
    sqlite_copy.execute("DROP INDEX core_unit_region_id")
    sqlite_copy.execute("CREATE INDEX core_unit_region_id ON core_unit (region_id DESC)")
    (said,) = in_sqlite(sqlite_copy)
    assert said.startswith("core_unit: extras")


# --- mutations of the PostgreSQL database


@pytest.fixture(scope="session")
def postgres_copy(migrated_postgres: str, postgres_url: str) -> str:
    """The URL of a copy of the migrated PostgreSQL database; its readers change nothing."""
    statement = f"CREATE DATABASE atlas_mutated TEMPLATE {migrated_postgres}"
    asyncio.run(run_on_server(postgres_url, statement))
    return database_url(postgres_url, "atlas_mutated")


def test_copy_of_the_postgres_database_agrees(postgres_copy: str) -> None:
    """What the mutations below report is their own doing."""
    read = asyncio.run(read_postgres(postgres_copy))
    assert model.differences(model.stored(MODEL.tables), read, "the database") == []


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("ALTER COLUMN phone TYPE varchar(20)", "core_unit.phone: type"),
        ("ALTER COLUMN open_date TYPE timestamptz", "core_unit.open_date: type is 'timestamp'"),
        ("ALTER COLUMN created_at TYPE timestamp", "core_unit.created_at: type"),
        ("ALTER COLUMN name DROP NOT NULL", "core_unit.name: null"),
        ("ALTER COLUMN phone SET NOT NULL", "core_unit.phone: null"),
        ("ALTER COLUMN type SET DEFAULT 'Online'", "core_unit.type: default is 'Online'"),
        ("ALTER COLUMN type DROP DEFAULT", "core_unit.type: default is '-'"),
        ("ALTER COLUMN is_active SET DEFAULT false", "core_unit.is_active: default is '0'"),
        ("ALTER COLUMN phone SET DEFAULT ''", "core_unit.phone: default is ''"),
        ("ALTER COLUMN updated_at SET DEFAULT '2026-01-01'", "core_unit.updated_at: default is"),
        ("ALTER COLUMN id SET DEFAULT gen_random_uuid()::text", "core_unit.id: default is"),
        ("DROP CONSTRAINT core_unit_region_id_fkey", "core_unit.region_id: references is None"),
        ("DROP CONSTRAINT core_unit_entity_id_code_key", "core_unit: uniques"),
        ("ADD UNIQUE (nitku)", "core_unit: uniques"),
        ("ADD UNIQUE (nitku) DEFERRABLE", "core_unit: extras"),
        ("ADD FOREIGN KEY (nitku) REFERENCES core_unit", "core_unit.nitku: references"),
        ("ADD FOREIGN KEY (region_id) REFERENCES core_unit", "core_unit: extras"),
        ("ADD CHECK (phone IS NULL)", "core_unit: extras is ('core_unit_phone_check CHECK"),
        ("DROP COLUMN nitku", "core_unit.nitku: the column is missing"),
        ("DROP COLUMN nitku, ADD COLUMN nitku text", "core_unit.nitku: the columns stand in an"),
        ("ADD COLUMN more text", "core_unit.more: a column too many in the database"),
        ("RENAME COLUMN nitku TO number", "core_unit.nitku: the column is missing"),
        ('ALTER COLUMN phone TYPE text COLLATE "C"', "core_unit: extras"),
        ("ENABLE ROW LEVEL SECURITY", "core_unit: extras"),
    ],
)
def test_altered_postgres_table_is_reported(
    postgres_copy: str, statement: str, sentence: str
) -> None:
    """A change of a PostgreSQL table is reported by table and column."""
    found = in_postgres(postgres_copy, f"ALTER TABLE core_unit {statement}")
    assert any(said.startswith(sentence) for said in found), shown(found)
    assert all(said.startswith("core_unit") for said in found), shown(found)


def in_postgres(url: str, *statements: str) -> list[str]:
    read = asyncio.run(read_postgres(url, *statements))
    return model.differences(model.stored(MODEL.tables), read, "the database")


@pytest.mark.parametrize("action", ["ON DELETE CASCADE", "ON DELETE SET NULL ON UPDATE CASCADE"])
def test_changed_action_of_a_postgres_foreign_key_is_reported(
    postgres_copy: str, action: str
) -> None:
    """What happens to a child row when its parent goes or changes counts."""
    (said,) = in_postgres(
        postgres_copy,
        "ALTER TABLE core_unit DROP CONSTRAINT core_unit_region_id_fkey",
        f"ALTER TABLE core_unit ADD FOREIGN KEY (region_id) REFERENCES core_region {action}",
    )
    what = "on update" if "UPDATE" in action else "on delete"
    assert said.startswith(f"core_unit.region_id: {what} is 'CASCADE'")


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (
            [
                "ALTER TABLE db_person_tag DROP CONSTRAINT db_person_tag_pkey",
                "ALTER TABLE db_person_tag ADD PRIMARY KEY (tag_id, person_id)",
            ],
            "db_person_tag: primary key is ('tag_id', 'person_id')",
        ),
        (
            ["ALTER TABLE db_person_tag DROP CONSTRAINT db_person_tag_pkey"],
            "db_person_tag.tag_id: in primary key is False",
        ),
        (["DROP INDEX core_unit_region_id"], "core_unit: indexes"),
        (
            [
                "DROP INDEX core_unit_region_id",
                "CREATE INDEX ON core_unit (region_id) WHERE region_id IS NOT NULL",
            ],
            "core_unit: extras",
        ),
        (
            ["DROP INDEX core_unit_region_id", "CREATE INDEX ON core_unit (region_id DESC)"],
            "core_unit: extras",
        ),
        (
            ["DROP INDEX core_unit_region_id", "CREATE INDEX ON core_unit USING hash (region_id)"],
            "core_unit: extras",
        ),
        (["CREATE INDEX ON core_unit (lower(name))"], "core_unit: indexes"),
        (["CREATE INDEX ON core_unit (region_id)"], "core_unit: indexes"),
        (["CREATE TABLE core_extra (id text)"], "core_extra: a table too many in the database"),
        (["DROP TABLE target_line"], "target_line: the table is missing"),
        (["CREATE VIEW core_view AS SELECT 1"], "core_view: a table too many in the database"),
        (["CREATE SEQUENCE core_numbers"], "core_numbers: a table too many in the database"),
        (
            [
                "CREATE TRIGGER same BEFORE UPDATE ON core_unit FOR EACH ROW"
                " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ],
            "core_unit: extras is ('the trigger same',)",
        ),
    ],
)
def test_postgres_statement_is_reported(
    postgres_copy: str, statements: list[str], sentence: str
) -> None:
    """A change made in a PostgreSQL database by hand is reported."""
    found = in_postgres(postgres_copy, *statements)
    assert any(said.startswith(sentence) for said in found), shown(found)

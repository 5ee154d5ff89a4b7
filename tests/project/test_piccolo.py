"""What Atlas depends on in Piccolo, run against stock Piccolo.

A test here that fails after an upgrade names, in its docstring, the part of
Atlas that can go or must change.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import datetime
import inspect
import pkgutil
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import piccolo
import process_project
import pytest
from conftest import ROOT
from databases import Database
from piccolo.apps.migrations.auto import (
    DiffableTable,
    SchemaDiffer,
    SchemaSnapshot,
    migration_manager,
)
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.auto.serialisation_legacy import deserialise_legacy_params
from piccolo.apps.migrations.commands import backwards, forwards
from piccolo.columns import (
    M2M,
    Boolean,
    Date,
    DoublePrecision,
    ForeignKey,
    Integer,
    LazyTableReference,
    Real,
    Serial,
    Text,
    Timestamptz,
)
from piccolo.conf.apps import Finder
from piccolo.constraints import Unique
from piccolo.engine.sqlite import (
    CONVERTERS,
    SQLiteEngine,
    TransactionType,
    convert_boolean_out,
    convert_timestamptz_out,
)
from piccolo.table import TABLE_REGISTRY, Table, create_db_tables
from piccolo.utils.pydantic import create_pydantic_model

import atlas
import atlas.conf
import atlas.stock
from atlas import patches
from atlas.client import scope
from atlas.migrate import report, steps

DAY = datetime.timedelta(days=1)


class Group(Table, tablename="stock_group"):
    name = Text()
    friends = M2M(LazyTableReference("Friendship", module_path=__name__))


class Friendship(Table, tablename="stock_friendship"):
    one_id = ForeignKey(Group)
    other_id = ForeignKey(Group)


class Label(Table, tablename="stock_label"):
    id = Text(primary_key=True)
    name = Text(default="")


class Thing(Table, tablename="stock_thing"):
    id = Text(primary_key=True)
    name = Text(default="")
    number = Integer(default=0)
    amount = Real(default=0.0)
    total = DoublePrecision(default=0.0)
    day = Date(null=True, default=None)
    group_id = ForeignKey(Group, null=True)
    updated_at = Timestamptz(auto_update=lambda: datetime.datetime.now(datetime.UTC))
    labels = M2M(LazyTableReference("ThingLabel", module_path=__name__))


class ThingLabel(Table, tablename="stock_thing_label"):
    """A join table as of the model: two keys and nothing else is the primary key."""

    thing_id = ForeignKey(Thing, primary_key=True, null=False)
    label_id = ForeignKey(Label, primary_key=True, null=False)
    note = Text(default="")


class Reference(ForeignKey[Any]):
    """A subclass, as ``atlas.columns.ForeignKey`` is one."""


class First(Table, tablename="stock_first"):
    name = Text()


class Second(Table, tablename="stock_second"):
    first_id = ForeignKey(First)


class Third(Table, tablename="stock_third"):
    second_id = ForeignKey(Second)


class Fourth(Table, tablename="stock_fourth"):
    third_id = Reference(Third)


PLAIN = (Group, Friendship, Label, Thing)


@pytest.fixture
async def stock(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> SQLiteEngine:
    """Stock Piccolo's engine on a file with the stock tables above."""
    engine = SQLiteEngine(str(tmp_path / "stock.db"))
    for table in (*PLAIN, ThingLabel):
        monkeypatch.setattr(table._meta, "_db", engine)
    await create_db_tables(*PLAIN)
    # Piccolo's own DDL for two primary keys is an error on SQLite.
    await ThingLabel.raw(
        "CREATE TABLE stock_thing_label (thing_id TEXT, label_id TEXT, note TEXT,"
        " PRIMARY KEY (thing_id, label_id))"
    )
    return engine


def test_this_is_piccolo_1_38() -> None:
    """The version is the one that was read, and pyproject.toml allows no other."""
    assert piccolo.__VERSION__.startswith("1.38.")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        requirement
        for group in (project["dependencies"], *project["optional-dependencies"].values())
        for requirement in group
        if re.match(r"piccolo\b(?!-)", requirement)
    ]
    assert wanted
    assert all(requirement.endswith("==1.38.*") for requirement in wanted)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patches are not applied to a Piccolo they were not checked against."""
    monkeypatch.setattr(piccolo, "__VERSION__", "1.39.0")
    with pytest.raises(RuntimeError, match=r"found 1\.39\.0"):
        patches.apply()


# The patches: still needed, and applied.

STOCK_PYDANTIC = """
from piccolo.columns import ForeignKey, Text
from piccolo.table import Table
from piccolo.utils.pydantic import create_pydantic_model

class Key(ForeignKey):
    value_type = str

class Parent(Table):
    value_type = Text()

class Child(Table):
    parent_id = Key(Parent)

create_pydantic_model(Child)
"""


def test_stock_pydantic_models_take_a_joined_column_for_the_type() -> None:
    """Needed: ``patches._value_type_of_a_foreign_key``."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", STOCK_PYDANTIC],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "ArbitraryTypeWarning" in result.stderr


def test_pydantic_models_are_made_of_every_table() -> None:
    """Applied: ``patches._value_type_of_a_foreign_key``."""
    for table in atlas.TABLES:
        model = create_pydantic_model(table, include_default_columns=True)
        assert set(model.model_fields) == {column._meta.name for column in table._meta.columns}
    promotion_id = create_pydantic_model(atlas.OrderLine).model_fields["promotion_id"]
    assert promotion_id.annotation == str | None


STOCK_COMMANDS = """
import asyncio, inspect, json
from piccolo.apps.fixtures.commands import dump, load
from piccolo.apps.playground.commands import run as playground
from piccolo.apps.sql_shell.commands import run as sql_shell
from piccolo.apps.tester.commands import run as tester

source = lambda command: inspect.getsource(command)
assert "snapshot" not in source(dump.get_dump)
assert "values=table_class._meta.columns" in source(load.load_json_string)
assert "table_class.from_dict(row.__dict__)" in source(load.load_json_string)
assert 'args += [dsn]' in source(sql_shell.run)
assert '["sqlite3", database]' in source(sql_shell.run)
assert 'pytest_args.split(" ")' in source(tester.run)
assert "db = SQLiteEngine()" in source(playground.run)
assert "if_exists=True" in source(playground.populate)

assert " ".join(inspect.signature(playground.run).parameters) == (
    "engine user password database host port ipython_profile"
)

bodies = [command.__code__ for command in (sql_shell.run, playground.run)]
names = [dump.get_dump, load.load_json_string, tester.run_pytest]
import atlas
assert sql_shell.run.__code__ is not bodies[0]
assert playground.run.__code__ is not bodies[1]
assert dump.get_dump is not names[0]
assert load.load_json_string is not names[1]
assert tester.run_pytest is not names[2]
"""


def test_stock_commands_have_the_faults_that_are_patched() -> None:
    """Needed: ``_fixtures_*``, ``_sql_shell``, ``_playground`` and ``_tester``; and applied.

    What each command does with them is tested in test_fixtures.py, test_shell.py
    and test_playground.py.
    """
    subprocess.run([sys.executable, "-c", STOCK_COMMANDS], check=True)


def test_importing_atlas_registers_no_table_of_the_stock_playground() -> None:
    """The bands of Piccolo's playground are tables of nobody who does not ask for them."""
    code = "import atlas, sys; assert 'piccolo.apps.playground.commands.run' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_piccolos_commands_ask_the_client_in_scope() -> None:
    """Applied: ``patches._get_engine``."""
    assert Finder.get_engine is scope.get_engine
    assert atlas.stock.get_engine.__module__ == "piccolo.conf.apps"


STOCK_RUN = """
import asyncio, sys
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.apps.migrations.tables import Migration

assert "atlas" not in sys.modules
try:
    asyncio.run(run_forwards("one"))
except ValueError:
    print(Migration.select(Migration.name).output(as_list=True).run_sync())
"""


def project_of(folder: Path, conf: str) -> process_project.Project:
    """Return a project of one app whose second migration fails, with another engine."""
    project = process_project.Project(folder, Database(f"file:{folder / 'one.db'}"))
    project.add_app("one")
    (project.folder / "piccolo_conf.py").write_text(
        "from piccolo.conf.apps import AppRegistry\n"
        "from piccolo.engine.sqlite import SQLiteEngine\n"
        f"{conf}\n"
        "DB = SQLiteEngine('one.db')\n"
        "APP_REGISTRY = AppRegistry(apps=['one.piccolo_app'])\n"
    )
    for id, step in (("m1", process_project.table("thing")), ("m2", "raise ValueError")):
        path = project.add_migration("one", id, step)
        path.write_text(path.read_text().replace("from atlas.columns", "from piccolo.columns"))
    return project


def test_stock_commits_each_migration_alone(tmp_path: Path) -> None:
    """Needed: ``patches._forwards``. What came before a failure stays."""
    project = project_of(tmp_path, "")
    result = process_project.finished(project.start("python", "-c", STOCK_RUN))
    assert result.stdout.endswith("['m1']\n"), result.stderr


def test_projects_with_another_engine_keep_stock_runs(tmp_path: Path) -> None:
    """Applied with care: a project whose engine is not Atlas's migrates as Piccolo does."""
    project = project_of(tmp_path, "import atlas")
    result = project.piccolo("migrations", "forwards", "one")
    assert result.returncode == 1
    assert project.applied() == [("one", "m1")]
    result = project.piccolo("migrations", "backwards", "one", "--auto_agree")
    assert result.returncode == 0, result.stdout
    assert project.applied() == []


async def test_who_has_piccolos_function_already_gets_atlass_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Applied: ``patches._forwards``, in the function objects themselves.

    The defaults stay Piccolo's, and what goes wrong is raised.
    """
    monkeypatch.setattr(atlas.conf, "DB", atlas.create_client(f"file:{tmp_path / 'a.db'}").engine)
    with pytest.raises(atlas.MigrationError, match="core has no migration 'm9' to apply"):
        await forwards.run_forwards("core", "m9")
    assert forwards.run_forwards.__defaults__ == ("all", False, False)
    assert backwards.run_backwards.__defaults__ == ("1", False, False, False)
    assert atlas.stock.kept("run_forwards").__code__ is not forwards.run_forwards.__code__


def test_piccolos_migrations_print_unless_they_are_told_not_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Applied: ``patches._migration_manager``, for the task that asks for it."""
    context = contextvars.copy_context()
    context.run(report.prints.set, False)
    context.run(vars(migration_manager)["print"], "unwanted")
    vars(migration_manager)["print"]("wanted")
    assert capsys.readouterr().out == "wanted\n"


# atlas/columns/


def test_a_stock_column_type_is_the_name_of_the_class() -> None:
    """Needed: ``column_type`` on every class of ``atlas.columns``."""

    class Price(Integer):
        pass

    assert Price().column_type == "PRICE"


def test_stock_real_has_four_bytes_on_postgres_and_double_precision_no_converter() -> None:
    """Needed: ``Decimal.column_type``, REAL on SQLite and DOUBLE PRECISION elsewhere."""
    assert Thing.amount.column_type == "REAL"
    assert Thing.total.column_type == "DOUBLE PRECISION"
    assert not {"REAL", "DOUBLE"} & set(CONVERTERS)


def test_stock_foreign_keys_are_null_and_cascade() -> None:
    """Needed: the defaults of ``atlas.columns.ForeignKey``."""
    meta = Thing.group_id._foreign_key_meta
    assert ForeignKey(Group)._meta.null
    assert (meta.on_delete.value, meta.on_update.value) == ("CASCADE", "CASCADE")


def test_a_stock_chain_of_keys_of_different_classes_loses_its_way() -> None:
    """Needed: one foreign key class for the whole package."""
    column = Fourth.third_id.second_id.first_id.name
    assert [key._meta.name for key in column._meta.call_chain] == ["second_id", "first_id"]


def test_a_stock_key_cannot_reference_a_table_with_a_column_value_type() -> None:
    """Needed: ``ForeignKey.value_type`` as a plain attribute."""

    class Rule(Table):
        value_type = Text()

    with pytest.raises(AttributeError, match="value_type"):

        class Use(Table):
            rule_id = ForeignKey(Rule)


def test_a_stock_migration_makes_an_integer_of_a_key_by_name() -> None:
    """Needed: ``atlas.columns.ForeignKey`` refuses references by name."""
    stub = deserialise_legacy_params("references", "Label|stock_label")
    assert isinstance(stub._meta.primary_key, Serial)


def test_stock_arithmetic_has_no_parentheses() -> None:
    """Needed: ``atlas.columns.Expression``."""
    assert str((Thing.number + 1) * 2) == '"number" + 1 * 2'
    with pytest.raises(TypeError):
        Thing.total + 1  # type: ignore[operator]


def test_stock_date_arithmetic_names_no_table_and_drops_hours() -> None:
    """Needed: ``Date.__add__``."""
    assert str(Thing.day + DAY) == "strftime('%Y-%m-%d', \"day\", '+1 DAYS')"
    assert "43200" in str(Thing.day + DAY / 2)


def test_stock_ddl_bakes_defaults_in_and_does_not_escape_them() -> None:
    """Needed: ``ModelColumn.ddl``."""

    class Odd(Table):
        made = Text(default=lambda: "once")
        quoted = Text(default="it's")
        none = Text(null=True, default=None)

    assert Odd.made.ddl.endswith("DEFAULT 'once'")
    assert Odd.quoted.ddl.endswith("DEFAULT 'it's'")
    assert Odd.none.ddl.endswith("DEFAULT null")


async def test_stock_stores_whatever_it_is_given(stock: SQLiteEngine) -> None:
    """Needed: ``ModelColumn.accept``."""
    await Thing.insert(Thing(id="no ulid", number=1.5, amount="abc", day="tomorrow"))
    with sqlite3.connect(stock.path) as database:
        stored = database.execute("SELECT id, number, amount, day FROM stock_thing").fetchall()
    database.close()
    assert stored == [("no ulid", 1.5, "abc", "tomorrow")]


# atlas/table.py and atlas/query/


def test_a_stock_base_class_is_a_table_with_an_id() -> None:
    """Needed: the two last lines of atlas/table.py."""

    class Base(Table):
        pass

    class Derived(Base):
        name = Text()

    assert Base in TABLE_REGISTRY
    assert isinstance(Derived._meta.columns[0], Serial)
    assert atlas.table.Table not in TABLE_REGISTRY


async def test_a_stock_composite_key_is_its_last_column(stock: SQLiteEngine) -> None:
    """Needed: ``atlas.columns.CompositeKey``."""
    assert ThingLabel._meta.primary_key is ThingLabel.label_id
    await Thing.insert(Thing(id="t1"), Thing(id="t2"))
    await Label.insert(Label(id="l"))
    one, two = (ThingLabel(thing_id=thing, label_id="l") for thing in ("t1", "t2"))
    await ThingLabel.insert(one, two)
    assert one == two
    one.note = "changed"
    await one.save()
    assert await ThingLabel.count().where(ThingLabel.note == "changed") == 2
    await one.remove()
    assert await ThingLabel.count() == 0


async def test_stock_inserts_hand_out_ids_by_position(stock: SQLiteEngine) -> None:
    """Needed: ``Insert._raw_response_callback``."""
    await Label.insert(Label(id="a"))
    skipped, second = Label(id="a"), Label(id="b")
    await Label.insert(skipped, second).on_conflict(action="DO NOTHING")
    assert skipped.id == "b"
    assert not second._exists_in_db


async def test_a_stock_update_stamps_rows_it_does_not_change(stock: SQLiteEngine) -> None:
    """Needed: ``Update._checked_values``."""
    await Thing.insert(Thing(id="a", name="same"))
    [before] = await Thing.select(Thing.updated_at)
    await Thing.update({Thing.name: "same"}, force=True)
    [after] = await Thing.select(Thing.updated_at)
    assert before != after


async def test_a_stock_object_does_not_notice_that_its_row_is_gone(stock: SQLiteEngine) -> None:
    """Needed: ``Table.save``, ``update_self`` and ``remove`` with RowNotFoundError."""
    thing = Thing(id="a")
    await thing.save()
    await Thing.delete(force=True)
    await thing.save()
    assert await Thing.count() == 0
    with pytest.raises(IndexError):
        await thing.update_self({Thing.name: "new"})
    thing.remove()  # a query that never runs
    assert thing.id is None
    assert not thing._exists_in_db


async def test_a_stock_prefetched_null_is_an_object(stock: SQLiteEngine) -> None:
    """Needed: what ``Table.__init__`` does to prefetched references."""
    await Thing.insert(Thing(id="a", group_id=None))
    thing = await Thing.objects(Thing.group_id).first()
    assert thing is not None
    assert isinstance(thing.group_id, Group)
    assert thing.group_id._exists_in_db


async def test_a_stock_update_takes_a_column_of_another_table(stock: SQLiteEngine) -> None:
    """Needed: the look at the column's table in ``atlas.query.write``."""
    await Thing.insert(Thing(id="a"))
    await Thing.update({Label.name: "of a label"}, force=True)
    assert await Thing.select(Thing.name).output(as_list=True) == ["of a label"]


# atlas/query/m2m.py and atlas/constraints.py


async def test_stock_many_to_many_text_is_split_at_commas(stock: SQLiteEngine) -> None:
    """Needed: ``atlas.query.m2m.M2MSelect``."""
    await Thing.insert(Thing(id="t"))
    await Label.insert(Label(id="l", name="a,b"))
    await ThingLabel.insert(ThingLabel(thing_id="t", label_id="l"))
    query = Thing.select(Thing.labels(Label.name, as_list=True))
    assert await query == [{"labels": ["a", "b"]}]


async def test_a_stock_frozen_select_forgets_its_columns(stock: SQLiteEngine) -> None:
    """Needed: ``Select.freeze``."""
    frozen = Thing.select(Thing.name).freeze()
    assert frozen.query.columns_delegate.selected_columns == []


async def test_stock_add_m2m_makes_a_join_row_without_its_keys(stock: SQLiteEngine) -> None:
    """Needed: ``atlas.query.m2m.AddRelated``."""
    thing, label = Thing(id="t"), Label(id="l")
    await thing.save()
    with pytest.raises(ValueError, match="thing_id wasn't provided"):
        await thing.add_m2m(label, m2m=Thing.labels)


def test_a_stock_relation_of_a_table_with_itself_is_refused() -> None:
    """Needed: ``this_side`` of ``atlas.query.m2m.M2M``."""
    with pytest.raises(ValueError, match="No matching foreign key column"):
        _ = Group.friends._meta.secondary_foreign_key


async def test_stock_constraints_are_a_syntax_error_on_sqlite(stock: SQLiteEngine) -> None:
    """Needed: ``atlas.engine.ddl``."""

    class Pair(Table, tablename="stock_pair", db=stock):
        one = Integer()
        two = Integer()
        unique_pair = Unique([one, two])

    with pytest.raises(sqlite3.OperationalError, match="CONSTRAINT"):
        await Pair.create_table()
    assert await Pair.table_exists()
    drop = 'ALTER TABLE "stock_pair" DROP CONSTRAINT IF EXISTS pair'
    assert Pair.alter().drop_constraint("pair").ddl == [drop, drop]


# atlas/engine


def test_stock_converters_take_any_value() -> None:
    """Needed: ``atlas.engine.sqlite.converters``."""
    assert convert_boolean_out(b"2") is False
    assert convert_timestamptz_out(b"2026-01-31 07:00:00+07:00").hour == 7


async def test_a_stock_transaction_begins_deferred(stock: SQLiteEngine) -> None:
    """Needed: ``SQLiteEngine.transaction``, which begins IMMEDIATE."""
    assert stock.transaction().transaction_type is TransactionType.deferred


async def test_a_stock_batch_swallows_the_errors_of_its_block(stock: SQLiteEngine) -> None:
    """Needed: ``SQLiteEngine.batch``."""
    async with await Thing.select().batch():
        raise RuntimeError("swallowed")


async def test_a_stock_nested_transaction_is_not_a_savepoint(stock: SQLiteEngine) -> None:
    """Needed: nested blocks of ``atlas.engine.sqlite.transaction.Transaction``."""
    async with stock.transaction():
        with contextlib.suppress(RuntimeError):
            async with stock.transaction():
                await Label.insert(Label(id="inner"))
                raise RuntimeError
    assert await Label.count() == 1


# The names in Piccolo that Atlas overrides, calls or reads, and the parameters it relies on.

NAMES: dict[str, dict[str, str | None]] = {
    "piccolo.columns.base.Column": {
        "__init__": "self null primary_key unique index index_method required help_text choices"
        " db_column_name secret auto_update kwargs",
        "ddl": None,
        "column_type": None,
        "get_sql_value": "self value delimiter",
        "get_default_value": "self",
        "_equals": "self column including_joins",
        "__hash__": "self",
    },
    "piccolo.columns.base.ColumnMeta": {
        "engine_type": None,
        "get_full_name": "self with_alias include_quotes",
        "get_default_alias": "self",
        "db_column_name": None,
        "name": None,
        "table": None,
    },
    "piccolo.columns.base.ForeignKeyMeta": {
        "resolved_references": None,
        "resolved_target_column": None,
    },
    "piccolo.columns.column_types.ForeignKey": {
        "__init__": "self references default null on_delete on_update target_column kwargs",
        "value_type": None,
        "column_type": None,
        "set_proxy_columns": "self",
    },
    "piccolo.columns.defaults.timestamptz.TimestamptzNow": {
        "sqlite": None,
        "postgres": None,
        "cockroach": None,
        "python": "self",
    },
    "piccolo.columns.combination.Where": {"__init__": "self column value values operator"},
    "piccolo.columns.m2m.M2M": {
        "__init__": "self joining_table foreign_key_columns",
        "__call__": "self columns as_list load_json",
    },
    "piccolo.columns.m2m.M2MMeta": {
        "primary_foreign_key": None,
        "secondary_foreign_key": None,
        "foreign_key_columns": None,
        "resolved_joining_table": None,
        "secondary_table": None,
        "table": None,
        "name": None,
    },
    "piccolo.columns.m2m.M2MAddRelated": {
        "__init__": "self target_row m2m rows extra_column_values",
        "resolved_extra_column_values": None,
        "run": "self",
    },
    "piccolo.columns.m2m.M2MGetRelated": {"__init__": "self row m2m", "run": "self"},
    "piccolo.columns.m2m.M2MRemoveRelated": {"run": "self"},
    "piccolo.conf.apps.Finder": {"get_engine": "self module_name"},
    "piccolo.constraints.Constraint": {
        "__init__": "self name kwargs",
        "serialise_self": "self",
        "ddl": None,
        "_table_str": "self",
    },
    "piccolo.query.base.Query": {
        "_validate": "self",
        "_run": "self node in_pool",
        "response_handler": "self response",
        "default_querystrings": None,
        "engine_type": None,
        "freeze": "self",
    },
    "piccolo.query.methods.delete.Delete": {"__init__": "self table force kwargs"},
    "piccolo.query.methods.insert.Insert": {
        "__init__": "self table instances kwargs",
        "add": "self instances",
        "returning": "self columns",
        "on_conflict": "self target action values where",
        "_raw_response_callback": "self results",
        "default_querystrings": None,
    },
    "piccolo.query.methods.objects.GetRelated": {"run": "self node in_pool"},
    "piccolo.query.methods.objects.UpdateSelf": {
        "__init__": "self row values",
        "run": "self node in_pool",
    },
    "piccolo.query.methods.refresh.Refresh": {
        "run": "self in_pool node",
        "_update_instance": "self instance data_dict",
    },
    "piccolo.query.methods.objects.Objects": {"order_by": "self columns ascending"},
    "piccolo.query.methods.select.Select": {
        "order_by": "self columns ascending",
        "columns": "self columns",
        "response_handler": "self response",
    },
    "piccolo.query.methods.update.Update": {
        "__init__": "self table force kwargs",
        "values": "self values kwargs",
        "where": "self where",
        "returning": "self columns",
        "_validate": "self",
        "default_querystrings": None,
    },
    "piccolo.query.mixins.ValuesDelegate": {
        "__init__": "self table _values",
        "get_sql_values": "self",
    },
    "piccolo.query.mixins.OnConflictItem": {"action_string": None, "target_string": None},
    "piccolo.querystring.QueryString": {
        "__init__": "self template args query_type table alias",
        "process_args": "self args",
        "bundle": "self start_index bundled combined_args",
        "compile_string": "self engine_type",
    },
    "piccolo.querystring.Selectable": {"get_select_string": "self engine_type with_alias"},
    "piccolo.table.Table": {
        "__init__": "self _data _ignore_missing _exists_in_db kwargs",
        "__init_subclass__": "tablename db tags help_text schema",
        "querystring": None,
        "save": "self columns",
        "update_self": "self values",
        "remove": "self",
        "refresh": "self columns load_json",
        "get_related": "self foreign_key",
        "get_m2m": "self m2m",
        "add_m2m": "self rows m2m extra_column_values",
        "remove_m2m": "self rows m2m",
        "select": "columns exclude_secrets",
        "insert": "rows",
        "update": "values force use_auto_update kwargs",
        "delete": "force",
        "_process_column_args": "columns",
        "_get_index_name": "column_names",
    },
    "piccolo.table.TableMeta": {
        "db": None,
        "refresh_db": "self",
        "get_column_by_name": "self name match_db_column_name",
        "get_formatted_tablename": "self include_schema quoted",
    },
    "piccolo.utils.pydantic": {
        "get_pydantic_value_type": "column",
        "create_pydantic_model": (
            "table nested exclude_columns include_columns include_default_columns include_readable "
            "all_optional model_name deserialize_json recursion_depth max_recursion_depth "
            "pydantic_config json_schema_extra"
        ),
    },
    "piccolo.apps.sql_shell.commands.run": {"run": ""},
    "piccolo.apps.tester.commands.run": {"run": "pytest_args piccolo_conf"},
    "piccolo.apps.fixtures.commands.dump": {"dump": "apps tables"},
    "piccolo.apps.fixtures.commands.load": {"load": "path chunk_size on_conflict"},
    "piccolo.apps.migrations.auto.migration_manager.MigrationManager": {
        "__init__": "self migration_id app_name description preview add_tables drop_tables"
        " rename_tables change_table_schemas add_columns drop_columns rename_columns alter_columns"
        " add_constraints drop_constraints raw raw_backwards fake wrap_in_transaction",
    },
    "piccolo.apps.migrations.commands.forwards": {
        "run_forwards": "app_name migration_id fake preview",
        "forwards": "app_name migration_id fake preview",
    },
    "piccolo.apps.migrations.commands.backwards": {
        "run_backwards": "app_name migration_id auto_agree clean preview",
        "backwards": "app_name migration_id auto_agree clean preview",
    },
    "piccolo.apps.migrations.tables.Migration": {"name": None, "app_name": None, "ran_on": None},
    "piccolo.engine.sqlite.SQLiteEngine": {
        "run_ddl": "self ddl in_pool",
        "run_querystring": "self querystring in_pool",
        "transaction": "self transaction_type allow_nested",
        "batch": "self query batch_size node",
    },
    "piccolo.engine.postgres.PostgresEngine": {
        "__init__": "self config extensions log_queries log_responses extra_nodes",
        "run_ddl": "self ddl in_pool",
        "run_querystring": "self querystring in_pool",
        "start_connection_pool": "self kwargs",
        "close_connection_pool": "self",
        "get_new_connection": "self",
        "check_version": "self",
        "prep_database": "self",
    },
}


def found(path: str) -> Any:
    """Return what a dotted path names."""
    return pkgutil.resolve_name(path)


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        pytest.param(owner, name, parameters, id=f"{owner}.{name}")
        for owner, names in NAMES.items()
        for name, parameters in names.items()
    ],
)
def test_piccolo_has_what_atlas_uses(owner: str, name: str, parameters: str | None) -> None:
    """A name that Atlas overrides, calls or reads is there, with the parameters it relies on."""
    attribute = inspect.getattr_static(found(owner), name)
    if parameters is None:
        assert not inspect.isfunction(attribute)
    else:
        function = getattr(found(owner), name)
        if function is scope.get_engine:
            function = atlas.stock.get_engine
        assert " ".join(inspect.signature(function).parameters) == parameters


def overrides() -> list[Any]:
    """Return each method of Atlas that takes the place of one of Piccolo's, and that one."""
    pairs = []
    classes = {
        value
        for name, module in sys.modules.items()
        if name.startswith("atlas.") and "piccolo_migrations" not in name
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == name
    }
    for owner in sorted(classes, key=lambda c: (c.__module__, c.__qualname__)):
        for name, value in vars(owner).items():
            if isinstance(value, classmethod | staticmethod):
                value = value.__func__
            if not inspect.isfunction(value) or (name.startswith("__") and name != "__call__"):
                continue  # Python says what the others take
            for base in owner.__mro__[1:]:
                stock = vars(base).get(name)
                if stock is not None and base.__module__.startswith("piccolo"):
                    stock = getattr(stock, "__func__", stock)
                    pairs.append(
                        pytest.param(value, stock, id=f"{owner.__module__}.{owner.__name__}.{name}")
                    )
                    break
    return pairs


@pytest.mark.parametrize(("ours", "stock"), overrides())
def test_an_override_takes_what_piccolos_method_takes(ours: Any, stock: Any) -> None:
    """A method that takes the place of one of Piccolo's has its parameters, in their order."""
    assert inspect.isfunction(stock)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(stock)
    named = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    own, theirs = (
        {name: p for name, p in inspect.signature(function).parameters.items() if p.kind in named}
        for function in (ours, stock)
    )
    left_out = (
        {"load_json"} if ours is atlas.query.m2m.M2M.__call__ else set()
    )  # there is no JSON column
    assert [name for name in own if name in theirs] == [n for n in theirs if n not in left_out]
    new = [parameter for name, parameter in own.items() if name not in theirs]
    assert all(parameter.default is not parameter.empty for parameter in new)


@pytest.mark.parametrize("name", patches.MIGRATION_STEPS)
def test_steps_of_a_migration_stand_for_piccolos(name: str) -> None:
    """Needed: ``atlas.migrate.steps`` replaces each of these methods, and takes what it takes."""
    (stock,) = (
        node
        for node in ast.walk(ast.parse(Path(migration_manager.__file__).read_text()))
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name
    )
    ours = getattr(steps, name.removeprefix("_"))
    assert [*inspect.signature(ours).parameters][1:] == [a.arg for a in stock.args.args][1:]


def test_stock_alter_columns_passes_over_references_and_keys() -> None:
    """Needed: ``steps.run_alter_columns``; ``new`` writes both into the migration."""
    text = Path(migration_manager.__file__).read_text()
    begin = text.index("async def _run_alter_columns")
    step = text[begin : text.index("async def _run_drop_tables")]
    assert 'params.get("null")' in step
    assert '"references"' not in step
    assert "primary_key" not in step


def test_stock_booleans_have_no_database_default_of_sqlites() -> None:
    """Needed: ``ModelColumn._default_sql``, which writes 1 and 0 on SQLite."""

    class Flag(Table):
        yes = Boolean(default=True)

    assert Flag.yes.ddl.endswith("DEFAULT true")


def diffable(name: str, *columns: Any) -> DiffableTable:
    class Made(Table, tablename=name.lower()):
        pass

    for column_name, column in columns:
        column._meta.name = column_name
    return DiffableTable(name, name.lower(), columns=[column for _, column in columns])


def test_stock_differ_leaves_out_changes_of_one_name_in_two_tables() -> None:
    """Needed: the check of new migrations in ``patches.py`` and ``check/new.py``."""
    differ = SchemaDiffer(
        schema=[diffable("One", ("title", Text())), diffable("Two", ("title", Text()))],
        schema_snapshot=[diffable("One", ("name", Text())), diffable("Two")],
        auto_input="y",
    )
    assert len(differ.rename_columns.statements) == 1
    assert differ.add_columns.statements == []  # Two.title


async def test_snapshot_has_columns_as_they_were_altered() -> None:
    """``migrate/replay.py`` makes altered columns again, where Piccolo's keep their attributes."""
    manager = MigrationManager(migration_id="1", app_name="stock")
    manager.add_table("One", tablename="one")
    manager.add_column("One", "one", "name", "name", column_class=Text, params={"default": "a"})
    later = MigrationManager(migration_id="2", app_name="stock")
    later.alter_column(
        "One", "one", "name", "name", params={"default": "b"}, old_params={"default": "a"}
    )
    (table,) = SchemaSnapshot([manager, later]).get_snapshot()
    (column,) = table.columns
    assert column._meta.params["default"] == "b"
    assert column.default == "b"
    (added,) = manager.add_columns.add_columns
    assert added.column._meta.params["default"] == "a"  # which the migration itself still says

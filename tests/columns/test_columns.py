"""The columns' own promises: one class per type, DDL for each database, arithmetic."""

from __future__ import annotations

import datetime
import sqlite3
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
from piccolo.columns.reference import LazyTableReference
from piccolo.querystring import QueryString

import atlas
from atlas import ItemComponent, Order, Person, PersonTag, Promotion, Unit
from atlas.columns import (
    Boolean,
    CompositeKey,
    Date,
    Decimal,
    ForeignKey,
    Integer,
    ModelColumn,
    Now,
    OnDelete,
    Text,
    Timestamp,
    Ulid,
    utc_now,
)
from atlas.table import Table
from atlas.ulid import is_ulid, new_ulid

ENGINE_TYPES = ("sqlite", "postgres", "cockroach")
ALL_COLUMNS: list[Any] = [
    pytest.param(column, id=f"{table._meta.tablename}.{column._meta.name}")
    for table in atlas.TABLES
    for column in table._meta.columns
]


class Level(Enum):
    basic = "Basic"


class Sample(Table, tablename="sample"):
    """A table of these tests with what the model's own tables lack: odd defaults."""

    id = Ulid(primary_key=True)
    code = Text(unique=True)
    person_id = ForeignKey(Person)
    owner_id = ForeignKey(Person, null=True, on_delete=OnDelete.set_null)
    parent_id = ForeignKey("self", null=True)
    apostrophe = Text(default="it's 'so'")
    empty = Text(default="")
    level = Text(default=Level.basic, choices=Level)
    made = Text(default=lambda: "made")
    none = Text(null=True)
    number = Integer(default=-1)
    amount = Decimal(default=0.0)
    rate = Decimal(default=0.25)
    yes = Boolean(default=True)
    no = Boolean(default=False)
    day = Date()
    created_at = Timestamp(default=Now())


@pytest.fixture(params=ENGINE_TYPES)
def engine_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tables, bound to an engine of each type that can only tell its type."""
    for table in (Sample, *atlas.TABLES):
        monkeypatch.setattr(table._meta, "_db", SimpleNamespace(engine_type=request.param))
    return str(request.param)


TYPES = {
    Ulid: ("TEXT", "TEXT"),
    ForeignKey: ("TEXT", "TEXT"),
    Text: ("TEXT", "TEXT"),
    Integer: ("INTEGER", "INTEGER"),
    Decimal: ("REAL", "DOUBLE PRECISION"),
    Boolean: ("BOOLEAN", "BOOLEAN"),
    Date: ("DATE", "DATE"),
    Timestamp: ("TIMESTAMPTZ", "TIMESTAMPTZ"),
}


def test_a_column_has_the_type_of_the_model_on_each_engine(engine_type: str) -> None:
    """Every column of every table has the SQL type of docs/model.md, section 1."""
    for table in atlas.TABLES:
        for column in table._meta.columns:
            on_sqlite, on_server = TYPES[type(column)]
            assert column.column_type == (on_sqlite if engine_type == "sqlite" else on_server)


@pytest.mark.parametrize("kind", TYPES)
def test_a_class_says_its_type_and_does_not_leave_it_to_its_name(kind: type[ModelColumn]) -> None:
    """Piccolo's default is the name of the class, by which SQLite would find no converter."""
    assert kind.column_type is not ModelColumn.column_type


@pytest.mark.parametrize("column", ALL_COLUMNS)
def test_a_column_is_of_a_class_of_the_model(column: Any) -> None:
    """A column is of one of the eight classes, under its own name, and says what it is for."""
    assert type(column) in TYPES
    assert column._meta.db_column_name == column._meta.name
    assert column._meta.help_text


@pytest.mark.parametrize("column", [c for c in ALL_COLUMNS if isinstance(c.values[0], ForeignKey)])
def test_a_foreign_key_references_a_class(column: Any) -> None:
    """A foreign key is of the one class, references a table class or "self", and its id."""
    meta = column._foreign_key_meta
    assert type(column) is ForeignKey
    assert meta.references == "self" or issubclass(meta.references, Table)
    assert column._meta.params["references"] == "self" or issubclass(
        column._meta.params["references"], Table
    )
    assert meta.resolved_target_column._meta.name == "id"
    assert column._meta.name.endswith("_id")


@pytest.mark.parametrize(
    "reference", ["Person", "self ", LazyTableReference("Person", module_path="atlas.db.tables")]
)
def test_a_foreign_key_by_name_is_refused(reference: Any) -> None:
    """Piccolo's migrations would make an INTEGER column of a reference by name."""
    with pytest.raises(ValueError, match="references a table class or 'self'"):
        ForeignKey(reference)


def test_foreign_keys_are_safe_by_default() -> None:
    """A foreign key is NOT NULL, ON DELETE RESTRICT and ON UPDATE NO ACTION unless it says so."""
    meta = Sample.person_id._foreign_key_meta
    assert not Sample.person_id._meta.null
    assert (meta.on_delete.value, meta.on_update.value) == ("RESTRICT", "NO ACTION")
    assert Sample.person_id.default is None


def test_a_chain_of_keys_reaches_every_table() -> None:
    """Four foreign keys in a row keep their way, which Piccolo loses between different classes."""
    column = atlas.InvoiceLine.invoice_id.order_id.unit_id.region_id.parent_id.name
    names = [key._meta.name for key in column._meta.call_chain]
    assert names == ["invoice_id", "order_id", "unit_id", "region_id", "parent_id"]


def test_a_joined_column_may_be_called_like_an_attribute_of_the_key() -> None:
    """commerce_promotion has a column value_type, which a foreign key has as an attribute."""
    joined = atlas.OrderLine.promotion_id.value_type
    assert isinstance(joined, Text)
    assert [key._meta.name for key in joined._meta.call_chain] == ["promotion_id"]
    assert ForeignKey.value_type is str


DDL = {
    "id": '"id" TEXT PRIMARY KEY NOT NULL',
    "code": '"code" TEXT UNIQUE NOT NULL',
    "person_id": '"person_id" TEXT NOT NULL REFERENCES "db_person" ("id")'
    " ON DELETE RESTRICT ON UPDATE NO ACTION",
    "owner_id": '"owner_id" TEXT REFERENCES "db_person" ("id")'
    " ON DELETE SET NULL ON UPDATE NO ACTION",
    "parent_id": '"parent_id" TEXT REFERENCES "sample" ("id")'
    " ON DELETE RESTRICT ON UPDATE NO ACTION",
    "apostrophe": "\"apostrophe\" TEXT NOT NULL DEFAULT 'it''s ''so'''",
    "empty": "\"empty\" TEXT NOT NULL DEFAULT ''",
    "level": "\"level\" TEXT NOT NULL DEFAULT 'Basic'",
    "made": '"made" TEXT NOT NULL',
    "none": '"none" TEXT',
    "number": '"number" INTEGER NOT NULL DEFAULT -1',
    "amount": '"amount" {decimal} NOT NULL DEFAULT 0',
    "rate": '"rate" {decimal} NOT NULL DEFAULT 0.25',
    "yes": '"yes" BOOLEAN NOT NULL DEFAULT {true}',
    "no": '"no" BOOLEAN NOT NULL DEFAULT {false}',
    "day": '"day" DATE NOT NULL',
    "created_at": '"created_at" TIMESTAMPTZ NOT NULL DEFAULT {now}',
}
SPELLED = {
    "sqlite": {
        "decimal": "REAL",
        "true": "1",
        "false": "0",
        "now": "(strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'))",
    },
    "postgres": {
        "decimal": "DOUBLE PRECISION",
        "true": "true",
        "false": "false",
        "now": "CURRENT_TIMESTAMP",
    },
}
SPELLED["cockroach"] = SPELLED["postgres"]


@pytest.mark.parametrize("name", DDL)
def test_ddl(engine_type: str, name: str) -> None:
    """A column's DDL says what the model says: no callable's value, and quotes are doubled."""
    column = Sample._meta.get_column_by_name(name)
    assert column.ddl == DDL[name].format(**SPELLED[engine_type])


def test_the_ddl_table_is_complete() -> None:
    """Every column of the sample has its line above."""
    assert list(DDL) == [column._meta.name for column in Sample._meta.columns]


def test_the_primary_key_of_a_join_table_is_its_last_clause(engine_type: str) -> None:
    """A composite key follows all columns, as both databases demand; no column carries its own."""
    for table in (PersonTag, ItemComponent):
        *columns, last = (column.ddl for column in table._meta.columns)
        one, two = (key._meta.name for key in table._key_columns)
        assert last.endswith(f', PRIMARY KEY ("{one}", "{two}")')
        assert not any("PRIMARY KEY" in ddl for ddl in columns)


async def test_defaults_of_the_database_are_those_of_the_class(tmp_path: Any) -> None:
    """A row that plain SQL inserts gets the defaults that an object has, and is read the same."""
    from atlas.engine.sqlite.engine import SQLiteEngine

    class Defaults(Table, tablename="defaults"):
        id = Ulid(primary_key=True)
        apostrophe = Text(default="it's 'so'")
        level = Text(default=Level.basic, choices=Level)
        number = Integer(default=-1)
        rate = Decimal(default=0.25)
        yes = Boolean(default=True)
        created_at = Timestamp(default=Now())

    path = tmp_path / "defaults.db"
    Defaults._meta._db = SQLiteEngine(str(path))
    await Defaults.create_table()
    before = utc_now()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO defaults (id) VALUES (?)", [new_ulid()])
    database.close()
    [read] = await Defaults.select()
    made = Defaults().to_dict()
    created_at = read.pop("created_at")
    assert abs(created_at - before) < datetime.timedelta(seconds=10)
    assert created_at.tzinfo is datetime.UTC
    assert {name: read[name] for name in read if name != "id"} == {
        name: made[name] for name in read if name != "id"
    }


def test_a_made_default_is_new_for_every_row() -> None:
    """Ids and instants are made per row, not once per class."""
    one, two = (Sample(code="c", person_id=new_ulid(), day=datetime.date.today()) for _ in range(2))
    assert one.id != two.id
    assert is_ulid(one.id)
    assert one.made == "made"
    assert isinstance(one.created_at, datetime.datetime)
    assert one.created_at.tzinfo is datetime.UTC


a, b = Order.total_amount, Order.tax_amount
limit = Promotion.usage_limit


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        (a + 1, '("commerce_order"."total_amount" + 1)'),
        (1 + a, '(1 + "commerce_order"."total_amount")'),
        (a - 1, '("commerce_order"."total_amount" - 1)'),
        (1 - a, '(1 - "commerce_order"."total_amount")'),
        (a * 2, '("commerce_order"."total_amount" * 2)'),
        (2 * a, '(2 * "commerce_order"."total_amount")'),
        (a / 2, '("commerce_order"."total_amount" / 2)'),
        (2 / a, '(2 / "commerce_order"."total_amount")'),
        ((a + 1) * 2, '(("commerce_order"."total_amount" + 1) * 2)'),
        (2 * (a + 1), '(2 * ("commerce_order"."total_amount" + 1))'),
        (
            a - (b - 1),
            '("commerce_order"."total_amount" - ("commerce_order"."tax_amount" - 1))',
        ),
        ((limit + 1) * 2, '(("commerce_promotion"."usage_limit" + 1) * 2)'),
        (5 - limit, '(5 - "commerce_promotion"."usage_limit")'),
    ],
)
def test_arithmetic_keeps_its_parentheses(expression: QueryString, sql: str) -> None:
    """Each operation is in parentheses, so that formulas mean in SQL what they mean in Python."""
    assert str(expression) == sql


def test_arithmetic_can_be_selected_and_filtered_by() -> None:
    """An expression can be selected, with joins for the columns in it, and compared with."""
    lines = atlas.OrderLine
    total = lines.quantity * (lines.unit_price - lines.order_id._.discount_amount)
    sql = str(lines.select(total.as_alias("total")).where(lines.total_amount > total))
    formula = (
        '("commerce_order_line"."quantity" * ("commerce_order_line"."unit_price" - '
        '"commerce_order_line$order_id"."discount_amount"))'
    )
    assert f'{formula} AS "total" FROM' in sql
    assert 'LEFT JOIN "commerce_order"' in sql
    assert f'"total_amount" > {formula}' in sql


def test_date_arithmetic_moves_by_whole_days(engine_type: str) -> None:
    """A date plus or minus a timedelta is SQL for the date so many days away."""
    day = datetime.timedelta(days=1)
    column = '"core_unit"."open_date"'
    added, subtracted = str(Unit.open_date + 3 * day), str(Unit.open_date - day)
    if engine_type == "sqlite":
        assert (added, subtracted) == (f"date({column}, '+3 days')", f"date({column}, '-1 days')")
    else:
        assert (added, subtracted) == (f"({column} + (3))", f"({column} + (-1))")
    assert str(day + Unit.open_date) == str(Unit.open_date + day)


def test_a_composite_key_compares_all_its_columns() -> None:
    """The key of a join table is equal to a tuple of values, and to nothing else."""
    key = PersonTag._meta.primary_key
    assert isinstance(key, CompositeKey)
    person, tag = new_ulid(), new_ulid()
    sql = str(PersonTag.select(PersonTag.tag_id).where(key == (person, tag)))
    assert f"\"person_id\" = '{person}'" in sql
    assert f"\"tag_id\" = '{tag}'" in sql
    for value in (None, person):
        nothing = str(PersonTag.select(PersonTag.tag_id).where(key == value))
        assert '"person_id" = null' in nothing
        assert '"tag_id" = null' in nothing
    with pytest.raises(ValueError, match="argument 2 is longer"):
        assert key == (person, tag, tag)


@pytest.mark.parametrize(
    ("column", "value", "python"),
    [
        (Order.total_amount, 5, 5.0),
        (Order.total_amount, None, None),
        (Promotion.usage_limit, 5, 5),
        (Promotion.is_active, 1, True),
        (Promotion.is_active, False, False),
        (Promotion.is_active, None, None),
        (Promotion.end_date, "2026-01-31", datetime.date(2026, 1, 31)),
        (Promotion.end_date, None, None),
        (
            Promotion.created_at,
            "2026-01-31T07:00:00.5+07:00",
            datetime.datetime(2026, 1, 31, 0, 0, 0, 500000, tzinfo=datetime.UTC),
        ),
        (Promotion.created_at, None, None),
        (Promotion.name, "name", "name"),
    ],
)
def test_a_value_comes_out_of_json_as_its_column_reads_it(
    column: Any, value: Any, python: Any
) -> None:
    """What a JSON function of the database gives becomes the column's own Python type."""
    read = column.from_json(value)
    assert (read, type(read)) == (python, type(python))
    assert getattr(read, "tzinfo", None) is getattr(python, "tzinfo", None)

"""Each rule of docs/model.md section 7 finds who breaks it, before and after it is written."""

from __future__ import annotations

import datetime
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import damage
import pytest
from conftest import ROOT, bind
from damage import CASES, Case
from piccolo.engine.base import Engine

import atlas
from atlas import InvalidValueError, Order, OrderLine, Price, RuleViolationError
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer
from atlas.rules import (
    RULES,
    DatabaseCheck,
    RowCheck,
    Severity,
    audit,
    check,
    check_order,
    check_price,
    violations,
)
from atlas.rules.general import money
from atlas.rules.registry import row_checks
from atlas.table import Table

MODEL = (ROOT / "docs" / "model.md").read_text()
_, _, SECTION = MODEL.partition("## 7.")
#: The model's rules: identifier and sentence.
SENTENCES = dict(re.findall(r"^- ([A-Z]\d) (.+)$", SECTION, re.MULTILINE))


@pytest.fixture(scope="module")
def loaded() -> set[int]:
    """The databases that hold the clean rows already."""
    return set()


@pytest.fixture
async def clean(
    module_database: Engine[Any], loaded: set[int], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """The demo and a second entity, in which a test writes inside a transaction it undoes."""
    bind(module_database, monkeypatch)
    await module_database.start_connection_pool()
    if id(module_database) not in loaded:
        await damage.clean()
        loaded.add(id(module_database))
    yield module_database
    await module_database.close_connection_pool()


async def found(**options: Any) -> set[tuple[str, str, str, Any]]:
    """Return what an audit names: rule, table, column, id."""
    report = await audit(limit=None, **options)
    return {(each.rule, each.table, each.column, each.id) for each in report.violations}


async def keys(table: str, where: str) -> list[Any]:
    """Return the primary keys of these rows, as a violation has them."""
    (cls,) = [each for each in atlas.TABLES if each._meta.tablename == table]
    names = ", ".join(column._meta.name for column in cls._key_columns)
    rows = await cls.raw(f"SELECT {names} FROM {table} WHERE {where}")
    return [tuple(row.values()) if len(row) > 1 else next(iter(row.values())) for row in rows]


# --- the audit ---------------------------------------------------------------


async def test_clean_database_breaks_no_rule(clean: Any) -> None:
    """The demo and a second entity obey every rule, and give no warning."""
    assert await found() == set()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_violation_is_named_and_nothing_else(clean: Any, case: Case) -> None:
    """A row that breaks a rule is named with rule, table, column and id, and no other row is."""
    async with clean.transaction() as transaction:
        for statement in case.damage:
            await Order.raw(statement)
        expected = set()
        own = (case.rule, case.table, case.column, case.rows)
        for rule, table, column, where in (own, *case.also):
            rows = await keys(table, where)
            assert rows
            expected |= {(rule, table, column, row) for row in rows}
        assert await found() == expected
        await transaction.rollback()


async def test_all_generated_checks_are_awake(clean: Any) -> None:
    """The checks made from what the tables declare find a row that was corrupted for them."""
    corrupt = {"G1": 0, "G2": 0, "G3": 0, "G4": 0, "G6": 0, "P5": 0}
    for rule, table, column, statement, row in _generated():
        async with clean.transaction() as transaction:
            await _ignore_foreign_keys(clean)
            await Order.raw(statement)
            rows = await keys(table._meta.tablename, row)
            named = await found(rules=[rule], tables=[table])
            assert {(rule, table._meta.tablename, column, key) for key in rows} == named, statement
            assert len(rows) == 1
            await transaction.rollback()
        corrupt[rule] += 1
    tested = dict.fromkeys(corrupt, 0)
    for rule in corrupt:
        tested[rule] = len({(c.table, c.column) for c in RULES[rule].checks} - _by_hand(rule))
    assert corrupt == tested


def _by_hand(rule: str) -> set[tuple[Any, str]]:
    """Return where ``rule`` has checks of rows that are like no other, which a case tests."""
    tables = {table._meta.tablename: table for table in atlas.TABLES}
    return {
        (tables[case.table], case.column)
        for case in CASES
        if case.rule == rule
        and (
            (rule == "G2" and case.column == "value")
            or (rule == "G3" and "time" in case.column)
            or (rule == "P5" and case.table == "db_person")
        )
    }


def _generated() -> list[tuple[str, type[Table], str, str, str]]:
    """Return rule, table, column, a statement that corrupts one row, and SQL for that row."""
    result = []
    for table in atlas.TABLES:
        name = table._meta.tablename
        first = " AND ".join(
            f"{key._meta.name} = (SELECT {key._meta.name} FROM {name} LIMIT 1)"
            for key in table._key_columns[:1]
        )
        if len(table._key_columns) > 1:
            a, b = (key._meta.name for key in table._key_columns)
            first = f"({a}, {b}) = (SELECT {a}, {b} FROM {name} ORDER BY {a}, {b} LIMIT 1)"
        columns = {column._meta.name: column for column in table._meta.columns}
        corrupt: list[tuple[str, str, str]] = [
            ("G1", "updated_at", "'2000-01-01 00:00:00+00:00'"),
            *(("G2", column, "0.5") for column in money(table)),
        ]
        if {"source_id", "source_key"} <= columns.keys():
            corrupt.append(("G4", "source_key", "NULL"))
        corrupt += [
            ("G6", column._meta.name, "'Bogus'")
            for column in table._meta.columns
            if column._meta.choices
        ]
        for rule, column, value in corrupt:
            assignment = f"{column} = {value}"
            if rule == "G4":
                assignment += ", source_id = 'X'"
            result.append(
                (
                    rule,
                    table,
                    column,
                    f"UPDATE {name} SET {assignment} WHERE {first}",
                    f"{column} IS NULL AND source_id = 'X'"
                    if rule == "G4"
                    else f"{column} = {value}",
                )
            )
        if "id" in columns:
            result.append(
                ("G1", table, "id", f"UPDATE {name} SET id = 'x' WHERE {first}", "id = 'x'")
            )
        for begin, end in (
            ("start_date", "end_date"),
            ("enroll_date", "end_date"),
            ("open_date", "close_date"),
            ("lead_date", "closed_date"),
            ("valid_from", "valid_to"),
        ):
            if {begin, end} <= columns.keys():
                result.append(
                    (
                        "G3",
                        table,
                        end,
                        f"UPDATE {name} SET {begin} = '2026-01-02', {end} = '2026-01-01'"
                        f" WHERE {first}",
                        f"{end} = '2026-01-01' AND {begin} = '2026-01-02'",
                    )
                )
        for column in table._meta.foreign_key_columns:
            target = column._foreign_key_meta.resolved_references
            if target is atlas.Person and column._meta.name != "merged_into_id":
                result.append(
                    (
                        "P5",
                        table,
                        column._meta.name,
                        f"UPDATE {name} SET {column._meta.name} = '{damage.LAST}' WHERE {first}",
                        f"{column._meta.name} = '{damage.LAST}'",
                    )
                )
    return result


async def _ignore_foreign_keys(engine: Any) -> None:
    """Let the transaction, which is undone, reference what is not there; add a merged person."""
    if engine.engine_type == "sqlite":
        await Order.raw("PRAGMA defer_foreign_keys = ON")
    else:
        await Order.raw("SET LOCAL session_replication_role = replica")
    await Order.raw(
        damage.insert(
            "db_person",
            id=f"'{damage.LAST}'",
            full_name="'Merged'",
            merged_into_id=damage.person("rina"),
            is_active="'0'",
        )
    )


def test_every_check_is_broken_by_a_case() -> None:
    """No check is without a database that breaks it: for each place as many cases as checks."""
    generated = {(rule, table._meta.tablename, column) for rule, table, column, *_ in _generated()}
    cases = Counter((case.rule, case.table, case.column) for case in CASES)
    cases += Counter(place[:3] for case in CASES for place in case.also)
    checks = Counter(
        (rule.id, check.table._meta.tablename, check.column)
        for rule in RULES.values()
        for check in rule.checks
    )
    missing = {
        place: count - cases[place]
        for place, count in checks.items()
        if cases[place] < count and place not in generated
    }
    assert missing == {}


#: What looks like a violation and is none.
ALLOWED = [
    (
        "a price of a variant that names its item too",
        [
            damage.update(
                "catalog_price",
                "source_key = 'EPT/ONL/2026'",
                item_id=damage.coded("catalog_item", "EPT"),
            )
        ],
    ),
    (
        "an inactive price that overlaps",
        [
            damage.update(
                "catalog_price",
                "source_key = 'GE/A2-GRP/2025'",
                valid_to="NULL",
                is_active="'0'",
            )
        ],
    ),
    (
        "a source that serves the group",
        [
            damage.update("core_source", "code = 'other'", entity_id="NULL"),
            damage.update(
                "commerce_order",
                damage.DRAFT,
                source_id=damage.coded("core_source", "other"),
                source_key="'x'",
            ),
        ],
    ),
    (
        "a transfer: one enrollment closed, another opened",
        [
            damage.update("commerce_enrollment", damage.ACTIVE, status="'Transferred'"),
            damage.insert(
                "commerce_enrollment",
                id=f"'{damage.LAST}'",
                order_line_id=damage.line("SO-0005"),
                person_id=damage.person("raka"),
                enroll_date="'2026-07-01'",
            ),
        ],
    ),
    (
        "a reversal of revenue",
        [
            damage.insert(
                "finance_revenue",
                id=f"'{damage.LAST}'",
                entity_id=damage.ENTITY,
                unit_id=damage.coded("core_unit", "ONL"),
                order_line_id=damage.line("SO-0002"),
                revenue_date="'2026-03-01'",
                amount="-650000",
            )
        ],
    ),
    (
        "a cancelled order whose money went back",
        [
            damage.update("commerce_order", "number = 'SO-0003'", status="'Cancelled'"),
            damage.insert(
                "finance_payment",
                id=f"'{damage.LAST}'",
                entity_id=damage.ENTITY,
                number="'REFUND'",
                direction="'Out'",
                method="'Cash'",
                payment_date="'2026-02-20'",
                amount="503200",
            ),
            damage.insert(
                "finance_payment_allocation",
                payment_id=f"'{damage.LAST}'",
                invoice_id=damage.one("finance_invoice", "number = 'INV-0003'"),
                amount="503200",
            ),
        ],
    ),
    (
        "a pending payment allocated beyond what is open",
        [
            damage.insert(
                "finance_payment_allocation",
                payment_id=damage.one("finance_payment", "number = 'PAY-0005'"),
                invoice_id=damage.one("finance_invoice", "number = 'INV-0001'"),
                amount="2200000",
            )
        ],
    ),
    (
        "a half rupiah that is rounded up in a line",
        [
            damage.update(
                "commerce_order_line",
                damage.DRAFT_LINE,
                quantity="2.5",
                unit_price="333333",
                total_amount="833333",
            ),
            damage.update(
                "commerce_order", damage.DRAFT, subtotal_amount="833333", total_amount="833333"
            ),
        ],
    ),
    (
        "a price that begins the day after another ends",
        [
            damage.update(
                "catalog_price",
                "source_key = 'GE/A2-GRP/2026'",
                valid_from="'2026-01-01'",
            )
        ],
    ),
    (
        "a district right below a province",
        [
            damage.update("core_region", "code = '32.73'", type="'District'"),
        ],
    ),
]


@pytest.mark.parametrize("statements", [s for _, s in ALLOWED], ids=[name for name, _ in ALLOWED])
async def test_what_is_allowed_is_not_named(clean: Any, statements: list[str]) -> None:
    """A row that a rule allows for is no violation."""
    async with clean.transaction() as transaction:
        for statement in statements:
            await Order.raw(statement)
        assert await found() == set()
        await transaction.rollback()


async def test_halves_are_rounded_up_on_both_databases(clean: Any) -> None:
    """2.5 rupiah are 3, on SQLite, on PostgreSQL and in Python; so are 3.5 rupiah 4."""
    for unit_price, total in ((2.5, 3), (3.5, 4), (2.4, 2), (1_000_000.5, 1_000_001)):
        assert violations_of_line(quantity=1, unit_price=unit_price, total_amount=total) == {"G2"}
        assert violations_of_line(quantity=1, unit_price=unit_price, total_amount=total - 1) == {
            "G2",
            "O4",
        }
        async with clean.transaction() as transaction:
            await Order.raw(
                f"UPDATE commerce_order_line SET unit_price = {unit_price},"
                f" total_amount = {total} WHERE {damage.DRAFT_LINE}"
            )
            named = await found(rules=["O4"], tables=[OrderLine])
            assert named == set()
            await transaction.rollback()


def violations_of_line(**values: Any) -> set[str]:
    """Return the rules that an order line of these values breaks on its own."""
    return {each.rule for each in violations(OrderLine, values)}


# --- the model ---------------------------------------------------------------


def test_every_rule_of_the_model_is_there() -> None:
    """The rules are those of section 7, word for word and in its order."""
    assert {rule.id: rule.text for rule in RULES.values()} == SENTENCES
    assert list(RULES) == list(SENTENCES)


def test_every_rule_is_audited_or_says_why_not() -> None:
    """A rule has checks, or a reason why no database can be audited for it, or both."""
    for rule in RULES.values():
        assert rule.checks or rule.not_audited, rule.id
    assert [rule.id for rule in RULES.values() if not rule.is_audited] == ["M1", "T4"]


def test_what_no_row_tells_is_not_claimed() -> None:
    """Where the model says that something does not change, the rule says it is not audited."""
    for rule, sentence in SENTENCES.items():
        if re.search(r"never changes|do not change|changes only|changes exactly", sentence):
            assert RULES[rule].not_audited, rule


def test_warnings_are_those_of_the_model() -> None:
    """Warnings are what the model calls so; and clocks, which may disagree."""
    warned = {
        (rule.id, check.column)
        for rule in RULES.values()
        for check in rule.checks
        if check.severity is Severity.warning
    }
    assert warned == {
        ("G1", "updated_at"),
        ("E1", "sales_person_id"),
        ("C4", "capacity"),
        ("O6", "promotion_id"),
        ("O6", "usage_limit"),
        ("M2", "start_date"),
        ("M3", "person_id"),
    }


def test_every_decimal_is_money_or_known_not_to_be() -> None:
    """A new decimal column is under G2, or is named here."""
    others = {
        (table.__name__, column._meta.name)
        for table in atlas.TABLES
        for column in table._meta.columns
        if isinstance(column, Decimal) and column._meta.name not in money(table)
    }
    assert others == {
        ("ItemComponent", "quantity"),
        ("Promotion", "value"),  # rupiah or percent: a check of its own
        ("OrderLine", "quantity"),
        ("Enrollment", "score"),
        ("TargetLine", "value"),  # rupiah or a count: a check of its own
    }


def test_every_reference_within_an_entity_is_under_a_rule() -> None:
    """A foreign key between two tables of an entity is under E1, or under the rule named here."""
    stricter = {
        ("Variant", "item_id"),  # has no entity but this one
        ("Price", "item_id"),
        ("Price", "variant_id"),  # C1
        ("ItemComponent", "item_id"),
        ("ItemComponent", "component_id"),  # C3
        ("BatchInstructor", "batch_id"),
        ("OrderLine", "order_id"),
        ("OrderLine", "variant_id"),  # O3
        ("OrderLine", "price_id"),  # O3
        ("Enrollment", "order_line_id"),
        ("Enrollment", "batch_id"),  # O7
        ("InvoiceLine", "invoice_id"),
        ("InvoiceLine", "order_line_id"),  # F1
        ("PaymentAllocation", "payment_id"),
        ("CampaignChannel", "campaign_id"),
        ("TargetLine", "plan_id"),
        ("PersonUnit", "unit_id"),  # persons are the group's
        ("Organization", "source_id"),
        ("Identifier", "source_id"),  # of the group too
    }
    shared = {"Entity", "Region", "Period", "Channel", "Person", "Organization", "Tag"}
    checked = {(check.table.__name__, check.column) for check in RULES["E1"].checks}
    for table in atlas.TABLES:
        for column in table._meta.foreign_key_columns:
            target = column._foreign_key_meta.resolved_references.__name__
            if target not in shared:
                place = (table.__name__, column._meta.name)
                assert (place in checked) != (place in stricter), place


# --- rows before they are written --------------------------------------------


def test_price_without_item_and_variant_is_refused() -> None:
    """The guard of C1 says table, rule, column and sentence."""
    with pytest.raises(RuleViolationError) as caught:
        check_price({"amount": 1, "valid_from": "2026-01-01"})
    error = caught.value
    assert (error.table, error.rule, error.column) == ("catalog_price", "C1", "item_id")
    assert str(error) == "catalog_price.item_id: price without item and variant (C1)"
    check_price({"item_id": damage.LAST, "amount": 1})


def test_enrollment_order_without_participant_is_refused() -> None:
    """The guard of O1 refuses a dict and an object alike, and takes one with a participant."""
    row = {"type": "Enrollment", "customer_id": damage.LAST}
    with pytest.raises(RuleViolationError, match=r"without participant \(O1\)"):
        check_order(row)
    with pytest.raises(RuleViolationError, match=r"without participant \(O1\)"):
        check_order(
            Order(
                entity_id=damage.LAST,
                unit_id=damage.LAST,
                number="1",
                type=Order.Type.Enrollment,
                order_date=datetime.date(2026, 1, 1),
                customer_id=damage.LAST,
            )
        )
    check_order({**row, "participant_id": damage.LAST})
    check_order({**row, "type": "Product"})


def test_all_broken_rules_are_named_at_once() -> None:
    """The error has a sentence for each rule that the row breaks."""
    with pytest.raises(RuleViolationError) as caught:
        check(Order, {"type": "Enrollment", "total_amount": 0.5, "source_key": "x"})
    assert (caught.value.rule, caught.value.column) == ("G2", "total_amount")
    assert str(caught.value) == (
        "commerce_order.total_amount: total_amount 0.5 is not a whole rupiah (G2); only one of "
        "source_id and source_key is set (G4); Enrollment order without participant (O1); order "
        "without customer and organization (O2)"
    )


def test_violations_of_a_row_have_its_key() -> None:
    """A row that knows its primary key is named by it, a join table's by both; a new one is not."""
    item = "01JZ" + "0" * 22
    (found,) = violations(atlas.ItemComponent, {"item_id": item, "component_id": item})
    assert found.id == (item, item)
    assert str(found) == f"catalog_item_component {item}/{item}: an item is its own component (C3)"
    (found,) = violations(Price, {"amount": 1})
    assert found.id is None
    assert str(found) == "catalog_price (new row): price without item and variant (C1)"


def test_columns_that_are_left_out_have_their_defaults() -> None:
    """A check decides by the default that the insert will use, and not where there is none."""
    assert violations(OrderLine, {"unit_price": 100, "total_amount": 100}) == []
    assert violations_of_line(unit_price=100, total_amount=101) == {"O4"}
    assert violations_of_line(unit_price=100) == set()  # its total is not known


def test_texts_of_a_spreadsheet_are_compared_as_what_they_stand_for() -> None:
    """A number or a day in a text is that number or day; an enum's member is its token."""
    assert violations_of_line(quantity="2", unit_price="1500000", total_amount="3000000") == set()
    assert violations_of_line(quantity="2", unit_price="1500000", total_amount="1") == {"O4"}
    late = {"item_id": damage.LAST, "valid_from": "2026-02-01", "valid_to": "2026-01-31"}
    assert [each.rule for each in violations(Price, late)] == ["G3"]
    order = {"type": Order.Type.Enrollment, "customer_id": damage.LAST}
    assert [each.rule for each in violations(Order, order)] == ["O1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"participent_id": "x"}, "participent_id.*is for no column"),
        ({"order_date": "1 March"}, "order_date: '1 March'"),
        ({"order_date": "2026-02-30"}, "order_date: '2026-02-30'"),
        ({"total_amount": "1.500.000"}, "total_amount"),
        ({"total_amount": None}, "is required"),
    ],
)
def test_what_is_no_value_is_refused(row: dict[str, Any], message: str) -> None:
    """A column that does not exist, or a value of another type, is not a row to check."""
    with pytest.raises(InvalidValueError, match=message):
        check(Order, row)


# --- a rule said twice is said alike -----------------------------------------

_TEXTS = [
    None,
    "",
    "3174011708810000",
    "317401170881000",
    "31740117088100001",
    "3174-11708810000",
    "٣١٧٤٠١١٧٠٨٨١٠٠٠٠",
    "+6281200000001",
    "+0812000000",
    "081200000001",
    "+62812000000012345",
    "+62 8120000",
    "+1234567",
    "ID",
    "id",
    "IDN",
    "I1",
    "@handle",
    "handle",
    "A@b.example",
    "a@b.example",
    "00:00",
    "23:59",
    "24:00",
    "12:60",
    "9:00",
    "09.00",
    "1a:00",
    "12:00:00",
    "01JZZZZZZZZZZZZZZZZZZZZZZZ",
    "81JZZZZZZZZZZZZZZZZZZZZZZZ",
    "01JZZZZZZZZZZZZZZZZZZZZZZU",
    "01jzzzzzzzzzzzzzzzzzzzzzzz",
    "OrderCount",
]
_AMOUNTS = [0.0, -1.0, 0.5, 1.0, 1.5, 2.5, 3.0, 99.99, 100.0, 100.5, 101.0, 1_500_000.0, -2.5]
_DAYS = [datetime.date(2026, 1, day) for day in (1, 2, 3)]
_INSTANTS = [datetime.datetime(2026, 1, 1, 0, 0, s, tzinfo=datetime.UTC) for s in (0, 1)]
_IDS = ["01JZZZZZZZZZZZZZZZZZZZZZZZ", "01JYYYYYYYYYYYYYYYYYYYYYYY"]


def _some_value(column: Any, choose: random.Random) -> Any:
    if column._meta.null and choose.random() < 0.3:
        return None
    match column:
        case _ if column._tokens is not None:
            return choose.choice([*sorted(column._tokens), "Bogus"])
        case ForeignKey():
            return choose.choice(_IDS)
        case Decimal():
            return choose.choice(_AMOUNTS)
        case Integer():
            return choose.choice([0, 1, 2])
        case Boolean():
            return choose.choice([True, False])
        case Date():
            return choose.choice(_DAYS)
        case _ if column._meta.name in ("created_at", "updated_at"):
            return choose.choice(_INSTANTS)
    return choose.choice(_TEXTS[0 if column._meta.null else 1 :])


@pytest.mark.parametrize(
    "table", [t for t in atlas.TABLES if row_checks(t)], ids=lambda table: table.__name__
)
async def test_row_checks_say_the_same_in_python_and_in_sql(clean: Any, table: type[Table]) -> None:
    """A row breaks a rule in Python exactly when it breaks it in the database."""
    choose = random.Random(table.__name__)  # noqa: S311 - chance is not a secret here
    names = [column._meta.name for column in table._meta.columns]
    rows = [
        {column._meta.name: _some_value(column, choose) for column in table._meta.columns}
        for _ in range(150)
    ]
    checks = [each for _, each in row_checks(table)]
    marks = ", ".join(["{}"] * len(names))
    selected = ", ".join(f"({each.condition}) AS c{n}" for n, each in enumerate(checks))
    async with clean.transaction() as transaction:
        await Order.raw(
            f"CREATE TEMPORARY TABLE tried AS SELECT * FROM {table._meta.tablename} WHERE 1 = 0"
        )
        await Order.raw("ALTER TABLE tried ADD COLUMN place INTEGER")
        for place, row in enumerate(rows):
            await Order.raw(
                f"INSERT INTO tried ({', '.join(names)}, place) VALUES ({marks}, {place})",
                *row.values(),
            )
        told = await Order.raw(f"SELECT {selected} FROM tried ORDER BY place")
        await transaction.rollback()
    for row, answers in zip(rows, told, strict=True):
        for each, answer in zip(checks, answers.values(), strict=True):
            assert bool(answer) == each.breaks(row), (each.sentence, row)
    for number, each in enumerate(checks):
        assert any(answers[f"c{number}"] for answers in told), each.sentence


def test_row_checks_ask_only_columns_of_their_table() -> None:
    """Each names columns that exist, and shows none that holds personal data."""
    private = {"value", "phone", "email", "npwp", "full_name"}
    for table in atlas.TABLES:
        for rule, each in row_checks(table):
            assert isinstance(each, RowCheck)
            assert {each.column, *each.fields} <= table._column_names
            if rule.id.startswith("P"):
                assert not private & set(each.fields), each.sentence


# --- the document ------------------------------------------------------------


def rule_table() -> list[str]:
    """Return the table of docs/rules.md as the code has it."""

    def names(rule: Any, kind: type) -> str:
        tables = [each.table.__name__ for each in rule.checks if isinstance(each, kind)]
        count = len(dict.fromkeys(tables))
        listed = ", ".join(dict.fromkeys(tables)) if count <= 6 else f"{count} tables"
        severities = {each.severity for each in rule.checks if isinstance(each, kind)}
        warned = [each.table.__name__ for each in rule.checks if each.severity is Severity.warning]
        if Severity.warning in severities and rule.id != "G1":
            everything = severities == {Severity.warning}
            listed += " (warning)" if everything else f" (warning: {', '.join(warned)})"
        return listed or "-"

    return [
        f"| {rule.id} | {names(rule, RowCheck)} | {names(rule, DatabaseCheck)} "
        f"| {rule.not_audited or '-'} |"
        for rule in RULES.values()
    ]


def test_document_lists_the_rules() -> None:
    """docs/rules.md has every rule with its tables and what is not audited, as the code does."""
    text = (ROOT / "docs" / "rules.md").read_text()
    assert re.findall(r"^\| [A-Z]\d \|.*$", text, re.MULTILINE) == rule_table()

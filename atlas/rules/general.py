"""G1 to G6: what holds for the rows of all tables; made from what the tables declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from atlas.columns import Decimal
from atlas.rules import formats
from atlas.rules.rule import Check, DatabaseCheck, RowCheck, Rule, Severity
from atlas.table import Table
from atlas.tables import (
    TABLES,
    Account,
    Agenda,
    Category,
    Entity,
    Payment,
    PaymentAllocation,
    Period,
    Promotion,
    Region,
    Revenue,
    TargetLine,
    Unit,
)

#: Money whose note in the model allows other amounts than 0 and more.
_POSITIVE = {(Payment, "amount"), (PaymentAllocation, "amount")}
_ANY_SIGN = {(Revenue, "amount")}

#: The first and the last day of an interval.
_INTERVALS = (
    ("start_date", "end_date"),
    ("enroll_date", "end_date"),
    ("open_date", "close_date"),
    ("lead_date", "closed_date"),
    ("valid_from", "valid_to"),
)

_TREES: tuple[type[Table], ...] = (
    Entity,
    Unit,
    Region,
    Period,
    Category,
    Account,
)

#: How wide a type is; a child is narrower than its parent.
_WIDTHS: dict[type[Table], dict[str, int]] = {
    Region: {"Province": 3, "City": 2, "Regency": 2, "District": 1, "Village": 0},
    Period: {"Year": 2, "Quarter": 1, "Month": 0},
}


def _names(table: type[Table]) -> frozenset[str]:
    return table._column_names


# --- G1, G4, G6 -------------------------------------------------------------


def _ids() -> Iterator[Check]:
    for table in TABLES:
        if "id" in _names(table):
            yield RowCheck(
                table=table,
                column="id",
                sentence="id is not a ULID",
                breaks=lambda row: not formats.ULID.fits(row["id"]),
                condition=formats.ULID.misfits("id"),
            )


def _stamps() -> Iterator[Check]:
    for table in TABLES:
        yield RowCheck(
            table=table,
            column="updated_at",
            sentence="updated_at is before created_at",
            severity=Severity.warning,  # two machines' clocks may disagree
            breaks=lambda row: (
                row["created_at"] is not None
                and row["updated_at"] is not None
                and row["updated_at"] < row["created_at"]
            ),
            condition="updated_at < created_at",
        )


def _source_pairs() -> Iterator[Check]:
    for table in TABLES:
        if {"source_id", "source_key"} <= _names(table):
            yield RowCheck(
                table=table,
                column="source_key",
                sentence="only one of source_id and source_key is set",
                breaks=lambda row: (row["source_id"] is None) != (row["source_key"] is None),
                condition="(source_id IS NULL) <> (source_key IS NULL)",
            )


def _choices() -> Iterator[Check]:
    for table in TABLES:
        columns: list[Any] = table._meta.columns
        for column in columns:
            if column._tokens is not None:
                yield _choice(table, column._meta.name, column._tokens)


def _choice(table: type[Table], name: str, tokens: frozenset[str]) -> Check:
    return RowCheck(
        table=table,
        column=name,
        sentence=f"{name} {{{name}}} is not one of its choices",
        breaks=lambda row: row[name] is not None and row[name] not in tokens,
        condition=f"{name} NOT IN {formats.sql_list(sorted(tokens))}",
    )


# --- G2 ---------------------------------------------------------------------


def money(table: type[Table]) -> tuple[str, ...]:
    """Return the names of the columns of ``table`` that hold rupiah, whatever its other columns."""
    return tuple(
        column._meta.name
        for column in table._meta.columns
        if isinstance(column, Decimal) and column._meta.name.endswith(("amount", "unit_price"))
    )


def _amounts() -> Iterator[Check]:
    for table in TABLES:
        for name in money(table):
            yield _whole(table, name)
            if (table, name) not in _ANY_SIGN:
                yield _signed(table, name, positive=(table, name) in _POSITIVE)


def _whole(table: type[Table], name: str) -> Check:
    return RowCheck(
        table=table,
        column=name,
        sentence=f"{name} {{{name}}} is not a whole rupiah",
        breaks=lambda row: row[name] is not None and row[name] != round(row[name]),
        condition=f"{name} <> ROUND({name})",
    )


def _signed(table: type[Table], name: str, *, positive: bool) -> Check:
    return RowCheck(
        table=table,
        column=name,
        sentence=f"{name} {{{name}}} is not positive"
        if positive
        else f"{name} {{{name}}} is negative",
        breaks=lambda row: (
            row[name] is not None and (row[name] <= 0 if positive else row[name] < 0)
        ),
        condition=f"{name} {'<=' if positive else '<'} 0",
    )


#: Columns that hold rupiah in some rows only.
_VALUES = (
    RowCheck(
        table=Promotion,
        column="value",
        sentence="value {value} is not a percentage from 0 to 100",
        breaks=lambda row: row["value_type"] == "Percentage" and not 0 <= row["value"] <= 100,
        condition="value_type = 'Percentage' AND NOT value BETWEEN 0 AND 100",
    ),
    RowCheck(
        table=Promotion,
        column="value",
        sentence="value {value} is not a whole rupiah of 0 or more",
        breaks=lambda row: (
            row["value_type"] == "Amount"
            and (row["value"] < 0 or row["value"] != round(row["value"]))
        ),
        condition="value_type = 'Amount' AND (value < 0 OR value <> ROUND(value))",
    ),
    RowCheck(
        table=TargetLine,
        column="value",
        sentence="value {value} of an amount is not a whole rupiah of 0 or more",
        breaks=lambda row: (
            row["metric"].endswith("Amount")
            and (row["value"] < 0 or row["value"] != round(row["value"]))
        ),
        condition="metric LIKE '%Amount' AND (value < 0 OR value <> ROUND(value))",
    ),
)


# --- G3 ---------------------------------------------------------------------


def _intervals() -> Iterator[Check]:
    for table in TABLES:
        for first, last in _INTERVALS:
            if {first, last} <= _names(table):
                yield _interval(table, first, last)


def _interval(table: type[Table], first: str, last: str) -> Check:
    return RowCheck(
        table=table,
        column=last,
        sentence=f"{last} is before {first}",
        breaks=lambda row: (
            row[first] is not None and row[last] is not None and row[last] < row[first]
        ),
        condition=f"{last} < {first}",
    )


def _time(name: str) -> Check:
    return RowCheck(
        table=Agenda,
        column=name,
        sentence=f"{name} {{{name}}} is not a time from 00:00 to 23:59",
        breaks=lambda row: not formats.TIME.fits(row[name]),
        condition=formats.TIME.misfits(name),
    )


_TIMES = (
    _time("start_time"),
    _time("end_time"),
    RowCheck(
        table=Agenda,
        column="end_time",
        sentence="it is of one day, and ends at {end_time}, not after its start at {start_time}",
        breaks=lambda row: (
            row["start_date"] == row["end_date"]
            and row["start_time"] is not None
            and row["end_time"] is not None
            and row["end_time"] <= row["start_time"]
        ),
        condition="start_date = end_date AND end_time <= start_time",
    ),
)


# --- G5 ---------------------------------------------------------------------


def _cycle(table: type[Table]) -> Check:
    """Find the rows on a cycle.

    From the roots down every row of a tree is met, once. Only of those that are not,
    which are on a cycle or hang below one, are the ancestors looked at; UNION ends
    that walk where it meets a row again.
    """
    name = table._meta.tablename
    return DatabaseCheck(
        table=table,
        column="parent_id",
        sentence="it is its own ancestor",
        sql=f"""
            WITH RECURSIVE reached(id) AS (
                SELECT id FROM {name} WHERE parent_id IS NULL
                UNION ALL
                SELECT child.id FROM reached JOIN {name} child ON child.parent_id = reached.id
            ), above(id, ancestor_id) AS (
                SELECT id, parent_id FROM {name} WHERE id NOT IN (SELECT id FROM reached)
                UNION
                SELECT above.id, parent.parent_id
                  FROM above JOIN {name} parent ON parent.id = above.ancestor_id
            )
            SELECT id FROM above WHERE id = ancestor_id
        """,
    )


def _narrower(table: type[Table]) -> Check:
    def width(alias: str) -> str:
        cases = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in _WIDTHS[table].items())
        return f"CASE {alias}.type {cases} END"

    return DatabaseCheck(
        table=table,
        column="type",
        sentence="a {type} cannot lie in a {parent_type}",
        sql=f"""
            SELECT t.id, t.type AS type, p.type AS parent_type
              FROM {table._meta.tablename} t JOIN {table._meta.tablename} p ON p.id = t.parent_id
             WHERE {width("t")} >= {width("p")}
        """,
    )


_PERIOD_DATES = DatabaseCheck(
    table=Period,
    column="start_date",
    sentence="its dates are not inside those of its parent {parent}",
    sql="""
        SELECT t.id, p.code AS parent
          FROM core_period t JOIN core_period p ON p.id = t.parent_id
         WHERE t.start_date < p.start_date OR t.end_date > p.end_date
    """,
)

_ACCOUNT_TYPES = DatabaseCheck(
    table=Account,
    column="type",
    sentence="its type {type} is not that of its parent, {parent_type}",
    sql="""
        SELECT t.id, t.type AS type, p.type AS parent_type
          FROM finance_account t JOIN finance_account p ON p.id = t.parent_id
         WHERE t.type <> p.type
    """,
)


RULES = (
    Rule(
        "G1",
        (*_ids(), *_stamps()),
        not_audited="that created_at never changed, and updated_at with every value: "
        "no row tells what it was before",
    ),
    Rule("G2", (*_amounts(), *_VALUES)),
    Rule("G3", (*_intervals(), *_TIMES)),
    Rule(
        "G4",
        tuple(_source_pairs()),
        not_audited="that a row's pair never changed: no row tells what it was before",
    ),
    Rule(
        "G5",
        (
            *map(_cycle, _TREES),
            *map(_narrower, _WIDTHS),
            _PERIOD_DATES,
            _ACCOUNT_TYPES,
        ),
    ),
    Rule("G6", tuple(_choices())),
)

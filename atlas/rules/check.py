"""Rows before they are written: the checks that need nothing but the row.

In: a table, and a row of it as a dict or as an object. Out: what it breaks, or
``RuleViolationError``. Asks no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

from atlas.columns import ForeignKey, ModelColumn
from atlas.errors import InvalidValueError, RuleViolationError
from atlas.rules.registry import row_checks
from atlas.rules.rule import Severity, Violation, key_of
from atlas.table import Table
from atlas.tables import Order, Price


def violations(table: type[Table], row: Mapping[str, Any] | Table) -> list[Violation]:
    """Return what ``row`` breaks of the rules that need nothing but the row.

    ``row`` is a dict by column name, as ``insert`` and ``upsert`` take it, or an
    object of the table. A column that is left out has its default; a check of a
    column that is left out and has none is left out too. Raises
    ``InvalidValueError`` for a column that the table does not have, and for a
    value that is none of its column's type.
    """
    return _violations(table, _values(table, row))


def _violations(table: type[Table], values: _Values) -> list[Violation]:
    found = []
    for rule, check in row_checks(table):
        try:
            if not check.breaks(values):
                continue
        except _MissingError:
            continue
        key = tuple(values[name] for name in check.key if values.get(name) is not None)
        found.append(
            Violation(
                rule=rule.id,
                severity=check.severity,
                table=table._meta.tablename,
                id=None if len(key) < len(check.key) else key_of(key),
                column=check.column,
                sentence=check.said_of(values),
            )
        )
    return found


def broken(table: type[Table], row: Mapping[str, Any], is_new: bool) -> list[tuple[str, str]]:
    """Return the columns of a row that break a rule, each with the rule's sentence.

    Of a row that is not new it is known only what it carries: a check that asks for
    another column is left out.
    """
    values = _values(table, row) if is_new else _carried(table, row)
    found = _violations(table, values)
    return [
        (each.column, f"breaks a rule: {each.sentence} ({each.rule})")
        for each in found
        if each.severity is Severity.error
    ]


def check(table: type[Table], row: Mapping[str, Any] | Table) -> None:
    """Raise ``RuleViolationError`` unless ``row`` obeys all rules that need nothing but the row.

    Takes what ``violations`` takes, and raises what it raises. Warnings pass.
    """
    broken = [each for each in violations(table, row) if each.severity is Severity.error]
    if broken:
        first, *others = broken
        raise RuleViolationError(
            first.table,
            first.rule,
            first.column,
            first.sentence,
            [f"{each.sentence} ({each.rule})" for each in others],
        )


def check_price(row: Mapping[str, Any] | Table) -> None:
    """Refuse a price that is of no item and no variant (C1), or breaks another rule on its own.

    Raises ``RuleViolationError``.
    """
    check(Price, row)


def check_order(row: Mapping[str, Any] | Table) -> None:
    """Refuse an Enrollment order without participant (O1), or that breaks another rule on its own.

    Raises ``RuleViolationError``.
    """
    check(Order, row)


class _MissingError(LookupError):
    """A check asks for a column that was left out and has no default."""


class _Values(dict[str, Any]):
    """The values of a row by column; to ask for one that is not known skips the check."""

    def __missing__(self, name: str) -> Any:
        raise _MissingError(name)


def _values(table: type[Table], row: Mapping[str, Any] | Table) -> _Values:
    if isinstance(row, Table):
        row = {name: row._plain(name) for name in row._column_names}
    return _Values({**_defaults(table), **_carried(table, row)})


def _carried(table: type[Table], row: Mapping[str, Any]) -> _Values:
    columns = _columns(table)
    values = _Values()
    for name, value in row.items():
        if name not in columns:
            raise InvalidValueError(
                table._meta.tablename,
                str(name),
                value,
                f"is for no column; there are: {', '.join(columns)}",
            )
        values[name] = _value(columns[name], value)
    return values


@cache
def _columns(table: type[Table]) -> dict[str, Any]:
    return {column._meta.name: column for column in table._meta.columns}


@cache
def _defaults(table: type[Table]) -> dict[str, Any]:
    """Return what the columns hold that are left out, where that is known before the insert."""
    defaults: dict[str, Any] = {}
    for column in table._meta.columns:
        default = getattr(column, "default", None)
        if isinstance(default, Enum):
            default = default.value
        if isinstance(default, str | int | float):
            defaults[column._meta.name] = default
        elif column._meta.null:
            defaults[column._meta.name] = None
    return defaults


def _value(column: ModelColumn[Any], value: Any) -> Any:
    """Return ``value`` as Python compares it; a text that stands for a number or day as that."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(column, ForeignKey):
        return value._key if isinstance(value, Table) else value
    if isinstance(value, str) and (column._tokens is not None or column._meta.primary_key):
        return value  # the rules have a word on these
    return column.accept(value)

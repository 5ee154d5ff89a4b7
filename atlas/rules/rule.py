"""What a rule is: its sentence in the model, and the checks that find who breaks it.

In: nothing. Out: the shapes that the other modules fill: ``Rule``, its checks, and
``Violation``. Knows the columns of a table, and no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import Any

from atlas.rules.wording import TEXTS
from atlas.table import Table

Row = Mapping[str, Any]


class Severity(StrEnum):
    """Whether a row that breaks a rule is wrong, or only worth a look."""

    error = "error"
    #: The model says so, or the database cannot tell.
    warning = "warning"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One way in which the rows of one table can break a rule."""

    table: type[Table]
    #: What the row breaks, in a few words. ``{name}`` stands for a value that was found.
    sentence: str
    #: The column that is wrong, or the first of several.
    column: str
    severity: Severity = Severity.error

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the values that the sentence shows."""
        return tuple(
            dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.sentence) if name)
        )

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the table's primary key columns."""
        return tuple(column._meta.name for column in self.table._key_columns)

    def said_of(self, values: Row) -> str:
        """Return the sentence about a row in which these values were found."""
        return self.sentence.format_map({name: _shown(values[name]) for name in self.fields})


@dataclass(frozen=True, kw_only=True)
class RowCheck(Check):
    """A check that needs nothing but the row: it can be made before the row is written.

    The rule is said twice, for Python and for the databases; tests/rules/test_rules.py
    asks both about the same rows.
    """

    #: Whether a row, which has all columns of the table, breaks the rule.
    breaks: Callable[[Row], bool]
    #: The same as SQL, about the columns of the row alone.
    condition: str


@dataclass(frozen=True, kw_only=True)
class DatabaseCheck(Check):
    """A check that looks at other rows too, so only a database can be asked."""

    #: A SELECT of the rows that break the rule: the primary key, then ``fields`` by name.
    #: It runs on SQLite and on PostgreSQL.
    sql: str


@dataclass(frozen=True)
class Rule:
    """A rule of docs/model.md section 7."""

    #: As in the model: ``O4``.
    id: str
    checks: tuple[Check, ...] = ()
    #: What of it no look at a database can find, and why; empty when there is nothing.
    not_audited: str = ""

    @property
    def text(self) -> str:
        """The sentence of the model, word for word."""
        return TEXTS[self.id]

    @property
    def is_audited(self) -> bool:
        """Whether a database can be audited for it, or for a part of it."""
        return bool(self.checks)


@dataclass(frozen=True)
class Violation:
    """A row that breaks a rule."""

    rule: str
    severity: Severity
    #: The table's name in the database.
    table: str
    #: The primary key; a tuple for a join table, None for a row that has none yet.
    id: str | tuple[str, ...] | None
    column: str
    sentence: str

    def __str__(self) -> str:
        row = "/".join(self.id) if isinstance(self.id, tuple) else self.id or "(new row)"
        return f"{self.table} {row}: {self.sentence} ({self.rule})"


def key_of(values: tuple[str, ...]) -> str | tuple[str, ...]:
    """Return a primary key as it is written: a tuple only where it has several columns."""
    return values[0] if len(values) == 1 else values


def _shown(value: Any) -> str:
    """Return a value as it stands in a sentence: amounts grouped by thousands."""
    if value is None:
        return "null"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:,}"

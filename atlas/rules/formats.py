"""The forms that texts and amounts must have, each for Python and for the databases.

In: a value, or an SQL expression. Out: whether it has the form, or SQL that asks.
The SQL means the same on SQLite and PostgreSQL, which share no regular
expressions and round halves differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from atlas.ulid import ULID_PATTERN

_DIGITS = "'0123456789'"
_LETTERS = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
_CROCKFORD = "'0123456789ABCDEFGHJKMNPQRSTVWXYZ'"

#: Differences below this are the noise of floats: amounts are whole rupiah (G2).
HALF_RUPIAH = 0.5


@dataclass(frozen=True)
class Form:
    """A form of text."""

    pattern: re.Pattern[str]
    #: SQL in which ``{0}`` is the text.
    template: str

    def fits(self, text: str | None) -> bool:
        """Return whether ``text`` has this form. None has: it is another rule's business."""
        return text is None or self.pattern.fullmatch(text) is not None

    def misfits(self, expression: str) -> str:
        """Return SQL that holds when a text that is not null has another form."""
        return f"NOT ({self.template.format(expression)})"


ULID = Form(
    ULID_PATTERN,
    f"length({{0}}) = 26 AND ltrim({{0}}, {_CROCKFORD}) = ''"
    " AND ltrim(substr({0}, 1, 1), '01234567') = ''",
)
SIXTEEN_DIGITS = Form(
    re.compile(r"[0-9]{16}"), f"length({{0}}) = 16 AND ltrim({{0}}, {_DIGITS}) = ''"
)
#: ISO 3166-1 alpha-2, by its shape.
COUNTRY = Form(re.compile(r"[A-Z]{2}"), f"length({{0}}) = 2 AND ltrim({{0}}, {_LETTERS}) = ''")
#: E.164: at most 15 digits and no leading 0. No country has numbers of less than 8.
PHONE = Form(
    re.compile(r"\+[1-9][0-9]{7,14}"),
    "length({0}) BETWEEN 9 AND 16 AND substr({0}, 1, 1) = '+' AND substr({0}, 2, 1) <> '0'"
    f" AND ltrim(substr({{0}}, 2), {_DIGITS}) = ''",
)
TIME = Form(
    re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"),
    "length({0}) = 5 AND substr({0}, 3, 1) = ':'"
    f" AND ltrim(substr({{0}}, 1, 2) || substr({{0}}, 4, 2), {_DIGITS}) = ''"
    " AND substr({0}, 1, 2) <= '23' AND substr({0}, 4, 2) <= '59'",
)


def sql_list(texts: Iterable[str]) -> str:
    """Return tokens of ours as the right side of an SQL ``IN``."""
    return "({})".format(", ".join(f"'{text}'" for text in texts))


def rounded(amount: float) -> float:
    """Return ``amount`` in whole rupiah, half a rupiah up (G2)."""
    whole = float(round(amount))
    return whole + 1 if amount - whole >= HALF_RUPIAH else whole


def sql_rounded(expression: str) -> str:
    """Return SQL for the same.

    SQLite's ROUND takes a half away from zero, and PostgreSQL's, of a DOUBLE
    PRECISION, to the even number; so does Python's. This is the same for all.
    """
    return (
        f"(ROUND({expression}) + CASE WHEN {expression} - ROUND({expression}) >= {HALF_RUPIAH}"
        " THEN 1 ELSE 0 END)"
    )


def differ(amount: float, other: float) -> bool:
    """Return whether two amounts differ by more than the noise of floats."""
    return abs(amount - other) >= HALF_RUPIAH


def sql_differ(expression: str, other: str) -> str:
    """Return SQL for the same."""
    return f"ABS({expression} - ({other})) >= {HALF_RUPIAH}"

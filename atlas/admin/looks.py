"""How the page looks: what is shown first, and how choices and persons are told.

In: a table's columns, the tokens of choices. Out: their order and their words, and a style sheet.
``page.js`` beside it does in the browser what neither Piccolo Admin nor its endpoints can.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from piccolo.columns import Column, ForeignKey

from atlas.columns import Boolean, Date, Decimal
from atlas.table import Table

#: What runs in the browser, and the path that the page asks for it by.
SCRIPT = Path(__file__).with_name("page.js")
SCRIPT_PATH = "/page.js"

#: Everything of a row stays on one line; what is long is cut off, and whole in the form.
STYLE = """
.table_wrapper td { white-space: nowrap; max-width: 15rem; overflow: hidden;
  text-overflow: ellipsis; }
.table_wrapper td:last-child { overflow: visible; }
.table_wrapper td code { opacity: 0.3; }
.table_wrapper td.amount { text-align: right; font-variant-numeric: tabular-nums; }
a[href$="/api/mfa-setup/"] { display: none !important; }
"""
#: A password cannot be changed where nothing is written.
STYLE_TO_READ = """
a[href*="#/change-password"] { display: none !important; }
"""

#: Words that are written as they are, not in lower case.
_PROPER = {"EWallet": "E-wallet", "InHouse": "In-house", "OpenHouse": "Open house"}

#: What else tells rows of the same name apart, by table: where references are chosen.
TOLD_APART = {"db_person": "birth_date", "db_organization": "npwp", "core_region": "code"}

#: What somebody who opens a list looks for, in this order; then everything else.
_WHO = ("customer_id", "person_id", "full_name")
_WHAT = ("order_id", "invoice_id", "payment_id", "item_id", "variant_id", "batch_id", "campaign_id")
_STATE = ("status", "type", "role", "method", "direction", "tier", "mode", "result")
_MONEY = ("total_amount", "amount", "value", "unit_price", "quantity", "score")
_LAST = ("note", "description", "address", "source_id", "source_key", "created_at", "updated_at")


def words(token: str) -> str:
    """Return a choice as words: ``BankTransfer`` as "Bank transfer", ``QRIS`` as it is."""
    if token in _PROPER:
        return _PROPER[token]
    first, *others = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", token).split(" ")
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


def in_order(columns: Sequence[Column]) -> list[Column]:
    """Return the columns of a list, those that one looks for first on a small screen."""
    return sorted(columns, key=_rank)  # which keeps the model's order within a rank


def _rank(column: Column) -> int:
    name = column._meta.name
    ranked = (
        column._meta.primary_key,
        isinstance(column, Date) and not column._meta.null,
        name in _WHO,
        name in _WHAT,
        name in _MONEY,
        name in _STATE,
        name in ("name", "code", "number", "unit_id"),
        isinstance(column, Decimal),
        not isinstance(column, ForeignKey | Boolean),
    )
    if name in _LAST:
        return len(ranked) + 1 + _LAST.index(name)
    return next((rank for rank, holds in enumerate(ranked) if holds), len(ranked))


def told_apart(table: type[Table]) -> Column | None:
    """Return the column that tells rows of the same name apart, where there is one."""
    name = TOLD_APART.get(table._meta.tablename)
    return table._meta.get_column_by_name(name) if name else None

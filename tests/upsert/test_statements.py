"""The SQL of an upsert: what a driver of any version takes."""

from __future__ import annotations

import re

import pytest

from atlas import TABLES
from atlas.table import Table
from atlas.upsert import statements


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_no_parameter_is_numbered(table: type[Table]) -> None:
    """SQLite's are all ``?``: Python 3.12 warns of ``?1`` with a list, and 3.14 refuses it."""
    names = frozenset(
        column._meta.name
        for column in table._meta.columns
        if column._meta.name not in ("id", "created_at", "updated_at")
    )
    key = tuple(sorted(names)[:1])
    shape = statements.shape_of(table, names, key, "sqlite", False, True)
    for sql in (statements.insert(shape, 2), statements.compare(shape, 2)):
        assert "?" in sql
        assert re.search(r"[?:@$]\w", sql) is None

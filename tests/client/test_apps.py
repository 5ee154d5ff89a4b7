"""The seven apps as attributes of a client."""

from __future__ import annotations

from typing import Any

import pytest

import atlas
from atlas.table import Table

APPS = ("core", "db", "catalog", "commerce", "finance", "marketing", "target")


def members(group: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(group).items() if not name.startswith("_")}


@pytest.mark.parametrize("app", APPS)
def test_app_has_its_tables(app: str) -> None:
    """An app's attribute holds all of its tables, by their names, and nothing else."""
    client = atlas.create_client(":memory:")
    expected = {
        table.__name__: table
        for table in atlas.TABLES
        if table._meta.tablename.startswith(f"{app}_")
    }
    assert members(getattr(client, app)) == expected


def test_every_table_is_in_one_app() -> None:
    """The seven apps hold the 38 tables, each one once: the classes that ``atlas`` exports."""
    tables = [table for app in APPS for table in members(getattr(atlas.Client, app)).values()]
    assert len(tables) == len(set(tables)) == 38
    assert set(tables) == set(atlas.TABLES)
    for table in tables:
        assert issubclass(table, Table)
        assert getattr(atlas, table.__name__) is table

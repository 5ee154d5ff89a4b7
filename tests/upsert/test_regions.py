"""The administrative areas of Indonesia, all 91,599, loaded with plain Piccolo."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing

import pytest
from conftest import SHARED

from atlas import Region
from atlas.engine.sqlite.engine import SQLiteEngine

REGIONS = SHARED / "data" / "regions.csv"

#: Of each INSERT: eight values a row stay below SQLite's 32,766 and PostgreSQL's 32,767.
ROWS = 1000


def type_of(code: str) -> Region.Type:
    """Return the level of a code, as ``31``, ``31.74``, ``31.74.01`` or ``31.74.01.1001``."""
    _, *parts = code.split(".")
    if len(parts) == 1:
        return Region.Type.City if parts[0] >= "71" else Region.Type.Regency
    return (Region.Type.Province, Region.Type.City, Region.Type.District, Region.Type.Village)[
        len(parts)
    ]


@pytest.mark.skipif(not REGIONS.exists(), reason=f"{REGIONS} is not there")
async def test_all_regions_are_loaded_as_a_tree(sqlite_engine: SQLiteEngine) -> None:
    """Every area of the file is a row under the row of its code's prefix, with its name intact."""
    with REGIONS.open(encoding="utf-8", newline="") as file:
        names = {row["code"]: row["name"] for row in csv.DictReader(file)}
    rows: dict[str, Region] = {}
    for code, name in names.items():  # sorted by code, so a parent comes before its children
        parent = rows.get(code.rpartition(".")[0])
        rows[code] = Region(
            code=code, name=name, type=type_of(code), parent_id=parent.id if parent else None
        )
    new = list(rows.values())
    async with sqlite_engine.transaction():
        for start in range(0, len(new), ROWS):
            await Region.insert(*new[start : start + ROWS])

    with closing(sqlite3.connect(str(sqlite_engine.connection_kwargs["database"]))) as database:
        stored = dict(database.execute("SELECT code, name FROM core_region"))
        types = dict(database.execute("SELECT type, count(*) FROM core_region GROUP BY type"))
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
        misplaced = database.execute(
            "SELECT child.code, parent.code FROM core_region AS child"
            " LEFT JOIN core_region AS parent ON parent.id = child.parent_id"
            " WHERE parent.code IS NOT CASE length(child.code) WHEN 5 THEN substr(child.code, 1, 2)"
            " WHEN 8 THEN substr(child.code, 1, 5) WHEN 13 THEN substr(child.code, 1, 8) END"
        ).fetchall()
    assert stored == names
    assert types == {
        "Province": 38,
        "City": 98,
        "Regency": 416,
        "District": 7_285,
        "Village": 83_762,
    }
    assert sum("'" in name for name in stored.values()) == 437
    assert broken == []
    assert misplaced == []
    assert all(row._exists_in_db for row in new)

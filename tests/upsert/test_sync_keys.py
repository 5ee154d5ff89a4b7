"""The sync keys are those of the model, and find one row at most."""

from __future__ import annotations

import re

from conftest import ROOT

import atlas
from atlas import Person
from atlas.upsert.keys import sync_keys, unique_keys

MODEL = (ROOT / "docs" / "model.md").read_text()


def test_keys_are_the_sync_keys_of_the_model() -> None:
    """Each table has the keys of docs/model.md section 6, in its order."""
    _, _, section = MODEL.partition("## 6. Sync keys")
    listed = dict(re.findall(r"^\| (\w+_\w+) \| (.+) \|$", section.split("## 7.")[0], re.MULTILINE))
    assert listed.keys() == {table._meta.tablename for table in atlas.TABLES}
    for table in atlas.TABLES:
        if table is not Person:  # "through db_identifier (source_id, value)"
            ways = re.sub(r"else | \(\w+\)", "", listed[table._meta.tablename]).split("; ")
            assert [", ".join(key) for key in sync_keys(table)] == ways, table


def test_keys_are_unique_in_the_database() -> None:
    """No key can match two rows: it is a primary key or a unique key of its table."""
    for table in atlas.TABLES:
        assert set(sync_keys(table)) <= set(unique_keys(table)), table

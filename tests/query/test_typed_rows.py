"""``atlas/rows.py`` is what ``scripts/rows`` writes, and says what the tables hold."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from conftest import ROOT
from factory import build, make
from piccolo.engine.base import Engine

import atlas
from atlas import InvalidValueError, rows
from atlas.columns import ForeignKey


def test_what_is_made_of_the_tables_is_up_to_date(tmp_path: Path) -> None:
    """rows.py, names.py and the stubs are what ``scripts/rows`` would write; else run that."""
    subprocess.run([sys.executable, "scripts/rows.py", str(tmp_path)], cwd=ROOT, check=True)
    made = sorted(path for path in tmp_path.rglob("*.py*") if path.is_file())
    ruff, config = str(Path(sys.executable).with_name("ruff")), str(ROOT / "pyproject.toml")
    for command in (["format"], ["check", "--fix", "--fix-only"], ["format"]):
        subprocess.run([ruff, *command, "--quiet", "--config", config, *made], check=True)
    names = {str(path.relative_to(tmp_path)) for path in made}
    assert names >= {"atlas/rows.py", "atlas/names.py", "atlas/commerce/tables.pyi"}
    assert names >= {str(stub.relative_to(ROOT)) for stub in (ROOT / "atlas").rglob("*.pyi")}
    for path in made:
        name = path.relative_to(tmp_path)
        assert (ROOT / name).read_text() == path.read_text(), f"{name}: run scripts/rows"


def test_every_table_has_both() -> None:
    """There is a selected row and a new row of each of the 38 tables, with all its columns."""
    for table in atlas.TABLES:
        names = [column._meta.name for column in table._meta.columns]
        for kind in ("Row", "Insert"):
            assert list(get_type_hints(getattr(rows, f"{table.__name__}{kind}"))) == names


def holds(hint: Any, value: Any) -> bool:
    """Return whether a value is of a type, exactly."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(holds(each, value) for each in get_args(hint))
    if get_origin(hint) is Literal:
        return type(value) is str and value in get_args(hint)
    return type(value) is hint


async def test_selected_rows_are_as_typed(shared_engine: Engine[Any]) -> None:
    """What a select returns has the keys and the types, on both databases, full and with nulls."""
    for table in atlas.TABLES:
        filled = {
            column._meta.name: 1 if column.value_type in (int, float) else "text"
            for column in table._meta.columns
            if column._meta.null
            and column.value_type in (int, float, str)
            and not isinstance(column, ForeignKey)
            and not column._meta.choices
        }
        for values in ({}, filled):
            row = await make(table, **values)
            (selected,) = await table.select().where(table._meta.primary_key == row._key)
            hints = get_type_hints(getattr(rows, f"{table.__name__}Row"))
            assert selected.keys() == hints.keys()
            for name, value in selected.items():
                assert holds(hints[name], value), (table, name, value)


async def test_required_keys_are_enough_and_needed(shared_engine: Engine[Any]) -> None:
    """A row of the required keys alone is stored; without any of them it is refused."""
    for table in atlas.TABLES:
        insert = getattr(rows, f"{table.__name__}Insert")
        example = await build(table)
        required = {name: example[name] for name in insert.__required_keys__}
        assert required.keys() | insert.__optional_keys__ == get_type_hints(insert).keys()
        await table.insert(table(**required))
        for name in required:
            others = {key: value for key, value in required.items() if key != name}
            with pytest.raises(ValueError, match=f"{name} wasn't provided"):
                table(**others)
            with pytest.raises(InvalidValueError, match=name):
                await table.insert(table(**others, **{name: None}))
        hints = get_type_hints(insert)
        for column in table._meta.columns:  # null is a value exactly where it is one of the model
            assert holds(hints[column._meta.name], None) is column._meta.null

"""docs/model.md as a schema.

In: the text of the model. Out: its 38 tables as a ``Schema``, or ``ModelError`` for
what this reader does not understand. It reads what a table class declares and
nothing else: no purpose, no note, no rule for applications.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from atlas.columns import Now
from atlas.errors import MigrationError
from atlas.schema.dialect import default_sql
from atlas.schema.schema import Column, ForeignKey, Index, Names, Table

#: Beside the package in a checkout, in it when it was installed.
_PLACES = (
    Path(__file__).parents[2] / "docs" / "model.md",
    Path(__file__).parents[1] / "model.md",
)
_COLUMNS = "| column | type | null | key | on delete | default | choices | note |"
#: Section 1 of the model: how SQLite declares each logical type.
_TYPES = {
    "text": "TEXT",
    "integer": "INTEGER",
    "decimal": "REAL",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}
_KEY = re.compile(r"-|(?:PK)?(?:, )?(?:FK (?P<target>\w+))?")
_LINE = re.compile(r"- (?P<kind>Primary key|Unique|Index): \((?P<columns>.+)\)")


def document() -> Path | None:
    """Return where docs/model.md is; None when it is nowhere."""
    return next((path for path in _PLACES if path.is_file()), None)


def from_model(text: str) -> dict[str, Table]:
    """Return the tables of the model, in SQLite's types.

    Raises ``MigrationError`` for anything not understood.
    """
    return {name: _table(name, domain, body) for domain, name, body in _sections(text)}


def _sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the domain, the name and the body of each table of section 4."""
    match = re.search(r"^## 4\. .*?$(.*?)^## 5\. ", text, re.DOTALL | re.MULTILINE)
    if match is None:
        raise MigrationError("docs/model.md has no section 4 and 5 any more.")
    for part in re.split(r"^### ", match[1], flags=re.MULTILINE)[1:]:
        domain, _, rest = part.partition("\n")
        for section in re.split(r"^#### ", rest, flags=re.MULTILINE)[1:]:
            name, _, body = section.partition("\n")
            yield domain.strip(), name.strip(), body


def _table(name: str, domain: str, body: str) -> Table:
    columns: dict[str, Column] = {}
    foreign_keys: dict[str, ForeignKey] = {}
    for cells in _rows(name, body):
        column, foreign_key = _column(name, cells)
        columns[column.name] = column
        if foreign_key is not None:
            foreign_keys[column.name] = foreign_key
    primary_key: Names = ()
    indexes = []
    for line in body.splitlines():
        if match := _LINE.fullmatch(line):
            names = tuple(match["columns"].split(", "))
            if match["kind"] == "Primary key":
                primary_key = names
            else:
                indexes.append(Index(names, unique=match["kind"] == "Unique", name=None))
        elif line.startswith("- ") and not line.startswith("- Note: "):
            raise MigrationError(f"docs/model.md, {name}: {line!r} is not a key, index or note.")
    return Table(name, columns, primary_key, foreign_keys, tuple(indexes), app=domain)


def _rows(table: str, body: str) -> Iterator[list[str]]:
    lines = body.splitlines()
    if _COLUMNS not in lines:
        raise MigrationError(f"docs/model.md, {table}: has no table of columns as the others.")
    for line in lines[lines.index(_COLUMNS) + 2 :]:
        if not line.startswith("|"):
            return
        cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
        if len(cells) != _COLUMNS.count("|") - 1:
            raise MigrationError(f"docs/model.md, {table}: {line!r} has {len(cells)} cells.")
        yield cells


def _column(table: str, cells: list[str]) -> tuple[Column, ForeignKey | None]:
    name, logical, null, key, on_delete, default, choices, _ = cells
    match = _KEY.fullmatch(key)
    if logical not in _TYPES or null not in ("yes", "no") or match is None:
        raise MigrationError(f"docs/model.md, {table}.{name}: {cells!r} is not understood.")
    column = Column(
        name=name,
        type=_TYPES[logical],
        null=null == "yes",
        default=_default(logical, default),
        choices=() if choices == "-" else tuple(choices.split(", ")),
        makes_id=default == "ULID",
    )
    if match["target"] is None:
        return column, None
    # Section 1: ON UPDATE is always NO ACTION, and a foreign key references the parent's id.
    return column, ForeignKey(name, f"{match['target']}.id", on_delete, "NO ACTION")


def _default(logical: str, said: str) -> str | None:
    if said in ("-", "ULID"):
        return None
    if said == "now":
        return default_sql("sqlite", Now().sqlite)
    return default_sql("sqlite", f"'{said}'" if logical in ("text", "date") else said)

"""docs/model.md as data, the one shape that schemas are compared in, and the comparison.

In: the text of the model, or schemas in this shape. Out: frozen dataclasses, and
the differences between two schemas as sentences. Knows nothing of the package:
it reads the authority on its own. ``catalog.py`` makes the same shape of the
table classes and of databases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

LOGICAL_TYPES = ("text", "integer", "decimal", "bool", "date", "timestamp")
DOMAIN_HEADER = ("domain", "app", "about", "tables", "references")
TABLE_HEADER = ("#", "table", "class", "purpose")
COLUMN_HEADER = ("column", "type", "null", "key", "on delete", "default", "choices", "note")
_KEY = re.compile(r"-|(?P<primary>PK)?(?:, )?(?:FK (?P<target>\w+))?")
_BULLET = re.compile(r"- (Primary key|Unique|Index): \((.+)\)")

Names = tuple[str, ...]


class ModelError(Exception):
    """The text says something this reader does not know, so nothing may be concluded from it."""


@dataclass(frozen=True)
class Column:
    """A column, in the words of the model."""

    name: str
    type: str
    null: bool
    in_primary_key: bool
    #: ``table.column``; None for a column that is not a foreign key.
    references: str | None = None
    on_delete: str | None = None
    on_update: str | None = None
    #: ``-`` for none, ``ULID`` and ``now`` for what is made, else the literal.
    default: str = "-"
    choices: Names = ()
    note: str = "-"


@dataclass(frozen=True)
class Table:
    """A table, in the words of the model."""

    name: str
    columns: tuple[Column, ...]
    primary_key: Names
    uniques: tuple[Names, ...] = ()
    indexes: tuple[Names, ...] = ()
    class_name: str = ""
    purpose: str = ""
    #: What the model has no word for, so must not be: a CHECK, a trigger, a partial index.
    extras: Names = ()

    def column(self, name: str) -> Column:
        """Return the column of this name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Domain:
    """A row of the domains table: an app."""

    name: str
    app: str
    about: str
    table_count: int
    references: Names


@dataclass(frozen=True)
class Model:
    """All that docs/model.md says about the schema."""

    domains: tuple[Domain, ...]
    tables: Mapping[str, Table]
    #: The domain each table stands under in section 4.
    domain_of: Mapping[str, str]
    join_tables: Names
    #: ``table.column`` of each foreign key to the own table.
    self_references: Names
    #: Whether a table's entity_id may be null, for the tables that have one.
    entity_id_null: Mapping[str, bool]
    #: The alternative keys a worker finds a row of a table by.
    sync_keys: Mapping[str, tuple[Names, ...]]


def parse(text: str) -> Model:
    """Read the whole model. Raises ``ModelError`` for anything not understood."""
    conventions, domains, _, tables, scoping, sync, _ = _sections(text)
    if "ON UPDATE is always NO ACTION" not in conventions:
        raise ModelError("section 1 no longer says that ON UPDATE is always NO ACTION")
    listed = {row[1]: (row[2], row[3]) for row in _grid(domains, TABLE_HEADER)}
    parsed, domain_of = {}, {}
    for domain, name, body in _table_sections(tables):
        if name not in listed:
            raise ModelError(f"{name} stands in section 4 and not in section 2")
        parsed[name] = parse_table(name, body, *listed[name])
        domain_of[name] = domain
    if missing := listed.keys() - parsed.keys():
        raise ModelError(f"{sorted(missing)} stand in section 2 and not in section 4")
    return Model(
        domains=tuple(_domain(row) for row in _grid(domains, DOMAIN_HEADER)),
        tables=parsed,
        domain_of=domain_of,
        join_tables=_listed_after(r"Join tables \(\d+\): ", domains),
        self_references=_listed_after(r"Self-references: ", domains),
        entity_id_null={
            name: _choose(said, {"required": False, "nullable (null = group-wide)": True})
            for name, said in _grid(scoping, ("table", "entity_id"))
        },
        sync_keys={
            name: tuple(_sync_key(key) for key in said.split("; "))
            for name, said in _grid(sync, ("table", "sync key"))
            if not said.startswith("through ")
        },
    )


def parse_table(name: str, body: str, class_name: str, purpose: str) -> Table:
    """Read the section of one table: its purpose, its columns, its keys and indexes."""
    said = body.strip().partition("\n")[0]
    if said != purpose:
        raise ModelError(f"{name}: section 4 says {said!r} and section 2 says {purpose!r}")
    lines = _bullets(name, body)
    keys = [columns for kind, columns in lines if kind == "Primary key"]
    if len(keys) != 1:
        raise ModelError(f"{name} has {len(keys)} primary keys")
    return Table(
        name=name,
        columns=tuple(parse_column(name, row) for row in _grid(body, COLUMN_HEADER)),
        primary_key=keys[0],
        uniques=tuple(sorted(columns for kind, columns in lines if kind == "Unique")),
        indexes=tuple(sorted(columns for kind, columns in lines if kind == "Index")),
        class_name=class_name,
        purpose=purpose,
    )


def parse_column(table: str, row: Sequence[str]) -> Column:
    """Read one row of a columns table."""
    name, logical_type, null, key, on_delete, default, choices, note = row
    match = _KEY.fullmatch(key)
    if match is None or not key:
        raise ModelError(f"{table}.{name}: {key!r} is not a key")
    if logical_type not in LOGICAL_TYPES:
        raise ModelError(f"{table}.{name}: {logical_type!r} is not a logical type")
    target = match["target"]
    if (target is None) != (on_delete == "-"):
        raise ModelError(f"{table}.{name}: on delete goes with a foreign key, and only with one")
    return Column(
        name=name,
        type=logical_type,
        null=_choose(null, {"yes": True, "no": False}),
        in_primary_key=match["primary"] is not None,
        references=f"{target}.id" if target else None,
        on_delete=on_delete if target else None,
        on_update="NO ACTION" if target else None,
        default=default,
        choices=() if choices == "-" else tuple(choices.split(", ")),
        note=note,
    )


def stored(schema: Mapping[str, Table]) -> dict[str, Table]:
    """Return the part of ``schema`` that a database holds.

    Classes, purposes, notes and choices are the application's, and so is the
    default of an id.
    """
    return {
        name: replace(
            table,
            class_name="",
            purpose="",
            columns=tuple(
                replace(
                    column,
                    note="-",
                    choices=(),
                    default="-" if column.default == "ULID" else column.default,
                )
                for column in table.columns
            ),
        )
        for name, table in schema.items()
    }


def differences(
    expected: Mapping[str, Table], actual: Mapping[str, Table], where: str
) -> list[str]:
    """Return what ``actual``, which is called ``where``, has otherwise: a sentence for each."""
    found = [f"{name}: the table is missing in {where}" for name in expected.keys() - actual.keys()]
    found += [f"{name}: a table too many in {where}" for name in actual.keys() - expected.keys()]
    for name in expected.keys() & actual.keys():
        found += _table_differences(expected[name], actual[name], where)
    return sorted(found)


def _table_differences(expected: Table, actual: Table, where: str) -> Iterator[str]:
    yield from _field_differences(expected.name, expected, actual, where, ("columns",))
    ours, theirs = ([column.name for column in table.columns] for table in (expected, actual))
    for name in ours:
        if name not in theirs:
            yield f"{expected.name}.{name}: the column is missing in {where}"
    for name in theirs:
        if name not in ours:
            yield f"{expected.name}.{name}: a column too many in {where}"
    if sorted(ours) == sorted(theirs) and ours != theirs:
        place = next(i for i, name in enumerate(ours) if name != theirs[i])
        yield (
            f"{expected.name}.{ours[place]}: the columns stand in another order in {where}, "
            f"which has {theirs[place]} there"
        )
    for name in ours:
        if name in theirs:
            column, other = expected.column(name), actual.column(name)
            unsaid = ("note",) if column.note == "-" and other.note else ()
            yield from _field_differences(f"{expected.name}.{name}", column, other, where, unsaid)


def _field_differences(
    subject: str, expected: Table | Column, actual: Table | Column, where: str, skipped: Names
) -> Iterator[str]:
    for field in fields(expected):
        ours, theirs = getattr(expected, field.name), getattr(actual, field.name)
        if field.name not in skipped and ours != theirs:
            what = field.name.replace("_", " ")
            yield f"{subject}: {what} is {theirs!r} in {where} and should be {ours!r}"


def _sections(text: str) -> list[str]:
    bodies = re.split(r"^## \d+\. .*\n", text, flags=re.MULTILINE)[1:]
    if len(bodies) != 7:
        raise ModelError(f"the model has {len(bodies)} numbered sections and should have 7")
    return bodies


def _table_sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the domain, the name and the body of each table of section 4."""
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        domain, _, rest = part.partition("\n")
        for section in re.split(r"^#### ", rest, flags=re.MULTILINE)[1:]:
            name, _, body = section.partition("\n")
            yield domain, name, body


def _grid(text: str, header: Names) -> list[Names]:
    """Return the rows of the first table in ``text`` that has this header."""
    lines = text.splitlines()
    start = lines.index("| {} |".format(" | ".join(header)))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = tuple(line.removeprefix("| ").removesuffix(" |").split(" | "))
        if len(cells) != len(header):
            raise ModelError(f"{line!r} has {len(cells)} cells and should have {len(header)}")
        rows.append(cells)
    return rows


def _bullets(table: str, body: str) -> list[tuple[str, Names]]:
    found = []
    for line in body.splitlines():
        if line.startswith("- ") and not line.startswith("- Note: "):
            match = _BULLET.fullmatch(line)
            if match is None:
                raise ModelError(f"{table}: {line!r} is not a key, index or note")
            found.append((match[1], tuple(match[2].split(", "))))
    return found


def _domain(row: Sequence[str]) -> Domain:
    name, app, about, count, references = row
    return Domain(
        name=name,
        app=app.strip("`"),
        about=about,
        table_count=int(count),
        references=() if references == "-" else tuple(references.split(", ")),
    )


def _sync_key(said: str) -> Names:
    """Read ``else entity_id, code`` or ``source_id, value (External)``."""
    return tuple(re.sub(r" \(.*\)$", "", said.removeprefix("else ")).split(", "))


def _listed_after(label: str, text: str) -> Names:
    match = re.search(rf"^{label}(.+)\.$", text, flags=re.MULTILINE)
    if match is None:
        raise ModelError(f"the line {label!r} is missing")
    return tuple(match[1].split(", "))


def _choose(said: str, meanings: Mapping[str, bool]) -> bool:
    if said not in meanings:
        raise ModelError(f"{said!r} is none of {sorted(meanings)}")
    return meanings[said]

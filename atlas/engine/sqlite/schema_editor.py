"""ALTER TABLE as PostgreSQL has it, done to an SQLite table.

In: one such statement, as Piccolo 1.38 and our own migrations write it, and a
connection in a transaction without foreign keys. Out: the table changed, by
SQLite's own statement where it has one, otherwise by one rebuild for all that
the statement asks for. The names of indexes follow those of tables and columns.
https://www.postgresql.org/docs/current/sql-altertable.html
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from atlas.engine.sqlite import casts
from atlas.engine.sqlite.create_table import (
    Constraint,
    Definition,
    column_of,
    parse,
    quoted,
    split,
    tokens,
    unquoted,
)
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.rebuild import StepProgress, rebuild
from atlas.errors import SchemaChangeError

__all__ = ["StepProgress", "alter", "is_alteration"]

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_ALTER = re.compile(rf"\s*ALTER TABLE (?P<table>{_NAME}) (?P<actions>.+?);?\s*", re.DOTALL)
_SHOWN_ROWS = 5


def is_alteration(statement: str) -> bool:
    """Return whether ``statement`` is an ALTER TABLE."""
    return _ALTER.fullmatch(statement) is not None


def alter(handle: Handle, statement: str, progress: StepProgress | None = None) -> None:
    """Do what an ALTER TABLE says; several actions may be separated by commas.

    Raises ``SchemaChangeError`` when rows do not fit, or for an action that is
    not known; the transaction is to be rolled back then.
    """
    match = _ALTER.fullmatch(statement)
    if match is None:
        raise SchemaChangeError(f"This is not an ALTER TABLE: {statement}")
    change = _Change(handle, _stored_name(handle, unquoted(match["table"])), progress)
    actions = match["actions"]
    parts = list(split(tokens(actions)))
    if actions.startswith("ADD COLUMN") and len(parts) > 1 and parts[1][0].word == "PRIMARY":
        parts = parts[:1]  # what our columns say of a composite key, which the table has already
    try:
        for part in parts:
            change.apply(actions[part[0].start : part[-1].end])
        change.finish()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            raise  # the disk or a lock is the reason, not the change
        raise SchemaChangeError(
            f"{unquoted(match['table'])}: SQLite refuses the change: {error}. Nothing was changed."
        ) from error


def _stored_name(handle: Handle, table: str) -> str:
    """Return a table's name as it is stored; in SQL its case does not matter."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    rows = handle.execute(query, (table,))
    if not rows:
        raise SchemaChangeError(f"{table}: there is no such table; nothing was changed.")
    return str(rows[0]["name"])


class _Change:
    """What one statement does to one table."""

    def __init__(self, handle: Handle, table: str, progress: StepProgress | None) -> None:
        self._handle = handle
        self._run = handle.execute
        self._table = table
        self._progress = progress
        #: The new definition, once something needs a rebuild.
        self._definition: Definition | None = None
        self._values: dict[str, str] = {}
        #: Indexes to make when the rows are in place.
        self._last: list[str] = []
        self._moved_key = False

    def apply(self, action: str) -> None:
        for pattern, method in _ACTIONS:
            if match := pattern.fullmatch(action):
                names = match.groupdict()
                for key in ("column", "new", "name"):
                    if names.get(key):
                        names[key] = unquoted(names[key])
                method(self, **names)
                return
        raise SchemaChangeError(
            f"{self._table}: ALTER TABLE … {action} is not known on SQLite; nothing was changed."
        )

    def finish(self) -> None:
        if self._definition is not None:
            rebuild(self._handle, self._table, self._definition, self._values, self._progress)
        for statement in self._last:
            self._create_index(statement)
        if self._moved_key:
            self._check_children()

    def _check_children(self) -> None:
        """Raise ``SchemaChangeError`` if others reference what is not a key any more."""
        query = (
            "SELECT DISTINCT m.name AS child FROM sqlite_master AS m"
            " JOIN pragma_foreign_key_list(m.name) AS f"
            " WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE"
        )
        for row in self._run(query, (self._table,)):
            try:
                self._run(f"PRAGMA foreign_key_check({quoted(row['child'])})")
            except sqlite3.OperationalError as error:  # "foreign key mismatch"
                raise SchemaChangeError(
                    f"{self._table}: {row['child']} still references the old primary key "
                    f"({error}). Nothing was changed. Let it reference the new one first, or keep "
                    "the old one unique=True."
                ) from error

    @property
    def definition(self) -> Definition:
        """The definition to change: whoever asks for it needs a rebuild."""
        if self._definition is None:
            self._definition = self._stored_definition()
        return self._definition

    def _stored_definition(self) -> Definition:
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        return parse(self._run(query, (self._table,))[0]["sql"])

    # Columns.

    def add_column(self, text: str) -> None:
        column = column_of(text, tokens(text))
        name = column.name
        default = next((c.text for c in column.constraints if c.kind == "DEFAULT"), "DEFAULT NULL")
        default = default.partition(" ")[2].strip()
        is_null = default.upper() == "NULL"
        if column.has("UNIQUE"):
            column.drop("UNIQUE")
            self._last.append(self._unique_index((name,)))
        filled = self._run(f"SELECT 1 FROM {quoted(self._table)} LIMIT 1")
        if column.has("NOT NULL") and is_null and filled:
            raise SchemaChangeError(
                f"{self._table}.{name}: is NOT NULL and has no default, and the table has rows."
            )
        evaluated = default[:1] == "(" or default.upper().startswith("CURRENT_")
        if (
            column.has("PRIMARY KEY")
            or column.has("GENERATED")
            or evaluated
            or (column.has("NOT NULL") and is_null)
        ):
            self.definition.columns.append(column)
            if filled and evaluated:
                # One value for all rows, as on PostgreSQL, where now() is that of the transaction.
                self._values[name] = self._run(f"SELECT quote({default}) AS value")[0]["value"]
        elif self._definition is not None:
            self._definition.columns.append(column)
        else:
            self._run(f"ALTER TABLE {quoted(self._table)} ADD COLUMN {column.sql}")

    def drop_column(self, column: str) -> None:
        definition = self._stored_definition()
        stored = definition.column(column)
        for index, columns, _ in self._indexes():
            if column.lower() in map(str.lower, columns):
                self._run(f"DROP INDEX {quoted(index)}")
        in_key = any(column.lower() in map(str.lower, c.columns) for c in definition.constraints)
        if self._definition is None and not (
            in_key or stored.has("PRIMARY KEY") or stored.has("UNIQUE") or stored.has("CHECK")
        ):
            self._run(f"ALTER TABLE {quoted(self._table)} DROP COLUMN {quoted(column)}")
            return
        changed = self.definition
        changed.columns = [each for each in changed.columns if each.name != stored.name]
        changed.constraints = [
            each
            for each in changed.constraints
            if column.lower() not in map(str.lower, each.columns)
        ]

    def rename_column(self, column: str, new: str) -> None:
        if column == new:
            return
        self._check_alone("RENAME COLUMN")
        self._run(
            f"ALTER TABLE {quoted(self._table)} RENAME COLUMN {quoted(column)} TO {quoted(new)}"
        )
        self._rename_indexes(self._table, {column: new})

    def rename_table(self, new: str) -> None:
        if new == self._table:
            return
        self._check_alone("RENAME TO")
        old, self._table = self._table, new
        self._run(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
        self._rename_indexes(old, {})

    def set_not_null(self, column: str) -> None:
        stored = self.definition.column(column)
        if not stored.has("NOT NULL"):
            nulls = (
                f"SELECT count(*) AS n FROM {quoted(self._table)} WHERE {quoted(column)} IS NULL"
            )
            if count := self._run(nulls)[0]["n"]:
                raise SchemaChangeError(
                    f"{self._table}.{column}: is to be NOT NULL, and {count} row(s) hold null. "
                    "Nothing was changed."
                )
            stored.drop("NULL")
            stored.set("NOT NULL", "NOT NULL")

    def drop_not_null(self, column: str) -> None:
        self.definition.column(column).drop("NOT NULL")

    def set_default(self, column: str, value: str) -> None:
        if not re.fullmatch(r"[+-]?[\d.]+|'(?:[^']|'')*'|\w+|\(.*\)", value, re.DOTALL):
            value = f"({value})"
        self.definition.column(column).set("DEFAULT", f"DEFAULT {value}")

    def drop_default(self, column: str) -> None:
        self.definition.column(column).drop("DEFAULT")

    def set_type(self, column: str, type: str) -> None:
        stored = self.definition.column(column)
        old, stored.type = stored.type, type
        if old.upper() == type.upper():
            return
        self._handle.create_function("atlas_converted", 3, casts.converted)
        self._handle.create_function("atlas_misfit", 3, casts.reason)
        arguments = f"{quoted(column)}, {_literal(old)}, {_literal(type)}"
        misfits = f"{quoted(self._table)} WHERE atlas_misfit({arguments}) IS NOT NULL"
        count = self._run(f"SELECT count(*) AS n FROM {misfits}")[0]["n"]
        if count:
            names = dict.fromkeys((*self.definition.primary_key, column))
            value = " || ', ' || ".join(
                f"{_literal(f'{name} = ')} || quote({quoted(name)})" for name in names
            )
            rows = self._run(
                f"SELECT {value} || ' ' || atlas_misfit({arguments}) AS said FROM {misfits}"
                f" LIMIT {_SHOWN_ROWS}"
            )
            raise SchemaChangeError(
                f"{self._table}.{column}: {count} value(s) do not fit {type}: "
                f"{'; '.join(row['said'] for row in rows)}. Nothing was changed."
            )
        self._values[stored.name] = f"atlas_converted({arguments})"

    # Constraints.

    def add_unique(self, columns: str) -> None:
        self._last.append(self._unique_index(_names(columns)))

    def add_named_unique(self, name: str, columns: str) -> None:
        self._last.append(_index(name, self._table, _names(columns), unique=True))

    def add_index(self, name: str, columns: str) -> None:
        self._last.append(_index(name, self._table, _names(columns), unique=False))

    def add_foreign_key(self, column: str, references: str, name: str | None = None) -> None:
        self.definition.drop_constraints("FOREIGN KEY", (column,))
        self.definition.column(column).set("REFERENCES", references)

    def add_check(self, name: str, check: str) -> None:
        text = f"CONSTRAINT {quoted(name)} {check}"
        self.definition.constraints.append(Constraint("CHECK", text, name=name))

    def add_primary_key(self, columns: str) -> None:
        self.definition.set_primary_key(_names(columns))
        self._moved_key = True

    def drop_constraint(self, name: str, if_exists: str | None) -> None:
        if any(name == index for index, _, _ in self._indexes()):
            self._run(f"DROP INDEX {quoted(name)}")
            return
        stored = self._definition or self._stored_definition()
        if name == f"{self._table}_pkey" and stored.primary_key:
            self.definition.set_primary_key(())
            return
        if found := _constraint(stored, self._table, name):
            kind, columns, own = found
            if columns:
                self.definition.drop_constraints(kind, columns)
            self.definition.constraints = [
                each for each in self.definition.constraints if own is None or each.name != own
            ]
            return
        if not if_exists:
            raise SchemaChangeError(
                f"{self._table}: there is no constraint or index {name}; nothing was changed."
            )

    # Indexes.

    def _unique_index(self, columns: tuple[str, ...]) -> str:
        return _index("_".join((self._table, *columns, "key")), self._table, columns, unique=True)

    def _indexes(self) -> list[tuple[str, tuple[str, ...], bool]]:
        """Return the indexes that were made by CREATE INDEX: name, columns, whether unique."""
        query = "SELECT name, \"unique\" AS is_unique FROM pragma_index_list(?) WHERE origin = 'c'"
        return [
            (row["name"], self._index_columns(row["name"]), bool(row["is_unique"]))
            for row in self._run(query, (self._table,))
        ]

    def _index_columns(self, index: str) -> tuple[str, ...]:
        rows = self._run("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))
        return tuple(row["name"] or "" for row in rows)  # an expression has no name

    def _create_index(self, statement: str) -> None:
        """Make an index, unless just this one is there; another one of its name is an error."""
        name = unquoted(tokens(statement)[3 if " UNIQUE " in statement[:20] else 2].text)
        rows = self._run("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (name,))
        if rows and _spelled(rows[0]["sql"]) == _spelled(statement):
            return
        try:
            self._run(statement)
        except sqlite3.IntegrityError as error:
            raise SchemaChangeError(
                f"{self._table}: rows have the same values in columns that are to be unique: "
                f"{error}. Nothing was changed."
            ) from error

    def _rename_indexes(self, old_table: str, renamed: dict[str, str]) -> None:
        """Rename the indexes over one column whose names follow from table and column.

        Those over several are constraints to Piccolo, whose migrations make them
        again under their new names.
        """
        for index, columns, _ in self._indexes():
            if len(columns) != 1:
                continue
            new_column = columns[0]
            old_column = next(
                (old for old, new in renamed.items() if new == new_column), new_column
            )
            for suffix in ("", "_key"):
                if index != f"{old_table}_{old_column}{suffix}":
                    continue
                new_name = f"{self._table}_{new_column}{suffix}"
                query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?"
                sql = self._run(query, (index,))[0]["sql"]
                name = next(token for token in tokens(sql) if unquoted(token.text) == index)
                self._run(f"DROP INDEX {quoted(index)}")
                self._run(f"{sql[: name.start]}{quoted(new_name)}{sql[name.end :]}")

    def _check_alone(self, action: str) -> None:
        if self._definition is not None:
            raise SchemaChangeError(
                f"{self._table}: {action} and other changes need a statement each; nothing was "
                "changed."
            )


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _names(columns: str) -> tuple[str, ...]:
    return tuple(unquoted(part[0].text) for part in split(tokens(columns)))


def _index(name: str, table: str, columns: tuple[str, ...], *, unique: bool) -> str:
    kind = "CREATE UNIQUE INDEX" if unique else "CREATE INDEX"
    return f"{kind} {quoted(name)} ON {quoted(table)} ({', '.join(map(quoted, columns))})"


def _spelled(sql: str) -> list[str]:
    """Return SQL in a form that is equal when only quotes, spaces and case differ."""
    return [unquoted(token.text).lower() for token in tokens(sql)]


def _constraint(
    definition: Definition, table: str, name: str
) -> tuple[str, tuple[str, ...], str | None] | None:
    """Find the constraint that PostgreSQL would call ``name``: kind, columns, and its own name."""
    for constraint in definition.constraints:
        suffix = {"UNIQUE": "key", "FOREIGN KEY": "fkey"}.get(constraint.kind, "check")
        made_up = "_".join((table, *constraint.columns, suffix))
        if name in (constraint.name, made_up if constraint.columns else None):
            return constraint.kind, constraint.columns, constraint.name
    for column in definition.columns:
        for constraint in column.constraints:
            kind = {"REFERENCES": "FOREIGN KEY"}.get(constraint.kind, constraint.kind)
            suffix = {"UNIQUE": "key", "FOREIGN KEY": "fkey"}.get(kind, "check")
            if name in (constraint.name, f"{table}_{column.name}_{suffix}"):
                return kind, (column.name,), None
    return None


def _pattern(text: str) -> re.Pattern[str]:
    for key in ("column", "new", "name"):
        text = text.replace(f"<{key}>", f"(?P<{key}>{_NAME})")
    return re.compile(text.replace("<columns>", r"\((?P<columns>.+)\)"), re.DOTALL | re.IGNORECASE)


_ACTIONS: list[tuple[re.Pattern[str], Callable[..., None]]] = [
    (_pattern(text), method)
    for text, method in (
        (r"ADD COLUMN (?P<text>.+)", _Change.add_column),
        (r"DROP COLUMN <column>", _Change.drop_column),
        (r"RENAME COLUMN <column> TO <new>", _Change.rename_column),
        (r"RENAME TO <new>", _Change.rename_table),
        (r"ALTER COLUMN <column> SET NOT NULL", _Change.set_not_null),
        (r"ALTER COLUMN <column> DROP NOT NULL", _Change.drop_not_null),
        (r"ALTER COLUMN <column> SET DEFAULT (?P<value>.+)", _Change.set_default),
        (r"ALTER COLUMN <column> DROP DEFAULT", _Change.drop_default),
        (r"ALTER COLUMN <column> TYPE (?P<type>.+?)(?: USING .+)?", _Change.set_type),
        (r"ADD UNIQUE ?<columns>", _Change.add_unique),
        (r"ADD CONSTRAINT <name> UNIQUE ?<columns>", _Change.add_named_unique),
        (r"ADD CONSTRAINT <name> INDEX ?<columns>", _Change.add_index),
        (
            r"ADD(?: CONSTRAINT <name>)? FOREIGN KEY \(<column>\) (?P<references>REFERENCES .+)",
            _Change.add_foreign_key,
        ),
        (r"ADD(?: CONSTRAINT (?:\w+|\"[^\"]+\"))? PRIMARY KEY ?<columns>", _Change.add_primary_key),
        (r"ADD CONSTRAINT <name> (?P<check>CHECK .+)", _Change.add_check),
        (r"DROP CONSTRAINT (?P<if_exists>IF EXISTS )?<name>(?: CASCADE)?", _Change.drop_constraint),
    )
]

"""Random changes to the tables of two apps, as text of their ``tables.py``.

In: a number, by which all is chosen. Out: step by step, which app changes, what the change is, the
text of its tables, and the words that its migration needs to keep the rows; and rows for the
tables as they are by then. Knows no database.

Values are whole numbers in all types, and no two are equal, so that any type can become another
and any column unique.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

HEAD = """\
from atlas.columns import Boolean, Decimal, ForeignKey, Integer, OnDelete, Text, Ulid
from atlas.constraints import Index, Unique
from atlas.table import Table
"""
ALPHA, BETA = "alpha", "beta"
_TYPES = ("Text", "Integer", "Decimal")
#: What each type may become and come back from with every value.
_BECOMES = {"Text": ("Integer",), "Integer": ("Text", "Decimal"), "Decimal": ("Integer",)}
_ACTIONS = ("restrict", "cascade", "no_action")


@dataclass
class Column:
    """A column, as a line of a table class says it."""

    name: str
    type: str
    null: bool = False
    default: int | None = None
    index: bool = False
    unique: bool = False
    #: The class that it references.
    parent: str | None = None
    on_delete: str = "restrict"
    #: Rows share a value, which a default or a fill gave them.
    is_shared: bool = False

    def value(self, number: int) -> Any:
        """Return ``number`` as the column holds it."""
        return {"Text": str, "Integer": int, "Decimal": float}[self.type](number)

    @property
    def line(self) -> str:
        """The column in the body of its class."""
        options = {
            "null": self.null,
            "default": None if self.default is None else self.value(self.default),
            "index": self.index,
            "unique": self.unique,
        }
        said = [
            f"{name}={value!r}" for name, value in options.items() if value not in (None, False)
        ]
        if self.parent is None:
            return f"    {self.name} = {self.type}({', '.join(said)})"
        said = [self.parent, f"on_delete=OnDelete.{self.on_delete}", *said]
        return f"    {self.name} = ForeignKey({', '.join(said)})"


@dataclass
class TableText:
    """A table class."""

    app: str
    name: str
    tablename: str
    columns: list[Column] = field(default_factory=list)
    #: The columns of an index over two, or nothing.
    pair: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """The class."""
        lines = [f'class {self.name}(Table, tablename="{self.tablename}"):']
        lines.append("    id = Ulid(primary_key=True)")
        lines += [column.line for column in self.columns]
        if self.pair:
            lines.append(f"    pair = Index([{', '.join(self.pair)}])")
        return "\n".join(lines)


@dataclass(frozen=True)
class Step:
    """One change: of which app, what it is, and what its migration says about rows."""

    app: str
    what: str
    words: tuple[str, ...] = ()
    is_rename: bool = False


class Evolution:
    """Two apps whose tables change; ``names`` are what the apps are called in this run."""

    def __init__(self, seed: int, names: dict[str, str]) -> None:
        self._chance = random.Random(seed)  # noqa: S311 # it is to be the same each time
        self._names = names
        self._number = 0
        self.tables: list[TableText] = []
        for app in (ALPHA, BETA):
            for _ in range(2):
                self._add_table(app)

    def text(self, app: str) -> str:
        """Return the ``tables.py`` of an app."""
        lines = [HEAD]
        others = [table.name for table in self.tables if table.app != app]
        if app == BETA and others:
            lines.append(f"from {self._names[ALPHA]}.tables import {', '.join(others)}\n")
        return (
            "\n\n".join([*lines, *(table.text for table in self.tables if table.app == app)]) + "\n"
        )

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a new row for each table, parents before children."""
        ids: dict[str, str] = {}
        for table in sorted(self.tables, key=lambda each: each.app):
            row: dict[str, Any] = {"id": f"01J{self._next():023d}"}
            for column in table.columns:
                if column.parent is not None:
                    row[column.name] = ids[column.parent]
                else:
                    row[column.name] = column.value(self._next())
            ids[table.name] = row["id"]
            yield table.tablename, row

    def step(self) -> Step:
        """Change something, and return what."""
        changes: list[Callable[[], Step | None]] = [
            self._new_table,
            self._drop_table,
            self._rename_table,
            self._add_column,
            self._add_column,
            self._drop_column,
            self._rename_column,
            self._change_type,
            self._change_null,
            self._change_default,
            self._change_index,
            self._change_unique,
            self._change_pair,
            self._change_action,
        ]
        while True:
            if (step := self._chance.choice(changes)()) is not None:
                return step

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _add_table(self, app: str) -> TableText:
        number = self._next()
        name = f"T{number}"
        parents = [table.name for table in self.tables if table.app == app or app == BETA]
        columns = [Column(f"a{number}", "Text"), Column(f"b{number}", "Integer", null=True)]
        if parents:
            columns.append(Column(f"p{number}", "", null=True, parent=self._chance.choice(parents)))
        table = TableText(app, name, f"{self._names[app]}_t{number}", columns)
        self.tables.append(table)
        return table

    def _table(self) -> TableText:
        return self._chance.choice(self.tables)

    def _plain(self) -> tuple[TableText, Column] | None:
        """Choose a column that references nothing and is in no index over two."""
        table = self._table()
        found = [c for c in table.columns if c.parent is None and c.name not in (table.pair or ())]
        return (table, self._chance.choice(found)) if found else None

    def _new_table(self) -> Step:
        table = self._add_table(self._chance.choice((ALPHA, BETA)))
        return Step(table.app, f"table {table.tablename} is new")

    def _drop_table(self) -> Step | None:
        used = {column.parent for table in self.tables for column in table.columns}
        free = [t for t in self.tables if t.name not in used]
        if len(self.tables) < 4 or not free:
            return None
        table = self._chance.choice(free)
        self.tables.remove(table)
        words = (f'save_rows(manager, "{table.tablename}")',)
        return Step(table.app, f"table {table.tablename} is dropped", words)

    def _rename_table(self) -> Step:
        table = self._table()
        old = table.tablename
        table.tablename = f"{self._names[table.app]}_t{self._next()}"
        return Step(table.app, f"table {old} is {table.tablename}", is_rename=True)

    def _add_column(self) -> Step:
        table, number = self._table(), self._next()
        column = Column(
            f"c{number}",
            self._chance.choice(_TYPES),
            null=self._chance.random() < 0.5,
            default=self._next() if self._chance.random() < 0.5 else None,
            index=self._chance.random() < 0.3,
            is_shared=True,
        )
        table.columns.append(column)
        words = [f'allow_loss(manager, "{table.tablename}", "{column.name}")']
        if not column.null and column.default is None:
            words.append(self._fill(table, column))
        return Step(table.app, f"{table.tablename}: new {column.line.strip()}", tuple(words))

    def _fill(self, table: TableText, column: Column) -> str:
        value = column.value(self._next())
        return f'fill_nulls(manager, "{table.tablename}", "{column.name}", {value!r})'

    def _drop_column(self) -> Step | None:
        chosen = self._plain()
        if chosen is None or chosen[1].unique or len(chosen[0].columns) < 3:
            return None
        table, column = chosen
        table.columns.remove(column)
        words = [f'save_rows(manager, "{table.tablename}", "{column.name}")']
        if not column.null:
            words.append(self._fill(table, column))
        return Step(table.app, f"{table.tablename}.{column.name} is dropped", tuple(words))

    def _rename_column(self) -> Step | None:
        chosen = self._plain()
        if chosen is None:
            return None
        table, column = chosen
        old, column.name = column.name, f"r{self._next()}"
        return Step(table.app, f"{table.tablename}.{old} is {column.name}", is_rename=True)

    def _changed(self, what: str, change: Callable[[Column], Column | None]) -> Step | None:
        chosen = self._plain()
        if chosen is None or (new := change(chosen[1])) is None:
            return None
        table, old = chosen
        table.columns[table.columns.index(old)] = new
        words = (self._fill(table, new),) if old.null != new.null else ()
        return Step(table.app, f"{table.tablename}: {what}, {new.line.strip()}", words)

    def _change_type(self) -> Step | None:
        return self._changed(
            "type", lambda c: replace(c, type=self._chance.choice(_BECOMES[c.type]))
        )

    def _change_null(self) -> Step | None:
        return self._changed(
            "null", lambda c: None if c.unique else replace(c, null=not c.null, is_shared=True)
        )

    def _change_default(self) -> Step | None:
        return self._changed(
            "default",
            lambda c: replace(c, default=self._next() if c.default is None else None),
        )

    def _change_index(self) -> Step | None:
        return self._changed("index", lambda c: None if c.unique else replace(c, index=not c.index))

    def _change_unique(self) -> Step | None:
        return self._changed(
            "unique",
            lambda c: None if c.is_shared or c.index else replace(c, unique=not c.unique),
        )

    def _change_pair(self) -> Step | None:
        table = self._table()
        if table.pair:
            table.pair = None
        else:
            names = [column.name for column in table.columns]
            one, other = self._chance.sample(names, 2)
            table.pair = (one, other)
        return Step(table.app, f"{table.tablename}: index over {table.pair}")

    def _change_action(self) -> Step | None:
        table = self._table()
        keys = [column for column in table.columns if column.parent is not None]
        if not keys:
            return None
        key = self._chance.choice(keys)
        key.on_delete = self._chance.choice([each for each in _ACTIONS if each != key.on_delete])
        return Step(table.app, f"{table.tablename}.{key.name}: ON DELETE {key.on_delete}")

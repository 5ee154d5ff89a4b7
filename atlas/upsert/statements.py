"""The SQL of an upsert, for rows that all carry the same columns.

In: a table, the columns, the key and the engine's type. Out: text. Rows reach
SQLite as VALUES, so many at a time that a step is long and the text is short,
and PostgreSQL as one array for each column, whatever their number.

Three statements, in this order: ``compare`` tells which rows are new and which
differ from what is stored, and in what; those that are equal meet no other
statement. ``insert`` and ``update`` write the others.
"""

from __future__ import annotations

import datetime
from functools import cached_property, lru_cache
from typing import Any

from piccolo.columns import Date, ForeignKey, Integer, Varchar
from piccolo.columns import Text as PiccoloText

from atlas.columns import Decimal, ModelColumn
from atlas.engine.sqlite.create_table import quoted
from atlas.query.write import differs, later
from atlas.table import Table
from atlas.ulid import new_ulid
from atlas.upsert.keys import SOURCE_PAIR, Key, primary_key, unique_keys
from atlas.upsert.plain import column_names, element_type, id_maker
from atlas.upsert.validator import Validator

_INSTANTS = ("created_at", "updated_at")


class Shape:
    """Rows of one call that carry the same columns.

    ``proposes_id`` is for new objects of a table class. Each has an id of its
    own, which it gets when it is inserted and not when its row exists.
    """

    def __init__(
        self,
        table: type[Table],
        names: frozenset[str],
        key: Key,
        engine_type: str,
        *,
        proposes_id: bool,
        updates: bool,
    ) -> None:
        columns: list[Any] = [c for c in table._meta.columns if c._meta.name in names]
        self.table = table
        self.key = key
        self.engine_type = engine_type
        self.proposes_id = proposes_id
        self.updates = updates
        self.columns: list[ModelColumn[Any]] = columns
        #: The names of what the rows carry, in the table's order.
        self.names: Key = tuple(column._meta.name for column in columns)
        self.primary_key = primary_key(table)
        ignored = {*key, *_INSTANTS, *(self.primary_key if proposes_id else ())}
        #: What a stored row is compared in; a bit of ``compare``'s mask for each.
        self.compared = [name for name in self.names if name not in ignored] if updates else []
        #: Whether they carry a part of where they come from.
        self.source = set(SOURCE_PAIR) <= column_names(table) and set(SOURCE_PAIR) & names
        #: The bits of what never changes.
        never = (*self.primary_key, *(SOURCE_PAIR if self.source else ()))
        self.fixed = sum(1 << bit for bit, name in enumerate(self.compared) if name in never)
        unique = {name for unique in unique_keys(table) for name in unique}
        #: The bits of what is part of a unique key, so that another row may be in the way.
        self.unique = sum(1 << bit for bit, name in enumerate(self.compared) if name in unique)
        #: Whether new rows need an id that they do not carry.
        self.makes_id = (
            id_maker(table._meta.primary_key)
            if len(self.primary_key) == 1 and self.primary_key[0] not in names
            else None
        )
        self.lacks_id = self.makes_id is not None
        #: What a new row needs and these do not carry.
        self.missing = [
            column._meta.name
            for column in table._meta.columns
            if column._meta.name not in names
            and not (column._meta.null or column._meta.primary_key)
            and getattr(column, "default", None) is None
        ]
        #: The columns that refer to rows of the same table.
        self.parents = [
            key._meta.name
            for key in table._meta.foreign_key_columns
            if key._meta.name in names and key._foreign_key_meta.resolved_references is table
        ]

    @cached_property
    def validator(self) -> Validator:
        """The check of such rows."""
        return Validator(self.columns, self.key, self.engine_type)

    @cached_property
    def stamped(self) -> list[str]:
        """The instants that a new row gets because it does not carry them."""
        names = {column._meta.name for column in self.table._meta.columns}
        return [name for name in _INSTANTS if name in names and name not in self.names]

    @cached_property
    def stamps(self) -> list[str]:
        """The instants that move when another value changes."""
        return [column._meta.name for column in self.table._meta.auto_update_columns]

    def changed(self, mask: int) -> list[str]:
        """Return the columns whose bits are set in a mask of ``compare``."""
        return [name for bit, name in enumerate(self.compared) if mask >> bit & 1]


@lru_cache(maxsize=256)
def shape_of(
    table: type[Table],
    names: frozenset[str],
    key: Key,
    engine_type: str,
    proposes_id: bool,
    updates: bool,
) -> Shape:
    """Return the shape of such rows, which is made when it is first asked for."""
    return Shape(table, names, key, engine_type, proposes_id=proposes_id, updates=updates)


@lru_cache(maxsize=256)
def compare(shape: Shape, count: int) -> str:
    """Return a SELECT of the rows that are not stored as they are.

    Of each: its position among the ``count`` rows of the statement, the stored
    primary key (null for a new row), and a mask of the columns that differ.
    """
    given = {name: _given(shape, number) for number, name in enumerate(shape.names)}
    unequal = differs(shape.engine_type)
    different = [f't."{name}" {unequal} {given[name]}' for name in shape.compared]
    cast = "" if shape.engine_type == "sqlite" else "::int::bigint"
    mask = " + ".join(f"({text}){cast} * {1 << bit}" for bit, text in enumerate(different)) or "0"
    stored = [f't."{name}"' for name in shape.primary_key]
    same = [f't."{name}" = {given[name]}' for name in shape.key]
    return (
        f"SELECT {_position(shape)}, {', '.join(stored)}, {mask}"
        f" FROM {_rows(shape, shape.columns, count)}"
        f" LEFT JOIN {_table(shape)} AS t ON {' AND '.join(same)}"
        f" WHERE {' OR '.join([f'{stored[0]} IS NULL', *different])}"
        f"{'' if shape.engine_type == 'sqlite' else ' ORDER BY b.n'}"  # SQLite takes them as given
    )


@lru_cache(maxsize=256)
def insert(shape: Shape, count: int) -> str:
    """Return the INSERT of ``count`` new rows.

    Its parameters are the current instant, if ``stamped`` is not empty, then the
    rows; each row begins with its id if it ``lacks_id``. On PostgreSQL it returns
    the keys of the rows that it inserted: another transaction may have been faster.
    """
    columns = shape.columns
    if shape.lacks_id:
        columns = [_column(shape, shape.primary_key[0]), *columns]
    names = [*shape.stamped, *(column._meta.name for column in columns)]
    into = f"INSERT INTO {_table(shape)} ({', '.join(map(quoted, names))})"
    if shape.engine_type == "sqlite":
        # Parameters that are numbered are named ones for Python, which warns of a list of them.
        marks = ", ".join("?" * len(columns))
        rows = f"VALUES {', '.join([f'({marks})'] * count)}"
        if not shape.stamped:
            return f"{into} {rows}"
        stamps = ", ".join(["now.instant"] * len(shape.stamped))
        return (
            f"WITH now(instant) AS (VALUES (?)) {into} SELECT {stamps}, b.* FROM now, ({rows}) AS b"
        )
    # In one order for every loader: two with the same rows wait for each other, where each
    # would otherwise hold a key that the other one waits for.
    names_of_columns = [column._meta.name for column in columns]
    order = ", ".join(f"b.c{names_of_columns.index(name)}" for name in shape.key)
    first = 2 if shape.stamped else 1
    values = ["$1::timestamptz"] * len(shape.stamped) + [f"b.c{n}" for n in range(len(columns))]
    return (
        f"{into} SELECT {', '.join(values)} FROM {_arrays(columns, first)} ORDER BY {order}"
        f" ON CONFLICT ({', '.join(map(quoted, shape.key))}) DO NOTHING"
        f" RETURNING {', '.join(map(quoted, shape.key))}"
    )


@lru_cache(maxsize=256)
def update(shape: Shape, mask: int) -> str:
    """Return the UPDATE of the columns in ``mask``.

    Its parameters are on SQLite, for one row: the new values, the current
    instant, the primary key; on PostgreSQL, for many: the instant, then all
    values and keys as arrays.
    """
    names = shape.changed(mask)
    stamps = shape.stamps
    if shape.engine_type == "sqlite":
        values = [f'"{name}" = ?' for name in names]
        values += [f'"{name}" = {later("?", quoted(name), "sqlite")}' for name in stamps]
        where = " AND ".join(f'"{name}" = ?' for name in shape.primary_key)
        return f"UPDATE {_table(shape)} SET {', '.join(values)} WHERE {where}"
    columns = [_column(shape, name) for name in (*names, *shape.primary_key)]
    now = "$1::timestamptz"
    values = [f'"{name}" = b.c{number}' for number, name in enumerate(names)]
    values += [f'"{name}" = {later(now, "t." + quoted(name), "postgres")}' for name in stamps]
    where = " AND ".join(
        f't."{name}" = b.c{number}' for number, name in enumerate(shape.primary_key, len(names))
    )
    first = 2 if stamps else 1
    return (
        f"UPDATE {_table(shape)} AS t SET {', '.join(values)} FROM {_arrays(columns, first)}"
        f" WHERE {where}"
    )


def vacated(shape: Shape, mask: int, number: int) -> dict[str, Any]:
    """Return values, as stored, with which a row is in nobody's way, for the columns of ``mask``.

    One column of each unique key that the mask has a column of is enough; a
    reference has no such value. ``number`` makes each row's different.
    """
    values: dict[str, Any] = {}
    changed = set(shape.changed(mask & shape.unique))
    for unique in unique_keys(shape.table):
        free = [name for name in unique if name in changed]
        if not free or values.keys() & set(unique):
            continue
        for name in free:
            column = _column(shape, name)
            if isinstance(column, ForeignKey):
                continue
            if column._meta.null:
                values[name] = None
            elif isinstance(column, Integer):
                values[name] = -(2**31) + number
            elif isinstance(column, Date):
                day = datetime.date.max - datetime.timedelta(days=number)
                values[name] = day.isoformat() if shape.engine_type == "sqlite" else day
            elif isinstance(column, PiccoloText) and not column._meta.choices:
                values[name] = f"~{new_ulid()}"
            elif isinstance(column, Varchar) and not column._meta.choices:
                values[name] = f"~{number}"
            else:
                continue
            break
    return values


def set_values(shape: Shape, names: tuple[str, ...]) -> str:
    """Return the UPDATE of some columns of one row, and of nothing else; the key comes last."""
    is_sqlite = shape.engine_type == "sqlite"
    marks = [
        "?" if is_sqlite else f"${n}" for n in range(1, len(names) + len(shape.primary_key) + 1)
    ]
    values = [f'"{name}" = {mark}' for name, mark in zip(names, marks, strict=False)]
    keys = zip(shape.primary_key, marks[len(names) :], strict=True)
    where = " AND ".join(f'"{name}" = {mark}' for name, mark in keys)
    return f"UPDATE {_table(shape)} SET {', '.join(values)} WHERE {where}"


@lru_cache(maxsize=256)
def lock(shape: Shape) -> str:
    """Return PostgreSQL's SELECT that locks the rows of primary keys, which come as arrays."""
    keys = [_column(shape, name) for name in shape.primary_key]
    same = [f't."{name}" = b.c{number}' for number, name in enumerate(shape.primary_key)]
    order = ", ".join(f't."{name}"' for name in shape.primary_key)
    return (
        f"SELECT 1 FROM {_table(shape)} AS t JOIN {_arrays(keys, 1)} ON {' AND '.join(same)}"
        f" ORDER BY {order} FOR NO KEY UPDATE OF t"
    )


def array_type(column: Any) -> str:
    """Return PostgreSQL's type of an array of a column's values."""
    name = "DOUBLE PRECISION" if isinstance(column, Decimal) else element_type(column)
    return f"{name}[]"


def _rows(shape: Shape, columns: list[Any], count: int) -> str:
    """Return the rows of a statement as a table ``b``."""
    if shape.engine_type != "sqlite":
        return _arrays(columns, 1)
    marks = ", ?" * len(columns)
    return f"(VALUES {', '.join(f'({number}{marks})' for number in range(count))}) AS b"


def _arrays(columns: list[Any], first: int) -> str:
    arrays = ", ".join(f"${n}::{array_type(column)}" for n, column in enumerate(columns, first))
    names = ", ".join(f"c{number}" for number in range(len(columns)))
    return f"unnest({arrays}) WITH ORDINALITY AS b({names}, n)"


def _given(shape: Shape, number: int) -> str:
    """Return the name of a given value in ``b``; SQLite's first column there is the position."""
    return f"b.column{number + 2}" if shape.engine_type == "sqlite" else f"b.c{number}"


def _position(shape: Shape) -> str:
    return "b.column1" if shape.engine_type == "sqlite" else "b.n - 1"


def _column(shape: Shape, name: str) -> Any:
    return shape.table._meta.get_column_by_name(name)


def _table(shape: Shape) -> str:
    return quoted(shape.table._meta.tablename)

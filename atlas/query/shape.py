"""The SQL of built queries, made once for all queries of the same shape.

In: a query of ours, built. Out: its SQL and its parameters, as one ``QueryString``
that is compiled already. Two queries have the same shape when nothing but values
differs between them, so the shape is what the query says without its values: the
table, the columns and where they are reached through, the operators, how many
values a list has. A query that says what is not listed here has no shape, and
is made anew each time. Knows no engine but by its name.

What is remembered is bounded, and checked as it is made: the parameters of the
query that Piccolo builds must be those that are found here, in the same order.
"""

from __future__ import annotations

import datetime
import decimal
import threading
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from piccolo.columns import Where
from piccolo.columns.combination import And, Or, Undefined
from piccolo.query.mixins import Limit, Offset
from piccolo.querystring import QueryString

from atlas.columns import ModelColumn
from atlas.columns.base import Among

if TYPE_CHECKING:
    from piccolo.table import Table as PiccoloTable

#: How many shapes are remembered; of more the oldest is forgotten.
MOST_SHAPES = 1024

#: A query of more values is made anew, as their number is part of its shape.
MOST_VALUES = 256

#: What is sent as it is: any value of these types is a parameter, and changes no SQL.
_PLAIN = frozenset(
    (
        *(str, int, float, bool, bytes, type(None)),
        *(datetime.date, datetime.datetime, decimal.Decimal, uuid.UUID),
    )
)


class Shape:
    """What a query says, collected part by part: the key of its SQL, and its values in order.

    The methods return whether what they were given has a shape; what they collected is of no
    use if it has none.
    """

    __slots__ = ("key", "now", "values")

    def __init__(self, kind: str, table: type[PiccoloTable]) -> None:
        meta = table._meta
        self.key: list[Any] = [kind, table, meta.tablename, meta.schema]
        self.values: list[Any] = []
        #: What ``updated_at`` becomes.
        self.now: Any = None

    def add(self, *parts: object) -> None:
        """Add what the SQL depends on, and is no value."""
        self.key += parts

    def add_value(self, value: Any) -> bool:
        """Add one value."""
        if type(value) not in _PLAIN:
            return False
        self.values.append(value)
        return True

    def add_values(self, values: Sequence[Any]) -> bool:
        """Add values, whose number is part of the shape."""
        self.key.append(len(values))
        self.values += values
        return len(self.values) <= MOST_VALUES and all(type(value) in _PLAIN for value in values)

    def add_column(self, column: Any) -> bool:
        """Add a column, its alias, and the foreign keys that it is reached through."""
        if not isinstance(column, ModelColumn):
            return False
        # Of object: a foreign key looks at every attribute, to see if it is a join.
        meta = object.__getattribute__(column, "_meta")
        chain = meta.call_chain
        if chain:  # in one, as whatever follows it could be taken for more of it
            self.key.append((chain[0]._meta._table, *[key._meta._name for key in chain]))
        self.key += (meta._table, meta._name, column._alias)
        return True

    def add_columns(self, columns: Iterable[Any]) -> bool:
        """Add columns, one after the other."""
        for column in columns:
            if not self.add_column(column):
                return False
        self.key.append(None)  # else the next part could continue them
        return True

    def add_where(self, where: Any) -> bool:
        """Add conditions, and the values in them."""
        kind = type(where)
        if kind is Where or kind is Among:
            self.key.append(where.operator)
            if not self.add_column(where.column):
                return False
            value, values = where.value, where.values
            if type(value) is not Undefined:
                self.key.append(True)
                if not self.add_value(value):
                    return False
            if type(values) is Undefined:
                return True
            return type(values) is list and self.add_values(values)
        if kind is And or kind is Or:
            self.key.append(kind)
            return self.add_where(where.first) and self.add_where(where.second)
        self.key.append(None)
        return where is None

    def add_clauses(self, query: Any) -> bool:
        """Add the WHERE, ORDER BY, LIMIT and OFFSET of a select, of dicts or objects."""
        limit, offset = query.limit_delegate._limit, query.offset_delegate._offset
        if not (
            (limit is None or type(limit) is Limit) and (offset is None or type(offset) is Offset)
        ):
            return False
        self.key += (limit and limit.number, offset and offset.number)
        for item in query.order_by_delegate._order_by.order_by_items:
            self.key.append(item.ascending)
            if not self.add_columns(item.columns):
                return False
        if query.as_of_delegate._as_of or query.lock_rows_delegate._lock_rows:
            return False
        return self.add_where(query.where_delegate._where)


class Made(QueryString):
    """SQL that is made already, with the parameters of one query."""

    __slots__ = ("floats",)

    def __init__(self, sql: str, parameters: list[Any], floats: Sequence[str | None]) -> None:
        # Not super().__init__(), which would look at every value.
        self.template = sql
        self.args = parameters
        self.columns = ()
        self.query_type = "generic"
        self.table = None
        self._alias = None
        self._frozen_compiled_strings = sql, parameters
        #: The keys of the rows under which a float must be.
        self.floats = floats


class _Remembered(NamedTuple):
    sql: str
    floats: Sequence[str | None]


_remembered: dict[tuple[Any, ...], _Remembered | None] = {}
_lock = threading.Lock()


def made(query: Any, shape: Shape, engine_type: str) -> QueryString | None:
    """Return the SQL of a query with its values; None if it cannot be that of its shape."""
    key = (engine_type, *shape.key)
    try:
        remembered = _remembered[key]
    except KeyError:
        remembered = _make(query, shape, engine_type)
        with _lock:
            if len(_remembered) >= MOST_SHAPES:
                del _remembered[next(iter(_remembered))]
            _remembered[key] = remembered
    if remembered is None:
        return None
    return Made(remembered.sql, shape.values, remembered.floats)


def _make(query: Any, shape: Shape, engine_type: str) -> _Remembered | None:
    querystrings = query._querystrings_of(shape)
    if len(querystrings) != 1:
        return None
    sql, parameters = querystrings[0].compile_string(engine_type=engine_type)
    if len(parameters) != len(shape.values) or not all(map(_same, parameters, shape.values)):
        return None
    return _Remembered(sql, tuple(getattr(querystrings[0], "floats", ())))


def _same(one: Any, other: Any) -> bool:
    # Equal is not enough: 1, 1.0 and True are.
    return one is other or (type(one) is type(other) and bool(one == other))


class Shaped:
    """A query whose SQL is that of its shape, where it has one."""

    table: Any
    _frozen_querystrings: Any

    def _shape(self) -> Shape | None:
        """Return the query's shape; None when it has none."""
        raise NotImplementedError

    def _querystrings_of(self, shape: Shape) -> Sequence[QueryString]:
        """Return the query as Piccolo makes it, with the values of its shape."""
        return self.querystrings  # type: ignore[attr-defined,no-any-return]

    async def _run(self, node: str | None = None, in_pool: bool = True) -> Any:
        if node is None and self._frozen_querystrings is None:
            self._validate()  # type: ignore[attr-defined]
            engine = self.table._meta.db
            shape = self._shape()
            if shape is not None:
                querystring = made(self, shape, engine.engine_type)
                if querystring is not None:
                    results = await engine.run_querystring(querystring, in_pool=in_pool)
                    return await self._process_results(results)  # type: ignore[attr-defined]
        return await super()._run(node=node, in_pool=in_pool)  # type: ignore[misc]

"""Prepared queries: built and compiled once, run many times with other values.

In: a client, and a query of Piccolo's with a ``Param`` where values will be.
Out: something to call with the values, whose result is awaited. Knows queries
and engines. What it keeps does not change after it was made, but for the
statements, of which one more is compiled when a column is first compared with
None; so any number of tasks can use it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Unpack, overload

from piccolo.query.base import Query
from piccolo.query.methods import objects as piccolo_objects
from piccolo.query.methods import select as piccolo_select
from piccolo.query.methods.count import Count
from piccolo.query.methods.exists import Exists
from piccolo.query.methods.raw import Raw
from piccolo.query.mixins import CallbackDelegate, CallbackType
from piccolo.query.proxy import Proxy
from piccolo.querystring import QueryString
from piccolo.utils.encoding import dump_json
from typing_extensions import TypeVar

from atlas.client import scope
from atlas.engine.sqlite.compiled import compiled
from atlas.engine.statement import only_reads
from atlas.errors import PreparedQueryError
from atlas.param import Check, Compared, Computed, Listed, Param, as_json
from atlas.query.select import Select
from atlas.query.write import Delete, Update

if TYPE_CHECKING:
    from atlas.names import ColumnValues
    from atlas.param import OtherNames
    from atlas.query.typed import Runs

Result = TypeVar("Result")
#: How its parameters are named, for a type checker.
_Names = TypeVar("_Names", contravariant=True, default=Any)

#: What can be prepared: queries of one statement that change no object.
_QUERIES = (
    piccolo_select.Select,
    piccolo_objects.Objects,
    Count,
    Exists,
    Update,
    Delete,
    Raw,
)


@dataclass(frozen=True)
class Statement:
    """SQL for one engine, and what makes its parameters of the values of a call."""

    sql: str
    #: The parameters, with the constants in their places.
    constants: tuple[Any, ...]
    #: Where the values go: the index, the name of the ``Param``, and its check.
    values: tuple[tuple[int, str, Check], ...]
    #: What is worked out for each call: the index, and how.
    computed: tuple[tuple[int, Callable[[], Any]], ...]
    reads: bool
    #: The keys of the rows under which a float must be.
    floats: tuple[str, ...]

    def parameters(self, given: dict[str, Any]) -> list[Any]:
        """Return the parameters; raise ``InvalidValueError`` for a value of a wrong type."""
        parameters = list(self.constants)
        for index, name, check in self.values:
            parameters[index] = check(given[name])
        for index, compute in self.computed:
            parameters[index] = compute()
        return parameters


class Prepared(Generic[Result, _Names]):
    """A query that ``Client.prepare`` made, to call with its parameters by name.

    It belongs to the client it was prepared with, whichever is in scope where
    it runs, and is part of that client's transaction or snapshot when the task
    is in one.
    """

    def __init__(self, client: scope.OpenClient, query: Runs[Result, Any]) -> None:
        self._client = client
        inner, self._shape, self._is_json = _unwrapped(query)
        self._query = _own(inner)
        self._query._validate()
        self._returns_rows = _returns_rows(self._query)
        callbacks = getattr(self._query, "callback_delegate", None)
        self._callbacks: CallbackDelegate | None = (
            callbacks if callbacks and any(callbacks._callbacks.values()) else None
        )
        with scope.compiling(client.engine):
            (self._querystring,) = self._query.querystrings
        nodes = list(_nodes(self._querystring))
        self._names = frozenset(node.name for node in nodes if isinstance(node, Param))
        #: Those that are compared with IS NULL when they are None.
        self._compared = {node.param.name for node in nodes if isinstance(node, Compared)}
        self._statements: dict[frozenset[str], Statement] = {}
        self._statement = self._compile(frozenset())

    if TYPE_CHECKING:  # so that it can be told whether any parameter has a name of its own

        def _named(self, names: _Names) -> None: ...

    @overload
    def __call__(self: Prepared[Result, OtherNames], **values: Any) -> PreparedCall[Result]: ...

    @overload
    def __call__(self, **values: Unpack[ColumnValues]) -> PreparedCall[Result]: ...

    def __call__(self, **values: Any) -> PreparedCall[Result]:
        """Return the query with these values; await it, in any task and as often as needed.

        Raises ``PreparedQueryError`` when a parameter is missing or unknown, and
        ``InvalidValueError`` for a value that the column it is compared with, or
        stored in, does not take.
        """
        if values.keys() != self._names:
            raise PreparedQueryError(self._mismatch(values.keys()))
        statement = self._statement
        if None in values.values():
            nulls = frozenset(name for name in self._compared if values[name] is None)
            statement = self._statements.get(nulls) or self._compile(nulls)
        return PreparedCall(self, statement, statement.parameters(values))

    def __repr__(self) -> str:
        return f"<Prepared {self.sql}>"

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters."""
        return self._names

    @property
    def sql(self) -> str:
        """The statement, as it is sent when no parameter is None."""
        return self._statement.sql

    async def _run(self, statement: Statement, parameters: Sequence[Any]) -> Any:
        result: Any = await self._client._open_engine().execute(
            statement.sql, parameters, reads=statement.reads, floats=statement.floats
        )
        if not self._returns_rows:
            result = await self._processed(result)
        if self._shape is not None:
            result = self._shape(result)
        if self._callbacks is not None:
            result = await self._callbacks.invoke(result, kind=CallbackType.success)
        return dump_json(result) if self._is_json else result

    async def _processed(self, rows: list[dict[str, Any]]) -> Any:
        """Return what Piccolo makes of the rows of the query."""
        token = scope.scope.set(self._client)
        try:
            return await self._query._process_results(rows)
        finally:
            with suppress(ValueError):  # closed in another context, as a coroutine may be
                scope.scope.reset(token)

    def _compile(self, nulls: frozenset[str]) -> Statement:
        """Compile the statement for calls in which the parameters ``nulls`` are None."""
        engine = self._client.engine
        is_sqlite = engine.engine_type == "sqlite"
        querystring = _resolved(self._querystring, is_sqlite, nulls)
        sql, parameters = (
            compiled(querystring)
            if is_sqlite
            else querystring.compile_string(engine_type=engine.engine_type)
        )
        places = list(enumerate(parameters))
        statement = self._statements[nulls] = Statement(
            sql=sql,
            constants=tuple(parameters),
            values=tuple((at, arg.name, arg.check) for at, arg in places if isinstance(arg, Param)),
            computed=tuple((at, arg.compute) for at, arg in places if isinstance(arg, Computed)),
            reads=only_reads(sql),
            floats=tuple(getattr(self._querystring, "floats", ())),
        )
        return statement

    def _mismatch(self, given: Set[str]) -> str:
        parts = [
            f"{word} {', '.join(sorted(names))}"
            for word, names in (
                ("without", self._names - given),
                ("with the unknown", given - self._names),
            )
            if names
        ]
        takes = ", ".join(sorted(self._names)) or "none"
        return f"The prepared query was called {' and '.join(parts)}. Its parameters: {takes}."


class PreparedCall(Generic[Result]):
    """A prepared query with its values, which runs each time it is awaited."""

    __slots__ = ("_parameters", "_prepared", "_statement")

    def __init__(
        self, prepared: Prepared[Result, Any], statement: Statement, parameters: Sequence[Any]
    ) -> None:
        self._prepared = prepared
        self._statement = statement
        self._parameters = parameters

    def __await__(self) -> Generator[Any, None, Result]:
        return self._prepared._run(self._statement, self._parameters).__await__()

    def is_read_of(self, client: scope.OpenClient) -> bool:
        """Return whether it is a read on ``client`` that calls nothing of the caller's."""
        prepared = self._prepared
        return self._statement.reads and prepared._client is client and not prepared._callbacks

    async def run(self) -> Result:
        """Run the query, as awaiting it does, for callers that want a coroutine."""
        return await self

    def __repr__(self) -> str:
        return f"<PreparedCall {self._statement.sql}>"  # the values may be personal data


# The query.


def _unwrapped(query: Any) -> tuple[Query[Any, Any], Callable[[Any], Any] | None, bool]:
    """Return the query within Piccolo's wrappers, what they make of rows, and if that is JSON.

    Raises ``PreparedQueryError`` for what cannot be prepared.
    """
    shape: Callable[[Any], Any] | None = None
    is_json = False
    inner = query
    while isinstance(inner, Proxy):
        match inner:
            case piccolo_select.First() | piccolo_objects.First():
                shape = _first
            case piccolo_select.SelectList():
                shape = _values
            case piccolo_select.SelectJSON():
                is_json = True
            case piccolo_objects.Get():  # around a First
                pass
            case _:
                break
        inner = inner.query
    if not isinstance(inner, _QUERIES) or getattr(inner, "row", None) is not None:
        raise PreparedQueryError(
            f"{type(query).__name__} cannot be prepared. A select, objects, count, exists, update, "
            "delete or raw query can, as a whole: without run() and await. What writes objects "
            "(insert, save, get_or_create) has other values in each; for many rows use upsert()."
        )
    return inner, shape, is_json


def _first(rows: Sequence[Any]) -> Any:
    return rows[0] if rows else None


def _values(rows: Sequence[dict[str, Any]]) -> list[Any]:
    if rows and len(rows[0]) != 1:
        raise ValueError("Each row returned more than one value")
    return [value for row in rows for value in row.values()]


def _own(query: Any) -> Any:
    """Return a copy of ``query`` that does not change when clauses are added to that one."""
    query = copy.copy(query)
    for name in ("output_delegate", "columns_delegate", "callback_delegate"):
        if hasattr(query, name):
            delegate = copy.copy(getattr(query, name))
            setattr(query, name, delegate)
            if isinstance(delegate, CallbackDelegate):
                delegate._callbacks = {k: [*each] for k, each in delegate._callbacks.items()}
    if hasattr(query, "output_delegate"):
        query.output_delegate._output = query.output_delegate._output.copy()
    if isinstance(query, Update):
        query.is_prepared = True
    return query


def _returns_rows(query: Any) -> bool:
    """Return whether the result is the rows as they come from the engine."""
    if isinstance(query, Select):
        return query.returns_rows and query._make is None
    return isinstance(query, Update | Delete | Raw)


# The SQL.


def _nodes(querystring: QueryString) -> Iterator[Any]:
    """Yield all parts of a query's SQL and all parameters in it."""
    yield querystring
    for arg in querystring.args:
        if isinstance(arg, QueryString):
            yield from _nodes(arg)
        else:
            yield arg


def _resolved(querystring: QueryString, is_sqlite: bool, nulls: Set[str]) -> QueryString:
    """Return the SQL in the dialect of an engine, where the parameters ``nulls`` are None."""
    if isinstance(querystring, Compared) and querystring.param.name in nulls:
        return QueryString(querystring.if_null)
    if isinstance(querystring, Listed):
        if not is_sqlite:
            template = "!= ALL ({})" if querystring.negated else "= ANY ({})"
            return QueryString(template, querystring.param)
        in_ = "NOT IN" if querystring.negated else "IN"
        param = querystring.param.checked_by(_as_json(querystring.param.check))
        return QueryString(f"{in_} (SELECT value FROM json_each({{}}))", param)
    resolved = QueryString(querystring.template)
    resolved.args = [
        _resolved(arg, is_sqlite, nulls) if isinstance(arg, QueryString) else arg
        for arg in querystring.args
    ]
    return resolved


def _as_json(check: Check) -> Check:
    """Return a check whose result is JSON of the values as SQLite stores them."""
    return lambda values: as_json(check(values))

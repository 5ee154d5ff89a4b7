"""SELECT, of dicts and of objects."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, overload

from piccolo.columns import Column
from piccolo.columns.m2m import M2MSelect as PiccoloM2MSelect
from piccolo.custom_types import TableInstance
from piccolo.query.methods.objects import Objects as PiccoloObjects
from piccolo.query.methods.select import Select as PiccoloSelect
from piccolo.query.mixins import Output
from piccolo.querystring import QueryString, Selectable
from typing_extensions import TypeVar

from atlas.columns import CompositeKey
from atlas.errors import InvalidValueError, RowClassError
from atlas.param import Names, Param
from atlas.query.m2m import M2MSelect
from atlas.query.results import LARGE_SLICE, WholeRow, in_slices, output_name, with_floats
from atlas.query.shape import Shape, Shaped
from atlas.query.stored_row import objects_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from piccolo.custom_types import Combinable
    from piccolo.query.base import FrozenQuery
    from piccolo.query.methods.objects import Create, GetOrCreate
    from piccolo.table import Table as PiccoloTable

    from atlas.columns.keys import Reference
    from atlas.param import Condition, OtherNames
    from atlas.query.into import Make
    from atlas.query.typed import First, Json, Runs, Values

#: What each row of a select is: a dict, the TypedDict of a whole row, or the class of ``into``.
Row = TypeVar("Row", default=dict[str, Any])
_Made = TypeVar("_Made")
_Others = TypeVar("_Others")


class _Counted:
    """A LIMIT or OFFSET whose number each call of a prepared query gives."""

    def __init__(self, word: str, param: Param[Any], table: type[PiccoloTable]) -> None:
        def check(value: Any) -> int:
            if type(value) is int and 0 <= value < 2**63:
                return value
            raise InvalidValueError(
                table._meta.tablename, word, value, "is not a number of rows; pass an int >= 0"
            )

        self.querystring = QueryString(f" {word} {{}}", param.checked_by(check))


def _single_columns(
    columns: Iterable[Column | str | QueryString],
) -> Iterator[Column | str | QueryString]:
    """Yield ``columns``, and instead of a composite key its columns: it is none that is stored."""
    for column in columns:
        if isinstance(column, CompositeKey):
            yield from column.columns
        else:
            yield column


class _Clauses:
    """What both selects, of dicts and of objects, take that Piccolo's do not."""

    table: Any
    limit_delegate: Any
    offset_delegate: Any

    if not TYPE_CHECKING:  # what it makes of the type of the query, the bases below say

        def limit(self, number: int | Param[Any]) -> Any:
            """Return at most so many rows."""
            if not isinstance(number, Param):
                return super().limit(number)
            self.limit_delegate._limit = _Counted("LIMIT", number, self.table)
            return self

        def offset(self, number: int | Param[Any]) -> Any:
            """Leave out so many rows at the beginning."""
            if not isinstance(number, Param):
                return super().offset(number)
            self.offset_delegate._offset = _Counted("OFFSET", number, self.table)
            return self

    def order_by(self, *columns: Column | str | QueryString, ascending: bool = True) -> Self:
        """Order the rows; the primary key of a join table stands for its two columns."""
        return super().order_by(*_single_columns(columns), ascending=ascending)  # type: ignore[misc,no-any-return]


if TYPE_CHECKING:

    class _SelectBase(  # type: ignore[misc]
        Runs[list[Row], Names], PiccoloSelect[TableInstance], Generic[TableInstance, Row, Names]
    ):
        """The clauses of a select, and what they make of its type."""

        @overload  # type: ignore[override]
        def where(  # type: ignore[overload-overlap]
            self, *where: Condition[_Others]
        ) -> Select[TableInstance, Row, Names | _Others]: ...

        @overload
        def where(self, *where: Combinable) -> Self: ...  # type: ignore[overload-overlap]

        @overload
        def where(
            self, *where: Combinable | QueryString
        ) -> Select[TableInstance, Row, OtherNames]: ...

        def where(self, *where: Any) -> Any: ...

        @overload  # type: ignore[override]
        def having(  # type: ignore[overload-overlap]
            self, *where: Condition[_Others]
        ) -> Select[TableInstance, Row, Names | _Others]: ...

        @overload
        def having(self, *where: Combinable) -> Self: ...  # type: ignore[overload-overlap]

        @overload
        def having(
            self, *where: Combinable | QueryString
        ) -> Select[TableInstance, Row, OtherNames]: ...

        def having(self, *where: Any) -> Any: ...

        @overload
        def limit(self, number: int) -> Self: ...

        @overload
        def limit(self, number: Param[_Others]) -> Select[TableInstance, Row, Names | _Others]: ...

        def limit(self, number: Any) -> Any: ...

        @overload
        def offset(self, number: int) -> Self: ...

        @overload
        def offset(self, number: Param[_Others]) -> Select[TableInstance, Row, Names | _Others]: ...

        def offset(self, number: Any) -> Any: ...

        def group_by(self, *columns: Column | str | QueryString) -> Self: ...

        def distinct(self, *, on: Sequence[Column] | None = None) -> Self: ...

        def first(self) -> First[Row | None, Names]: ...  # type: ignore[override]

        @overload  # type: ignore[override]
        def output(self, *, as_list: Literal[True]) -> Values[Names]: ...

        @overload
        def output(self, *, as_json: Literal[True], nested: bool = False) -> Json[Names]: ...

        @overload
        def output(
            self, *, nested: bool = False, load_json: bool = False
        ) -> Select[TableInstance, dict[str, Any], Names]: ...

        def output(self, **output: bool) -> Any: ...

        def callback(
            self, callbacks: Callable[..., Any] | list[Callable[..., Any]], **when: Any
        ) -> Self: ...

else:

    class _SelectBase(PiccoloSelect[TableInstance], Generic[TableInstance, Row, Names]):
        pass


class Select(Shaped, _Clauses, _SelectBase[TableInstance, Row, Names]):  # type: ignore[misc]
    """A SELECT whose many-to-many columns come back as the values that are stored."""

    #: What makes the rows into the objects of ``into``.
    _make: Make | None = None

    def _shape(self) -> Shape | None:
        distinct = self.distinct_delegate._distinct
        if distinct.on or self.group_by_delegate._group_by or self.having_delegate._where:
            return None
        shape = Shape("select", self.table)
        shape.add(distinct.enabled, self.exclude_secrets)
        selected = self.columns_delegate.selected_columns
        return shape if shape.add_columns(selected) and shape.add_clauses(self) else None

    @property
    def default_querystrings(self) -> Sequence[QueryString]:
        selected = self.columns_delegate.selected_columns
        if not selected and not self.exclude_secrets:  # all columns, whose SQL is made once
            self.columns_delegate.selected_columns = [WholeRow.of(self.table)]
        try:
            querystrings = super().default_querystrings
            return with_floats(querystrings, self.columns_delegate.selected_columns)
        finally:
            self.columns_delegate.selected_columns = selected

    def into(self, made: type[_Made]) -> Select[TableInstance, _Made, Names]:
        """Return each row as a ``made``: a TypedDict, dataclass, NamedTuple or pydantic model.

        Its fields are the selected columns, by name and type, which is checked here: raises
        ``RowClassError`` for one that is missing or too many, and for a type that cannot hold
        what the column may, None included. A choice becomes the field's enum. What an
        expression came to is checked in each row. Columns are chosen before, and nothing of
        ``output()`` goes with it; other clauses, ``first()`` and ``prepare()`` do.
        """
        if self.output_delegate._output != Output():
            raise RowClassError("into() and output() each say what a row becomes; use one.")
        # Imported here because pydantic's classes are looked at.
        from atlas.query.into import maker

        columns = self.columns_delegate.selected_columns or self.table._meta.columns
        self._make = maker(made, columns, self.table.__name__)
        return self  # type: ignore[return-value]

    if not TYPE_CHECKING:  # what it makes of the type of the query, the base says

        def output(
            self,
            *,
            as_list: bool = False,
            as_json: bool = False,
            load_json: bool = False,
            nested: bool = False,
        ) -> Any:
            """As Piccolo's; raises ``RowClassError`` after ``into``."""
            if self._make is not None:
                raise RowClassError("into() and output() each say what a row becomes; use one.")
            return super().output(
                as_list=as_list, as_json=as_json, load_json=load_json, nested=nested
            )

    async def _process_results(self, results: Any) -> Any:
        if not self.returns_rows or (results and type(results[0]) is not dict):
            results = await in_slices(super()._process_results, results)
        if self._make is None:
            return results
        return await in_slices(self._made, results, LARGE_SLICE)

    async def _made(self, rows: Any) -> Any:
        return self._make(rows) if self._make else rows

    @property
    def returns_rows(self) -> bool:
        """Whether the result is the rows as they come from the engine."""
        output = self.output_delegate._output
        return not (
            output.nested
            or output.load_json
            or output.as_objects
            or any(
                isinstance(column, M2MSelect | PiccoloM2MSelect)
                for column in self.columns_delegate.selected_columns
            )
        )

    def columns(  # type: ignore[override]
        self, *columns: Selectable | str
    ) -> Select[TableInstance, dict[str, Any], Names]:
        """Add columns to the select.

        Raises ``ValueError`` for a many-to-many relation of another table, and
        for one whose name another column of the result has.
        """
        if self._make is not None:
            raise RowClassError("into() looks at the columns; choose them before it.")
        super().columns(*columns)
        selected = self.columns_delegate.selected_columns
        relations = [column for column in selected if isinstance(column, M2MSelect)]
        names = Counter(output_name(column) for column in selected) if relations else Counter()
        for relation in relations:
            meta = relation.m2m._meta
            if meta.table is not self.table:
                raise ValueError(
                    f"{meta.table.__name__}.{meta.name} is not a relation of {self.table.__name__}."
                )
            if names[relation.name] > 1:
                raise ValueError(
                    f"Two columns of the select are called {relation.name!r}, and only one would "
                    "be in the result; name the others with as_alias()."
                )
        return self  # type: ignore[return-value]

    async def response_handler(self, response: list[dict[str, Any]]) -> Any:
        for selected in self.columns_delegate.selected_columns:
            if isinstance(selected, M2MSelect):
                selected.decode(response)
        return await super().response_handler(response)  # type: ignore[no-untyped-call]

    def freeze(self) -> FrozenQuery:
        frozen = super().freeze()
        frozen.query._make = self._make  # type: ignore[attr-defined]
        # Piccolo forgets the columns (query/base.py, freeze), and with them what to decode.
        frozen.query.columns_delegate = copy.copy(self.columns_delegate)  # type: ignore[attr-defined]
        return frozen


if TYPE_CHECKING:

    class _ObjectsBase(  # type: ignore[misc]
        Runs[list[TableInstance], Names],
        PiccoloObjects[TableInstance],
        Generic[TableInstance, Names],
    ):
        """The clauses of a select of objects, and what they make of its type."""

        @overload  # type: ignore[override]
        def where(self, *where: Condition[_Others]) -> Objects[TableInstance, Names | _Others]: ...  # type: ignore[overload-overlap]

        @overload
        def where(self, *where: Combinable) -> Self: ...  # type: ignore[overload-overlap]

        @overload
        def where(self, *where: Combinable | QueryString) -> Objects[TableInstance, OtherNames]: ...

        def where(self, *where: Any) -> Any: ...

        @overload
        def limit(self, number: int) -> Self: ...

        @overload
        def limit(self, number: Param[_Others]) -> Objects[TableInstance, Names | _Others]: ...

        def limit(self, number: Any) -> Any: ...

        @overload
        def offset(self, number: int) -> Self: ...

        @overload
        def offset(self, number: Param[_Others]) -> Objects[TableInstance, Names | _Others]: ...

        def offset(self, number: Any) -> Any: ...

        def first(self) -> First[TableInstance | None, Names]: ...  # type: ignore[override]

        @overload  # type: ignore[override]
        def get(  # type: ignore[overload-overlap]
            self, where: Condition[_Others]
        ) -> First[TableInstance | None, Names | _Others]: ...

        @overload
        def get(self, where: Combinable) -> First[TableInstance | None, OtherNames]: ...

        def get(self, where: Any) -> Any: ...

        def get_or_create(  # type: ignore[override]
            self, where: Combinable, defaults: dict[Column | str, Any] | None = None
        ) -> GetOrCreate[TableInstance]: ...

        def create(self, **columns: Any) -> Create[TableInstance]: ...

        def prefetch(  # type: ignore[override]
            self, *fk_columns: Reference[Any, Any, Any] | list[Any]
        ) -> Self: ...

        def callback(
            self, callbacks: Callable[..., Any] | list[Callable[..., Any]], **when: Any
        ) -> Self: ...

else:

    class _ObjectsBase(PiccoloObjects[TableInstance], Generic[TableInstance, Names]):
        pass


class Objects(Shaped, _Clauses, _ObjectsBase[TableInstance, Names]):  # type: ignore[misc]
    """A SELECT of whole rows as objects."""

    def _shape(self) -> Shape | None:
        shape = Shape("objects", self.table)
        prefetched = self.prefetch_delegate.fk_columns
        return shape if shape.add_columns(prefetched) and shape.add_clauses(self) else None

    #: The clauses that a SELECT of dicts has too (query/methods/objects.py, default_querystrings).
    _SELECTS_TOO = (
        "as_of_delegate",
        "limit_delegate",
        "where_delegate",
        "offset_delegate",
        "order_by_delegate",
        "lock_rows_delegate",
    )

    @property
    def default_querystrings(self) -> Sequence[QueryString]:
        if not self.prefetch_delegate.fk_columns:
            # Piccolo would do the same with its own Select, which makes every column's SQL again.
            select: Select[TableInstance] = Select(table=self.table)
            for name in self._SELECTS_TOO:
                setattr(select, name, getattr(self, name))
            return select.default_querystrings
        columns = list(self.table._meta.columns)
        for foreign_key in self.prefetch_delegate.fk_columns:
            for joined in (*foreign_key._meta.call_chain, foreign_key):
                columns += joined.all_columns()
        return with_floats(super().default_querystrings, columns)

    async def _process_results(self, results: Any) -> Any:
        return await in_slices(self._objects, results)

    async def _objects(self, results: Any) -> Any:
        if results and not self.output_delegate._output.load_json:
            rows = results if type(results[0]) is dict else [dict(result) for result in results]
            objects = objects_of(self.table, rows)
            if objects is not None:
                return objects
        return await super()._process_results(results)

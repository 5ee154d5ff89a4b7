"""The parameters of prepared queries.

In: a name, where a query would have a value. Out: the place of that value in
the query's SQL, with the check of the column it is compared with or stored in.
Knows no column and no connection; ``atlas/client/prepared.py`` gives the values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, overload

from piccolo.columns.combination import Where
from piccolo.columns.operators.comparison import ComparisonOperator
from piccolo.engine.sqlite import ADAPTERS
from piccolo.querystring import QueryString
from typing_extensions import TypeVar

from atlas.errors import PreparedQueryError

if TYPE_CHECKING:
    from piccolo.custom_types import Combinable

    from atlas.names import ColumnName

Check = Callable[[Any], Any]


class ColumnNames:
    """Says to a type checker that parameters are named like columns of the 38 tables."""


class OtherNames:
    """Says to a type checker that a parameter has a name of its own."""


#: How the parameters of a query are named, for a type checker.
Names = TypeVar("Names", covariant=True, default=Any)
_Others = TypeVar("_Others")

if TYPE_CHECKING:

    class Condition(Where, Generic[Names]):
        """A comparison, of which a type checker knows how its parameters are named."""

        @overload  # type: ignore[override]
        def __and__(self, value: Condition[_Others]) -> Condition[Names | _Others]: ...

        @overload
        def __and__(self, value: Combinable) -> Condition[Names]: ...

        def __and__(self, value: Any) -> Any: ...

        @overload  # type: ignore[override]
        def __or__(self, value: Condition[_Others]) -> Condition[Names | _Others]: ...

        @overload
        def __or__(self, value: Combinable) -> Condition[Names]: ...

        def __or__(self, value: Any) -> Any: ...

else:
    Condition = Where


class Param(Generic[Names]):
    """A value of a prepared query that is given by name with each call.

    It stands wherever Piccolo takes a value: ``Order.id == Param("id")``,
    ``Order.id.is_in(Param("ids"))``, ``Order.update({Order.status: Param("status")})``,
    ``limit(Param("limit"))``. One name may stand in several places. Raises
    ``PreparedQueryError`` for a name that is not a Python identifier.
    """

    __slots__ = ("check", "name")

    @overload
    def __init__(self: Param[ColumnNames], name: ColumnName) -> None: ...

    @overload
    def __init__(self: Param[OtherNames], name: str) -> None: ...

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise PreparedQueryError(
                f"Param({name!r}): each call gives the value as a keyword, so the name is a Python "
                "identifier."
            )
        self.name = name
        #: Returns a value in the form in which it is sent, or raises ``InvalidValueError``.
        self.check: Check = plain

    def __repr__(self) -> str:
        # Short, because asyncpg cuts it off when it is given a Param for a value.
        return f"<Param {self.name!r} outside prepare()>"

    def __conform__(self, protocol: object) -> None:
        """Say what is wrong when ``sqlite3`` is given a Param for a value."""
        raise PreparedQueryError(
            f"{self!r} is not a value. Make the query with find = db.prepare(query), and run it "
            f"with find({self.name}=...)."
        )

    def checked_by(self, check: Check) -> Param:
        """Return the same parameter in a place whose values ``check`` checks."""
        param: Param[Any] = Param(self.name)
        param.check = check
        return param


def plain(value: Any) -> Any:
    """Return a value that is compared with no column: as it is, a choice as its token."""
    return value.value if isinstance(value, Enum) else value


def as_json(values: Iterable[Any]) -> str:
    """Return a list of values, as SQLite stores them, as one parameter for its ``json_each``."""
    return json.dumps(list(values), default=lambda value: ADAPTERS[type(value)](value))


class Computed:
    """A parameter whose value is worked out again for each call, as the time of an update."""

    __slots__ = ("compute",)

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.compute = compute


class AsWritten(ComparisonOperator):
    """The operator of a comparison whose right side brings its own."""

    template = "{name} {value}"


class Compared(QueryString):
    """``= {param}`` or ``!= {param}``, and what it is where None is given."""

    def __init__(self, operator: str, param: Param, *, if_null: str) -> None:
        super().__init__(f"{operator} {{}}", param)
        self.param = param
        self.if_null = if_null


class Listed(QueryString):
    """``IN`` or ``NOT IN`` a list of any length that is one parameter."""

    def __init__(self, param: Param, *, negated: bool = False) -> None:
        super().__init__("NOT IN ({})" if negated else "IN ({})", param)
        self.param = param
        self.negated = negated

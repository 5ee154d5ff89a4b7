"""What the columns of every logical type share.

In: a Python value a caller wants to store or to compare with. Out: the value in the
form it is stored in, or ``InvalidValueError``; and the column's DDL for SQLite and
PostgreSQL. Knows no table and no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, Self, overload

from piccolo.columns import Column
from piccolo.columns.base import ColumnMeta
from piccolo.columns.combination import UNDEFINED, Undefined, Where
from piccolo.columns.defaults.base import Default
from piccolo.columns.operators.comparison import Equal, In, NotIn
from piccolo.query.base import Query
from piccolo.querystring import QueryString
from piccolo.table import Table
from typing_extensions import TypeVar

from atlas.columns.exact import unwrapped
from atlas.columns.expressions import Expression
from atlas.errors import InvalidValueError
from atlas.nearest import did_you_mean
from atlas.param import AsWritten, Check, Compared, Condition, Listed, Names, Param, as_json
from atlas.ulid import is_ulid

if TYPE_CHECKING:
    from piccolo.query.methods.select import Select


#: For a type checker: what a row holds in the column, what may be given for it, and as what its
#: values are compared, so with columns of the same kind.
Value = TypeVar("Value", default=Any)
Given = TypeVar("Given", default=Value)
Kind = TypeVar("Kind", default=Any)


#: A list that is longer is sent as one parameter: PostgreSQL takes 32,767 of them, and SQLite
#: 32,766 (https://www.sqlite.org/limits.html).
_MOST_PARAMETERS = 1000


class Among(Where):
    """``IN`` or ``NOT IN`` a list of values, of any length."""

    def get_values_querystring(self, values: Any) -> QueryString:
        """Return the list; a long one as a subquery of one parameter."""
        if isinstance(values, QueryString) or len(values) <= _MOST_PARAMETERS:
            return super().get_values_querystring(values)
        column: Any = self.column
        if column._meta.engine_type == "sqlite":
            return QueryString("SELECT value FROM json_each({})", as_json(values))
        return QueryString(f"SELECT unnest({{}}::{column.column_type}[])", list(values))


class ModelColumn(Column, Generic[Value, Given, Kind]):
    """What all columns of the model share: exact DDL, and a check of every value written."""

    #: The types whose values ``_convert`` takes; others are looked at, to see what they are.
    _own_types: ClassVar[frozenset[type]] = frozenset()
    #: What the values are when two columns are compared.
    _compared_as: ClassVar[str] = "text"
    #: For each engine, SQL that holds when the column may store ``_result``, which an
    #: expression came to. Without any the column takes no expressions.
    _result_checks: ClassVar[dict[str, str]] = {}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        choices = kwargs.get("choices")
        self._tokens: frozenset[Any] | None = (
            frozenset(member.value for member in choices) if choices else None
        )

    if TYPE_CHECKING:  # a column on the class, a value on a row

        @overload
        def __get__(self, obj: Table, objtype: Any = None) -> Value: ...

        @overload
        def __get__(self, obj: Column | None, objtype: Any = None) -> Self: ...

        def __get__(self, obj: Table | Column | None, objtype: Any = None) -> Any: ...

        def __set__(self, obj: Any, value: Given) -> None: ...

    def copy(self) -> Self:
        """Return a copy with a ``_meta`` of its own; every join and alias makes one or two.

        Piccolo's builds the ``ColumnMeta`` again, which was a fifth of making a join's SQL.
        """
        column = object.__new__(type(self))
        column.__dict__.update(self.__dict__)
        column._alias = self._alias  # a slot, so not in __dict__
        meta = object.__new__(ColumnMeta)
        meta.__dict__.update(self._meta.__dict__)
        meta.params = meta.params.copy()
        meta.call_chain = meta.call_chain.copy()
        column._meta = meta
        return column

    def accept(self, value: Any) -> Any:
        """Return ``value`` in the form it is stored in; it runs for every value of every insert.

        What is exactly one value of the column is taken in any form: its text, a
        choice, a number of another type (see docs/values.md). Raises
        ``InvalidValueError`` for what the model does not allow: None in a required
        column, a wrong type, what would have to be guessed or rounded, a token
        that is not among the choices.
        """
        own = type(value) in self._own_types
        stored = self._convert(value) if own else self._exact(value, self._convert)
        if stored is None:
            if self._meta.null:
                return None
            raise self._refused(value, "is refused: the column is required (NOT NULL)")
        if self._tokens is not None:
            self._check_choice(stored, value)
        return stored

    def accept_update(self, value: Any) -> Any:
        """Like ``accept``, for the right side of an UPDATE's SET.

        That may also be a column of the same table and kind, or an expression
        for the database to work out, as ``Order.total_amount + 1``: its values
        are checked now, and its result by the database, which refuses to store
        what the column may not hold. A closed column (choices, bool, id,
        timestamp) takes no expression.
        """
        if isinstance(value, Column):
            if self._is_like(value):
                return value
            raise self._refused(
                value, f"is no {type(self).__name__} column of the same table and kind"
            )
        if isinstance(value, QueryString):
            return self._accept_expression(value)
        if isinstance(value, Param):
            return value.checked_by(self.accept)
        return self.accept(value)

    def accept_compared(self, value: Any) -> Any:
        """Return ``value`` in the form in which a stored one can be compared with it.

        It takes what ``accept`` takes, but for the text of a number, and None
        stays None. An id that the column could not hold is equal to none that it
        holds; a choice that it could not is refused, as a slip of the pen. Raises
        ``InvalidValueError``.
        """
        own = type(value) in self._own_types
        compared = (
            self._convert_compared(value) if own else self._exact(value, self._convert_compared)
        )
        if self._tokens is not None and compared is not None:
            self._check_choice(compared, value)
        return compared

    def _exact(self, value: Any, convert: Callable[[Any], Any]) -> Any:
        """Return what ``value`` is exactly, in any form; None where it stands for no value."""
        plain = unwrapped(value)
        if plain is None:
            return None
        try:
            if isinstance(plain, str):
                if convert == self._convert_compared:
                    self._check_compared_text(plain)
                plain = self._from_text(plain_str(plain))
            return convert(plain)
        except InvalidValueError as error:  # which may name what the value became
            raise self._refused(value, error.reason) from None

    def _from_text(self, text: str) -> Any:
        """Return the value that ``text`` is exactly, for ``_convert`` to check, or refuse it."""
        return text

    def _check_compared_text(self, text: str) -> None:
        """Refuse a text to compare with, where that is more likely a mistake than a value."""

    def _check_choice(self, stored: Any, given: Any) -> None:
        """Refuse what is not among the choices, and name what was given."""
        tokens = self._tokens or frozenset()
        if stored not in tokens:
            near = did_you_mean(stored, tokens) if isinstance(stored, str) else ""
            raise self._refused(given, f"is not one of {', '.join(sorted(tokens))}{near}")

    # Piccolo's comparisons, which check what they are given, and take a parameter of a prepared
    # query too.

    @overload  # type: ignore[override]
    def __eq__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __eq__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString | None
    ) -> Condition[Never]: ...

    def __eq__(self, value: Any) -> Any:
        if not isinstance(value, Param):
            right = self._right_side(value)
            return _equal(self, right) if type(right) is str else super().__eq__(right)
        equal = Compared("=", value.checked_by(self.accept_compared), if_null="IS NULL")
        return Where(column=self, value=equal, operator=AsWritten)

    @overload  # type: ignore[override]
    def __ne__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __ne__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString | None
    ) -> Condition[Never]: ...

    def __ne__(self, value: Any) -> Any:
        if not isinstance(value, Param):
            return super().__ne__(self._right_side(value))
        unequal = Compared("!=", value.checked_by(self.accept_compared), if_null="IS NOT NULL")
        return Where(column=self, value=unequal, operator=AsWritten)

    __hash__ = Column.__hash__

    @overload
    def __lt__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __lt__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString
    ) -> Condition[Never]: ...

    def __lt__(self, value: Any) -> Any:
        return super().__lt__(self._right_side(value))

    @overload
    def __le__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __le__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString
    ) -> Condition[Never]: ...

    def __le__(self, value: Any) -> Any:
        return super().__le__(self._right_side(value))

    @overload
    def __gt__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __gt__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString
    ) -> Condition[Never]: ...

    def __gt__(self, value: Any) -> Any:
        return super().__gt__(self._right_side(value))

    @overload
    def __ge__(self, value: Param[Names]) -> Condition[Names]: ...  # type: ignore[overload-overlap]

    @overload
    def __ge__(
        self, value: Given | ModelColumn[Any, Any, Kind] | QueryString
    ) -> Condition[Never]: ...

    def __ge__(self, value: Any) -> Any:
        return super().__ge__(self._right_side(value))

    @overload
    def is_in(self, values: Param[Names]) -> Condition[Names]: ...

    @overload
    def is_in(self, values: Iterable[Given] | Select[Any] | QueryString) -> Condition[Never]: ...

    def is_in(self, values: Any) -> Any:
        """Compare with any of ``values``, however many; a ``Param`` takes none as well."""
        return self._among(values, In, super().is_in)

    @overload
    def not_in(self, values: Param[Names]) -> Condition[Names]: ...

    @overload
    def not_in(self, values: Iterable[Given] | Select[Any] | QueryString) -> Condition[Never]: ...

    def not_in(self, values: Any) -> Any:
        """Compare with all of ``values``, however many; a ``Param`` takes none as well."""
        return self._among(values, NotIn, super().not_in)

    @overload
    def like(self, value: Param[Names]) -> Condition[Names]: ...

    @overload
    def like(self, value: str) -> Condition[Never]: ...

    def like(self, value: Any) -> Any:
        """Compare with a pattern, in which ``%`` is any text and ``_`` any character."""
        return super().like(self._placed(value, self._accept_pattern))

    @overload
    def not_like(self, value: Param[Names]) -> Condition[Names]: ...

    @overload
    def not_like(self, value: str) -> Condition[Never]: ...

    def not_like(self, value: Any) -> Any:
        """The opposite of ``like``."""
        return super().not_like(self._placed(value, self._accept_pattern))

    @overload
    def ilike(self, value: Param[Names]) -> Condition[Names]: ...

    @overload
    def ilike(self, value: str) -> Condition[Never]: ...

    def ilike(self, value: Any) -> Any:
        """Like ``like``, whatever the case of letters; on SQLite that is so for ASCII anyway."""
        return super().ilike(self._placed(value, self._accept_pattern))

    if TYPE_CHECKING:

        def is_null(self) -> Condition[Never]: ...

        def is_not_null(self) -> Condition[Never]: ...

        def as_alias(self, name: str) -> Self: ...

    def _right_side(self, value: Any) -> Any:
        """Return what this column may be compared with, checked; refuse other values."""
        if isinstance(value, Param):
            return value.checked_by(self.accept_compared)
        # A class is no value; Piccolo looks for the types of columns among classes, and a joined
        # column may be called ``value_type``.
        if isinstance(value, QueryString | Query | Undefined | type):
            return value
        if isinstance(value, Column):
            if isinstance(value, ModelColumn) and value._compared_as != self._compared_as:
                raise self._refused(
                    value,
                    f"is a column of another type ({type(value).__name__}), which the databases "
                    "compare differently, or not at all",
                )
            return value
        return self.accept_compared(value)

    def _placed(self, value: Any, check: Check) -> Any:
        return value.checked_by(check) if isinstance(value, Param) else value

    def _accept_all_compared(self, values: Any) -> list[Any]:
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise self._refused(values, "is not a list of values")
        checked = [self.accept_compared(value) for value in values]
        if None in checked:
            raise self._refused(
                None,
                "is in a list to compare with, where SQL finds it equal to nothing, and different "
                "from nothing; leave it out, and add | column.is_null() or & column.is_not_null()",
            )
        return checked

    def _among(self, values: Any, operator: Any, of_query: Callable[[Any], Where]) -> Where:
        if isinstance(values, Param):
            checked = values.checked_by(self._accept_all_compared)
            listed = Listed(checked, negated=operator is NotIn)
            return Where(column=self, value=listed, operator=AsWritten)
        if isinstance(values, QueryString | Query):
            return of_query(values)
        return Among(column=self, values=self._some_compared(values), operator=operator)

    def _some_compared(self, values: Any) -> list[Any]:
        checked = self._accept_all_compared(values)
        if not checked:  # as Piccolo says it
            raise ValueError("The `values` list argument must contain at least one value.")
        return checked

    def _accept_pattern(self, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise self._refused(value, "is not a pattern; pass a str")

    def _convert_compared(self, value: Any) -> Any:
        return self._convert(value)

    def _is_like(self, column: Column) -> bool:
        """Return whether all that ``column`` of the same row may hold is allowed here too."""
        return (
            type(column) is type(self)
            and column._meta.table._meta.tablename == self._meta.table._meta.tablename
            and not column._meta.call_chain
            and column._meta.choices == self._meta.choices
        )

    def _accept_expression(self, expression: QueryString) -> QueryString:
        """Return ``expression`` in SQL that fails unless the column may hold its result."""
        sqlite = self._meta.engine_type == "sqlite"
        check = self._result_checks.get("sqlite" if sqlite else "postgres")
        if check is None or self._tokens is not None:
            raise self._refused(
                str(expression),
                "is an expression, whose result this column cannot check; pass a value",
            )
        may_be_null = "_result IS NULL"
        if isinstance(expression, Expression):
            # Else dividing by zero, or leaving the calendar, would be null on SQLite.
            may_be_null = " OR ".join(
                f"{column._meta.get_full_name(with_alias=False)} IS NULL"
                for column in expression.columns
            )
        # Neither database has a function that raises. Both of these do, with the message in the
        # error; it holds the result, or PostgreSQL would work it out, and fail, in advance.
        message = (
            f"'{self._meta.table._meta.tablename}.{self._meta.name} cannot hold '"
            " || coalesce(CAST(_result AS TEXT), 'null')"
        )
        failure = (
            f"json_extract('[]', {message})" if sqlite else f"CAST({message} AS {self.column_type})"
        )
        return QueryString(
            f"(SELECT CASE WHEN {check} OR {may_be_null} THEN _result ELSE {failure} END"
            " FROM (SELECT {} AS _result) AS _expression)",
            self._with_converted_values(expression),
        )

    def _with_converted_values(self, expression: QueryString) -> QueryString:
        if not isinstance(expression, Expression):  # a column, or a function of Piccolo's
            return expression
        return Expression(
            expression.template,
            *(
                self._with_converted_values(arg)
                if isinstance(arg, QueryString)
                else arg.checked_by(self._convert)
                if isinstance(arg, Param)
                else self._convert(arg)
                for arg in expression.args
            ),
        )

    def _convert(self, value: Any) -> Any:
        """Return ``value``, which is not None, as this column's Python type, or refuse it."""
        raise NotImplementedError

    def from_json(self, value: Any) -> Any:
        """Return the Python value of ``value`` as a JSON function of the database gave it."""
        return value

    def _refused(self, value: Any, reason: str) -> InvalidValueError:
        table = self._meta._table
        return InvalidValueError(
            table=table._meta.tablename if table else "(no table)",
            column=self._meta._name or "(no name)",
            value=value,
            reason=reason,
        )

    @property
    def ddl(self) -> str:
        """The column's definition in CREATE TABLE or ADD COLUMN.

        Unlike Piccolo's it bakes no callable default in, quotes text, says
        nothing where there is no default, and lets the last column of a table
        with a composite key carry the PRIMARY KEY clause: both databases want
        it behind all columns, and Piccolo offers no other place there.
        """
        meta = self._meta
        keys = [c._meta.db_column_name for c in meta.table._meta.columns if c._meta.primary_key]
        parts = [f'"{meta.db_column_name}" {self.column_type}']
        if meta.primary_key and len(keys) == 1:
            parts.append("PRIMARY KEY")
        if meta.unique:
            parts.append("UNIQUE")
        if not meta.null:
            parts.append("NOT NULL")
        if references := self._references():
            parts.append(references)
        if (default := self._default_sql()) is not None:
            parts.append(f"DEFAULT {default}")
        ddl = " ".join(parts)
        if len(keys) > 1 and meta.name == meta.table._meta.columns[-1]._meta.name:
            ddl += ", PRIMARY KEY ({})".format(", ".join(f'"{key}"' for key in keys))
        return ddl

    def _references(self) -> str:
        """Return the REFERENCES clause of a foreign key; nothing for other columns."""
        return ""

    def _default_sql(self) -> str | None:
        """Return the default as an SQL literal or expression; None where there is none."""
        default = getattr(self, "default", None)
        if isinstance(default, Enum):
            default = default.value
        engine_type = self._meta.engine_type
        if isinstance(default, Default):
            return str(getattr(default, engine_type))
        if default is None or callable(default):
            return None
        if isinstance(default, bool):
            return str(int(default)) if engine_type == "sqlite" else str(default).lower()
        if isinstance(default, float) and default.is_integer():
            return str(int(default))
        if isinstance(default, str):
            return "'{}'".format(default.replace("'", "''"))
        return str(self.get_sql_value(default))


def _equal(column: Column, text: str) -> Where:
    """Return the condition that Piccolo makes, which looks for what a text is not for 2 µs."""
    where = Where.__new__(Where)
    where.column, where.operator = column, Equal
    where.value, where.values = text, UNDEFINED
    return where


def checked_text(column: ModelColumn[Any], value: Any) -> str:
    """Return ``value`` if both databases can hold it as text, else raise ``InvalidValueError``."""
    if not isinstance(value, str):
        raise column._refused(value, "is not text; pass a str")
    if "\x00" in value:
        raise column._refused(value, "holds a NUL character, which PostgreSQL cannot store")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise column._refused(value, "is not valid Unicode (a lone surrogate)") from None
    return plain_str(value)


def plain_str(text: str) -> str:
    """Return ``text`` as a ``str`` proper: the drivers ask a subclass what it would like to be."""
    return text if type(text) is str else str.__str__(text)


def checked_ulid(column: ModelColumn[Any], value: Any) -> str:
    """Return ``value`` if it is a ULID, else raise ``InvalidValueError``."""
    if is_ulid(value):
        return plain_str(value)
    if isinstance(value, str) and is_ulid(value.upper()):
        raise column._refused(value, "is a ULID in lower case; ids are stored in upper case")
    raise column._refused(value, "is not a ULID (26 characters of Crockford base32)")

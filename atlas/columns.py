"""The column types of the model, one for each logical type of docs/model.md section 1.

In: a Python value a caller wants to store. Out: the value in the form it is
stored in, or ``InvalidValueError``; and the column's DDL for SQLite and
PostgreSQL. Knows no table and no connection.

Each class sets ``column_type``: Piccolo's default is the class name, and
SQLite's converters are found by it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal as PythonDecimal
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, overload

from piccolo.columns import Boolean as PiccoloBoolean
from piccolo.columns import Column, OnDelete, OnUpdate
from piccolo.columns import Date as PiccoloDate
from piccolo.columns import DoublePrecision as PiccoloDoublePrecision
from piccolo.columns import ForeignKey as PiccoloForeignKey
from piccolo.columns import Integer as PiccoloInteger
from piccolo.columns import Text as PiccoloText
from piccolo.columns import Timestamptz as PiccoloTimestamptz
from piccolo.columns.base import ColumnMeta
from piccolo.columns.combination import And, Where
from piccolo.columns.defaults.base import Default
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.operators.comparison import Equal
from piccolo.querystring import QueryString
from piccolo.table import Table

from atlas.errors import InvalidValueError
from atlas.param import AsWritten, Check, Compared, Listed, Param
from atlas.ulid import is_ulid, new_ulid

if TYPE_CHECKING:
    from piccolo.custom_types import Combinable
    from piccolo.query.methods.select import Select

__all__ = [
    "Boolean",
    "CompositeKey",
    "Date",
    "Decimal",
    "Expression",
    "ForeignKey",
    "Integer",
    "ModelColumn",
    "Now",
    "OnDelete",
    "Text",
    "Timestamp",
    "Ulid",
    "utc_now",
]

PythonType = TypeVar("PythonType")
ReferencedTable = TypeVar("ReferencedTable", bound=Table)

#: PostgreSQL's INTEGER; SQLite would take 64 bits, and the model promises the same on both.
_INTEGER_LIMIT = 2**31

#: asyncpg stores the first and the last instant as -infinity and infinity.
_FIRST_INSTANT = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_LAST_INSTANT = datetime.datetime.max.replace(tzinfo=datetime.UTC)
#: The first and the last day too; it reads them back, but PostgreSQL's JSON names them so.
_INFINITE_DATES = {"-infinity": datetime.date.min, "infinity": datetime.date.max}


def utc_now() -> datetime.datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.datetime.now(datetime.UTC)


class Now(TimestamptzNow):
    """The default of ``created_at`` and ``updated_at``: the current instant in UTC.

    The database has it too, so rows written by plain SQL are stamped. SQLite's
    CURRENT_TIMESTAMP has neither fraction nor offset; this form has both, and
    sorts together with the text that Piccolo stores.
    """

    # Piccolo's looks its own constructor up, each time a column is made (utils/repr.py).
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def sqlite(self) -> str:
        return "(strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'))"

    @property
    def postgres(self) -> str:
        return "CURRENT_TIMESTAMP"

    @property
    def cockroach(self) -> str:
        return "CURRENT_TIMESTAMP"


class _Arithmetic:
    """``+ - * /`` with values, columns and expressions on either side.

    Piccolo gives a DOUBLE PRECISION none, and writes that of an INTEGER without
    parentheses, so that its ``(a + 1) * 2`` is ``a + 1 * 2``.
    """

    def __add__(self, value: Any) -> Expression:
        return Expression("({} + {})", self, value)

    def __radd__(self, value: Any) -> Expression:
        return Expression("({} + {})", value, self)

    def __sub__(self, value: Any) -> Expression:
        return Expression("({} - {})", self, value)

    def __rsub__(self, value: Any) -> Expression:
        return Expression("({} - {})", value, self)

    def __mul__(self, value: Any) -> Expression:
        return Expression("({} * {})", self, value)

    def __rmul__(self, value: Any) -> Expression:
        return Expression("({} * {})", value, self)

    def __truediv__(self, value: Any) -> Expression:
        return Expression("({} / {})", self, value)

    def __rtruediv__(self, value: Any) -> Expression:
        return Expression("({} / {})", value, self)


class Expression(_Arithmetic, QueryString):
    """What arithmetic with columns makes: ``(Order.total_amount + 1) * 2``."""


class ModelColumn(Column, Generic[PythonType]):
    """What all columns of the model share: exact DDL, and a check of every value written."""

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
        def __get__(self, obj: Table, objtype: Any = None) -> PythonType: ...

        @overload
        def __get__(self, obj: None, objtype: Any = None) -> Self: ...

        def __get__(self, obj: Table | None, objtype: Any = None) -> Any: ...

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

        Raises ``InvalidValueError`` for what the model does not allow: None in
        a required column, a wrong type, a token that is not among the choices.
        """
        if value is None:
            if self._meta.null:
                return None
            raise self._refused(value, "is refused: the column is required (NOT NULL)")
        if isinstance(value, Enum):
            value = value.value
        stored = self._convert(value)
        if self._tokens is not None and stored not in self._tokens:
            raise self._refused(value, f"is not one of {', '.join(sorted(self._tokens))}")
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

        None stays None, and a choice or an id that the column could not hold is
        equal to none that it holds. Raises ``InvalidValueError`` for a wrong type.
        """
        if value is None:
            return None
        if isinstance(value, Enum):
            value = value.value
        return self._convert_compared(value)

    # Piccolo's comparisons, which take a parameter of a prepared query too.

    def __eq__(self, value: Any) -> Where:  # type: ignore[override]
        if not isinstance(value, Param):
            return super().__eq__(value)
        equal = Compared("=", value.checked_by(self.accept_compared), if_null="IS NULL")
        return Where(column=self, value=equal, operator=AsWritten)

    def __ne__(self, value: Any) -> Where:  # type: ignore[override]
        if not isinstance(value, Param):
            return super().__ne__(value)
        unequal = Compared("!=", value.checked_by(self.accept_compared), if_null="IS NOT NULL")
        return Where(column=self, value=unequal, operator=AsWritten)

    __hash__ = Column.__hash__

    def __lt__(self, value: Any) -> Where:
        return super().__lt__(self._placed(value, self.accept_compared))

    def __le__(self, value: Any) -> Where:
        return super().__le__(self._placed(value, self.accept_compared))

    def __gt__(self, value: Any) -> Where:
        return super().__gt__(self._placed(value, self.accept_compared))

    def __ge__(self, value: Any) -> Where:
        return super().__ge__(self._placed(value, self.accept_compared))

    def is_in(self, values: Select[Any] | QueryString | list[Any] | Param) -> Where:
        """Compare with any of ``values``; a ``Param`` takes any number of them, also none."""
        if not isinstance(values, Param):
            return super().is_in(values)
        listed = Listed(values.checked_by(self._accept_all_compared))
        return Where(column=self, value=listed, operator=AsWritten)

    def not_in(self, values: Select[Any] | QueryString | list[Any] | Param) -> Where:
        """Compare with all of ``values``; a ``Param`` takes any number of them, also none."""
        if not isinstance(values, Param):
            return super().not_in(values)
        listed = Listed(values.checked_by(self._accept_all_compared), negated=True)
        return Where(column=self, value=listed, operator=AsWritten)

    def like(self, value: str | Param) -> Where:
        """Compare with a pattern, in which ``%`` is any text and ``_`` any character."""
        return super().like(self._placed(value, self._accept_pattern))

    def not_like(self, value: str | Param) -> Where:
        """The opposite of ``like``."""
        return super().not_like(self._placed(value, self._accept_pattern))

    def ilike(self, value: str | Param) -> Where:
        """Like ``like``, whatever the case of letters; on SQLite that is so for ASCII anyway."""
        return super().ilike(self._placed(value, self._accept_pattern))

    def _placed(self, value: Any, check: Check) -> Any:
        return value.checked_by(check) if isinstance(value, Param) else value

    def _accept_all_compared(self, values: Any) -> list[Any]:
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise self._refused(values, "is not a list of values")
        return [self.accept_compared(value) for value in values]

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


def _text(column: ModelColumn[Any], value: Any) -> str:
    if not isinstance(value, str):
        raise column._refused(value, "is not text; pass a str")
    if "\x00" in value:
        raise column._refused(value, "holds a NUL character, which PostgreSQL cannot store")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise column._refused(value, "is not valid Unicode (a lone surrogate)") from None
    return _plain_str(value)


class Text(ModelColumn[str], PiccoloText):
    """``text``: a ``str`` that both databases can hold, of any length."""

    column_type = "TEXT"
    _result_checks: ClassVar = {"sqlite": "typeof(_result) = 'text'", "postgres": "TRUE"}

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    _convert = _text


class Ulid(Text):
    """A primary key: text of 26 characters, made by ``new_ulid`` when left out."""

    _result_checks: ClassVar = {}

    def __init__(self, default: Any = new_ulid, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> str:
        return _ulid(self, value)

    def _convert_compared(self, value: Any) -> str:
        if isinstance(value, Table) and value._meta.tablename == self._meta.table._meta.tablename:
            value = getattr(value, self._meta.name)
        return super()._convert(value)


class Integer(_Arithmetic, ModelColumn[int], PiccoloInteger):
    """``integer``: an ``int`` of 32 bits; a float is taken when it has no fraction."""

    column_type = "INTEGER"
    _result_checks: ClassVar = {
        "sqlite": "typeof(_result) = 'integer' AND _result BETWEEN -2147483648 AND 2147483647",
        # Its range PostgreSQL checks itself, but it would round 2.5 to 2.
        "postgres": "_result = trunc(_result)",
    }

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refused(value, "is not an integer; pass an int")
        if isinstance(value, float) and not value.is_integer():  # also NaN and the infinities
            raise self._refused(value, "is not a whole number; round it first")
        number = int(value)
        if not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
            raise self._refused(value, "does not fit 32 bits (-2147483648 to 2147483647)")
        return number


class Decimal(_Arithmetic, ModelColumn[float], PiccoloDoublePrecision):
    """``decimal``: a finite ``float`` of 8 bytes; exact for whole numbers up to 2^53.

    REAL on SQLite and DOUBLE PRECISION on PostgreSQL, whose REAL has 4 bytes.
    An int or decimal.Decimal is taken when a float holds it exactly.
    """

    _result_checks: ClassVar = {
        "sqlite": "typeof(_result) IN ('integer', 'real') AND abs(_result) < 9e999",
        "postgres": "abs(CAST(_result AS DOUBLE PRECISION)) < 'Infinity'",  # NaN is above it
    }

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    @property
    def column_type(self) -> str:
        return "REAL" if self._meta.engine_type == "sqlite" else "DOUBLE PRECISION"

    def _convert(self, value: Any) -> float:
        if type(value) is float and math.isfinite(value):
            return value + 0.0  # SQLite has no -0.0
        if isinstance(value, bool) or not isinstance(value, float | int | PythonDecimal):
            raise self._refused(value, "is not a number; pass a float, an int or a decimal.Decimal")
        try:
            number = float(value)
        except (OverflowError, ValueError):  # an int beyond 1e308, a signalling NaN
            number = math.inf
        if not math.isfinite(number):
            raise self._refused(value, "is not a finite number")
        if isinstance(value, int) and int(number) != value:
            raise self._refused(value, "is not an exact float; whole numbers are exact up to 2^53")
        if isinstance(value, PythonDecimal) and PythonDecimal(repr(number)) != value:
            raise self._refused(value, "has more digits than a float of 8 bytes holds; round it")
        return number + 0.0

    def from_json(self, value: Any) -> float | None:
        return None if value is None else float(value)


class Boolean(ModelColumn[bool], PiccoloBoolean):
    """``bool``: True or False; 0 and 1 are taken for them."""

    column_type = "BOOLEAN"

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> bool:
        if isinstance(value, int) and value in (0, 1):
            return value == 1
        raise self._refused(value, "is not a boolean; pass True or False")

    def from_json(self, value: Any) -> bool | None:
        return None if value is None else self._convert(value)


class Date(ModelColumn[datetime.date], PiccoloDate):
    """``date``: a ``datetime.date`` and not a datetime, whose time would be lost."""

    column_type = "DATE"
    # SQLite's years begin at -4713 and PostgreSQL's end at 5874897; nobody could read those rows.
    _result_checks: ClassVar = {
        "sqlite": ("_result IS date(_result) AND _result BETWEEN '0001-01-01' AND '9999-12-31'"),
        "postgres": "_result BETWEEN '0001-01-01' AND '9999-12-31'",
    }

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> datetime.date:
        if type(value) is datetime.date:
            return value
        if isinstance(value, datetime.datetime):
            raise self._refused(value, "is a datetime; pass its .date() in the unit's time zone")
        if not isinstance(value, datetime.date):
            raise self._refused(value, "is not a date; pass a datetime.date")
        return datetime.date(value.year, value.month, value.day)

    # Piccolo's name the column alone, which ON CONFLICT DO UPDATE finds ambiguous.
    def __add__(self, value: datetime.timedelta) -> Expression:
        days, rest = divmod(value, datetime.timedelta(days=1))
        if rest:
            raise self._refused(value, "is not a whole number of days, and this column has no time")
        if self._meta.engine_type == "sqlite":
            return Expression(f"date({{}}, '{days:+d} days')", self)
        return Expression(f"({{}} + ({days}))", self)

    def __sub__(self, value: datetime.timedelta) -> Expression:
        return self + -value

    def from_json(self, value: Any) -> datetime.date | None:
        if value is None:
            return None
        return _INFINITE_DATES.get(value) or datetime.date.fromisoformat(value)


class Timestamp(ModelColumn[datetime.datetime], PiccoloTimestamptz):
    """``timestamp``: an aware ``datetime``, stored in UTC."""

    column_type = "TIMESTAMPTZ"

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> datetime.datetime:
        if not isinstance(value, datetime.datetime):
            raise self._refused(value, "is not a timestamp; pass an aware datetime.datetime")
        if value.tzinfo is None or value.utcoffset() is None:
            raise self._refused(value, "has no time zone; pass an aware datetime.datetime")
        try:
            instant = value.astimezone(datetime.UTC)
        except OverflowError:
            raise self._refused(value, "is outside the years 1 to 9999 in UTC") from None
        if type(instant) is not datetime.datetime:  # the drivers know no subclass
            instant = datetime.datetime.combine(instant.date(), instant.time(), datetime.UTC)
            if instant != value:
                raise self._refused(value, "is more precise than a datetime.datetime")
        if not _FIRST_INSTANT < instant < _LAST_INSTANT:
            raise self._refused(value, "is the first or last instant there is, no time of an event")
        return instant

    def from_json(self, value: Any) -> datetime.datetime | None:
        if value is None:
            return None
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)


class ForeignKey(ModelColumn[Any], PiccoloForeignKey[ReferencedTable]):
    """A reference to another table's ``id``, or to the own table's with ``"self"``.

    The one foreign key class of the package: Piccolo follows a chain of three
    only when all are of one class (column_types.py, ``__getattribute__``).
    Its defaults are the safe ones; Piccolo's are null and CASCADE.
    """

    # Piccolo's is a property, which ``commerce_promotion.value_type`` cannot
    # be joined through: the join sets each column as an attribute of the key.
    value_type = str

    @overload
    def __init__(self, references: type[ReferencedTable], **kwargs: Any) -> None: ...

    @overload
    def __init__(self: ForeignKey[Any], references: Literal["self"], **kwargs: Any) -> None: ...

    def __init__(
        self,
        references: Any,
        default: Any = None,
        null: bool = False,
        on_delete: OnDelete = OnDelete.restrict,
        on_update: OnUpdate = OnUpdate.no_action,
        **kwargs: Any,
    ) -> None:
        if references != "self" and not isinstance(references, type):
            # Piccolo's migrations make an INTEGER column of these (serialisation_legacy.py).
            raise ValueError(
                f"A foreign key references a table class or 'self', not {references!r}."
            )
        super().__init__(
            references=references,
            default=default,
            null=null,
            on_delete=on_delete,
            on_update=on_update,
            **kwargs,
        )

    def copy(self) -> Self:
        """Return a copy, as of other columns, with its own list of what can be joined."""
        column = super().copy()
        column._foreign_key_meta = self._foreign_key_meta.copy()
        return column

    def __getattribute__(self, name: str) -> Any:
        # Piccolo's begins with dir(self), to find a table that is referenced by its name, which
        # none here is; in a select of a whole row that took a third of the time. What is no
        # column is not a join, so Piccolo has nothing to do.
        value = object.__getattribute__(self, name)
        if name[0] == "_" or not isinstance(value, Column):
            return value
        if isinstance(value, ForeignKey):
            return super().__getattribute__(name)
        joined = value.copy()
        joined._meta.call_chain = [*self._meta.call_chain, self]
        return joined

    def _is_like(self, column: Column) -> bool:
        return (
            super()._is_like(column)
            and isinstance(column, ForeignKey)
            and (
                column._foreign_key_meta.resolved_references._meta.tablename
                == self._foreign_key_meta.resolved_references._meta.tablename
            )
        )

    def _convert(self, value: Any) -> str:
        return _ulid(self, self._key_of(value))

    def _convert_compared(self, value: Any) -> str:
        return _text(self, self._key_of(value))

    def _key_of(self, value: Any) -> Any:
        """Return the key of a row of the referenced table; any other value as it is."""
        if not isinstance(value, Table):
            return value
        target = self._foreign_key_meta.resolved_references
        if value._meta.tablename != target._meta.tablename:
            raise self._refused(value, f"is not a row of {target._meta.tablename}")
        return getattr(value, self._foreign_key_meta.resolved_target_column._meta.name)

    def _references(self) -> str:
        meta = self._foreign_key_meta
        table = meta.resolved_references._meta.get_formatted_tablename()
        column = meta.resolved_target_column._meta.db_column_name
        return (
            f'REFERENCES {table} ("{column}")'
            f" ON DELETE {meta.on_delete.value} ON UPDATE {meta.on_update.value}"
        )


class CompositeKey(Column):
    """The primary key of a join table: one column that stands for several.

    Piccolo knows one primary key column and finds a row by
    ``primary_key == row's value`` everywhere. With several key columns it takes
    the last, so that saving or removing one row touches all that share it
    (table.py, ``__init_subclass__``). This column compares all of them at once;
    its value is a tuple in the order of ``columns``. It is never stored.
    """

    value_type = tuple

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(primary_key=True)
        self.columns = tuple(columns)
        self._meta._name = "_key"
        self._meta._table = columns[0]._meta.table

    def __eq__(self, value: Any) -> Combinable:  # type: ignore[override]
        values = value if isinstance(value, tuple) else (None,) * len(self.columns)
        first, *rest = (
            Where(column, column_value, operator=Equal)
            for column, column_value in zip(self.columns, values, strict=True)
        )
        condition: Combinable = first
        for where in rest:
            condition = And(condition, where)
        return condition

    __hash__ = Column.__hash__


def _plain_str(text: str) -> str:
    """Return ``text`` as a ``str`` proper: the drivers ask a subclass what it would like to be."""
    return text if type(text) is str else str.__str__(text)


def _ulid(column: ModelColumn[Any], value: Any) -> str:
    if is_ulid(value):
        return _plain_str(value)
    if isinstance(value, str) and is_ulid(value.upper()):
        raise column._refused(value, "is a ULID in lower case; ids are stored in upper case")
    raise column._refused(value, "is not a ULID (26 characters of Crockford base32)")

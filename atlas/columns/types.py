"""The logical types of docs/model.md section 1, but for references: a column class for each.

Each class sets ``column_type``: Piccolo's default is the class name, and
SQLite's converters are found by it.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
from decimal import Decimal as PythonDecimal
from typing import TYPE_CHECKING, Any, ClassVar

from piccolo.columns import Boolean as PiccoloBoolean
from piccolo.columns import Date as PiccoloDate
from piccolo.columns import DoublePrecision as PiccoloDoublePrecision
from piccolo.columns import Integer as PiccoloInteger
from piccolo.columns import Text as PiccoloText
from piccolo.columns import Timestamptz as PiccoloTimestamptz
from piccolo.columns.defaults.date import DateCustom
from piccolo.columns.defaults.timestamptz import TimestamptzCustom, TimestamptzNow
from piccolo.table import Table
from typing_extensions import TypeVar

from atlas.columns.base import ModelColumn, checked_text, checked_ulid
from atlas.columns.expressions import Arithmetic, Expression
from atlas.ulid import new_ulid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


#: What a column holds, and what may be given for it: with None where it may be null, and of one
#: with choices those alone. The 38 tables have it said in the stubs beside their tables.py.
_Text = TypeVar("_Text", default=str)
_GivenText = TypeVar("_GivenText", default=_Text)
_Integer = TypeVar("_Integer", default=int)
_Decimal = TypeVar("_Decimal", default=float)
_GivenDecimal = TypeVar("_GivenDecimal", default=_Decimal | PythonDecimal)
_Boolean = TypeVar("_Boolean", default=bool)
_Date = TypeVar("_Date", default=datetime.date)
_Timestamp = TypeVar("_Timestamp", default=datetime.datetime)


#: PostgreSQL's INTEGER; SQLite would take 64 bits, and the model promises the same on both.
_INTEGER_LIMIT = 2**31

# The texts that are exactly one value, as CSV files and JSON have them.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.0+)?")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,40})?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]00:00(?::00(?:\.0{1,6})?)?)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
_BOOLEANS = {"1": True, "0": False, "true": True, "false": False}

#: Text that one reader takes for thousands and another for a fraction.
_MAYBE_THOUSANDS = re.compile(r"-?[0-9]+[.,][0-9]{3}")

#: Shorter text fits into every index.
SURELY_INDEXABLE = 200

#: The longest row of an index of PostgreSQL, in bytes: a third of a page, whose size it says in
#: its error (src/backend/access/nbtree/nbtutils.c, ``_bt_check_third_page``).
_LONGEST_INDEX_ROW = 2704

#: What it spends on itself, and on one column whose text is not long (an id has 26 bytes).
_INDEX_ROW_HEADER, _INDEXED_COLUMN = 16, 40

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


class Text(ModelColumn[_Text, _GivenText, str], PiccoloText):  # type: ignore[misc]
    """``text``: a ``str`` that both databases can hold; of any length, unless it is indexed."""

    column_type = "TEXT"
    _own_types = frozenset({str})
    _result_checks: ClassVar = {"sqlite": "typeof(_result) = 'text'", "postgres": "TRUE"}

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> str:
        text = checked_text(self, value)
        if len(text) > SURELY_INDEXABLE:
            self._check_indexable(text)
        return text

    def _convert_compared(self, value: Any) -> str:
        return checked_text(self, value)

    def _check_indexable(self, text: str) -> None:
        """Refuse text that PostgreSQL could not put into an index of this column, on SQLite too."""
        if (longest := self._longest_indexed) and len(size := text.encode()) > longest:
            raise self._refused(
                text,
                f"has {len(size)} bytes, and the column is indexed, which PostgreSQL does for "
                f"{longest} at most; shorten it",
            )

    @functools.cached_property
    def _longest_indexed(self) -> int:
        """How many bytes of text fit into all indexes of this column; 0 when there is none."""
        meta = self._meta
        if meta._table is None:
            return 0
        indexes: list[list[Any]] = [[self]] if meta.index or meta.unique or meta.primary_key else []
        for constraint in meta._table._meta.constraints:
            names = constraint._meta.params.get("columns") or ()
            if meta.name in names:
                indexes.append([meta._table._meta.get_column_by_name(name) for name in names])
        sizes = [0]
        for columns in indexes:
            # Ids and choices are short.
            long = sum(type(column) is Text and column._tokens is None for column in columns)
            taken = _INDEX_ROW_HEADER + _INDEXED_COLUMN * (len(columns) - long)
            sizes.append((_LONGEST_INDEX_ROW - taken) // max(long, 1) - _INDEX_ROW_HEADER)
        return min(sizes[1:], default=0)


class Ulid(Text[str, str | Table]):
    """A primary key: text of 26 characters, made by ``new_ulid`` when left out."""

    _result_checks: ClassVar = {}

    def __init__(self, default: Any = new_ulid, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _validate_default(
        self,
        default: Any,
        allowed_types: Iterable[type[Any] | None],
        allow_recursion: bool = True,
    ) -> bool:
        # Piccolo's makes an id to look at, for every table, as the package is imported.
        return default is new_ulid or super()._validate_default(
            default, allowed_types=allowed_types, allow_recursion=allow_recursion
        )

    def _convert(self, value: Any) -> str:
        return checked_ulid(self, value)

    def _convert_compared(self, value: Any) -> str:
        if isinstance(value, Table) and value._meta.tablename == self._meta.table._meta.tablename:
            value = getattr(value, self._meta.name)
        return checked_text(self, value)


class Integer(  # type: ignore[misc]
    Arithmetic, ModelColumn[_Integer, _Integer, float], PiccoloInteger
):
    """``integer``: an ``int`` of 32 bits; another number is taken when it has no fraction."""

    column_type = "INTEGER"
    _own_types = frozenset({int, float})
    _compared_as = "number"
    _result_checks: ClassVar = {
        "sqlite": "typeof(_result) = 'integer' AND _result BETWEEN -2147483648 AND 2147483647",
        # Its range PostgreSQL checks itself, but it would round 2.5 to 2.
        "postgres": "_result = trunc(_result)",
    }

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | PythonDecimal):
            raise self._refused(value, "is not an integer; pass an int")
        if not (_is_finite(value) and value == int(value)):
            raise self._refused(value, "is not a whole number; round it first")
        number = int(value)
        if not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
            raise self._refused(value, "does not fit 32 bits (-2147483648 to 2147483647)")
        return number

    def _from_text(self, text: str) -> int:
        _check_number_text(self, text)
        if not _INTEGER.fullmatch(text):
            raise self._refused(text, "is not a whole number in plain digits, as 1500000")
        return int(text.partition(".")[0])

    def _check_compared_text(self, text: str) -> None:
        raise self._refused(text, "is text, and the column holds numbers; compare with an int")


class Decimal(  # type: ignore[misc]
    Arithmetic, ModelColumn[_Decimal, _GivenDecimal, float], PiccoloDoublePrecision
):
    """``decimal``: a finite ``float`` of 8 bytes; exact for whole numbers up to 2^53.

    REAL on SQLite and DOUBLE PRECISION on PostgreSQL, whose REAL has 4 bytes.
    An int or decimal.Decimal is taken when a float holds it exactly.
    """

    _own_types = frozenset({float, int})
    _compared_as = "number"
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

    def _from_text(self, text: str) -> PythonDecimal:
        _check_number_text(self, text)
        if not _DECIMAL.fullmatch(text):
            raise self._refused(text, "is not a number in plain digits, as 1500000 or 0.5")
        return PythonDecimal(text)

    def _check_compared_text(self, text: str) -> None:
        raise self._refused(text, "is text, and the column holds numbers; compare with a number")

    def from_json(self, value: Any) -> float | None:
        return None if value is None else float(value)


def _is_finite(number: float | PythonDecimal) -> bool:
    if isinstance(number, PythonDecimal):
        return number.is_finite()
    return isinstance(number, int) or math.isfinite(number)


def _check_number_text(column: ModelColumn[Any], text: str) -> None:
    _check_not_empty(column, text)
    if _MAYBE_THOUSANDS.fullmatch(text):
        raise column._refused(
            text,
            "may be thousands or a fraction; pass a number, as of "
            'atlas.parse.number(text, decimal=",", thousands=".")',
        )


def _check_not_empty(column: ModelColumn[Any], text: str) -> None:
    if not text:
        raise column._refused(text, "is empty; pass None where there is no value")


def _parsed(column: ModelColumn[Any], text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:  # as of February 30
        raise column._refused(text, f"does not exist in the calendar ({error})") from None


class Boolean(ModelColumn[_Boolean, _Boolean, bool], PiccoloBoolean):  # type: ignore[misc]
    """``bool``: True or False; 0 and 1 are taken for them."""

    column_type = "BOOLEAN"
    _own_types = frozenset({bool, int, float})
    _compared_as = "bool"

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> bool:
        if isinstance(value, int | float | PythonDecimal) and _is_finite(value) and value in (0, 1):
            return value == 1
        raise self._refused(value, "is not a boolean; pass True or False")

    def _from_text(self, text: str) -> bool:
        _check_not_empty(self, text)
        if text.lower() not in _BOOLEANS:
            raise self._refused(text, "is not a boolean, as 1, 0, true or false")
        return _BOOLEANS[text.lower()]

    def from_json(self, value: Any) -> bool | None:
        return None if value is None else self._convert(value)


class Date(ModelColumn[_Date, _Date, datetime.date], PiccoloDate):  # type: ignore[misc]
    """``date``: a ``datetime.date``; a datetime is taken when it is a midnight of no time zone."""

    column_type = "DATE"
    _own_types = frozenset({datetime.date})
    _compared_as = "date"
    # SQLite's years begin at -4713 and PostgreSQL's end at 5874897; nobody could read those rows.
    _result_checks: ClassVar = {
        "sqlite": ("_result IS date(_result) AND _result BETWEEN '0001-01-01' AND '9999-12-31'"),
        "postgres": "_result BETWEEN '0001-01-01' AND '9999-12-31'",
    }

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        if type(default) is datetime.date:
            # Piccolo's own way, DateCustom.from_date, takes the month for the day too
            # (defaults/date.py, line 104): 24 May became 5 May.
            default = DateCustom(year=default.year, month=default.month, day=default.day)
        super().__init__(default=default, **kwargs)

    def _convert(self, value: Any) -> datetime.date:
        if type(value) is datetime.date:
            return value
        if isinstance(value, datetime.datetime):
            if value.tzinfo is not None:
                raise self._refused(
                    value, "is an instant; pass its .date() in the time zone of the unit"
                )
            if value != datetime.datetime(value.year, value.month, value.day):
                raise self._refused(value, "has a time of day, which a date would lose")
        if not isinstance(value, datetime.date):
            raise self._refused(value, "is not a date; pass a datetime.date")
        return datetime.date(value.year, value.month, value.day)

    def _from_text(self, text: str) -> datetime.date:
        _check_not_empty(self, text)
        if not (found := _DATE.fullmatch(text)):
            raise self._refused(text, "is not a date of the form 2026-02-03")
        day: datetime.date = _parsed(self, found[1], datetime.date.fromisoformat)
        return day

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


class Timestamp(  # type: ignore[misc]
    ModelColumn[_Timestamp, _Timestamp, datetime.datetime], PiccoloTimestamptz
):
    """``timestamp``: an aware ``datetime``, stored in UTC."""

    column_type = "TIMESTAMPTZ"
    _own_types = frozenset({datetime.datetime})
    _compared_as = "timestamp"

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    def _default_sql(self) -> str | None:
        # Piccolo's literal has no offset, and PostgreSQL would take it for the server's own time.
        default = getattr(self, "default", None)
        if isinstance(default, TimestamptzCustom):
            return f"'{default.datetime.isoformat(' ')}'"
        return super()._default_sql()

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

    def _from_text(self, text: str) -> datetime.datetime:
        _check_not_empty(self, text)
        if not _TIMESTAMP.fullmatch(text):
            raise self._refused(text, "is not a timestamp of the form 2026-02-03 17:00:00+07:00")
        instant: datetime.datetime = _parsed(self, text, datetime.datetime.fromisoformat)
        return instant

    def from_json(self, value: Any) -> datetime.datetime | None:
        if value is None:
            return None
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)

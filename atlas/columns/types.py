"""The logical types of docs/model.md section 1, but for references: a column class for each.

Each class sets ``column_type``: Piccolo's default is the class name, and
SQLite's converters are found by it.
"""

from __future__ import annotations

import datetime
import math
from decimal import Decimal as PythonDecimal
from typing import TYPE_CHECKING, Any, ClassVar

from piccolo.columns import Boolean as PiccoloBoolean
from piccolo.columns import Date as PiccoloDate
from piccolo.columns import DoublePrecision as PiccoloDoublePrecision
from piccolo.columns import Integer as PiccoloInteger
from piccolo.columns import Text as PiccoloText
from piccolo.columns import Timestamptz as PiccoloTimestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from atlas.columns.base import ModelColumn, checked_text, checked_ulid
from atlas.columns.expressions import Arithmetic, Expression
from atlas.ulid import new_ulid

if TYPE_CHECKING:
    from collections.abc import Iterable


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


class Text(ModelColumn[str], PiccoloText):
    """``text``: a ``str`` that both databases can hold, of any length."""

    column_type = "TEXT"
    _result_checks: ClassVar = {"sqlite": "typeof(_result) = 'text'", "postgres": "TRUE"}

    def __init__(self, default: Any = None, **kwargs: Any) -> None:
        super().__init__(default=default, **kwargs)

    _convert = checked_text


class Ulid(Text):
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
        return super()._convert(value)


class Integer(Arithmetic, ModelColumn[int], PiccoloInteger):
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


class Decimal(Arithmetic, ModelColumn[float], PiccoloDoublePrecision):
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

"""What becomes of a value when its column's type changes.

In: a stored value and the type it is to have, as SQL writes it. Out: the value
as the new type stores it, or ``ValueError`` when it does not fit: nothing is
rounded, cut or guessed. Knows no database; SQLite calls it for each row.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable
from typing import Any

_RANGES = {"SMALLINT": 2**15, "INTEGER": 2**31, "BIGINT": 2**63}
#: A day as both databases read it: neither a week (2026-W19-1) nor 20260504.
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_ALIASES = {
    "INT": "INTEGER",
    "SERIAL": "INTEGER",
    "BIGSERIAL": "BIGINT",
    "CHARACTER VARYING": "VARCHAR",
    "DOUBLE PRECISION": "REAL",
    "DECIMAL": "NUMERIC",
    "BOOL": "BOOLEAN",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
}

_KINDS = {
    **dict.fromkeys(("TEXT", "VARCHAR"), "text"),
    **dict.fromkeys(("SMALLINT", "INTEGER", "BIGINT", "REAL", "FLOAT", "NUMERIC"), "number"),
    "BOOLEAN": "boolean",
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMPTZ"), "time"),
}


def converted(value: Any, old_type: str, new_type: str) -> Any:
    """Return ``value`` of a column of ``old_type`` as ``new_type`` stores it on SQLite.

    None stays None. Raises ``ValueError``, which says why, for a value that the
    new type cannot hold without a loss. A type that is not known here takes
    every value as it is.
    """
    name, arguments = _taken_apart(new_type)
    to_new = _TO.get(name)
    if value is None or to_new is None:
        return value
    return to_new(_meant(value, _taken_apart(old_type)[0]), name, arguments)


def kind_of(declared_type: str) -> str:
    """Return what a type holds: ``text``, ``number``, ``boolean``, ``time``, or else ``other``."""
    return _KINDS.get(_taken_apart(declared_type)[0], "other")


def _taken_apart(declared_type: str) -> tuple[str, tuple[int, ...]]:
    """Return a type's name and its arguments: VARCHAR and (255,)."""
    name, _, rest = declared_type.partition("(")
    name = " ".join(name.upper().split())
    return _ALIASES.get(name, name), tuple(map(int, re.findall(r"\d+", rest)))


def _meant(value: Any, old_type: str) -> Any:
    """Return what an SQLite value means, where its column's type tells more than its storage."""
    if old_type == "BOOLEAN" and isinstance(value, int):
        return bool(value)
    if old_type == "TIMESTAMPTZ" and isinstance(value, str):
        try:
            instant = datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
        if instant.tzinfo is not None:
            return instant.astimezone(datetime.UTC)
    return value


def _to_text(value: Any, name: str, arguments: tuple[int, ...]) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, float):
        text = float_text(value)
    elif isinstance(value, datetime.datetime):
        text = value.isoformat(" ")
    elif isinstance(value, bytes):
        raise ValueError("is a BLOB")
    else:
        text = str(value)
    if name == "VARCHAR" and arguments and len(text) > arguments[0]:
        raise ValueError(f"has {len(text)} characters")
    return text


def float_text(value: float) -> str:
    """Return a float as PostgreSQL writes it: the fewest digits that are read as the same.

    https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-FLOAT
    """
    if not math.isfinite(value):
        raise ValueError("is not a finite number")
    number = decimal.Decimal(repr(value))
    exponent = number.adjusted()
    if not value or -4 <= exponent < 15:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    mantissa = f"{digits[0]}.{digits[1:]}".rstrip(".")
    return f"{'-' if value < 0 else ''}{mantissa}e{exponent:+03d}"


def _to_integer(value: Any, name: str, arguments: tuple[int, ...]) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            raise ValueError("is not an integer")
        if str(int(value)) != value:
            raise ValueError("is not written as an integer is: it would lose its zeros or its sign")
    elif isinstance(value, float | decimal.Decimal) and value != _truncated(value):
        raise ValueError("is not a whole number")
    elif not isinstance(value, int | float | decimal.Decimal):
        raise ValueError("is not an integer")
    number = int(value)
    if not -_RANGES[name] <= number < _RANGES[name]:
        raise ValueError(f"does not fit {name}")
    return number


def _truncated(value: float | decimal.Decimal) -> int | None:
    return int(value) if math.isfinite(value) else None


def _to_real(value: Any, name: str, arguments: tuple[int, ...]) -> float:
    if isinstance(value, bytes | bool | datetime.date):
        raise ValueError("is not a number")
    if isinstance(value, str):
        return _float_of(value)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("is not a number") from None
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    if isinstance(value, int) and int(number) != value:
        raise ValueError("is not an exact float; whole numbers are exact up to 2^53")
    return number


def _float_of(text: str) -> float:
    """Return the number that a text is, if it says just that number."""
    if not re.fullmatch(r"[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?", text):
        raise ValueError("is not a number")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    if decimal.Decimal(repr(number)) != decimal.Decimal(text):
        raise ValueError("has more digits than a float of 8 bytes holds")
    if re.match(r"[+]|-?0[0-9]", text):
        raise ValueError("is not written as a number is: it would lose its zeros or its sign")
    return number


def _to_numeric(value: Any, name: str, arguments: tuple[int, ...]) -> Any:
    try:
        number = decimal.Decimal(str(value).strip())
    except decimal.InvalidOperation:
        raise ValueError("is not a number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError("is not a number")
    if arguments:
        precision, scale = arguments[0], (*arguments[1:], 0)[0]
        if number != round(number, scale) or abs(number) >= decimal.Decimal(10) ** (
            precision - scale
        ):
            raise ValueError(f"does not fit {name}({precision}, {scale})")
    # SQLite has no decimals; this is what Piccolo stores for one.
    return int(number) if number == int(number) else float(number)


def _to_boolean(value: Any, name: str, arguments: tuple[int, ...]) -> int:
    found = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if isinstance(value, int) and value in (0, 1):
        found = bool(value)
    if found is None:
        raise ValueError("is neither true nor false")
    return int(found)


def _to_date(value: Any, name: str, arguments: tuple[int, ...]) -> str:
    if isinstance(value, str):
        try:
            if re.fullmatch(_DAY, value):
                return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        value = _instant(value)
    if isinstance(value, datetime.datetime):
        if value.timetz().replace(tzinfo=None) != datetime.time():
            raise ValueError("has a time of day, which a date cannot hold")
        value = value.date()
    if not isinstance(value, datetime.date):
        raise ValueError("is not a date")
    return value.isoformat()


def _to_timestamp(value: Any, name: str, arguments: tuple[int, ...]) -> str:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = value.isoformat()
    instant = value if isinstance(value, datetime.datetime) else _instant(value)
    if name == "TIMESTAMP":
        if instant.tzinfo is not None:
            raise ValueError("has a time zone, which the type cannot hold")
        return instant.isoformat(" ")
    # Without a zone it is taken for UTC, which all instants are stored in.
    instant = instant.replace(tzinfo=instant.tzinfo or datetime.UTC)
    return instant.astimezone(datetime.UTC).isoformat(" ")


def _instant(value: Any) -> datetime.datetime:
    if isinstance(value, str):
        try:
            if re.match(rf"{_DAY}(?=[ T]|$)", value):
                return datetime.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("is not a date or timestamp")


_TO: dict[str, Callable[[Any, str, tuple[int, ...]], Any]] = {
    "TEXT": _to_text,
    "VARCHAR": _to_text,
    "SMALLINT": _to_integer,
    "INTEGER": _to_integer,
    "BIGINT": _to_integer,
    "REAL": _to_real,
    "FLOAT": _to_real,
    "NUMERIC": _to_numeric,
    "BOOLEAN": _to_boolean,
    "DATE": _to_date,
    "TIMESTAMP": _to_timestamp,
    "TIMESTAMPTZ": _to_timestamp,
}


def reason(value: Any, old_type: str, new_type: str) -> str | None:
    """Return why ``new_type`` cannot hold ``value``; None when it can."""
    try:
        converted(value, old_type, new_type)
    except ValueError as error:
        return str(error)
    return None

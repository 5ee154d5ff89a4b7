"""What people write, as values: called by a worker who knows what its source means.

In: a text or a cell, and what its marks mean. Out: a value that a column takes, or
``ParseError``. Knows no table and no column. What a column takes without being told
is in docs/values.md; here somebody has decided.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
import zoneinfo
from decimal import Decimal

from atlas.errors import AtlasError, ParseError
from atlas.extras import how_to_install

_RUPIAH = re.compile(
    r"\s*(?P<minus>-?)\s*(?:(?:Rp\.?|IDR)\s*)?(?P<number>-?[0-9.,]+?)(?:,-)?\s*", re.I
)
_DATE = re.compile(
    r"(?P<day>[0-9]{1,2})(?P<mark>[/.-])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})"
)
_TIME = re.compile(r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2}))?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

#: The characters without width or direction that are pasted along, and mean nothing in a name:
#: the soft hyphen, zero-width spaces and joiners, marks of direction, the byte order mark.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

#: Day 0 of Excel's calendar, which has a February 29 in 1900; so it holds from March 1900 on
#: (https://support.microsoft.com/office/date-systems-in-excel-e7fe7167-48a9-4b96-bb53-5612a800b487).
_EXCEL_DAY_0 = datetime.date(1899, 12, 30)
_EXCEL_MARCH_1900, _EXCEL_LAST = 61, 2_958_465


def number(text: str, *, decimal: str, thousands: str = "") -> float:
    """Return the number that ``text`` is when ``decimal`` and ``thousands`` are its marks.

    ``number("1.500", decimal=",", thousands=".")`` is 1500.0. Blanks around it are passed
    over. Raises ``ParseError`` for anything else: marks in the wrong place
    (``1.50`` with dots for thousands), letters, digits that no float has, and nothing
    at all; ``ValueError`` for marks that are the same or none.
    """
    if len(decimal) != 1 or len(thousands) > 1 or decimal == thousands or decimal.isdigit():
        raise ValueError(
            f"decimal is {decimal!r} and thousands {thousands!r}; give two different marks, of one "
            "character each (thousands may be empty)."
        )
    grouped = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|" if thousands else ""
    pattern = rf"(?P<whole>-?(?:{grouped}[0-9]+))(?:{re.escape(decimal)}(?P<rest>[0-9]+))?"
    found = re.fullmatch(pattern, _text(text).strip(), re.ASCII)
    if found is None:
        raise _unread(text, f"a number with {decimal!r} before the fraction")
    whole = found["whole"].replace(thousands, "") if thousands else found["whole"]
    return _float(text, f"{whole}.{found['rest'] or 0}")


def rupiah(text: str) -> float:
    """Return the amount that ``text`` is in Indonesian writing: ``Rp 1.500.000,00``.

    Dots are for thousands, a comma is before the fraction, ``Rp`` or ``IDR`` may
    stand before it and ``,-`` behind it. Raises ``ParseError`` for anything else,
    as ``Rp 1,500,000``.
    """
    found = _RUPIAH.fullmatch(_text(text))
    if found is None or (found["minus"] and found["number"].startswith("-")):
        raise _unread(text, "an amount of rupiah, as Rp 1.500.000,00")
    try:
        return number(found["minus"] + found["number"], decimal=",", thousands=".")
    except ParseError:
        raise _unread(text, "an amount of rupiah, as Rp 1.500.000,00") from None


def local_date(text: str) -> datetime.date:
    """Return the day that ``text`` is: ``31/12/2025``, ``31-12-2025`` or ``2025-12-31``.

    The day comes first, as in Indonesia and most of the world but the United States.
    Raises ``ParseError`` for a day that there is not, a year of two digits, and
    other forms.
    """
    given = _text(text).strip()
    try:
        if _ISO_DATE.fullmatch(given):
            return datetime.date.fromisoformat(given)
        if found := _DATE.fullmatch(given):
            return datetime.date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError as error:  # February 30
        raise _unread(text, f"a day of the calendar ({error})") from None
    raise _unread(text, "a date, as 31/12/2025")


def local_time(text: str, zone: str | datetime.tzinfo) -> datetime.datetime:
    """Return the instant when the clocks of ``zone`` show ``text``, as ``31/12/2025 08:30``.

    ``zone`` is a name as ``Asia/Jakarta``, or a ``tzinfo``. The date is read as
    ``local_date`` reads it; seconds may be missing. Raises ``ParseError`` for other
    forms, for a time that those clocks never showed and for one that they showed
    twice; ``ValueError`` for a zone that does not exist.
    """
    at = _zone(zone)
    given = _text(text).strip()
    day, _, clock = given.replace("T", " ").partition(" ")
    found = _TIME.fullmatch(clock.strip())
    if found is None:
        raise _unread(text, "a time, as 31/12/2025 08:30")
    try:
        hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
        shown = datetime.datetime.combine(local_date(day), datetime.time(hour, minute, second))
    except ParseError:
        raise _unread(text, "a time, as 31/12/2025 08:30") from None
    except ValueError as error:
        raise _unread(text, f"a time of the day ({error})") from None
    first, again = (shown.replace(tzinfo=at, fold=fold) for fold in (0, 1))
    if first.utcoffset() != again.utcoffset():
        back = first.astimezone(datetime.UTC).astimezone(at).replace(tzinfo=None)
        what = "showed twice" if back == shown else "never showed"
        raise _unread(text, f"one instant: the clocks of {zone} {what} it; give it with its offset")
    return first


def excel_date(cell: float | datetime.date) -> datetime.date:
    """Return the day of a cell of a spreadsheet: a count of days, or what a library made of it.

    45678 is 2025-01-21. Raises ``ParseError`` for a count with a fraction, which
    has a time of day; for one before March 1900, where Excel and the calendar
    differ; and for a time of day.
    """
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo is None and cell.time() == datetime.time():
            return cell.date()
        raise _unread(cell, "a day: it has a time of day or a time zone")
    if isinstance(cell, datetime.date):
        return cell
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        raise _unread(cell, "the number of a day, as 45678")
    if cell != int(cell):
        raise _unread(cell, "a day: it has a time of day")
    if not _EXCEL_MARCH_1900 <= cell <= _EXCEL_LAST:
        raise _unread(cell, "a day from March 1900 to the year 9999")
    return _EXCEL_DAY_0 + datetime.timedelta(days=int(cell))


def e164(text: str, *, country: str = "ID") -> str:
    """Return a phone number as it is dialled from anywhere: ``0812-3456-789`` is ``+628123456789``.

    ``country`` is the one where a number without a country's code is dialled, by its
    two letters (ISO 3166). Raises ``ParseError`` for what is not a number that can exist there,
    and for one with an extension; ``AtlasError`` when the library is not installed.
    """
    try:
        import phonenumbers
    except ModuleNotFoundError:
        raise AtlasError(
            f"Phone numbers need phonenumbers. Install it with: {how_to_install('phone')}"
        ) from None
    if country.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"country is {country!r}; give two letters, as ID.")
    try:
        found = phonenumbers.parse(clean(_text(text)), country.upper())
    except phonenumbers.NumberParseException:
        raise _unread(text, f"a phone number of {country} or with a country's code") from None
    if found.extension or not phonenumbers.is_valid_number(found):
        raise _unread(text, f"a phone number that can exist in {country} or elsewhere")
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def clean(text: str) -> str:
    """Return ``text`` as one sees it: trimmed, its blanks single, without invisible characters.

    Letters are composed (Unicode's NFC), so that an accent is part of its letter. The
    result may be empty. Raises ``ParseError`` for what is not text.
    """
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", _text(text)))
    return " ".join(visible.split())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise _unread(value, "text; pass a str")


def _float(text: str, digits: str) -> float:
    value, exact = float(digits), Decimal(digits)
    if not math.isfinite(value) or Decimal(repr(value)) != exact:
        raise _unread(text, "a number of so few digits that a float has them all")
    return value + 0.0


def _zone(zone: str | datetime.tzinfo) -> datetime.tzinfo:
    if isinstance(zone, datetime.tzinfo):
        return zone
    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise ValueError(
            f"zone is {zone!r}; give a name of the tz database, as Asia/Jakarta."
        ) from None


def _unread(value: object, expected: str) -> ParseError:
    return ParseError(value, expected)

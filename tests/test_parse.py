"""What people write is read as one value, by who knows what the marks mean, or refused."""

from __future__ import annotations

import datetime
import math
import pickle
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas import Order, ParseError, parse

DAY = datetime.date(2025, 12, 31)
AT = datetime.datetime(2025, 12, 31, 8, 30, tzinfo=ZoneInfo("Asia/Jakarta"))


def number(text: str) -> float:
    return parse.number(text, decimal=",", thousands=".")


def local_time(text: str) -> datetime.datetime:
    return parse.local_time(text, "Asia/Jakarta")


def berlin(text: str) -> datetime.datetime:
    return parse.local_time(text, ZoneInfo("Europe/Berlin"))


READ: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (parse.rupiah, "Rp 1.500.000,00", 1_500_000),
    (parse.rupiah, "Rp1.500.000", 1_500_000),
    (parse.rupiah, "rp. 450.000,-", 450_000),
    (parse.rupiah, "IDR 450000", 450_000),
    (parse.rupiah, "-Rp 2.500,5", -2500.5),
    (parse.rupiah, " 1.500 ", 1500),
    (number, "1.500", 1500),
    (number, "1.234.567,25", 1234567.25),
    (number, "1234,5", 1234.5),
    (number, "-0,5", -0.5),
    (parse.local_date, "31/12/2025", DAY),
    (parse.local_date, "31-12-2025", DAY),
    (parse.local_date, " 31.12.2025", DAY),
    (parse.local_date, "1/2/2025", datetime.date(2025, 2, 1)),
    (parse.local_date, "2025-12-31", DAY),
    (local_time, "31/12/2025 08:30", AT),
    (local_time, "2025-12-31 08.30.00", AT),
    (local_time, "2025-12-31T8:30", AT),
    (parse.excel_date, 45678, datetime.date(2025, 1, 21)),
    (parse.excel_date, 45678.0, datetime.date(2025, 1, 21)),
    (parse.excel_date, 61, datetime.date(1900, 3, 1)),
    (parse.excel_date, datetime.datetime(2025, 12, 31), DAY),
    (parse.excel_date, DAY, DAY),
    (parse.e164, "0812-3456-789", "+628123456789"),
    (parse.e164, "+62 812 3456 789", "+628123456789"),
    (parse.e164, "\u200e+1 (650) 253-0000", "+16502530000"),
    (parse.clean, "  Siti\u200b  Aminah\u00a0", "Siti Aminah"),
    (parse.clean, "Jose\u0301", "José"),
    (parse.clean, "\ufeff", ""),
]
UNREAD: list[tuple[Callable[[Any], Any], Any]] = [
    *((parse.rupiah, text) for text in ("", "Rp", "Rp 1,500,000", "1.50", "--5", "$ 5", "5 rb", 5)),
    *(
        (number, text)
        for text in ("", "1.5", "1.50,0", "1,5,5", "1..500", "1e3", "٣", "9" * 30, None)
    ),
    *(
        (parse.local_date, text)
        for text in ("", "31/12/25", "12/31/2025", "30/02/2025", "31/12-2025")
    ),
    *((local_time, text) for text in ("31/12/2025", "31/12/2025 24:00", "08:30", "31/12/2025 8")),
    (berlin, "30/03/2025 02:30"),  # never shown
    (berlin, "26/10/2025 02:30"),  # shown twice
    *((parse.excel_date, cell) for cell in (0, 60, -1, 45678.5, 3_000_000, True, math.nan, "1")),
    (parse.excel_date, datetime.datetime(2025, 12, 31, 8)),
    *((parse.e164, text) for text in ("", "12", "call me", "0812-3456-789 ext. 5", "+999 123")),
    (parse.clean, None),
]


@pytest.mark.parametrize(("read", "given", "value"), READ)
def test_what_is_written_is_read(read: Callable[[Any], Any], given: Any, value: Any) -> None:
    """One value, whatever the usual ways to write it."""
    assert read(given) == value


@pytest.mark.parametrize(("read", "given"), UNREAD)
def test_what_cannot_be_read_is_refused_with_the_value(
    read: Callable[[Any], Any], given: Any
) -> None:
    """The error shows it, and outlives a process."""
    with pytest.raises(ParseError) as caught:
        read(given)
    assert repr(given)[:50] in str(caught.value)
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - it is ours
    assert str(copied) == str(caught.value)


@given(st.integers(-(10**12), 10**12), st.integers(0, 99))
def test_an_amount_is_read_as_it_was_written(whole: int, cents: int) -> None:
    """Grouped or not, with a fraction or without, the column takes what is read."""
    grouped = f"{whole:,}".replace(",", ".")
    for text in (f"Rp {grouped}", f"Rp {whole}", f"{grouped},00"):
        assert Order.total_amount.accept(parse.rupiah(text)) == whole
    assert parse.rupiah(f"{abs(whole)},{cents:02}") == float(f"{abs(whole)}.{cents:02}")


@given(st.dates())
def test_a_day_is_read_as_it_was_written(day: datetime.date) -> None:
    """Also the first and the last year there are."""
    assert parse.local_date(f"{day.day:02}/{day.month:02}/{day.year:04}") == day
    if datetime.date(1900, 3, 1) <= day:
        assert parse.excel_date((day - datetime.date(1899, 12, 30)).days) == day


@pytest.mark.parametrize(
    "ask",
    [
        lambda: parse.number("1", decimal=".", thousands="."),
        lambda: parse.number("1", decimal=""),
        lambda: parse.local_time("31/12/2025 08:30", "Asia/Nowhere"),
        lambda: parse.e164("0812", country="Indonesia"),
    ],
)
def test_a_wrong_way_to_ask_is_called_so(ask: Callable[[], Any]) -> None:
    """It is no fault of the value's."""
    with pytest.raises(ValueError, match="give") as caught:
        ask()
    assert not isinstance(caught.value, ParseError)

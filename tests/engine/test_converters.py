"""What SQLite stores becomes exactly the Python value it stands for, or an error."""

from __future__ import annotations

import datetime
import sqlite3

import pytest

from atlas.engine.sqlite.converters import to_bool, to_date, to_int, to_timestamp

UTC = datetime.UTC


@pytest.mark.parametrize(("stored", "value"), [(b"1", True), (b"0", False)])
def test_booleans(stored: bytes, value: bool) -> None:
    """One is True and zero is False."""
    assert to_bool(stored) is value


@pytest.mark.parametrize("stored", [b"2", b"-1", b"true", b"True", b"1.0", b"1.5", b" 1", b""])
def test_other_booleans_are_refused(stored: bytes) -> None:
    """Anything else is not a boolean; Piccolo reads it as False."""
    with pytest.raises(ValueError, match="boolean"):
        to_bool(stored)


def test_dates() -> None:
    """A date is YYYY-MM-DD."""
    assert to_date(b"2026-01-02") == datetime.date(2026, 1, 2)
    assert to_date(b"0001-01-01") == datetime.date.min
    assert to_date(b"9999-12-31") == datetime.date.max


@pytest.mark.parametrize(
    "stored",
    [
        b"20260102",
        b"2026-W01-5",
        b"2026-1-2",
        b"2026-02-30",
        b"0000-01-01",
        b"2026-01-02 ",
        b"2026-01-02T00:00",
        b"2026-01-02 00:00:00+00:00",
        b"02/01/2026",
        b"tomorrow",
        b"\xff\xfe",
        "\N{FULLWIDTH DIGIT TWO}026-01-02".encode(),
        b"",
    ],
)
def test_other_dates_are_refused(stored: bytes) -> None:
    """Every other way to write a date, and what is none, is an error."""
    with pytest.raises(ValueError, match="date"):
        to_date(stored)


@pytest.mark.parametrize(
    ("stored", "value"), [(b"0", 0), (b"-5", -5), (b"9223372036854775807", 2**63 - 1)]
)
def test_integers(stored: bytes, value: int) -> None:
    """A whole number is itself."""
    assert to_int(stored) == value


@pytest.mark.parametrize(
    "stored",
    [b"1.5", b"abc", b"1_000", b" 12 ", b"1e3", b"0x10", b"Inf", b"--1", b"-", b"\xd9\xa1"],
)
def test_other_integers_are_refused(stored: bytes) -> None:
    """What SQLite did not store as a whole number is an error, also where int() would take it."""
    with pytest.raises(ValueError, match="integer"):
        to_int(stored)


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        (b"2026-01-02 03:04:05.678901+00:00", datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        (b"2026-01-02 03:04:05+00:00", datetime.datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        (b"2026-01-02T03:04:05Z", datetime.datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        (b"2026-01-02 03:04:05.678+00:00", datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)),
        (b"2026-01-02 03:04+00:00", datetime.datetime(2026, 1, 2, 3, 4, 0, 0, UTC)),
        (b"2026-01-02 07:00:00+07:00", datetime.datetime(2026, 1, 2, 0, 0, 0, 0, UTC)),
        (b"2026-01-01 19:30:00-04:30", datetime.datetime(2026, 1, 2, 0, 0, 0, 0, UTC)),
        (b"2026-01-02 03:04:05", datetime.datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
    ],
)
def test_timestamps(stored: bytes, value: datetime.datetime) -> None:
    """A timestamp is an instant in UTC, whatever its offset; without one it is UTC."""
    moment = to_timestamp(stored)
    assert moment == value
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "stored",
    [
        b"abc",
        b"2026-01-02",
        b"20260102T030405",
        b"1712011200000",  # milliseconds since 1970, which fromisoformat takes for the year 1712
        b"1767312000",
        b"2026-W01-5T03:04",
        b"2026-02-30 10:00:00+00:00",
        b"2026-01-02 24:00:00+00:00",
        b"0000-01-01 00:00:00+00:00",
        b"0001-01-01 00:00:00+07:00",  # before the first instant, in UTC
        b"9999-12-31 23:59:59-07:00",
        b"\xff",
        b"",
    ],
)
def test_other_timestamps_are_refused(stored: bytes) -> None:
    """Every other way to write an instant, and what is none, is an error."""
    with pytest.raises(ValueError, match="timestamp"):
        to_timestamp(stored)


def test_the_converters_are_in_use() -> None:
    """They are those of the process, in place of Piccolo's."""
    db = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    db.execute("CREATE TABLE t (b BOOLEAN, d DATE, i INTEGER, m TIMESTAMPTZ)")
    db.execute("INSERT INTO t VALUES (1, '2026-01-02', 3, '2026-01-02 07:00+07:00')")
    assert db.execute("SELECT * FROM t").fetchone() == (
        True,
        datetime.date(2026, 1, 2),
        3,
        datetime.datetime(2026, 1, 2, tzinfo=UTC),
    )
    db.close()

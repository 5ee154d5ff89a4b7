"""What every installation needs: provinces, the calendar, channels, accounts.

In: nothing. Out: rows with their parents' codes for ids. Knows no database.
"""

from __future__ import annotations

import calendar
import datetime
from typing import Any

Row = dict[str, Any]

#: Kepmendagri No 300.2.2-2138 Tahun 2025: the Ministry of Home Affairs' code and name of each.
_PROVINCES = {
    "11": "Aceh",
    "12": "Sumatera Utara",
    "13": "Sumatera Barat",
    "14": "Riau",
    "15": "Jambi",
    "16": "Sumatera Selatan",
    "17": "Bengkulu",
    "18": "Lampung",
    "19": "Kepulauan Bangka Belitung",
    "21": "Kepulauan Riau",
    "31": "Daerah Khusus Ibukota Jakarta",
    "32": "Jawa Barat",
    "33": "Jawa Tengah",
    "34": "Daerah Istimewa Yogyakarta",
    "35": "Jawa Timur",
    "36": "Banten",
    "51": "Bali",
    "52": "Nusa Tenggara Barat",
    "53": "Nusa Tenggara Timur",
    "61": "Kalimantan Barat",
    "62": "Kalimantan Tengah",
    "63": "Kalimantan Selatan",
    "64": "Kalimantan Timur",
    "65": "Kalimantan Utara",
    "71": "Sulawesi Utara",
    "72": "Sulawesi Tengah",
    "73": "Sulawesi Selatan",
    "74": "Sulawesi Tenggara",
    "75": "Gorontalo",
    "76": "Sulawesi Barat",
    "81": "Maluku",
    "82": "Maluku Utara",
    "91": "Papua",
    "92": "Papua Barat",
    "93": "Papua Selatan",
    "94": "Papua Tengah",
    "95": "Papua Pegunungan",
    "96": "Papua Barat Daya",
}

_YEARS = (2025, 2026)

#: code, name, type
_CHANNELS = (
    ("whatsapp", "WhatsApp", "Messaging"),
    ("instagram", "Instagram", "Social"),
    ("tiktok", "TikTok", "Social"),
    ("facebook", "Facebook", "Social"),
    ("google-ads", "Google Ads", "Ads"),
    ("meta-ads", "Meta Ads", "Ads"),
    ("website", "Website", "Web"),
    ("marketplace", "Marketplace", "Marketplace"),
    ("email", "E-mail", "Email"),
    ("phone", "Telepon", "Phone"),
    ("walk-in", "Datang langsung", "WalkIn"),
    ("event", "Acara", "Event"),
    ("referral", "Referensi", "Referral"),
    ("partner", "Mitra", "Partner"),
)


def provinces() -> list[Row]:
    """Return the 38 provinces of Indonesia, rows of ``core_region``."""
    return [{"code": code, "name": name, "type": "Province"} for code, name in _PROVINCES.items()]


def channels() -> list[Row]:
    """Return the rows of ``core_channel``."""
    return [{"code": code, "name": name, "type": kind} for code, name, kind in _CHANNELS]


def periods() -> list[Row]:
    """Return the years, quarters and months, rows of ``core_period``; a parent is its code."""
    return [row for year in _YEARS for row in _periods(year)]


def _periods(year: int) -> list[Row]:
    """Return a year, its quarters and its months, each with the period it lies in."""
    rows = [_period(f"{year}", "Year", year, 1, 12, parent=None)]
    for quarter in range(1, 5):
        first = 3 * quarter - 2
        code = f"{year}-Q{quarter}"
        rows.append(_period(code, "Quarter", year, first, first + 2, parent=f"{year}"))
        rows.extend(
            _period(f"{year}-{month:02}", "Month", year, month, month, parent=code)
            for month in range(first, first + 3)
        )
    return rows


def _period(
    code: str, kind: str, year: int, first_month: int, last_month: int, parent: str | None
) -> Row:
    _, last_day = calendar.monthrange(year, last_month)
    return {
        "parent_id": parent,
        "code": code,
        "type": kind,
        "start_date": datetime.date(year, first_month, 1),
        "end_date": datetime.date(year, last_month, last_day),
    }

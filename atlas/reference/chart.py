"""The chart of accounts that an entity begins with."""

from __future__ import annotations

from typing import Any

#: code, code of the parent, name, type, then whether postings can be made and money lands there
_ACCOUNTS = (
    ("1-0000", None, "Aset", "Asset", "group"),
    ("1-1000", "1-0000", "Kas dan Bank", "Asset", "group"),
    ("1-1100", "1-1000", "Kas", "Asset", "cash"),
    ("1-1200", "1-1000", "Bank", "Asset", "cash"),
    ("1-1300", "1-1000", "Dompet Digital dan QRIS", "Asset", "cash"),
    ("1-2000", "1-0000", "Piutang Usaha", "Asset", ""),
    ("2-0000", None, "Liabilitas", "Liability", "group"),
    ("2-1000", "2-0000", "Pendapatan Diterima di Muka", "Liability", ""),
    ("2-2000", "2-0000", "Utang PPN", "Liability", ""),
    ("3-0000", None, "Ekuitas", "Equity", "group"),
    ("3-1000", "3-0000", "Modal", "Equity", ""),
    ("4-0000", None, "Pendapatan", "Income", "group"),
    ("4-1000", "4-0000", "Pendapatan Kursus", "Income", ""),
    ("4-2000", "4-0000", "Pendapatan Ujian", "Income", ""),
    ("4-3000", "4-0000", "Pendapatan Program", "Income", ""),
    ("4-4000", "4-0000", "Penjualan Produk", "Income", ""),
    ("4-5000", "4-0000", "Pendapatan Jasa", "Income", ""),
    ("5-0000", None, "Beban", "Expense", "group"),
    ("5-1000", "5-0000", "Beban Pengajar", "Expense", ""),
    ("5-2000", "5-0000", "Beban Pemasaran", "Expense", ""),
    ("5-3000", "5-0000", "Beban Sewa", "Expense", ""),
)

#: Rows of finance_account, parents before children; ``parent_id`` holds the parent's code.
CHART: tuple[dict[str, Any], ...] = tuple(
    {
        "code": code,
        "parent_id": parent,
        "name": name,
        "type": kind,
        "is_group": use == "group",
        "is_cash": use == "cash",
    }
    for code, parent, name, kind, use in _ACCOUNTS
)

"""Rows of files: what is written is read back, and a file that is wrong is said to be."""

from __future__ import annotations

import datetime
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from atlas.errors import DataFileError
from atlas.files import FileRows, FileWriter

AT = datetime.datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=datetime.UTC)
ROWS: list[dict[str, Any]] = [
    {"code": "a", "n": 1, "day": datetime.date(2026, 1, 2), "at": AT, "on": True, "amount": 0.5},
    {"code": 'é "x", \n', "n": None, "day": None, "at": None, "on": None, "amount": None},
]
TYPES = {
    **{"code": str, "n": int, "day": datetime.date, "at": datetime.datetime},
    **{"on": bool, "amount": float},
}


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".CSV"])
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    """All values, as text where the file knows no others; only its owner may read the file."""
    path = tmp_path / f"rows{ending}"
    for rows in (ROWS, []):
        with FileWriter(path, list(TYPES), TYPES) as file:
            for row in rows:
                file.add([row])
        read = list(FileRows(path))
        assert [{n: v and str(v).lower() for n, v in row.items()} for row in read] == [
            {n: v if v is None else str(v).lower() for n, v in row.items()} for row in rows
        ]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    """What was there before stays, and nothing lies beside it."""
    path = tmp_path / "rows.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), FileWriter(path, ["a"]) as file:
        file.add([{"a": 1}])
        raise RuntimeError
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]
    assert path.read_text() == "old"


def test_a_workbook_is_read_with_its_lines(tmp_path: Path) -> None:
    """Numbers and days as it has them, empty lines passed over; by default the first sheet."""
    book = openpyxl.Workbook()
    book.active.append(["code", "day", "n"])
    book.active.append(["a", datetime.datetime(2026, 1, 2), 3])
    book.active.append([])
    book.active.append(["b", None, 2.5])
    book.create_sheet("Other").append(["x"])
    book.save(path := tmp_path / "rows.xlsx")
    rows = FileRows(path)
    assert list(rows) == [
        {"code": "a", "day": datetime.datetime(2026, 1, 2), "n": 3},
        {"code": "b", "day": None, "n": 2.5},
    ]
    assert list(rows.lines) == [2, 4]
    assert list(FileRows(path, sheet="Other")) == []
    with pytest.raises(DataFileError, match="no sheet Nope; there are: Sheet, Other"):
        list(FileRows(path, sheet="Nope"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([["a", None, "c"], [1, 2, None]], "column 2 of the heading is empty"),
        ([["a", "b"], [1, 2, 0]], "line 2 has 3 cells, and the heading 2"),
        ([[None]], "no heading"),
    ],
)
def test_a_sheet_whose_cells_have_no_heading_is_refused(
    tmp_path: Path, lines: list[list[Any]], said: str
) -> None:
    """No cell is taken for one of another column, and none is passed over."""
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    book.save(path := tmp_path / "rows.xlsx")
    with pytest.raises(DataFileError, match=said):
        list(FileRows(path))


def test_a_number_keeps_its_digits(tmp_path: Path) -> None:
    """Those that a float lacks are there for the column to refuse."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 0.5, "b": 0.12345678901234567890}\n')
    assert list(FileRows(path)) == [{"a": 0.5, "b": Decimal("0.12345678901234567890")}]


def test_a_row_knows_its_line(tmp_path: Path) -> None:
    """Also behind a cell of several lines and a blank line; a byte order mark is passed over."""
    path = tmp_path / "rows.csv"
    path.write_text('\ufeffcode;name\na;"one\ntwo"\n\nb;\n', encoding="utf-8")
    rows = FileRows(path)
    assert list(rows) == [{"code": "a", "name": "one\ntwo"}, {"code": "b", "name": None}]
    assert list(rows.lines) == [3, 5]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rows.csv", "", "no heading"),
        ("rows.csv", "a,,c\n", "column 2 of the heading is empty"),
        ("rows.csv", "a,b,a\n", "a more than once"),
        ("rows.csv", "a,b\n1\n", "line 2 has 1 cells, and the heading 2"),
        ("rows.csv", 'a,b\n"1,2\n', "cannot be read"),
        ("rows.jsonl", '{"a": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("rows.jsonl", '{"a": 1}\n{"a"\n', "line 2 is not JSON"),
        ("rows.xlsx", "a,b\n", "not a workbook"),
        ("rows.parquet", "a,b\n", "not a Parquet file"),
        ("rows.doc", "", r"its ending is .doc; there are: .csv"),
    ],
)
def test_a_file_that_is_wrong_is_said_to_be(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    """With its path, and the line."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataFileError, match=said) as caught:
        list(FileRows(path))
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    """To read, and to write into a folder that does not exist."""
    with pytest.raises(DataFileError, match="No such file"):
        list(FileRows(tmp_path / "none.csv"))
    with (
        pytest.raises(DataFileError, match="cannot be written"),
        FileWriter(tmp_path / "no" / "a.csv", ["a"]),
    ):
        pass
    with pytest.raises(DataFileError, match="its ending is"):
        FileWriter(tmp_path / "a.xlsx", ["a"])

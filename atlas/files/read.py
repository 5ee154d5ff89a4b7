"""The rows of a file, one after the other.

In: a path, whose ending says what it is. Out: dicts by the names of its heading, an
empty cell as None, and of each row the line that it stands in. Looks at no value.
"""

from __future__ import annotations

import csv
import importlib
import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError, DataFileError
from atlas.extras import how_to_install

#: How many rows of a Parquet file are Python objects at a time.
_CHUNK = 1000

#: What may stand between cells, in the order in which it is looked for in the heading.
_DELIMITERS = (",", ";", "\t")

Row = dict[str, Any]


class FileRows:
    """The rows of ``path``; iterate over them once.

    ``.csv`` (with commas, semicolons or tabs), ``.tsv``, ``.jsonl`` and ``.ndjson``,
    ``.xlsx`` (its first sheet, or ``sheet``) and ``.parquet``. Raises ``DataFileError``
    for a file that cannot be read, or whose heading has a name twice or an
    empty one, and ``AtlasError`` when a library is not installed.
    """

    def __init__(self, path: Path, *, sheet: str | None = None) -> None:
        self.path = path
        self._sheet = sheet
        #: The line of each row that was read; the first line of a file is 1.
        self.lines = array("Q")
        readers = {
            **{".csv": self._csv, ".tsv": self._csv, ".jsonl": self._json, ".ndjson": self._json},
            **{".xlsx": self._xlsx, ".parquet": self._parquet},
        }
        if path.suffix.lower() not in readers:
            raise DataFileError(
                path, f"its ending is {path.suffix or 'none'}; there are: {', '.join(readers)}"
            )
        self._read = readers[path.suffix.lower()]

    def __iter__(self) -> Iterator[Row]:
        try:
            for line, row in self._read():
                self.lines.append(line)
                yield row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataFileError(self.path, f"it cannot be read: {error}") from error

    def _csv(self) -> Iterator[tuple[int, Row]]:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            heading = file.readline()
            found = [mark for mark in _DELIMITERS if mark in heading]
            delimiter = "\t" if self.path.suffix.lower() == ".tsv" else (*found, ",")[0]
            file.seek(0)
            cells = csv.reader(file, delimiter=delimiter, strict=True)
            names = self._checked(next(cells, []))
            count = len(names)
            for row in cells:
                if len(row) == count:
                    # Cells are text, so that what is false is empty.
                    yield cells.line_num, {n: c or None for n, c in zip(names, row, strict=True)}
                elif row:  # else a blank line
                    self._named(names, row, cells.line_num)  # which says what is wrong

    def _json(self) -> Iterator[tuple[int, Row]]:
        with self.path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                try:
                    row = json.loads(text, parse_float=exact_number)
                except ValueError as error:
                    raise DataFileError(self.path, f"line {line} is not JSON: {error}") from None
                if not isinstance(row, dict):
                    raise DataFileError(self.path, f"line {line} is not a JSON object")
                yield line, row

    def _xlsx(self) -> Iterator[tuple[int, Row]]:
        openpyxl: Any = library("openpyxl")
        try:
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
        except Exception as error:  # openpyxl has no class for what is no workbook
            if isinstance(error, OSError):
                raise
            raise DataFileError(self.path, f"it is not a workbook: {error}") from error
        with closing(book):
            if self._sheet is not None and self._sheet not in book.sheetnames:
                there = ", ".join(book.sheetnames)
                raise DataFileError(self.path, f"it has no sheet {self._sheet}; there are: {there}")
            sheet = book[self._sheet] if self._sheet else book.worksheets[0]
            rows = sheet.iter_rows(values_only=True)
            names = self._checked(["" if c is None else c for c in _trimmed(next(rows, ()))])
            for line, row in enumerate(rows, 2):
                if cells := _trimmed(row):
                    missing = (None,) * (len(names) - len(cells))
                    yield line, self._named(names, (*cells, *missing), line)

    def _parquet(self) -> Iterator[tuple[int, Row]]:
        parquet: Any = library("pyarrow.parquet")
        line = 0
        try:
            file = parquet.ParquetFile(self.path)
        except Exception as error:
            if isinstance(error, OSError):
                raise
            raise DataFileError(self.path, f"it is not a Parquet file: {error}") from error
        with file:
            self._checked(file.schema_arrow.names)
            for batch in file.iter_batches(_CHUNK):
                for row in batch.to_pylist():
                    line += 1
                    yield line, row

    def _checked(self, names: Sequence[Any]) -> list[str]:
        given = [str(name).strip() for name in names]
        if not given:
            raise DataFileError(self.path, "it has no heading, which names the columns")
        if "" in given:
            raise DataFileError(self.path, f"column {given.index('') + 1} of the heading is empty")
        twice = sorted({name for name in given if given.count(name) > 1})
        if twice:
            raise DataFileError(self.path, f"the heading has {', '.join(twice)} more than once")
        return given

    def _named(self, names: list[str], cells: Sequence[Any], line: int) -> Row:
        if len(cells) != len(names):
            raise DataFileError(
                self.path, f"line {line} has {len(cells)} cells, and the heading {len(names)}"
            )
        return {name: None if cell == "" else cell for name, cell in zip(names, cells, strict=True)}


def exact_number(text: str) -> float | Decimal:
    """Return a float where it is exactly what the text of a JSON number says, else all its digits.

    What is dumped is a float; a column refuses the digits that it cannot hold.
    """
    number, exact = float(text), Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


def _trimmed(cells: Sequence[Any]) -> Sequence[Any]:
    """Return the cells of a line of a sheet without the empty ones at its end."""
    count = len(cells)
    while count and cells[count - 1] is None:
        count -= 1
    return cells[:count]


def library(name: str) -> Any:
    """Import a library of the extra ``files``; raise ``AtlasError`` when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        raise AtlasError(
            f"That kind of file needs {error.name}. Install it with: {how_to_install('files')}"
        ) from None

"""Rows into a file that is whole or is not there.

In: the names of columns, and rows, some at a time. Out: a file under its final name
when the block is left without an error; else nothing, and what was there stays.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from atlas.errors import DataFileError
from atlas.files.read import library

if TYPE_CHECKING:
    from typing import Self

Row = dict[str, Any]


class FileWriter:
    """Writes rows to ``path``: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.

    Null is an empty cell, a bool ``true`` or ``false``, dates and instants are ISO
    text, as ``atlas load`` takes them. ``types`` are Python's types of the columns, for
    Parquet, whose file says them; without them those of the first rows are taken.
    """

    def __init__(
        self, path: Path, names: Sequence[str], types: dict[str, type] | None = None
    ) -> None:
        self.path = path
        self._names = list(names)
        self._types = types or {}
        self._file: Any = None
        self._writer: Any = None
        self._schema: Any = None
        ways: dict[str, Callable[[Iterable[Row]], None]] = {
            **{".csv": self._csv, ".tsv": self._csv, ".jsonl": self._json, ".ndjson": self._json},
            ".parquet": self._parquet,
        }
        if path.suffix.lower() not in ways:
            raise DataFileError(
                path, f"its ending is {path.suffix or 'none'}; there are: {', '.join(ways)}"
            )
        self._write = ways[path.suffix.lower()]
        if self._write == self._parquet:
            library("pyarrow.parquet")

    def __enter__(self) -> Self:
        try:
            # Rows are personal data: nobody else may read them (mkstemp makes it 0600).
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        except OSError as error:
            raise DataFileError(self.path, f"it cannot be written: {error}") from error
        self._temporary = Path(name)
        if self._write == self._parquet:
            self._file = os.fdopen(handle, "wb")
        else:
            self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exception is None:
                self.add([])  # a heading, also when there is no row
                if self._schema is not None:
                    self._writer.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._temporary.replace(self.path)
        finally:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def add(self, rows: Iterable[Row]) -> None:
        """Write some rows."""
        self._write(rows)

    def _csv(self, rows: Iterable[Row]) -> None:
        if self._writer is None:
            delimiter = "\t" if self.path.suffix.lower() == ".tsv" else ","
            self._writer = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
            self._writer.writerow(self._names)
        self._writer.writerows([_cell(row[name]) for name in self._names] for row in rows)

    def _json(self, rows: Iterable[Row]) -> None:
        for row in rows:
            text = json.dumps({n: row[n] for n in self._names}, default=_cell, ensure_ascii=False)
            self._file.write(f"{text}\n")

    def _parquet(self, rows: Iterable[Row]) -> None:
        pyarrow: Any = library("pyarrow")
        listed = [{name: row[name] for name in self._names} for row in rows]
        if self._schema is None:
            known = {
                **{str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()},
                **{bool: pyarrow.bool_(), datetime.date: pyarrow.date32()},
                datetime.datetime: pyarrow.timestamp("us", tz="UTC"),
            }
            guessed = pyarrow.Table.from_pylist(listed).schema if listed else None
            self._schema = pyarrow.schema(
                (name, known[self._types[name]])
                if name in self._types
                else (name, guessed.field(name).type if guessed else pyarrow.string())
                for name in self._names
            )
            parquet: Any = library("pyarrow.parquet")
            self._writer = parquet.ParquetWriter(self._file, self._schema)
        if listed:
            self._writer.write_table(pyarrow.Table.from_pylist(listed, schema=self._schema))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime.datetime | datetime.date):
        return str(value)
    return value

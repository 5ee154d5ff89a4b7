"""What the rows of an SQLite file hold, that another tool may have written.

In: a connection, and table classes. Out: ``Finding``s, one for each column and
reason, which count the values that Atlas could not read, that are in another
form than its own, or that it would not write. SQLite itself keeps nearly any
value in any column. Changes nothing.

``scan`` and ``lost_references`` run in the connection's thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from piccolo.querystring import QueryString
from piccolo.table import Table as PiccoloTable

from atlas.check.findings import Finding, Link, Severity
from atlas.columns import Date, Decimal, Integer, ModelColumn, Timestamp
from atlas.engine.sqlite import converters
from atlas.engine.sqlite.create_table import quoted
from atlas.engine.sqlite.handle import Handle
from atlas.engine.sqlite.rebuild import StepProgress
from atlas.errors import InvalidValueError, shown
from atlas.schema.schema import Index, Kind, Schema, Table

#: How Atlas stores an instant; texts of this form sort as the instants do.
_INSTANT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")

#: Rows fetched at a time.
_ROWS = 1000

#: Seconds or milliseconds since 1970, and no date as 20260131.
_NUMBER = re.compile(r"\d{9,}")

#: Whole seconds since 1970 have fewer digits until the year 5138, milliseconds more since 1973.
_LEAST_MILLISECONDS = 100_000_000_000


@dataclass
class _Count:
    """How many values of a column have one fault, and the first of them."""

    values: int
    row: str
    value: Any


def stored_form(instant: bytes) -> str:
    """Return ISO text as Atlas stores the same instant; raise ``ValueError`` for other text."""
    return str(converters.to_timestamp(instant))


def scan(
    handle: Handle,
    tables: Iterable[type[PiccoloTable]],
    found: Schema,
    progress: StepProgress,
) -> list[Finding]:
    """Return what is wrong with the values of those tables and columns that are there."""
    findings: list[Finding] = []
    for table in tables:
        stored = found.get(table._meta.tablename)
        if stored is None:
            continue
        columns = [
            column
            for column in table._meta.columns
            if isinstance(column, ModelColumn) and column._meta.db_column_name in stored.columns
        ]
        if columns:
            findings += _scan_table(handle, stored, columns, progress)
    return findings


def _scan_table(
    handle: Handle,
    table: Table,
    columns: Sequence[ModelColumn[Any]],
    progress: StepProgress,
) -> Iterator[Finding]:
    total = handle.execute(f"SELECT count(*) AS n FROM {quoted(table.name)}")[0]["n"]
    names = [quoted(column._meta.db_column_name) for column in columns]
    # The casts take the declared types away, and with them the converters.
    key = " || ', ' || ".join(f"quote({quoted(name)})" for name in table.primary_key) or "'a row'"
    values = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in names)
    cursor = handle.cursor(f"SELECT {key}, {values} FROM {quoted(table.name)}")
    counts: dict[tuple[int, Kind], _Count] = {}
    checks = [_Check(column) for column in columns]
    rows = 0
    try:
        while batch := cursor.fetchmany(_ROWS):
            rows += len(batch)
            for row in batch:
                for place, check in enumerate(checks):
                    storage, stored = row[1 + 2 * place], row[2 + 2 * place]
                    kind = check.fault(storage, stored)
                    if kind is None:
                        continue
                    if count := counts.get((place, kind)):
                        count.values += 1
                    else:
                        counts[place, kind] = _Count(1, row[0], _value(storage, stored))
            progress(f"Reading {table.name}", rows, total)
    finally:
        cursor.close()
    for (place, kind), count in counts.items():
        yield _finding(table, columns[place], kind, count, rows)


class _Check:
    """What one column may hold."""

    def __init__(self, column: ModelColumn[Any]) -> None:
        self._column = column
        self._type = str(_declared(column))
        self._null = column._meta.null
        self._is_instant = isinstance(column, Timestamp)
        #: Whether SQLite itself makes 5.0 of a 5 that it finds, and the other way round.
        self._is_number = isinstance(column, Integer | Decimal)
        #: Texts that were looked at, and are fine: tokens, foreign keys, codes.
        self._known: set[bytes] = set()

    def fault(self, storage: str, stored: bytes | None) -> Kind | None:
        """Return what is wrong with a value; None when nothing is."""
        if stored is None:
            return None if self._null else Kind.missing_value
        if storage == "text" and stored in self._known:
            return None
        try:
            value = self._converted(storage, stored)
        except ValueError:
            return Kind.unreadable_value
        if self._is_instant and not _INSTANT.fullmatch(stored):
            return Kind.other_form
        try:
            self._column.accept(value)
        except InvalidValueError:
            return Kind.refused_value
        if storage == "text" and len(self._known) < _ROWS:
            self._known.add(stored)
        return None

    def _converted(self, storage: str, stored: bytes) -> Any:
        if self._is_number and storage in ("integer", "real"):
            number = float(stored)
            if self._type == "REAL":
                return number
            if not number.is_integer():
                raise ValueError
            return int(number) if storage == "real" else int(stored)
        if converters.is_corrupt(self._type, storage, stored):
            raise ValueError
        return converters.converted(self._type, stored)


def _declared(column: ModelColumn[Any]) -> str:
    return "REAL" if isinstance(column, Decimal) else column.column_type


def _value(storage: str, stored: bytes | None) -> Any:
    if stored is None:
        return None
    if storage == "integer":
        return int(stored)
    if storage == "real":
        return float(stored)
    return stored if storage == "blob" else stored.decode("utf-8", errors="replace")


def _finding(
    table: Table, column: ModelColumn[Any], kind: Kind, count: _Count, rows: int
) -> Finding:
    name = column._meta.db_column_name
    example = f", as {shown(count.value)} in the row {count.row}"
    return Finding(
        kind=kind,
        link=Link.database,
        app=table.app or table.name.partition("_")[0],
        table=table.name,
        name=name,
        expected=_FORMS.get(_declared(column)),
        found=f"{count.values} of {rows} rows{example if kind is not Kind.missing_value else ''}",
        remedy=_remedy(table.name, column, kind, count.value),
        severity=Severity.note if kind is Kind.refused_value else Severity.drift,
    )


_FORMS = {
    "BOOLEAN": "0 or 1",
    "DATE": "YYYY-MM-DD",
    "INTEGER": "a whole number",
    "REAL": "a number",
    "TEXT": "text",
    "TIMESTAMPTZ": "YYYY-MM-DD HH:MM:SS.ffffff+00:00",
}


def _remedy(table: str, column: ModelColumn[Any], kind: Kind, value: Any) -> str:
    name = quoted(column._meta.db_column_name)
    update = f"UPDATE {quoted(table)} SET {name} ="
    if kind is Kind.missing_value:
        return f"Give these rows a value: {update} … WHERE {name} IS NULL"
    if kind is Kind.other_form:
        return (
            "Store the same instants in the form of Atlas: atlas adopt --repair "
            "--convert-timestamps"
        )
    if kind is Kind.refused_value:
        return "They are read as they are. Before such a row is written again, correct it."
    if isinstance(column, Timestamp | Date) and _NUMBER.fullmatch(str(value)):
        # A text column has made text of the number.
        number = f"CAST({name} AS INTEGER)"
        form = "%Y-%m-%d %H:%M:%f+00:00" if isinstance(column, Timestamp) else "%Y-%m-%d"
        in_ms = int(value) >= _LEAST_MILLISECONDS
        return (
            f"Store them as text: {update} strftime('{form}', {number}"
            f"{' / 1000.0' if in_ms else ''}, 'unixepoch') WHERE {name} NOT GLOB '*[^0-9]*' "
            f"AND {number} {'>=' if in_ms else '<'} {_LEAST_MILLISECONDS}"
        )
    return f"Correct them with the tool that wrote them, or by hand: {update} … WHERE …"


def lost_references(handle: Handle) -> list[Finding]:
    """Return the references that lead to no row, counted by table and parent."""
    counts: dict[tuple[str, str], int] = {}
    for row in handle.execute("PRAGMA foreign_key_check"):
        key = row["table"], row["parent"]
        counts[key] = counts.get(key, 0) + 1
    return [
        Finding(
            kind=Kind.lost_reference,
            link=Link.database,
            app=table.partition("_")[0],
            table=table,
            name=None,
            expected=parent,
            found=f"{count} row(s)",
            remedy=(
                f"Insert the missing rows of {parent}, or correct these. They are listed by: "
                f"PRAGMA foreign_key_check({table})"
            ),
        )
        for (table, parent), count in sorted(counts.items())
    ]


async def duplicates(reader: Any, table: str, index: Index) -> Finding | None:
    """Return how many values a unique key to be made has twice; None when there are none.

    ``reader`` is an engine of either kind, or what ``reading`` gives.
    """
    columns = ", ".join(map(quoted, index.columns))
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in index.columns)
    grouped = f"FROM {quoted(table)} WHERE {present} GROUP BY {columns} HAVING count(*) > 1"
    query = f"SELECT count(*) AS n FROM (SELECT 1 AS one {grouped}) AS twice"
    rows = await reader.run_querystring(QueryString(query))
    count = rows[0]["n"]
    if not count:
        return None
    return Finding(
        kind=Kind.duplicate_values,
        link=Link.database,
        app=table.partition("_")[0],
        table=table,
        name=",".join(index.columns),
        expected=None,
        found=f"{count} value(s)",
        remedy=(
            f"Merge or delete these rows. They are listed by: SELECT {columns}, count(*) {grouped}"
        ),
    )

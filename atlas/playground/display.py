"""What a query returned, as something to read.

In: a result: dicts, objects, one of either, or a query that was not awaited; or a table.
Out: its text, drawn by rich for a terminal of a given width. Knows no shell.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from piccolo.columns import Column, ForeignKey
from piccolo.query.base import Query
from piccolo.table import Table as PiccoloTable
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: How many rows are shown at most, below each other, and beside each other where they are too wide.
_ROWS = 40
_RECORDS = 5
#: A column can be folded to about this width and still be read; a whole row needs an id's.
_NARROW = 12
_RECORD = 28

_NOTHING = Text("–", style="dim")


def text(result: Any, width: int, colour: bool) -> str | None:
    """Return ``result`` as text of at most ``width`` columns; None where its repr will do."""
    if isinstance(result, Query):
        drawn: list[Any] = [Text(str(result)), Text("Not run yet; to run it: await …", style="dim")]
    elif _is_row(result):
        values = _values(result)
        drawn = [_records([values], values, title=type(result).__name__)]
    elif isinstance(result, list) and result and all(map(_is_row, result)):
        drawn = _rows([_values(row) for row in result], width)
    else:
        return None
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False)
    console.print(*drawn, sep="\n")
    return out.getvalue().rstrip("\n")


def columns(table: type[PiccoloTable], width: int, colour: bool) -> str:
    """Return the columns of a table as text: their types, what they refer to and may hold."""
    shown = Table(
        title=f"{table.__name__}, {table._meta.tablename}",
        caption=str(table._meta.help_text or ""),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for name in ("column", "type", "null", "refers to, or is one of"):
        shown.add_column(name, overflow="fold")
    for column in table._meta.columns:
        null = "null" if column._meta.null else _NOTHING
        shown.add_row(column._meta.name, type(column).__name__, null, _holds(column))
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, highlight=False).print(shown)
    return out.getvalue().rstrip("\n")


def _holds(column: Column) -> Text:
    if isinstance(column, ForeignKey):
        return Text(column._foreign_key_meta.resolved_references.__name__)
    choices: Any = column._meta.choices
    return Text(", ".join(str(choice.value) for choice in choices)) if choices else _NOTHING


def _is_row(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(isinstance(key, str) for key in value)
    return isinstance(value, PiccoloTable)


def _values(row: Any) -> Mapping[str, Any]:
    """Return a row's values by the names of its columns."""
    if isinstance(row, PiccoloTable):
        names = [column._meta.name for column in row._meta.columns]
        return {name: getattr(row, name) for name in names}
    values: dict[str, Any] = row
    return values


def _rows(rows: Sequence[Mapping[str, Any]], width: int) -> list[Any]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        numbers = all(_is_number(row.get(name)) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows[:_ROWS]:
        table.add_row(*(_cell(row.get(name)) for name in names))
    fits = Console(width=10_000).measure(table).maximum <= width
    if fits or len(names) * _NARROW <= width:
        return [table, *_rest(_ROWS, len(rows))]
    records = min(_RECORDS, len(rows), max(1, width // _RECORD - 1))
    return [_records(rows[:records], names), *_rest(records, len(rows))]


def _records(rows: Sequence[Mapping[str, Any]], names: Iterable[str], title: str = "") -> Table:
    """Return rows beside each other, with their columns below each other."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for number in range(len(rows)):
        table.add_column(f"[{number}]" if len(rows) > 1 else "", overflow="fold")
    for name in names:
        table.add_row(name, *(_cell(row.get(name)) for row in rows))
    return table


def _rest(shown: int, count: int) -> Iterable[Text]:
    if count > shown:
        yield Text(f"{shown} of {count} rows; the others with: _[{shown}:]", style="dim")


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> Text:
    """Return a value in the form that is read most easily; control characters stay visible."""
    match value:
        case None:
            return _NOTHING
        case bool() | str():
            shown = str(value)
        case int():
            shown = str(value)
        case float():
            shown = f"{value:,.0f}" if value.is_integer() else f"{value:,}"
        case datetime.datetime():
            shown = value.isoformat(" ", "seconds").removesuffix("+00:00")
        case list():
            shown = ", ".join(_cell(each).plain for each in value)
        case dict():
            shown = ", ".join(f"{key}: {_cell(each).plain}" for key, each in value.items())
        case PiccoloTable():
            shown = _name(value)
        case _:
            shown = str(value)
    return Text("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in shown))


def _name(row: PiccoloTable) -> str:
    """Return what a person would call the row, as its class says in ``get_readable``."""
    readable = type(row).get_readable()
    columns: Sequence[Column] = readable.columns
    if any(column._meta.call_chain for column in columns):  # of a row that is not at hand
        return repr(row)
    names = [getattr(row, column._meta.name) for column in columns]
    return f"{type(row).__name__} {readable.template % tuple(names)}"

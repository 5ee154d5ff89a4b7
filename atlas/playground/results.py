"""What to do with a query's rows at the prompt: a frame, a file, a chart.

In: a query, and how to run it. Out: a polars or pandas frame, a file of CSV or JSON, or bars in the
terminal, drawn by rich. Knows no database.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from atlas.errors import AtlasError

#: Runs a coroutine in the shell's event loop, and returns its result.
Run = Callable[[Coroutine[Any, Any, Any]], Any]

#: More bars than this are no picture; the first are drawn.
_BARS = 40


class Results:
    """``frame``, ``save`` and ``chart``: each takes a query, or rows that are there already.

    At the prompt they run it themselves; in a line with ``await`` in it, await them too.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def frame(self, query: Any) -> Any:
        """Return the rows as a frame of polars, or of pandas where that is installed instead."""
        return self._of(query, _frame)

    def save(self, query: Any, path: str | Path) -> Any:
        """Write the rows to a file, ``.csv`` or ``.json``, and say how many; replace none."""
        return self._of(query, lambda rows: _save(rows, Path(path)))

    def chart(self, query: Any, *, x: Any = None, y: Any = None) -> Any:
        """Draw a bar of ``y`` for each row, called by ``x``: columns, or names in the rows.

        Where they are not given, ``x`` is the first column and ``y`` the last.
        """
        return self._of(query, lambda rows: _chart(rows, x, y))

    def _of(self, query: Any, use: Callable[[list[dict[str, Any]]], Any]) -> Any:
        async def used() -> Any:
            return use(_dicts(await query if isinstance(query, Awaitable) else query))

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._run(used())
        return used()


def _dicts(rows: Any) -> list[dict[str, Any]]:
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, Iterable) or isinstance(rows, str):
        raise AtlasError("Give a query of rows: a select, or what awaiting one returned.")
    return [row if isinstance(row, dict) else row.to_dict() for row in rows]


def _key(column: Any) -> str:
    """Return the name under which a column, or what has an alias, is in the rows."""
    if isinstance(column, str):
        return column
    if alias := getattr(column, "_alias", None):
        return str(alias)
    return str(column._meta.get_default_alias())


def _frame(rows: list[dict[str, Any]]) -> Any:
    try:
        import polars
    except ModuleNotFoundError:
        try:
            import pandas  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise AtlasError(
                "A frame needs polars or pandas. Install one: pip install polars"
            ) from None
        return pandas.DataFrame(rows)
    return polars.DataFrame(rows, infer_schema_length=None)


def _save(rows: list[dict[str, Any]], path: Path) -> None:
    if path.suffix not in (".csv", ".json"):
        raise AtlasError(f"{path} ends in {path.suffix or 'nothing'}; save writes .csv and .json.")
    try:
        with path.open("x", newline="", encoding="utf-8") as file:
            if path.suffix == ".json":
                json.dump(rows, file, default=str, ensure_ascii=False, indent=2)
            else:
                writer = csv.DictWriter(file, list(rows[0]) if rows else [])
                writer.writeheader()
                writer.writerows(rows)
    except FileExistsError:
        raise AtlasError(f"{path} is there already; choose another name or remove it.") from None
    except OSError as error:
        raise AtlasError(f"{path} cannot be written: {error.strerror}") from None
    Console(highlight=False).print(f"{len(rows)} rows: {path.resolve()}", soft_wrap=True)


def _chart(rows: list[dict[str, Any]], given_x: Any, given_y: Any) -> None:
    if not rows:
        raise AtlasError("The query found no rows, so there is nothing to draw.")
    names = [*rows[0]]
    x = names[0] if given_x is None else _key(given_x)
    y = names[-1] if given_y is None else _key(given_y)
    for name in (x, y):
        if name not in names:
            raise AtlasError(f"The rows have no {name}. They have: {', '.join(rows[0])}.")
    values = [row[y] or 0 for row in rows[:_BARS]]
    if not all(isinstance(value, int | float) for value in values):
        raise AtlasError(f"{y} is not a number in all rows; chart(query, x=..., y=...) draws y.")
    longest = max((abs(value) for value in values), default=0) or 1
    table = Table(box=None, show_header=True, pad_edge=False)
    table.add_column(x)
    table.add_column("", ratio=1)
    table.add_column(y, justify="right")
    for row, value in zip(rows, values, strict=False):
        shown = "–" if row[x] is None else str(row[x])
        table.add_row(shown, Bar(longest, 0, abs(value)), f"{value:,.0f}")
    if len(rows) > _BARS:
        table.caption = f"the first {_BARS} of {len(rows)} rows"
    Console(highlight=False).print(table)

"""Frames, files and charts of a query's rows, at the prompt and in a line with ``await``."""

from __future__ import annotations

import asyncio
import csv
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from factory import make
from piccolo.engine.base import Engine
from piccolo.query.functions import Count, Sum

from atlas import AtlasError, Order
from atlas.playground.results import Results
from atlas.query.calendar import Month, Year

ROWS = [
    {"month": "2026-01", "count": 2, "day": datetime.date(2026, 1, 5)},
    {"month": "2026-02", "count": 1, "day": None},
]


@pytest.fixture
def results() -> Results:
    return Results(asyncio.run)


@pytest.mark.parametrize("missing", [None, "polars"])
def test_a_frame_is_of_what_is_installed(
    results: Results, missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars where it is there, else pandas; with neither the error says what to install."""
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    frame = results.frame(ROWS)
    assert type(frame).__module__.startswith("pandas" if missing else "polars")
    assert list(frame.columns) == ["month", "count", "day"]
    assert list(frame["count"]) == [2, 1]
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AtlasError, match="pip install polars"):
        results.frame(ROWS)


def test_rows_are_saved(results: Results, tmp_path: Path, capsys: Any) -> None:
    """As CSV and JSON; a file that is there is never replaced."""
    results.save(ROWS, tmp_path / "x.csv")
    assert "2 rows: " in capsys.readouterr().out
    with (tmp_path / "x.csv").open(newline="") as file:
        assert [*csv.DictReader(file)][1] == {"month": "2026-02", "count": "1", "day": ""}
    results.save(ROWS, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text())[0]["day"] == "2026-01-05"
    before = (tmp_path / "x.csv").read_bytes()
    for path, said in (("x.csv", "is there already"), ("x.xls", "csv and"), ("no/x.csv", "cannot")):
        with pytest.raises(AtlasError, match=said):
            results.save(ROWS, tmp_path / path)
    assert (tmp_path / "x.csv").read_bytes() == before
    assert not (tmp_path / "x.xls").exists()


def test_a_chart_has_a_bar_for_each_row(results: Results, capsys: Any) -> None:
    """Called by x, as long as y; wrong names and values are said."""
    results.chart(ROWS, x="month", y="count")
    first, second = capsys.readouterr().out.splitlines()[1:3]
    assert first.startswith("2026-01")
    assert first.count("█") > second.count("█") > 0
    with pytest.raises(AtlasError, match=r"no total\. They have: month, count, day"):
        results.chart(ROWS, y="total")
    with pytest.raises(AtlasError, match="day is not a number"):
        results.chart(ROWS)
    with pytest.raises(AtlasError, match="no rows"):
        results.chart([])


async def test_queries_are_awaited_in_a_running_loop(
    results: Results, shared_engine: Engine[Any], capsys: Any
) -> None:
    """In a line with ``await`` it is awaited; months and years group alike on both databases."""
    await Order.delete(force=True)
    for day in (datetime.date(2025, 12, 31), datetime.date(2026, 1, 1), datetime.date(2026, 1, 31)):
        await make(Order, order_date=day, total_amount=10)
    months = Order.select(Month(Order.order_date), Sum(Order.total_amount)).group_by(
        Month(Order.order_date)
    )
    ordered = months.order_by(Month(Order.order_date))
    assert await ordered == [{"month": "2025-12", "sum": 10.0}, {"month": "2026-01", "sum": 20.0}]
    years = Order.select(Year(Order.order_date, alias="y"), Count()).group_by(
        Year(Order.order_date)
    )
    assert sorted((await years), key=str) == [{"y": "2025", "count": 1}, {"y": "2026", "count": 2}]
    instants = Order.select(Year(Order.created_at)).limit(1)
    assert await instants.first() == {"year": str(datetime.datetime.now(datetime.UTC).year)}
    frame = await results.frame(Order.select(Order.order_date, Order.total_amount))
    assert frame["total_amount"].sum() == 30
    await results.chart(ordered, x=Month(Order.order_date), y="sum")
    assert "2025-12" in capsys.readouterr().out
    with pytest.raises(TypeError, match="a column of dates"):
        Month(Order.number)

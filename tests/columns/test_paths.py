"""Every way to write a row stores the same values, and refuses the same, on both databases."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable, Iterator
from decimal import Decimal as PythonDecimal
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from databases import url_of
from factory import build, make, payload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas import TABLES, AtlasError, Param, SyncClient, sync_client
from atlas.columns import Boolean, Date, Decimal, ForeignKey, Integer, ModelColumn, Timestamp
from atlas.files import FileRows, FileWriter
from atlas.fixtures import load
from atlas.table import Table

Row = dict[str, Any]

UTC = datetime.UTC
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
VALUES: dict[type[ModelColumn[Any]], st.SearchStrategy[Any]] = {
    Integer: st.integers(-(2**31), 2**31 - 1).flatmap(
        lambda n: st.sampled_from([n, float(n), PythonDecimal(n), numpy.int64(n), str(n)])
    ),
    Decimal: st.floats(allow_nan=False, allow_infinity=False).flatmap(
        lambda x: st.sampled_from([x, numpy.float64(x), int(x) if abs(x) < 2**53 else x])
    ),
    Boolean: st.sampled_from([True, False, 1, 0, 1.0, "TRUE", "0", numpy.bool_(True)]),
    Date: st.dates().flatmap(
        lambda d: st.sampled_from([d, str(d), datetime.datetime(d.year, d.month, d.day)])
    ),
    Timestamp: st.datetimes(
        datetime.datetime(1, 1, 3), datetime.datetime(9999, 12, 29), timezones=st.just(UTC)
    ).flatmap(
        lambda at: st.sampled_from(
            [at, at.astimezone(datetime.timezone(datetime.timedelta(hours=7))), at.isoformat()]
        )
    ),
}
WRONG: dict[type[ModelColumn[Any]], list[Any]] = {
    Integer: [2**31, 2.5, "1.000", "x", True],
    Decimal: [2**53 + 1, "450.000", "1,5", True],
    Boolean: [2, "yes", 0.5],
    Date: ["2026-02-30", "03/02/2026", 5, "2026-02-03 08:00:00"],
    Timestamp: ["2026-02-03 08:00:00", 5, True],
    ForeignKey: ["nobody", 5],
}


def open_columns(table: type[Table]) -> list[Any]:
    """Return the columns of a table that may hold anything of their type."""
    keyed = {name for key in table._sync_keys for name in key}
    keyed |= {
        name
        for constraint in table._meta.constraints
        for name in constraint._meta.params.get("columns", ())
    }
    return [
        column
        for column in payload(table)
        if not (column._meta.unique or column._meta.name in keyed)
        and not isinstance(column, ForeignKey)
    ]


def a_value(column: Any) -> st.SearchStrategy[Any]:
    """Return what ``column`` takes, in many forms."""
    if column._meta.choices:
        values = st.sampled_from(list(column._meta.choices))
        strategy: Any = values.flatmap(lambda each: st.sampled_from([each, each.value]))
    else:
        strategy = VALUES.get(type(column), TEXTS)
    return st.none() | strategy if column._meta.null else strategy


# The ways to write.


def where(table: type[Table], row: Row) -> Any:
    names = [column._meta.name for column in table._key_columns]
    values = tuple(row[name] for name in names)
    return table._meta.primary_key == (values[0] if len(values) == 1 else values)


def save(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    db.run(table(**row).save())


def insert(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    db.run(table.insert(table(**row)))


def keys(table: type[Table]) -> tuple[str, ...]:
    return tuple(column._meta.name for column in table._key_columns)


def upsert(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    db.upsert(table, [row], keys(table))


def upsert_object(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    db.upsert(table, [table(**row)], keys(table))


def upsert_frame(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    frame = pandas.DataFrame({name: pandas.Series([row[name]], dtype=object) for name in row})
    db.upsert(table, frame, keys(table))


def upsert_again(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    with db.transaction():
        base = {name: row[name] for name in row if name not in names_of(open_columns(table))}
        db.run(build_and_save(table, base))
        db.upsert(table, [row], keys(table))


def sync(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    db.sync(table, [row], keys(table), scope=where(table, row))


def fixtures(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    app = (
        table._meta.app_name if hasattr(table._meta, "app_name") else table.__module__.split(".")[1]
    )
    text = json.dumps({app: {table.__name__: [plain(row)]}}, default=str)
    db.run(load(text))


def file(db: SyncClient, table: Any, row: Row, folder: Path) -> None:
    path = folder / "rows.jsonl"
    with FileWriter(path, list(row)) as writer:
        writer.add([plain(row)])
    db.upsert(table, FileRows(path), keys(table))


def update(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    with db.transaction():
        names = names_of(open_columns(table))
        db.run(build_and_save(table, {name: row[name] for name in row if name not in names}))
        if names:
            values = {name: row[name] for name in names}
            db.run(table.update(values).where(where(table, row)))


def prepared_update(db: SyncClient, table: Any, row: Row, _: Path) -> None:
    with db.transaction():
        names = names_of(open_columns(table))
        db.run(build_and_save(table, {name: row[name] for name in row if name not in names}))
        if names:
            query = table.update({name: Param(name) for name in names}).where(where(table, row))
            db.run(db.prepare(query)(**{name: row[name] for name in names}))


WAYS: list[Callable[[SyncClient, Any, Row, Path], None]] = [
    *(save, insert, upsert, upsert_object, upsert_frame, upsert_again),
    *(sync, fixtures, file, update, prepared_update),
]


def plain(row: Row) -> Row:
    """Return a row as JSON knows its values."""
    return {
        name: value.item()
        if isinstance(value, numpy.generic)
        else value.value
        if hasattr(value, "value")
        else float(value)
        if isinstance(value, PythonDecimal)
        else str(value)
        if isinstance(value, datetime.date)
        else value
        for name, value in row.items()
    }


def names_of(columns: list[Any]) -> list[str]:
    return [column._meta.name for column in columns]


async def build_and_save(table: Any, values: Row) -> None:
    await make(table, **values)


@pytest.fixture(scope="module")
def database(module_database: Any) -> Iterator[SyncClient]:
    with sync_client(url_of(module_database)) as db:
        yield db


def whole_row(db: SyncClient, table: type[Table]) -> Row:
    """Return a row of ``table`` that may be written; the rows it refers to are there."""

    async def made() -> Any:
        return await build(table)

    row = db.run(made())
    kept = row._column_names - {"created_at", "updated_at"}
    return {name: row._plain(name) for name in kept}


EXAMPLES = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@EXAMPLES
@given(data=st.data(), table=st.sampled_from(TABLES))
def test_each_way_stores_the_same(
    database: SyncClient, tmp_path_factory: pytest.TempPathFactory, data: Any, table: Any
) -> None:
    """What is read back is what was meant, whichever way it was written."""
    row = whole_row(database, table)
    row |= {column._meta.name: data.draw(a_value(column)) for column in open_columns(table)}
    columns = {column._meta.name: column for column in table._meta.columns}
    meant = {name: columns[name].accept(value) for name, value in row.items()}
    folder = tmp_path_factory.mktemp("file")
    for write in WAYS:
        write(database, table, row, folder)
        (stored,) = database.run(table.select().where(where(table, row)))
        assert {name: stored[name] for name in row} == meant, write.__name__
        database.run(table.delete().where(where(table, row)))


@EXAMPLES
@given(seed=st.integers(0, 10**6), table=st.sampled_from(TABLES))
def test_each_way_refuses_the_same(
    database: SyncClient, tmp_path_factory: pytest.TempPathFactory, seed: int, table: Any
) -> None:
    """A value that one way refuses every way refuses, and nothing is written."""
    chosen = random.Random(seed)  # noqa: S311 - no secret
    row = whole_row(database, table)
    column = chosen.choice([*open_columns(table), *table._meta.foreign_key_columns] or [None])
    if column is None:
        return
    wrong = WRONG.get(type(column), [5, 1.5, b"x"]) if not column._meta.choices else ["nothing", 5]
    row[column._meta.name] = chosen.choice(wrong)
    count = database.run(table.count())
    folder = tmp_path_factory.mktemp("file")
    for write in WAYS:
        if isinstance(column, ForeignKey) and write in (update, prepared_update, upsert_again):
            continue  # these write the references first
        if isinstance(row[column._meta.name], bytes) and write in (fixtures, file):
            continue  # JSON has none
        with pytest.raises((AtlasError, ValueError)):
            write(database, table, row, folder)
        assert database.run(table.count()) == count, write.__name__

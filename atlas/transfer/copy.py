"""All rows of a database, as of one moment, into an empty one.

In: two open clients. Out: every row of every table in the second, with its own ids and times, and
a count and a checksum of each table, which are those of the first; or an error, and the second is
as empty as before. A row is held only while it is copied. Knows no command.

The checksum is the sum of a hash of each row, of its values in Python, so that it depends neither
on the order of the rows nor on how a database stores them.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from piccolo.apps.migrations.tables import Migration
from piccolo.columns import Column
from piccolo.columns.column_types import ForeignKey
from piccolo.conf.apps import Finder
from piccolo.querystring import QueryString
from piccolo.table import Table, sort_table_classes

from atlas.client.client import Client
from atlas.engine.sqlite.create_table import quoted
from atlas.errors import AtlasError, ConfigurationError, CorruptValueError, InvalidValueError
from atlas.tables import TABLES
from atlas.transfer.targets import PostgresTarget, SQLiteTarget, Target, stored_columns

#: How many rows are read at a time.
BATCH_SIZE = 1_000

#: Called with the table, and how many rows of how many are copied in all.
OnProgress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class CopiedTable:
    """One table, which has the same rows on both sides."""

    name: str
    rows: int
    #: Of all rows, in hexadecimal.
    checksum: str


class _Sum:
    """The number of rows, and the sum of their hashes."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        total = 0
        for row in rows:
            if any(type(value) is Decimal for value in row):  # 1.50 and 1.5 are one number
                row = tuple(v.normalize() if type(v) is Decimal else v for v in row)
            digest = hashlib.blake2b(repr(row).encode(errors="surrogatepass"), digest_size=16)
            total += int.from_bytes(digest.digest(), "big")
        self.rows += len(rows)
        self._sum = (self._sum + total) % 2**128

    def of(self, table: type[Table]) -> CopiedTable:
        return CopiedTable(table._meta.tablename, self.rows, f"{self._sum:032x}")


def tables_to_copy() -> list[type[Table]]:
    """Return the 38 tables and those of the project's own apps, parents before children."""
    others = [table for table in Finder().get_table_classes() if table not in (*TABLES, Migration)]
    return [*TABLES, *sort_table_classes(others)]


async def copy(
    source: Client,
    target: Client,
    *,
    tables: Sequence[type[Table]] | None = None,
    on_progress: OnProgress | None = None,
) -> list[CopiedTable]:
    """Copy all rows of ``source``, as of one moment, into the empty ``target``, or none.

    Both have to be at the same migrations. Returns each table with the number of its rows and
    their checksum, which were read again from ``target`` before it was committed. Raises
    ``AtlasError`` when ``target`` is not empty, is at other migrations, or is ``source``, and
    ``CorruptValueError`` naming the row for a value that is none of its column's type.
    """
    chosen = list(tables) if tables is not None else tables_to_copy()
    if _place(source) == _place(target):
        raise ConfigurationError(f"{source.engine.path}: a database cannot be copied to itself.")
    if target.engine.engine_type == "cockroach":
        raise ConfigurationError(
            f"{target.engine.path}: CockroachDB cannot lock tables, nor drop and build references "
            "in one transaction, as a copy needs. Use piccolo fixtures dump and load."
        )
    await _check_migrations(source, target)
    async with source.snapshot(), target.transaction() as transaction:
        kind = SQLiteTarget if target.engine.engine_type == "sqlite" else PostgresTarget
        into: Target = kind(transaction, chosen)
        await into.prepare()
        await _check_empty(target, chosen)
        total = 0
        for table in chosen:
            total += await _count(source, table)
        copied: list[CopiedTable] = []
        done = 0
        for table in chosen:
            copied.append(await _copy_table(source, into, table, on_progress, done, total))
            done += copied[-1].rows
        await into.finish()
        for table, expected in zip(chosen, copied, strict=True):
            if (found := await _read_again(target, table)) != expected:
                raise AtlasError(
                    f"{expected.name}: the copy differs: {found.rows} rows with checksum "
                    f"{found.checksum} instead of {expected.rows} with {expected.checksum}. "
                    "Nothing was written."
                )
            if on_progress is not None:
                on_progress(f"{expected.name}: compared", done, total)
    return copied


def _place(client: Client) -> str:
    engine: Any = client.engine
    return str(getattr(engine, "config", {}).get("dsn") or engine.path)


async def _check_migrations(source: Client, target: Client) -> None:
    """Raise ``AtlasError`` unless both databases have run the same migrations."""
    found = []
    for client in (source, target):
        try:
            rows = await client.run(Migration.select(Migration.app_name, Migration.name).run())
        except Exception as error:
            raise AtlasError(
                f"{client.engine.path}: its migrations cannot be read ({error}). Make its tables "
                "with: atlas migrate"
            ) from error
        found.append({(row["app_name"], row["name"]) for row in rows})
    for client, lacking in ((target, found[0] - found[1]), (source, found[1] - found[0])):
        if lacking:
            names = ", ".join(sorted(f"{app} {name}" for app, name in lacking)[:3])
            raise AtlasError(
                f"{client.engine.path}: lacks {len(lacking)} migration(s) that the other database "
                f"has ({names}). Run there: atlas migrate. Nothing was written."
            )


async def _check_empty(target: Client, tables: Sequence[type[Table]]) -> None:
    for table in tables:
        if count := await _count(target, table):
            raise AtlasError(
                f"{target.engine.path}: {table._meta.tablename} has {count} row(s) already. A copy "
                "is made into an empty database only. Nothing was written."
            )


async def _count(client: Client, table: type[Table]) -> int:
    # Not by the table's own query: one of plain Piccolo's is tied to the engine it met first.
    sql = f"SELECT count(*) AS found FROM {quoted(table._meta.tablename)}"
    (row,) = await client.engine.run_querystring(QueryString(sql))
    return int(row["found"])


async def _copy_table(
    source: Client,
    into: Target,
    table: type[Table],
    on_progress: OnProgress | None,
    done: int,
    total: int,
) -> CopiedTable:
    columns = stored_columns(table)
    summed = _Sum()
    last: list[tuple[Any, ...]] = []

    async def rows() -> AsyncIterator[list[tuple[Any, ...]]]:
        nonlocal last
        async for last in _read(source, table, columns):
            summed.add(last)
            yield last
            if on_progress is not None:
                on_progress(table._meta.tablename, done + summed.rows, total)

    try:
        await into.write(table, columns, rows())
    except (ValueError, TypeError, OverflowError) as error:  # asyncpg's DataError is a ValueError
        raise _corrupt(table, columns, last) or error from error
    return summed.of(table)


async def _read_again(target: Client, table: type[Table]) -> CopiedTable:
    summed = _Sum()
    async for rows in _read(target, table, stored_columns(table)):
        summed.add(rows)
    return summed.of(table)


async def _read(
    client: Client, table: type[Table], columns: Sequence[Column]
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """Yield the rows of a table as Python's values, in the block that this task is in."""
    query = table.select(*(column.as_alias(column._meta.name) for column in columns))
    batch: Any = await client.engine.batch(query, BATCH_SIZE)
    await client.run(batch.__aenter__())
    try:
        while rows := await client.run(batch.next()):
            yield [tuple(row.values()) for row in rows]
    except BaseException as error:
        await batch.__aexit__(type(error), error, None)
        raise
    await batch.__aexit__(None, None, None)


def _corrupt(
    table: type[Table], columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]
) -> CorruptValueError | None:
    """Return the error that names the first value that is none of its column's."""
    key = table._meta.primary_key._meta.name
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            check = getattr(column, "accept", None)
            if check is None or isinstance(column, ForeignKey) or value is None:
                continue
            try:
                check(value)
            except InvalidValueError:
                names = [column._meta.name for column in columns]
                found = row[names.index(key)] if key in names else row[:2]
                return CorruptValueError(table._meta.tablename, column._meta.name, found, value)
    return None

"""Runs an upsert's statements in the transaction that is open, on SQLite or PostgreSQL.

In: a shape, and rows in their stored form. Out: what ``compare`` found, and the
rows that the database refused, with its errors. One refused row does not corrupt
the others: it is found, and the others are written.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import atlas.engine.log as log
from atlas.columns import utc_now
from atlas.engine.block import current_block
from atlas.engine.sqlite.connection import Connection, Result
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.handle import Handle
from atlas.errors import TransactionLostError
from atlas.ulid import new_ulid, new_ulids
from atlas.upsert import statements
from atlas.upsert.statements import Shape
from atlas.upsert.validator import stored_form

Values = tuple[Any, ...]
#: A row's place in what ``compare`` was given, the stored primary key, and what differs.
Difference = tuple[int, tuple[Any, ...] | None, int]
#: A row's place in what was to be written, and the database's error.
Refusal = tuple[int, Exception]

#: How many rows a statement of SQLite has: as many as fit, then the rest. With fifty, a step is
#: longer than the work around it; more gain nothing, and SQLite needs sixty times the text.
_SIZES = (50, 8, 1)


class Writer(Protocol):
    """Writes rows of one shape; see the statements of the same names."""

    async def compare(self, shape: Shape, rows: list[Values]) -> list[Difference]:
        """Return the rows that are new or differ."""

    async def insert(self, shape: Shape, rows: list[Values]) -> tuple[list[int], list[Refusal]]:
        """Insert rows; return the places of those that exist by now, and what was refused."""

    async def lock(self, shape: Shape, keys: list[tuple[Any, ...]]) -> None:
        """Lock the stored rows with these primary keys, in the order of the keys.

        Loaders of the same rows then wait for each other, whatever the order of
        theirs; an UPDATE of many rows locks them as it comes to them.
        """

    async def update(
        self, shape: Shape, mask: int, rows: list[tuple[Values, tuple[Any, ...]]]
    ) -> list[Refusal]:
        """Update rows, given with their primary keys; return what was refused."""

    async def vacate(self, shape: Shape, mask: int, key: tuple[Any, ...], number: int) -> None:
        """Give a stored row other unique keys than any row has, where ``mask`` changes them."""


def writer_of(engine: Any) -> Writer:
    """Return the writer for the transaction that is open on ``engine``."""
    if isinstance(engine, SQLiteEngine):
        return _SQLiteWriter(engine)
    return _PostgresWriter(engine)


class _SQLiteWriter:
    """Each call is one job in the connection's thread, which works without the event loop."""

    def __init__(self, engine: SQLiteEngine) -> None:
        self._engine = engine

    async def compare(self, shape: Shape, rows: list[Values]) -> list[Difference]:
        def job(handle: Handle) -> list[Difference]:
            found: list[Difference] = []
            for start, part in _parts(rows):
                sql = statements.compare(shape, len(part))
                for place, *key, mask in self._fetch(handle, sql, _flat(part)):
                    found.append((start + place, tuple(key) if key[0] is not None else None, mask))
            return found

        return await self._run(job)

    async def insert(self, shape: Shape, rows: list[Values]) -> tuple[list[int], list[Refusal]]:
        now = [str(utc_now())] if shape.stamped else []
        ids = _new_ids(shape, len(rows))

        def write(handle: Handle, start: int, part: list[Values]) -> None:
            sql = statements.insert(shape, len(part))
            values: Iterable[Any] = part
            if ids:
                here = ids[start : start + len(part)]
                values = chain.from_iterable(zip(zip(here, strict=True), values, strict=True))
            self._fetch(handle, sql, [*now, *chain.from_iterable(values)])

        def job(handle: Handle) -> list[Refusal]:
            refused: list[Refusal] = []
            for start, part in _parts(rows):
                try:
                    write(handle, start, part)
                except sqlite3.IntegrityError as error:
                    # SQLite undid the statement and says little; row by row it is clear.
                    if len(part) == 1:
                        refused.append((start, error))
                        continue
                    for place in range(start, start + len(part)):
                        try:
                            write(handle, place, rows[place : place + 1])
                        except sqlite3.IntegrityError as of_row:
                            refused.append((place, of_row))
            return refused

        return [], await self._run(job)

    async def lock(self, shape: Shape, keys: list[tuple[Any, ...]]) -> None:
        """Do nothing: who writes has the whole database."""

    async def update(
        self, shape: Shape, mask: int, rows: list[tuple[Values, tuple[Any, ...]]]
    ) -> list[Refusal]:
        sql = statements.update(shape, mask)
        places = [shape.names.index(name) for name in shape.changed(mask)]
        now = [str(utc_now())] * len(shape.stamps)

        def job(handle: Handle) -> list[Refusal]:
            refused: list[Refusal] = []
            for number, (row, key) in enumerate(rows):
                try:
                    self._fetch(handle, sql, [*(row[at] for at in places), *now, *key])
                except sqlite3.IntegrityError as error:
                    refused.append((number, error))
            return refused

        return await self._run(job)

    async def vacate(self, shape: Shape, mask: int, key: tuple[Any, ...], number: int) -> None:
        if values := statements.vacated(shape, mask, number):
            sql = statements.set_values(shape, tuple(values))
            await self._run(lambda handle: self._fetch(handle, sql, [*values.values(), *key]))

    async def _run(self, job: Callable[[Handle], Result]) -> Result:
        connection: Connection = _transaction(self._engine).connection

        def inside(handle: Handle) -> Result:
            handle.check_inside()
            return job(handle)

        return await connection.run(inside)

    def _fetch(self, handle: Handle, sql: str, parameters: list[Any]) -> list[Any]:
        """Run one statement, in the connection's thread."""
        start = time.perf_counter()
        with contextlib.closing(handle.cursor(sql, parameters)) as cursor:
            found = cursor.fetchall()
        if self._engine.pool is not None:
            self._engine.pool.statements += 1
        if log.is_wanted(self._engine.options):
            seconds = time.perf_counter() - start
            log.statement(self._engine.options, sql, parameters, seconds, len(found))
        return found


class _PostgresWriter:
    """Each call is one statement, or two round trips more where it may be refused."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    async def compare(self, shape: Shape, rows: list[Values]) -> list[Difference]:
        records = await self._fetch(statements.compare(shape, 0), _columns(rows))
        return [
            (place, tuple(key) if key[0] is not None else None, mask)
            for place, *key, mask in records
        ]

    async def insert(self, shape: Shape, rows: list[Values]) -> tuple[list[int], list[Refusal]]:
        sql = statements.insert(shape, 0)
        now = [utc_now()] if shape.stamped else []
        ids = [made] if (made := _new_ids(shape, len(rows))) else []
        inserted: set[tuple[Any, ...]] = set()
        key = [shape.names.index(name) for name in shape.key]

        async def write(places: range) -> None:
            here = [column[places.start : places.stop] for column in ids]
            values = _columns([rows[place] for place in places])
            inserted.update(map(tuple, await self._fetch(sql, [*now, *here, *values])))

        refused = await self._one_by_one_if_refused(write, len(rows))
        lost = {place for place, _ in refused}
        existing = [
            place
            for place, row in enumerate(rows)
            if place not in lost and tuple(row[at] for at in key) not in inserted
        ]
        return existing, refused

    async def lock(self, shape: Shape, keys: list[tuple[Any, ...]]) -> None:
        await self._fetch(statements.lock(shape), _columns(keys))

    async def update(
        self, shape: Shape, mask: int, rows: list[tuple[Values, tuple[Any, ...]]]
    ) -> list[Refusal]:
        sql = statements.update(shape, mask)
        at = [shape.names.index(name) for name in shape.changed(mask)]
        now = [utc_now()] if shape.stamps else []

        async def write(places: range) -> None:
            part = [rows[place] for place in places]
            values = _columns([(*(row[place] for place in at), *key) for row, key in part])
            await self._fetch(sql, [*now, *values])

        return await self._one_by_one_if_refused(write, len(rows))

    async def vacate(self, shape: Shape, mask: int, key: tuple[Any, ...], number: int) -> None:
        if values := statements.vacated(shape, mask, number):
            sql = statements.set_values(shape, tuple(values))
            await self._fetch(sql, [*values.values(), *key])

    async def _one_by_one_if_refused(self, write: Any, count: int) -> list[Refusal]:
        """Write all rows at once; if that is refused, one by one, to find which it is."""
        import asyncpg

        refused: list[Refusal] = []
        parts = [range(count)]
        while parts:
            places = parts.pop()
            try:
                async with self._engine.transaction():  # a savepoint
                    await write(places)
            except asyncpg.IntegrityConstraintViolationError as error:
                if len(places) == 1:
                    refused.append((places.start, error))
                else:
                    middle = (places.start + places.stop) // 2
                    parts += [range(middle, places.stop), range(places.start, middle)]
        return refused

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        start = time.perf_counter()
        records: list[Any] = await _transaction(self._engine).execute(sql, parameters)
        if log.is_wanted(self._engine.options):
            seconds = time.perf_counter() - start
            log.statement(self._engine.options, sql, parameters, seconds, len(records))
        return records


def _transaction(engine: Any) -> Any:
    """Return the transaction of this task, without which nothing here may run."""
    transaction = current_block(engine)
    if transaction is None:
        raise TransactionLostError("An upsert writes in a transaction, and this task is in none.")
    return transaction


def _new_ids(shape: Shape, count: int) -> list[Any]:
    """Return ids for new rows that lack one; nothing where the database makes them."""
    if shape.makes_id is new_ulid:
        return list(new_ulids(count))
    if shape.makes_id is None:
        return []
    key: Any = shape.table._meta.primary_key
    return [stored_form(key, shape.makes_id(), shape.engine_type) for _ in range(count)]


def _parts(rows: list[Values]) -> Iterator[tuple[int, list[Values]]]:
    """Cut ``rows`` into parts of the sizes there are statements for, each with its place."""
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield start, rows[start : start + size]
            start += size


def _flat(rows: list[Values]) -> list[Any]:
    return [*chain.from_iterable(rows)]


def _columns(rows: list[Values]) -> list[list[Any]]:
    """Return the rows' values as one list for each column."""
    return list(map(list, zip(*rows, strict=True)))

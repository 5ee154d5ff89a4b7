"""One random evolution of two apps, run on an SQLite file and in a PostgreSQL database.

In: a seed, a number of steps, a folder and a server. Out: how many migrations were applied and
taken back; an AssertionError that names the seed and the step where the two differ, a row is not
what it was, or ``check`` finds something.
"""

from __future__ import annotations

import datetime
import decimal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import catalog
from conftest import database_url, run_on_server
from databases import rows as rows_of
from piccolo.apps.migrations.commands.backwards import run_backwards
from piccolo.apps.migrations.commands.forwards import run_forwards
from random_evolution import ALPHA, BETA, Evolution
from shop import Project, quiet

from atlas.check import drift
from atlas.engine.postgres.engine import PostgresEngine
from atlas.engine.sqlite.engine import SQLiteEngine

Rows = dict[str, list[tuple[Any, ...]]]


async def evolve(seed: int, steps: int, folder: Path, server: str) -> int:
    """Change the tables ``steps`` times, make them afresh, and take all back; return how many."""
    names = {app: f"{app}{seed}x{folder.name[-1]}" for app in (ALPHA, BETA)}
    evolution = Evolution(seed, names)
    alpha = Project(folder, names[ALPHA])
    projects = {ALPHA: alpha, BETA: Project(folder, names[BETA], after=alpha)}
    database = f"atlas_evolution_{seed}_{folder.name[-1]}"
    async with _engines(folder, server, database) as engines:
        one = _Run(evolution, projects, engines, seed)
        await one.begin()
        for _ in range(steps):
            await one.step()
        async with _engines(folder, server, f"{database}_fresh") as fresh:
            await one.check_afresh(fresh)
        await one.take_all_back()
        return one.count


@asynccontextmanager
async def _engines(folder: Path, server: str, name: str) -> AsyncIterator[tuple[Any, Any]]:
    await run_on_server(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await run_on_server(server, f"CREATE DATABASE {name} STRATEGY FILE_COPY")
    sqlite = SQLiteEngine(str(folder / f"{name}.db"))
    yield sqlite, PostgresEngine(database_url(server, name))
    await sqlite.close_connection_pool()
    await run_on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


class _Run:
    """The state: the schema after each migration, for the way back."""

    def __init__(
        self, evolution: Evolution, projects: dict[str, Project], engines: Any, seed: int
    ) -> None:
        self._evolution = evolution
        self._projects = projects
        self._engines = engines
        self._where = f"seed {seed}"
        self._apps: list[str] = []
        self._schemas: list[Any] = []
        self.count = 0

    async def begin(self) -> None:
        for app, project in self._projects.items():
            project.write(self._evolution.text(app))
            assert await project.new(self._engines[0]) is not None
        await self._forwards(self._engines)
        await self._insert()
        self._schemas.append(await self._checked(self._engines))

    async def step(self) -> None:
        step = self._evolution.step()
        self._where = f"{self._where.partition(',')[0]}, step {len(self._apps) + 1}: {step.what}"
        project = self._projects[step.app]
        project.write(self._evolution.text(step.app))
        written = await project.new(self._engines[0], is_rename=step.is_rename, words=step.words)
        assert written is not None, self._where
        # The other app's tables are the same, though what they reference may have another name.
        other = self._projects[BETA if step.app == ALPHA else ALPHA]
        if other is self._projects[BETA]:
            other.write(self._evolution.text(BETA))
            assert await other.new(self._engines[0]) is None, f"{self._where}: beta changes too"
        await self._forwards(self._engines)
        self._apps.append(step.app)
        self.count += 1
        self._schemas.append(await self._checked(self._engines))
        await self._insert()

    async def check_afresh(self, engines: Any) -> None:
        """Make the database from nothing: it is the one that the steps came to."""
        await self._forwards(engines)
        assert await self._checked(engines) == self._schemas[-1], f"{self._where}: afresh"

    async def take_all_back(self) -> None:
        """Take the steps back one by one: the schema is again what it was, on both."""
        while self._apps:
            app = self._apps.pop()
            self._where = f"{self._where.partition(',')[0]}, back from step {len(self._apps) + 1}"
            for engine in self._engines:
                with self._projects[BETA].using(engine), quiet():
                    done = await run_backwards(
                        self._projects[app].app, migration_id="1", auto_agree=True
                    )
                    assert done.success, f"{self._where}: {done.message}"
            self._schemas.pop()
            self.count += 1
            assert await self._same(self._engines) == self._schemas[-1], self._where

    async def _forwards(self, engines: Any) -> None:
        for engine in engines:
            with self._projects[BETA].using(engine), quiet():
                done = await run_forwards("all")
                assert done.success, f"{self._where}: {done.message}"

    async def _insert(self) -> None:
        for table, row in self._evolution.rows():
            names = ", ".join(row)
            values = ", ".join(map(repr, row.values()))
            for engine in self._engines:
                await engine.run_ddl(f"INSERT INTO {table} ({names}) VALUES ({values})")

    async def _checked(self, engines: Any) -> Any:
        """Return the schema, after ``atlas check`` has found nothing in either database."""
        for engine in engines:
            with self._projects[BETA].using(engine):
                found = (await drift.check()).drift
            assert not found, f"{self._where}: {engine.path}: {[f.message for f in found]}"
        return await self._same(engines)

    async def _same(self, engines: Any) -> Any:
        """Return the schema of both databases, which hold the same rows in it."""
        file_engine, postgres = engines
        connection = await asyncpg.connect(dsn=postgres.config["dsn"])
        try:
            theirs = _plain(await catalog.read_postgres(connection))
        finally:
            await connection.close()
        with closing(sqlite3.connect(file_engine.path)) as file:
            ours = _plain(catalog.read_sqlite(file))
        assert ours == theirs, self._where
        tables = sorted(ours)
        found = [
            await _rows(f"file:{file_engine.path}", ours, tables),
            await _rows(postgres.config["dsn"], ours, tables),
        ]
        assert found[0] == found[1], self._where
        return ours


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without what one database alone has, and the order of columns."""
    return {
        name: replace(table, columns=tuple(sorted(table.columns, key=str)), extras=())
        for name, table in schema.items()
    }


async def _rows(url: str, schema: dict[str, Any], tables: list[str]) -> Rows:
    found = {}
    for table in tables:
        names = ", ".join(sorted(column.name for column in schema[table].columns))
        rows = await rows_of(url, f"SELECT {names} FROM {table} ORDER BY id")
        found[table] = [tuple(map(_value, row)) for row in rows]
    return found


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime.date | decimal.Decimal):
        return str(value)
    return value

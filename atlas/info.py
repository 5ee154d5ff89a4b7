"""What is in a database: its tables with their rows, sizes and last changes, and its migrations.

In: an open client. Out: one ``DatabaseInfo``, of one moment. It only reads.
"""

from __future__ import annotations

import datetime
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from atlas.client.client import Client
from atlas.client.own_tables import own_tables
from atlas.table import Table
from atlas.tables import TABLES, Entity

#: The seven apps, in the order in which they depend on each other.
_APPS = tuple(dict.fromkeys(table._meta.tablename.partition("_")[0] for table in TABLES))

#: What names a migration in its file.
_ID = re.compile(r'^ID = "(.+)"$', re.MULTILINE)

#: How many rows say how long the rows of a table are, where the database does not.
_SAMPLE = 200

#: How many bytes SQLite needs for a row beside its values, and for each value in it.
_ROW_BYTES, _VALUE_BYTES = 6, 1
#: And about how many for a row's entry in an index, which is mostly an id.
_ENTRY_BYTES = 36


@dataclass(frozen=True)
class TableInfo:
    """One table. What is not known is None: all of it when the table is not there."""

    app: str
    name: str
    rows: int | None
    #: Bytes, with the table's indexes.
    size: int | None
    #: The newest ``updated_at``.
    changed_at: datetime.datetime | None


@dataclass(frozen=True)
class DatabaseInfo:
    """A database and its 38 tables, in the order in which they are created."""

    #: The path, or the URL with its password masked.
    location: str
    #: As "SQLite 3.45.1".
    version: str
    #: Bytes; on SQLite of the file, and of the -wal file beside it.
    size: int | None
    wal_size: int | None
    #: SQLite's only.
    journal_mode: str | None
    #: Whether the tables' sizes are estimates: this SQLite was built without dbstat.
    sizes_are_estimates: bool
    #: Of this version's migrations the names of those that were run, and of those that were not.
    migrations_applied: list[str]
    migrations_pending: list[str]
    #: Those that were run and that this version does not have: a newer one made the database.
    migrations_unknown: list[str]
    #: What whoever runs this database should know of its library.
    warnings: list[str]
    tables: list[TableInfo]


async def read(
    client: Client, progress: Callable[[str], object] = lambda table: None
) -> DatabaseInfo:
    """Return what is in the database of the open ``client``.

    ``progress`` is called with the name of each table before it is counted,
    which takes a look at every row.
    """
    async with client.snapshot():
        database = _SQLite(client) if client.engine.engine_type == "sqlite" else _Server(client)
        there = await database.table_names()
        every = [*TABLES, *own_tables()]
        tables = [table for table in every if table._meta.tablename in there]
        rows: dict[str, int] = {}
        changes: dict[str, datetime.datetime | None] = {}
        for table in tables:
            name = table._meta.tablename
            progress(name)
            rows[name] = await table.count()
            changes[name] = await _changed_at(table)
        progress("sizes")
        sizes = await database.table_sizes(tables, rows)
        ours, run = _migrations(), await _migrations_run(there)
        return DatabaseInfo(
            location=client.engine.path,
            version=await database.version(),
            size=await database.size(),
            wal_size=database.wal_size(),
            journal_mode=await database.journal_mode(),
            sizes_are_estimates=database.sizes_are_estimates,
            migrations_applied=[name for name in ours if name in run],
            migrations_pending=[name for name in ours if name not in run],
            migrations_unknown=sorted(run.difference(ours)),
            warnings=client.engine.library_warnings(),
            tables=[
                TableInfo(
                    app=name.partition("_")[0],
                    name=name,
                    rows=rows.get(name),
                    size=sizes.get(name),
                    changed_at=changes.get(name),
                )
                for name in (table._meta.tablename for table in every)
            ],
        )


async def _changed_at(table: type[Table]) -> datetime.datetime | None:
    """Return the newest ``updated_at``; from the index where there is one."""
    stamps: Any = table._meta.auto_update_columns
    if not stamps:
        return None
    newest = await table.select(stamps[0]).order_by(stamps[0], ascending=False).first()
    return newest[stamps[0]._meta.name] if newest else None


def _migrations() -> list[str]:
    """Return the migrations of the seven apps, as "core 2026-11-23T07:02:14:247451"."""
    names = []
    for app in _APPS:
        for file in resources.files(f"atlas.{app}.piccolo_migrations").iterdir():
            if file.name.endswith(".py") and (found := _ID.search(file.read_text("utf-8"))):
                names.append(f"{app} {found[1]}")
    return sorted(names, key=lambda name: name.partition(" ")[2])


async def _migrations_run(tables: set[str]) -> set[str]:
    if "migration" not in tables:
        return set()
    rows = await Entity.raw("SELECT app_name, name FROM migration")
    return {f"{row['app_name']} {row['name']}" for row in rows if row["app_name"] in _APPS}


class _SQLite:
    """What only SQLite can be asked in this way."""

    sizes_are_estimates = False

    def __init__(self, client: Client) -> None:
        self._path = client.engine.path

    async def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    async def journal_mode(self) -> str:
        (row,) = await Entity.raw("SELECT journal_mode FROM pragma_journal_mode")
        return str(row["journal_mode"]).upper()

    async def size(self) -> int | None:
        return _file_size(self._path)

    def wal_size(self) -> int | None:
        return _file_size(f"{self._path}-wal")

    async def table_names(self) -> set[str]:
        rows = await Entity.raw("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {row["name"] for row in rows}

    async def table_sizes(
        self, tables: Sequence[type[Table]], rows: dict[str, int]
    ) -> dict[str, int]:
        """Return the bytes of each table with its indexes."""
        try:
            found = await Entity.raw(
                "SELECT tbl_name, sum(pgsize) AS size FROM dbstat AS stat"
                " JOIN sqlite_master AS master ON master.name = stat.name"
                " WHERE aggregate = TRUE GROUP BY tbl_name"
            )
        except sqlite3.OperationalError as error:
            if "dbstat" not in str(error):
                raise
            self.sizes_are_estimates = True
            return await self._estimates(tables, rows)
        return {row["tbl_name"]: row["size"] for row in found}

    async def _estimates(
        self, tables: Sequence[type[Table]], rows: dict[str, int]
    ) -> dict[str, int]:
        """Give each table and index a page, and share the others out by what the rows may need.

        That is their number, times the length of a few of them.
        """
        (file,) = await Entity.raw(
            "SELECT page_size, page_count - freelist_count AS pages"
            " FROM pragma_page_size, pragma_page_count, pragma_freelist_count"
        )
        least, wanted = {}, {}
        for table in tables:
            name = table._meta.tablename
            values = " + ".join(
                f"{_VALUE_BYTES} + coalesce(length(CAST({column._meta.db_column_name} AS BLOB)), 0)"
                for column in table._meta.columns
            )
            (sample,) = await Entity.raw(
                f"SELECT avg({_ROW_BYTES} + {values}) AS bytes"
                f" FROM (SELECT * FROM {name} LIMIT {_SAMPLE})"
            )
            (indexes,) = await Entity.raw("SELECT count(*) AS n FROM pragma_index_list({})", name)
            least[name] = (1 + indexes["n"]) * file["page_size"]
            length = (sample["bytes"] or 0) + _ENTRY_BYTES * indexes["n"]
            wanted[name] = max(0, rows[name] * length - least[name])
        left = max(0, file["page_size"] * file["pages"] - sum(least.values()))
        share = left / (sum(wanted.values()) or 1)
        return {name: round(least[name] + wanted[name] * share) for name in least}


class _Server:
    """What only PostgreSQL can be asked in this way."""

    sizes_are_estimates = False

    def __init__(self, client: Client) -> None:
        self._is_cockroach = client.engine.engine_type == "cockroach"

    async def version(self) -> str:
        (row,) = await Entity.raw("SELECT version() AS version")
        return " ".join(str(row["version"]).split()[:2])

    async def journal_mode(self) -> None:
        return None

    async def size(self) -> int | None:
        if self._is_cockroach:  # which has no such function
            return None
        (row,) = await Entity.raw("SELECT pg_database_size(current_database()) AS size")
        return int(row["size"])

    def wal_size(self) -> None:
        return None

    async def table_names(self) -> set[str]:
        rows = await Entity.raw(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        return {row["table_name"] for row in rows}

    async def table_sizes(
        self, tables: Sequence[type[Table]], rows: dict[str, int]
    ) -> dict[str, int]:
        """Return the bytes of each table with its indexes."""
        if self._is_cockroach:
            return {}
        found = await Entity.raw(
            "SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        return {row["relname"]: row["size"] for row in found}


def _file_size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None

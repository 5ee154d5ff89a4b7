"""The ``migration`` table: which migrations were applied, when, and from which text.

In: an engine. Out: its rows, and changes to them in the transaction the caller is
in. The table is Piccolo's own (apps/migrations/tables.py), so stock commands read
it; one column more, ``file_sha256``, tells whether a file was edited after it was
applied. Knows no migration file but to hash it.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from piccolo.apps.migrations.tables import Migration
from piccolo.querystring import QueryString

from atlas.engine.factory import AtlasEngine

_TABLE = Migration._meta.tablename
_HASH = "file_sha256"

_SQLITE_COLUMNS = f"SELECT name FROM pragma_table_info('{_TABLE}')"
# to_regclass finds the table that a statement would, on any search path.
_POSTGRES_COLUMNS = (
    f"SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass('{_TABLE}')"
    " AND attnum > 0 AND NOT attisdropped"
)


@dataclass(frozen=True)
class Applied:
    """A migration that the database has."""

    app_name: str
    #: The ``ID`` in its file.
    name: str
    #: When it was applied, by the clock of the machine that did it; Piccolo keeps no zone.
    ran_on: datetime.datetime
    #: The hash of its file then; None when stock Piccolo applied it.
    file_sha256: str | None


def file_sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's text as 64 hex digits, the same for any line endings."""
    text = Path(path).read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return hashlib.sha256(text).hexdigest()


async def applied(engine: AtlasEngine) -> list[Applied]:
    """Return the migrations that were applied, the first one first; [] without the table.

    Changes nothing. Raises ``DatabaseFileError`` when there is no file.
    """
    columns = await _columns(engine)
    if not columns:
        return []
    stored = _HASH if _HASH in columns else f"NULL AS {_HASH}"
    rows = await engine.run_querystring(
        QueryString(f"SELECT app_name, name, ran_on, {stored} FROM {_TABLE} ORDER BY ran_on, id")
    )
    return [
        Applied(row["app_name"], row["name"], row["ran_on"], row["file_sha256"]) for row in rows
    ]


async def prepare(engine: AtlasEngine) -> None:
    """Make the table, or the column that stock Piccolo's lacks; before ``record``."""
    columns = await _columns(engine)
    if not columns:
        for statement in Migration.create_table().ddl:
            await engine.run_ddl(statement)
    if _HASH not in columns:
        await engine.run_ddl(f"ALTER TABLE {_TABLE} ADD COLUMN {_HASH} TEXT")


async def record(engine: AtlasEngine, app_name: str, name: str, sha256: str | None) -> None:
    """Note that a migration was applied now, from a file with this hash."""
    await engine.run_querystring(
        QueryString(
            f"INSERT INTO {_TABLE} (app_name, name, ran_on, {_HASH})"
            " VALUES ({}, {}, {}, {})",
            app_name,
            name,
            datetime.datetime.now(),
            sha256,
        )
    )


async def forget(engine: AtlasEngine, app_name: str, name: str) -> None:
    """Note that a migration was taken back."""
    await engine.run_querystring(
        QueryString(f"DELETE FROM {_TABLE} WHERE app_name = {{}} AND name = {{}}", app_name, name)
    )


async def _columns(engine: AtlasEngine) -> set[str]:
    """Return the names of the table's columns; none when there is no table."""
    in_sqlite = engine.engine_type == "sqlite"
    rows = await engine.run_querystring(
        QueryString(_SQLITE_COLUMNS if in_sqlite else _POSTGRES_COLUMNS)
    )
    return {row["name"] for row in rows}

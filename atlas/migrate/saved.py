"""Rows saved to a file before they are dropped, and put back.

In: a table, or a column of it. Out: a file with a JSON object for each row,
and later its rows in the database again. The file is complete or not there.
"""

from __future__ import annotations

import contextvars
import datetime
import decimal
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from piccolo.querystring import QueryString

from atlas.engine.sqlite.create_table import quoted
from atlas.engine.sqlite.files import MEMORY
from atlas.errors import SchemaChangeError
from atlas.schema.relation import relation, schema_of

_ROWS_AT_ONCE = 500

#: Whether the task only looks what a migration would do.
is_off: contextvars.ContextVar[bool] = contextvars.ContextVar("atlas_saves_no_rows", default=False)


@dataclass(frozen=True)
class SavedFile:
    """A file of saved rows, and what was there under its name before."""

    path: Path
    #: Where that was moved to; None when there was nothing, or the same.
    moved: Path | None
    #: The file was there already, just as it was to be written.
    is_old: bool

    def take_away(self) -> None:
        """Put things back as they were before the file was written."""
        if self.is_old:
            return
        self.path.unlink(missing_ok=True)
        if self.moved is not None:
            self.moved.rename(self.path)


#: The files that the task's run has written, for it to name or to take away again.
written: contextvars.ContextVar[list[SavedFile] | None] = contextvars.ContextVar(
    "atlas_saved_files", default=None
)


def path_of(engine: Any, app_name: str, migration_id: str, table: str, column: str | None) -> Path:
    """Return where the rows of a table are saved, unless a migration says where.

    The name is that of the database, on PostgreSQL with its server, of the app, the migration,
    the table and the column.
    """
    if engine.engine_type == "sqlite" and engine.path != MEMORY:
        folder, name = Path(engine.path).parent, Path(engine.path).name
    else:
        folder, name = Path.cwd(), _database_name(engine.path)
    table = ".".join(filter(None, (schema_of(table), table)))
    place = table if column is None else f"{table}.{column}"
    return folder / f"{name}.{app_name}.{re.sub(r'[^0-9T]', '_', migration_id)}.{place}.jsonl"


def is_there(path: Path) -> bool:
    """Return whether there is a file of saved rows."""
    return path.exists()


def _database_name(url: str) -> str:
    """Return the server and database of a URL in letters that a file's name may have.

    Two servers that differ in a letter which it may not have differ in the digest.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    server = [parts.netloc.rpartition("@")[2], *options.get("host", ()), *options.get("port", ())]
    said = "-".join(filter(None, (*server, parts.path.strip("/"))))
    name = re.sub(r"\W+", "_", said).strip("_")[-60:] or "database"
    return f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


async def save(
    engine: Any, path: Path, table: str, columns: Sequence[str], keys: Sequence[str]
) -> int:
    """Write the columns of all rows to ``path``, and return how many.

    What another run saved there before is kept under a name with a number. In a
    preview no file is written.
    """
    # Without their declared types SQLite's values come as they are stored.
    stored = "coalesce({0}, NULL) AS {0}" if engine.engine_type == "sqlite" else "{0}"
    names = ", ".join(stored.format(quoted(name)) for name in dict.fromkeys((*keys, *columns)))
    order = f" ORDER BY {', '.join(map(quoted, keys))}" if keys else ""
    rows = await engine.run_querystring(
        QueryString(f"SELECT {names} FROM {relation(table)}{order}")
    )
    if is_off.get():
        return len(rows)
    text = "".join(
        json.dumps(dict(row), ensure_ascii=False, default=_to_json) + "\n" for row in rows
    )
    try:
        file = _write(path, text)
    except OSError as error:
        raise SchemaChangeError(
            f"{table}: its rows cannot be saved to {path} ({error.strerror}), so nothing was "
            "changed. Make room there, or name another file: save_rows(manager, …, path=…)"
        ) from error
    if (files := written.get()) is not None:
        files.append(file)
    return len(rows)


def _write(path: Path, text: str) -> SavedFile:
    moved = None
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return SavedFile(path, None, is_old=True)
        moved = _free(path)
        path.rename(moved)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        partial.chmod(0o600)  # it holds what the database holds
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return SavedFile(path, moved, is_old=False)


async def restore_table(engine: Any, path: Path, table: str) -> int:
    """Insert the rows of a file into the table they are from, and return how many.

    On PostgreSQL they are put together first, in a table without keys: a row may reference
    one that comes later in the file.
    """
    count, names, target = 0, "", table
    if engine.engine_type != "sqlite":
        target = f"_atlas_{table}"[:63]
        await engine.run_ddl(f"CREATE TEMP TABLE {quoted(target)} (LIKE {relation(table)})")
    into = quoted(target) if target != table else relation(table)
    for rows in _chunks(path):
        names = ", ".join(map(quoted, rows[0]))
        source = _source(engine, table, list(rows[0]))
        insert = f"INSERT INTO {into} ({names}) SELECT {names} FROM {source}"
        await engine.run_querystring(QueryString(insert, json.dumps(rows)))
        count += len(rows)
    if target != table:
        if count:
            insert = f"INSERT INTO {relation(table)} ({names}) SELECT {names} FROM {quoted(target)}"
            await engine.run_querystring(QueryString(insert))
        await engine.run_ddl(f"DROP TABLE {quoted(target)}")
    return count


async def restore_column(
    engine: Any, path: Path, table: str, column: str, keys: Sequence[str]
) -> int:
    """Put the values of a file into the rows that are still there; return how many it holds."""
    count = 0
    for rows in _chunks(path):
        source = _source(engine, table, [*keys, column])
        matches = " AND ".join(f"{relation(table)}.{quoted(key)} = s.{quoted(key)}" for key in keys)
        update = f"UPDATE {relation(table)} SET {quoted(column)} = s.{quoted(column)}"
        await engine.run_querystring(
            QueryString(f"{update} FROM {source} WHERE {matches}", json.dumps(rows))
        )
        count += len(rows)
    return count


def _source(engine: Any, table: str, columns: Sequence[str]) -> str:
    """Return SQL for rows, given as JSON, in the types of the table's columns."""
    if engine.engine_type != "sqlite":
        return f"jsonb_populate_recordset(NULL::{relation(table)}, CAST({{}} AS jsonb)) AS s"
    values = ", ".join(
        f"json_extract(value, '$.{quoted(name)}') AS {quoted(name)}" for name in columns
    )
    return f"(SELECT {values} FROM json_each({{}})) AS s"


def _chunks(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        while rows := [json.loads(line) for line in islice(file, _ROWS_AT_ONCE)]:
            yield rows


def _free(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.timedelta | decimal.Decimal | uuid.UUID):
        return str(value)
    raise SchemaChangeError(
        f"A value of the type {type(value).__name__} cannot be saved as JSON, so nothing was "
        "changed. Save it in the migration yourself, with add_raw, and say allow_loss(…)."
    )

"""An SQLite table, built again with another definition and the same rows.

In: a connection in a transaction without foreign keys, a table, its new
definition. Out: the table changed, with its rows, indexes and triggers, and
every view and trigger elsewhere as it was; or ``SchemaChangeError``, and the
transaction is to be rolled back. The steps are numbered as in
https://www.sqlite.org/lang_altertable.html#otheralter
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Mapping

from atlas.engine.sqlite.create_table import Definition, quoted
from atlas.engine.sqlite.handle import Handle
from atlas.errors import SchemaChangeError

#: Called with what is being done, how much of it is done, and how much there is, both in the
#: same unit (rows, pages). ``done == total`` is the last call.
StepProgress = Callable[[str, int, int], None]

#: Rows copied by one statement, between two calls of the progress.
_CHUNK = 20_000

_SHOWN_ROWS = 5

_compiled = itertools.count()


def rebuild(
    handle: Handle,
    table: str,
    definition: Definition,
    values: Mapping[str, str] | None = None,
    progress: StepProgress | None = None,
) -> None:
    """Give ``table`` the ``definition`` and keep its rows.

    ``values`` holds, for columns that are not simply copied, an SQL expression
    over the old columns.
    """
    run = handle.execute
    # 1. Foreign keys are off, or DROP TABLE would delete the rows of other tables by cascade.
    # 2. The transaction has begun: they cannot be switched off inside it.
    if run("PRAGMA foreign_keys")[0]["foreign_keys"]:
        raise SchemaChangeError(
            f"{table}: SQLite can make this change only by building the table again, without "
            "foreign keys. Do it in a migration, or inside: "
            "async with atlas.migrate.schema_transaction(engine)"
        )
    # 3. Remember what belongs to the table, and what the schema is otherwise.
    own = _objects(handle, "tbl_name = ? COLLATE NOCASE AND type <> 'table'", table)
    others = _objects(handle, "tbl_name <> ? COLLATE NOCASE", table)
    broken = set(unusable(handle))
    sequence = _sequence(handle, table)
    analyzed = _is_analyzed(handle, table)
    # 4. Make the new table under another name.
    new = f"_atlas_new_{table}"
    run(definition.sql(new))
    # 5. Copy the rows, and compare them.
    copy = _Copy(handle, table, new, definition, values or {})
    copy.run(progress)
    copy.compare()
    # 6. Drop the old table.
    run(f"DROP TABLE {quoted(table)}")
    # 7. Rename the new one. The legacy way leaves the text of views and triggers alone, which
    #    name a table that is not there at this moment.
    run("PRAGMA legacy_alter_table = ON")
    try:
        run(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}")
    finally:
        run("PRAGMA legacy_alter_table = OFF")
    # 8. Make its indexes and triggers again.
    for sql in own.values():
        run(sql)
    if sequence is not None:
        run("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (sequence, table))
    if analyzed:
        run(f"ANALYZE {quoted(table)}")
    # 9. Views stay as they are; what no longer works with the new columns is in the way.
    if found := sorted(set(unusable(handle)) - broken):
        raise SchemaChangeError(
            f"{table}: is not changed, because these would no longer work: {', '.join(found)}. "
            "Drop them in the migration, with add_raw, and make them again after it."
        )
    if own != _objects(handle, "tbl_name = ? COLLATE NOCASE AND type <> 'table'", table) or (
        others != _objects(handle, "tbl_name <> ? COLLATE NOCASE", table)
    ):
        raise SchemaChangeError(
            f"{table}: is not changed, because an index, trigger, view or other table would not be "
            "as it was. This is a fault of Atlas; please report it with the output of: .schema"
        )
    # 10. to 12. The foreign keys are checked, and switched on again, when the transaction ends.


class _Copy:
    """The rows of a table on their way into the new one."""

    def __init__(
        self,
        handle: Handle,
        old: str,
        new: str,
        definition: Definition,
        values: Mapping[str, str],
    ) -> None:
        self._run = handle.execute
        self._old, self._new = old, new
        old_columns = {name.lower(): name for name, _ in _columns(handle, old)}
        new_columns = _columns(handle, new)
        #: Each column of the new table, and the expression that its value comes from.
        self._sources = {
            name: values.get(name) or quoted(old_columns[name.lower()])
            for name, _ in new_columns
            if name in values or name.lower() in old_columns
        }
        self._written = [
            name for name, generated in new_columns if name in self._sources and not generated
        ]
        self._rowid = self._find_rowid(definition, {*old_columns})

    def _find_rowid(self, definition: Definition, taken: set[str]) -> str | None:
        """Return the name under which both tables have a rowid to keep; None when they do not."""
        without = "SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'"
        if not definition.has_rowid:
            return None
        keys = definition.primary_key
        if (
            len(keys) == 1
            and definition.column(keys[0]).type.upper() == "INTEGER"
            and not self._run(without, (self._new,))
        ):
            return None  # the key is the rowid, and is copied as a column
        taken = taken | {column.name.lower() for column in definition.columns}
        return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)

    def run(self, progress: StepProgress | None) -> None:
        names = ", ".join(map(quoted, self._written))
        sources = ", ".join(self._sources[name] for name in self._written)
        old, new, rowid = quoted(self._old), quoted(self._new), self._rowid
        total = self._count(self._old)
        try:
            if rowid is None:
                self._run(f"INSERT INTO {new} ({names}) SELECT {sources} FROM {old}")
                if progress is not None:
                    progress(self._old, total, total)
                return
            insert = (
                f"INSERT INTO {new} ({rowid}, {names}) SELECT {rowid}, {sources} FROM {old}"
                f" WHERE {rowid} >= ? ORDER BY {rowid} LIMIT {_CHUNK}"
            )
            start, done = self._edge("min", self._old), 0
            while done < total:
                self._run(insert, (start,))
                done = min(done + _CHUNK, total)
                if done < total:
                    start = self._edge("max", self._new) + 1
                if progress is not None:
                    progress(self._old, done, total)
        except sqlite3.IntegrityError as error:
            reason = str(error).replace(self._new, self._old)
            raise SchemaChangeError(
                f"{self._old}: its rows do not fit the new definition, so nothing was changed: "
                f"{reason}"
            ) from error

    def compare(self) -> None:
        """Raise ``SchemaChangeError`` unless each row arrived, and as it was."""
        before, after = self._count(self._old), self._count(self._new)
        differing = self._differing()
        if before == after and not differing:
            return
        raise SchemaChangeError(
            f"{self._old}: had {before} rows and would have {after} after the change, of which "
            f"these differ: {'; '.join(differing) or 'none'}. Nothing was changed."
        )

    def _differing(self) -> list[str]:
        old, new, rowid = quoted(self._old), quoted(self._new), self._rowid
        sources = [f"{source} AS {quoted(name)}" for name, source in self._sources.items()]
        if not sources:
            return []
        if rowid is None:
            ours = f"SELECT {', '.join(sources)} FROM {old}"
            theirs = f"SELECT {', '.join(map(quoted, self._sources))} FROM {new}"
            query = (
                f"SELECT * FROM ({ours} EXCEPT {theirs}) UNION ALL"
                f" SELECT * FROM ({theirs} EXCEPT {ours})"
            )
            return [str(tuple(row.values())) for row in self._run(f"{query} LIMIT {_SHOWN_ROWS}")]
        differs = " OR ".join(f"a.{quoted(name)} IS NOT b.{quoted(name)}" for name in self._sources)
        query = (
            f"SELECT a._rowid AS r FROM (SELECT {rowid} AS _rowid, {', '.join(sources)} FROM {old})"
            f" AS a LEFT JOIN {new} AS b ON b.{rowid} = a._rowid"
            f" WHERE b.{rowid} IS NULL OR {differs} LIMIT {_SHOWN_ROWS}"
        )
        return [f"rowid {row['r']}" for row in self._run(query)]

    def _edge(self, which: str, table: str) -> int:
        rows = self._run(f"SELECT {which}({self._rowid}) AS edge FROM {quoted(table)}")
        return int(rows[0]["edge"] or 0)

    def _count(self, table: str) -> int:
        return int(self._run(f"SELECT count(*) AS n FROM {quoted(table)}")[0]["n"])


def _columns(handle: Handle, table: str) -> list[tuple[str, bool]]:
    """Return the columns of a table, and whether each is generated."""
    query = "SELECT name, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1"
    return [(row["name"], bool(row["hidden"])) for row in handle.execute(query, (table,))]


def _objects(handle: Handle, condition: str, table: str) -> dict[tuple[str, str], str]:
    """Return the SQL of what is in the schema, by kind and name."""
    query = f"SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND {condition}"
    rows = handle.execute(f"{query} ORDER BY type, name", (table,))
    return {
        (row["type"], row["name"]): row["sql"]
        for row in rows
        if not row["name"].startswith("sqlite_")
    }


def unusable(handle: Handle) -> Iterable[str]:
    """Yield the views and triggers that SQLite cannot run, and why."""
    query = "SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('view', 'trigger')"
    tables: dict[str, list[str]] = {}
    for row in handle.execute(query):
        if row["type"] == "trigger":
            tables.setdefault(row["tbl_name"], []).append(row["name"])
            continue
        try:
            _compile(handle, f"SELECT * FROM {quoted(row['name'])}")
        except sqlite3.Error as error:
            yield f"view {row['name']} ({error})"
    for table, triggers in tables.items():
        for statement in _statements(handle, table):
            try:
                _compile(handle, statement)
            except sqlite3.Error as error:
                yield f"trigger {' or '.join(sorted(triggers))} ({error})"


def _compile(handle: Handle, statement: str) -> None:
    """Let SQLite compile a statement as the schema is now, and not run it.

    Its text is a new one each time. The driver keeps statements by their text, and SQLite does
    not compile an EXPLAIN again when the schema has changed: it would show the old program, of
    tables that are gone, or crash on what they were freed with.
    """
    handle.execute(f"EXPLAIN /* {next(_compiled)} */ {statement}")


def _statements(handle: Handle, table: str) -> Iterable[str]:
    """Yield statements that between them compile every trigger of a table or view."""
    names = [name for name, generated in _columns(handle, table) if not generated]
    if not names:
        return
    columns = ", ".join(map(quoted, names))
    assignments = ", ".join(f"{quoted(name)} = {quoted(name)}" for name in names)
    yield f"INSERT INTO {quoted(table)} ({columns}) VALUES ({', '.join('NULL' for _ in names)})"
    yield f"UPDATE {quoted(table)} SET {assignments}"
    yield f"DELETE FROM {quoted(table)}"


def _sequence(handle: Handle, table: str) -> int | None:
    """Return the last number that AUTOINCREMENT gave; None where there is none."""
    if not handle.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
        return None
    rows = handle.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
    return rows[0]["seq"] if rows else None


def _is_analyzed(handle: Handle, table: str) -> bool:
    if not handle.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"):
        return False
    return bool(handle.execute("SELECT 1 FROM sqlite_stat1 WHERE tbl = ?", (table,)))

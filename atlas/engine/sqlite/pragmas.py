"""The pragmas of every SQLite connection, in one table.

In: the options of an engine. Out: names and values, in the order to set them.
https://www.sqlite.org/pragma.html
"""

from __future__ import annotations

import sqlite3

from atlas.engine.options import EngineOptions

_MIB = 1024 * 1024

#: How long SQLite itself waits for a lock. It cannot be interrupted meanwhile, so the rest of
#: the busy timeout is waited by the connection, which looks for a cancel after each of these.
BUSY_SLICE_MS = 50


def pragmas(options: EngineOptions, *, reader: bool) -> dict[str, str | int]:
    """Return what to set on a new connection: the writer's, or a reader's."""
    values: dict[str, str | int] = {
        "busy_timeout": min(BUSY_SLICE_MS, options.busy_timeout_ms),
        # On for a reader: a write that was taken for a read fails, instead of escaping the writer.
        "query_only": int(reader),
        # Off in SQLite unless each connection asks for it.
        "foreign_keys": 1,
        # Readers go on while one connection writes. Kept in the file; a reader cannot set it.
        "journal_mode": "WAL",
        # FULL: a committed row survives power loss. NORMAL may lose the last commits.
        "synchronous": options.synchronous,
        # Pages kept by each connection: 16 MiB (negative = KiB).
        "cache_size": -16 * 1024,
        # Read the first 256 MiB of the file through the page cache of the system, without a copy.
        "mmap_size": 256 * _MIB,
        # Sorts and temporary tables stay in memory.
        "temp_store": "MEMORY",
    }
    if reader:
        del values["journal_mode"]
    return values


_READING = frozenset(
    (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    )
)

#: Pragmas whose value says what to look at. With any other a value is a setting.
_LOOKING = frozenset(
    (
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    )
)
#: Pragmas that write even without a value.
_WRITING = frozenset(("incremental_vacuum", "optimize", "wal_checkpoint"))


def only_reads(
    action: int, name: str | None, value: str | None, schema: str | None, trigger: str | None
) -> int:
    """Let a connection read, and refuse everything else: a write, a new file, a setting.

    It closes what query_only leaves open: to be switched off, and ATTACH, which
    makes files. An authorizer, which SQLite asks as it prepares a statement:
    https://www.sqlite.org/c3ref/set_authorizer.html
    """
    # Using a table such as dbstat declares it, which looks like a change of sqlite_master;
    # query_only refuses a real one.
    allowed = action in _READING or (action, name) == (sqlite3.SQLITE_UPDATE, "sqlite_master")
    if action == sqlite3.SQLITE_PRAGMA:
        pragma = (name or "").lower()
        allowed = pragma in _LOOKING or (value is None and pragma not in _WRITING)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

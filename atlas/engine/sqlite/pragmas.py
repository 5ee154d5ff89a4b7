"""The pragmas of every SQLite connection, in one table.

In: the options of an engine. Out: names and values, in the order to set them.
https://www.sqlite.org/pragma.html
"""

from __future__ import annotations

import re
import sqlite3

from atlas.engine.options import EngineOptions
from atlas.engine.statement import BLANK, first_word

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
        # After a large transaction its -wal file is cut to 8 MiB, twice what it has by default
        # before its content goes into the database; else it would keep its size.
        "journal_size_limit": 8 * _MIB,
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


#: The first words of statements that change no setting of their connection.
_KEEPING = frozenset(
    (
        *("SELECT", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE"),
        *("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"),
        *("CREATE", "DROP", "ALTER", "REINDEX", "ANALYZE", "VACUUM"),
    )
)
_PRAGMA = re.compile(
    rf"{BLANK}(?:EXPLAIN\b{BLANK}(?:QUERY\b{BLANK}PLAN\b{BLANK})?)?PRAGMA\b(.*)",
    re.IGNORECASE | re.DOTALL,
)
_SET = re.compile(r"\s*+(?:\w+\s*+\.\s*+)?(\w+)\s*+[=(]")


def setting(sql: str) -> str:
    """Return the pragma that ``sql`` may change on its connection; empty if it changes none.

    One that cannot be told is ``*``, as ATTACH is, which adds a database. EXPLAIN does not keep
    a pragma from being set.
    """
    if sql[:6].rstrip() in _KEEPING or first_word(sql) in _KEEPING:
        return ""
    match = _PRAGMA.match(sql)
    if match is None:
        return "" if first_word(sql) == "EXPLAIN" and "PRAGMA" not in sql.upper() else "*"
    if "=" not in match[1] and "(" not in match[1]:
        return ""
    name = _SET.match(match[1])
    if name is None:
        return "*"
    return "" if name[1].lower() in _LOOKING | _PASSING else name[1].lower()


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
#: Pragmas whose value is stored in the file or ends with the transaction, or that act once.
_PASSING = _WRITING | {"application_id", "defer_foreign_keys", "user_version"}


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

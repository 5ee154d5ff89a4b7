"""What can be wrong with a PostgreSQL server and a database on it.

In: an engine. Out: findings, from the server's own views. It changes nothing; what a user may not
see there is left out.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from atlas.doctor.finding import Diagnosis

#: A transaction that is open for longer, or idle for longer, holds up others.
_LONG_S, _IDLE_S = 300, 60
#: How far two clocks may be apart.
_APART_S = 5

#: What is looked at: a query, and a sentence and a remedy for each of its rows.
_QUESTIONS: list[tuple[str, str, str, str]] = [
    (
        "transactions",
        "SELECT pid, application_name, state, "
        "extract(epoch FROM now() - xact_start)::int AS seconds FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND ("
        f"now() - xact_start > interval '{_LONG_S} s' OR (state LIKE 'idle in transaction%' "
        f"AND now() - state_change > interval '{_IDLE_S} s')) ORDER BY xact_start",
        "session {pid} ({application_name}) has had a transaction open for {seconds} s ({state})",
        "It keeps old rows from being cleaned up, and its locks. End it in its program, or with "
        "SELECT pg_terminate_backend({pid}); set idle_in_transaction_session_timeout.",
    ),
    (
        "locks",
        "SELECT pid, application_name, pg_blocking_pids(pid)::text AS others, "
        "extract(epoch FROM now() - state_change)::int AS seconds FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND cardinality(pg_blocking_pids(pid)) > 0",
        "session {pid} ({application_name}) has waited {seconds} s for a lock of {others}",
        "See what those do: SELECT * FROM pg_stat_activity.",
    ),
    (
        "bloat",
        "SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables "
        "WHERE n_dead_tup > 10000 AND n_dead_tup > n_live_tup / 4 ORDER BY n_dead_tup DESC",
        "{relname} has {n_dead_tup} dead rows beside {n_live_tup}",
        "VACUUM ANALYZE {relname}; see that autovacuum keeps up, and that no transaction is old.",
    ),
    (
        "indexes",
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid",
        "the index {name} is not valid: it was not finished",
        "REINDEX INDEX CONCURRENTLY {name}",
    ),
    (
        "references",
        "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint "
        "WHERE NOT convalidated",
        "{conname} of {name} was never checked for the rows that were there",
        "ALTER TABLE {name} VALIDATE CONSTRAINT {conname}",
    ),
    (
        "settings",
        "SELECT name, setting FROM pg_settings WHERE (name, setting) IN (('fsync', 'off'), "
        "('full_page_writes', 'off'), ('synchronous_commit', 'off'), ('autovacuum', 'off'), "
        "('track_counts', 'off'), ('zero_damaged_pages', 'on'), ('ignore_checksum_failure', 'on'))",
        "{name} is {setting}: acknowledged rows may be lost, or dead ones kept",
        "ALTER SYSTEM RESET {name}, and reload the server.",
    ),
    (
        "wraparound",
        "SELECT datname, age(datfrozenxid) AS age FROM pg_database "
        "WHERE datname = current_database() AND age(datfrozenxid) > 1000000000",
        "{datname} has {age} transactions since it was frozen; at 2,000,000,000 the server stops",
        "VACUUM FREEZE, and see why autovacuum did not.",
    ),
    (
        "connections",
        "SELECT count(*) AS used, current_setting('max_connections')::int AS most "
        "FROM pg_stat_activity HAVING count(*) > 0.9 * current_setting('max_connections')::int",
        "{used} of {most} connections are in use",
        "Lower ATLAS_POOL_SIZE in the programs, or put a pooler before the server.",
    ),
]


async def look(engine: Any, diagnosis: Diagnosis) -> None:
    """Add what is found; raise ``DatabaseServerError`` when the server cannot be reached."""
    await engine.start_connection_pool()
    try:
        async with engine.connection() as connection:
            for about, query, message, remedy in _QUESTIONS:
                rows = await connection.fetch(query)
                diagnosis.add(
                    about, *((message.format(**row), remedy.format(**row)) for row in rows)
                )
            before = datetime.datetime.now(datetime.UTC)
            (row,) = await connection.fetch("SELECT clock_timestamp() AS at")
            diagnosis.add("clock", *_clocks(before, row["at"]))
    finally:
        await engine.close_connection_pool()


def _clocks(ours: datetime.datetime, theirs: datetime.datetime) -> Iterable[tuple[str, str]]:
    apart = (theirs - ours).total_seconds()
    if abs(apart) > _APART_S:
        where = "ahead of" if apart > 0 else "behind"
        yield (
            f"the server's clock is {abs(apart):.0f} s {where} this machine's",
            "See to the time service of both: updated_at is of who writes.",
        )

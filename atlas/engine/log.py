"""The log of statements: logger ``atlas.engine``.

In: a statement that has run. Out: one line, at INFO when the options ask for
it, else at DEBUG. Parameters are left out unless asked for: they are personal data.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from atlas.engine.options import EngineOptions

logger = logging.getLogger("atlas.engine")


def is_wanted(options: EngineOptions) -> bool:
    """Return whether anybody would see a statement."""
    return options.log_queries or logger.isEnabledFor(logging.DEBUG)


def statement(
    options: EngineOptions, sql: str, parameters: Sequence[Any], seconds: float, rows: int
) -> None:
    """Log one statement, its duration in ms and its number of rows."""
    level = logging.INFO if options.log_queries else logging.DEBUG
    shown = f" {list(parameters)!r}" if options.log_parameters else ""
    logger.log(level, "%.3f ms, %d rows: %s%s", seconds * 1000, rows, sql, shown)


def print_query(engine: Any, sql: str) -> int:
    """Print a statement if ``engine.log_queries`` is set, as Piccolo does; return its number."""
    query_id = 0
    if engine.log_queries or engine.log_responses:
        query_id = engine.get_query_id()
    if engine.log_queries:
        engine.print_query(query_id, sql)
    return query_id

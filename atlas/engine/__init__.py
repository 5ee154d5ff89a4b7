"""URL in, rows out. The engines follow Piccolo's conventions and know no table."""

from __future__ import annotations

from typing import Any

from piccolo.engine.base import Engine

from atlas.engine.url import DatabaseURL
from atlas.errors import ConfigurationError
from atlas.settings import Settings

__all__ = ["DatabaseURL", "create_engine"]


def create_engine(settings: Settings) -> Engine[Any]:
    """Return the engine that ``settings.database_url`` names. Nothing is opened yet.

    Raises ``ConfigurationError`` for a URL that is not supported, and for
    PostgreSQL when the extra ``postgres`` is not installed.
    """
    url = DatabaseURL.parse(settings.database_url)
    if url.engine_type == "sqlite":
        from atlas.engine.sqlite import SQLiteEngine

        return SQLiteEngine(
            path=url.target,
            busy_timeout_ms=settings.atlas_busy_timeout_ms,
            log_queries=settings.atlas_log_queries,
        )
    try:
        import asyncpg  # noqa: F401  # the extra; Piccolo itself would fail at the first query
    except ImportError:
        raise ConfigurationError(
            f"{url}: PostgreSQL needs asyncpg. Install it with: pip install 'atlas[postgres]'"
        ) from None
    from atlas.engine.postgres import CockroachEngine, PostgresEngine

    engine = PostgresEngine if url.engine_type == "postgres" else CockroachEngine
    return engine(config={"dsn": url.target}, log_queries=settings.atlas_log_queries)

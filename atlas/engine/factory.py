"""From a URL and options to an engine.

In: the text of a URL, and options by name. Out: an engine that has opened
nothing yet, or ``ConfigurationError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from atlas.engine.options import EngineOptions
from atlas.engine.sqlite import SQLiteEngine
from atlas.engine.url import DatabaseURL
from atlas.errors import ConfigurationError

if TYPE_CHECKING:
    from atlas.engine.postgres import CockroachEngine, PostgresEngine

AtlasEngine: TypeAlias = "SQLiteEngine | PostgresEngine | CockroachEngine"


def create_engine(url: str, defaults: dict[str, Any], options: dict[str, Any]) -> AtlasEngine:
    """Return the engine that ``url`` names.

    ``options`` win over those in the URL, and these over ``defaults``. Raises
    ``ConfigurationError`` for a URL or option that is not supported, and for
    PostgreSQL when the extra ``postgres`` is not installed.
    """
    parsed = DatabaseURL.parse(url)
    unknown = options.keys() - set(EngineOptions.names())
    if unknown:
        raise ConfigurationError(
            f"Unknown option {', '.join(sorted(unknown))}; there are: "
            f"{', '.join(EngineOptions.names())}."
        )
    chosen = EngineOptions(**{**defaults, **EngineOptions.from_text(parsed.options), **options})
    if parsed.engine_type == "sqlite":
        return SQLiteEngine(parsed.target, chosen)
    try:
        import asyncpg  # noqa: F401  # the extra; Piccolo itself would fail at the first query
    except ImportError:
        raise ConfigurationError(
            f"{parsed}: PostgreSQL needs asyncpg. Install it with: pip install 'atlas[postgres]'"
        ) from None
    from atlas.engine.postgres import CockroachEngine, PostgresEngine

    engine = PostgresEngine if parsed.engine_type == "postgres" else CockroachEngine
    return engine(parsed.target, chosen)

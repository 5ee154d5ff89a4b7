"""From a URL and options to an engine.

In: a parsed URL and options. Out: an engine that has opened nothing yet, or
``ConfigurationError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from atlas.engine.options import EngineOptions, GivenOptions
from atlas.engine.sqlite.engine import SQLiteEngine
from atlas.engine.sqlite.files import MEMORY
from atlas.engine.url import DatabaseURL
from atlas.errors import ConfigurationError
from atlas.extras import how_to_install

if TYPE_CHECKING:
    from atlas.engine.postgres.engine import CockroachEngine, PostgresEngine

AtlasEngine: TypeAlias = "SQLiteEngine | PostgresEngine | CockroachEngine"


def create_engine(url: DatabaseURL, options: EngineOptions) -> AtlasEngine:
    """Return the engine that ``url`` names.

    Raises ``ConfigurationError`` for a server when the extra ``postgres`` is not
    installed.
    """
    if url.engine_type == "sqlite":
        return SQLiteEngine(url.target, options)
    try:
        from atlas.engine.postgres.engine import CockroachEngine, PostgresEngine
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(
            f"{url}: a server needs asyncpg. Install it with: {how_to_install('postgres')}"
        ) from None
    engine = PostgresEngine if url.engine_type == "postgres" else CockroachEngine
    return engine(url.target, options)


def another(engine: AtlasEngine, given: GivenOptions) -> AtlasEngine:
    """Return a second engine of the same database, with its own pool; options given win.

    A database in memory is that of its engine alone, which is returned then.
    """
    if engine.path == MEMORY:
        return engine
    target = engine.path if isinstance(engine, SQLiteEngine) else engine.config["dsn"]
    chosen = {name: value for name, value in given.items() if value is not None}
    return type(engine)(target, EngineOptions(**{**vars(engine.options), **chosen}))

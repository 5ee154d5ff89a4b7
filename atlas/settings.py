"""Settings: the only reader of the environment and of ``.env``.

In: environment variables, then a ``.env`` file in the working directory, then
the defaults below. Out: one ``Settings`` object. ``.env.example`` lists them all.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from atlas.engine.options import LEAST, MOST, EngineOptions, Synchronous
from atlas.engine.url import DatabaseURL
from atlas.errors import ConfigurationError


def _number(name: str) -> Any:
    return Field(default=getattr(EngineOptions, name), ge=LEAST[name], le=MOST)


class Settings(BaseSettings):
    """What an installation may choose. Each field is read from the variable of its name."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,  # a URL may hold a password
    )

    #: Where the data is: ``file:PATH``, ``sqlite:///PATH`` or ``postgresql://…``.
    database_url: str = Field(default="file:atlas-ops.db", repr=False)

    # The rest is described where it is used, in atlas/engine/options.py.
    atlas_pool_size: int = _number("pool_size")
    atlas_acquire_timeout_ms: int = _number("acquire_timeout_ms")
    atlas_busy_timeout_ms: int = _number("busy_timeout_ms")
    atlas_synchronous: Annotated[Synchronous, BeforeValidator(str.upper)] = (
        EngineOptions.synchronous
    )
    atlas_read_only: bool = EngineOptions.read_only
    atlas_statement_cache: int = _number("statement_cache")
    atlas_log_queries: bool = EngineOptions.log_queries
    atlas_log_parameters: bool = EngineOptions.log_parameters

    #: Whether an SQLite file is copied before a migration that may lose something.
    atlas_migration_backup: bool = True

    #: The SQLite file of those who may log in to the admin page; empty: beside the database.
    atlas_admin_file: str = ""

    @classmethod
    def load(cls) -> Settings:
        """Read the settings; raise ``ConfigurationError`` naming what cannot be used."""
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
        except (OSError, UnicodeError) as error:
            problems = f".env cannot be read: {error}"
        raise ConfigurationError(
            f"The environment or .env has a setting that cannot be used: {problems}"
        )

    def url(self) -> DatabaseURL:
        """Return the parsed ``DATABASE_URL``; raise ``ConfigurationError`` naming it."""
        try:
            return DatabaseURL.parse(self.database_url)
        except ConfigurationError as error:
            raise ConfigurationError(f"DATABASE_URL: {error}") from None

    def engine_options(self) -> dict[str, Any]:
        """Return the options of the engine by their names, without the prefix."""
        return {name: getattr(self, f"atlas_{name}") for name in EngineOptions.names()}

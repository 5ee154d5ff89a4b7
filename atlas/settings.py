"""Settings: the only reader of the environment and of ``.env``.

In: environment variables, then a ``.env`` file in the working directory, then
the defaults below. Out: one ``Settings`` object. ``.env.example`` lists them all.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from atlas.engine.options import EngineOptions, Synchronous
from atlas.errors import ConfigurationError


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
    atlas_pool_size: int = Field(default=4, ge=1)
    atlas_acquire_timeout_ms: int = Field(default=30_000, ge=1)
    atlas_busy_timeout_ms: int = Field(default=30_000, ge=0)
    atlas_synchronous: Synchronous = "FULL"
    atlas_statement_cache: int = Field(default=256, ge=0)
    atlas_log_queries: bool = False
    atlas_log_parameters: bool = False

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
            raise ConfigurationError(
                f"The environment or .env has a setting that cannot be used: {problems}"
            ) from None

    def engine_options(self) -> dict[str, Any]:
        """Return the options of the engine by their names, without the prefix."""
        return {name: getattr(self, f"atlas_{name}") for name in EngineOptions.names()}

"""Settings: the only reader of the environment and of ``.env``.

In: environment variables, then a ``.env`` file in the working directory, then
the defaults below. Out: one ``Settings`` object. ``.env.example`` lists them all.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    #: How long a statement waits for another process's lock on the SQLite file.
    atlas_busy_timeout_ms: int = Field(default=30_000, ge=0)

    #: Log every statement (logger ``atlas.engine``, level DEBUG).
    atlas_log_queries: bool = False

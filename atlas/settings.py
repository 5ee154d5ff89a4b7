"""Settings: the only reader of the environment and of ``.env``.

In: environment variables, then a ``.env`` file in the working directory, then
the defaults below. Out: one ``Settings`` object, and the engine it describes.
``.env.example`` lists them all.
"""

from __future__ import annotations

from typing import Annotated, Any, get_type_hints

from pydantic import BeforeValidator, Field, ValidationError, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from atlas.engine.factory import AtlasEngine, create_engine
from atlas.engine.options import LEAST, MOST, EngineOptions, GivenOptions
from atlas.engine.url import DatabaseURL
from atlas.errors import ConfigurationError


def _field(name: str, hint: Any) -> tuple[Any, Any]:
    """Return the type and the default of the setting of one of the engine's options."""
    default = getattr(EngineOptions, name)
    if name in LEAST:
        return hint, Field(default=default, ge=LEAST[name], le=MOST)
    return (
        Annotated[hint, BeforeValidator(str.upper)] if isinstance(default, str) else hint
    ), default


class _Location(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,  # a URL may hold a password
    )

    #: Where the data is: ``file:PATH``, ``sqlite:///PATH`` or ``postgresql://…``.
    database_url: str = Field(default="file:atlas-ops.db", repr=False)


#: ``atlas_pool_size`` and so on: what atlas/engine/options.py describes.
_FIELDS: dict[str, Any] = {
    f"atlas_{name}": _field(name, hint) for name, hint in get_type_hints(EngineOptions).items()
}
_EngineSettings: Any = create_model("_EngineSettings", __base__=_Location, **_FIELDS)


class Settings(_EngineSettings):  # type: ignore[misc] # its fields are those of EngineOptions
    """What an installation may choose. Each field is read from the variable of its name."""

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

    @property
    def names_database(self) -> bool:
        """Whether the environment or ``.env`` has a ``DATABASE_URL``."""
        return "database_url" in self.model_fields_set

    def url(self) -> DatabaseURL:
        """Return the parsed ``DATABASE_URL``; raise ``ConfigurationError`` naming it."""
        try:
            return DatabaseURL.parse(self.database_url)
        except ConfigurationError as error:
            raise ConfigurationError(f"DATABASE_URL: {error}") from None

    def engine_options(self) -> dict[str, Any]:
        """Return the options of the engine by their names, without the prefix."""
        return {name: getattr(self, f"atlas_{name}") for name in EngineOptions.names()}

    def create_engine(self, url: str | None, given: GivenOptions) -> AtlasEngine:
        """Return the engine of ``url``, by default that of ``DATABASE_URL``; nothing is opened.

        Options that are given win over those in the URL, and these over the
        settings. Raises ``ConfigurationError`` for what cannot be used.
        """
        parsed = self.url() if url is None else DatabaseURL.parse(url)
        chosen = {name: value for name, value in given.items() if value is not None}
        if unknown := given.keys() - set(EngineOptions.names()):
            raise TypeError(
                f"There is no option {', '.join(sorted(unknown))}; there are: "
                f"{', '.join(EngineOptions.names())}."
            )
        return create_engine(
            parsed, EngineOptions(**{**self.engine_options(), **parsed.options, **chosen})
        )

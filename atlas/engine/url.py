"""Database URLs.

In: the text of ``DATABASE_URL``. Out: a ``DatabaseURL`` that names an engine
and what it connects to, and never shows a password; or ``ConfigurationError``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from atlas.engine.options import EngineOptions
from atlas.errors import ConfigurationError

_SUPPORTED = "file:PATH, sqlite:///PATH, :memory:, postgresql://…, postgres://… and cockroachdb://…"
_SERVERS: dict[str, Literal["postgres", "cockroach"]] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "cockroach",
}
_REMOTE_LIBSQL = {"libsql", "http", "https", "ws", "wss"}
_MEMORY = ":memory:"
#: A password before the host, which may itself hold an @, or in an option.
_PASSWORD = re.compile(r"(?<=://)([^/?#:@\s]*):[^/?#\s]*@|(?<=password=)[^&#\s]+", re.IGNORECASE)


def masked(text: str) -> str:
    """Return ``text`` with the password of every URL in it replaced by ``***``."""
    return _PASSWORD.sub(lambda m: "***" if m[1] is None else f"{m[1]}:***@", text)


@dataclass(frozen=True)
class DatabaseURL:
    """A parsed database URL. ``str`` and ``repr`` mask the password."""

    engine_type: Literal["sqlite", "postgres", "cockroach"]
    #: An absolute path or ``:memory:`` for SQLite; the URL for a server.
    target: str = field(repr=False)
    #: The options of the engine that the URL held, as text.
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return masked(self.target)

    def __repr__(self) -> str:
        return f"DatabaseURL({self.engine_type!r}, {str(self)!r}, {self.options!r})"

    @classmethod
    def parse(cls, text: str) -> DatabaseURL:
        """Parse a URL. A relative path is resolved once, against the working directory.

        Query parameters named like an option of the engine are options; any
        others are PostgreSQL's own, and refused for SQLite. Raises
        ``ConfigurationError`` for what is not supported.
        """
        text = text.strip()
        location, _, query = text.partition("?")
        scheme = location.partition(":")[0].lower() if ":" in location else ""
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        options = {
            name: parameters.pop(name) for name in EngineOptions.names() if name in parameters
        }
        if scheme in _SERVERS:
            return cls(_SERVERS[scheme], _server(location, scheme, parameters), options)
        if scheme in _REMOTE_LIBSQL:
            raise ConfigurationError(
                f"{masked(text)}: remote libSQL is not supported. Use one of {_SUPPORTED}."
            )
        if location == _MEMORY or scheme in ("file", "sqlite"):
            if parameters:
                raise ConfigurationError(
                    f"{masked(text)}: unknown option {', '.join(sorted(parameters))}; there are: "
                    f"{', '.join(EngineOptions.names())}."
                )
            return cls("sqlite", _path(location, scheme), options)
        raise ConfigurationError(
            f"{masked(text)!r} is no database URL that Atlas knows. Use one of {_SUPPORTED}."
        )


def _server(location: str, scheme: str, parameters: dict[str, str]) -> str:
    try:
        _ = urlsplit(location).port  # raises for a port that is no number
    except ValueError:
        raise ConfigurationError(f"{masked(location)}: the host or port is malformed.") from None
    # asyncpg knows only PostgreSQL's own schemes; CockroachDB speaks its protocol.
    own = f"?{urlencode(parameters)}" if parameters else ""
    return f"postgresql{location[len(scheme) :]}{own}"


def _path(location: str, scheme: str) -> str:
    if location in (_MEMORY, f"file:{_MEMORY}", "sqlite://", f"sqlite:///{_MEMORY}"):
        return _MEMORY
    rest = location[len(scheme) + 1 :]
    if scheme == "sqlite":
        if not rest.startswith("///"):
            raise ConfigurationError(
                f"{location}: write sqlite:///PATH for a relative and sqlite:////PATH for an "
                "absolute path."
            )
        rest = rest[3:]
    elif rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ConfigurationError(f"{location}: a file URL names no host; write file:PATH.")
        rest = f"/{path}"
    if not rest:
        raise ConfigurationError(f"{location}: the path is missing.")
    return str(Path(unquote(rest)).expanduser().absolute())

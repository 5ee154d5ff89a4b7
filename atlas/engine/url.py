"""Database URLs.

In: the text of ``DATABASE_URL``. Out: a ``DatabaseURL`` that names an engine
and what it connects to, and never shows a password; or ``ConfigurationError``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from atlas.errors import ConfigurationError

_SUPPORTED = "file:PATH, sqlite:///PATH, :memory:, postgresql://…, postgres://… and cockroachdb://…"
_SERVERS: dict[str, Literal["postgres", "cockroach"]] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "cockroach",
}
_REMOTE_LIBSQL = {"libsql", "http", "https", "ws", "wss"}
_MEMORY = ":memory:"
_PASSWORD = re.compile(r"(?<=://)([^/@\s]*?):[^/@\s]*@|(?<=password=)[^&\s]+", re.IGNORECASE)


def masked(text: str) -> str:
    """Return ``text`` with the password of every URL in it replaced by ``***``."""
    return _PASSWORD.sub(lambda m: f"{m[1]}:***@" if m[1] is not None else "***", text)


@dataclass(frozen=True)
class DatabaseURL:
    """A parsed database URL. ``str`` and ``repr`` mask the password."""

    engine_type: Literal["sqlite", "postgres", "cockroach"]
    #: An absolute path or ``:memory:`` for SQLite; the URL for a server.
    target: str = field(repr=False)

    def __str__(self) -> str:
        return masked(self.target)

    def __repr__(self) -> str:
        return f"DatabaseURL({self.engine_type!r}, {str(self)!r})"

    @classmethod
    def parse(cls, text: str) -> DatabaseURL:
        """Parse a URL. A relative path is resolved once, against the working directory.

        Raises ``ConfigurationError`` for anything that is not supported.
        """
        text = text.strip()
        if text in (_MEMORY, f"file:{_MEMORY}", "sqlite://", f"sqlite:///{_MEMORY}"):
            return cls("sqlite", _MEMORY)
        scheme = text.partition(":")[0].lower() if ":" in text else ""
        if scheme in _SERVERS:
            return cls(_SERVERS[scheme], cls._server(text, scheme))
        if scheme in ("file", "sqlite"):
            return cls("sqlite", cls._path(text, scheme))
        if scheme in _REMOTE_LIBSQL:
            raise ConfigurationError(
                f"{masked(text)}: remote libSQL is not supported. Use one of {_SUPPORTED}."
            )
        raise ConfigurationError(
            f"{masked(text)!r} is no database URL that Atlas knows. Use one of {_SUPPORTED}."
        )

    @staticmethod
    def _server(text: str, scheme: str) -> str:
        try:
            parts = urlsplit(text)
            _ = parts.port  # raises for a port that is no number
        except ValueError:
            raise ConfigurationError(f"{masked(text)}: the host or port is malformed.") from None
        # asyncpg knows only PostgreSQL's own schemes; CockroachDB speaks its protocol.
        return f"postgresql{text[len(scheme) :]}"

    @staticmethod
    def _path(text: str, scheme: str) -> str:
        rest = text[len(scheme) + 1 :]
        if "?" in rest or "#" in rest:
            raise ConfigurationError(f"{text}: options are not supported in a file URL.")
        if scheme == "sqlite":
            if not rest.startswith("///"):
                raise ConfigurationError(
                    f"{text}: write sqlite:///PATH for a relative and sqlite:////PATH for an "
                    "absolute path."
                )
            rest = rest[3:]
        elif rest.startswith("//"):
            host, _, path = rest[2:].partition("/")
            if host not in ("", "localhost"):
                raise ConfigurationError(f"{text}: a file URL names no host; write file:PATH.")
            rest = f"/{path}"
        if not rest:
            raise ConfigurationError(f"{text}: the path is missing.")
        return str(Path(unquote(rest)).expanduser().absolute())

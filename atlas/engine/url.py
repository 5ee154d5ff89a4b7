"""Database URLs.

In: the text of ``DATABASE_URL``. Out: a ``DatabaseURL`` that names an engine
and what it connects to, and never shows a password; or ``ConfigurationError``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from atlas.engine.options import EngineOptions
from atlas.errors import ConfigurationError

_SUPPORTED = (
    "file:PATH, sqlite:///PATH, :memory:, postgresql://USER@HOST/DATABASE, postgres://… and "
    "cockroachdb://…?untested=1"
)
_SERVERS: dict[str, Literal["postgres", "cockroach"]] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "cockroach",
}
_REMOTE_LIBSQL = {"libsql", "http", "https", "ws", "wss"}
_MEMORY = ":memory:"
_IN_MEMORY = {("file", _MEMORY), ("sqlite", "//"), ("sqlite", f"///{_MEMORY}")}
#: A password before the host, to the last @ of what may be a malformed URL, or in an option.
_PASSWORD = re.compile(
    r"(?<=://)([^/?#:@\s]*):\S*@|(?<=password=)[^&#\s]+|(?<=replica=)[^&#\s]+", re.IGNORECASE
)
#: A host name, an IPv6 address in brackets or a percent-encoded socket folder, and a port.
_HOST = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]*)(?::(?P<port>[0-9]{1,5}))?")
_PARAMETER = re.compile(r"[\w.]+")


def masked(text: str) -> str:
    """Return ``text`` with the password of every URL in it replaced by ``***``."""
    return _PASSWORD.sub(lambda m: "***" if m[1] is None else f"{m[1]}:***@", text)


def path_or_url(text: str) -> str:
    """Return the URL of a database that a person may also give by the path of its file."""
    return text if ":" in text.partition("/")[0] else f"file:{quote(text)}"


@dataclass(frozen=True)
class DatabaseURL:
    """A parsed database URL. ``str`` and ``repr`` mask the password."""

    engine_type: Literal["sqlite", "postgres", "cockroach"]
    #: An absolute path or ``:memory:`` for SQLite; the URL for a server.
    target: str
    #: The options of the engine that the URL held.
    options: dict[str, Any] = field(default_factory=dict)

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
        location, _, query = text.strip().partition("?")
        before, colon, rest = location.partition(":")
        scheme = before.lower() if colon else ""
        pairs = parse_qsl(query, keep_blank_values=True)
        parameters: dict[str, Any] = dict(pairs)
        if "replica" in parameters:  # the one that can be given several times
            parameters["replica"] = [value for name, value in pairs if name == "replica"]
        given = {name: parameters.pop(name) for name in EngineOptions.names() if name in parameters}
        if scheme in _SERVERS:
            untested = parameters.pop("untested", "")
            if scheme == "cockroachdb" and untested != "1":
                raise ConfigurationError(
                    f"{scheme}://…: nobody has run Atlas on CockroachDB yet. docs/scale.md says "
                    "what is known to differ; to try it, add untested=1 to the URL."
                )
            target = _server(scheme, rest, parameters)
            return cls(_SERVERS[scheme], target, EngineOptions.from_text(given))
        if scheme in ("file", "sqlite") or location == _MEMORY:
            if parameters:
                raise ConfigurationError(
                    f"{masked(location)}: unknown option {', '.join(sorted(parameters))}; there "
                    f"are: {', '.join(EngineOptions.names())}."
                )
            return cls("sqlite", _path(location, scheme, rest), EngineOptions.from_text(given))
        # Only the scheme is shown: what follows may hold a token.
        if scheme in _REMOTE_LIBSQL:
            raise ConfigurationError(
                f"{scheme}://…: remote libSQL is not supported. Use one of {_SUPPORTED}."
            )
        shown = f"{before}:…" if colon else location
        raise ConfigurationError(
            f"{shown!r} is not a database URL that Atlas knows. Use one of {_SUPPORTED}."
        )


def _server(scheme: str, rest: str, parameters: dict[str, Any]) -> str:
    """Return the URL as asyncpg reads it, with everything in it percent-encoded."""
    authority, slash, database = rest.removeprefix("//").partition("/")
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    if (
        not rest.startswith("//")
        or "@" in database
        or not (hosts == "" or all(map(_is_host, hosts.split(","))))
        or not all(map(_PARAMETER.fullmatch, parameters))
    ):
        raise ConfigurationError(
            f"{scheme}://…: is malformed. Write {scheme}://USER:PASSWORD@HOST:PORT/DATABASE"
            "?OPTION=VALUE, with /, ? and # in a password as %2F, %3F and %23."
        )
    # Parts are decoded first, so that one that was encoded is not encoded twice.
    user, password, database = (quote(unquote(part), "") for part in (user, password, database))
    own = f"?{urlencode(parameters, doseq=True, safe='/')}" if parameters else ""
    # asyncpg knows only PostgreSQL's own schemes; CockroachDB speaks its protocol.
    return f"postgresql://{user}{colon}{password}{at}{hosts}{slash}{database}{own}"


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return bool(text) and match is not None and int(match["port"] or 0) < 2**16


def _path(location: str, scheme: str, rest: str) -> str:
    if location == _MEMORY or (scheme, rest) in _IN_MEMORY:
        return _MEMORY
    if scheme == "sqlite":
        if not rest.startswith("///"):
            raise ConfigurationError(
                f"{masked(location)}: write sqlite:///PATH for a relative and sqlite:////PATH for "
                "an absolute path."
            )
        rest = rest[3:]
    elif rest.startswith("//"):
        host, slash, tail = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ConfigurationError(
                f"{masked(location)}: a file URL names no host; write file:PATH, or file:///PATH "
                "for an absolute path."
            )
        rest = slash + tail
    try:
        path = os.path.expanduser(unquote(rest, errors="strict"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{location}: is not UTF-8, percent-encoded.") from None
    if not path or "\0" in path:
        raise ConfigurationError(f"{location}: the path is missing, or holds a NUL character.")
    return str(Path(path).absolute())

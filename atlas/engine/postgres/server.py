"""What the URL of a server says, read as libpq reads it.

In: the URL. Out: a ``Server``: its hosts in the order to try them, what asyncpg is given, and what
the session is set to; or ``ConfigurationError`` naming the parameter that cannot be kept. Opens
nothing. The parameters: https://www.postgresql.org/docs/current/libpq-connect.html
"""

from __future__ import annotations

import os
import random
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from atlas.engine.url import masked
from atlas.errors import ConfigurationError

#: What libpq calls any host: those of the environment, of a service file, or the default.
ANY_HOST = ("", 0)

#: What asyncpg reads from the URL itself, as libpq does.
_OF_ASYNCPG = frozenset(
    (
        *("user", "password", "passfile", "dbname", "database", "service", "krbsrvname", "gsslib"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
    )
)

#: Parameters that name a file which has to be there.
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

#: Parameters that are taken with these values, because asyncpg does that anyway, and the reason
#: why others are refused.
_ONLY: dict[str, tuple[tuple[str, ...], str]] = {
    "channel_binding": (("prefer", "disable"), "asyncpg has no channel binding"),
    "gssencmode": (("prefer", "disable"), "asyncpg has no GSSAPI encryption; use sslmode"),
    "gssdelegation": (("0",), "asyncpg does not delegate GSSAPI credentials"),
    "client_encoding": (("auto", "utf8", "UTF8", "utf-8", "UTF-8"), "text is read as UTF-8"),
    "sslcompression": (("0",), "TLS has no compression any more"),
    "sslsni": (("1",), "Python's ssl always names the host"),
    "sslcertmode": (("allow",), "asyncpg sends the certificate when the server asks for it"),
    "replication": (("false", "off", "no", "0"), "this is no replication client"),
    "min_protocol_version": (("3.0",), "asyncpg speaks protocol 3.0"),
    "max_protocol_version": (("3.0", "latest"), "asyncpg speaks protocol 3.0"),
    **{
        name: ((), reason)
        for names, reason in (
            (("hostaddr",), "asyncpg resolves hosts itself; write the address as the host"),
            (("sslcrldir",), "asyncpg reads one file of revocations; use sslcrl"),
            (("requirepeer",), "asyncpg does not look at who owns the socket"),
            (("require_auth",), "asyncpg takes the way to log in that the server asks for"),
            (("scram_client_key", "scram_server_key", "sslkeylogfile"), "asyncpg has no use of it"),
            (("oauth_issuer", "oauth_client_id", "oauth_client_secret"), "asyncpg has no OAuth"),
        )
        for name in names
    },
}

_SESSION_ATTRIBUTES = (*("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

#: -c NAME=VALUE, -cNAME=VALUE and --NAME=VALUE, of libpq's ``options``.
_OPTION = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)(?:\s+|$)")

#: A connection that says nothing for this long is probed, and given up after two more such spans:
#: a server whose machine is gone is noticed within a minute. libpq leaves it to the system, whose
#: default is two hours.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

#: How long one of several hosts is waited for, in seconds.
_HOST_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Server:
    """A server, or several hosts of which one serves. Never shows a password."""

    #: The URL with its secrets masked.
    name: str
    #: The URL as asyncpg takes it.
    dsn: str = field(repr=False)
    hosts: tuple[tuple[str, int], ...]
    #: ``any``, ``read-write``, ``read-only``, ``primary``, ``standby`` or ``prefer-standby``.
    session_attributes: str
    is_balanced: bool
    #: How long a host is waited for, in seconds; None when the URL does not say.
    connect_timeout_s: float | None
    application_name: str
    #: What the session is set to: names and values as of ``SET``.
    settings: dict[str, str]
    #: What the socket is set to: ``keepalives`` and so on, numbers.
    keepalives: dict[str, int]
    #: The URLs of standbys to read from, and how far one may be behind.
    replicas: tuple[str, ...] = field(repr=False)
    max_lag_ms: int
    #: Made here where asyncpg does not know what the URL asks for.
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Server:
        """Read the URL; raise ``ConfigurationError`` for what cannot be kept."""
        name, parts = masked(url), urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))

        def refuse(parameter: str, why: str) -> ConfigurationError:
            return ConfigurationError(f"{name}: {parameter}: {why}")

        def take(parameter: str, default: str, read: Callable[[str], Any]) -> Any:
            text = given.pop(parameter, default)
            try:
                return read(text)
            except ValueError as error:
                raise refuse(parameter, str(error)) from None

        for parameter, (values, why) in _ONLY.items():
            value = given.pop(parameter, None)
            if value is not None and value not in values:
                allowed = f"; {' or '.join(values)} can be given" if values else ""
                raise refuse(parameter, f"{value!r} is not supported: {why}{allowed}")
        hosts = take("host", "", str)
        ports = take("port", "", _ports)
        keepalives = {"keepalives": take("keepalives", "1", _whole)}
        for parameter, default in {**_KEEPALIVE, "tcp_user_timeout": 0}.items():
            keepalives[parameter] = take(parameter, str(default), _whole)
        attributes = take(
            "target_session_attrs",
            os.environ.get("PGTARGETSESSIONATTRS", "any"),
            _one_of(_SESSION_ATTRIBUTES),
        )
        balanced = take("load_balance_hosts", "disable", _one_of(("disable", "random")))
        timeout = take("connect_timeout", os.environ.get("PGCONNECT_TIMEOUT", "0"), _whole)
        fallback = given.pop("fallback_application_name", "") or "atlas"
        application = given.pop("application_name", "") or os.environ.get("PGAPPNAME") or fallback
        settings = take("options", "", _settings)
        replicas = tuple(value for key, value in parse_qsl(parts.query) if key == "replica")
        given.pop("replica", None)
        max_lag_ms = take("max_lag_ms", "1000", _whole)
        if "sslmode" in given:
            given["sslmode"] = take("sslmode", "", _one_of(_SSL_MODES))
        context = _system_context(given, refuse)
        for parameter in _FILES:
            if (path := given.get(parameter)) and not os.access(path, os.R_OK):
                raise refuse(parameter, f"the file {path} is not there, or cannot be read")
        own = {key: given.pop(key) for key in [*given] if key in _OF_ASYNCPG}
        netloc = parts.netloc.rpartition("@")
        found = _hosts(netloc[2] or hosts, ports, encoded=bool(netloc[2]))
        if found is None:
            raise refuse("port", f"there are {len(ports)} ports for the hosts {netloc[2] or hosts}")
        dsn = parts._replace(netloc=f"{netloc[0]}{netloc[1]}", query=urlencode(own))
        return cls(
            name,
            urlunsplit(dsn) if dsn.netloc or dsn.path else f"postgresql:///?{dsn.query}",
            found,
            attributes,
            balanced == "random",
            float(max(timeout, 2)) if timeout > 0 else None,  # as libpq, which waits for 2 s
            application,
            settings | given,
            keepalives,
            replicas,
            max_lag_ms,
            context,
        )

    def in_order(self) -> list[tuple[str, int]]:
        """Return the hosts in the order in which a new connection tries them."""
        hosts = list(self.hosts)
        if self.is_balanced:
            random.shuffle(hosts)
        return hosts

    def host_timeout_s(self, timeout_s: float) -> float:
        """Return how long one host is waited for, where connecting may take ``timeout_s``."""
        if self.connect_timeout_s is not None:
            return min(self.connect_timeout_s, timeout_s)
        count = len(self.hosts)
        return timeout_s if count == 1 else min(_HOST_TIMEOUT_S, timeout_s / count)

    def arguments(self, host: tuple[str, int]) -> dict[str, Any]:
        """Return what asyncpg is given to connect to one of the hosts."""
        arguments: dict[str, Any] = {
            "dsn": self.dsn,
            # The only one that every pooler takes when a connection is opened.
            "server_settings": {"application_name": self.application_name},
        }
        if host != ANY_HOST:
            arguments["host"], arguments["port"] = host[0], host[1] or None
        if self.ssl_context is not None:
            arguments["ssl"] = self.ssl_context
        return arguments


def shown_host(host: tuple[str, int]) -> str:
    """Return how an error calls a host."""
    if host == ANY_HOST:
        return "the host"
    return f"{host[0]}:{host[1]}" if host[1] else host[0]


def _hosts(text: str, ports: list[int], *, encoded: bool) -> tuple[tuple[str, int], ...] | None:
    """Return the hosts of a list as libpq has it; None when the ports are not as many."""
    if not text:
        return (ANY_HOST,) if not ports else (("localhost", ports[0]),)
    found = []
    for each in text.split(","):
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", each)
        host = each if match is None else match[1].strip("[]")
        found.append((unquote(host) if encoded else host, int(match[2] or 0) if match else 0))
    if len(ports) not in (0, 1, len(found)):
        return None
    by_place = ports * len(found) if len(ports) == 1 else ports or [0] * len(found)
    return tuple(
        (h or "localhost", port or p) for (h, port), p in zip(found, by_place, strict=True)
    )


def _system_context(
    given: dict[str, str], refuse: Callable[[str, str], ConfigurationError]
) -> ssl.SSLContext | None:
    """Return TLS by the certificates of the system, if ``sslrootcert=system`` asks for it."""
    if given.get("sslrootcert") != "system":
        return None
    del given["sslrootcert"]
    mode = given.pop("sslmode", "verify-full")
    if mode != "verify-full":  # as libpq: anybody has a certificate that the system trusts
        raise refuse("sslrootcert", f"system needs sslmode=verify-full, and it is {mode}")
    context = ssl.create_default_context()
    if "sslcert" in given:
        password = given.pop("sslpassword", "")
        certificate, key = given.pop("sslcert"), given.pop("sslkey", None)
        try:
            context.load_cert_chain(certificate, key, lambda: password)
        except OSError as error:
            raise refuse("sslcert", f"{certificate} cannot be used: {error}") from None
    return context


def _ports(text: str) -> list[int]:
    ports = [_whole(port) if port else 0 for port in text.split(",")] if text else []
    if any(not 0 <= port < 2**16 for port in ports):
        raise ValueError(f"{text!r} is not a port; give a number up to 65535")
    return ports


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _one_of(values: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"{text!r} is not one of {', '.join(values)}")
        return text

    return read


def _settings(text: str) -> dict[str, str]:
    """Return the settings of libpq's ``options``, which has them as the server's command line."""
    settings, rest = {}, text.strip()
    while rest:
        match = _OPTION.match(rest)
        if match is None:
            raise ValueError(f"{rest!r} is not understood; write -c NAME=VALUE")
        settings[match[1].replace("-", "_")] = re.sub(r"\\(.)", r"\1", match[2])
        rest = rest[match.end() :]
    return settings

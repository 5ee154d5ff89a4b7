"""Database URLs: what is understood, what is refused, and that no password is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from atlas import ConfigurationError
from atlas.engine.url import DatabaseURL, masked

SENTINEL = "Sentinel"
SUPPORTED = ("file:PATH", "sqlite:///PATH", ":memory:", "postgresql://", "postgres://", "cockroach")


# --- files


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:data.db", "{cwd}/data.db"),
        ("file:./data.db", "{cwd}/data.db"),
        ("file:sub/data.db", "{cwd}/sub/data.db"),
        ("file:../data.db", "{cwd}/../data.db"),
        ("file:/srv/data.db", "/srv/data.db"),
        ("file:///srv/data.db", "/srv/data.db"),
        ("file://localhost/srv/data.db", "/srv/data.db"),
        ("sqlite:///data.db", "{cwd}/data.db"),
        ("sqlite:///sub/data.db", "{cwd}/sub/data.db"),
        ("sqlite:////srv/data.db", "/srv/data.db"),
        ("FILE:data.db", "{cwd}/data.db"),
        ("  file:data.db\n", "{cwd}/data.db"),
        ("file:a b.db", "{cwd}/a b.db"),
        ("file:a%20b.db", "{cwd}/a b.db"),
        ("file:100%.db", "{cwd}/100%.db"),
        ("file:100%25.db", "{cwd}/100%.db"),
        ("file:why%3F.db", "{cwd}/why?.db"),
        ("file:a#b.db", "{cwd}/a#b.db"),
        ("file:données-数据.db", "{cwd}/données-数据.db"),
        ("file:donn%C3%A9es.db", "{cwd}/données.db"),
        ("file:~/data.db", "{home}/data.db"),
        ("sqlite:///~/data.db", "{home}/data.db"),
        ("file:./~/data.db", "{cwd}/~/data.db"),
        ("file:~.db", "{cwd}/~.db"),
        ("file:///~/data.db", "/~/data.db"),
        ("file:%3Amemory%3A.db", "{cwd}/:memory:.db"),
    ],
)
def test_file_is_an_absolute_path(
    text: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each spelling of a file's URL names one absolute path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/of-atlas")
    url = DatabaseURL.parse(text)
    assert url.engine_type == "sqlite"
    assert url.target == path.format(cwd=tmp_path, home="/home/of-atlas")
    assert str(url) == url.target
    assert url.options == {}


@pytest.mark.parametrize(
    "text", [":memory:", "file::memory:", "sqlite://", "sqlite:///:memory:", ":memory:?pool_size=2"]
)
def test_memory_is_no_file(text: str) -> None:
    """Each spelling of a database in memory is ``:memory:`` to the engine."""
    assert DatabaseURL.parse(text).target == ":memory:"


# --- servers


@pytest.mark.parametrize(
    ("text", "engine_type", "target"),
    [
        ("postgresql://db.example/atlas", "postgres", "postgresql://db.example/atlas"),
        ("postgres://db.example/atlas", "postgres", "postgresql://db.example/atlas"),
        ("PostgreSQL://db.example/atlas", "postgres", "postgresql://db.example/atlas"),
        (
            "cockroachdb://db.example:26257/atlas?untested=1",
            "cockroach",
            "postgresql://db.example:26257/atlas",
        ),
        ("postgresql://", "postgres", "postgresql://"),
        ("postgresql:///atlas", "postgres", "postgresql:///atlas"),
        ("postgresql://[::1]:5433/atlas", "postgres", "postgresql://[::1]:5433/atlas"),
        ("postgresql://a:1,b:2/atlas", "postgres", "postgresql://a:1,b:2/atlas"),
        ("postgresql://me@%2Ftmp%2Fpg/atlas", "postgres", "postgresql://me@%2Ftmp%2Fpg/atlas"),
        ("postgresql://db/my%20db", "postgres", "postgresql://db/my%20db"),
        (
            "postgresql://postgres:@/postgres?host=/tmp/of atlas",
            "postgres",
            "postgresql://postgres:@/postgres?host=/tmp/of+atlas",
        ),
    ],
)
def test_server_keeps_its_parts(text: str, engine_type: str, target: str) -> None:
    """A server's URL is handed on in the spelling that asyncpg understands."""
    url = DatabaseURL.parse(text)
    assert (url.engine_type, url.target) == (engine_type, target)


def test_options_of_the_engine_are_taken_out() -> None:
    """Options of Atlas leave the URL; the driver's own stay in it."""
    url = DatabaseURL.parse(
        "postgresql://me@db/atlas?sslmode=require&pool_size=7&host=/run/pg&log_queries=yes"
        "&application_name=a%40b"
    )
    assert url.options == {"pool_size": 7, "log_queries": True}
    assert parse_qs(urlsplit(url.target).query) == {
        "sslmode": ["require"],
        "host": ["/run/pg"],
        "application_name": ["a@b"],
    }


@pytest.mark.parametrize(
    "password", ["a@b", "a:b", "a/b", "a%b", "100%25", "a?b#c", "a b+c", "ü", "@"]
)
def test_password_reaches_the_driver(password: str) -> None:
    """A percent-encoded password arrives as it was, whatever it holds."""
    url = DatabaseURL.parse(f"postgresql://me:{quote(password, safe='')}@db/atlas")
    parts = urlsplit(url.target)
    assert unquote(parts.password or "") == password
    assert (parts.username, parts.hostname, parts.path) == ("me", "db", "/atlas")
    given = DatabaseURL.parse(f"postgresql://db/atlas?password={quote(password, safe='')}")
    assert parse_qs(urlsplit(given.target).query)["password"] == [password]


@pytest.mark.parametrize("password", ["a@b", "a:b", "a%b", "a#b"])
def test_harmless_characters_need_no_encoding(password: str) -> None:
    """A password that ends before the last @ is understood without percent-encoding."""
    url = DatabaseURL.parse(f"postgresql://me:{password}@db/atlas")
    assert unquote(urlsplit(url.target).password or "") == password


# --- options


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("pool_size=9", {"pool_size": 9}),
        ("acquire_timeout_ms=1&busy_timeout_ms=0", {"acquire_timeout_ms": 1, "busy_timeout_ms": 0}),
        ("synchronous=normal", {"synchronous": "NORMAL"}),
        ("log_queries=TRUE&log_parameters=off", {"log_queries": True, "log_parameters": False}),
        ("statement_cache=0", {"statement_cache": 0}),
    ],
)
@pytest.mark.parametrize(
    "location", ["file:data.db", "sqlite:///data.db", ":memory:", "postgres://db"]
)
def test_options_have_their_type(location: str, query: str, options: dict[str, Any]) -> None:
    """Options in any URL become numbers, names and switches."""
    assert DatabaseURL.parse(f"{location}?{query}").options == options


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("pool_size=many", "pool_size is 'many'; give a whole number"),
        ("pool_size=", "pool_size is ''; give a whole number"),
        ("pool_size", "pool_size is ''; give a whole number"),
        ("pool_size=0", "pool_size is 0; give a whole number from 1"),
        ("pool_size=-1", "pool_size is -1"),
        ("pool_size=" + "9" * 5000, "give a whole number"),
        ("statement_cache=4294967296", "give a whole number from 0 to 2147483647"),
        ("synchronous=maybe", "synchronous is 'MAYBE'; give one of OFF, NORMAL, FULL, EXTRA"),
        ("log_queries=perhaps", "log_queries is 'perhaps'; give 1 or 0"),
    ],
)
@pytest.mark.parametrize("location", ["file:data.db", "postgres://db"])
def test_wrong_option_is_refused(location: str, query: str, message: str) -> None:
    """An option's value that cannot be used is named, with what can."""
    with pytest.raises(ConfigurationError, match=message):
        DatabaseURL.parse(f"{location}?{query}")


@pytest.mark.parametrize("location", ["file:data.db", "sqlite:///data.db", ":memory:"])
@pytest.mark.parametrize("query", ["poolsize=2", "mode=ro", "cache=shared", "pool_size=2&key=x"])
def test_unknown_option_of_a_file_is_refused(location: str, query: str) -> None:
    """An option that SQLite's URL does not have is named, with those it has."""
    with pytest.raises(ConfigurationError, match=r"unknown option \w+; there are: pool_size, "):
        DatabaseURL.parse(f"{location}?{query}")


# --- refused


@pytest.mark.parametrize(
    "text",
    ["mysql://me@db/atlas", "postgresql+asyncpg://db/atlas", "", "   ", "data.db", "/srv/data.db",
     "C:\\data.db", "oracle:x", "memory:", "://", "?pool_size=2"],
)  # fmt: skip
def test_other_urls_are_refused(text: str) -> None:
    """Anything that is not a URL of Atlas is refused, and the message says what is."""
    with pytest.raises(
        ConfigurationError, match="is not a database URL that Atlas knows"
    ) as caught:
        DatabaseURL.parse(text)
    for name in SUPPORTED:
        assert name in str(caught.value)


@pytest.mark.parametrize("scheme", ["libsql", "https", "http", "ws", "wss", "LibSQL"])
def test_remote_libsql_is_refused(scheme: str) -> None:
    """A URL of remote libSQL is refused as such, without its token."""
    with pytest.raises(ConfigurationError, match="remote libSQL is not supported") as caught:
        DatabaseURL.parse(f"{scheme}://atlas.example?authToken={SENTINEL}")
    assert SENTINEL not in str(caught.value)
    for name in SUPPORTED:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file:", "path is missing"),
        ("file://", "path is missing"),
        ("sqlite:///", "path is missing"),
        ("file:a%00.db", "NUL"),
        ("file:%FF.db", "not UTF-8"),
        ("file://server/data.db", "names no host"),
        ("file://data.db", "names no host"),
        ("sqlite:data.db", "sqlite:///PATH for a relative"),
        ("sqlite://data.db", "sqlite:///PATH for a relative"),
        ("sqlite:/srv/data.db", "sqlite:////PATH for an absolute"),
    ],
)
def test_malformed_file_is_refused(text: str, message: str) -> None:
    """A file's URL that names no path is refused, saying why."""
    with pytest.raises(ConfigurationError, match=message):
        DatabaseURL.parse(text)


@pytest.mark.parametrize(
    "text",
    ["postgresql:db", "postgresql://db:port/atlas", "postgresql://db:99999/atlas",
     "postgresql://[::1/atlas", "postgresql://a,,b/atlas", "postgresql://db/atlas?pool-size=2"],
)  # fmt: skip
def test_malformed_server_is_refused(text: str) -> None:
    """A server's URL that cannot be read is refused, saying how to write it."""
    with pytest.raises(ConfigurationError, match="postgresql://USER:PASSWORD@HOST:PORT/DATABASE"):
        DatabaseURL.parse(text)


# --- secrets


@pytest.mark.parametrize(
    "text",
    [f"postgresql://me:{SENTINEL}@db:5432/atlas", f"postgres://me:{SENTINEL}%40x@db/atlas",
     f"postgresql://me:x%3A{SENTINEL}%2Fy%25@db/atlas", f"cockroachdb://me:{SENTINEL}@db/atlas?untested=1",
     f"postgresql://me:x@{SENTINEL}@db/atlas", f"postgresql://me:x#{SENTINEL}@db/atlas",
     f"postgresql://db/atlas?password={SENTINEL}", f"postgresql://db/atlas?PASSWORD={SENTINEL}",
     f"postgresql://db/atlas?p%61ssword={SENTINEL}",
     f"postgresql://db/atlas?sslmode=require&sslpassword={SENTINEL}",
     f"postgresql://me:{SENTINEL}@db/atlas?application_name=a@b"],
)  # fmt: skip
def test_password_is_not_shown(text: str) -> None:
    """Neither ``str`` nor ``repr`` of a URL holds its password; both hold the rest."""
    url = DatabaseURL.parse(text)
    assert SENTINEL in url.target
    for shown in (str(url), repr(url)):
        assert SENTINEL not in shown
        assert "***" in shown
        assert "db" in shown
        assert "atlas" in shown


@pytest.mark.parametrize(
    "text",
    [f"postgresql://me:x/{SENTINEL}@db/atlas", f"postgresql://me:1/{SENTINEL}@db/atlas",
     f"postgresql://me:x?{SENTINEL}@db/atlas", f"postgresql://me:1?{SENTINEL}@db/atlas",
     f"postgresql://me:{SENTINEL}@db:port/atlas", f"postgresql://me:{SENTINEL}@db/atlas?pool_size=x",
     f"postgresql://me:{SENTINEL}@db/atlas?pool-size=2", f"postgresql:me:{SENTINEL}@db/atlas",
     f"mysql://me:{SENTINEL}@db/atlas", f"mysql://db/atlas?token={SENTINEL}",
     f"https://db?authToken={SENTINEL}", f"libsql://me:{SENTINEL}@db", f"me:{SENTINEL}@db/atlas",
     f"file://me:{SENTINEL}@db/atlas", f"sqlite://me:{SENTINEL}@db/atlas", f"file:x?key={SENTINEL}",
     f"file://me:{SENTINEL}@db/atlas?unknown={SENTINEL}"],
)  # fmt: skip
def test_refusal_does_not_show_the_password(text: str) -> None:
    """The message about a URL that is refused does not hold its password or token."""
    with pytest.raises(ConfigurationError) as caught:
        DatabaseURL.parse(text)
    assert SENTINEL not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_every_url_in_a_text_is_masked() -> None:
    """A log line that quotes URLs loses their passwords and nothing else."""
    text = f"from postgres://a:{SENTINEL}@x/y to postgres://b:{SENTINEL}@z?password={SENTINEL} done"
    assert masked(text) == "from postgres://a:***@x/y to postgres://b:***@z?password=*** done"
    assert masked("postgresql://me@db:5432/atlas?sslmode=require") == (
        "postgresql://me@db:5432/atlas?sslmode=require"
    )

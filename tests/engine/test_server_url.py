"""The parameters of a server's URL are taken as libpq takes them, or refused by name."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from atlas import ConfigurationError, DatabaseServerError, create_client
from atlas.engine.postgres.server import Server
from atlas.sql_shell import _psql

SENTINEL = "Sentinel"


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ("channel_binding=require", "channel_binding"),
        ("gssencmode=require", "gssencmode"),
        ("client_encoding=latin1", "client_encoding"),
        ("hostaddr=10.0.0.1", "hostaddr"),
        ("require_auth=scram-sha-256", "require_auth"),
        ("replication=database", "replication"),
        ("target_session_attrs=nope", "target_session_attrs: 'nope' is not one of any"),
        ("load_balance_hosts=often", "load_balance_hosts"),
        ("sslmode=maybe", "sslmode: 'maybe' is not one of disable"),
        ("sslmode=verify-full&sslrootcert=/not/there.crt", "sslrootcert: the file /not/there.crt"),
        ("sslmode=require&sslrootcert=system", "sslrootcert: system needs sslmode=verify-full"),
        ("connect_timeout=soon", "connect_timeout: 'soon' is not a whole number"),
        ("keepalives_idle=x", "keepalives_idle"),
        ("port=70000", "port: '70000' is not a port"),
        ("options=geqo%3Doff", "options: 'geqo=off' is not understood"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(parameter: str, name: str) -> None:
    """The error names the parameter and the reason, before anything is opened."""
    with pytest.raises(ConfigurationError) as caught:
        create_client(f"postgresql://me:{SENTINEL}@db/atlas?{parameter}")
    assert name in str(caught.value)
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize(
    "parameter",
    [
        *("channel_binding=prefer", "gssencmode=disable", "client_encoding=UTF8", "sslsni=1"),
        *("keepalives=0", "tcp_user_timeout=9000", "passfile=/x", "service=atlas"),
        *("sslmode=verify-full&sslrootcert=system", "sslmode=require&sslnegotiation=direct"),
    ],
)
def test_what_can_be_kept_is_taken(parameter: str) -> None:
    """None of libpq's own parameters becomes a setting that the server would refuse."""
    assert Server.of(f"postgresql://db/atlas?{parameter}").settings == {}


def test_hosts_are_those_of_libpq() -> None:
    """Several hosts have a port each, or one for all; no host is that of the environment."""
    hosts = {
        "postgresql://a:1,b:2/x": (("a", 1), ("b", 2)),
        "postgresql://a,b:2/x": (("a", 0), ("b", 2)),
        "postgresql://[::1]:5433/x": (("::1", 5433),),
        "postgresql:///x?host=/run,b&port=1,2": (("/run", 1), ("b", 2)),
        "postgresql:///x?host=a,b&port=7": (("a", 7), ("b", 7)),
        "postgresql:///x": (("", 0),),
    }
    assert {url: Server.of(url).hosts for url in hosts} == hosts
    with pytest.raises(ConfigurationError, match="2 ports"):
        Server.of("postgresql:///x?host=a,b,c&port=1,2")


def test_hosts_are_tried_in_any_order_on_request() -> None:
    """``load_balance_hosts=random`` spreads the connections; without it the order stays."""
    spread = Server.of("postgresql://a,b,c/x?load_balance_hosts=random")
    assert len({spread.in_order()[0] for _ in range(100)}) > 1
    fixed = Server.of("postgresql://a,b,c/x")
    assert {fixed.in_order()[0] for _ in range(20)} == {("a", 0)}


def test_settings_are_those_of_options_and_of_the_rest() -> None:
    """``options`` has settings as the server's command line has them."""
    server = Server.of(
        "postgresql://db/x?options=-c%20work_mem%3D4MB%20--search-path%3Da%5C%20b&lock_timeout=3"
    )
    assert server.settings == {"work_mem": "4MB", "search_path": "a b", "lock_timeout": "3"}


async def test_session_says_who_it_is(postgres_url: str) -> None:
    """The server sees the application's name: "atlas", or that of the URL."""
    for more, expected in (("", "atlas"), ("&application_name=sync", "sync")):
        async with create_client(f"{postgres_url}{more}") as db, db.connection() as connection:
            assert await connection.fetchval("SHOW application_name") == expected


async def test_settings_outlive_what_a_program_sets(postgres_url: str) -> None:
    """A session that a statement changed is the next caller's as the URL asks for it."""
    from atlas import Entity

    url = f"{postgres_url}&work_mem=1234kB&pool_size=1"
    async with create_client(url, read_only=True):
        for _ in range(2):
            assert await Entity.raw("SHOW work_mem") == [{"work_mem": "1234kB"}]
            await Entity.raw("SET work_mem = '2MB'")
            await Entity.raw("SET default_transaction_read_only = off")
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await Entity.raw("CREATE TABLE made (a int)")


@pytest.mark.parametrize(("kind", "is_there"), [("primary", True), ("standby", False)])
async def test_server_of_another_kind_is_passed_over(
    kind: str, is_there: bool, postgres_url: str
) -> None:
    """``target_session_attrs`` that no host has is named; one that a host has is used."""
    client = create_client(f"{postgres_url}&target_session_attrs={kind}")
    if is_there:
        await client.open()
        await client.close()
        return
    with pytest.raises(DatabaseServerError, match="is not standby, as target_session_attrs"):
        await client.open()


def test_psql_gets_what_it_knows_and_no_secret() -> None:
    """Passwords go by the environment and a file; settings by PGOPTIONS."""
    url = (
        f"postgresql://me:{SENTINEL}1@db/x?sslmode=require&sslpassword={SENTINEL}2"
        "&load_balance_hosts=random&work_mem=1MB&application_name=mine"
    )
    words, environment = _psql({"dsn": url})
    assert words == ["psql", "postgresql://me@db/x?sslmode=require&application_name=mine"]
    assert environment["PGPASSWORD"] == f"{SENTINEL}1"
    assert environment["PGOPTIONS"] == "-c work_mem=1MB"
    file = Path(environment["PGSERVICEFILE"])
    assert file.read_text() == f"[{environment['PGSERVICE']}]\nsslpassword={SENTINEL}2\n"
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()

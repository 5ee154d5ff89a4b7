"""What a request must be before the site sees it: of this page, whole, small, and JSON or a form.

In: requests from anywhere. Out: those of the page's own, with their bodies read; or a
refusal of one sentence, with a status of 4xx. Knows no table and no user.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import socket
from collections.abc import Iterable
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: More than any form of the 38 tables has.
MOST_BYTES = 1024 * 1024

MOST_FIELDS = 100

#: How long a browser may take to send the body of a request.
BODY_TIMEOUT_S = 10.0

#: Where ``Guard`` leaves what a body gives, as a dict, for the parts behind it.
PARSED = "atlas.body"

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


class Hosts(tuple[str, ...]):
    """The names that a browser may call the server by; a tuple, as Piccolo Admin wants one.

    With ``addresses`` also every IP address: no DNS server can make one of them point
    elsewhere, so a page of somebody else's cannot take on its name (DNS rebinding).
    """

    addresses: bool

    def __new__(cls, names: Iterable[str], *, addresses: bool = False) -> Hosts:
        """Make the names comparable."""
        made = super().__new__(cls, (name.strip("[]").lower() for name in names))
        made.addresses = addresses
        return made

    def __contains__(self, host: object) -> bool:
        if super().__contains__(host):
            return True
        try:
            return self.addresses and bool(ipaddress.ip_address(str(host)))
        except ValueError:
            return False

    @classmethod
    def of(cls, host: str, more: Iterable[str] = ()) -> Hosts:
        """Return the names of a server that listens on ``host``, and ``more`` that it is given."""
        if is_loopback(host):
            return cls(["127.0.0.1", "localhost", "::1", host, *more])
        own = socket.gethostname()
        return cls(["localhost", own, f"{own}.local", host, *more], addresses=True)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class RefusedError(Exception):
    """A request that is answered with a sentence instead."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.response = JSONResponse({"detail": sentence}, status)
        if status in (408, 413):  # the rest of the body is not waited for
            self.response.headers["Connection"] = "close"


class Guard:
    """Refuses what the page would never send; hands on the rest with its body read."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        try:
            self._check_host(request)
            if request.method not in SAFE_METHODS:
                self._check_origin(request)
            body = await _body(request)
            scope[PARSED] = _parsed(request, body)
        except RefusedError as error:
            await error.response(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    def _check_host(self, request: Request) -> None:
        named = _host_of(f"//{request.headers.get('host', '')}")
        if named not in self._hosts:
            raise RefusedError(
                "The page is not known by this name. Start it with --allow-host NAME for each name "
                "that browsers may use.",
                400,
            )

    def _check_origin(self, request: Request) -> None:
        """Refuse what another site's page makes a browser send.

        A browser says where a request comes from in Origin, in Sec-Fetch-Site, or in Referer;
        what says nothing is not a browser, and has no cookie but its own.
        """
        headers = request.headers
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError("This request comes from another site.", 403)
        origin = headers.get("origin", headers.get("referer"))
        if origin is None:
            return
        try:
            netloc = urlsplit(origin).netloc.lower()
        except ValueError:
            netloc = ""
        if netloc != headers.get("host", "").lower():
            raise RefusedError("This request comes from another site.", 403)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


async def _body(request: Request) -> bytes:
    body = bytearray()
    too_large = RefusedError(f"The body is larger than {MOST_BYTES} bytes.", 413)
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 18 or int(length) > MOST_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise too_large
    except TimeoutError:
        raise RefusedError(
            f"The body was not sent within {BODY_TIMEOUT_S:.0f} seconds.", 408
        ) from None
    return bytes(body)


def _parsed(request: Request, body: bytes) -> dict[str, Any] | None:
    """Return the names and values that a body gives, in JSON or as a form; None without a body.

    What is between the two is refused, so that no part behind reads one for the other.
    """
    if not body or request.method in SAFE_METHODS:
        return None
    kind = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if kind == _FORM:
        try:
            text = body.decode()
            if text.lstrip()[:1] in ("{", "[", '"'):
                raise RefusedError("The form is not a form, but JSON.", 400)
            return dict(parse_qsl(text, True, errors="strict", max_num_fields=MOST_FIELDS))
        except ValueError as error:  # UnicodeDecodeError is one
            raise RefusedError(f"The form cannot be read: {_said(error)}.", 400) from None
    if kind != _JSON:
        raise RefusedError(f"A body is {_JSON}, or {_FORM} for a login.", 415)
    try:
        given = json.loads(body, parse_constant=_refuse_constant, parse_float=_float)
        json.dumps(given, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"The body is not JSON that can be read: {_said(error)}.", 400) from None
    if not isinstance(given, dict):
        raise RefusedError("The body is not a JSON object of names and values.", 422)
    return given


def _said(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case UnicodeError():
            return "it is not text in UTF-8"
    return str(error)[:200]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON's")


def _float(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

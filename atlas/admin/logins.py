"""How often somebody may be wrong: failed logins are counted, per user and address, for a time.

In: requests with a password in them, and what the site answers. Out: the same, or a pause of
429 that ends by itself. Visits and logins that are right count for nothing. What is counted
is in memory only, and bounded.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas.admin.guard import PARSED
from atlas.admin.passwords import weakness

#: The requests that carry a password which may be wrong.
_LOGIN, _CHANGE = "/public/login/", "/api/change-password/"

#: So many may fail for one user from one address, and from one address for any users, within
#: so many seconds. Whoever guesses from elsewhere does not keep the owner out.
PER_USER, PER_ADDRESS, WITHIN_S = 20, 100, 300.0

#: So many users and addresses are remembered; the ones heard of longest ago are forgotten first.
_MOST_KEYS = 10_000


class Failures:
    """The moments of the last failures, by key."""

    def __init__(self, most: int, within_s: float = WITHIN_S) -> None:
        self._most = most
        self._within_s = within_s
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def pause_s(self, key: str) -> float:
        """Return how many seconds are left until the next try is looked at; 0 for now."""
        moments = self._moments.get(key)
        if moments is None or len(moments) < self._most:
            return 0.0
        return max(0.0, moments[0] + self._within_s - time.monotonic())

    def add(self, key: str) -> None:
        """Count a try; it is taken back with ``take_back`` if it was no failure."""
        moments = self._moments.setdefault(key, deque(maxlen=self._most))
        moments.append(time.monotonic())
        self._moments.move_to_end(key)
        if len(self._moments) > _MOST_KEYS:
            self._moments.popitem(last=False)

    def take_back(self, key: str) -> None:
        """Forget the try that was counted last."""
        if moments := self._moments.get(key):
            moments.pop()


class LimitedLogins:
    """Lets a password be tried, unless too many were wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._of_user, self._of_address = Failures(PER_USER), Failures(PER_ADDRESS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or scope["path"] not in (_LOGIN, _CHANGE)
        ):
            await self._app(scope, receive, send)
            return
        try:
            user = _user(scope)
            if scope["path"] == _CHANGE:
                _check_new_password(scope)
        except ValueError as error:
            await JSONResponse({"detail": str(error)}, 422)(scope, receive, send)
            return
        address = _address(scope)
        counted = ((self._of_user, f"{address} {user}"), (self._of_address, address))
        pause_s = max(failures.pause_s(key) for failures, key in counted)
        if pause_s > 0:
            response = JSONResponse(
                {"detail": f"Too many failed logins. Try again in {math.ceil(pause_s)} seconds."},
                429,
                {"Retry-After": str(math.ceil(pause_s))},
            )
            await response(scope, receive, send)
            return
        # Counted before it is known, so that many at the same moment are not more tries.
        for failures, key in counted:
            failures.add(key)
        failed = False

        async def watched(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start":
                failed = _is_failure(message, scope["path"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if not failed:
                for failures, key in counted:
                    failures.take_back(key)


def _is_failure(message: Message, path: str) -> bool:
    """Return whether the answer says that a password was wrong.

    Stock answers a failed login of a form with 200, but gives no session with it, and a wrong
    password at a change of it with 422. Who is not logged in has tried none there.
    """
    status = message["status"]
    if path == _CHANGE:
        return status in (200, 422)
    if status == 401:
        return True
    gives_session = any(
        name.lower() == b"set-cookie" and value.startswith(b"id=")
        for name, value in message["headers"]
    )
    return status == 200 and not gives_session


def _user(scope: Scope) -> str:
    """Return who is to be logged in, "" for who is; raise ``ValueError`` for what is no text."""
    given = scope.get(PARSED) or {}
    for name, value in given.items():
        if not isinstance(value, str):
            raise ValueError(f"{name[:100]} is not a text.")
    return str(given.get("username", ""))[:100]


def _check_new_password(scope: Scope) -> None:
    given = scope.get(PARSED) or {}
    if (new := given.get("new_password")) and (sentence := weakness(new, "")):
        raise ValueError(sentence)


def _address(scope: Scope) -> str:
    """Return whose request it is; of IPv6 the network, as one person has all addresses of it."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

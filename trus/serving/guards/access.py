"""Who may ask: under which name, from which page, with which token."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
"""Asked by probes, which have no token and come by address; they tell nothing."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class HostCheck:
    """The header Host against DNS rebinding, and Origin against pages of other sites.

    A page in the clinic's browser can make a name of its own point at this service and then read its answers; the name
    gives it away. Addresses under which the connection itself arrived are fine.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings):
        self.app = app
        self._named = {name.lower() for name in (*LOOPBACK, *settings.allowed_hosts, _bracketed(settings.host))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] not in OPEN:
            self._check_host(scope)
            self._check_origin(scope)
        await self.app(scope, receive, send)

    def _check_host(self, scope: Scope) -> None:
        given = _values(scope, b"host")
        if len(given) != 1:
            raise Problem(400, "Bad request", "send one header Host", "host")
        name, arrived = _host_name(given[0]), _bracketed((scope.get("server") or ("",))[0])
        if name not in self._named and name != arrived:
            detail = "this service does not answer to the name in the header Host; start it with --allowed-host NAME"
            raise Problem(421, "Unknown host", detail, "host")

    def _check_origin(self, scope: Scope) -> None:
        host = _values(scope, b"host")[0].lower()
        if any(origin.lower() not in (f"http://{host}", f"https://{host}") for origin in _values(scope, b"origin")):
            detail = "pages of other sites may not ask; ask without a browser, or from this service's own address"
            raise Problem(403, "Foreign origin", detail, "origin")


class Entrance(Protocol):
    """Another way in than the token, for the addresses that it `guards`: browsers keep a cookie."""

    def guards(self, path: str) -> bool:
        """Whether it answers for this address."""
        ...

    def admit(self, scope: Scope, send: Send) -> Send:
        """Raise Problem 401 or 403, or return what the answer is sent by."""
        ...


class TokenCheck:
    """Authorization: Bearer TOKEN, by its digest and in constant time. No digests: everybody may ask.

    Notes the digest in the scope as `caller`: whose jobs these are. `find_entrance` gives the way in beside the token.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, find_entrance: Callable[[], Entrance | None]):
        self.app, self._digests, self._find_entrance = app, settings.tokens, find_entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] not in OPEN:
            entrance = self._find_entrance()
            if entrance is not None and entrance.guards(scope["path"]):
                send = entrance.admit(scope, send)
            elif self._digests and not self._is_known(scope):
                headers = {"WWW-Authenticate": 'Bearer realm="trus"'}
                raise Problem(401, "No valid token", "send the header Authorization: Bearer TOKEN", "token", headers)
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        scheme, _, token = (_values(scope, b"authorization") or [""])[0].partition(" ")
        digest = hashlib.sha256(token.strip().encode("latin-1")).hexdigest()
        scope["caller"] = digest
        matches = [hmac.compare_digest(digest, known) for known in self._digests]  # all: no early end to measure
        return scheme.lower() == "bearer" and any(matches)


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]


def _host_name(authority: str) -> str:
    """`name:port` or `[address]:port` -> the name in lower case; empty where there is none."""
    name = authority.rpartition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]
    return name.lower()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

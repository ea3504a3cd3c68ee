"""What stands before the routes, outermost first: id, log and counters; then who may ask."""

import hashlib
import hmac
import json
import logging
import secrets
import time
import traceback

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trus.serving.problems import Problem
from trus.serving.service import Service

LOG = logging.getLogger("trus.access")
OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
"""Asked by probes, which have no token and come by address; they tell nothing."""


def guard(app: FastAPI, service: Service) -> None:
    """Add all of them to the application."""
    app.add_middleware(TokenCheck, service=service)
    app.add_middleware(Observation, service=service)


class Observation:
    """Gives each request an id, turns what nobody expected into a 500 without its text, counts, and logs one line.

    The line holds the route's template, never the path, the query string, a header or anything of the body.
    """

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = request_id = secrets.token_hex(8)
        started, status, size = time.perf_counter(), 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_common_headers(request_id, self.service)]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Problem as problem:
            await problem.response(request_id)(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - its text may hold anything of the request
            LOG.error(json.dumps({"request": request_id, "fault": type(error).__name__, "at": _places(error)}))
            if not status:
                await _fault().response(request_id)(scope, receive, sending)
        finally:
            self._record(scope, status, time.perf_counter() - started, size)

    def _record(self, scope: Scope, status: int, seconds: float, size: int) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self.service.metrics.requests.labels(route, scope["method"], status).inc()
        self.service.metrics.latency.labels(route).observe(seconds)
        line = {"request": scope["request_id"], "method": scope["method"], "route": route, "status": status}
        LOG.info(json.dumps(line | {"ms": round(1000 * seconds, 1), "bytes": size}))


class TokenCheck:
    """Authorization: Bearer TOKEN, compared by digest in constant time."""

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self.digests = app, service.settings.tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and self.digests and scope["path"] not in OPEN and not self._known(scope):
            headers = {"WWW-Authenticate": 'Bearer realm="trus"'}
            raise Problem(401, "No valid token", "send the header Authorization: Bearer TOKEN", "token", headers)
        await self.app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        digest = hashlib.sha256(token.strip()).hexdigest()
        matches = [hmac.compare_digest(digest, known) for known in self.digests]
        return scheme.lower() == b"bearer" and any(matches)


def _common_headers(request_id: str, service: Service) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    return [*headers, (b"connection", b"close")] if service.draining else headers


def _places(error: Exception) -> list[str]:
    return [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]


def _fault() -> Problem:
    return Problem(500, "Internal error", "a fault of the service; its log has this request's id", "fault")

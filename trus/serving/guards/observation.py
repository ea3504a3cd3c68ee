"""Each request's id, log line and counters; and the last resort for what nobody expected."""

import json
import logging
import secrets
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trus.serving.memory import Share
from trus.serving.problems import Problem
from trus.serving.service import Service

LOG = logging.getLogger("trus.serving")
CLIENT_LEFT = 499
"""In log and counters: the client went away before its answer. Never sent."""
METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH")


class Observation:
    """Gives a request its id, answers a Problem that was raised before the routes, counts, and logs one line.

    The line holds the route's template, never the path, the query string, a header or anything of the body. An
    exception that nobody expected becomes a 500; of it the log names the type and the places in the code, not the text.
    """

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        scope = {**scope, "request_id": secrets.token_hex(8), "method": "GET" if method == "HEAD" else method}
        answer = _Answer(scope, method, send, self.service)  # of HEAD the server sends the header only
        self.service.in_flight += 1
        try:
            with Share(self.service.memory) as scope["held"]:
                await self._answer(answer, receive)
        finally:
            self.service.in_flight -= 1
            self._record(answer)

    async def _answer(self, answer: "_Answer", receive: Receive) -> None:
        scope = answer.scope
        try:
            await self.app(scope, receive, answer.send)
        except Problem as problem:
            await answer.problem(problem, receive)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_LEFT
        except Exception as error:  # noqa: BLE001 - its text may hold anything of the request
            LOG.error(json.dumps({"request": scope["request_id"], "fault": type(error).__name__, "at": _places(error)}))
            detail = "a fault of the service; its log names it under this request's id"
            await answer.problem(Problem(500, "Internal error", detail, "fault"), receive)

    def _record(self, answer: "_Answer") -> None:
        scope, metrics, status = answer.scope, self.service.metrics, answer.status or CLIENT_LEFT
        route = getattr(scope.get("route"), "path", "unmatched")
        method = answer.method if answer.method in METHODS else "other"
        seconds = time.perf_counter() - answer.started
        metrics.requests.labels(route, method, status).inc()
        metrics.latency.labels(route).observe(seconds)
        if "problem" in scope:
            metrics.rejections.labels(scope["problem"]).inc()
        line = {"request": scope["request_id"], "method": method, "route": route, "status": status}
        LOG.info(json.dumps(line | {"ms": round(1000 * seconds, 1), "bytes": answer.size}))


class _Answer:
    """What is sent for one request, with its common headers."""

    def __init__(self, scope: Scope, method: str, send: Send, service: Service):
        self.scope, self.method, self._send, self._service = scope, method, send, service
        self.started, self.status, self.size = time.perf_counter(), 0, 0

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = message.get("headers", ())
            names = {name for name, _ in given}
            message["headers"] = [*given, *(header for header in self._headers() if header[0] not in names)]
        self.size += len(message.get("body", b""))
        await self._send(message)

    async def problem(self, problem: Problem, receive: Receive) -> None:
        """Answer with a problem, unless an answer was begun: then the connection is all that can be ended."""
        if self.status:
            raise ConnectionAbortedError("an answer that was begun could not be finished")
        await problem.response(self.scope)(self.scope, receive, self.send)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"x-request-id", self.scope["request_id"].encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        return [*headers, (b"connection", b"close")] if self._service.draining else headers


def _places(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]

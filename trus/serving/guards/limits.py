"""How much is taken in: requests at a time, header and body of each, and how slowly a body may come."""

import asyncio
import math
import time
from collections.abc import Awaitable
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trus.serving.problems import Problem, shutting_down
from trus.serving.service import Service

HEADER_BYTES, HEADER_LINES = 32 * 1024, 100
BODY_GRACE_S, BODY_RATE = 20.0, 16 * 1024
"""A body may take 20 s and a second more for each 16 KiB of it that has arrived."""
DISCARD_S = 2.0
SEGMENT = "/v1/segment"


class Admission:
    """Refuses what would only wait, before its body is read: new work while draining, frames where no model has a place
    for them, and more than can be queued."""

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self.service = app, service
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        await self._check(scope, receive)
        self._taken += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._taken -= 1

    async def _check(self, scope: Scope, receive: Receive) -> None:
        settings, service = self.service.settings, self.service
        if service.draining:
            await _discard(receive)
            raise shutting_down()
        if scope["path"] == SEGMENT:
            self._check_places()
        places = (len(service.models) + 1) * settings.queue + settings.decoders
        if self._taken >= places:
            waits = [math.ceil(m.engine.depth * m.engine.mean_seconds) for m in service.models.values()]
            seconds = str(max([1, *waits]))
            detail = f"{self._taken} requests are in hand; ask again in {seconds} s"
            raise Problem(429, "Too many requests", detail, "too-many", {"Retry-After": seconds})

    def _check_places(self) -> None:
        """Which model is asked for stands in the body: Problem 429 where none has a place."""
        refusals = []
        for model in self.service.models.values():
            try:
                model.engine.check_place()
            except Problem as refusal:
                refusals.append(refusal)
        if refusals and len(refusals) == len(self.service.models):
            raise refusals[0]


class BodyLimit:
    """Header and body within their limits, and in time. Ends the work of a client that went away.

    Raises Problem 413, 408 and 431.
    """

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self._most = app, service.settings.max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        _check_header(scope)
        body = _Body(scope, receive, send, self._most)
        if scope["method"] != "POST":
            await body.read_away()
        try:
            await _while_present(self.app(scope, body.receive, body.send), body)
        except Exception:
            if body.failure is None:
                raise
        if body.failure is not None:
            raise body.failure


class _Body:
    """One request's body as it comes in. `failure`: what went wrong with it, whatever its reader makes of that."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int):
        self._receive, self._send, self._most = receive, send, most
        self._started, self._bytes = time.monotonic(), 0
        self.failure: Exception | None = None
        self.read = asyncio.Event()
        self.left = asyncio.Event()
        if _declared(scope) > most:
            raise _too_large(most)

    async def receive(self) -> Message:
        """The next piece; once all is read, that the client has left."""
        if self.read.is_set():
            await self.left.wait()
            return {"type": "http.disconnect"}
        try:
            return await self._next()
        except Problem as problem:
            self.failure = problem
            raise

    async def read_away(self) -> None:
        """A body that no route reads: the client is watched from its end on. Raises Problem and ClientDisconnect."""
        while not self.read.is_set():
            await self._next()
            if self.failure is not None:
                raise self.failure

    async def send(self, message: Message) -> None:
        """Pass on an answer, but not what the routes made of a body that was cut off."""
        if self.failure is None:
            await self._send(message)

    async def wait_until_left(self) -> None:
        """Return when the client goes away after its request was read."""
        await self.read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def _next(self) -> Message:
        due = self._started + BODY_GRACE_S + self._bytes / BODY_RATE
        try:
            async with asyncio.timeout(due - time.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem(408, "Too slow", "the body did not arrive in time", "too-slow") from error
        if message["type"] == "http.disconnect":
            self.failure = ClientDisconnect()
            return message
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise _too_large(self._most)
        if not message.get("more_body", False):
            self.read.set()
        return message


async def _while_present(handling: Awaitable[None], body: _Body) -> None:
    """Let a request be handled until its client goes away: nobody would read the answer. Raises ClientDisconnect."""
    handled, left = asyncio.ensure_future(handling), asyncio.ensure_future(body.wait_until_left())
    try:
        await asyncio.wait({handled, left}, return_when=asyncio.FIRST_COMPLETED)
        if handled.done():
            handled.result()
        else:
            raise ClientDisconnect
    finally:
        for task in (handled, left):
            task.cancel()
        await asyncio.gather(handled, left, return_exceptions=True)


async def _discard(receive: Receive) -> None:
    """Read a body away: the connection is closed after the answer, which a client in the midst of it would not see."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            while (await receive()).get("more_body", False):
                pass


def _check_header(scope: Scope) -> None:
    size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope.get("raw_path") or b"")
    if size + len(scope["query_string"]) > HEADER_BYTES or len(scope["headers"]) > HEADER_LINES:
        detail = f"at most {HEADER_LINES} lines and {HEADER_BYTES} bytes are read"
        raise Problem(431, "Header too long", detail, "header")


def _declared(scope: Scope) -> int:
    """Content-Length; 0 without. The server has refused a malformed one."""
    return int(next((value for name, value in scope["headers"] if name == b"content-length"), b"0"))


def _too_large(most: int) -> Problem:
    return Problem(413, "Body too large", f"at most {most} bytes are read (--max-bytes)", "body")

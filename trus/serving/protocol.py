"""uvicorn's HTTP/1.1 protocol with the time-outs and limits that it lacks before a request reaches the application."""

import json
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from trus.serving.limits import HEADER_BYTES
from trus.serving.problems import MEDIA_TYPE

HEADER_S = 10.0
"""From the connection, or a request's first byte, to the end of its header."""
LINGER_S = 5.0
"""How long a client may go on sending a body whose answer it has: closed at once, it might not read the answer."""


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that say nothing, send their header byte by byte or without end, or a body for nothing."""

    _alarm: TimerHandle | None = None
    _in_header = True
    _in_body = False
    _header_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The header has to come in time, from here on."""
        super().connection_made(transport)
        self._set_alarm(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """No alarm any more."""
        self._set_alarm(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on what came, unless the connection is being closed or the header is too long."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._header_bytes = self._header_bytes + len(data) if self._in_header else 0
        if self._header_bytes > 2 * HEADER_BYTES:
            self._refuse(431, "Header too long", f"at most {HEADER_BYTES} bytes are read", "header")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_header = True
        if self._alarm is None:
            self._set_alarm(HEADER_S)

    def on_headers_complete(self) -> None:
        """The application takes over."""
        self._in_header, self._in_body = False, True
        self._set_alarm(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._in_body = False
        self._set_alarm(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """All of the answer is sent."""
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._set_alarm(LINGER_S)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP."""
        self._refuse(400, "Bad request", "this is no valid HTTP/1.1", "http")

    def _set_alarm(self, seconds: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._alarm = None
        if self._in_header and self._header_bytes:
            self._refuse(408, "Too slow", f"the header did not arrive within {HEADER_S:g} s", "too-slow")
        else:
            self.transport.close()

    def _refuse(self, status: int, title: str, detail: str, kind: str) -> None:
        """Answer past the application, and close."""
        if self.transport.is_closing():
            return
        document: dict[str, Any] = {
            "type": f"urn:trus:problem:{kind}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": "urn:trus:request:none",
        }
        body = json.dumps(document).encode()
        header = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + header.encode() + body)
        self.transport.close()

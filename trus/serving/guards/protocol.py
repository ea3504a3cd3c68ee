"""uvicorn's HTTP/1.1 protocol with the time-outs and limits that it lacks before a request reaches the application."""

import json
from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from trus.serving.guards.limits import HEADER_BYTES
from trus.serving.problems import MEDIA_TYPE, Problem

HEADER_S = 10.0
"""From the connection, or a request's first byte, to the end of its header."""
LINGER_S = 5.0
"""How long a client may go on sending what is not read any more."""
STALL_S = 30.0
"""A client that reads nothing of its answer for so long is cut off."""


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that are held for nothing.

    They are silent, send their header byte by byte or without end, a body whose answer is there, or read no answer.

    A connection is not closed while its client is sending: the system would then take back the answer as well.
    """

    _alarm: TimerHandle | None = None
    _stalled: TimerHandle | None = None
    _in_header = True
    _in_body = False
    _header_bytes = 0
    _last: RequestResponseCycle | None = None
    _is_refused = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The header has to come in time, from here on."""
        super().connection_made(transport)
        self._set_alarm(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """No alarm any more."""
        self._set_alarm(None)
        self._watch_reader(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on what came, up to the longest header."""
        if self._is_refused or self.transport.is_closing():
            return
        super().data_received(data)
        if self._alarm is None and not self._is_answering():
            self._set_alarm(HEADER_S)  # from the first byte after an answer
        self._header_bytes = self._header_bytes + len(data) if self._in_header else 0
        if self._header_bytes > 2 * HEADER_BYTES:
            self._refuse(431, "Header too long", f"at most {HEADER_BYTES} bytes are read", "header")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_header = True

    def on_headers_complete(self) -> None:
        """The application takes over."""
        self._in_header, self._in_body = False, True
        self._set_alarm(None)
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            self._last = self.cycle
            self.cycle.keep_alive = True  # the connection is closed here, and not with a body unread

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._in_body = False
        self._set_alarm(None)
        super().on_message_complete()
        self._close_after_last()

    def on_response_complete(self) -> None:
        """All of the answer is sent."""
        if self._in_body and not self._is_answering():
            self._set_alarm(LINGER_S)
        self._close_after_last()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than is written."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._watch_reader(None)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP."""
        self._refuse(400, "Bad request", "this is no valid HTTP/1.1", "http")

    def _close_after_last(self) -> None:
        if self._last is not None and self._last.response_complete and not self._in_body:
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _set_alarm(self, seconds: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _watch_reader(self, unread: int | None) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = None if unread is None else self.loop.call_later(STALL_S, self._check_reader, unread)

    def _check_reader(self, unread: int) -> None:
        still_unread = self.transport.get_write_buffer_size()
        if still_unread < unread:
            self._watch_reader(still_unread)
        else:
            self.transport.abort()

    def _too_slow(self) -> None:
        self._alarm = None
        if self._in_header and self._header_bytes and not self._is_refused:
            self._refuse(408, "Too slow", f"the header did not arrive within {HEADER_S:g} s", "too-slow")
        else:
            self.transport.close()

    def _refuse(self, status: int, title: str, detail: str, kind: str) -> None:
        """Answer past the application, and close."""
        if self._is_refused or self.transport.is_closing():
            return
        if self._is_answering():
            self.transport.close()
            return
        self._is_refused = True
        body = json.dumps(Problem(status, title, detail, kind).document("none")).encode()
        header = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + header.encode() + body)
        self.transport.write_eof()
        self._set_alarm(LINGER_S)

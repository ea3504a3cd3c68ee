"""Requests over plain connections: cheap enough to leave the cores to the service, and strict about lost answers."""

import io
import select
import socket
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

import cv2
import numpy as np
from PIL import Image

LOST, REFUSED = -1, 0
"""Statuses of our own: accepted, but never answered in full; not accepted at all."""

_TIMEOUT = 150
_BOUNDARY = "trus-benchmark-3c1b7e0f"
_CONTINUE = b"HTTP/1.1 100"


@dataclass(frozen=True)
class Answer:
    """`status` of HTTP, or LOST or REFUSED; `seconds` from before the first byte sent to the last received."""

    status: int
    seconds: float
    body: bytes = b""
    retry_after: str | None = None


def frame_png(seed: int, size: tuple[int, int]) -> bytes:
    """A frame (H, W) of blurred speckle as PNG."""
    noise = np.random.default_rng(seed).rayleigh(40, size).astype(np.float32)
    buffer = io.BytesIO()
    Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 2).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def form(frame: bytes) -> bytes:
    """The multipart form of one file."""
    head = 'Content-Disposition: form-data; name="file"; filename="frame.png"\r\nContent-Type: image/png'
    return f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + frame + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _headers(accept: str) -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Accept": accept}


class Client:
    """One connection that is kept open between requests."""

    def __init__(self, host: str, port: int, accept: str = "application/json") -> None:
        self._connection = HTTPConnection(host, port, timeout=_TIMEOUT)
        self._headers = _headers(accept)

    def segment(self, frame: bytes) -> Answer:
        """POST /v1/segment. A connection that breaks is REFUSED."""
        if self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()  # the service ended it while it was idle
        begun = time.perf_counter()
        try:
            self._connection.request("POST", "/v1/segment", form(frame), self._headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            self._connection.close()
            return Answer(REFUSED, time.perf_counter() - begun)
        return Answer(response.status, time.perf_counter() - begun, body, response.headers["Retry-After"])

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def segment_expecting(host: str, port: int, frame: bytes) -> Answer:
    """POST /v1/segment on a connection of its own with `Expect: 100-continue`.

    The service's 100 is its word that it has accepted the request; what breaks after it is LOST.
    """
    body, begun, accepted = form(frame), time.perf_counter(), False
    lines = [f"Host: {host}:{port}", f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in _headers("application/json").items()]
    try:
        with socket.create_connection((host, port), _TIMEOUT) as connection:
            connection.sendall(("\r\n".join(["POST /v1/segment HTTP/1.1", *lines]) + "\r\n\r\n").encode())
            accepted = connection.recv(len(_CONTINUE), socket.MSG_PEEK | socket.MSG_WAITALL) == _CONTINUE
            if accepted:
                connection.sendall(body)
            response = HTTPResponse(connection, method="POST")
            response.begin()
            return Answer(response.status, time.perf_counter() - begun, response.read())
    except (OSError, HTTPException):
        return Answer(LOST if accepted else REFUSED, time.perf_counter() - begun)

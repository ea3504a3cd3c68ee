"""Messages between the service and a decoding process: a JSON object and bytes, over a socket pair."""

import asyncio
import json
import socket
import struct
from typing import Any

_PREFIX = struct.Struct(">IQ")
Message = tuple[dict[str, Any], bytearray]


def send(connection: socket.socket, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Send a message and wait until it is taken. Raises OSError where the other side is gone."""
    connection.sendall(_head(header, payload))
    connection.sendall(payload)


def receive(connection: socket.socket) -> Message | None:
    """The next message; None where the other side is gone."""
    prefix = _exactly(connection, _PREFIX.size)
    if prefix is None:
        return None
    lengths = _PREFIX.unpack(prefix)
    header, payload = (_exactly(connection, length) for length in lengths)
    return None if header is None or payload is None else (json.loads(header), payload)


async def send_async(connection: socket.socket, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """As `send`, for a non-blocking socket."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, _head(header, payload))
    await loop.sock_sendall(connection, payload)


async def receive_async(connection: socket.socket) -> Message | None:
    """As `receive`, for a non-blocking socket."""
    prefix = await _exactly_async(connection, _PREFIX.size)
    if prefix is None:
        return None
    lengths = _PREFIX.unpack(prefix)
    header, payload = [await _exactly_async(connection, length) for length in lengths]
    return None if header is None or payload is None else (json.loads(header), payload)


def _head(header: dict[str, Any], payload: bytes | memoryview) -> bytes:
    text = json.dumps(header).encode()
    return _PREFIX.pack(len(text), memoryview(payload).nbytes) + text


def _exactly(connection: socket.socket, length: int) -> bytearray | None:
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        count = connection.recv_into(rest)
        if not count:
            return None
        rest = rest[count:]
    return content


async def _exactly_async(connection: socket.socket, length: int) -> bytearray | None:
    loop = asyncio.get_running_loop()
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        count = await loop.sock_recv_into(connection, rest)
        if not count:
            return None
        rest = rest[count:]
    return content

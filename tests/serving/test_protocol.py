"""Connections that misbehave, against the real server in this process, with time-outs of a fraction of a second."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest
from starlette.responses import Response

from trus.serving.app import create_app
from trus.serving.guards import protocol
from trus.serving.server import DrainingServer, configure, open_listener
from trus.serving.settings import ServeSettings


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(protocol, "HEADER_S", 0.3)
    monkeypatch.setattr(protocol, "LINGER_S", 0.3)
    monkeypatch.setattr(protocol, "STALL_S", 0.3)


@asynccontextmanager
async def listening():
    """The port of a service without models, and the server; GET /large is 20 MB."""
    settings = ServeSettings(port=0, max_bytes=1000)
    app = create_app({}, settings)
    app.add_api_route("/large", lambda: Response(bytes(20_000_000)))
    server = DrainingServer(configure(app), app.state.service)
    with open_listener(settings) as listener:
        task = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1], server
        server.should_exit = True
        await task


def exchange(run, *pieces: bytes, pause: float = 0.05) -> bytes:
    """What comes back, until the service closes the connection, to what is sent in pieces."""

    async def scenario():
        async with listening() as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            received = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return received

    return run(scenario())


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"NO HTTP\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 900_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", b"400"),
        (b"CONNECT evil:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (GET + b"NO HTTP\r\n\r\n", b"200"),
    ],
)
def test_what_is_no_request_is_refused_and_closed(run, request_, status):
    answer = exchange(run, request_)

    assert answer[:12] in (b"HTTP/1.1 " + status, b"" if request_.startswith(GET) else None)
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b""], b""),
        ([b"GET / HTTP/1.1\r\nHost: local"], b"HTTP/1.1 408"),
        ([b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 7], b"HTTP/1.1 408"),
        ([b"\r\n"], b"HTTP/1.1 408"),
        ([GET, b"\r\n"], b"HTTP/1.1 200"),
    ],
    ids=["silent", "stuck", "dripping", "an empty line", "an empty line after an answer"],
)
def test_a_header_that_never_ends_is_closed(run, pieces, status):
    assert exchange(run, *pieces)[:12] == status


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
def test_a_body_whose_answer_is_there_is_not_read_for_ever_and_the_answer_arrives(run, connection):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: " + connection + b"\r\nContent-Length: 99999999\r\n\r\n"

    assert exchange(run, head + b"x" * 500_000)[:12] == b"HTTP/1.1 413"


def test_a_client_that_asks_for_it_is_closed_at_once(run, monkeypatch):
    monkeypatch.setattr(protocol, "LINGER_S", 600)
    monkeypatch.setattr(protocol, "HEADER_S", 600)
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"

    assert exchange(run, head, b"body")[:12] == b"HTTP/1.1 404"
    assert exchange(run, GET.replace(b"/1.1", b"/1.0"))[:12] == b"HTTP/1.1 200"


def test_requests_sent_at_once_are_answered_in_order(run):
    last = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = exchange(run, GET + GET + last)

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200", b"404"]


def test_a_client_that_does_not_read_its_answer_is_cut_off(run):
    async def scenario():
        async with listening() as (port, server):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.transport.pause_reading()
            writer.write(GET.replace(b"/healthz", b"/large"))
            while not server.server_state.connections:
                await asyncio.sleep(0.01)
            async with asyncio.timeout(20):
                while server.server_state.connections:
                    await asyncio.sleep(0.01)
            writer.transport.abort()

    run(scenario())


def test_a_client_that_reads_slowly_gets_all_of_its_answer(run):
    async def scenario():
        async with listening() as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(GET.replace(b"/healthz", b"/large").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            size = 0
            while piece := await reader.read(2_000_000):
                size += len(piece)
                await asyncio.sleep(0.001)
            writer.close()
            return size

    assert run(scenario()) > 20_000_000

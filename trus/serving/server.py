"""The server process: one address, one event loop, and an end that loses no request."""

import asyncio
import gc
import ipaddress
import logging
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from trus.errors import ConfigError
from trus.serving.app import create_app
from trus.serving.guards.protocol import GuardedProtocol
from trus.serving.service import Service, Source
from trus.serving.settings import ServeSettings

LINGER_S = 0.5
"""A drained service answers 503 at least this long, so that clients between two requests are told to go elsewhere."""
LAST_S = 0.2
"""From the end of listening to the end of the connections that say nothing."""
CONNECTIONS = 500
"""More at a time are answered 503 by uvicorn itself."""


def _nothing_more(_app: FastAPI) -> None:
    """The web API alone."""


def _print_address(address: str) -> None:
    print(f"trus serves on {address}", flush=True)


@dataclass(frozen=True)
class Presentation:
    """What is built upon the web API (`extend`), how its address is told (`announce`), and what is logged."""

    extend: Callable[[FastAPI], None] = _nothing_more
    announce: Callable[[str], None] = _print_address
    log_level: int = logging.INFO


def serve(sources: Iterable[Source], settings: ServeSettings, presentation: Presentation | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code: 0, or 1 where requests were cut off after `drain_s`.

    Prints the address, or what `presentation` says, once every model is loaded and warmed. Raises ConfigError for an
    address that cannot be had or that needs a token, ModelFileError.
    """
    listener = open_listener(settings)
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger("trus.serving").addHandler(log)
    presentation = presentation or Presentation()
    logging.getLogger("trus.serving").setLevel(presentation.log_level)
    _allow_open_files()
    with listener:
        return asyncio.run(_serve(sources, settings, listener, presentation))


def open_listener(settings: ServeSettings) -> socket.socket:
    """A listening socket at the settings' address. Raises ConfigError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        _check_reach(str(address[0]), settings)
        listener = socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot listen on {settings.host} port {settings.port}: {reason}; choose others with --host and --port"
        ) from error
    # connections inherit it; asyncio leaves it out here, and Nagle's algorithm would hold each answer back for 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class DrainingServer(uvicorn.Server):
    """uvicorn's server that goes on listening while it drains, and ends at once at the second signal.

    `cut_off`: something that was taken was not answered. Made in the event loop's thread.
    """

    def __init__(self, config: uvicorn.Config, service: Service):
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self.service = service
        self.cut_off = False
        self._draining_since: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT."""
        if self._draining_since is not None:
            os._exit(128 + sig)
        self._draining_since = time.monotonic()
        self._loop.call_soon_threadsafe(self.service.drain)  # not in here: this may interrupt anything

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._draining_since is not None:
            elapsed = time.monotonic() - self._draining_since
            self.cut_off = self.service.busy
            self.should_exit = elapsed >= self.service.settings.drain_s or (elapsed >= LINGER_S and not self.cut_off)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more; answer those whose connection was taken meanwhile; then close connections."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(LAST_S)
        await super().shutdown(sockets)


async def _serve(
    sources: Iterable[Source], settings: ServeSettings, listener: socket.socket, presentation: Presentation
) -> int:
    app = create_app(sources, settings)
    presentation.extend(app)
    service: Service = app.state.service
    asyncio.get_running_loop().set_exception_handler(_log_type)
    server = DrainingServer(configure(app), service)
    answering = asyncio.create_task(server.serve([listener]))
    starting = asyncio.create_task(service.start())
    try:
        await asyncio.wait({answering, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _announce(listener, presentation)
        await answering
    finally:
        server.should_exit = True
        starting.cancel()
        await asyncio.gather(answering, starting, return_exceptions=True)
        await service.stop()
    if server.cut_off:
        os._exit(1)  # a work that does not end would keep the process alive
    return 0


def configure(app: FastAPI) -> uvicorn.Config:
    """uvicorn's settings for the application: silent, with our protocol, and without its own start and stop."""
    return uvicorn.Config(
        cast(Any, app),  # starlette's and uvicorn's words for the same interface
        http=GuardedProtocol,
        ws="none",
        lifespan="off",  # the models load while /healthz answers
        interface="asgi3",
        log_config=None,
        log_level=logging.CRITICAL,  # its messages hold tracebacks with their texts
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,  # by then all is answered, or it was waited long enough
    )


def _allow_open_files() -> None:
    """As many as the system lets: each connection and each file of a waiting job is one."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _announce(listener: socket.socket, presentation: Presentation) -> None:
    """Also the moment from which the garbage collector need not look at what was loaded."""
    gc.collect()
    gc.freeze()
    host, port = listener.getsockname()[:2]
    presentation.announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _check_reach(address: str, settings: ServeSettings) -> None:
    if not settings.tokens and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise ConfigError(f"--host {settings.host} can be reached from other machines: give --token-file")


def _log_type(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """asyncio's own handler would log the exception's text."""
    logging.getLogger("trus.serving").error('{"fault": "%s"}', type(context.get("exception")).__name__)

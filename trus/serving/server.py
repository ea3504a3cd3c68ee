"""The server process: one address, one event loop, models loaded while it already answers /healthz."""

import asyncio
import logging
import socket
import sys
from collections.abc import Iterable

import uvicorn

from trus.serving.app import create_app
from trus.serving.service import Service, Source
from trus.serving.settings import ServeSettings


def serve(sources: Iterable[Source], settings: ServeSettings) -> int:
    """Serve until a signal. Returns the exit code. Raises OSError for an address that cannot be had, ModelFileError."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.INFO)
    listener = socket.create_server((settings.host, settings.port), reuse_port=False)
    return asyncio.run(_serve(sources, settings, listener))


async def _serve(sources: Iterable[Source], settings: ServeSettings, listener: socket.socket) -> int:
    app = create_app(sources, settings)
    service: Service = app.state.service
    config = uvicorn.Config(
        app, lifespan="off", http="httptools", ws="none", log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    answering = asyncio.create_task(server.serve([listener]))
    try:
        await service.start()
        host, port = listener.getsockname()[:2]
        print(f"trus serves on http://{host}:{port}", flush=True)
        await answering
    finally:
        server.should_exit = True
        await service.stop()
    return 0

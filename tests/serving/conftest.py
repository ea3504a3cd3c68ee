"""A service over the tiny model: in this process, and as a real `trus serve`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from trus.serving.app import create_app
from trus.serving.settings import ServeSettings

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_service(tiny_model) -> Open:
    """`async with open_service(**settings) as client`: a client of a ready application over the model "tiny".

    The application is `client.app`, its Service `client.app.state.service`.
    """

    @asynccontextmanager
    async def opened(**settings) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app({"tiny": tiny_model.onnx}, ServeSettings(**{"threads": 1} | settings))
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321") as client,
        ):
            client.app = app
            yield client

    return opened


@pytest.fixture
def run() -> Callable:
    """Run a coroutine to its end: tests are plain functions."""
    return asyncio.run

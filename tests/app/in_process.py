"""A browser's side of the application: of a real process, and of an application in this one where a test changes it."""

import hashlib
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from trus.app.application import Application, add_application
from trus.app.found import FoundModels
from trus.app.login import Login
from trus.serving.app import create_app
from trus.serving.settings import ServeSettings

from .running import RunningApp

API = "/app/api"
OpenApplication = Callable[..., AbstractAsyncContextManager["Browser"]]


class Browser(httpx.AsyncClient):
    """A client that is logged in, unless told otherwise. `app` is the application it talks to, `asgi` what answers."""

    app: Application
    asgi: FastAPI

    async def open(self, content: bytes) -> dict[str, Any]:
        """Open a file: the study."""
        answer = await self.post(f"{API}/studies", content=content)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def frame(self, study: dict[str, Any], number: int = 0, part: str = "", **query: str) -> httpx.Response:
        """A frame's picture, or a `part` of it: /result, /preprocessed."""
        return await self.get(f"{API}/studies/{study['id']}/frames/{number}{part}", params=query)

    def stranger(self) -> "Browser":
        """Another browser, at the same service, which is not in."""
        other = Browser(transport=self._transport, base_url=self.base_url)
        other.app = self.app
        return other

    async def come_in(self) -> None:
        """Use a new one-time token."""
        await self.get("/app/enter", params={"token": self.app.login.issue()})


@dataclass
class Result:
    """A packed result, taken apart."""

    document: dict[str, Any]
    planes: np.ndarray
    labels: np.ndarray


def unpack(content: bytes) -> Result:
    """As the page does it."""
    (length,) = struct.unpack_from("<I", content)
    document = json.loads(content[4 : 4 + length])
    height, width = document["size"]
    planes = np.frombuffer(content, np.uint8, offset=4 + length).reshape(-1, height, width)
    assert len(planes) == len(document["targets"]) + 1
    return Result(document, planes[:-1], planes[-1])


@pytest.fixture
def browser(app_service: RunningApp) -> Iterator["Client"]:
    """A client that is logged in at the process that the tests of a worker share."""
    name, value = app_service.cookie
    with Client(base_url=app_service.address, cookies={name: value}, timeout=60) as client:
        yield client


class Client(httpx.Client):
    """As `Browser`, of a real process."""

    def open(self, content: bytes) -> dict[str, Any]:
        """Open a file: the study."""
        answer = self.post(f"{API}/studies", content=content)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def frame(self, study: dict[str, Any], number: int = 0, part: str = "", **query: str) -> httpx.Response:
        """A frame's picture, or a `part` of it: /result, /preprocessed."""
        return self.get(f"{API}/studies/{study['id']}/frames/{number}{part}", params=query)


@pytest.fixture
def open_application(tiny_model) -> OpenApplication:
    """`async with open_application(local=False, models={}, found=..., **settings) as browser`: ready and logged in."""

    @asynccontextmanager
    async def opened(
        local: bool = True,
        models: dict[str, Path] | None = None,
        found: FoundModels | None = None,
        save_folder: Path | None = None,
        **settings: Any,
    ) -> AsyncIterator[Browser]:
        closed = hashlib.sha256(b"nobody knows").hexdigest()
        settings = {"threads": 1, "tokens": (closed,)} | settings
        app = create_app({"tiny": tiny_model.onnx} if models is None else models, ServeSettings(**settings))
        login = Login(() if local else settings["tokens"], required=bool(settings["tokens"]))
        application = add_application(app, login, local, save_folder, found)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            Browser(transport=transport, base_url="http://127.0.0.1:8321") as browser,
        ):
            browser.app, browser.asgi = application, app
            await browser.come_in()
            yield browser

    return opened


@pytest.fixture
def run() -> Callable:
    """Run a coroutine to its end: tests are plain functions."""
    import asyncio

    return asyncio.run

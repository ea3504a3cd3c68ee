"""A service over the tiny model: in this process, and as a real `trus serve`."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from trus.serving.app import create_app
from trus.serving.settings import ServeSettings

from .. import ultrasound_dicom
from ..dicom_region import region_item

OpenService = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_service(tiny_model) -> OpenService:
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


@dataclass
class Running:
    """A `trus serve` process that is ready. Its log goes to a file, which `end` returns."""

    process: subprocess.Popen
    address: str
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def end(self, timeout: float = 30) -> tuple[int, str]:
        """Wait for its end: exit code and log."""
        return self.process.wait(timeout), self.log.read_text()


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def start_service(tiny_model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`start_service("--queue", "2")`: a real process over the model "tiny" on a free port, ended with the session."""
    started: list[Running] = []

    def start(*arguments: str, model: str = f"tiny={tiny_model.onnx}") -> Running:
        log = tmp_path_factory.mktemp("serve") / "log"
        command = [sys.executable, "-m", "trus.cli", "serve", "--model", model, "--port", "0", "--threads", "1"]
        with log.open("w") as errors:
            process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True)
        line = process.stdout.readline()
        assert line.startswith("trus serves on http://"), log.read_text()
        started.append(Running(process, line.split()[-1], log))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()
        running.process.stdout.close()


@dataclass
class SmallService:
    """A real service with small limits, and what it says to uploads."""

    running: Running
    good: bytes

    def post(self, content: bytes, accept: str = "*/*", **options: str) -> httpx.Response:
        """POST /v1/segment of a form with one file."""
        form = {"files": {"file": ("x", content)}, "data": options, "headers": {"accept": accept}}
        return httpx.post(f"{self.running.address}/v1/segment", timeout=60, **form)

    def check_refused(self, content: bytes, status: int) -> None:
        """The upload is refused in a problem document, and a good one after it is segmented."""
        answer = self.post(content)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert self.post(self.good).status_code == 200


@pytest.fixture(scope="session")
def small_service(start_service: Start) -> SmallService:
    """Its frames have at most 4,000,000 pixels, its files at most 50 frames."""
    good = BytesIO()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(good, "png")
    return SmallService(start_service("--max-pixels", "4000000", "--max-frames", "50"), good.getvalue())


@pytest.fixture(scope="session")
def us_region() -> Callable[..., Dataset]:
    """`region_item`."""
    return region_item


@pytest.fixture(scope="session")
def make_us_dicom() -> Callable[..., bytes]:
    """`ultrasound_dicom.make_us_dicom`."""
    return ultrasound_dicom.make_us_dicom


@pytest.fixture
def frames(dataset: Path) -> list[Path]:
    """Three frames, the second of another size."""
    return [dataset / "images" / f"{name}.png" for name in ("p2_0", "p3_0", "p4_1")]


@pytest.fixture
def held_up():
    """An event that holds up a model's engine until it is set: `busy(client)` begins, and returns the task."""
    release = threading.Event()

    def busy(client: httpx.AsyncClient) -> asyncio.Task:
        engine = client.app.state.service.model().engine
        return asyncio.create_task(engine.run(lambda _predictor, _cancelled: release.wait(20)))

    busy.release = release.set
    yield busy
    release.set()

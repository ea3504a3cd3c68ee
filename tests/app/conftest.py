"""The application as a real process, and a browser that has it open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .. import ultrasound_dicom
from . import running
from .browsing import chromium, open_page, page, save_screenshot, watch
from .in_process import browser, open_application, run
from .running import RunningApp

__all__ = ["browser", "chromium", "open_application", "open_page", "page", "run", "save_screenshot", "watch"]

StartApp = Callable[..., RunningApp]


@pytest.fixture(scope="session")
def start_app(tiny_model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """`start_app("--port", "8000", model=None)`: a `trus app` over the model "tiny", ended with the session."""
    started: list[RunningApp] = []

    def start(*arguments: str, model: str | Path | None = f"tiny={tiny_model.onnx}") -> RunningApp:
        models = ("--model", str(model)) if model else ()
        started.append(running.start(tmp_path_factory.mktemp("app"), *models, *arguments))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            service.end(kill=True)


@pytest.fixture(scope="session")
def app_service(start_app: StartApp) -> RunningApp:
    """One that the tests of a worker share: leave it running."""
    return start_app()


@pytest.fixture(scope="session")
def make_us_dicom() -> Callable[..., bytes]:
    """`ultrasound_dicom.make_us_dicom`."""
    return ultrasound_dicom.make_us_dicom

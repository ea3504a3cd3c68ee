"""The modules of editing in a page of their own: what they compute is compared with NumPy, OpenCV and trus itself."""

import json
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Route

import trus.app

STATIC = Path(trus.app.__file__).parent / "static"
ORIGIN = "http://modules.test"


class Modules:
    """`call(module, expression, **values)`: evaluate with the module's exports and the values in scope."""

    def __init__(self, page):
        self.page = page

    def call(self, module: str, expression: str, **values: Any) -> Any:
        names = ", ".join(values)
        function = f"""async ({{module, values}}) => {{
            const m = await import('/js/' + module);
            const {{ {names} }} = values;
            const plane = (list) => Uint8Array.from(list);
            const patch = (found) => found && {{ box: found.box, data: Array.from(found.data) }};
            return (({expression}));
        }}"""
        content = json.loads(json.dumps(values, default=_plain))
        return self.page.evaluate(function, {"module": module, "values": content})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.astype(np.uint8).ravel().tolist() if value.dtype == bool else value.ravel().tolist()
    return value.item()


@pytest.fixture(scope="module")
def modules(chromium: Browser) -> Iterator[Modules]:
    """An empty page that can import what lies under trus/app/static."""
    context = chromium.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    yield Modules(page)
    context.close()


def serve(route: Route) -> None:
    """Answer with a file of the folder; the root is an empty page."""
    name = route.request.url.removeprefix(ORIGIN + "/")
    if not name:
        route.fulfill(body="<!doctype html>", content_type="text/html")
        return
    kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
    route.fulfill(body=(STATIC / name).read_bytes(), content_type=kind)


def put(patch: dict | None, plane: np.ndarray) -> np.ndarray:
    """A patch as the modules return it, put into a copy of a plane (H, W)."""
    copy = plane.copy()
    if patch:
        box = patch["box"]
        shape = box["y1"] - box["y0"], box["x1"] - box["x0"]
        copy[box["y0"] : box["y1"], box["x0"] : box["x1"]] = np.reshape(patch["data"], shape)
    return copy


def added(patch: dict | None, plane: np.ndarray) -> np.ndarray:
    """The pixels of a patch switched on in a copy of a plane (H, W)."""
    return plane | put(patch, np.zeros_like(plane)).astype(plane.dtype)


def blobs(generator: np.random.Generator, size: tuple[int, int], share: float = 0.5) -> np.ndarray:
    """A random bool plane (H, W) of parts with holes and bays."""
    import cv2

    noise = cv2.GaussianBlur(generator.random(size, np.float32), (0, 0), 1.5)
    return noise > np.quantile(noise, 1 - share)

"""Memory of page and service stays where it is, however many frames were looked at."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Page

from . import steps

FRAMES = 100
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> list[Path]:
    """Small frames, each different."""
    folder = tmp_path_factory.mktemp("many")
    random = np.random.default_rng(0)
    paths = [folder / f"{number:03}.png" for number in range(FRAMES)]
    for path in paths:
        Image.fromarray(random.integers(0, 255, (240, 320), np.uint8)).save(path)
    return paths


def heap(session: CDPSession) -> float:
    """MiB of JavaScript objects and typed arrays that are still reachable."""
    session.send("HeapProfiler.collectGarbage")
    use = session.send("Runtime.getHeapUsage")
    return (use["usedSize"] + use.get("backingStorageSize", 0)) / MIB


def server(process) -> float:
    """MiB of the service's own process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return float(status.partition("VmRSS:")[2].split()[0]) / 1024


def look_through(page: Page, frames: list[Path]) -> None:
    """Open them, see the mask of each, and close them again."""
    steps.open_files(page, *frames)
    for number in range(len(frames)):
        steps.wait_for_mask(page)
        if number + 1 < len(frames):
            page.keyboard.press("ArrowRight")
    remove = "import('/app/js/files/removing.js').then(({ removeFrames }) => removeFrames(trusApp.app, ids))"
    page.evaluate(f"() => {{ const ids = trusApp.items.map((item) => item.id); return {remove}; }}")
    steps.until(page, "trusApp.items.length === 0")


def test_many_frames_one_after_the_other(open_page, start_app, watch, frames):
    service = start_app()
    watch.origin = service.address
    page = open_page(service)
    session = page.context.new_cdp_session(page)
    look_through(page, frames[:50])
    first = heap(session), server(service.process)
    for start in range(50, FRAMES, 50):
        look_through(page, frames[start : start + 50])
    last = heap(session), server(service.process)
    assert last[0] < first[0] + 25, "a frame's planes are 0.25 MiB: 150 kept ones would be 38 MiB and more"
    assert last[1] < first[1] + 60

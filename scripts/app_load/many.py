"""Figures of many frames: a batch in the background, and memory of page and service."""

import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page
from service_load.figure import Figure

from app_load.browser import application, close_files, heap, open_files, until, wait_for_mask
from app_load.frames import phantom_frames

RUN = "(id) => import('/app/js/keyboard.js').then(({ run }) => run(id))"
DONE = "trusApp.items.every((item) => item.status === 'done')"
MOST_PAGE = 600
"""MiB of the page that hold 500 frames with their masks: some hundred."""


def batch(browser: Browser, model: Path, folder: Path, count: int) -> Figure:
    """All frames of a folder, opened and segmented in the background."""
    frames = phantom_frames(folder, count)
    with application(browser, model, folder) as (server, page):
        session = page.context.new_cdp_session(page)
        before = heap(session), server.memory()["all"]
        begun = time.monotonic()
        open_files(page, frames)
        opened = time.monotonic() - begun
        wait_for_mask(page)
        page.evaluate(RUN, "batch.start")
        until(page, DONE)
        seconds = time.monotonic() - begun
        after = heap(session), server.memory()["all"]
        longest = page.evaluate(NEXT_FRAME)
    details = {
        "frames a second": f"{count / seconds:.1f} of all, {opened:.1f} s of it to open and send them",
        "memory of the page": f"{before[0]:.0f} MiB empty, {after[0]:.0f} MiB with {count} frames and their masks",
        "memory of the service's processes": f"{before[1]:.0f} MiB empty, {after[1]:.0f} MiB after",
        "another frame chosen afterwards, to its mask": f"{longest:.0f} ms",
        "model": f"{model.parent.name}/{model.name}",
    }
    name = f"memory of the page over a batch of {count} frames"
    return Figure(name, round(after[0]), "MiB", f"under {MOST_PAGE} MiB", after[0] < MOST_PAGE, details)


NEXT_FRAME = """async () => {
    const begun = performance.now();
    const item = trusApp.items[Math.floor(trusApp.items.length / 2)];
    trusApp.app.frames.select(item.id);
    return (await clocks.paintedOnce(() => trusApp.view.item === item && trusApp.view.mask === item.mask)) - begun;
}"""


def memory(browser: Browser, model: Path, folder: Path, count: int) -> Figure:
    """Memory over frames that are opened, looked at and closed again: the second half's against the first half's."""
    frames = phantom_frames(folder, count)
    part = max(1, count // 8)
    with application(browser, model, folder) as (server, page):
        session = page.context.new_cdp_session(page)
        found = []
        for start in range(0, count, part):
            _look_through(page, frames[start : start + part])
            found.append((heap(session), server.memory()["all"]))
    half = len(found) // 2
    growth = [100 * (median(later) / median(earlier) - 1) for earlier, later in _halves(found, half)]
    value = max(growth)
    details = {
        "growth of": f"page {growth[0]:+.1f} %, service's processes {growth[1]:+.1f} %",
        "MiB after each eighth": f"page {_row(found, 0)}; service's processes {_row(found, 1)}",
    }
    name = f"memory growth over {count} frames opened, looked at and closed"
    return Figure(name, round(value, 1), "%", "under 10 %", value < 10, details)


def _look_through(page: Page, frames: list[Path]) -> None:
    open_files(page, frames)
    for number in range(len(frames)):
        wait_for_mask(page)
        if number + 1 < len(frames):
            page.keyboard.press("ArrowRight")
    close_files(page)


def _halves(found: list[tuple[float, float]], half: int) -> list[tuple[list[float], list[float]]]:
    """Page and service, each before and after the middle; what the very first frames load is not counted."""
    columns = [[each[column] for each in found] for column in range(2)]
    return [(column[min(1, half - 1) : half], column[half:]) for column in columns]


def _row(found: list[tuple[float, float]], column: int) -> str:
    return " ".join(f"{each[column]:.0f}" for each in found)

"""The application in Debian's Chromium, as its users have it, with clocks in the page."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from service_load.server import Server

MIB = 1024 * 1024
CLOCKS = Path(__file__).with_name("clocks.js")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("there is no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def application(browser: Browser, model: Path, folder: Path) -> Iterator[tuple[Server, Page]]:
    """A real `trus app` over one model, and a page of it at 1920x1080 in a fresh profile."""
    with Server([model], ["--no-browser", "--save-to", str(folder / "saved")], "app") as server:
        context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="en-US")
        try:
            page = context.new_page()
            page.set_default_timeout(600_000)
            page.goto(server.announced)
            page.wait_for_selector("html[data-ready=true]")
            page.evaluate(CLOCKS.read_text())
            yield server, page
        finally:
            context.close()


def until(page: Page, expression: str) -> None:
    """Wait in the page until this is true. (`wait_for_function` needs eval, which the page's policy forbids.)"""
    pause = "new Promise((resolve) => setTimeout(resolve, 20))"
    page.evaluate(f"async () => {{ while (!({expression})) await {pause}; }}")


def open_files(page: Page, paths: Sequence[Path]) -> None:
    """Choose them in the file dialog; waits until all are opened."""
    page.locator("#pick-files").set_input_files([str(path) for path in paths])
    until(page, "trusApp.store.get().opening === null && trusApp.items.length > 0")


def close_files(page: Page) -> None:
    """Take every frame out of the list, and all that is held of their files."""
    page.evaluate("trusApp.app.frames.remove(trusApp.items.map((item) => item.id))")
    until(page, "trusApp.items.length === 0")


def wait_for_mask(page: Page) -> None:
    """Until the mask of the frame chosen is in the view."""
    until(
        page,
        "trusApp.view.mask && trusApp.view.item === trusApp.app.frames.selected"
        " && trusApp.view.mask === trusApp.view.item.mask",
    )


def heap(session: CDPSession) -> float:
    """MiB of the page's objects and typed arrays that are still reachable."""
    session.send("HeapProfiler.collectGarbage")
    use = session.send("Runtime.getHeapUsage")
    return (use["usedSize"] + use.get("backingStorageSize", 0)) / MIB

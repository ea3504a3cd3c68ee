"""Frames whose names say who the patient is, and work on them that the browser keeps."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from . import editing, steps

NAME = "Ivanova_Maria_1961"
STATE = """JSON.stringify(trusApp.app.frames.list.map((item) => [
    item.id, item.name, item.edited, item.measurements, item.annotator,
    item.mask?.corrected ? [...item.mask.toLabels()] : null, item.mask?.thresholds]))"""
KEPT = """async () => {
    const found = [];
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((resolve) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => resolve(request.result);
        });
        for (const store of database.objectStoreNames) {
            const all = await new Promise((resolve) => {
                const request = database.transaction(store).objectStore(store).getAll();
                request.onsuccess = () => resolve(request.result);
            });
            found.push(...all.map((record) => JSON.stringify([store, record])));
        }
        database.close();
    }
    return [...found, JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
}"""


@pytest.fixture
def frames(dataset, tmp_path: Path) -> list[Path]:
    """Three pictures whose names say who the patient is."""
    paths = [tmp_path / f"{NAME}_{number}.png" for number in (1, 2, 3)]
    for number, path in enumerate(paths, 1):
        path.write_bytes((dataset / "images" / f"p{number}_0.png").read_bytes())
    return paths


@pytest.fixture
def shown(page: Page, frames: list[Path]) -> Page:
    """The frames, opened; the mask of the first one in the view."""
    steps.open_files(page, *frames)
    steps.wait_for_mask(page)
    return page


def work(page: Page) -> str:
    """A stroke, a threshold, a measurement; the state then."""
    editing.choose(page, "brush")
    editing.drag(page, (5, 5), (60, 20))
    steps.move_slider(page.locator(".class-row[data-class='gland'] input[type=range]"), 200)
    editing.choose(page, "calliper")
    editing.drag(page, (10, 10), (60, 60))
    steps.until(page, "trusApp.history.position === 3")
    return page.evaluate(STATE)


def again(context: BrowserContext, page: Page) -> Page:
    """The same address in a new tab, when its work is back."""
    other = context.new_page()
    other.goto(page.url)
    steps.until(other, "window.trusApp && document.documentElement.dataset.ready")
    return other

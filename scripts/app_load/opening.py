"""Figures of waiting: from a file that was chosen to its first frame and its mask."""

from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page
from service_load.figure import Figure

from app_load.browser import application, close_files, until
from app_load.frames import dicom_clip, phantom_frames

WATCH = """() => {
    window.opened = null;
    document.querySelector('#pick-files').addEventListener('change', () => {
        const begun = performance.now();
        const item = () => trusApp.items[0];
        window.opened = Promise.all([
            clocks.paintedOnce(() => item() && trusApp.view.picture && trusApp.view.item === item()),
            clocks.paintedOnce(() => item() && trusApp.view.item === item() && trusApp.view.mask !== null),
        ]).then((times) => times.map((time) => time - begun));
    }, { capture: true, once: true });
}"""


def _times(page: Page, path: Path) -> tuple[float, float]:
    """Seconds to the first frame and to its mask."""
    page.evaluate(WATCH)
    page.locator("#pick-files").set_input_files(str(path))
    until(page, "window.opened !== null")
    picture, mask = page.evaluate("opened")
    until(page, "trusApp.store.get().opening === null")
    return picture / 1000, mask / 1000


def clip(browser: Browser, model: Path, folder: Path, given: Path | None, rounds: int) -> Figure:
    """A DICOM clip of 65 frames, chosen, to its first frame on the screen."""
    path = given or dicom_clip(folder, 65)
    with application(browser, model, folder) as (_, page):
        times = []
        for _ in range(rounds):
            times.append(_times(page, path)[0])
            frames = page.evaluate("trusApp.items.length")
            close_files(page)
    value = max(times)
    details = {
        "rounds": ", ".join(f"{each:.2f}" for each in times) + " s; the first one in a fresh process",
        "file": f"{frames} frames, {path.stat().st_size / 1e6:.1f} MB, {'given' if given else 'SYNTHETIC, JPEG'}",
    }
    return Figure("DICOM clip to its first frame, longest", round(value, 2), "s", "under 1 s", value < 1, details)


def first_mask(browser: Browser, model: Path, folder: Path, rounds: int) -> Figure:
    """A frame, chosen, to its mask on the screen."""
    with application(browser, model, folder) as (_, page):
        times = []
        for path in phantom_frames(folder, rounds):
            times.append(_times(page, path))
            close_files(page)
    masks = [mask for _, mask in times]
    value = max(masks)
    details = {
        "rounds": ", ".join(f"{each:.2f}" for each in masks) + " s; the first one in a fresh process",
        "to the frame without its mask": f"median {median(picture for picture, _ in times):.2f} s",
        "model": f"{model.parent.name}/{model.name}",
    }
    return Figure("frame to its mask, longest", round(value, 2), "s", "under 1.5 s", value < 1.5, details)

"""Pictures of the application for its guide: `python scripts/picture_application.py --model MODEL`.

The real page in Debian's Chromium, on the SYNTHETIC frames that come with it, in English and Russian; written as
docs/images/app_NAME_LANGUAGE.png. MODEL: one that was trained on the phantom (`make train`).
"""

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app_load.browser import chromium, open_files, until, wait_for_mask
from PIL import Image
from playwright.sync_api import Browser, Page
from service_load.server import Server

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
LOCALES = {"en": "en-US", "ru": "ru-RU"}
COLOURS = 192
Save = Callable[[Page, str], None]


def run(page: Page, command: str) -> None:
    """One of the application's commands, as its key or button does."""
    page.evaluate(f"import('/app/js/keyboard.js').then(({{ run }}) => run('{command}'))")


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Over the frame, points in its pixels."""
    box = page.locator("#view").bounding_box()
    assert box is not None
    for number, (x, y) in enumerate(points):
        place = page.evaluate(f"trusApp.view.toScreen({{ x: {x}, y: {y} }})")
        page.mouse.move(box["x"] + place["x"], box["y"] + place["y"], steps=6)
        if not number:
            page.mouse.down()
    page.mouse.up()


def show(page: Page, panel: str) -> None:
    """Bring a section of the right side into sight."""
    page.locator(f"[data-panel={panel}]").evaluate("(element) => element.scrollIntoView()")


def dialog(page: Page, command: str, name: str, save: Save) -> None:
    """Picture an open dialog and close it."""
    run(page, command)
    page.locator("dialog[open]").wait_for()
    save(page, name)
    page.keyboard.press("Escape")


def tour(page: Page, save: Save) -> None:
    """From the first screen to the report."""
    save(page, "welcome")
    page.locator(".welcome-intro button").first.click()
    until(page, "trusApp.items.length === 3 && trusApp.store.get().opening === null")
    run(page, "batch.start")
    until(page, "trusApp.items.every((item) => item.status === 'done')")
    wait_for_mask(page)
    page.locator("#messages button").last.click()
    save(page, "frame")
    page.evaluate("trusApp.store.set({ display: { ...trusApp.store.get().display, heat: 0, rim: true } })")
    save(page, "probability")
    page.evaluate("trusApp.store.set({ display: { ...trusApp.store.get().display, heat: null, rim: false } })")
    _correct(page, save)
    _measure(page, save)
    page.locator("#tab-all").click()
    dialog(page, "table.open", "table", save)
    dialog(page, "export.open", "export", save)
    with page.context.expect_page() as opened:
        run(page, "report.open")
    opened.value.wait_for_load_state("networkidle")
    save(opened.value, "report")


def _correct(page: Page, save: Save) -> None:
    """A bulge pushed into the gland's outline, and the steps that were taken."""
    page.evaluate("trusApp.store.set({ closedPanels: { ...trusApp.store.get().closedPanels, history: false } })")
    page.locator("[data-panel=edit] .text-field").fill("AN")
    page.locator("[data-panel=edit] .text-field").press("Tab")
    page.keyboard.press("n")
    height, width = page.evaluate("trusApp.view.item.size")
    drag(page, (0.63 * width, 0.38 * height), (0.655 * width, 0.33 * height))
    page.keyboard.press("b")
    page.evaluate("trusApp.store.set({ brushRadius: 16 })")
    drag(page, (0.27 * width, 0.6 * height), (0.255 * width, 0.5 * height), (0.28 * width, 0.4 * height))
    save(page, "correct")
    page.evaluate("trusApp.store.set({ closedPanels: { ...trusApp.store.get().closedPanels, history: true } })")


def _measure(page: Page, save: Save) -> None:
    """A calliper and the widest diameters, in mm as stated."""
    run(page, "measure.spacing")
    for field in page.locator("dialog .number-field").all()[:2]:
        field.fill("0.12")
    page.locator("dialog .is-primary").click()
    page.keyboard.press("l")
    height, width = page.evaluate("trusApp.view.item.size")
    drag(page, (0.3 * width, 0.6 * height), (0.68 * width, 0.6 * height))
    run(page, "measure.diameters")
    show(page, "measures")
    save(page, "measure")


def unlike(page: Page, folder: Path, save: Save) -> None:
    """A frame that is unlike the training frames: one of the samples on its side."""
    turned = folder / "turned.png"
    Image.open(ROOT / "trus/app/static/samples/synthetic_2.png").rotate(90, expand=True).save(turned)
    page.locator("#tab-frame").click()
    open_files(page, [turned])
    run(page, "frame.last")
    wait_for_mask(page)
    save(page, "unlike")


@contextmanager
def opened(browser: Browser, model: Path, folder: str, language: str) -> Iterator[Page]:
    """The application in that language, dark."""
    with Server([model], ["--no-browser", "--save-to", folder], "app") as server:
        look = {"viewport": {"width": 1280, "height": 760}, "locale": LOCALES[language], "color_scheme": "dark"}
        context = browser.new_context(**look, reduced_motion="reduce")
        page = context.new_page()
        page.goto(server.announced)
        page.wait_for_selector("html[data-ready=true]")
        yield page
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for language in LOCALES:

            def save(page: Page, name: str, language: str = language) -> None:
                page.wait_for_timeout(700)
                content = page.screenshot(animations="disabled", caret="hide", full_page=name == "report")
                picture = Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS, kmeans=1)
                picture.save(options.out / f"app_{name}_{language}.png", optimize=True)

            with opened(browser, options.model, folder, language) as page:
                tour(page, save)
                unlike(page, Path(folder), save)


if __name__ == "__main__":
    main()

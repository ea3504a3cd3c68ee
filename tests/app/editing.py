"""Correcting a mask as a hand does it: real pointers over the view."""

import numpy as np
import pytest
from playwright.sync_api import Page

from . import steps

SIZE = 80, 96
"""Of the frame that `shown` opens."""


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the frame, in its pixels, lies on the screen."""
    place = """([x, y]) => {
        const box = trusApp.view.host.getBoundingClientRect(), at = trusApp.view.toScreen({ x, y });
        return [box.left + at.x, box.top + at.y];
    }"""
    return tuple(page.evaluate(place, [x, y]))


def drag(page: Page, *points: tuple[float, float], button: str = "left", moves: int = 6) -> None:
    """Press at the first point of the frame, move over the others, let go."""
    page.mouse.move(*on_screen(page, *points[0]))
    page.mouse.down(button=button)
    for point in points[1:]:
        page.mouse.move(*on_screen(page, *point), steps=moves)
    page.mouse.up(button=button)


def click(page: Page, x: float, y: float) -> None:
    """Click at a point of the frame."""
    page.mouse.click(*on_screen(page, x, y))


def choose(page: Page, tool: str) -> None:
    """A tool of the rail."""
    page.locator(f"[data-tool='{tool}']").click()


def choose_class(page: Page, name: str) -> None:
    """The class that tools change."""
    page.locator("[data-panel='edit']").get_by_text(name, exact=True).click()
    steps.until(page, f"trusApp.store.get().activeClass === '{name}'")


def plane(page: Page, k: int = 0) -> list[int]:
    """A class of the mask in the view, 0 or 1 a pixel, row by row."""
    return page.evaluate(f"[...trusApp.view.mask.plane({k})]")


def at(page: Page, x: int, y: int, k: int = 0) -> int:
    """Whether a pixel belongs to a class."""
    return page.evaluate(f"trusApp.view.mask.plane({k})[{y} * trusApp.view.mask.width + {x}]")


def paint_all(page: Page, k: int, on: bool, x0: int, y0: int, x1: int, y1: int) -> None:
    """Set a box of a class without a tool, so that a test knows what it begins with."""
    box = f"{{ x0: {x0}, y0: {y0}, x1: {x1}, y1: {y1} }}"
    page.evaluate(f"trusApp.view.mask.apply({k}, {box}, () => {int(on)})")


def wait_until_saved(page: Page) -> None:
    """Until nothing that was done is unsaved."""
    page.evaluate("trusApp.app.autosave.flush()")
    steps.until(page, "trusApp.store.get().autosave.state === 'saved'")


@pytest.fixture
def shown(page: Page, dataset) -> Page:
    """A frame whose mask is empty, then a gland of 40 by 30 pixels: columns 30 to 69, rows 25 to 54."""
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_mask(page)
    paint_all(page, 0, False, 0, 0, SIZE[1], SIZE[0])
    paint_all(page, 0, True, 30, 25, 70, 55)
    return page


def gland(page: Page) -> np.ndarray:
    """The gland of the frame in the view, bool (H, W)."""
    return np.reshape(plane(page, 0), SIZE).astype(bool)


def lesion(page: Page) -> np.ndarray:
    """The lesion of the frame in the view, bool (H, W)."""
    return np.reshape(plane(page, 1), SIZE).astype(bool)


def radius(page: Page, value: float) -> None:
    """Of brush and nudging, in pixels of the frame."""
    page.evaluate(f"trusApp.store.set({{ brushRadius: {value}, nudgeRadius: {value} }})")

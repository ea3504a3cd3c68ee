"""Two tabs of one browser at the same time."""

import pytest
from PIL import Image

from . import steps


@pytest.fixture
def tabs(page):
    """Two tabs that share cookies and storage."""
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("html[data-ready=true]")
    return page, other


def test_each_works_on_its_own_frames(tabs, dataset):
    for tab, name in zip(tabs, ("p2_0", "p3_0"), strict=True):
        steps.open_files(tab, dataset / "images" / f"{name}.png")
    for tab, name in zip(tabs, ("p2_0", "p3_0"), strict=True):
        steps.wait_for_mask(tab)
        assert steps.names(tab) == [f"{name}.png"]
    width, _ = Image.open(dataset / "images" / "p3_0.png").size
    assert tabs[1].evaluate("trusApp.view.mask.width") == width


def test_closing_one_leaves_the_other_its_files(tabs, dataset):
    for tab in tabs:
        steps.open_files(tab, dataset / "images" / "p2_0.png", dataset / "images" / "p4_1.png")
        steps.wait_for_mask(tab)
    tabs[1].close(run_before_unload=True)
    tabs[0].keyboard.press("ArrowRight")
    steps.wait_for_mask(tabs[0])
    assert tabs[0].evaluate("trusApp.app.frames.selected.status") == "done"


def test_the_language_of_one_does_not_change_the_other_in_mid_work(tabs):
    tabs[0].keyboard.press("Alt+l")
    assert tabs[0].locator("html").get_attribute("lang") == "ru"
    assert tabs[1].locator("html").get_attribute("lang") == "en"

"""The threshold slider acts at once, exactly, and in the page alone."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from trus.data.images import read_frame
from trus.inference.predictor import open_predictor

from . import steps

GLAND = ".class-row[data-class='gland']"


@pytest.fixture
def shown(page: Page, dataset) -> Page:
    """A frame with its mask."""
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_mask(page)
    return page


@pytest.fixture(scope="module")
def probabilities(dataset, tiny_model) -> np.ndarray:
    """Of gland and lesion for that frame, (2, H, W)."""
    return open_predictor(tiny_model.onnx, 1).probabilities(read_frame(dataset / "images" / "p2_0.png"), None)


def plane(page: Page, k: int) -> np.ndarray:
    return np.array(page.evaluate(f"[...trusApp.view.mask.plane({k})]"))


def test_the_mask_begins_as_the_models_own(shown, dataset, tiny_model):
    labels = open_predictor(tiny_model.onnx, 1).predict(read_frame(dataset / "images" / "p2_0.png")).labels
    assert (plane(shown, 0) == (labels >= 1).ravel()).all()
    assert (plane(shown, 1) == (labels == 2).ravel()).all()


@pytest.mark.parametrize("step", [13, 128, 240])
def test_a_threshold_is_exact_and_asks_the_service_nothing(shown, probabilities, step):
    asked = []
    shown.on("request", lambda request: asked.append(request.url))
    steps.move_slider(shown.locator(f"{GLAND} input[type=range]"), step)
    steps.until(shown, f"trusApp.view.mask.thresholds[0] === {step}")
    gland, lesion = probabilities[0].ravel() >= step / 256, plane(shown, 1).astype(bool)
    assert (plane(shown, 0) == (gland | lesion)).all()
    assert not [url for url in asked if "/app/api/" in url]


def test_a_lower_threshold_paints_more_and_the_models_own_comes_back(shown):
    own, painted = steps.area(shown), steps.painted(shown)
    steps.move_slider(shown.locator(f"{GLAND} input[type=range]"), 5)
    steps.until(shown, f"trusApp.view.mask.plane(0).reduce((sum, bit) => sum + bit, 0) > {own}")
    assert steps.painted(shown) > painted
    expect(shown.locator(f"{GLAND} output")).to_have_text("0.020")
    shown.locator(f"{GLAND}").get_by_role("button", name="model").click()
    steps.until(shown, "trusApp.view.mask.thresholds[0] === null")
    assert steps.area(shown) == own
    assert steps.painted(shown) == painted


def test_moving_it_is_undone_in_one_step(shown):
    own = steps.area(shown)
    slider = shown.locator(f"{GLAND} input[type=range]")
    slider.focus()
    for _ in range(4):
        shown.keyboard.press("ArrowLeft")
    steps.until(shown, "trusApp.view.mask.thresholds[0] === 124")
    steps.move_slider(slider, 20)
    steps.until(shown, "trusApp.view.mask.thresholds[0] === 20")
    shown.locator("body").press("Control+z")
    steps.until(shown, "trusApp.view.mask.thresholds[0] === 124")
    while shown.evaluate("trusApp.history.canUndo"):
        shown.locator("body").press("Control+z")
    assert steps.area(shown) == own


def test_corrections_stay_when_the_threshold_moves(shown):
    """A corner forced on is on at any threshold."""
    shown.evaluate("trusApp.view.mask.apply(0, { x0: 0, y0: 0, x1: 9, y1: 9 }, () => 1)")
    for step in (250, 3, 128):
        steps.move_slider(shown.locator(f"{GLAND} input[type=range]"), step)
        steps.until(shown, f"trusApp.view.mask.thresholds[0] === {step}")
        assert plane(shown, 0).reshape(80, 96)[:9, :9].all()

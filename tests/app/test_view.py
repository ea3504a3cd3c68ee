"""Looking at a frame: layers, window and level, zoom, clips, another model, a reference."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from . import steps


@pytest.fixture
def shown(page: Page, dataset) -> Page:
    """Two frames; the first with its mask."""
    steps.open_files(page, dataset / "images" / "p2_0.png", dataset / "images" / "p4_1.png")
    steps.wait_for_mask(page)
    return page


def switch(page: Page, name: str):
    return page.locator("[data-panel=layers]").get_by_role("switch", name=re.compile(name, re.I))


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#view").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_fill_and_contour_by_themselves_and_together(shown):
    both = steps.painted(shown)
    switch(shown, "fill").click()
    lines = steps.painted(shown)
    switch(shown, "outline|contour").click()
    assert steps.painted(shown) == 0
    switch(shown, "fill").click()
    fill = steps.painted(shown)
    assert max(lines, fill) < both < lines + fill
    switch(shown, "outline|contour").click()
    assert steps.painted(shown) == both


def test_a_class_is_hidden_by_itself(shown):
    button = shown.locator("[data-class=lesion] button[aria-pressed]")
    before = steps.drawn(shown, "marks")
    button.click()
    gland = steps.drawn(shown, "marks")
    colours = [len(np.unique(drawn.reshape(-1, 4), axis=0)) for drawn in (before, gland)]
    assert 1 < colours[1] < colours[0]
    button.click()
    assert (steps.drawn(shown, "marks") == before).all()


def test_the_heat_map_covers_what_is_probable_and_has_a_legend(shown):
    fill = steps.painted(shown)
    shown.locator("[data-panel=layers] select").select_option(label="gland")
    assert steps.painted(shown) > fill
    expect(shown.locator(".heat-legend")).to_be_visible()


def test_window_and_level_change_the_picture_and_come_back(shown):
    level = "trusApp.view.levelsAt(48, 40)[0]"
    own = shown.evaluate(level)
    shown.keyboard.press("w")
    x, y = middle(shown)
    before = steps.drawn(shown, "picture")
    shown.mouse.move(x, y)
    shown.mouse.down()
    shown.mouse.move(x - 120, y - 60, steps=4)
    shown.mouse.up()
    assert (steps.drawn(shown, "picture") != before).any()
    assert shown.evaluate(level) == own, "the frame's own value is told, not the one shown"
    shown.keyboard.press("Shift+w")
    assert (steps.drawn(shown, "picture") == before).all()


def test_the_wheel_zooms_at_the_pointer_and_the_frame_can_be_brought_back(shown):
    fitted = shown.evaluate("trusApp.view.scale")
    x, y = middle(shown)
    point = shown.evaluate("trusApp.view.toFrame({ x: 300, y: 200 })")
    box = shown.locator("#view").bounding_box()
    shown.mouse.move(box["x"] + 300, box["y"] + 200)
    shown.mouse.wheel(0, -400)
    steps.until(shown, f"trusApp.view.scale > {fitted} * 1.3")
    assert shown.evaluate("trusApp.view.toFrame({ x: 300, y: 200 })") == pytest.approx(point, abs=0.1)
    shown.mouse.move(x, y)
    shown.mouse.down(button="middle")
    shown.mouse.move(x + 40, y + 30, steps=3)
    shown.mouse.up(button="middle")
    moved = shown.evaluate("trusApp.view.toFrame({ x: 300, y: 200 })")
    assert moved != pytest.approx(point, abs=0.1)
    shown.keyboard.press("0")
    steps.until(shown, f"Math.abs(trusApp.view.scale - {fitted}) < 1e-9")


def test_what_is_under_the_pointer_is_told(shown, dataset):
    image = np.asarray(Image.open(dataset / "images" / "p2_0.png"))
    place = shown.evaluate("trusApp.view.toScreen({ x: 48.5, y: 40.5 })")
    box = shown.locator("#view").bounding_box()
    shown.mouse.move(box["x"] + place["x"], box["y"] + place["y"])
    expect(shown.locator("#status")).to_contain_text("x 48")
    expect(shown.locator("#status")).to_contain_text(str(image[40, 48]))
    expect(shown.locator("#status")).to_contain_text("gland")


def test_what_the_network_sees(shown):
    before = steps.drawn(shown, "picture")
    shown.keyboard.press("r")
    steps.until(shown, "trusApp.store.get().source === 'preprocessed'")
    shown.wait_for_load_state("networkidle")
    assert (steps.drawn(shown, "picture") != before).any()
    shown.keyboard.press("r")
    shown.wait_for_load_state("networkidle")
    assert (steps.drawn(shown, "picture") == before).all()


def test_a_clip_is_played_to_its_end_and_around(page, tmp_path, dataset):
    frame = np.asarray(Image.open(dataset / "images" / "p2_0.png"))
    path = clip(tmp_path, frame)
    steps.open_files(page, path)
    steps.wait_for_picture(page)
    page.keyboard.press("k")
    seen = "(window.seen ??= new Set()).add(trusApp.app.frames.position).size === 6"
    steps.until(page, seen)
    page.keyboard.press("k")
    assert not page.evaluate("trusApp.store.get().playing")
    steps.wait_for_mask(page)


def clip(folder: Path, frame: np.ndarray) -> Path:
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, frame.shape[::-1])
    for number in range(6):
        writer.write(cv2.cvtColor((frame // 8 * (number + 2)).astype(np.uint8), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_a_reference_mask_is_compared(shown, dataset):
    """Dice as from the label images themselves."""
    shown.locator("[data-panel=reference] .panel-toggle").click()
    steps.choose(shown, steps.command(shown, "reference.open").click, dataset / "masks" / "p2_0.png")
    steps.until(shown, "trusApp.view.item.reference !== null")
    reference = np.asarray(Image.open(dataset / "masks" / "p2_0.png")).ravel() >= 1
    mask = np.array(shown.evaluate("[...trusApp.view.mask.plane(0)]")).astype(bool)
    dice = 2 * (reference & mask).sum() / (reference.sum() + mask.sum())
    expect(shown.locator("[data-panel=reference]")).to_contain_text(f"{dice:.2f}"[:4])


def test_two_models_side_by_side_move_together(open_page, start_app, watch, tiny_model, dataset):
    service = start_app("--model", f"other={tiny_model.onnx}")
    watch.origin = service.address
    page = open_page(service)
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_mask(page)
    steps.command(page, "view.compare").click()
    steps.until(page, "trusApp.store.get().secondModel === 'other'")
    expect(page.locator("#views canvas.layer-picture")).to_have_count(2)
    expect(page.locator("#view-second")).to_contain_text("other")
    expect(page.locator("[data-panel=compare] td")).to_have_text(
        ["gland", "1.000", "1.000", "lesion", "1.000", "1.000"]
    )
    for key in ("=", "=", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    page.evaluate("trusApp.store.set({ ruler: false })")  # which the first view alone has
    for layer in ("picture", "marks"):
        assert (steps.drawn(page, layer) == steps.drawn(page, layer, "#view-second")).all()


def test_what_is_drawn_in_parts_is_as_if_drawn_at_once(shown):
    """Strokes anywhere, at odd zooms, leave neither seams nor remains."""
    for key in ("=", "=", "Shift+ArrowRight"):
        shown.keyboard.press(key)
    for box, on in (((5, 5, 40, 30), 1), ((20, 10, 60, 55), 0), ((33, 21, 34, 22), 1)):
        x0, y0, x1, y1 = box
        shown.evaluate(f"trusApp.view.mask.apply(0, {{ x0: {x0}, y0: {y0}, x1: {x1}, y1: {y1} }}, () => {on})")
        parts = steps.drawn(shown, "marks")
        shown.evaluate("trusApp.view.invalidateAll()")
        assert (steps.drawn(shown, "marks") == parts).all()

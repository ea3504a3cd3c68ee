"""Commands of correction, and correcting by keys alone."""

import cv2
import pytest
from playwright.sync_api import expect

from . import editing, steps
from .editing import SIZE, gland, lesion, radius, shown

__all__ = ["shown"]


@pytest.mark.parametrize("name", ["holes", "largest", "smooth", "clear", "model"])
def test_commands_change_the_class(shown, name):
    own = shown.evaluate("[...trusApp.app.frames.selected.results.values()][0].labels.filter((v) => v > 0).length")
    editing.paint_all(shown, 0, False, 40, 35, 44, 39)
    editing.paint_all(shown, 0, True, 5, 5, 8, 8)
    area = steps.area(shown)
    steps.command(shown, f"edit.{name}").click()
    expected = {"holes": area + 16, "largest": area - 9, "clear": 0, "model": own}
    if name == "smooth":
        assert not gland(shown)[5, 5]
        assert not gland(shown)[25, 30]
        assert gland(shown)[30:34, 35:65].all()
    else:
        assert steps.area(shown) == expected[name]
    shown.keyboard.press("Control+z")
    assert steps.area(shown) == area


def test_nothing_to_do_is_said(shown):
    steps.command(shown, "edit.holes").click()
    expect(shown.locator(".message")).to_contain_text("no holes")
    assert not shown.evaluate("trusApp.history.canUndo")


def test_everything_is_done_by_keys(shown):
    """A cross that keys move stands for the pointer."""
    before = gland(shown)
    shown.locator("#view").focus()
    shown.keyboard.press("b")
    radius(shown, 4)
    for key in ("Control+ArrowUp",) * 15 + ("Control+ArrowLeft",) * 10:
        shown.keyboard.press(key)
    shown.keyboard.press("Enter")
    added = gland(shown) & ~before
    assert added.any()
    shown.keyboard.press("Shift+Enter")
    assert not (gland(shown) & added).any()
    shown.keyboard.press("p")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        for _ in range(12):
            shown.keyboard.press(f"Control+{key}")
        shown.keyboard.press("Enter")
    shown.keyboard.press("Enter")
    assert shown.evaluate("trusApp.history.list.at(-1).textKey") == "edit.history.polygon"
    shown.keyboard.press("n")
    for key in ("Control+ArrowUp", "Enter", *("Control+ArrowRight",) * 6, "Enter"):
        shown.keyboard.press(key)
    shown.keyboard.press("x")
    assert shown.evaluate("trusApp.store.get().activeClass") == "lesion"
    while shown.evaluate("trusApp.history.canUndo"):
        shown.keyboard.press("Control+z")
    assert (gland(shown) == before).all()


def test_a_class_is_copied_from_the_frames_beside_it_in_a_clip(page, dataset, tmp_path):
    clip = tmp_path / "clip.avi"
    images = [cv2.imread(str(dataset / "images" / f"p{number}_0.png")) for number in (1, 2, 3)]
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 10, SIZE[::-1])
    for image in images:
        writer.write(image)
    writer.release()
    steps.open_files(page, clip)
    steps.wait_for_mask(page)
    expect(steps.command(page, "edit.copy-previous")).to_be_disabled()
    editing.paint_all(page, 1, True, 3, 4, 20, 30)
    first = lesion(page)
    page.locator("#view").focus()
    page.keyboard.press("ArrowRight")
    steps.wait_for_mask(page)
    own = lesion(page)
    editing.choose_class(page, "lesion")
    steps.command(page, "edit.copy-previous").click()
    assert (lesion(page) == first).all()
    assert gland(page)[first].all()
    page.keyboard.press("Control+z")
    assert (lesion(page) == own).all()

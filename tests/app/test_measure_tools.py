"""Measuring with the pointer and the keys, stating a scale, and what all of it rests on."""

import math
import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from . import steps

PANEL = "[data-panel=measures]"


@pytest.fixture
def frame(page: Page, dataset) -> Page:
    """A frame of the made set, which does not say how long a pixel is, with its mask."""
    return opened(page, dataset, 1)


def opened(page: Page, dataset, count: int) -> Page:
    steps.open_files(page, *sorted((dataset / "images").glob("*.png"))[:count])
    steps.wait_for_mask(page)
    return page


def drag(page: Page, tool: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With a tool's key, between two points of the frame in pixels."""
    if tool:
        page.locator("#view").focus()
        page.keyboard.press(tool)
    page.mouse.move(*on_screen(page, start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)))
    page.mouse.move(*on_screen(page, end))
    page.mouse.up()


def on_screen(page: Page, point: tuple[float, float]) -> tuple[float, float]:
    place = page.evaluate("([x, y]) => trusApp.view.toScreen({ x, y })", point)
    box = page.locator("#view").bounding_box()
    return box["x"] + place["x"], box["y"] + place["y"]


def measurements(page: Page) -> list[dict]:
    return page.evaluate("trusApp.app.frames.selected.measurements")


def length(measurement: dict) -> float:
    a, b = measurement["points"][:2]
    return math.hypot(a["x"] - b["x"], a["y"] - b["y"])


def test_a_calliper_is_dragged_moved_listed_and_undone(frame):
    drag(frame, "l", (10, 10), (30, 25))
    (made,) = measurements(frame)
    assert (made["type"], length(made)) == ("calliper", pytest.approx(25, abs=0.5))
    expect(frame.locator(f"{PANEL} .hand-list li")).to_contain_text(re.compile(r"Calliper\s*25\.0\spx"))
    drag(frame, "", (30, 25), (30, 10))
    assert length(measurements(frame)[0]) == pytest.approx(20, abs=0.5)
    frame.keyboard.press("Control+z")
    assert length(measurements(frame)[0]) == pytest.approx(25, abs=0.5)
    frame.keyboard.press("Control+z")
    assert measurements(frame) == []
    frame.keyboard.press("Control+y")
    assert len(measurements(frame)) == 1
    frame.locator(f"{PANEL} .hand-list").get_by_role("button", name="Remove this measurement").click()
    assert measurements(frame) == []


def test_two_clicks_measure_as_a_drag_does(frame):
    frame.locator("#view").focus()
    frame.keyboard.press("l")
    frame.mouse.click(*on_screen(frame, (5, 5)))
    assert measurements(frame) == []
    frame.mouse.move(*on_screen(frame, (20, 5)))
    frame.mouse.click(*on_screen(frame, (25, 5)))
    assert length(measurements(frame)[0]) == pytest.approx(20, abs=0.5)


def test_escape_gives_up_what_was_begun(frame):
    frame.locator("#view").focus()
    frame.keyboard.press("l")
    frame.mouse.click(*on_screen(frame, (5, 5)))
    frame.keyboard.press("Escape")
    frame.mouse.move(*on_screen(frame, (20, 5)))
    assert measurements(frame) == []


def test_measuring_by_keys_alone(frame):
    frame.locator("#view").focus()
    frame.keyboard.press("l")
    frame.keyboard.press("Enter")
    before = length(measurements(frame)[0])
    frame.keyboard.press("ArrowRight")
    frame.keyboard.press("Shift+ArrowRight")
    assert length(measurements(frame)[0]) == pytest.approx(before + 11)
    frame.keyboard.press("Control+ArrowRight")
    assert length(measurements(frame)[0]) == pytest.approx(before + 10)
    frame.keyboard.press("Delete")
    assert measurements(frame) == []


def test_an_ellipse_and_an_angle(frame):
    drag(frame, "o", (10, 30), (30, 30))
    drag(frame, "a", (40, 10), (20, 10))
    assert [each["type"] for each in measurements(frame)] == ["ellipse", "angle"]
    rows = frame.locator(f"{PANEL} .hand-list li")
    expect(rows.nth(0)).to_contain_text(re.compile(r"px².*px.*20\.0 × 14\.0\spx", re.DOTALL))
    expect(rows.nth(1)).to_contain_text("45.0°")


def test_the_masks_sizes_follow_the_threshold(frame):
    figures = frame.locator(f"{PANEL} .figures tbody").first
    expect(figures).to_contain_text("px²")
    before = figures.inner_text()
    frame.evaluate("trusApp.view.mask.setThreshold(0, 250)")
    expect(figures).not_to_have_text(before)


def state_by_calliper(page: Page, millimetres: str, scope: str) -> None:
    page.keyboard.press("Shift+S")
    page.get_by_label("Its true length").fill(millimetres)
    page.get_by_role("radio", name=scope).check()
    page.get_by_role("button", name="State it").click()


def test_a_stated_scale_is_marked_wherever_it_is_used_and_can_be_undone(page, dataset):
    opened(page, dataset, 2)
    drag(page, "l", (10, 10), (30, 10))
    state_by_calliper(page, "5,0", "All of this size")
    spacings = page.evaluate("trusApp.app.frames.list.map((item) => item.statedSpacing[0])")
    assert spacings == [pytest.approx(0.25, abs=0.01)] * 2
    expect(page.locator(f"{PANEL} .hand-list li").first).to_contain_text(re.compile(r"5\.0\smm\s\*"))
    expect(page.locator(PANEL)).to_contain_text("stated by the user")
    page.keyboard.press("Control+z")
    expect(page.locator(f"{PANEL} .hand-list li").first).to_contain_text("px")


def test_an_impossible_scale_is_refused_with_a_reason(frame):
    frame.keyboard.press("Shift+S")
    frame.get_by_label("By numbers").check()
    frame.get_by_label("Between rows").fill("-3")
    frame.get_by_role("button", name="State it").click()
    expect(frame.get_by_role("alert").filter(has_text="between")).to_be_visible()
    assert frame.evaluate("trusApp.app.frames.selected.statedSpacing ?? null") is None


def test_a_scale_of_the_file_cannot_be_overruled(page, make_us_dicom, tmp_path):
    (tmp_path / "frame.dcm").write_bytes(make_us_dicom([np.full((48, 64), 90, np.uint8)], PixelSpacing=[0.2, 0.2]))
    steps.open_files(page, tmp_path / "frame.dcm")
    steps.wait_for_picture(page)
    expect(page.locator(f"{PANEL} .measure-scale")).to_contain_text("from the file")
    drag(page, "l", (5, 5), (25, 5))
    expect(page.locator(f"{PANEL} .hand-list li")).to_contain_text(re.compile(r"4\.0\smm"))
    page.keyboard.press("Shift+S")
    expect(page.locator(".message")).to_contain_text("cannot be overruled")


def test_the_volume_of_two_planes(page, dataset):
    opened(page, dataset, 2)
    drag(page, "l", (10, 10), (30, 10))
    drag(page, "", (10, 20), (10, 32))
    state_by_calliper(page, "6", "All of this size")
    page.evaluate("trusApp.app.frames.step(1)")
    steps.wait_for_picture(page)
    drag(page, "l", (10, 10), (26, 10))
    page.evaluate("trusApp.app.frames.step(-1)")
    steps.wait_for_picture(page)
    page.keyboard.press("Shift+V")
    expect(page.locator(".volume-result")).to_contain_text(
        re.compile(r"π/6 × 10\.0\smm × 6\.0\smm × 8\.0\smm = 0\.3\smL")
    )
    page.get_by_role("button", name="Keep the volume").click()
    row = page.locator(f"{PANEL} .hand-list li").filter(has_text="Ellipsoid volume")
    expect(row).to_contain_text(re.compile(r"0\.3\smL\s\*.*π/6 × 10\.0 × 6\.0 × 8\.0 mm · frames 1, 1, 2"))
    page.evaluate("trusApp.app.frames.step(1)")
    page.evaluate("trusApp.app.frames.remove([trusApp.app.frames.selected.id])")
    expect(row).to_contain_text("–")
    expect(page.locator(PANEL)).to_contain_text("No volume")


def test_in_russian(open_page, dataset, save_screenshot):
    page = opened(open_page(locale="ru-RU", color_scheme="dark"), dataset, 1)
    drag(page, "l", (10, 10), (30, 25))
    expect(page.locator(f"{PANEL} .hand-list li")).to_contain_text(re.compile(r"Калипер\s*25,0\sпикс\."))
    save_screenshot(page, "measure-ru")


def test_measurements_and_what_was_stated_come_back_with_the_page(frame):
    drag(frame, "l", (10, 10), (30, 10))
    state_by_calliper(frame, "5", "This frame")
    steps.until(frame, "trusApp.store.get().autosave.state === 'saved'")
    frame.wait_for_timeout(600)
    frame.reload()
    frame.wait_for_selector("html[data-ready=true]")
    steps.wait_for_mask(frame)
    expect(frame.locator(f"{PANEL} .hand-list li")).to_contain_text(re.compile(r"5\.0\smm\s\*"))
    frame.keyboard.press("Control+z")
    expect(frame.locator(f"{PANEL} .hand-list li")).to_contain_text("px")
    frame.keyboard.press("Control+z")
    assert measurements(frame) == []

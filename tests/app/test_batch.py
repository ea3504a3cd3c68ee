"""Many frames in the background: pause, cancel, failures, a lost service, a reloaded page."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from . import steps

FRAMES = 14
PANEL = "[data-panel=batch]"


@pytest.fixture(scope="module")
def files(tmp_path_factory, dataset) -> list:
    """Frames of the made set, each a little different."""
    folder = tmp_path_factory.mktemp("batch")
    images = [np.asarray(Image.open(path)) for path in sorted((dataset / "images").glob("*.png"))]
    for number in range(FRAMES):
        image = images[number % len(images)].copy()
        image[0, 0] = number
        Image.fromarray(image).save(folder / f"frame{number:02d}.png")
    return sorted(folder.iterdir())


@pytest.fixture
def batch(page: Page, files) -> Page:
    """The frames are open, the first has its mask, the panel is in sight."""
    steps.open_files(page, *files)
    steps.wait_for_mask(page)
    page.get_by_role("tab", name="All frames").click()
    return page


class Gate:
    """Results that are asked for wait here until it is opened."""

    def __init__(self, page: Page):
        self.waiting: list[Route] = []
        self.is_open = False
        page.route("**/result?*", self._arrived)

    def _arrived(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.waiting.append(route)

    def open(self) -> None:
        self.is_open = True
        for route in self.waiting:
            route.continue_()
        self.waiting.clear()


def state(page: Page) -> dict:
    return page.evaluate("trusApp.store.get().batch")


def done(page: Page) -> int:
    return page.evaluate("trusApp.app.frames.list.filter((item) => item.status === 'done').length")


def wait_until_idle(page: Page) -> None:
    steps.until(page, "trusApp.store.get().batch.state === 'idle'", seconds=30)


def test_a_batch_does_all_frames_and_says_so(batch):
    steps.command(batch, "batch.start").click()
    wait_until_idle(batch)
    assert done(batch) == FRAMES
    expect(batch.locator(".message").filter(has_text=f"{FRAMES - 1} frames are segmented.")).to_be_visible()
    expect(batch.locator(PANEL)).to_contain_text(f"{FRAMES} frames: {FRAMES} segmented, 0 corrected.")
    expect(steps.command(batch, "batch.start")).to_be_disabled()


def test_no_more_than_two_frames_are_asked_for_at_once(batch):
    gate = Gate(batch)
    steps.command(batch, "batch.start").click()
    batch.wait_for_timeout(500)
    assert len(gate.waiting) == 2
    gate.open()
    wait_until_idle(batch)


def test_a_pause_ends_what_runs_and_begins_nothing(batch):
    gate = Gate(batch)
    steps.command(batch, "batch.start").click()
    steps.until(batch, "trusApp.app.frames.list.filter((item) => item.status === 'running').length === 2")
    steps.command(batch, "batch.pause").click()
    gate.open()
    steps.until(batch, "trusApp.store.get().batch.done === 2")
    batch.wait_for_timeout(300)
    assert (state(batch)["state"], done(batch)) == ("paused", 3)
    expect(batch.locator(PANEL)).to_contain_text(f"2 of {FRAMES - 1} · paused")
    steps.command(batch, "batch.resume").click()
    wait_until_idle(batch)
    assert done(batch) == FRAMES


def test_a_cancelled_batch_keeps_what_is_done(batch):
    gate = Gate(batch)
    steps.command(batch, "batch.start").click()
    steps.until(batch, "trusApp.app.frames.list.filter((item) => item.status === 'running').length === 2")
    steps.command(batch, "batch.cancel").click()
    assert state(batch)["state"] == "idle"
    steps.until(batch, "trusApp.app.frames.list.every((item) => ['done', 'new'].includes(item.status))")
    assert done(batch) == 1
    gate.waiting.clear()  # given up by the page
    gate.open()
    steps.command(batch, "batch.start").click()
    wait_until_idle(batch)
    assert done(batch) == FRAMES


def test_a_frame_that_fails_is_named_and_can_be_tried_again(batch, watch):
    watch.allow("status of 500")
    failing = batch.evaluate("trusApp.app.frames.list[3].id")
    name = batch.evaluate("trusApp.app.frames.list[3].name")
    broken = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "a fault"}
    asked = []

    def answer(route: Route) -> None:
        running = batch.evaluate("(id) => trusApp.app.frames.get(id).status", failing)
        if running == "running" and not asked:
            asked.append(route.request.url)
        if asked == [route.request.url]:
            route.fulfill(status=500, json=broken, content_type="application/problem+json")
        else:
            route.continue_()

    batch.route("**/result?*", answer)
    batch.evaluate("(id) => trusApp.app.batch.start([trusApp.app.frames.get(id)], 'tiny')", failing)
    wait_until_idle(batch)
    failures = batch.locator(".failure-list li")
    expect(failures).to_have_count(1)
    expect(failures).to_contain_text(name)
    expect(failures).to_contain_text("fault of its own")
    batch.unroute("**/result?*")
    steps.command(batch, "batch.start").click()
    wait_until_idle(batch)
    assert done(batch) == FRAMES
    expect(failures).to_have_count(0)


def test_a_lost_service_fails_no_frame_and_the_batch_goes_on_by_itself(batch, watch):
    watch.allow("ERR_FAILED", "ERR_CONNECTION_REFUSED")
    batch.route("**/app/api/**", lambda route: route.abort())
    steps.command(batch, "batch.start").click()
    expect(batch.locator(PANEL)).to_contain_text("waits for the service")
    assert batch.evaluate("trusApp.app.frames.list.filter((item) => item.status === 'failed').length") == 0
    batch.unroute("**/app/api/**")
    wait_until_idle(batch)
    assert done(batch) == FRAMES


def test_a_corrected_frame_is_left_alone(batch):
    batch.evaluate("trusApp.app.frames.step(1)")
    steps.wait_for_mask(batch)
    box = batch.locator("#view").bounding_box()
    batch.locator("#view").focus()
    batch.keyboard.press("b")
    batch.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    corrected = steps.area(batch)
    steps.command(batch, "batch.start").click()
    wait_until_idle(batch)
    assert steps.area(batch) == corrected
    assert batch.evaluate("trusApp.app.frames.selected.edited")


def test_what_waits_when_the_page_is_loaded_again_is_taken_up(batch):
    gate = Gate(batch)
    steps.command(batch, "batch.start").click()
    steps.until(batch, "trusApp.store.get().autosave.state === 'saved'")
    steps.until(batch, "trusApp.app.frames.list.filter((item) => item.status === 'queued').length > 3")
    batch.wait_for_timeout(700)
    gate.waiting.clear()
    gate.open()
    batch.reload()
    batch.wait_for_selector("html[data-ready=true]")
    steps.wait_for_frames(batch, FRAMES)
    expect(batch.locator(PANEL)).to_contain_text("left over from before")
    assert state(batch)["state"] == "paused"
    batch.get_by_role("tab", name="All frames").click()
    steps.command(batch, "batch.resume").click()
    wait_until_idle(batch)
    assert done(batch) == FRAMES


def test_frames_removed_meanwhile_are_no_failures(batch):
    gate = Gate(batch)
    steps.command(batch, "batch.start").click()
    batch.evaluate("trusApp.app.frames.remove(trusApp.app.frames.list.slice(5).map((item) => item.id))")
    gate.open()
    wait_until_idle(batch)
    assert done(batch) == 5


@pytest.mark.parametrize(("locale", "words"), [("en-US", r"\d+ of 13"), ("ru-RU", r"\d+ из 13")])
def test_progress_is_told_in_the_language(open_page, files, locale, words):
    page = open_page(locale=locale)
    steps.open_files(page, *files)
    steps.wait_for_mask(page)
    page.keyboard.press("Alt+2")
    gate = Gate(page)
    page.keyboard.press("Shift+B")
    expect(page.locator(f"{PANEL} .batch-line")).to_have_text(re.compile(words))
    gate.open()
    wait_until_idle(page)

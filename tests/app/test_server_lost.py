"""The service goes away in mid-work and comes back: nothing is lost, and the page says what is the matter."""

import re

import pytest
from playwright.sync_api import expect

from . import steps

OFFLINE = r"Failed to load resource|ERR_CONNECTION|status of 401"


@pytest.fixture
def own(start_app):
    """A service that a test may end."""
    return start_app()


@pytest.fixture
def working(open_page, own, watch, dataset):
    """A page of that service with two frames, the first with a corrected mask."""
    watch.origin = own.address
    watch.allow(OFFLINE)
    page = open_page(own)
    steps.open_files(page, dataset / "images" / "p2_0.png", dataset / "images" / "p4_1.png")
    steps.wait_for_mask(page)
    page.evaluate("trusApp.view.mask.apply(0, { x0: 0, y0: 0, x1: 9, y1: 9 }, () => 1)")
    return page


def come_back(start_app, own, page):
    """Start it again at the same address and enter in a second tab, as a user does who opens the printed address."""
    again = start_app("--port", str(own.port))
    entrance = page.context.new_page()
    entrance.goto(again.entrance)
    entrance.wait_for_selector("html[data-ready=true]")
    entrance.close()


def test_a_lost_service_is_said_and_the_mask_stays_editable(working, own):
    own.end(kill=True)
    working.keyboard.press("ArrowRight")
    expect(working.locator("#banner")).to_contain_text(re.compile("connect|service|answer", re.I))
    working.keyboard.press("ArrowLeft")
    steps.wait_for_mask(working)
    before = steps.area(working)
    working.evaluate("trusApp.view.mask.apply(0, { x0: 80, y0: 0, x1: 90, y1: 9 }, () => 1)")
    assert steps.area(working) > before
    assert steps.painted(working, "picture") > 0


def test_work_goes_on_when_it_is_back_and_files_are_sent_again(working, own, start_app):
    corrected = steps.area(working)
    own.end(kill=True)
    working.keyboard.press("ArrowRight")
    expect(working.locator("#banner")).not_to_be_empty()
    come_back(start_app, own, working)
    working.bring_to_front()
    if working.evaluate("trusApp.store.get().connection") != "ok":
        working.locator("#banner").get_by_role("button").first.click()
    steps.until(working, "trusApp.store.get().connection === 'ok'", seconds=20)
    steps.wait_for_mask(working)
    assert working.evaluate("trusApp.app.frames.selected.status") == "done"
    working.keyboard.press("ArrowLeft")
    steps.wait_for_mask(working)
    assert steps.area(working) == corrected


def test_a_service_that_forgot_the_file_gets_it_again(page, dataset, watch):
    """As after half an hour: the study is gone, the page notices by the answer."""
    watch.allow("status of 404")
    steps.open_files(page, dataset / "images" / "p2_0.png", dataset / "images" / "p4_1.png")
    steps.wait_for_mask(page)
    page.evaluate("""async () => {
        for (const { fileId } of trusApp.items) {
            const { id } = await trusApp.app.files.study(fileId);
            await fetch(`/app/api/studies/${id}`, { method: 'DELETE' });
        }
    }""")
    page.keyboard.press("ArrowRight")
    steps.wait_for_mask(page)
    assert page.evaluate("trusApp.app.frames.selected.status") == "done"

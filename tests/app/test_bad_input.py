"""What cannot be opened is told in the chosen language with a way out, and the rest goes on."""

import re
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from . import steps

REFUSED = r"status of (4\d\d|5\d\d)"
CYRILLIC = re.compile("[а-яё]{4}", re.I)


@pytest.fixture(params=["en", "ru"])
def opened(request, open_page, watch):
    """The page in either language; refusals of the service are meant."""
    watch.allow(REFUSED)
    page = open_page(locale={"en": "en-US", "ru": "ru-RU"}[request.param])
    page.language = request.param
    return page


def good() -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.full((80, 96), 90, np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def claims_to_be_huge() -> bytes:
    """A PNG whose header says 60000x60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


BAD = {
    "text.png": lambda make: b"this is a text, whatever its name says\n" * 20,
    "empty.png": lambda make: b"",
    "notes.txt": lambda make: b"a text",
    "cut.png": lambda make: good()[:-60],
    "huge.png": lambda make: claims_to_be_huge(),
    "broken.dcm": lambda make: make([np.zeros((64, 64), np.uint8)])[:-2000],
    "noise.bin": lambda make: np.random.default_rng(0).bytes(5000),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_its_reason_and_the_good_one_is_opened(opened, make_us_dicom, name):
    steps.drop(opened, (name, BAD[name](make_us_dicom)), ("z_good.png", good()))
    steps.wait_for_frames(opened, 1)
    assert steps.names(opened) == ["z_good.png"]
    told = opened.get_by_role("dialog")
    expect(told).to_contain_text(name)
    reason = told.inner_text().replace(name, "")
    assert bool(CYRILLIC.search(reason)) == (opened.language == "ru")
    assert not re.search(r"problems\.|undefined|\[object|urn:trus|Traceback", reason)
    opened.keyboard.press("Escape")
    expect(told).to_have_count(0)
    steps.wait_for_mask(opened)


def test_a_model_file_that_is_none_is_refused_and_the_work_goes_on(opened):
    steps.drop(opened, ("good.png", good()))
    steps.wait_for_frames(opened, 1)
    steps.drop(opened, ("mine.onnx", b"no model at all" * 100))
    expect(opened.locator(steps.PROBLEMS)).to_be_visible()
    message = opened.locator(steps.PROBLEMS).inner_text()
    assert bool(CYRILLIC.search(message)) == (opened.language == "ru")
    assert "problems." not in message
    assert opened.evaluate("trusApp.store.get().modelName") == "tiny"
    steps.wait_for_mask(opened)


def test_a_frame_that_fails_says_so_and_can_be_tried_again(page, watch):
    """A fault of the service in mid-work: said with a button, and mended by it."""
    watch.allow(REFUSED)
    problem = {"status": 500, "content_type": "application/problem+json", "body": "{}"}
    page.route("**/result?*", lambda route: route.fulfill(**problem))
    steps.drop(page, ("good.png", good()))
    expect(page.locator(steps.PROBLEMS)).to_be_visible()
    assert page.evaluate("trusApp.app.frames.selected.status") == "failed"
    page.unroute("**/result?*")
    page.locator(steps.PROBLEMS).get_by_role("button").first.click()
    steps.wait_for_mask(page)


def test_a_damaged_answer_is_noticed(page, watch):
    watch.allow(REFUSED)
    page.route("**/result?*", lambda route: route.fulfill(status=200, body=struct.pack("<I", 2) + b"{}"))
    steps.drop(page, ("good.png", good()))
    expect(page.locator(steps.PROBLEMS)).to_be_visible()
    assert page.evaluate("trusApp.view.mask") is None


def test_a_busy_service_is_asked_again_until_it_answers(page, watch):
    watch.allow(REFUSED)
    refusals = iter(range(2))

    def busy(route):
        if next(refusals, None) is None:
            route.continue_()
        else:
            problem = '{"type": "urn:trus:problem:queue-full", "detail": "2 requests are before this one"}'
            headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
            route.fulfill(status=429, headers=headers, body=problem)

    page.route("**/result?*", busy)
    steps.drop(page, ("good.png", good()))
    steps.wait_for_frames(page, 1)
    steps.wait_for_mask(page)
    expect(page.locator(steps.PROBLEMS)).to_have_count(0)

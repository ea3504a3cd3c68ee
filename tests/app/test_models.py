"""Models: none, found, loaded, dropped in, synthetic, two side by side."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from . import running, steps


@pytest.fixture
def without_model(start_app):
    """A service that has none."""
    return start_app(model=None)


@pytest.fixture
def finding(tmp_path, tiny_model):
    """A service without a model in a folder where one lies."""
    shutil.copy(tiny_model.onnx, tmp_path / "lying_here.onnx")
    service = running.start(tmp_path)
    yield service
    service.end(kill=True)


def test_without_a_model_the_page_takes_a_file(open_page, without_model, watch, dataset, tiny_model):
    """And says how to get one."""
    watch.origin = without_model.address
    page = open_page(without_model)
    expect(page.locator("#welcome")).to_contain_text(re.compile("model", re.I))
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_picture(page)
    assert page.evaluate("trusApp.view.mask") is None
    steps.drop(page, ("mine.onnx", tiny_model.onnx.read_bytes()))
    steps.until(page, "trusApp.store.get().modelName !== null")
    steps.wait_for_mask(page)
    expect(page.locator("#topbar")).to_contain_text("tiny")


def test_a_model_that_was_found_is_loaded_by_a_click(open_page, finding, watch):
    watch.origin = finding.address
    page = open_page(finding)
    page.locator(".model-button").click()
    card = page.get_by_role("dialog").locator(".model-card")
    expect(card.first).to_contain_text("tiny")
    card.first.get_by_role("button").click()
    steps.until(page, "trusApp.store.get().modelName !== null")


def test_what_is_known_of_a_model_is_said(page, tiny_model):
    from trus.inference.predictor import open_predictor

    page.locator(".model-button").click()
    card = page.get_by_role("dialog").locator(".model-card")
    for words in ("gland", "lesion", "CC0-1.0", "drawn by tests", open_predictor(tiny_model.onnx, 1).model_hash):
        expect(card).to_contain_text(words)


def test_research_use_and_the_models_name_are_always_in_view(page, dataset):
    for _ in range(2):
        expect(page.locator("#topbar")).to_contain_text("Research use only")
        expect(page.locator("#topbar")).to_contain_text("tiny")
        steps.open_files(page, dataset / "images" / "p2_0.png")
        steps.wait_for_mask(page)


def test_a_model_of_the_phantom_is_called_synthetic(open_page, start_app, watch, tiny_model, tmp_path):
    """The badge, and a synthetic frame to try it on."""
    import onnx

    model = onnx.load(tiny_model.onnx)
    for prop in model.metadata_props:
        prop.value = prop.value.replace("drawn by tests/conftest.py", "phantom")
    onnx.save_model(model, tmp_path / "phantom.onnx")
    service = start_app(model=tmp_path / "phantom.onnx")
    watch.origin = service.address
    page = open_page(service)
    expect(page.locator("#topbar .badge")).to_be_visible()
    page.locator("#welcome").get_by_role("button", name=re.compile("synthetic", re.I)).click()
    steps.wait_for_frames(page, 3)
    steps.wait_for_mask(page)

"""A folder of many frames: opened at once, worked off in the background, the page usable meanwhile.

scripts/benchmark_app.py does the same with 500 frames.
"""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from . import steps

FRAMES = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory, dataset):
    """Frames of the made set, each a little different."""
    folder = tmp_path_factory.mktemp("batch")
    images = [np.asarray(Image.open(path)) for path in sorted((dataset / "images").glob("*.png"))]
    for number in range(FRAMES):
        image = images[number % len(images)].copy()
        image[0, 0] = number
        Image.fromarray(image).save(folder / f"frame{number}.png")
    return folder


def test_all_are_worked_off_while_another_is_corrected(page, folder):
    page.locator("#pick-folder").set_input_files(str(folder))
    steps.wait_for_frames(page, FRAMES)
    assert steps.names(page)[-1] == f"frame{FRAMES - 1}.png"
    steps.wait_for_mask(page)
    page.evaluate("import('/app/js/keyboard.js').then(({ run }) => run('batch.start'))")
    page.evaluate("trusApp.view.mask.apply(0, { x0: 0, y0: 0, x1: 9, y1: 9 }, () => 1)")
    corrected = steps.area(page)
    steps.until(page, "trusApp.app.frames.list.every((item) => item.status === 'done')", seconds=60)
    assert steps.area(page) == corrected
    page.keyboard.press("End")
    steps.wait_for_mask(page)
    assert steps.area(page) > 0
    cells = page.locator("#filmstrip .cell")
    expect(cells.last).to_be_visible()
    assert cells.count() < FRAMES, "only the cells in sight are in the page"

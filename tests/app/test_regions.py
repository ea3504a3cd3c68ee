"""Which part of a frame is segmented where the page does not say."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from trus.app.regions import FOUND
from trus.data.intake.sector import find_sector

from ..dicom_region import region_item
from .in_process import unpack


@pytest.fixture(scope="module")
def screen() -> np.ndarray:
    """A screen: speckle within a rectangle, black around it."""
    frame = np.zeros((240, 320), np.uint8)
    frame[40:200, 70:250] = np.random.default_rng(0).gamma(4, 25, (160, 180)).clip(20, 255)
    return frame


@pytest.fixture
def cropping_model(tiny_model, tmp_path):
    """The tiny model, whose file says that its training frames were cropped."""
    content = tiny_model.onnx.read_bytes()
    changed = content.replace(b'"cropped":0', b'"cropped":9')
    assert changed != content
    (tmp_path / "cropping.onnx").write_bytes(changed)
    return tmp_path / "cropping.onnx"


def encoded(frame: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "png")
    return buffer.getvalue()


def test_a_model_of_cropped_frames_is_shown_the_ultrasound_picture_only(
    open_application, run, tiny_model, cropping_model, screen, make_us_dicom
):
    named = make_us_dicom([screen], SequenceOfUltrasoundRegions=[region_item((80, 60, 200, 180))])
    models = {"whole": tiny_model.onnx, "cropping": cropping_model}

    async def scenario():
        async with open_application(models=models) as browser:
            plain, dicom = await browser.open(encoded(screen)), await browser.open(named)
            empty = await browser.open(encoded(np.zeros((240, 320), np.uint8)))
            asked = [
                *((plain, "cropping", "auto"), (plain, "cropping", "whole"), (plain, "whole", "auto")),
                *((dicom, "cropping", "auto"), (empty, "cropping", "auto")),
            ]
            answers = [await browser.frame(each, 0, "/result", model=name, region=part) for each, name, part in asked]
            return answers, await browser.frame(plain, 0, "/preprocessed", model="cropping")

    answers, seen = run(scenario())
    box = find_sector(screen).box
    documents = [unpack(answer.content).document for answer in answers]
    assert [each["boxes"] for each in documents] == [[[*box]], [], [], [[80, 60, 200, 180]], []]
    assert [FOUND in each["notes"] for each in documents] == [True, False, False, False, False]
    found = unpack(answers[0].content)
    outside = np.ones((240, 320), bool)
    outside[box[1] : box[3], box[0] : box[2]] = False
    assert not found.planes[:, outside].any()
    shown = np.asarray(Image.open(BytesIO(seen.content)))
    assert not shown[outside].any()
    assert shown[~outside].any()

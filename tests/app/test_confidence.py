"""The numbers that say how sure a network is of a mask."""

import json

import numpy as np
import onnx
import pytest

from trus.app.confidence import confidence_of, frame_warnings
from trus.inference.appearance import measure_frame, summarise
from trus.inference.metadata import ModelMetadata, parse_metadata
from trus.inference.predictor import METADATA_KEY

from ..conftest import draw_frame
from ..inference.test_metadata import DOCUMENT
from .exporting import png
from .in_process import API, unpack

Y, X = np.mgrid[:200, :200]
AWAY = np.hypot(Y - 100, X - 100)
DISC = (AWAY < 60).astype(np.uint8)


def test_a_sharp_edge_has_no_uncertain_rim():
    (sharp,) = confidence_of(DISC[None], DISC[None].astype(np.float32))
    assert (sharp.mean_probability, sharp.uncertain_share) == (1.0, 0.0)


def test_a_soft_edge_is_uncertain_by_as_much_as_it_is_wide():
    """Probability falls from 1 to 0 over 8 px: 4 of them lie within 0.25 and 0.75, of a rim of 2 x 6 px."""
    soft = np.clip((64 - AWAY) / 8, 0, 1).astype(np.float32)
    (found,) = confidence_of(DISC[None], soft[None])
    assert found.uncertain_share == pytest.approx(4 / 12, abs=0.05)
    assert found.mean_probability == pytest.approx(soft[DISC > 0].mean(), abs=1e-4)


def test_an_empty_mask_has_neither():
    (empty,) = confidence_of(np.zeros((1, 50, 50), np.uint8), np.ones((1, 50, 50), np.float32))
    assert (empty.mean_probability, empty.uncertain_share) == (None, None)


def test_a_mask_that_fills_the_frame_has_no_rim():
    (full,) = confidence_of(np.ones((1, 50, 50), np.uint8), np.full((1, 50, 50), 0.9, np.float32))
    assert full.mean_probability == pytest.approx(0.9)
    assert full.uncertain_share is None


def test_each_of_several_regions_is_looked_at_and_a_code_comes_once():
    metadata = parse()
    frame = np.zeros((240, 640), np.uint8)
    frame[:, :320] = draw_frame(50, (240, 320))[0]
    assert frame_warnings(frame, [(0, 0, 320, 240)], metadata) == []
    both = frame_warnings(frame, [(0, 0, 320, 240), (320, 0, 640, 240)], metadata)
    assert [each["code"] for each in both] == ["blank"]


def test_a_network_that_always_sees_the_same_part_is_asked_about_that_part():
    frame = np.full((400, 500), 255, np.uint8)
    frame[50:290, 100:420] = draw_frame(50, (240, 320))[0]
    fixed = parse(preprocessing={"size": [64, 96], "channels": "grey", "region": [100, 50, 420, 290]})
    assert frame_warnings(frame, [], fixed) == []
    whole = parse(preprocessing={"size": [64, 96], "channels": "grey", "region": None})
    assert frame_warnings(frame, [(100, 50, 420, 290)], whole) != []


def test_a_model_that_does_not_know_its_training_frames_warns_of_none():
    assert frame_warnings(np.zeros((50, 50), np.uint8), [], parse(appearance=None)) == []


def test_a_result_says_in_which_ways_its_frame_is_unlike(open_application, run, tiny_model, tmp_path):
    """The tiny model's file, told that its training frames were drawn ones of its own kind."""
    model = onnx.load(tiny_model.onnx)
    (entry,) = (one for one in model.metadata_props if one.key == METADATA_KEY)
    appearance = summarise([measure_frame(draw_frame(seed, (80, 96))[0]) for seed in range(20)])
    entry.value = json.dumps(json.loads(entry.value) | {"appearance": appearance.model_dump()})
    onnx.save(model, tmp_path / "knowing.onnx")

    async def asked():
        async with open_application(models={"tiny": tmp_path / "knowing.onnx"}) as browser:
            frames = [draw_frame(50, (80, 96))[0], np.zeros((80, 96), np.uint8)]
            studies = [await browser.open(png(frame)) for frame in frames]
            session = (await browser.get(f"{API}/session")).json()
            results = [unpack((await browser.frame(study, part="/result")).content) for study in studies]
            return session, [result.document["warnings"] for result in results]

    session, (usual, black) = run(asked())
    assert session["models"][0]["appearance_known"]
    assert usual == []
    assert [warning["code"] for warning in black] == ["blank"]


def parse(**changes) -> ModelMetadata:
    """A model file's document whose training frames were 20 drawn ones."""
    appearance = summarise([measure_frame(draw_frame(seed, (240, 320))[0]) for seed in range(20)])
    return parse_metadata(json.dumps(DOCUMENT | {"appearance": appearance.model_dump()} | changes), "m.onnx")

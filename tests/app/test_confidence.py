"""The numbers that say how sure a network is of a mask."""

import json

import numpy as np
import pytest

from trus.app.confidence import confidence_of, frame_warnings
from trus.inference.appearance import measure_frame, summarise
from trus.inference.metadata import ModelMetadata, parse_metadata

from ..conftest import draw_frame
from ..inference.test_metadata import DOCUMENT

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


def parse(**changes) -> ModelMetadata:
    """A model file's document whose training frames were 20 drawn ones."""
    appearance = summarise([measure_frame(draw_frame(seed, (240, 320))[0]) for seed in range(20)])
    return parse_metadata(json.dumps(DOCUMENT | {"appearance": appearance.model_dump()} | changes), "m.onnx")

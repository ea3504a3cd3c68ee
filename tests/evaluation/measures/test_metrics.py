import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trus.evaluation.measures.metrics import Overlap

masks = hnp.arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 1))


def square(*, filled: bool) -> np.ndarray:
    plane = np.zeros((1, 8, 8), np.uint8)
    if filled:
        plane[0, 2:4, 2:4] = 1
    return plane


def test_hand_computed_overlap():
    predicted, reference = np.zeros((2, 1, 4, 4), np.uint8)
    predicted[0, :2] = 1  # 8 px
    reference[0, 1:3] = 1  # 8 px, 4 shared
    overlap = Overlap.of(predicted, reference)
    assert overlap.iou[0, 0] == pytest.approx(4 / 12)
    assert overlap.dice[0, 0] == pytest.approx(8 / 16)


@given(masks, masks)
def test_iou_and_dice_follow_from_each_other(predicted, reference):
    overlap = Overlap.of(predicted, reference)
    np.testing.assert_allclose(overlap.dice, 2 * overlap.iou / (1 + overlap.iou))
    assert (np.isnan(overlap.iou) == (reference.sum((1, 2)) == 0)[None]).all()


@given(masks, masks)
def test_every_frame_and_class_has_one_outcome(predicted, reference):
    overlap = Overlap.of(predicted, reference)
    outcomes = overlap.scored.astype(int) + overlap.false_positive + overlap.both_empty
    assert (outcomes == 1).all()
    assert (overlap.missed <= overlap.scored).all()


@pytest.mark.parametrize(
    ("predicted", "reference", "outcome", "iou"),
    [(False, False, "both_empty", None), (True, False, "false_positive", None), (False, True, "missed", 0.0)],
)
def test_empty_masks(predicted, reference, outcome, iou):
    overlap = Overlap.of(square(filled=predicted), square(filled=reference))
    assert getattr(overlap, outcome)[0, 0]
    assert np.isnan(overlap.iou[0, 0]) if iou is None else overlap.iou[0, 0] == iou


def test_pooled_iou_adds_pixels_not_frames():
    one = Overlap.of(np.ones((1, 10, 10)), np.ones((1, 10, 10)))
    other = Overlap.of(np.zeros((1, 10, 10)), np.eye(10)[None])
    assert Overlap.stack([one, other]).pooled_iou[0] == pytest.approx(100 / 110)
    assert np.isnan(Overlap.of(square(filled=False), square(filled=False)).pooled_iou[0])

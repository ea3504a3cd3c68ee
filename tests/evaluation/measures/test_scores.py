import pickle

import numpy as np
import pytest

from trus.errors import ModelFileError
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.measures.scores import THRESHOLDS, ScoreSettings, score_frame

from .made_scores import frame_of

SETTINGS = ScoreSettings()


def disc(y: int, x: int, radius: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def scored(frame, predicted: np.ndarray, reference: np.ndarray, settings: ScoreSettings = SETTINGS):
    return score_frame(frame, predicted.astype(np.float32) * np.float32(0.9), predicted, reference, None, settings)


def test_overlap_is_that_of_the_training_s_metrics():
    predicted, reference = np.stack([disc(30, 30, 12), disc(30, 60, 9)]), np.stack([disc(32, 33, 12), disc(30, 59, 5)])
    found = scored(frame_of(), predicted, reference)
    overlap = Overlap.of(predicted, reference)
    for k, part in enumerate(found.classes):
        assert (part.iou, part.dice) == (overlap.iou[0, k], overlap.dice[0, k])
        assert part.precision == overlap.intersection[0, k] / overlap.predicted[0, k]
        assert part.recall == overlap.intersection[0, k] / overlap.reference[0, k]
    assert found.iou == pytest.approx(overlap.iou.mean())


@pytest.mark.parametrize(
    ("predicted", "reference", "outcome", "iou", "precision"),
    [
        (False, False, "both empty", np.nan, np.nan),
        (True, False, "false positive", np.nan, np.nan),
        (False, True, "missed", 0.0, np.nan),
        (True, True, "scored", 1.0, 1.0),
    ],
)
def test_the_empty_mask_rules(predicted, reference, outcome, iou, precision):
    (part,) = scored(frame_of(), disc(30, 30, 9)[None] & predicted, disc(30, 30, 9)[None] & reference).classes
    assert part.outcome == outcome
    np.testing.assert_equal([part.iou, part.dice, part.recall, part.precision], [iou, iou, iou, precision])
    np.testing.assert_equal(part.boundary.hd95, {"missed": 100, "scored": 0}.get(outcome, np.nan))


def test_distances_are_in_mm_where_the_spacing_is_known():
    predicted, reference = disc(30, 30, 9)[None], disc(30, 34, 9)[None]
    mm, px = (scored(frame_of(spacing=spacing), predicted, reference) for spacing in ((0.1, 0.5), None))
    assert (mm.unit, px.unit) == ("mm", "px")
    assert (mm.pixel_area, px.pixel_area) == (pytest.approx(0.05), 1)
    assert px.classes[0].boundary.hd95 <= 4
    assert mm.classes[0].boundary.hd95 != px.classes[0].boundary.hd95
    assert SETTINGS.tolerances("mm") != SETTINGS.tolerances("px")
    assert ScoreSettings(nsd_tolerances=(3.0,)).tolerances("px") == (3.0,)


def test_the_curve_counts_what_each_threshold_would():
    random = np.random.default_rng(0)
    said = random.uniform(size=(1, 60, 80)).astype(np.float32)
    said[0, :4] = np.repeat(np.float32(THRESHOLDS), 20)[:320].reshape(4, 80)  # the thresholds themselves
    reference = disc(30, 30, 20)[None]
    curve = score_frame(frame_of(), said, said >= 0.5, reference, None, SETTINGS).classes[0].curve
    for n, threshold in enumerate(THRESHOLDS):
        mask = said >= np.float32(threshold)
        assert curve[:, n].tolist() == [(mask & reference).sum(), mask.sum()]


def test_a_score_is_small_and_travels_between_processes():
    shape = (768, 1024)
    found = scored(frame_of(), disc(300, 500, 200, shape)[None], disc(310, 520, 190, shape)[None])
    packed = pickle.dumps(found)
    assert len(packed) < 5000
    assert pickle.loads(packed).classes[0].iou == found.classes[0].iou


def test_calibration_takes_one_area_or_one_a_class():
    masks = np.stack([disc(30, 30, 20), disc(30, 30, 9)])
    one = score_frame(frame_of(), masks.astype(np.float32), masks, masks, masks[0], SETTINGS)
    each = score_frame(frame_of(), masks.astype(np.float32), masks, masks, masks, SETTINGS)
    assert [part.reliability.pixels.sum() for part in one.classes] == [masks[0].sum()] * 2
    assert [part.reliability.pixels.sum() for part in each.classes] == [masks[0].sum(), masks[1].sum()]


def test_a_frame_without_patient_is_a_group_of_its_own():
    mask = disc(30, 30, 9)[None]
    assert scored(frame_of("f1", patient=None), mask, mask).patient == "frame f1"
    assert scored(frame_of("f1", patient="f1"), mask, mask).patient == "patient f1"


def test_a_score_says_of_which_network_it_is():
    mask = disc(30, 30, 9)[None]
    found = score_frame(frame_of(), mask.astype(np.float32), mask, mask, None, SETTINGS, fold=2, seed=5)
    assert (found.fold, found.seed, found.size) == (2, 5, (60, 80))


def test_what_does_not_fit_is_refused():
    mask = disc(30, 30, 9)[None]
    with pytest.raises(ValueError, match="f0: shapes"):
        score_frame(frame_of(), mask.astype(np.float32), mask, mask[:, :50], None, SETTINGS)
    for wrong in (np.nan, 1.5, -0.1):
        said = mask.astype(np.float32)
        said[0, 3, 3] = wrong
        with pytest.raises(ModelFileError, match="f0: the network gives numbers that are no probabilities"):
            score_frame(frame_of(), said, mask, mask, None, SETTINGS)

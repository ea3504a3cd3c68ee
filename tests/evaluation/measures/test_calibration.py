import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from trus.data.classes import Classes
from trus.evaluation.measures.calibration import calibration_area, expected_calibration_error, reliability_curve
from trus.evaluation.measures.reliability import BINS, measure_reliability
from trus.evaluation.measures.score_table import ScoreTable
from trus.evaluation.measures.scores import ScoreSettings, score_frame

from .made_scores import frame_of

NESTED = Classes.from_dict(
    {
        "labels": {"1": "gland", "2": "zone", "3": "lesion"},
        "contains": {"gland": ["zone", "lesion"], "zone": ["lesion"]},
    }
)
maps = hnp.arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32))


@given(maps, hnp.arrays(bool, (9, 11)), hnp.arrays(bool, (9, 11)))
def test_sums_are_those_of_the_pixels_within(probabilities, reference, within):
    found = measure_reliability(probabilities, reference, within)
    said, truth = probabilities[within].astype(float), reference[within]
    place = np.minimum((probabilities[within] * np.float32(BINS)).astype(int), BINS - 1)
    for n in range(BINS):
        assert found.pixels[n] == (place == n).sum()
        assert found.positives[n] == truth[place == n].sum()
        assert found.confidence[n] == pytest.approx(said[place == n].sum(), abs=1e-5)
    assert found.squared_error == pytest.approx(((said - truth) ** 2).sum(), abs=1e-4)


def test_brier_and_frequency_are_those_of_sklearn():
    random = np.random.default_rng(0)
    probabilities = random.uniform(size=(1, 60, 80)).astype(np.float32)
    reference = random.uniform(size=(1, 60, 80)) < probabilities**2
    score = score_frame(frame_of(), probabilities, probabilities >= 0.5, reference, None, ScoreSettings())
    curve = reliability_curve(ScoreTable([score], 50), 0)
    frequency, confidence = calibration_curve(reference.ravel(), probabilities.ravel(), n_bins=BINS)
    assert curve["frequency"] == pytest.approx(frequency.tolist())
    assert curve["confidence"] == pytest.approx(confidence.tolist())
    squared = score.classes[0].reliability.squared_error / 4800
    assert squared == pytest.approx(brier_score_loss(reference.ravel(), probabilities.ravel()))


def test_ece_by_hand():
    pixels, confidence, positives = np.zeros((3, 1, BINS))
    pixels[0, [2, 10]] = 100, 300
    confidence[0, [2, 10]] = 12, 160
    positives[0, [2, 10]] = 10, 150
    assert expected_calibration_error(pixels, confidence, positives)[0] == pytest.approx((2 + 10) / 400)
    assert np.isnan(expected_calibration_error(*np.zeros((3, 1, BINS)))[0])
    single = np.eye(1, BINS)
    assert expected_calibration_error(single, 0.3 * single, 0 * single)[0] == pytest.approx(0.3)


def test_honest_probabilities_have_little_error_and_overconfident_ones_much():
    random = np.random.default_rng(1)
    honest = random.uniform(size=(1, 200, 200)).astype(np.float32)
    truth = random.uniform(size=honest.shape) < honest
    errors = []
    for said in (honest, (honest > 0.5).astype(np.float32) * 0.98 + 0.01):
        part = score_frame(frame_of(), said, said >= 0.5, truth, None, ScoreSettings()).classes[0].reliability
        sums = (values[None] for values in (part.pixels, part.confidence, part.positives))
        errors.append(float(expected_calibration_error(*sums)[0]))
    assert errors[0] < 0.02
    assert errors[1] > 0.2


def test_calibration_is_measured_in_the_innermost_class_around():
    labels = np.zeros((20, 30), np.uint8)
    labels[2:18, 2:28], labels[5:15, 5:20], labels[8:10, 8:10] = 1, 2, 3
    area, names = calibration_area(NESTED, labels, (1, 0, 29, 20))
    assert names == ("region", "gland", "zone")
    assert [int(plane.sum()) for plane in area] == [28 * 20, 16 * 26, 10 * 15]


def test_where_nothing_is_around_the_region_counts_and_else_the_frame():
    labels = np.zeros((20, 30), np.uint8)
    labels[8:10, 8:10] = 1
    assert calibration_area(NESTED.select(("gland",)), labels, None)[1] == ("frame",)
    area, names = calibration_area(NESTED.select(("zone",)), np.zeros_like(labels), (3, 4, 13, 9))
    assert names == ("region",)
    assert area.sum() == 50

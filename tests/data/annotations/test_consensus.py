"""Majority and STAPLE: by hand, on simulated annotators with known errors, and where nothing is to be estimated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt, gaussian_filter

from trus.data.annotations.consensus import METHODS, find_consensus, majority, staple
from trus.data.classes import Classes

NESTED = Classes.from_dict(
    {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
)
FLAT = Classes.from_dict({"labels": {"0": "background", "1": "nerve", "2": "vessel"}})


def disc(x: int = 40, y: int = 36, radius: int = 15, shape=(80, 90)) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


def simulate(truth: np.ndarray, bias: float, rough: float, seed: int) -> np.ndarray:
    """An annotator who draws `bias` px too far out, with an edge that wanders by `rough` px."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=truth.shape), 5)
    edge = distance_transform_edt(truth) - distance_transform_edt(~truth)
    return edge + bias + rough * noise / noise.std() > 0


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_majority_by_hand():
    planes = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    assert majority(planes).tolist() == [1, 1, 0, 0]
    assert majority(planes[:2]).tolist() == [1, 1, 0, 0]  # of two: what both drew
    assert majority(np.vstack([planes, [[0, 0, 1, 1]]])).tolist() == [1, 0, 0, 0]  # two of four is a tie: background


@settings(max_examples=60, deadline=None)
@given(
    labels=arrays(np.uint8, (9, 11), elements=st.integers(0, 2)),
    count=st.integers(2, 4),
    method=st.sampled_from(METHODS),
)
def test_consensus_of_identical_masks_is_that_mask(labels, count, method):
    for classes in (NESTED, FLAT):
        assert np.array_equal(find_consensus([labels] * count, classes, method).labels, labels)


@settings(max_examples=80, deadline=None)
@given(
    masks=st.lists(arrays(np.uint8, (8, 10), elements=st.integers(0, 2)), min_size=2, max_size=5),
    method=st.sampled_from(METHODS),
)
def test_whatever_was_drawn_the_consensus_lies_between_what_all_and_what_anyone_drew(masks, method):
    for classes in (NESTED, FLAT):
        labels = find_consensus(masks, classes, method).labels
        assert labels.dtype == np.uint8
        assert labels.shape == (8, 10)
        planes = np.array([classes.planes(mask) for mask in masks], bool)
        found = classes.planes(labels).astype(bool)
        assert not (found & ~planes.any(0)).any()
        assert not (planes.all(0) & ~found).any()


def test_a_lesion_votes_for_its_gland():
    """One drew the gland alone, one a lesion in it, one nothing: two of three say gland, one lesion."""
    labels = [np.full((6, 6), value, np.uint8) for value in (1, 2, 0)]
    assert (find_consensus(labels, NESTED, "majority").labels == 1).all()
    assert (find_consensus(labels, FLAT, "majority").labels == 0).all()


def test_staple_finds_the_truth_better_than_the_worst_and_tells_who_erred():
    truth = disc()
    planes = np.stack([simulate(truth, *error) for error in ((0, 1, 1), (0, 1, 2), (0, 1, 3), (5, 1, 4), (-5, 1, 5))])
    found = staple(planes)
    scores = [dice(plane, truth) for plane in planes]
    assert dice(found.probability >= 0.5, truth) > min(scores) + 0.1
    assert dice(found.probability >= 0.5, truth) > 0.9
    assert found.sensitivity.argmin() == 4  # who draws too little
    assert found.specificity.argmin() == 3  # who draws too much
    assert ((found.sensitivity >= 0) & (found.sensitivity <= 1)).all()


def test_staple_by_its_own_equations():
    """Against the expectation and maximisation steps of Warfield et al., written out, on the box that STAPLE sees."""
    planes = np.stack([simulate(disc(), *error) for error in ((0, 1, 1), (1, 2, 2), (-2, 1, 3))])
    found = staple(planes)
    ys, xs = np.nonzero(planes.any(0))
    margin = [max(2, round(0.25 * (v.max() - v.min() + 1))) for v in (ys, xs)]
    box = planes[:, ys.min() - margin[0] : ys.max() + 1 + margin[0], xs.min() - margin[1] : xs.max() + 1 + margin[1]]
    drawn = box.reshape(3, -1).astype(float)
    prior, p, q = drawn.mean(), np.full(3, 0.99999), np.full(3, 0.99999)
    for _ in range(300):
        a = prior * np.prod(np.where(drawn > 0, p[:, None], 1 - p[:, None]), 0)
        b = (1 - prior) * np.prod(np.where(drawn > 0, 1 - q[:, None], q[:, None]), 0)
        w = a / (a + b)
        p, q = (drawn * w).sum(1) / w.sum(), ((1 - drawn) * (1 - w)).sum(1) / (1 - w).sum()
    assert found.sensitivity == pytest.approx(p, abs=1e-3)
    assert found.specificity == pytest.approx(q, abs=1e-3)


def test_staple_does_not_depend_on_the_black_around():
    planes = np.stack([simulate(disc(), *error) for error in ((0, 1, 1), (0, 2, 2), (6, 1, 3))])
    padded = np.pad(planes, ((0, 0), (200, 100), (300, 50)))
    assert np.array_equal(staple(padded).probability[200:280, 300:390], staple(planes).probability)


def test_staple_where_nothing_is_to_be_estimated():
    nothing = staple(np.zeros((3, 20, 20), bool))
    assert not nothing.probability.any()
    assert np.isnan(nothing.sensitivity).all()
    same = staple(np.stack([disc()] * 3))
    assert np.array_equal(same.probability > 0, disc())
    assert same.sensitivity.tolist() == same.specificity.tolist() == [1, 1, 1]
    full = staple(np.stack([np.ones((5, 5), bool), np.ones((5, 5), bool), np.zeros((5, 5), bool)]))
    assert np.isfinite(full.probability).all()
    one = np.zeros((3, 30, 30), bool)
    one[0, 3, 3] = True
    assert not find_consensus([plane.astype(np.uint8) for plane in one], FLAT, "staple").labels.any()

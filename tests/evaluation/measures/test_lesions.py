from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from trus.evaluation.measures.lesions import MIN_PEAK, count_lesions, find_candidates

EIGHT = np.ones((3, 3))
masks = hnp.arrays(bool, (8, 10), elements=st.integers(0, 3).map(lambda n: n == 0))


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    plane = np.zeros((40, 60), bool)
    for top, left, bottom, right in corners:
        plane[top:bottom, left:right] = True
    return plane


def most_pairs(predicted: np.ndarray, reference: np.ndarray, hit_iou: float) -> int:
    """By trying every order in which pieces may choose."""
    pieces, n = ndimage.label(predicted, EIGHT)
    lesions, m = ndimage.label(reference, EIGHT)
    pairs = [[bool(_iou(pieces == i, lesions == j) >= hit_iou) for j in range(1, m + 1)] for i in range(1, n + 1)]
    if n > m:
        pairs = [list(row) for row in zip(*pairs, strict=True)]
    few, many = sorted((n, m))
    return max((sum(pairs[i][j] for i, j in enumerate(order)) for order in permutations(range(many), few)), default=0)


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@settings(max_examples=200, deadline=None)
@given(masks, masks, st.sampled_from([0.05, 0.1, 0.3, 0.5]))
def test_the_matching_has_as_many_pairs_as_any_could(predicted, reference, hit_iou):
    counts = [ndimage.label(plane, EIGHT)[1] for plane in (predicted, reference)]
    if min(counts) > 4 or max(counts) > 6:
        return
    found = count_lesions(predicted, reference, hit_iou)
    assert (found.predicted, found.reference) == tuple(counts)
    assert found.found == most_pairs(predicted, reference, hit_iou)


def test_one_piece_over_two_lesions_finds_one():
    found = count_lesions(boxes((10, 10, 20, 40)), boxes((10, 10, 20, 22), (10, 28, 20, 40)), 0.1)
    assert (found.reference, found.found, found.false_positives) == (2, 1, 0)


def test_of_two_pieces_in_one_lesion_one_is_false():
    found = count_lesions(boxes((10, 10, 20, 22), (10, 28, 20, 40)), boxes((10, 10, 20, 40)), 0.1)
    assert (found.reference, found.found, found.false_positives) == (1, 1, 1)


def test_the_level_itself_is_a_hit():
    reference = boxes((0, 0, 10, 10))
    assert count_lesions(boxes((0, 0, 1, 10)), reference, 0.1).found == 1  # 10 of 100 px
    assert count_lesions(boxes((0, 0, 1, 9)), reference, 0.1).found == 0
    (found,) = find_candidates(boxes((0, 0, 1, 10)) * np.float32(0.8), reference, 0.1, 5, 10)
    assert found.hit


def test_pixels_that_touch_at_a_corner_are_one_lesion():
    plane = np.zeros((6, 6), bool)
    plane[2, 2] = plane[3, 3] = True
    assert count_lesions(plane, plane, 0.1).reference == 1


def test_empty_masks_hold_no_lesion():
    nothing = boxes()
    assert (count_lesions(nothing, nothing, 0.1).reference, count_lesions(nothing, nothing, 0.1).predicted) == (0, 0)
    assert count_lesions(boxes((1, 1, 3, 3)), nothing, 0.1).false_positives == 1


def test_many_specks_are_counted():
    specks = np.zeros((300, 300), bool)
    specks[::2, ::2] = True
    found = count_lesions(specks, specks, 0.1)
    assert (found.found, found.false_positives) == (150 * 150, 0)


def by_the_rule(probabilities: np.ndarray, most: int, smallest_px: int) -> list[tuple[float, int]]:
    """The rule of the docstring with scipy, one whole-image step after the other."""
    free, kept, found = probabilities.copy(), np.zeros(probabilities.shape, bool), []
    for _ in range(20):
        peak = float(free.max())
        if peak < MIN_PEAK or len(found) == most:
            break
        labels, _ = ndimage.label(probabilities >= 0.4 * peak, EIGHT)
        own = labels == labels[np.unravel_index(free.argmax(), free.shape)]
        free[own] = 0
        if own.sum() >= smallest_px and not (ndimage.binary_dilation(kept, EIGHT) & own).any():
            kept |= own
            found.append((peak, int(own.sum())))
    return found


@pytest.mark.parametrize("seed", range(25))
def test_candidates_follow_the_rule(seed):
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.normal(size=(50, 70)), random.uniform(1, 5))
    probabilities = (1 / (1 + np.exp(4 - 3 * smooth / smooth.std()))).astype(np.float32)
    found = find_candidates(probabilities, np.zeros((50, 70), bool), 0.1, 5, 10)
    assert [(c.confidence, c.size_px) for c in found] == [
        pytest.approx(item) for item in by_the_rule(probabilities, 5, 10)
    ]


def test_a_lesion_is_hit_by_the_most_confident_candidate_only():
    probabilities = np.zeros((40, 60), np.float32)
    probabilities[boxes((10, 10, 20, 22))] = 0.6
    probabilities[boxes((10, 28, 20, 40))] = 0.9
    found = find_candidates(probabilities, boxes((10, 10, 20, 40)), 0.1, 5, 10)
    assert [(round(c.confidence, 3), c.hit) for c in found] == [(0.9, True), (0.6, False)]


def test_a_candidate_reaches_down_to_two_fifths_of_its_peak():
    probabilities = np.zeros((40, 60), np.float32)
    probabilities[boxes((10, 10, 30, 50))] = 0.3
    probabilities[boxes((10, 10, 30, 30))] = 0.41
    probabilities[15, 15] = 1.0
    (first, *_) = find_candidates(probabilities, boxes(), 0.1, 5, 10)
    assert first.size_px == 20 * 20


def test_specks_and_faint_maps_give_no_candidate_and_there_are_no_more_than_asked():
    speck = np.zeros((40, 60), np.float32)
    speck[boxes((10, 10, 13, 13))] = 0.9
    assert find_candidates(speck, boxes(), 0.1, 5, 10) == ()
    assert find_candidates(np.full((40, 60), MIN_PEAK / 2, np.float32), boxes(), 0.1, 5, 10) == ()
    several = np.zeros((40, 60), np.float32)
    several[boxes(*((2, left, 8, left + 4) for left in range(0, 60, 6)))] = 0.7
    assert len(find_candidates(several, boxes(), 0.1, 5, 10)) == 5


def test_arrays_that_may_not_be_written_are_left_alone():
    probabilities = np.full((40, 60), 0.7, np.float32)
    probabilities.flags.writeable = False
    assert find_candidates(probabilities.T, boxes().T, 0.1, 5, 10)[0].size_px == 40 * 60


def test_a_candidate_far_from_the_lesion_hits_nothing():
    probabilities = np.zeros((40, 60), np.float32)
    probabilities[boxes((20, 40, 30, 50))] = 0.8
    (found,) = find_candidates(probabilities, boxes((0, 0, 10, 10)), 0.1, 5, 10)
    assert not found.hit
    assert not count_lesions(boxes((20, 40, 30, 50)), boxes((0, 0, 10, 10)), 0.1).found

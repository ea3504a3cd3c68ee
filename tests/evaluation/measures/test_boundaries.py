import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from medpy.metric.binary import assd, hd95
from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances

from trus.data.planes import bounding_box
from trus.evaluation.measures.boundaries import boundary_distance

masks = hnp.arrays(bool, (9, 13))
steps = st.tuples(*[st.floats(0.05, 3, allow_subnormal=False)] * 2)


def square(top: int, left: int, side: int, shape: tuple[int, int] = (30, 40)) -> np.ndarray:
    plane = np.zeros(shape, bool)
    plane[top : top + side, left : left + side] = True
    return plane


@settings(max_examples=300, deadline=None)
@given(masks, masks, steps)
def test_hd95_and_assd_are_those_of_medpy(predicted, reference, spacing):
    assume(predicted.any() and reference.any())
    found = boundary_distance(predicted, reference, spacing, ())
    assert found.hd95 == pytest.approx(hd95(predicted, reference, spacing), rel=1e-9, abs=1e-9)
    assert found.assd == pytest.approx(assd(predicted, reference, spacing), rel=1e-9, abs=1e-9)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # of the reference
@settings(max_examples=300, deadline=None)
@given(masks, masks, steps, st.floats(0, 8))
def test_nsd_is_that_of_deepmind(predicted, reference, spacing, tolerance):
    assume(predicted.any() and reference.any())
    theirs = compute_surface_distances(reference, predicted, spacing)
    distances = np.concatenate([theirs["distances_gt_to_pred"], theirs["distances_pred_to_gt"]])
    assume((np.abs(distances - tolerance) > 1e-6).all())  # at the very tolerance rounding decides for them
    found = boundary_distance(predicted, reference, spacing, (tolerance,))
    assert found.nsd[0] == pytest.approx(compute_surface_dice_at_tolerance(theirs, tolerance), abs=1e-12)


@given(masks, masks, steps)
def test_distances_are_symmetric(one, other, spacing):
    assume(one.any() and other.any())
    there, back = (boundary_distance(*pair, spacing, (1.0,)) for pair in ((one, other), (other, one)))
    assert [there.hd95, there.assd, *there.nsd] == pytest.approx([back.hd95, back.assd, *back.nsd])


def test_a_shift_along_one_axis_costs_that_axis_spacing():
    one, below, beside = square(5, 5, 10), square(8, 5, 10), square(5, 8, 10)
    assert boundary_distance(below, one, (0.5, 2.0), ()).hd95 == pytest.approx(3 * 0.5)
    assert boundary_distance(beside, one, (0.5, 2.0), ()).hd95 == pytest.approx(3 * 2.0)


def test_a_distance_that_equals_the_tolerance_is_within_it():
    found = boundary_distance(square(5, 8, 10), square(5, 5, 10), (0.1, 0.1), (0.3, 0.29))
    assert found.nsd[0] == 1.0  # 3 x 0.1 is 0.30000000000000004 in floating point
    assert found.nsd[1] < 1.0


def test_equal_masks_are_at_no_distance():
    found = boundary_distance(square(5, 5, 10), square(5, 5, 10), (0.3, 0.1), (0.0,))
    assert (found.hd95, found.assd, found.nsd) == (0, 0, (1.0,))


def test_a_missed_target_is_the_frame_s_diagonal_away():
    found = boundary_distance(np.zeros((30, 40), bool), square(5, 5, 10), (0.1, 0.2), (1.0, 2.0))
    assert found.hd95 == pytest.approx(np.hypot(3, 8))
    assert found.assd == found.hd95
    assert found.nsd == (0, 0)


def test_an_empty_reference_has_no_distance():
    found = boundary_distance(square(5, 5, 10), np.zeros((30, 40), bool), (1, 1), (1.0,))
    assert np.isnan([found.hd95, found.assd, *found.nsd]).all()


def test_the_whole_frame_has_the_frame_s_edge_as_boundary():
    full = np.ones((20, 30), bool)
    found = boundary_distance(full, np.pad(np.ones((18, 28), bool), 1), (1, 1), (1.0,))
    assert found.hd95 == pytest.approx(hd95(full, np.pad(np.ones((18, 28)), 1)))


def test_bounding_box_holds_all_and_nothing_more():
    assert bounding_box(square(3, 7, 5)) == (slice(3, 8), slice(7, 12))
    assert square(3, 7, 5)[bounding_box(np.zeros((30, 40), bool))].size == 0

"""Filling, tracing and keyholes: each the exact inverse of the other."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from trus.data.annotations.filling import _winding
from trus.data.annotations.polygons import area, disputed, fill, keyhole, ring_of, trace
from trus.data.annotations.simplify import crossing
from trus.errors import AnnotationError

PLANES = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
SMOOTH = st.integers(0, 10_000).map(
    lambda seed: ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((40, 50)), 1 + seed % 4) > 0.02
)
CHECKERBOARD = np.indices((9, 9)).sum(axis=0) % 2 == 0
NESTED = np.zeros((15, 15), bool)
for depth in range(7):
    NESTED[depth : 15 - depth, depth : 15 - depth] = depth % 2 == 0
SQUARE = np.array([(2, 2), (6, 2), (6, 6), (2, 6)], float)
LOOK = settings(max_examples=150, deadline=None)


def together(components, size):
    plane = np.zeros(size, bool)
    for rings in components:
        filled = fill(rings, size)
        assert not (filled & plane).any()
        plane |= filled
    return plane


@LOOK
@given(PLANES)
@example(CHECKERBOARD)
@example(~CHECKERBOARD)
@example(NESTED)
@example(np.ones((3, 4), bool))
@example(np.zeros((3, 4), bool))
@example(np.eye(6, dtype=bool))
def test_what_was_traced_fills_to_the_same_plane(plane):
    components = trace(plane)
    assert len(components) == ndimage.label(plane, np.ones((3, 3)))[1]
    assert (together(components, plane.shape) == plane).all()
    for rings in components:
        assert all(len({*map(tuple, ring.tolist())}) == len(ring) for ring in rings), "a ring comes to a corner twice"
        signs = [area(ring) > 0 for ring in rings]
        assert signs == sorted(signs, reverse=True), "outer rings come first and run clockwise"
        assert signs[0]


@LOOK
@given(PLANES)
@example(NESTED)
@example(CHECKERBOARD)
def test_a_keyhole_fills_like_its_rings_by_either_rule(plane):
    for rings in trace(plane):
        joined = keyhole(rings)
        assert (fill([joined], plane.shape) == fill(rings, plane.shape)).all()
        assert set(np.unique(_winding([joined], plane.shape)[0])) <= {0, 1}, "the non-zero rule shows something else"


@settings(max_examples=60, deadline=None)
@given(st.one_of(SMOOTH, PLANES), st.sampled_from([0.1, 0.5, 1.0, 2.5]))
@example(CHECKERBOARD, 2.0)
@example(NESTED, 2.0)
def test_simplified_boundaries_keep_their_tolerance_and_topology(plane, tolerance):
    size = plane.shape
    exact, fewer = trace(plane), trace(plane, tolerance)
    assert [len(rings) for rings in fewer] == [len(rings) for rings in exact], "a ring vanished"
    filled = np.zeros(size, bool)
    for before, rings in zip(exact, fewer, strict=True):
        assert fill(rings, size).any(), "a component vanished"
        assert all(any(r is b for b in before) for r in rings) or not crossing(rings)
        filled |= fill(rings, size)
    padded = np.pad(plane, 1)
    to_edge = np.where(padded, ndimage.distance_transform_edt(padded), ndimage.distance_transform_edt(~padded)) - 0.5
    assert (to_edge[1:-1, 1:-1][filled != plane] <= tolerance + 0.71).all()


def test_simplifying_saves_points_on_smooth_objects():
    plane = np.hypot(*np.mgrid[-60:61, -60:61]) < 50
    counts = [len(trace(plane, tolerance)[0][0]) for tolerance in (0, 0.5, 1)]
    assert counts[0] > 4 * counts[1] > 4 * counts[2]
    rings = trace(plane, 0.5)[0]
    filled = fill(rings, plane.shape)
    assert 2 * (filled & plane).sum() / (filled.sum() + plane.sum()) > 0.995


def test_a_pixel_belongs_to_a_polygon_if_its_centre_does():
    assert fill([SQUARE], (8, 8)).nonzero()[0].tolist() == np.repeat([2, 3, 4, 5], 4).tolist()
    assert fill([SQUARE + 0.49], (8, 8)).sum() == fill([SQUARE], (8, 8)).sum() == 16
    assert not fill([np.array([(3.6, 3.6), (4.4, 3.6), (4.4, 4.4), (3.6, 4.4)])], (8, 8)).any()


@LOOK
@given(
    hnp.arrays(np.float64, (2, 2), elements=st.floats(-4, 14)),
    hnp.arrays(np.float64, (2,), elements=st.floats(0.3, 9.7)),
)
def test_triangles_around_a_point_share_no_pixel_and_leave_none(shift, middle):
    corners = [np.array(corner, float) for corner in ((-20, -20), (30, -20), (30, 30), (-20, 30))]
    corners.insert(1, np.array((shift[0, 0], -20.0)))
    fan = [np.array([a, b, middle]) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    assert (np.sum([fill([triangle], (10, 10)) for triangle in fan], axis=0) == 1).all()


@LOOK
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-5, 17).map(lambda v: round(v, 3))
    )
)
def test_filling_agrees_with_counting_edges_one_by_one(ring):
    def inside(x, y):
        odd = False
        for one, other in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            (xa, ya), (xb, yb) = sorted([tuple(one), tuple(other)], key=lambda point: point[1])
            if ya <= y < yb:
                odd ^= xa + (y - ya) * ((xb - xa) / (yb - ya)) <= x
        return odd

    plane = fill([ring], (12, 12))
    for y, x in np.ndindex(12, 12):
        assert plane[y, x] == inside(x + 0.5, y + 0.5)


def test_an_outline_round_a_hole_is_filled_by_the_even_odd_rule():
    hole = np.array([(3, 3), (5, 3), (5, 5), (3, 5)], float)
    assert fill([SQUARE, hole], (8, 8)).sum() == 12
    assert (fill([SQUARE, hole[::-1]], (8, 8)) == fill([hole, SQUARE], (8, 8))).all()


def test_a_polygon_is_cut_at_the_edge_of_the_picture():
    assert fill([SQUARE - 4], (8, 8)).sum() == 4
    assert fill([SQUARE + 1000], (8, 8)).sum() == 0
    assert fill([SQUARE * 1e4 - 3e4], (8, 8)).all()


def test_crossings_of_its_own_are_counted():
    bow = np.array([(0, 0), (8, 8), (8, 0), (0, 8)], float)
    assert disputed([bow], (8, 8)) == (12, 32)  # the smaller half, without the diagonals
    star = np.array([(4 + 4 * np.sin(a), 4 - 4 * np.cos(a)) for a in np.arange(5) * 4 * np.pi / 5])
    assert disputed([star * 5], (40, 40))[0] > 50
    assert disputed([SQUARE, SQUARE, SQUARE[::-1]], (8, 8))[0] == 0


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([1, 2, 3, 4], "has 2 point"),
        ([], "has 0 point"),
        ([1, 2, 3], "not pairs"),
        ([[1, 2], [3]], "not numbers"),
        ([1, 2, 3, 4, float("nan"), 6], "no number"),
        ([1, 2, 3, 4, float("inf"), 6], "no number"),
        ([1, 2, 3, 4, 1e9, 6], "coordinate of 1e\\+09"),
        ([1, 2, 3, 4, 10**400, 6], "not numbers"),
        (["a", 2, 3, 4, 5, 6], "not numbers"),
        ({"x": 1}, "not numbers"),
        (None, "not pairs"),
        ([None] * 6, "no number"),
    ],
)
def test_points_that_are_no_polygon_are_refused(points, message):
    with pytest.raises(AnnotationError, match=f"outline 7: .*{message}"):
        ring_of(points, "outline 7")


def test_a_hundred_thousand_points_are_filled_in_pieces():
    zigzag = np.stack([np.arange(100_000) % 20, np.where(np.arange(100_000) % 2, 0, 100)], axis=1).astype(float)
    assert fill([zigzag], (100, 200)).shape == (100, 200)
    with pytest.raises(AnnotationError, match="no drawing does"):
        fill([np.tile(zigzag, (10, 1))], (100, 200))

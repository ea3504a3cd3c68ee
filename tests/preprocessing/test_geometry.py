import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.errors import ConfigError, ImageError
from trus.preprocessing import Geometry

MODES = st.sampled_from(["letterbox", "stretch"])
repeatable = settings(deadline=None, max_examples=60, database=None, derandomize=True)


@st.composite
def geometries(draw, longest=300, shortest=1):
    height, width = draw(st.integers(shortest, longest)), draw(st.integers(shortest, longest))
    x0, y0 = draw(st.integers(0, width - shortest)), draw(st.integers(0, height - shortest))
    x1, y1 = draw(st.integers(x0 + shortest, width)), draw(st.integers(y0 + shortest, height))
    size = (32 * draw(st.integers(1, 10)), 32 * draw(st.integers(1, 10)))
    return Geometry.fit((height, width), size, (x0, y0, x1, y1), draw(MODES))


def ellipse(shape, centre, axes):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((columns - centre[0]) / axes[0]) ** 2 + ((rows - centre[1]) / axes[1]) ** 2 <= 1


def centroid(mask):
    return np.argwhere(mask).mean(axis=0)[::-1]


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


@st.composite
def blobs(draw):
    """A geometry of moderate scale (0.5 to 2.2 an axis) and an ellipse inside its region."""
    height, width = draw(st.integers(120, 260)), draw(st.integers(120, 260))
    x0, y0 = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    size = (32 * draw(st.integers(4, 6)), 32 * draw(st.integers(4, 6)))
    geometry = Geometry.fit((height, width), size, (x0, y0, width, height), draw(MODES))
    axes = draw(st.floats(15, 30)), draw(st.floats(15, 30))
    centre = [
        draw(st.floats(low + axis + 1, high - axis - 2))
        for low, high, axis in ((x0, width, axes[0]), (y0, height, axes[1]))
    ]
    return geometry, ellipse((height, width), centre, axes)


@repeatable
@given(geometries(longest=2000), st.lists(st.tuples(st.floats(-50, 2000), st.floats(-50, 2000)), max_size=5))
def test_points_round_trip(geometry, points):
    array = np.array(points, np.float64).reshape(-1, 2)
    np.testing.assert_allclose(geometry.inverse_points(geometry.forward_points(array)), array, atol=1e-6, rtol=0)


@repeatable
@given(geometries())
def test_region_corners_map_to_content_corners(geometry):
    x0, y0, x1, y1 = geometry.region
    top, left, height, width = geometry.content
    edges = geometry.forward_points(np.array([[x0 - 0.5, y0 - 0.5], [x1 - 0.5, y1 - 0.5]]))
    np.testing.assert_allclose(edges, [[left - 0.5, top - 0.5], [left + width - 0.5, top + height - 0.5]], atol=1e-6)


@repeatable
@given(geometries(), st.floats(0.01, 2), st.floats(0.01, 2))
def test_spacing_keeps_physical_size_and_round_trips(geometry, row, column):
    forward = geometry.forward_spacing((row, column))
    x0, y0, x1, y1 = geometry.region
    extent = forward[0] * geometry.content[2], forward[1] * geometry.content[3]
    np.testing.assert_allclose(extent, [row * (y1 - y0), column * (x1 - x0)])
    np.testing.assert_allclose(geometry.inverse_spacing(forward), (row, column))


@repeatable
@given(geometries(longest=3000))
def test_serialisation_is_lossless(geometry):
    assert Geometry.from_dict(json.loads(json.dumps(geometry.to_dict()))) == geometry


@repeatable
@given(geometries(longest=3000))
def test_letterbox_keeps_the_aspect_ratio_and_fills_one_axis(geometry):
    x0, y0, x1, y1 = geometry.region
    fitted = Geometry.fit(geometry.source, geometry.size, geometry.region, "letterbox")
    scale = min(fitted.size[0] / (y1 - y0), fitted.size[1] / (x1 - x0))
    top, left, height, width = fitted.content
    assert abs(height - scale * (y1 - y0)) <= 0.5 or height == 1
    assert abs(width - scale * (x1 - x0)) <= 0.5 or width == 1
    assert height == fitted.size[0] or width == fitted.size[1]
    assert 0 <= (fitted.size[0] - height) - 2 * top <= 1
    assert 0 <= (fitted.size[1] - width) - 2 * left <= 1


@repeatable
@given(st.integers(1, 5), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_masks_round_trip_exactly_at_whole_number_enlargement(factor, x0, y0, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (50, 60)).astype(np.uint8)
    geometry = Geometry.fit((50, 60), (32 * factor, 32 * factor), (x0, y0, x0 + 32, y0 + 32))
    inside = np.zeros_like(labels)
    inside[y0 : y0 + 32, x0 : x0 + 32] = labels[y0 : y0 + 32, x0 : x0 + 32]
    np.testing.assert_array_equal(geometry.inverse_mask(geometry.forward_mask(labels)), inside)
    planes = np.stack([labels == 1, labels == 2])
    for plane, value in zip(geometry.forward_planes(planes), (1, 2), strict=True):
        np.testing.assert_array_equal(geometry.inverse_mask(plane), inside == value)


@repeatable
@given(blobs())
def test_a_blob_survives_the_round_trip(blob):
    geometry, mask = blob
    plane = geometry.forward_planes(mask[None])
    assert iou(geometry.inverse_mask(plane[0]) > 0, mask) > 0.9
    assert iou(geometry.inverse_probabilities(plane.astype(np.float32))[0] >= 0.5, mask) > 0.9
    assert iou(geometry.inverse_mask(geometry.forward_mask(mask)), mask) > 0.9


@repeatable
@given(blobs())
def test_masks_and_points_move_together(blob):
    geometry, mask = blob
    expected = geometry.forward_points(centroid(mask)[None])[0]
    for moved in (geometry.forward_planes(mask[None])[0], geometry.forward_mask(mask)):
        assert np.abs(centroid(moved) - expected).max() < 0.5
    back = geometry.inverse_probabilities(geometry.forward_planes(mask[None]).astype(np.float32))[0]
    # Half a pixel of the coarser of the two grids.
    assert (np.abs(centroid(back >= 0.5) - centroid(mask)) * np.minimum(geometry.scale, 1) < 0.5).all()


@repeatable
@given(geometries(longest=120), st.integers(0, 2**32 - 1))
def test_inverse_maps_stay_inside_the_region(geometry, seed):
    x0, y0, x1, y1 = geometry.region
    outside = np.ones(geometry.source, bool)
    outside[y0:y1, x0:x1] = False
    probabilities = np.random.default_rng(seed).random((2, *geometry.size), dtype=np.float32)
    back = geometry.inverse_probabilities(probabilities)
    assert back.dtype == np.float32
    assert back.shape == (2, *geometry.source)
    assert not back[:, outside].any()
    assert 0 <= back.min() <= back.max() <= 1 + 1e-6
    assert not geometry.inverse_mask(np.ones(geometry.size, np.uint8))[outside].any()
    assert geometry.inverse_mask(np.ones(geometry.size, np.uint8))[~outside].all()


def test_scale_of_one_changes_nothing():
    probabilities = np.random.default_rng(0).random((1, 64, 96), dtype=np.float32)
    geometry = Geometry.fit((64, 96), (64, 96))
    np.testing.assert_array_equal(geometry.inverse_probabilities(probabilities), probabilities)


def test_convention_is_that_of_opencv():
    ramp = np.tile(np.arange(40, dtype=np.float32), (40, 1))
    geometry = Geometry.fit((40, 40), (96, 96))
    resized = cv2.resize(ramp, (96, 96), interpolation=cv2.INTER_LINEAR)
    points = np.array([[column, 48.0] for column in range(3, 93)])
    np.testing.assert_allclose(resized[48, 3:93], geometry.inverse_points(points)[:, 0], atol=1e-4)


@pytest.mark.parametrize(
    "region", [(0, 0, 101, 50), (0, 0, 100, 51), (-1, 0, 5, 5), (0, -1, 5, 5), (5, 5, 5, 9), (9, 5, 5, 9), (5, 9, 9, 9)]
)
def test_a_region_that_does_not_fit_names_box_and_frame(region):
    with pytest.raises(ImageError, match=r"\[.*\].*100x50 px.* x1 <= 100 and .* y1 <= 50"):
        Geometry.fit((50, 100), (64, 64), region)


def test_a_region_with_fractions_is_refused_and_whole_floats_are_taken():
    with pytest.raises(ImageError, match="whole numbers"):
        Geometry.fit((50, 100), (64, 64), (0, 0, 10.5, 20))
    with pytest.raises(ImageError, match="whole numbers"):
        Geometry.fit((50, 100), (64, 64), (0, 0, 10**400, 20))
    assert Geometry.fit((50, 100), (64, 64), (0.0, 0.0, 10.0, 20.0)).region == (0, 0, 10, 20)


def test_shapes_that_do_not_fit_are_refused():
    geometry = Geometry.fit((50, 100), (64, 64))
    with pytest.raises(ImageError, match=r"\(64, 64\).*\(50, 100\)"):
        geometry.forward_mask(np.zeros((64, 64), np.uint8))
    with pytest.raises(ImageError, match="probabilities"):
        geometry.inverse_probabilities(np.zeros((64, 64), np.float32))
    with pytest.raises(ImageError, match="points"):
        geometry.forward_points(np.zeros(2))


@pytest.mark.parametrize(
    "change", [{"size": [64]}, {"size": None}, {"region": [0, 0, 1.5, 2]}, {"extra": 1}, {"content": ["a", 0, 1, 1]}]
)
def test_a_damaged_document_is_refused(change):
    document = Geometry.fit((50, 100), (64, 64)).to_dict()
    with pytest.raises(ConfigError, match="geometry"):
        Geometry.from_dict({**document, **change})


@pytest.mark.parametrize(
    "content", [(-1, 0, 4, 4), (0, -1, 4, 4), (61, 0, 4, 4), (0, 29, 4, 4), (0, 0, 0, 4), (0, 0, 4, 0)]
)
def test_a_content_that_is_empty_or_leaves_the_input_is_refused(content):
    with pytest.raises(ImageError, match=r"content \(.*\) \(y0, x0, h, w\) is empty or outside the input.*\(64, 32\)"):
        Geometry((50, 100), (0, 0, 100, 50), (64, 32), content)
    assert Geometry((50, 100), (0, 0, 100, 50), (64, 32), (60, 28, 4, 4)).content_slices == (
        slice(60, 64),
        slice(28, 32),
    )


@pytest.mark.parametrize(
    ("method", "shape", "said"),
    [
        ("forward_planes", (2, 64, 64), r"planes.*\(64, 64\).*\(50, 100\)"),
        ("forward_planes", (50, 100), "planes"),
        ("forward_planes", (1, 2, 50, 100), "planes"),
        ("forward_mask", (50, 99), r"labels.*\(50, 99\).*\(50, 100\)"),
        ("inverse_probabilities", (2, 50, 100), r"probabilities.*\(50, 100\).*\(64, 64\)"),
        ("inverse_mask", (63, 64), r"labels.*\(63, 64\).*\(64, 64\)"),
        ("forward_points", (4, 3), r"points have shape \(4, 3\)"),
        ("inverse_points", (4,), r"points have shape \(4,\)"),
    ],
)
def test_what_is_of_another_shape_is_named(method, shape, said):
    geometry = Geometry.fit((50, 100), (64, 64))
    with pytest.raises(ImageError, match=said):
        getattr(geometry, method)(np.zeros(shape))


def test_points_are_as_exact_as_doubles_whatever_they_are_given_as():
    geometry = Geometry.fit((50, 100), (96, 96), (7, 3, 96, 44))
    for dtype in (np.float32, np.int16):
        points = np.array([[11, 13], [90, 41]], dtype)
        np.testing.assert_array_equal(geometry.forward_points(points), geometry.forward_points(points.astype(float)))
        np.testing.assert_array_equal(geometry.inverse_points(points), geometry.inverse_points(points.astype(float)))


def test_a_pixel_of_a_plane_counts_from_half_of_it_on():
    planes = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 0]], [[0, 255], [255, 0]]], np.uint8)
    halved = Geometry.fit((2, 2), (1, 1)).forward_planes(planes)
    assert halved.dtype == np.uint8
    assert halved.ravel().tolist() == [1, 0, 1]


def test_a_letterbox_is_centred_and_never_vanishes():
    assert Geometry.fit((50, 100), (64, 64)).content == (16, 0, 32, 64)
    assert Geometry.fit((50, 100), (64, 64), mode="stretch").content == (0, 0, 64, 64)
    assert Geometry.fit((1, 1000), (64, 64)).content == (31, 0, 1, 64)


@pytest.mark.parametrize("region", [(0, 0, 5), (0, 0, 5, 5, 5), (0, 0, float("nan"), 5)])
def test_a_region_that_is_no_box_is_refused(region):
    with pytest.raises(ImageError, match=r"region \[.*\]: give four whole numbers x0, y0, x1, y1 in px"):
        Geometry.fit((50, 100), (64, 64), region)

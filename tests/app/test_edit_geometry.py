"""Geometry of the mask editor against OpenCV and the project's own filling and tracing."""

import cv2
import numpy as np
import pytest

from trus.data.annotations.filling import area, fill
from trus.inference.postprocessing import fill_holes, label_components

from .edit_modules import added, blobs, modules, put

__all__ = ["modules"]

SIZE = 41, 57
SIZES = [(1, 1), (1, 9), (12, 1), SIZE]


def _planes(size=SIZE) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    shares = (0.1, 0.4, 0.6, 0.9)
    ends = [np.zeros(size, bool), np.ones(size, bool)]
    return [blobs(generator, size, share) for share in shares] + ends + [generator.random(size) > 0.5]


def _trace(modules, plane: np.ndarray) -> list[np.ndarray]:
    height, width = plane.shape
    expression = "m.traceContours(plane(p), w, h).map((ring) => Array.from(ring))"
    found = modules.call("mask/contours.js", expression, p=plane, w=width, h=height)
    return [np.reshape(ring, (-1, 2)) for ring in found]


@pytest.mark.parametrize("size", SIZES)
def test_outlines_hold_exactly_the_pixels(modules, size):
    for plane in _planes(size):
        rings = _trace(modules, plane)
        np.testing.assert_array_equal(fill(rings, size) if rings else np.zeros(size, bool), plane)
        holes = sum(area(ring) < 0 for ring in rings)
        outside = np.pad(~plane, 1, constant_values=True).astype(np.uint8)
        assert len(rings) - holes == cv2.connectedComponents(plane.astype(np.uint8))[0] - 1
        assert holes == cv2.connectedComponents(outside, connectivity=4)[0] - 2


def test_straight_sides_have_two_points(modules):
    plane = np.zeros(SIZE, bool)
    plane[5:25, 10:40] = True
    [ring] = _trace(modules, plane)
    assert len(ring) == 8


@pytest.mark.parametrize("size", SIZES)
def test_components(modules, size):
    for plane in _planes(size):
        labels, areas = modules.call(
            "mask/components.js",
            "(({labels, areas}) => [Array.from(labels), areas])(m.components(plane(p), w, h))",
            p=plane,
            w=size[1],
            h=size[0],
        )
        expected, expected_areas = label_components(plane)
        pairs = set(zip(labels, expected.ravel().tolist(), strict=True))
        assert len(pairs) == len({first for first, _ in pairs}) == len({second for _, second in pairs})
        assert sorted(areas[1:]) == sorted(expected_areas[1:].tolist())


@pytest.mark.parametrize("size", SIZES)
def test_holes(modules, size):
    for plane in _planes(size):
        patch = modules.call("mask/components.js", "patch(m.holes(plane(p), w, h))", p=plane, w=size[1], h=size[0])
        np.testing.assert_array_equal(added(patch, plane), fill_holes(plane))


def test_fragments(modules):
    plane = _planes()[1]
    labels, areas = label_components(plane)
    y, x = np.argwhere(labels == len(areas) - 1)[0]
    arguments = {"p": plane, "w": SIZE[1], "h": SIZE[0], "x": x, "y": y}
    one = modules.call("mask/components.js", "patch(m.componentAt(plane(p), w, h, x, y))", **arguments)
    others = modules.call("mask/components.js", "patch(m.otherComponents(plane(p), w, h, x, y))", **arguments)
    small = modules.call("mask/components.js", "patch(m.allButLargest(plane(p), w, h))", p=plane, w=SIZE[1], h=SIZE[0])
    np.testing.assert_array_equal(put(one, np.zeros_like(plane)), labels == labels[y, x])
    np.testing.assert_array_equal(put(others, np.zeros_like(plane)), plane & (labels != labels[y, x]))
    np.testing.assert_array_equal(put(small, np.zeros_like(plane)), plane & (labels != 1 + areas[1:].argmax()))


@pytest.mark.parametrize("radius", [0.5, 1.5, 4])
def test_smoothing_is_a_gaussian_cut_at_one_half(modules, radius):
    reach = int(np.ceil(3 * radius))
    for plane in _planes():
        patch = modules.call(
            "mask/smooth.js", "patch(m.smoothed(plane(p), w, h, r))", p=plane, w=SIZE[1], h=SIZE[0], r=radius
        )
        kernel = (2 * reach + 1, 2 * reach + 1)
        values = cv2.GaussianBlur(plane.astype(np.float64), kernel, radius, borderType=cv2.BORDER_REPLICATE)
        clear = np.abs(values - 0.5) > 1e-4
        np.testing.assert_array_equal(put(patch, np.zeros_like(plane))[clear], (values >= 0.5)[clear])


def test_polygons_are_filled_as_the_project_does(modules):
    generator = np.random.default_rng(8)
    for corners in (3, 5, 12):
        for step in (1e-6, 0.5, 1):  # corners on pixel centres and sides are where rules differ
            rings = [np.round(generator.uniform(-8, 60, (corners, 2)) / step) * step for _ in range(2)]
            patch = modules.call(
                "mask/polygon.js",
                "patch(m.filled(rings, w, h))",
                rings=[ring.ravel().tolist() for ring in rings],
                w=SIZE[1],
                h=SIZE[0],
            )
            np.testing.assert_array_equal(put(patch, np.zeros(SIZE, bool)), fill(rings, SIZE))


def test_a_polygon_outside_holds_no_pixel(modules):
    assert modules.call("mask/polygon.js", "m.filled([[60, 1, 70, 1, 70, 9]], 57, 41)") is None
    assert modules.call("mask/polygon.js", "m.filled([], 57, 41)") is None


@pytest.mark.parametrize("radius", [0.5, 1, 7.3, 30])
def test_a_stamp_holds_the_centres_within_its_radius(modules, radius):
    (ax, ay), (bx, by) = (10.2, 35.1), (31.7, -3.4)
    for end in ((bx, by), (ax, ay)):
        patch = modules.call(
            "mask/stamp.js",
            "patch(m.stamp({x: a[0], y: a[1]}, {x: b[0], y: b[1]}, r, w, h))",
            a=[ax, ay],
            b=end,
            r=radius,
            w=SIZE[1],
            h=SIZE[0],
        )
        start, way = np.array([ax, ay]), np.subtract(end, (ax, ay))
        centres = np.stack(np.meshgrid(np.arange(SIZE[1]) + 0.5, np.arange(SIZE[0]) + 0.5), axis=-1) - start
        along = np.clip(centres @ way / (way @ way), 0, 1) if way.any() else np.zeros(SIZE)
        distance = np.linalg.norm(centres - along[..., None] * way, axis=-1)
        np.testing.assert_array_equal(put(patch, np.zeros(SIZE, bool)), distance <= radius)


def _disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.hypot(x, y) <= radius


def test_nudging_pushes_the_outline_by_the_drag_and_nothing_far_away(modules):
    plane = _disc(120, 30)
    patch = modules.call(
        "mask/nudge.js", "patch(new m.Nudge(plane(p), 120, 120).push({x: 90, y: 60}, {x: 98, y: 60}, 20))", p=plane
    )
    moved = put(patch, plane)
    assert np.flatnonzero(moved[60]).max() - np.flatnonzero(plane[60]).max() == pytest.approx(7, abs=1.5)
    np.testing.assert_array_equal(moved[:, :60], plane[:, :60])


def test_a_push_falls_off_smoothly_to_its_radius(modules):
    """By (1 - r^2)^2 of the radius: here of 8 px pushed, 4 remain at half the radius and hardly one near its end."""
    plane = np.zeros((120, 120), bool)
    plane[:, :90] = True
    patch = modules.call(
        "mask/nudge.js", "patch(new m.Nudge(plane(p), 120, 120).push({x: 90, y: 60}, {x: 98, y: 60}, 20))", p=plane
    )
    ends = put(patch, plane).sum(axis=1) - 90
    assert ends[[60, 70, 75]].tolist() == [8, 4, 1]
    assert not ends[:40].any()
    assert not ends[81:].any()


def test_nudging_back_and_forth_stays_sharp(modules):
    plane = _disc(120, 30)
    found = modules.call(
        "mask/nudge.js",
        """(() => { const n = new m.Nudge(plane(p), 120, 120); const all = plane(p);
            const at = (i) => ({x: 90 + 6 * Math.sin(i / 5), y: 60 + (i % 2)});
            for (let i = 0; i < 200; i += 1) {
              const part = n.push(at(i), at(i + 1), 25), b = part.box, w = b.x1 - b.x0;
              part.data.forEach((v, j) => { all[(b.y0 + Math.floor(j / w)) * 120 + b.x0 + j % w] = v; });
            }
            return Array.from(all); })()""",
        p=plane,
    )
    moved = np.reshape(found, plane.shape).astype(bool)
    assert label_components(moved)[1].size == 2
    assert (moved & plane).sum() / (moved | plane).sum() > 0.9

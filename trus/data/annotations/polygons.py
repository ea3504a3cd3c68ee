"""Polygons and pixel planes: filling by pixel centres, tracing along pixel edges, and holes in formats of one ring.

A ring is a closed float64 (n, 2) array of points (x, y) in px; its last point joins its first.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from trus.data.annotations.filling import area, check_ring, disputed, fill
from trus.data.annotations.simplify import Rings, simplified
from trus.data.annotations.tracing import crack_rings
from trus.errors import AnnotationError

__all__ = ["Rings", "area", "check_ring", "disputed", "fill", "keyhole", "ring_of", "trace"]


def ring_of(points: object, where: str = "a polygon") -> np.ndarray:
    """A ring from what a file holds: x0, y0, x1, y1, ... or pairs. Raises AnnotationError that names `where`."""
    try:
        ring = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise AnnotationError(f"{where}: its points are not numbers") from error
    if ring.ndim == 1 and ring.size % 2 == 0:
        ring = ring.reshape(-1, 2)
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise AnnotationError(f"{where}: its points are not pairs of x and y")
    check_ring(ring, where)
    return ring


def trace(plane: np.ndarray, tolerance: float = 0.0) -> list[Rings]:
    """Boundaries of a bool plane (H, W): for each 8-connected component its rings, outer ones first, then its holes.

    Outer rings run clockwise on the screen, holes the other way; rings of a component touch in single points at most.
    With `tolerance` 0 the points are pixel corners and `fill` gives back exactly the plane. Above 0 the staircase is
    replaced by lines between the middles of pixel sides, simplified by at most `tolerance` px (Douglas & Peucker
    1973): no pixel farther than tolerance + 0.71 px from the boundary changes side, no ring vanishes or crosses itself
    or another of its component.
    """
    components = crack_rings(np.asarray(plane, bool))
    return [simplified(rings, tolerance) for rings in components] if tolerance > 0 else components


def keyhole(rings: Sequence[np.ndarray]) -> np.ndarray:
    """All rings as one, joined by bridges that run there and back; `fill` gives exactly the same pixels.

    For formats that hold one ring an object. Rings as `trace` orients them look the same under the non-zero rule too.
    """
    rings = sorted(rings, key=lambda ring: ring[:, 0].min())
    if len(rings) == 1:
        return rings[0]
    points = np.concatenate(rings)
    starts = np.cumsum([0, *map(len, rings)])
    before = np.arange(len(points)) - 1
    before[starts[:-1]] = starts[1:] - 1
    after = np.arange(1, len(points) + 1)
    after[starts[1:] - 1] = starts[:-1]
    return points[_walk(after.tolist(), before.tolist(), _bridges(points, starts))]


def _bridges(points: np.ndarray, starts: np.ndarray) -> list[tuple[int, int]]:
    """For each ring but the first, the nearest point of the rings before it and its own leftmost point."""
    from scipy.spatial import cKDTree  # takes a moment to import

    tree = cKDTree(points)
    bridges = []
    for start, end in pairwise(starts[1:].tolist()):
        far = start + int(points[start:end, 0].argmin())
        count, near = 8, np.zeros(0, np.int64)
        while not len(near):
            found = np.atleast_1d(tree.query(points[far], k=min(count, len(points)))[1])
            near, count = found[found < start], count * 4
        bridges.append((int(near[0]), far))
    return bridges


def _walk(after: list[int], before: list[int], bridges: list[tuple[int, int]]) -> list[int]:
    """Indices of the points in the order of one ring that goes over each bridge (near, far), round, and back."""
    point = [*range(len(after))]
    for near, far in bridges:  # two places more: the far point again, then the near one
        after[before[far]] = len(point)
        after += [len(point) + 1, after[near]]
        after[near] = far
        point += [far, near]
    walk, place = [0], after[0]
    while place != 0:
        walk.append(point[place])
        place = after[place]
    return walk

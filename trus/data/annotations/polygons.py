"""Polygons and pixel planes: filling by pixel centres, tracing along pixel edges, and holes in formats of one ring.

A ring is a closed float64 (n, 2) array of points (x, y) in px; its last point joins its first.
"""

from collections.abc import Sequence

import numpy as np

from trus.data.annotations.filling import area, check_ring, fill, left_out
from trus.data.annotations.simplify import Rings, simplified
from trus.data.annotations.tracing import crack_rings
from trus.errors import AnnotationError

__all__ = ["Rings", "area", "check_ring", "fill", "keyhole", "left_out", "ring_of", "trace"]


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
    order = sorted(range(len(rings)), key=lambda k: rings[k][:, 0].min())
    joined = rings[order[0]]
    for k in order[1:]:
        ring = rings[k]
        leftmost = int(ring[:, 0].argmin())
        nearest = int(((joined - ring[leftmost]) ** 2).sum(axis=1).argmin())
        turned = np.roll(ring, -leftmost, axis=0)
        joined = np.concatenate([joined[: nearest + 1], turned, turned[:1], joined[nearest:]])
    return joined

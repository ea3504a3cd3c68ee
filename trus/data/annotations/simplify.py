"""Boundaries with fewer points: lines instead of staircases, within a tolerance and without changing their topology."""

import numpy as np

from trus.data.annotations.filling import area, fill

Rings = tuple[np.ndarray, ...]
_HALVINGS = 4
_MAX_PAIRS = 6_000_000  # of sides compared: beyond, the exact boundary is kept rather than checked for minutes
_CHUNK = 2**20


def simplified(rings: Rings, tolerance: float) -> Rings:
    """Rings of pixel corners of one component -> rings within `tolerance` px of the middles of its pixel sides.

    Where that would make a ring vanish, cross itself or another, a finer tolerance is taken, at last the exact ring.
    """
    kept = tuple(_sound_ring(ring, tolerance) for ring in rings)
    for halving in range(1, _HALVINGS):
        if not crossing(kept):
            return kept
        kept = tuple(_sound_ring(ring, tolerance / 2**halving) for ring in rings)
    return rings if crossing(kept) else kept


def _sound_ring(ring: np.ndarray, tolerance: float) -> np.ndarray:
    middles = _middles(ring)
    for halving in range(_HALVINGS):
        fewer = douglas_peucker(middles, tolerance / 2**halving)
        if len(fewer) >= 3 and area(fewer) * area(ring) > 0 and not crossing((fewer,)) and _covers(fewer):
            return fewer
    return ring


def _middles(ring: np.ndarray) -> np.ndarray:
    """The middle of every pixel side along a ring of pixel corners; it encloses the same pixel centres."""
    step = np.roll(ring, -1, axis=0) - ring
    length = np.abs(step).max(axis=1).astype(np.int64)
    side = np.repeat(np.arange(len(ring)), length)
    position = np.arange(len(side)) - np.repeat(np.cumsum(length) - length, length) + 0.5
    return ring[side] + step[side] * (position / length[side])[:, None]


def _covers(ring: np.ndarray) -> bool:
    corner = np.floor(ring.min(axis=0))
    width, height = (np.ceil(ring.max(axis=0)) - corner).astype(int)
    return bool(fill([ring - corner], (int(height), int(width))).any())


def douglas_peucker(ring: np.ndarray, tolerance: float) -> np.ndarray:
    """The points of a closed ring (n, 2) that keep every other one within `tolerance` px of the side over it.

    Douglas & Peucker 1973. May return two points where the ring is no wider than the tolerance.
    """
    ring = np.roll(ring, -_farthest(ring, ring.mean(axis=0)), axis=0)
    path = np.concatenate([ring, ring[:1]])
    half = _farthest(ring, ring[0])
    keep = np.zeros(len(path), bool)
    keep[[0, half]] = True
    pending = [(0, half), (half, len(ring))]
    while pending:
        first, last = pending.pop()
        if last - first > 1:
            distance = _distances(path[first + 1 : last], path[first], path[last])
            worst = int(distance.argmax())
            if distance[worst] > tolerance:
                split = first + 1 + worst
                keep[split] = True
                pending += [(first, split), (split, last)]
    return ring[keep[:-1]]


def _farthest(points: np.ndarray, origin: np.ndarray) -> int:
    return int(((points - origin) ** 2).sum(axis=1).argmax())


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance in px of points (n, 2) from the side between two points."""
    side = end - start
    along = np.clip((points - start) @ side / max(side @ side, 1e-300), 0, 1)
    return np.hypot(*(points - start - along[:, None] * side).T)


def crossing(rings: Rings) -> bool:
    """Whether sides of the rings cross, touch or run back over each other, but for the points that neighbours share.

    True too where there are too many to compare.
    """
    start = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    after = np.concatenate([np.roll(np.arange(len(r)), -1) + n for r, n in zip(rings, _offsets(rings), strict=True)])
    step, following = end - start, (end - start)[after]
    if (np.isclose(_cross(step, following), 0) & ((step * following).sum(axis=1) <= 0)).any():
        return True
    order = np.minimum(start[:, 0], end[:, 0]).argsort(kind="stable")
    left = np.minimum(start[:, 0], end[:, 0])[order]
    right = np.maximum(start[:, 0], end[:, 0])[order]
    reach = np.searchsorted(left, right, side="right") - np.arange(len(order)) - 1
    ends = np.cumsum(reach)
    if ends[-1] > _MAX_PAIRS:
        return True
    for low in range(0, int(ends[-1]), _CHUNK):
        pair = np.arange(low, min(low + _CHUNK, int(ends[-1])))
        one = np.searchsorted(ends, pair, side="right")
        other = one + reach[one] - (ends[one] - pair) + 1
        a, b = order[one], order[other]
        apart = (after[a] != b) & (after[b] != a)
        if _meet(start[a[apart]], end[a[apart]], start[b[apart]], end[b[apart]]).any():
            return True
    return False


def _offsets(rings: Rings) -> np.ndarray:
    lengths = np.array([len(ring) for ring in rings])
    return np.cumsum(lengths) - lengths


def _meet(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Whether sides a-b and c-d, each (n, 2), have a point in common."""
    boxes = (np.minimum(a, b) <= np.maximum(c, d)).all(axis=1) & (np.minimum(c, d) <= np.maximum(a, b)).all(axis=1)
    splits = _cross(b - a, c - a) * _cross(b - a, d - a) <= 0
    return boxes & splits & (_cross(d - c, a - c) * _cross(d - c, b - c) <= 0)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

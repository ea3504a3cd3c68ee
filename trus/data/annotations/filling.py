"""Which pixels lie inside rings, told by their centres and exactly; `polygons` is the door to it."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from trus.errors import AnnotationError

REACH = 1e6
"""Coordinates farther than this from the picture's corner, in px, are damage."""
MAX_CROSSINGS = 50_000_000
"""Outlines that cross more pixel rows than this in total are refused: seconds of work, and no drawing."""
_CHUNK = 2**20


def check_ring(ring: np.ndarray, where: str = "a polygon") -> None:
    """Raise AnnotationError where a ring has fewer than 3 points, or coordinates that are no place in a picture."""
    if len(ring) < 3:
        raise AnnotationError(f"{where}: has {len(ring)} point(s); a polygon needs 3")
    if not np.isfinite(ring).all():
        raise AnnotationError(f"{where}: has a coordinate that is no number (NaN or infinite)")
    if np.abs(ring).max() > REACH:
        raise AnnotationError(f"{where}: has a coordinate of {np.abs(ring).max():.3g} px")


def fill(rings: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Rings -> bool (H, W): the pixels whose centre lies inside by the even-odd rule, over all rings together.

    A centre exactly on an edge belongs to the side right of it or below, so that polygons which share an edge share no
    pixel and leave none between them. What lies outside the picture is cut off. Raises AnnotationError (see
    `check_ring`).
    """
    plane = np.zeros(size, bool)
    patch, (y0, x0) = fill_box(rings, size)
    plane[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]] = patch
    return plane


def fill_box(rings: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """As `fill`, but only the part of the plane around the rings, and its first row and column."""
    winding, corner = _winding(rings, size)
    return (winding & 1).astype(bool), corner


def disputed(rings: Iterable[np.ndarray], size: tuple[int, int]) -> tuple[int, int]:
    """How many pixels rings enclose by crossing themselves, so that rules of filling differ, and how many in all.

    Those are the pixels that a ring goes round more than once (with two rounds `fill` leaves them out), or against the
    direction in which it goes round most (the smaller half of a figure of eight).
    """
    doubtful = enclosed = 0
    for ring in rings:
        winding, _ = _winding([ring], size)
        once = [int(np.count_nonzero(winding == sign)) for sign in (1, -1)]
        total = int(np.count_nonzero(winding))
        doubtful += total - max(once)
        enclosed += total
    return doubtful, enclosed


def area(ring: np.ndarray) -> float:
    """Signed area in px^2 of a ring: positive where it runs clockwise as seen on the screen (y down)."""
    x, y = (ring - ring[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _winding(rings: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """How often the rings go round each pixel centre of their box, int16, and the box's first row and column."""
    for ring in rings:
        check_ring(ring)
    y0, x0, y1, x1 = _box(rings, size)
    turns = np.zeros((y1 - y0, x1 - x0 + 1), np.int16)
    if turns.shape[0] and x1 > x0:
        for rows, columns, signs in _crossings(rings, y0, y1):
            places = (rows - y0) * turns.shape[1] + np.clip(columns - x0, 0, x1 - x0)
            np.add.at(turns.reshape(-1), places, signs)
    np.cumsum(turns, axis=1, dtype=np.int16, out=turns)
    return turns[:, :-1], (y0, x0)


def _box(rings: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Rows and columns y0, x0, y1, x1 within the picture outside which no pixel is filled."""
    if not len(rings):
        return 0, 0, 0, 0
    points = np.concatenate(list(rings))
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    x0, y0 = (int(v) for v in np.clip(low, 0, size[::-1]))
    x1, y1 = (int(v) for v in np.clip(high, 0, size[::-1]))
    return y0, x0, max(y0, y1), max(x0, x1)


def _crossings(
    rings: Sequence[np.ndarray], top: int, bottom: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Where edges cross the centre lines of rows `top` to `bottom`, in pieces: row, first column to the right, sign."""
    upper, lower, signs = _edges(rings)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), top, bottom).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), top, bottom).astype(np.int64)
    ends = np.cumsum(last - first)
    total = int(ends[-1]) if len(ends) else 0
    if total > MAX_CROSSINGS:
        raise AnnotationError(f"a polygon of {len(ends)} points crosses {total} pixel rows: no drawing does")
    for start in range(0, total, _CHUNK):
        index = np.arange(start, min(start + _CHUNK, total))
        edge = np.searchsorted(ends, index, side="right")
        rows = last[edge] - (ends[edge] - index)
        (xa, ya), (xb, yb) = upper[edge].T, lower[edge].T
        x = xa + (rows + 0.5 - ya) * ((xb - xa) / (yb - ya))
        yield rows, np.ceil(x - 0.5).astype(np.int64), signs[edge]


def _edges(rings: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower ends of all edges that are not level, and +1 where the ring runs upwards.

    Sorted so that an edge gives the same crossings bit by bit whichever way a ring runs along it.
    """
    start = np.concatenate([np.asarray(ring, np.float64) for ring in rings])
    end = np.concatenate([np.roll(np.asarray(ring, np.float64), -1, axis=0) for ring in rings])
    down = start[:, 1] < end[:, 1]
    upper, lower = np.where(down[:, None], start, end), np.where(down[:, None], end, start)
    level = upper[:, 1] == lower[:, 1]
    return upper[~level], lower[~level], np.where(down, -1, 1)[~level].astype(np.int16)

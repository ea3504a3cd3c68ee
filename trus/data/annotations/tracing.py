"""Boundaries of a plane along pixel edges (cracks), linked from its corners."""

import cv2
import numpy as np

from trus.data.planes import bounding_box


def crack_rings(plane: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Bool plane (H, W) -> for each 8-connected component, in reading order, its rings of pixel corners (x, y).

    Outer rings come first and run clockwise on the screen, holes run the other way. A ring visits a corner once.
    """
    rows, columns = box = bounding_box(plane)  # most of a frame holds nothing
    plane = plane[box]
    if not plane.size:
        return []
    origin = columns.start, rows.start
    corners, sideways, along = _corners(plane)
    _, labels = cv2.connectedComponents(np.pad(plane, 1).view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    components: dict[int, list[tuple[bool, np.ndarray]]] = {}
    for loop in _loops(corners, sideways, along):
        x, y = corners[loop[0]]  # its first corner in reading order: the pixel right and below is in, or it is a hole
        inside = bool(labels[y + 1, x + 1])
        component = labels[y + 1, x + 1] or labels[y, x + 1]
        components.setdefault(int(component), []).append((not inside, _oriented(corners[loop], inside)))
    return [
        tuple(ring + origin for _, ring in sorted(rings, key=lambda entry: entry[0])) for rings in components.values()
    ]


def _corners(plane: np.ndarray) -> tuple[np.ndarray, list[int], list[int]]:
    """Corners (x, y) of the boundary in reading order, each joined to one beside it and one above or below it.

    Where two pixels meet by a corner only, it stands there twice, once for each.
    """
    pad = np.pad(plane, 1).view(np.uint8)
    nw, ne, sw, se = pad[:-1, :-1], pad[:-1, 1:], pad[1:, :-1], pad[1:, 1:]
    count = nw + ne + sw + se
    saddle = (count == 2) & (nw == se)
    y, x = np.nonzero((count & 1).astype(bool) | saddle)
    repeat = np.where(saddle[y, x], 2, 1)
    corners = np.repeat(np.stack([x, y], axis=1), repeat, axis=0)
    second = np.r_[False, (corners[1:] == corners[:-1]).all(axis=1)]
    # the first of such a pair has the boundary that comes from the left; it goes up if the upper left pixel is in
    downwards = second == np.repeat(nw[y, x].astype(bool), repeat)
    by_column = np.lexsort((downwards, corners[:, 1], corners[:, 0]))
    return corners, _partners(np.arange(len(corners))), _partners(by_column)


def _partners(order: np.ndarray) -> list[int]:
    """Along a line, boundary runs from the first corner to the second, the third to the fourth, and so on."""
    partner = np.empty(len(order), np.int64)
    partner[order[0::2]] = order[1::2]
    partner[order[1::2]] = order[0::2]
    return partner.tolist()


def _loops(corners: np.ndarray, sideways: list[int], along: list[int]) -> list[list[int]]:
    """Closed walks, alternately level and upright, cut where they come to a corner for the second time."""
    keys = (corners[:, 1] * (int(corners[:, 0].max()) + 1) + corners[:, 0]).tolist()
    seen = bytearray(len(corners))
    loops: list[list[int]] = []
    for first in range(len(corners)):
        if not seen[first]:
            walk, at = [], first
            while not seen[at]:
                beside = sideways[at]
                walk += [at, beside]
                seen[at] = seen[beside] = 1
                at = along[beside]
            loops += _cut(walk, keys)
    return sorted((_from_first(loop, keys) for loop in loops), key=lambda loop: keys[loop[0]])


def _cut(walk: list[int], keys: list[int]) -> list[list[int]]:
    pieces, path, place = [], [], {}  # type: list[list[int]], list[int], dict[int, int]
    for corner in walk:
        start = place.get(keys[corner])
        if start is not None:
            pieces.append(path[start:])
            for gone in path[start:]:
                del place[keys[gone]]
            del path[start:]
        place[keys[corner]] = len(path)
        path.append(corner)
    return [*pieces, path]


def _from_first(loop: list[int], keys: list[int]) -> list[int]:
    start = min(range(len(loop)), key=lambda k: keys[loop[k]])
    return loop[start:] + loop[:start]


def _oriented(ring: np.ndarray, clockwise: bool) -> np.ndarray:
    """From the first corner in reading order: to the right first, or down first."""
    level = ring[0, 1] == ring[1, 1]
    ring = ring if level == clockwise else np.roll(ring[::-1], 1, axis=0)
    return ring.astype(np.float64)

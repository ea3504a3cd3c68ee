"""Lengths and areas of a mask, as the pages show them (`static/js/measure`): the table says the same numbers."""

from dataclasses import dataclass

import cv2
import numpy as np

from trus.data.intake.spacing import Spacing
from trus.inference.postprocessing import label_components

_DIRECTIONS = ((1, 0), (1, 1), (0, 1), (1, -1))
"""(dx, dy) of the lines that Crofton's formula counts meetings with."""


@dataclass(frozen=True)
class Shape:
    """Of one mask, in the unit of the spacing asked for: px or mm. None where the mask is empty.

    `perimeter` is Crofton's over four directions, of all of it, holes included. `widest` is the largest Feret diameter
    of its largest component, `across` the longest chord of that one's convex hull at a right angle to it.
    """

    perimeter: float | None
    widest: float | None
    across: float | None


def shape_of(plane: np.ndarray, spacing: Spacing = (1.0, 1.0)) -> Shape:
    """Of a mask, bool or 0/1 (H, W); `spacing` is (row, column)."""
    part = _boxed(plane)
    if not part.size:
        return Shape(None, None, None)
    widest, across = diameters(_largest(part), spacing)
    return Shape(perimeter(part, spacing), widest, across)


def perimeter(plane: np.ndarray, spacing: Spacing) -> float:
    """Crofton's perimeter of a mask (H, W) (Legland, Kieu & Devaux, Image Analysis & Stereology 26, 2007)."""
    row, column = spacing
    padded = np.pad(plane.astype(bool), 1)
    total = 0.0
    for (dx, dy), share in zip(_DIRECTIONS, _shares(spacing), strict=True):
        before = np.roll(padded, (dy, dx), (0, 1))
        total += share * int((padded & ~before).sum()) * row * column / float(np.hypot(dx * column, dy * row))
    return float(np.pi * total)


def diameters(plane: np.ndarray, spacing: Spacing) -> tuple[float, float]:
    """Widest diameter of a mask with something in it, and the widest at a right angle to it."""
    hull = _hull(plane, spacing)
    differences = hull[:, None] - hull[None]
    lengths = np.hypot(differences[..., 0], differences[..., 1])
    first, second = np.unravel_index(int(lengths.argmax()), lengths.shape)
    away = hull[first] - hull[second]
    return float(lengths[first, second]), _chord(hull, np.array([-away[1], away[0]]) / lengths[first, second])


def _boxed(plane: np.ndarray) -> np.ndarray:
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(plane).view(np.uint8))
    return plane[y : y + height, x : x + width]


def _largest(plane: np.ndarray) -> np.ndarray:
    """The largest component; of equal ones the first in reading order."""
    components, areas = label_components(plane)
    numbers = components.ravel()
    is_largest = (areas == areas[1:].max())[numbers] & (numbers > 0)
    return components == numbers[is_largest.argmax()]


def _shares(spacing: Spacing) -> np.ndarray:
    """Share of the half circle that is nearest to each direction: a quarter each where pixels are square."""
    row, column = spacing
    angles = np.array([np.arctan2(dy * row, dx * column) % np.pi for dx, dy in _DIRECTIONS])
    order = np.argsort(angles)
    gaps = np.diff(np.append(angles[order], angles[order[0]] + np.pi))
    shares = np.empty(len(angles))
    shares[order] = (gaps + np.roll(gaps, 1)) / (2 * np.pi)
    return shares


def _hull(plane: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Convex hull of the mid-points of the pixels' edges, float64 (n, 2) of x, y in the unit of `spacing`."""
    from scipy.spatial import ConvexHull

    row, column = spacing
    rows, columns = np.flatnonzero(plane.any(1)), np.flatnonzero(plane.any(0))
    first, last = plane[rows].argmax(1), plane.shape[1] - plane[rows, ::-1].argmax(1)
    top, bottom = plane[:, columns].argmax(0), plane.shape[0] - plane[::-1, columns].argmax(0)
    points = np.concatenate(
        [
            np.stack([np.concatenate([first, last]), np.tile(rows + 0.5, 2)], 1),
            np.stack([np.tile(columns + 0.5, 2), np.concatenate([top, bottom])], 1),
        ]
    )
    points *= (column, row)
    return points[ConvexHull(points).vertices]


def _chord(hull: np.ndarray, direction: np.ndarray) -> float:
    """Longest chord of a convex polygon along a unit vector: it begins or ends at a corner."""
    along, aside = hull @ direction, hull @ np.array([-direction[1], direction[0]])
    next_along, next_aside = np.roll(along, -1), np.roll(aside, -1)
    longest = 0.0
    for position, offset in zip(along, aside, strict=True):
        meets = (np.minimum(aside, next_aside) <= offset) & (np.maximum(aside, next_aside) >= offset)
        meets &= aside != next_aside
        share = (offset - aside[meets]) / (next_aside[meets] - aside[meets])
        crossing = along[meets] + share * (next_along[meets] - along[meets])
        longest = max(longest, float(np.abs(crossing - position).max(initial=0.0)))
    return longest

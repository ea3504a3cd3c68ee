"""Distances between the boundaries of two masks: HD95, ASSD and the surface Dice (NSD), exact for uneven spacing."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from trus.data.planes import bounding_box

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_TIE = 1e-9
"""A distance that equals the tolerance but for rounding is inside it."""


@dataclass(frozen=True)
class BoundaryDistance:
    """One frame and class. Distances in the unit of the spacing given; `nsd` 0..1, one for each tolerance."""

    hd95: float
    assd: float
    nsd: tuple[float, ...]


def boundary_distance(
    predicted: np.ndarray, reference: np.ndarray, spacing: tuple[float, float], tolerances: tuple[float, ...]
) -> BoundaryDistance:
    """Compare two bool masks (H, W); `spacing` is (row, column), in mm or (1, 1) for px.

    HD95: the 95th percentile of the distances of both boundaries' pixels to the other boundary, taken together; ASSD:
    their mean. Boundary pixels are those with one of 4 neighbours outside; the frame's edge is outside (as medpy).
    NSD: the share of both boundaries' length within the tolerance of the other, on contour elements between pixels
    (Nikolov et al., arXiv:1809.04430, as DeepMind's surface_distance). Where nothing is predicted, both distances are
    the frame's diagonal and NSD is 0; all are NaN where the reference is empty. MONAI and surface_distance define HD95
    as the larger of the two directed percentiles, which can be larger.
    """
    step = np.asarray(spacing, np.float64)
    if not reference.any():
        return BoundaryDistance(np.nan, np.nan, (np.nan,) * len(tolerances))
    if not predicted.any():
        diagonal = float(np.hypot(*(np.asarray(reference.shape) * step)))
        return BoundaryDistance(diagonal, diagonal, (0.0,) * len(tolerances))
    box = bounding_box(predicted | reference)
    planes = [np.pad(plane[box], 1).astype(np.uint8) for plane in (predicted, reference)]
    distances = np.concatenate(_nearest(_border(planes[0]), _border(planes[1]), step))
    return BoundaryDistance(
        float(np.percentile(distances, 95)), float(distances.mean()), _nsd(planes, step, tolerances)
    )


def _border(plane: np.ndarray) -> np.ndarray:
    """Boundary pixels (row, column) of a padded 0/1 mask, int (M, 2)."""
    return np.argwhere(plane > cv2.erode(plane, _CROSS))


def _nearest(one: np.ndarray, other: np.ndarray, step: np.ndarray) -> list[np.ndarray]:
    """Distance of each point of one set to the other set, and the other way round."""
    found = []
    for here, there in ((one, other), (other, one)):
        _, index = cKDTree(there * step).query(here * step)
        found.append(np.sqrt((((here - there[index]) * step) ** 2).sum(1)))  # whole steps first: no rounded products
    return found


def _nsd(planes: list[np.ndarray], step: np.ndarray, tolerances: tuple[float, ...]) -> tuple[float, ...]:
    elements = [_contour(plane, step) for plane in planes]
    distances = np.concatenate(_nearest(elements[0][0], elements[1][0], step))
    lengths = np.concatenate([length for _, length in elements])
    return tuple(float(lengths[distances <= t + _TIE].sum() / lengths.sum()) for t in tolerances)


def _contour(plane: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contour elements of a padded 0/1 mask: pixel corners where 2 x 2 pixels differ, int (M, 2), and their lengths.

    Marching squares: a corner cut off is half a pixel's diagonal, a straight piece the pixel's side.
    """
    a, b, c, d = plane[:-1, :-1], plane[:-1, 1:], plane[1:, :-1], plane[1:, 1:]
    code = a + 2 * b + 4 * c + 8 * d
    where = (code > 0) & (code < 15)
    return np.argwhere(where), _lengths(step)[code[where]]


def _lengths(step: np.ndarray) -> np.ndarray:
    """Length of the contour in a 2 x 2 neighbourhood, by its code: float (16,)."""
    row, column = step
    half = float(np.hypot(row, column)) / 2
    lengths = np.full(16, half)  # one pixel of four differs
    lengths[[0, 15]] = 0
    lengths[[3, 12]] = column  # upper and lower half differ: the contour runs along a row
    lengths[[5, 10]] = row
    lengths[[6, 9]] = 2 * half  # two opposite corners
    return lengths

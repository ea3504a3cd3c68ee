"""One frame's histogram of probability and truth, from which calibration is summed up."""

from dataclasses import dataclass

import numpy as np

from trus.data.planes import bounding_box

BINS = 20
"""Equally wide bins of probability."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Sums over the pixels of a frame, float64 (BINS,) by bin of probability, and of the squared error."""

    pixels: np.ndarray
    confidence: np.ndarray
    positives: np.ndarray
    squared_error: float


def measure_reliability(probabilities: np.ndarray, reference: np.ndarray, within: np.ndarray | None) -> Reliability:
    """Reliability of probabilities float32 (H, W) against a bool mask (H, W), over the pixels of `within` or all."""
    said, truth = _inside(probabilities, reference, within)
    likely = said >= np.float32(1 / BINS)  # the first bin, nearly all pixels, is what is left: three times as fast
    chosen, right = said[likely], truth[likely]
    place = np.minimum(chosen * np.float32(BINS), BINS - 1).astype(np.intp)
    sums = np.array([np.bincount(place, values, BINS) for values in (None, chosen, right)], np.float64)
    totals = said.size, said.sum(dtype=np.float64), truth.sum()
    sums[:, 0] += totals - sums.sum(1)
    squares = np.square(said).sum(dtype=np.float64) - 2 * said[truth].sum(dtype=np.float64) + totals[2]
    return Reliability(sums[0], sums[1], sums[2], float(max(squares, 0)))


def _inside(probabilities: np.ndarray, reference: np.ndarray, within: np.ndarray | None) -> tuple[np.ndarray, ...]:
    if within is None:
        return probabilities, reference
    box = bounding_box(within)
    if within[box].all():  # a region is a box: no copy
        return probabilities[box], reference[box]
    return probabilities[within], reference[within]

"""One frame's histogram of probability and truth, from which calibration is summed up."""

from dataclasses import dataclass

import numpy as np

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
    chosen = probabilities.ravel() if within is None else probabilities[within]
    truth = reference.ravel() if within is None else reference[within]
    place = np.minimum(chosen * np.float32(BINS), BINS - 1).astype(np.intp)
    pixels = np.bincount(place, minlength=BINS)
    confidence = np.bincount(place, chosen, minlength=BINS)
    positives = np.bincount(place[truth], minlength=BINS)
    squares = np.dot(chosen, chosen) - 2 * chosen[truth].sum(dtype=np.float64) + truth.sum()
    return Reliability(pixels.astype(float), confidence, positives.astype(float), float(max(squares, 0)))

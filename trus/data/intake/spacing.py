"""When a spacing is certain enough to be written down: wrong millimetres are worse than none."""

import math
from collections.abc import Sequence

Spacing = tuple[float, float]
"""mm a pixel: row, column."""

FINEST, COARSEST = 0.005, 2.0
"""mm a pixel that a picture of an ultrasound scanner can have: 1/200 mm is finer than any probe resolves."""

TOLERANCE = 0.01
"""Two spacings that differ by more are not the same."""


def same(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether two pairs of numbers agree within TOLERANCE."""
    return all(math.isclose(a, b, rel_tol=TOLERANCE) for a, b in zip(first, second, strict=True))


def plausible(spacing: Spacing, coarsest: float = COARSEST) -> bool:
    """Whether both numbers (mm a pixel) are finite and a scanner's."""
    return all(math.isfinite(value) and FINEST <= value <= coarsest for value in spacing)

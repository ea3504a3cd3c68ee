"""What every threshold and every rule would give on one frame, counted in one pass over its pixels."""

from collections.abc import Sequence

import numpy as np

from trus.data.classes import Classes
from trus.data.manifest import Frame
from trus.evaluation.predictions import LEVELS
from trus.inference.postprocessing import Rule, fill_holes, kept_components, label_components

SIZES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
"""Smallest components that are tried, as shares of the frames' area: the references have no say in the grid."""


def class_reach(
    probabilities: np.ndarray, classes: Classes, k: int, threshold: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Where target `k` is whatever its own threshold (by a class inside it), and where it can be at most.

    Both bool (H, W); the other classes are at `threshold`. In between a pixel belongs to the class exactly when its
    probability reaches the threshold, so that a histogram of levels holds the masks of all thresholds.
    """
    thresholds = np.full(len(classes.targets), threshold)
    reach = []
    for own in (2.0, 0.0):
        thresholds[k] = own
        reach.append(classes.planes(classes.decode(probabilities, thresholds))[k].astype(bool))
    return reach[0], reach[1]


def count_thresholds(
    levels: np.ndarray, always: np.ndarray, possible: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (intersection, predicted), int64 (256,) each, at the thresholds n / 256; all arguments are (H, W)."""
    free = possible & ~always
    counts = []
    for within in (reference, np.ones_like(reference)):
        at_level = np.bincount(levels[free & within], minlength=LEVELS)
        counts.append(at_level[::-1].cumsum()[::-1] + (always & within).sum())
    return counts[0], counts[1]


def list_rules(frames: Sequence[Frame], areas: Sequence[int]) -> list[Rule]:
    """Rules to try, the plainest first: holes filled or not, with each smallest component or only the largest.

    `areas` are the frames' (or their regions') px. Sizes are in mm2 where every frame's spacing is known, else in px.
    """
    in_mm = all(frame.spacing for frame in frames)
    pixel = [f.spacing[0] * f.spacing[1] if f.spacing and in_mm else 1.0 for f in frames]
    area = float(np.median(np.multiply(areas, pixel)))
    sizes = [float(f"{share * area:.2g}") for share in SIZES]
    smallest = [Rule(smallest_mm2=size) if in_mm else Rule(smallest_px=round(size)) for size in sizes]
    kept = [Rule(), *smallest, Rule(largest_only=True)]
    filled = [rule.model_copy(update={"fill_holes": True}) for rule in kept]
    return [*dict.fromkeys(kept + filled)]


def count_rules(
    plane: np.ndarray, reference: np.ndarray, rules: Sequence[Rule], spacing: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (intersection, predicted), int64 (R,) each, of a mask bool (H, W) under each rule."""
    counts = np.zeros((2, len(rules)), np.int64)
    for fill in {rule.fill_holes for rule in rules}:
        components, areas = label_components(fill_holes(plane) if fill else plane)
        hits = np.bincount(components[reference], minlength=len(areas))
        for r, rule in enumerate(rules):
            if rule.fill_holes == fill:
                kept = kept_components(areas, rule, spacing)
                counts[:, r] = hits[kept].sum(), areas[kept].sum()
    return counts[0], counts[1]

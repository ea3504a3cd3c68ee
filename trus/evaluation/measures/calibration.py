"""Calibration: do pixels that were said to be 70 % probable belong to the class in 70 % of the cases?"""

from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.evaluation.measures.reliability import BINS
from trus.evaluation.measures.score_table import ScoreTable, entry, plain
from trus.evaluation.statistics import bootstrap, bootstrap_curve


def calibration_area(
    classes: Classes, labels: np.ndarray, region: tuple[int, int, int, int] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Where each target's calibration is measured: bool (K, H, W), and its name by target.

    Inside the smallest class that contains the target (a lesion inside the gland), where the label mask (H, W) has
    one; else inside the region (x0, y0, x1, y1); else the frame.
    """
    chosen = [_area(classes, target, labels, region) for target in classes.targets]
    return np.stack([plane for plane, _ in chosen]), tuple(name for _, name in chosen)


def _area(
    classes: Classes, target: str, labels: np.ndarray, region: tuple[int, int, int, int] | None
) -> tuple[np.ndarray, str]:
    outer = [name for name in classes.values if target in classes.inside(name)]
    for name in sorted(outer, key=lambda name: -sum(name in classes.inside(other) for other in outer)):
        plane = classes.select((name,)).planes(labels)[0].astype(bool)
        if plane.any():
            return plane, name
    plane = np.zeros(labels.shape, bool)
    x0, y0, x1, y1 = region or (0, 0, labels.shape[1], labels.shape[0])
    plane[y0:y1, x0:x1] = True
    return plane, "region" if region else "frame"


def expected_calibration_error(pixels: np.ndarray, confidence: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """ECE of sums (B, BINS) -> (B,), 0..1: the mean distance of confidence and frequency, weighted by pixels.

    Naeini et al., AAAI 2015, with equally wide bins; NaN without a pixel.
    """
    total = pixels.sum(1)
    return np.where(total > 0, np.abs(confidence - positives).sum(1) / np.where(total > 0, total, 1), np.nan)


def summarise_calibration(table: ScoreTable, k: int) -> dict[str, Any]:
    """`ece` and `brier` (mean squared error, Brier 1950) of class `k`, over the pixels of all frames together."""
    sums = _histograms(table, k)

    def statistic(weights: np.ndarray) -> np.ndarray:
        return expected_calibration_error(*(weights @ part for part in sums))

    ece = bootstrap(statistic, len(table.patients), len(table.images), table.resamples)
    squared = table.array("reliability.squared_error", k)
    brier = table.ratio(squared, table.array("reliability.pixels", k).sum(2))
    return {"ece": entry(ece, "no pixel"), "brier": entry(brier, "no pixel")}


def reliability_curve(table: ScoreTable, k: int) -> dict[str, list[float | None]]:
    """For each bin of class `k` the mean confidence, the frequency of the class with its interval, and the pixels."""
    pixels, confidence, positives = _histograms(table, k)
    frequency, low, high = bootstrap_curve(positives, pixels, table.resamples)
    total = pixels.sum(0)
    mean = np.where(total > 0, confidence.sum(0) / np.where(total > 0, total, 1), np.nan)
    named = {"confidence": mean, "frequency": frequency, "low": low, "high": high, "pixels": total}
    return {"from": (np.arange(BINS) / BINS).tolist()} | {name: plain(values) for name, values in named.items()}


def _histograms(table: ScoreTable, k: int) -> list[np.ndarray]:
    """Sums over each patient's frames: pixels, confidence and positives, (P, BINS) each."""
    names = ("pixels", "confidence", "positives")
    return [table.sum_patients(table.array(f"reliability.{name}", k)[:, 0]) for name in names]

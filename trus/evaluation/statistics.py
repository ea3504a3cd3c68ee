"""Means with intervals: frames of one patient are not independent, so patients are what is resampled."""

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, and how many frames and patients it rests on; NaN where nothing was scored."""

    value: float
    low: float
    high: float
    frames: int
    patients: int

    def __str__(self) -> str:
        """`0.44 (95 % 0.38 to 0.50)`."""
        if np.isnan(self.value):
            return "undefined (no frame to score)"
        interval = "no interval" if np.isnan(self.low) else f"95 % {self.low:.3f} to {self.high:.3f}"
        return f"{self.value:.3f} ({interval})"

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON types; NaN becomes None."""
        return {key: None if np.isnan(value) else value for key, value in asdict(self).items()}


def bootstrap_mean(
    values: np.ndarray, patients: list[str], resamples: int = 4000, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Mean over frames of each class, averaged over classes, with a percentile interval from resampled patients.

    `values` is float (N, K), NaN where a frame is not scored; `patients` names each frame's patient. With fewer than
    two patients there is no interval (NaN). Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    names, owner = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    scored = ~np.isnan(values)
    sums, counts = (np.zeros((len(names), values.shape[1])) for _ in range(2))
    np.add.at(sums, owner, np.where(scored, values, 0))
    np.add.at(counts, owner, scored)
    used = counts.any(1)
    sums, counts = sums[used], counts[used]
    low = high = np.nan
    if used.sum() >= 2:
        draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(_class_mean(draws @ sums, draws @ counts), [tail, 1 - tail])
    value = _class_mean(sums.sum(0)[None], counts.sum(0)[None])[0]
    return Estimate(float(value), float(low), float(high), int(scored.any(1).sum()), int(used.sum()))


def _class_mean(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(B, K) sums and counts -> (B,) mean over the classes that were scored, NaN where none was."""
    present = counts > 0
    means = np.where(present, sums / np.maximum(counts, 1), 0)
    return np.where(present.any(1), means.sum(1) / np.maximum(present.sum(1), 1), np.nan)

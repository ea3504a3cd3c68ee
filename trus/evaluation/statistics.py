"""Means with intervals: frames of one patient are not independent, so patients are what is resampled."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

RESAMPLES = 4000
_CHUNK = 500
"""Resamples that a statistic is given at once: bounds its memory, whatever it does with them."""


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

    @classmethod
    def from_dict(cls, content: dict[str, float | int | None]) -> "Estimate":
        """What `to_dict` gave; an empty dictionary is an undefined estimate."""
        value, low, high = (np.nan if content.get(key) is None else content[key] for key in ("value", "low", "high"))
        return cls(value, low, high, int(content.get("frames") or 0), int(content.get("patients") or 0))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON types; NaN becomes None."""
        return {key: None if np.isnan(value) else value for key, value in asdict(self).items()}


def resampled_unit(patient_id: str | None, image_id: str) -> str:
    """The name of what a bootstrap draws: the frame's patient, or the frame itself where that is not known."""
    return f"patient {patient_id}" if patient_id else f"frame {image_id}"


@lru_cache(maxsize=4)
def patient_bootstrap(patients: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each of P patients is drawn in each of B resamples: whole numbers as float64 (B, P), rows sum to P.

    Every metric is a function of these weights, so that one set of resamples serves all of them. The array is shared
    and read-only. Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    draws = np.random.default_rng(seed).multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    weights = draws.astype(np.float64)
    weights.flags.writeable = False
    return weights


def tail(patients: int) -> float:
    """What share of resamples lies below, and above, an interval that holds the truth in about 95 of 100 studies.

    0.025 for many patients. With few, that interval is too narrow (6 patients: 85 of 100), hence the expanded
    percentile of Hesterberg, The American Statistician 69:371, 2015.
    """
    reach = np.sqrt(patients / (patients - 1)) * stats.t.ppf(0.975, patients - 1)
    return float(stats.norm.sf(reach))


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    patients: int,
    frames: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Any statistic of patients' weights, with its 95 % interval (expanded percentile, see `tail`).

    `statistic` maps weights (B, P) to values (B,), NaN where a resample leaves it undefined; such resamples are left
    out of the interval. One that misses the value itself is stretched to it: resampling raises statistics such as the
    calibration error. With fewer than two patients there is no interval (NaN).
    """
    low = high = np.nan
    value = float(statistic(np.ones((1, patients)))[0]) if patients else np.nan
    if patients >= 2 and not np.isnan(value):
        weights = patient_bootstrap(patients, resamples, seed)
        values = np.concatenate([statistic(weights[i : i + _CHUNK]) for i in range(0, resamples, _CHUNK)])
        if (known := values[~np.isnan(values)]).size:
            outside = tail(patients)
            low, high = np.quantile(known, [outside, 1 - outside])
            low, high = min(low, value), max(high, value)
    return Estimate(value, float(low), float(high), frames, patients)


def bootstrap_ratio(
    numerators: np.ndarray, denominators: np.ndarray, frames: int, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Ratio of sums over patients for each class, averaged over classes: mean scores, pooled scores, rates.

    Both are float (P, K), a patient's sums; a class whose denominators are all 0 in a resample is left out of it, and
    a patient with none is not counted.
    """
    used = (denominators != 0).any(1)
    above, below = numerators[used], denominators[used]
    return bootstrap(lambda w: _class_mean(w @ above, w @ below), int(used.sum()), frames, resamples, seed=seed)


def bootstrap_mean(values: np.ndarray, patients: list[str], resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Mean over frames of each class, averaged over classes, with a 95 % interval from resampled patients.

    `values` is float (N, K), NaN where a frame is not scored; `patients` names each frame's patient. With fewer than
    two patients there is no interval (NaN).
    """
    names, owner = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    scored = ~np.isnan(values)
    sums, counts = (np.zeros((len(names), values.shape[1])) for _ in range(2))
    np.add.at(sums, owner, np.where(scored, values, 0))
    np.add.at(counts, owner, scored)
    used = counts.any(1)
    above, below = sums[used], counts[used]
    frames = int(scored.any(1).sum())
    return bootstrap(lambda w: _class_mean(w @ above, w @ below), int(used.sum()), frames, resamples, seed)


def bootstrap_curve(
    numerators: np.ndarray, denominators: np.ndarray, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratios of sums over patients at T points, (P, T) both -> value, low and high, each (T,); pointwise, 95 %.

    NaN where the denominator is 0, and the interval with fewer than two patients.
    """
    patients, points = numerators.shape
    value = _ratio(numerators.sum(0), denominators.sum(0))
    low = high = np.full(points, np.nan)
    if patients >= 2:
        weights = patient_bootstrap(patients, resamples)
        drawn = _ratio(weights @ numerators, weights @ denominators)
        known = ~np.isnan(value) & (~np.isnan(drawn)).any(0)
        low, high = low.copy(), high.copy()
        if known.any():
            outside = tail(patients)
            low[known], high[known] = np.nanquantile(drawn[:, known], [outside, 1 - outside], axis=0)
    return value, low, high


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(below != 0, above / np.where(below != 0, below, 1), np.nan)


def _class_mean(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(B, K) sums and counts -> (B,) mean over the classes that were scored, NaN where none was."""
    present = counts > 0
    means = np.where(present, sums / np.where(present, counts, 1), 0)
    return np.where(present.any(1), means.sum(1) / np.maximum(present.sum(1), 1), np.nan)

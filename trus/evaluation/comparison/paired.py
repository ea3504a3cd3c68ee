"""Is one network better than another, or is it noise? Paired statistics over patients, not over frames.

Frames of one patient are not independent, so a patient is what is drawn again (interval) and what changes sign (test).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from trus.evaluation.statistics import Estimate, bootstrap, bootstrap_mean

LEVEL = 0.05
EXACT = 16
"""Up to so many patients that differ, the sign-flip test counts all 2^P patterns."""
FLIPS = 20_000
POWER = 0.8
_CHUNK = 4096


@dataclass(frozen=True)
class PairedDifference:
    """`second - first` over the same frames; `difference` is in the score's units, its interval 95 % over patients.

    p_value: two-sided, of the sign-flip test; p_adjusted: after Holm over all pairs that were asked for. effect:
    Cohen's d_z, the mean over patients in standard deviations of their differences. detectable: the smallest
    difference that so many patients show in 4 of 5 studies. NaN where there is nothing to compute from.
    """

    first: str
    second: str
    difference: Estimate
    effect: Estimate
    p_value: float
    p_adjusted: float
    exact: bool
    better: int
    worse: int
    equal: int
    detectable: float

    @property
    def shown(self) -> bool:
        """Is there a difference? Both the adjusted test and the interval have to say so."""
        low, high = self.difference.low, self.difference.high
        return bool(self.p_adjusted < LEVEL and (low > 0 or high < 0))

    @property
    def identical(self) -> bool:
        """The same score on every frame."""
        return self.difference.frames > 0 and self.better == self.worse == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; NaN becomes None."""
        numbers = ("p_value", "p_adjusted", "detectable")
        return {
            "first": self.first,
            "second": self.second,
            "difference": self.difference.to_dict(),
            "effect_size": self.effect.to_dict(),
            **{name: None if np.isnan(value := getattr(self, name)) else value for name in numbers},
            "exact": self.exact,
            "patients_better": self.better,
            "patients_worse": self.worse,
            "patients_equal": self.equal,
            "shown": self.shown,
        }


def compare_pair(
    first: np.ndarray, second: np.ndarray, patients: list[str], names: tuple[str, str]
) -> PairedDifference:
    """Compare two networks' scores, each float (N, K), NaN where a frame is not scored, on the same N frames.

    The difference is that of the means over frames of each class, averaged over classes. Interval: expanded percentile
    bootstrap over patients (Hesterberg 2015, 10.1080/00031305.2015.1089789). Test: the patients' differences change
    sign at random (Fisher 1935; Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005), all patterns up
    to 16 patients, else 20,000 drawn ones with p = (k + 1) / (n + 1) (Phipson & Smyth 2010, 10.2202/1544-6115.1585).
    Effect: d_z (Lakens 2013, 10.3389/fpsyg.2013.00863). Detectable difference: Bloom 1995, 10.1177/0193841X9501900504.
    """
    values = second - first
    shares = patient_shares(values, patients)
    p_value, exact = sign_flip(shares)
    return PairedDifference(
        *names,
        difference=bootstrap_mean(values, patients),
        effect=_effect_size(shares, int((~np.isnan(values)).any(1).sum())),
        p_value=p_value,
        p_adjusted=p_value,
        exact=exact,
        better=int((shares > 0).sum()),
        worse=int((shares < 0).sum()),
        equal=int((shares == 0).sum()),
        detectable=_detectable(shares),
    )


def patient_shares(values: np.ndarray, patients: Sequence[str]) -> np.ndarray:
    """Differences (N, K) -> what each of the P scored patients adds to their mean, times P: float (P,).

    The mean of the result is the mean over frames of each class, averaged over classes. Patients come in the order of
    their names, without those of whom nothing is scored.
    """
    _, owner = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    scored = ~np.isnan(values)
    counts = scored.sum(0)
    weights = np.where(counts > 0, 1 / np.maximum(counts, 1), 0) / max(int((counts > 0).sum()), 1)
    shares = np.bincount(owner, (np.where(scored, values, 0) * weights).sum(1))
    used = np.bincount(owner, scored.any(1)) > 0
    return shares[used] * used.sum()


def sign_flip(shares: np.ndarray) -> tuple[float, bool]:
    """Two-sided p of mean(shares) = 0 under random signs, and whether all patterns were counted; shares is (P,).

    Patients without a difference change nothing. 1 where none differs, NaN with fewer than two patients.
    """
    if len(shares) < 2:
        return float("nan"), False
    differing = shares[shares != 0]
    observed = abs(differing.sum()) * (1 - 1e-10)  # patterns that are equal but for rounding count as equal
    count = len(differing)
    if count <= EXACT:
        patterns = 1 - 2 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
        return float((abs(patterns @ differing) >= observed).mean()), True
    random = np.random.default_rng(0)
    reached = 0
    for start in range(0, FLIPS, _CHUNK):
        signs = 1 - 2 * random.integers(0, 2, (min(_CHUNK, FLIPS - start), count))
        reached += int((abs(signs @ differing) >= observed).sum())
    return (reached + 1) / (FLIPS + 1), False


def holm(pairs: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Fill in p_adjusted over all pairs that have a p-value (Holm 1979, Scandinavian Journal of Statistics 6:65)."""
    order = sorted((k for k, pair in enumerate(pairs) if not np.isnan(pair.p_value)), key=lambda k: pairs[k].p_value)
    adjusted, highest = list(pairs), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * pairs[k].p_value))
        adjusted[k] = replace(pairs[k], p_adjusted=highest)
    return adjusted


def _effect_size(shares: np.ndarray, frames: int) -> Estimate:
    def d_z(weights: np.ndarray) -> np.ndarray:
        count = len(shares)
        mean = weights @ shares / count
        spread = np.sqrt(np.maximum(weights @ shares**2 / count - mean**2, 0) * count / (count - 1))
        flat = spread <= 1e-9 * abs(shares).max(initial=0)
        return np.where(flat, np.nan, mean / np.where(flat, 1, spread))

    if len(shares) < 2:
        return Estimate(np.nan, np.nan, np.nan, frames, len(shares))
    return bootstrap(d_z, len(shares), frames)


def _detectable(shares: np.ndarray) -> float:
    """(t at 1 - level / 2 + t at power) standard errors, P - 1 degrees of freedom."""
    if len(shares) < 2:
        return float("nan")
    freedom = len(shares) - 1
    factor = stats.t.ppf(1 - LEVEL / 2, freedom) + stats.t.ppf(POWER, freedom)
    return float(factor * shares.std(ddof=1) / np.sqrt(len(shares)))

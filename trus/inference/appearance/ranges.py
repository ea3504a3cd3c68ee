"""The training frames' numbers, as they stand in a model file."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from trus.inference.appearance.measures import NAMES, Measures

FEWEST_FRAMES = 8
"""Of fewer training frames no ranges are told."""
SPREADS = {"brightness": 0.03, "contrast": 0.03, "black": 0.1, "grain": 0.15} | {
    f"texture_{scale}": 0.2 for scale in (1, 2, 4, 8)
}
"""Measures that are looked at together, too, and the standard deviation that is granted each beside its own."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Part):
    """Of one measure over the training frames: 1st percentile, median, 99th percentile."""

    low: float
    middle: float
    high: float


class Joint(_Part):
    """Several measures together: medians, covariance (N, N), and the Mahalanobis distance that 99 % stay within."""

    names: list[str]
    centre: list[float]
    covariance: list[list[float]]
    distance: float = Field(ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Raises ValueError for numbers that no distance can be computed with."""
        count = len(self.names)
        if unknown := sorted({*self.names} - {*SPREADS}):
            raise ValueError(f"measures {unknown} are not known")
        if len(self.centre) != count or [len(row) for row in self.covariance] != [count] * count:
            raise ValueError("centre and covariance do not fit the names")
        if np.linalg.eigvalsh(np.array(self.covariance)).min() <= 0:
            raise ValueError("the covariance is none")
        return self


class Appearance(_Part):
    """What the training frames of a model looked like, within their regions where it was trained on these."""

    frames: int
    ranges: dict[str, Range]
    joint: Joint


def summarise(frames: Sequence[Measures]) -> Appearance | None:
    """Ranges over the training frames, as `measure_frame` measured them; None of fewer than `FEWEST_FRAMES`."""
    if len(frames) < FEWEST_FRAMES:
        return None
    ranges = {name: _range(np.array([frame[name] for frame in frames])) for name in NAMES}
    values = np.array([[frame[name] for name in SPREADS] for frame in frames])
    centre = np.median(values, axis=0)
    covariance = np.cov(values.T) + np.diag(np.square([*SPREADS.values()]))
    joint = Joint(
        names=[*SPREADS],
        centre=[round(float(value), 6) for value in centre],
        covariance=[[round(float(value), 8) for value in row] for row in covariance],
        distance=round(float(np.quantile(mahalanobis(values - centre, covariance), 0.99)), 4),
    )
    return Appearance(frames=len(frames), ranges=ranges, joint=joint)


def mahalanobis(away: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Differences (F, N) from the centre, covariance (N, N) -> distances (F,)."""
    return np.sqrt(np.einsum("fn,fn->f", away, np.linalg.solve(covariance, away.T).T))


def _range(values: np.ndarray) -> Range:
    low, middle, high = (round(float(value), 5) for value in np.quantile(values, (0.01, 0.5, 0.99)))
    return Range(low=low, middle=middle, high=high)

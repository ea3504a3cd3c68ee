"""Scores of many frames as arrays, with frames and patients numbered: what every summary is computed from."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from trus.evaluation.measures.scores import FrameScore
from trus.evaluation.statistics import Estimate, bootstrap_ratio


class ScoreTable:
    """N scores of F frames and K classes; several networks' scores of one frame are averaged, whatever is asked for.

    `image` (N,) is the frame of each row, `patient` (N,) its patient of P, `weight` (N,) one over the frame's rows.
    """

    def __init__(self, scores: Sequence[FrameScore], resamples: int):
        self.scores = sorted(scores, key=lambda score: score.image_id)  # the order given changes no interval
        self.resamples = resamples
        self.images, self.image = np.unique([score.image_id for score in self.scores], return_inverse=True)
        self.patients, self.patient = np.unique([score.patient for score in self.scores], return_inverse=True)
        self.rows_of_image = np.bincount(self.image)
        self.weight = 1 / self.rows_of_image[self.image]
        self.measured = np.array([score.spacing is not None for score in self.scores])
        self.pixel_area = np.array([score.pixel_area for score in self.scores])

    @property
    def units(self) -> list[str]:
        """Units of distances that occur: mm, px or both."""
        return ["mm"] * bool(self.measured.any()) + ["px"] * bool((~self.measured).any())

    def in_unit(self, unit: str) -> np.ndarray:
        """Rows whose distances are in that unit, bool (N,)."""
        return self.measured if unit == "mm" else ~self.measured

    def array(self, attribute: str, k: int | None = None) -> np.ndarray:
        """An attribute of each ClassScore ("lesions.found"), float (N, K, ...), or (N, 1, ...) of class `k` alone."""
        chosen, of = slice(None) if k is None else slice(k, k + 1), attrgetter(attribute)
        return np.array([[of(part) for part in score.classes[chosen]] for score in self.scores], np.float64)

    def mean(self, values: np.ndarray) -> Estimate:
        """Mean over frames, averaged over classes; values (N, K), NaN where not defined."""
        sums, counts = self._frame_sums(values)
        return self._estimate(sums, counts, ~np.isnan(values))

    def patient_mean(self, values: np.ndarray) -> Estimate:
        """Mean over patients of each one's mean over frames: every patient counts the same."""
        sums, counts = self._frame_sums(values)
        return self._estimate(sums / np.where(counts > 0, counts, 1), (counts > 0) * 1.0, ~np.isnan(values))

    def ratio(self, above: np.ndarray, below: np.ndarray) -> Estimate:
        """Ratio of sums over all frames, averaged over classes; both (N, K)."""
        return self._estimate(self.sum_patients(above), self.sum_patients(below), below != 0)

    def sum_patients(self, values: np.ndarray) -> np.ndarray:
        """Sums over each patient's frames: (N, ...) -> (P, ...)."""
        sums = np.zeros((len(self.patients), *values.shape[1:]))
        np.add.at(sums, self.patient, values * self.weight.reshape(-1, *[1] * (values.ndim - 1)))
        return sums

    def average_frames(self, values: np.ndarray) -> np.ndarray:
        """Mean over each frame's rows: (N,) -> (F,)."""
        return np.bincount(self.image, values) / self.rows_of_image

    def frame_patient(self) -> np.ndarray:
        """The patient of each frame, int (F,)."""
        owner = np.zeros(len(self.images), np.intp)
        owner[self.image] = self.patient
        return owner

    def _frame_sums(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums over patients' frames of the mean over a frame's rows, and how many frames: (P, K) both."""
        known = ~np.isnan(values)
        rows = np.zeros((len(self.images), values.shape[1]))
        np.add.at(rows, self.image, known)
        share = known / np.maximum(rows, 1)[self.image]
        sums, counts = (np.zeros((len(self.patients), values.shape[1])) for _ in range(2))
        np.add.at(sums, self.patient, np.where(known, values, 0) * share)
        np.add.at(counts, self.patient, share)
        return sums, counts

    def _estimate(self, above: np.ndarray, below: np.ndarray, known: np.ndarray) -> Estimate:
        frames = len(np.unique(self.image[known.any(1)]))
        return bootstrap_ratio(above, below, frames, self.resamples)


def entry(estimate: Estimate, reason: str) -> dict[str, Any]:
    """An estimate as JSON types, with the reason where it has no value."""
    return estimate.to_dict() | ({"reason": reason} if np.isnan(estimate.value) else {})


def plain(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON types: NaN becomes None."""
    return [None if np.isnan(value) else float(value) for value in values]

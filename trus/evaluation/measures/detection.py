"""Finding lesions and frames that hold one: FROC, average precision, AUROC, as functions of patients' weights."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from trus.evaluation.measures.score_table import ScoreTable, entry
from trus.evaluation.statistics import bootstrap

FROC_RATES = (0.5, 1.0, 2.0)
"""False positives a frame at which the summary gives the sensitivity."""
_NO_LESION = "no lesion in the references"


@dataclass(frozen=True)
class Froc:
    """Candidates of all frames, the most confident first; those of equal confidence are one step.

    `confidence`, `hit` (0 or 1), `weight` and `patient` are (C,), `lesions` and `frames` (P,) of each patient.
    """

    confidence: np.ndarray
    hit: np.ndarray
    weight: np.ndarray
    patient: np.ndarray
    lesions: np.ndarray
    frames: np.ndarray

    @classmethod
    def of(cls, table: ScoreTable, k: int) -> "Froc":
        """Those of class `k`; with several networks a frame, each network's candidates count in part."""
        rows = [(c.confidence, c.hit, n) for n, score in enumerate(table.scores) for c in score.classes[k].candidates]
        rows.sort(key=lambda row: -row[0])
        row = np.array([n for _, _, n in rows], np.intp)
        lesions = table.sum_patients(table.array("lesions.reference", k))[:, 0]
        frames = table.sum_patients(np.ones(len(table.scores)))
        confidence, hit = (np.array([row[i] for row in rows], np.float64) for i in (0, 1))
        return cls(confidence, hit, table.weight[row], table.patient[row], lesions, frames)

    @cached_property
    def step_end(self) -> np.ndarray:
        """Index of the last candidate of each confidence, int (G,)."""
        return np.flatnonzero(np.append(np.diff(self.confidence) != 0, True)) if len(self.confidence) else self.patient

    def counts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hits and false positives down to each confidence, weights (B, P) -> (B, G) both."""
        drawn = weights[:, self.patient] * self.weight
        hits = np.cumsum(drawn * self.hit, 1)[:, self.step_end]
        return hits, np.cumsum(drawn, 1)[:, self.step_end] - hits

    def sensitivity_at(self, rate: float, weights: np.ndarray) -> np.ndarray:
        """Highest sensitivity with at most `rate` false positives a frame, (B,); no interpolation."""
        hits, wrong = self.counts(weights)
        allowed = wrong <= rate * (weights @ self.frames)[:, None] + 1e-9
        best = np.where(allowed, hits, 0).max(1, initial=0)
        return _share(best, weights @ self.lesions)

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """Mean precision over the recall that each candidate adds, (B,); a lesion never found adds nothing."""
        hits, wrong = self.counts(weights)
        precision = hits / np.maximum(hits + wrong, 1e-12)
        gained = np.diff(hits, axis=1, prepend=0)
        return _share((precision * gained).sum(1), weights @ self.lesions)


def auroc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of scores (F,) and labels bool (F,) with weights (B, F) -> (B,); ties count half.

    NaN where only one kind is there. It is the chance that something scores higher than nothing (Hanley & McNeil,
    Radiology 1982).
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    right, wrong = (np.add.reduceat(weights[:, order] * kind[order], starts, axis=1) for kind in (positive, ~positive))
    below = np.cumsum(wrong, 1) - wrong / 2
    return _share((right * below).sum(1), right.sum(1) * wrong.sum(1))


def summarise_detection(table: ScoreTable, k: int) -> dict[str, Any]:
    """Average precision, sensitivity at FROC_RATES, and AUROC of frames and patients, of class `k`."""
    froc, patients = Froc.of(table, k), len(table.patients)
    frames = len(table.images)

    def estimate(statistic: Any) -> dict[str, Any]:
        return entry(bootstrap(statistic, patients, frames, table.resamples), _NO_LESION)

    summary = {"average_precision": estimate(froc.average_precision)}
    for rate in FROC_RATES:
        summary[f"sensitivity_at_{rate:g}_fp"] = estimate(partial(froc.sensitivity_at, rate))
    for level in ("frame", "patient"):
        peaks, positive, owner = _peaks(table, k, level)
        area = bootstrap(partial(_auroc, peaks, positive, owner), patients, frames, table.resamples)
        reason = f"no {level} holds the class" if not positive.any() else f"every {level} holds the class"
        summary[f"auroc_{level}"] = entry(area, reason)
    return summary


def _auroc(scores: np.ndarray, positive: np.ndarray, owner: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return auroc(scores, positive, weights[:, owner])


def detection_curves(table: ScoreTable, k: int) -> dict[str, dict[str, list[float]]]:
    """`froc`, `precision_recall`, `roc_frame` and `roc_patient` of class `k`, by falling confidence; [] undefined."""
    froc, ones = Froc.of(table, k), np.ones((1, len(table.patients)))
    hits, wrong = (count[0] for count in froc.counts(ones))
    lesions, frames = froc.lesions.sum(), froc.frames.sum()
    known = slice(None) if lesions else slice(0, 0)
    confidence, sensitivity = froc.confidence[froc.step_end][known], _share(hits, np.full(len(hits), lesions))[known]
    shown = {"confidence": confidence.tolist(), "sensitivity": sensitivity.tolist()}
    return {
        "froc": shown | {"false_positives_per_frame": (wrong / frames)[known].tolist()},
        "precision_recall": shown | {"precision": _share(hits, hits + wrong)[known].tolist()},
        **{f"roc_{level}": _roc(*_peaks(table, k, level)[:2]) for level in ("frame", "patient")},
    }


def _peaks(table: ScoreTable, k: int, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Highest probability, presence of the class, and patient, of each frame or patient."""
    peaks = table.average_frames(table.array("peak", k)[:, 0])
    positive = table.average_frames(table.array("reference", k)[:, 0]) > 0
    owner = table.frame_patient()
    if level == "frame":
        return peaks, positive, owner
    highest, any_positive = np.zeros(len(table.patients)), np.zeros(len(table.patients), bool)
    np.maximum.at(highest, owner, peaks)
    np.logical_or.at(any_positive, owner, positive)
    return highest, any_positive, np.arange(len(highest))


def _roc(scores: np.ndarray, positive: np.ndarray) -> dict[str, list[float]]:
    """False and true positive rate down to each score, from (0, 0) to (1, 1)."""
    if positive.all() or not positive.any():
        return {"threshold": [], "false_positive_rate": [], "true_positive_rate": []}
    steps = np.unique(scores)[::-1]
    said = scores[None] >= steps[:, None]
    rates = [np.append(0, (said & kind).sum(1) / kind.sum()).tolist() for kind in (~positive, positive)]
    return {"threshold": [1.0, *steps.tolist()], "false_positive_rate": rates[0], "true_positive_rate": rates[1]}


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)

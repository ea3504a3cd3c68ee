"""Scores made by hand, without an image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trus.data.manifest import Frame
from trus.evaluation.measures.boundaries import BoundaryDistance
from trus.evaluation.measures.lesions import Candidate, LesionCount
from trus.evaluation.measures.reliability import BINS, Reliability
from trus.evaluation.measures.scores import THRESHOLDS, ClassScore, FrameScore


def made_class(
    intersection: int = 0,
    predicted: int = 0,
    reference: int = 0,
    hd95: float = 0.0,
    lesions: int = 0,
    candidates: Sequence[tuple[float, bool]] = (),
    peak: float = 0.0,
) -> ClassScore:
    """One class of a frame; distances are NaN where the reference is empty."""
    known = hd95 if reference else np.nan
    return ClassScore(
        intersection,
        predicted,
        reference,
        BoundaryDistance(known, known / 2, (known / 3, known / 4)),
        LesionCount(lesions, len(candidates), sum(hit for _, hit in candidates)),
        tuple(Candidate(confidence, 10, hit) for confidence, hit in candidates),
        peak,
        Reliability(np.ones(BINS), np.arange(BINS) / BINS, np.zeros(BINS), 1.0),
        np.zeros((2, len(THRESHOLDS)), np.int64),
    )


def made(
    image_id: str,
    patient_id: str | None,
    *classes: ClassScore,
    spacing: tuple[float, float] | None = None,
    seed: int | None = None,
) -> FrameScore:
    """One frame of 100 x 100 px."""
    return FrameScore(image_id, patient_id, (100, 100), spacing, classes, fold=None, seed=seed)


def frame_of(image_id: str = "f0", patient: str | None = "p0", spacing: tuple[float, float] | None = None) -> Frame:
    """A row of a manifest whose files are not looked at."""
    return Frame(2, image_id, Path("i.png"), Path("m.png"), patient, None, spacing, None, None, None)

"""What one frame's prediction is worth: counts, distances, lesions and histograms, small enough to keep for thousands.

The frame's own size is what everything is measured in. A frame whose reference is empty is not scored by overlap or
distance: with a prediction it is a false-positive frame, without one it is counted as both empty.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from trus.data.manifest import Frame
from trus.errors import ModelFileError
from trus.evaluation.measures.boundaries import BoundaryDistance, boundary_distance
from trus.evaluation.measures.lesions import Candidate, LesionCount, count_lesions, find_candidates
from trus.evaluation.measures.reliability import Reliability, measure_reliability
from trus.evaluation.statistics import resampled_unit

Outcome = Literal["scored", "missed", "false positive", "both empty"]

THRESHOLDS = np.arange(1, 20) / 20
"""Where the curve of IoU over the threshold is measured."""
_TOLERANCES: dict[str, tuple[float, ...]] = {"mm": (1.0, 2.0), "px": (5.0, 10.0)}
"""5 and 10 px: 1 mm is some 5 to 10 px of a transrectal frame."""


@dataclass(frozen=True)
class ScoreSettings:
    """How frames are scored. `nsd_tolerances` are mm where the spacing is known, else px; None: 1, 2 mm and 5, 10 px.

    `hit_iou` is the IoU from which a component finds a lesion; `candidates` the most that a frame and class has for
    FROC and average precision, none smaller than `smallest_candidate_px`; `resamples` those of the bootstrap.
    """

    nsd_tolerances: tuple[float, ...] | None = None
    hit_iou: float = 0.1
    candidates: int = 5
    smallest_candidate_px: int = 10
    resamples: int = 4000

    def tolerances(self, unit: str) -> tuple[float, ...]:
        """Tolerances of the surface Dice in that unit."""
        return self.nsd_tolerances or _TOLERANCES[unit]


@dataclass(frozen=True, eq=False)
class ClassScore:
    """One frame and class.

    `boundary` is in the frame's unit, NaN where the reference is empty. `peak` is the highest
    probability, 0..1. `curve` are px (2, T) of intersection and prediction at THRESHOLDS, without post-processing.
    """

    intersection: int
    predicted: int
    reference: int
    boundary: BoundaryDistance
    lesions: LesionCount
    candidates: tuple[Candidate, ...]
    peak: float
    reliability: Reliability
    curve: np.ndarray

    @property
    def outcome(self) -> Outcome:
        """What the empty-mask rules make of it."""
        if self.reference:
            return "scored" if self.predicted else "missed"
        return "false positive" if self.predicted else "both empty"

    @property
    def iou(self) -> float:
        """Intersection over union; NaN where the reference is empty."""
        return self.intersection / (self.predicted + self.reference - self.intersection) if self.reference else np.nan

    @property
    def dice(self) -> float:
        """Dice coefficient; NaN where the reference is empty."""
        return 2 * self.intersection / (self.predicted + self.reference) if self.reference else np.nan

    @property
    def precision(self) -> float:
        """Share of the predicted pixels that are right; NaN where the reference is empty or nothing was predicted."""
        return self.intersection / self.predicted if self.reference and self.predicted else np.nan

    @property
    def recall(self) -> float:
        """Share of the reference's pixels that were predicted; NaN where the reference is empty."""
        return self.intersection / self.reference if self.reference else np.nan


@dataclass(frozen=True, eq=False)
class FrameScore:
    """One network's scores on one frame, a ClassScore for each target; a few kB, picklable.

    `fold` and `seed` say which network where there are several: such scores of one frame are averaged.
    """

    image_id: str
    patient_id: str | None
    size: tuple[int, int]
    spacing: tuple[float, float] | None
    classes: tuple[ClassScore, ...]
    fold: int | None = None
    seed: int | None = None

    @property
    def patient(self) -> str:
        """The group that is resampled; a frame without patient counts as a patient of its own."""
        return resampled_unit(self.patient_id, self.image_id)

    @property
    def unit(self) -> str:
        """Of distances; areas are mm2 or px."""
        return "mm" if self.spacing else "px"

    @property
    def pixel_area(self) -> float:
        """Of one pixel: mm2 where the spacing is known, else 1 px."""
        return self.spacing[0] * self.spacing[1] if self.spacing else 1.0

    @cached_property
    def iou(self) -> float:
        """Mean IoU of the classes that the reference holds, to rank frames; NaN where it holds none."""
        known = [score.iou for score in self.classes if score.reference]
        return float(np.mean(known)) if known else np.nan


def score_frame(
    frame: Frame,
    probabilities: np.ndarray,
    predicted: np.ndarray,
    reference: np.ndarray,
    within: np.ndarray | None,
    settings: ScoreSettings,
    fold: int | None = None,
    seed: int | None = None,
) -> FrameScore:
    """Score one frame: probabilities float32 (K, H, W) in 0..1, predicted and reference bool (K, H, W).

    `predicted` is the mask after thresholds and post-processing. `within`, bool (H, W) or (K, H, W), is where
    calibration is measured (`calibration_area`), None: the whole frame. Raises ValueError when the sizes differ,
    ModelFileError for probabilities outside 0..1 or NaN.
    """
    _check_planes(frame, probabilities, predicted, reference)
    areas = [None] * len(reference) if within is None else np.broadcast_to(within, reference.shape)
    spacing, tolerances = frame.spacing or (1.0, 1.0), settings.tolerances("mm" if frame.spacing else "px")
    planes = zip(probabilities, predicted.astype(bool), reference.astype(bool), areas, strict=True)
    classes = tuple(
        ClassScore(
            intersection=int((mask & truth).sum()),
            predicted=int(mask.sum()),
            reference=int(truth.sum()),
            boundary=boundary_distance(mask, truth, spacing, tolerances),
            lesions=count_lesions(mask, truth, settings.hit_iou),
            candidates=find_candidates(
                said, truth, settings.hit_iou, settings.candidates, settings.smallest_candidate_px
            ),
            peak=float(said.max()),
            reliability=measure_reliability(said, truth, area),
            curve=_threshold_counts(said, truth),
        )
        for said, mask, truth, area in planes
    )
    height, width = reference.shape[1:]
    return FrameScore(frame.image_id, frame.patient_id, (height, width), frame.spacing, classes, fold, seed)


def _check_planes(frame: Frame, probabilities: np.ndarray, predicted: np.ndarray, reference: np.ndarray) -> None:
    if not probabilities.shape == predicted.shape == reference.shape:
        raise ValueError(f"{frame.image_id}: shapes {probabilities.shape}, {predicted.shape}, {reference.shape} differ")
    if not (probabilities.min() >= 0 and probabilities.max() <= 1):  # so written, NaN is found too
        raise ModelFileError(f"{frame.image_id}: the network gives numbers that are no probabilities; train it anew")


def _threshold_counts(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection and predicted px at each of THRESHOLDS, int64 (2, T)."""
    likely = probabilities >= np.float32(THRESHOLDS[0])
    place = np.searchsorted(THRESHOLDS.astype(np.float32), probabilities[likely], side="right")
    counts = [np.bincount(chosen, minlength=len(THRESHOLDS) + 1) for chosen in (place[truth[likely]], place)]
    return np.stack([count[1:][::-1].cumsum()[::-1] for count in counts])

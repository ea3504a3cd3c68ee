"""What an evaluation found, before it is written: the summary, the curves, and the frames for the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trus.evaluation.measures.scores import FrameScore
from trus.evaluation.scoring import Scored
from trus.evaluation.subjects.subject import Subject


@dataclass(frozen=True)
class FrameResult:
    """One frame with the scores of all networks that predicted it."""

    scored: tuple[Scored, ...]

    @property
    def first(self) -> Scored:
        """The first network's."""
        return self.scored[0]

    @property
    def scores(self) -> list[FrameScore]:
        """One a network."""
        return [one.score for one in self.scored]

    @property
    def image_id(self) -> str:
        """Of the manifest."""
        return self.first.frame.image_id

    @property
    def patient_id(self) -> str | None:
        """Of the manifest."""
        return self.first.frame.patient_id

    @property
    def patient(self) -> str:
        """The group that is resampled."""
        return self.first.score.patient

    @cached_property
    def iou(self) -> list[float]:
        """Of each class, the mean of the networks; NaN where the reference does not hold it."""
        rows = [[part.iou for part in score.classes] for score in self.scores]
        return [float(value) for value in np.mean(rows, axis=0)]

    @property
    def mean_iou(self) -> float:
        """Of the classes that the reference holds; NaN where it holds none."""
        known = [value for value in self.iou if not np.isnan(value)]
        return float(np.mean(known)) if known else float("nan")

    @property
    def outcomes(self) -> str:
        """What the empty-mask rules make of the classes, in words."""
        return ", ".join(dict.fromkeys(part.outcome for score in self.scores for part in score.classes))


@dataclass(frozen=True)
class Result:
    """`summary` and `curves` are what summary.json and curves.json hold."""

    subject: Subject
    scored: Sequence[Scored]
    summary: dict[str, Any]
    curves: dict[str, Any]

    @property
    def choice(self) -> list[str]:
        """What was chosen as operating point, in words; nothing where none was asked for."""
        sentences: list[str] = self.summary.get("operating_point", {}).get("sentences", [])
        return sentences

    @cached_property
    def frames(self) -> list[FrameResult]:
        """In the order of scoring."""
        together: dict[str, list[Scored]] = {}
        for one in self.scored:
            together.setdefault(one.frame.image_id, []).append(one)
        return [FrameResult(tuple(group)) for group in together.values()]

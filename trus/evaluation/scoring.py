"""Scoring of everything that a subject predicts, one frame in memory at a time."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trus.data.images import read_mask
from trus.data.manifest import Frame
from trus.evaluation.gains import Gains
from trus.evaluation.measures.calibration import calibration_area
from trus.evaluation.measures.scores import FrameScore, ScoreSettings, score_frame
from trus.evaluation.subjects.subject import Subject


@dataclass(frozen=True)
class Scored:
    """One predicted frame: its scores, its mask (kept small, for the pictures), and where calibration was measured."""

    frame: Frame
    score: FrameScore
    areas: tuple[str, ...]
    packed: bytes

    @property
    def labels(self) -> np.ndarray:
        """The predicted mask, uint8 (H, W)."""
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.score.size)


def score_subject(
    subject: Subject, settings: ScoreSettings, done: Callable[[], Any] = lambda: None
) -> tuple[list[Scored], Gains]:
    """Score every answer; `done` is called after each. Raises TrusError for a frame that cannot be read."""
    gains = Gains(subject.source.stages)
    scored = []
    for answer in subject.source.answers():
        frame = answer.frame
        assert frame.mask is not None
        truth = read_mask(frame.mask)
        reference = subject.reference.planes(truth).astype(bool)
        predicted = subject.source.classes.planes(answer.labels).astype(bool)
        within, areas = calibration_area(subject.reference, truth, frame.region)
        score = score_frame(
            frame, answer.probabilities, predicted, reference, within, settings, answer.fold, answer.seed
        )
        gains.add(answer, subject.source.classes, reference)
        scored.append(Scored(frame, score, areas, zlib.compress(answer.labels.astype(np.uint8).tobytes(), 1)))
        done()
    return scored, gains

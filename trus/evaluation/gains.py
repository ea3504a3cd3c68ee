"""What each further step of a prediction gains over the plain one, frame by frame, and what it costs."""

from collections import defaultdict
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.data.manifest import Frame
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.statistics import bootstrap_mean, resampled_unit
from trus.evaluation.subjects.sources import Answer


class Gains:
    """IoU of every stage of every answer, gathered one answer at a time."""

    def __init__(self, stages: tuple[str, ...]):
        self.stages = stages
        self._iou: dict[str, list[np.ndarray]] = defaultdict(list)
        self._seconds: list[list[float | None]] = []
        self._frames: dict[str, Frame] = {}

    def add(self, answer: Answer, classes: Classes, reference: np.ndarray) -> None:
        """Score the stages of an answer against the reference's planes, bool (K, H, W)."""
        means = [
            np.mean([Overlap.of(classes.planes(labels), reference).iou[0] for labels in stage.labels], axis=0)
            for stage in answer.stages
        ]
        self._iou[answer.frame.image_id].append(np.stack(means))
        self._frames[answer.frame.image_id] = answer.frame
        self._seconds.append([stage.seconds for stage in answer.stages])

    def table(self, resamples: int) -> list[dict[str, Any]]:
        """A row a stage: mean per-image IoU, its paired gain over the first stage, and seconds a frame.

        Intervals are over patients. The gain is a mean of differences within frames, so that it has an interval of its
        own, narrower than that of either score.
        """
        frames = list(self._frames.values())
        patients = [resampled_unit(f.patient_id, f.image_id) for f in frames]
        iou = np.stack([np.mean(self._iou[frame.image_id], axis=0) for frame in frames])  # (N, S, K)
        rows = []
        for n, name in enumerate(self.stages):
            gain = bootstrap_mean(iou[:, n] - iou[:, 0], patients, resamples).to_dict() if n else None
            value = bootstrap_mean(iou[:, n], patients, resamples).to_dict()
            rows.append({"name": name, "iou": value, "gain": gain, "seconds": self._time(n)})
        return rows

    def _time(self, stage: int) -> float | None:
        """The median: the first frames of a network are slower, and other work disturbs single ones."""
        known = [seconds[stage] for seconds in self._seconds if seconds[stage] is not None]
        return float(np.median(known)) if known else None  # type: ignore[arg-type]

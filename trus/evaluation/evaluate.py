"""A predictor against reference masks, in the frames' own size."""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Frame
from trus.errors import ModelFileError
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.statistics import Estimate, bootstrap_mean, resampled_unit
from trus.files import write_text
from trus.inference.predictor import Predictor


@dataclass(frozen=True)
class Evaluation:
    """Pixel counts of N annotated frames and K classes, and what follows from them."""

    frames: list[Frame]
    targets: tuple[str, ...]
    overlap: Overlap

    @property
    def patients(self) -> list[str]:
        """The patient of each frame; a frame without one counts as a patient of its own."""
        return [resampled_unit(f.patient_id, f.image_id) for f in self.frames]

    @property
    def grouped(self) -> bool:
        """Does every frame have a patient?"""
        return all(frame.patient_id for frame in self.frames)

    def iou(self, resamples: int = 4000) -> Estimate:
        """The headline number: mean per-image IoU, averaged over classes."""
        return bootstrap_mean(self.overlap.iou, self.patients, resamples)

    def summary(self, resamples: int = 4000) -> dict[str, Any]:
        """Mean IoU and Dice with intervals, pooled IoU and the frames that no mean holds; per class and together."""
        parts = {name: slice(k, k + 1) for k, name in enumerate(self.targets)}
        classes = {name: self._part(part, resamples) for name, part in parts.items()}
        together = self._part(slice(None), resamples) if len(self.targets) > 1 else classes[self.targets[0]]
        return {"grouped_by_patient": self.grouped, "all": together, "classes": classes}

    def rank(self) -> list[int]:
        """Indices of the scored frames from the worst mean IoU to the best."""
        scored = self.overlap.scored.any(1)
        mean = np.nansum(self.overlap.iou, 1) / np.maximum(self.overlap.scored.sum(1), 1)
        return sorted(np.flatnonzero(scored).tolist(), key=lambda i: (mean[i], self.frames[i].image_id))

    def write_csv(self, path: Path) -> None:
        """One row a frame and class, atomically; iou and dice are empty where the reference is."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["image_id", "patient_id", "class", "iou", "dice", "intersection_px", "predicted_px", "reference_px", "outcome"])  # fmt: skip  # noqa: E501
        for i, frame in enumerate(self.frames):
            for k, name in enumerate(self.targets):
                scores = [f"{value:.6f}" if self.overlap.scored[i, k] else "" for value in self._scores(i, k)]
                counts = [self.overlap.intersection[i, k], self.overlap.predicted[i, k], self.overlap.reference[i, k]]
                writer.writerow([frame.image_id, frame.patient_id or "", name, *scores, *counts, self._outcome(i, k)])
        write_text(path, text.getvalue())

    def _scores(self, i: int, k: int) -> tuple[float, float]:
        return self.overlap.iou[i, k], self.overlap.dice[i, k]

    def _outcome(self, i: int, k: int) -> str:
        for name in ("both_empty", "false_positive", "missed"):
            if getattr(self.overlap, name)[i, k]:
                return name.replace("_", " ")
        return "scored"

    def _part(self, part: slice, resamples: int) -> dict[str, Any]:
        overlap = Overlap(*(getattr(self.overlap, f)[:, part] for f in ("intersection", "predicted", "reference")))
        pooled = overlap.pooled_iou
        return {
            "iou": bootstrap_mean(overlap.iou, self.patients, resamples).to_dict(),
            "dice": bootstrap_mean(overlap.dice, self.patients, resamples).to_dict(),
            "pooled_iou": None if np.isnan(pooled).all() else float(np.nanmean(pooled)),
            "frames": len(self.frames),
            "missed": int(overlap.missed.sum()),
            "both_empty": int(overlap.both_empty.sum()),
            "false_positive_frames": int(overlap.false_positive.any(1).sum()),
        }


def evaluate(predictor: Predictor, frames: list[Frame], classes: Classes) -> Evaluation:
    """Predict every annotated frame and compare; `classes` are the manifest's.

    Raises ModelFileError when the manifest lacks a class of the model.
    """
    missing = set(predictor.classes.targets) - set(classes.values)
    if missing:
        raise ModelFileError(
            f"{predictor.path}: segments {sorted(missing)}, which the manifest's classes.json does not name: "
            f"{[*classes.values]}"
        )
    reference = replace(classes, targets=predictor.classes.targets)
    frames = [frame for frame in frames if frame.mask is not None]
    counts = []
    for frame in frames:
        labels = predictor.predict(read_frame(frame.image), frame.region, frame.spacing).labels
        counts.append(Overlap.of(predictor.classes.planes(labels), reference.planes(read_mask(frame.mask))))  # type: ignore[arg-type]
    return Evaluation(frames, predictor.classes.targets, Overlap.stack(counts))

"""The project's per-image and pooled scores as one torchmetrics Metric, from three counts a frame and class."""

import numpy as np
import torch
from torchmetrics import Metric

from trus.evaluation.measures.metrics import Overlap


class OverlapMetrics(Metric):
    """Mean per-image IoU and Dice over the frames whose reference holds the class, and per class.

    `compute` gives {"STAGE/iou", "STAGE/dice", and with several classes "STAGE/iou_CLASS", "STAGE/dice_CLASS"}; a
    class that no reference holds is left out, and with no class at all they are missing. `pooled` adds pooled_iou,
    precision and recall over all pixels of all frames, averaged over the classes; a class without a pixel counts 0.
    """

    full_state_update = False
    intersection: list[torch.Tensor]
    predicted: list[torch.Tensor]
    reference: list[torch.Tensor]

    def __init__(self, stage: str, classes: tuple[str, ...], pooled: bool):
        super().__init__()
        self.stage, self.classes, self.pooled = stage, classes, pooled
        for state in ("intersection", "predicted", "reference"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, predicted: torch.Tensor, reference: torch.Tensor) -> None:
        """Two float32 tensors (N, K, H, W) of 0 and 1, H * W at most 2 ** 24, to which float32 counts exactly."""
        # sums of int64 or bool take three times as long
        self.intersection.append((predicted * reference).sum((2, 3)).long())
        self.predicted.append(predicted.sum((2, 3)).long())
        self.reference.append(reference.sum((2, 3)).long())

    def compute(self) -> dict[str, float]:
        """Means over frames, then over classes."""
        if not len(self.reference):
            return {}
        overlap = Overlap(*(_gather(state) for state in (self.intersection, self.predicted, self.reference)))
        result = self._per_image(overlap) | (_pooled(overlap) if self.pooled else {})
        return {f"{self.stage}/{name}": value for name, value in result.items()}

    def _per_image(self, overlap: Overlap) -> dict[str, float]:
        held = [k for k in range(len(self.classes)) if overlap.scored[:, k].any()]
        result = {}
        for name, values in (("iou", overlap.iou), ("dice", overlap.dice)):
            means = {k: float(np.nanmean(values[:, k])) for k in held}
            if means:
                result[name] = float(np.mean([*means.values()]))
            if len(self.classes) > 1:
                result |= {f"{name}_{self.classes[k]}": mean for k, mean in means.items()}
        return result


def stage_metrics(stage: str, classes: tuple[str, ...]) -> OverlapMetrics:
    """The metrics of one stage, `train` or `val`."""
    return OverlapMetrics(stage, classes, pooled=stage == "val")


def _pooled(overlap: Overlap) -> dict[str, float]:
    intersection = overlap.intersection.sum(0)
    whole = {"pooled_iou": overlap.union, "precision": overlap.predicted, "recall": overlap.reference}
    return {name: float(np.mean(intersection / np.maximum(pixels.sum(0), 1))) for name, pixels in whole.items()}


def _gather(state: list[torch.Tensor] | torch.Tensor) -> np.ndarray:
    return (torch.cat(state) if isinstance(state, list) else state).cpu().numpy()

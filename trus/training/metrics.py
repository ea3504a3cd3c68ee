"""The project's per-image IoU and Dice as a torchmetrics Metric, beside torchmetrics' own pooled ones."""

import numpy as np
import torch
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MultilabelJaccardIndex, MultilabelPrecision, MultilabelRecall

from trus.evaluation.metrics import Overlap


class PerImageOverlap(Metric):
    """Mean per-image IoU and Dice over the frames whose reference holds the class, and per class.

    `compute` gives {"iou", "dice", "iou_CLASS", "dice_CLASS"}; a class that no reference holds is left out, and
    with no class at all the dictionary is empty.
    """

    full_state_update = False
    intersection: list[torch.Tensor]
    predicted: list[torch.Tensor]
    reference: list[torch.Tensor]

    def __init__(self, classes: tuple[str, ...]):
        super().__init__()
        self.classes = classes
        for state in ("intersection", "predicted", "reference"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, predicted: torch.Tensor, reference: torch.Tensor) -> None:
        """Two int64 tensors (N, K, H, W) of 0 and 1."""
        self.intersection.append((predicted & reference).sum((2, 3)))
        self.predicted.append(predicted.sum((2, 3)))
        self.reference.append(reference.sum((2, 3)))

    def compute(self) -> dict[str, float]:
        """Means over frames, then over classes."""
        if not len(self.reference):
            return {}
        overlap = Overlap(*(_gather(state) for state in (self.intersection, self.predicted, self.reference)))
        held = [k for k in range(len(self.classes)) if overlap.scored[:, k].any()]
        result = {}
        for name, values in (("iou", overlap.iou), ("dice", overlap.dice)):
            means = {k: float(np.nanmean(values[:, k])) for k in held}
            if means:
                result[name] = float(np.mean([*means.values()]))
            if len(self.classes) > 1:
                result |= {f"{name}_{self.classes[k]}": mean for k, mean in means.items()}
        return result


def stage_metrics(stage: str, classes: tuple[str, ...]) -> MetricCollection:
    """The metrics of one stage, their names prefixed by `stage/`."""
    metrics: dict[str, Metric | MetricCollection] = {"overlap": PerImageOverlap(classes)}
    if stage == "val":
        count = len(classes)
        metrics |= {
            "pooled_iou": MultilabelJaccardIndex(count, validate_args=False),
            "precision": MultilabelPrecision(count, validate_args=False),
            "recall": MultilabelRecall(count, validate_args=False),
        }
    return MetricCollection(metrics, prefix=f"{stage}/", compute_groups=False)


def _gather(state: list[torch.Tensor] | torch.Tensor) -> np.ndarray:
    return (torch.cat(state) if isinstance(state, list) else state).cpu().numpy()

"""Out-of-fold predictions with their references, and the IoU that candidates reach on them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_mask
from trus.data.manifest import Frame
from trus.errors import ManifestError
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.operating_point.candidates import class_reach, count_rules, count_thresholds
from trus.evaluation.predictions import LEVELS, Predictions
from trus.evaluation.statistics import resampled_unit
from trus.inference.postprocessing import Rule, decide

PARTS_OF_A_HOLDOUT = 5


@dataclass(frozen=True)
class Item:
    """One network's prediction of one frame that it was not trained on."""

    frame: Frame
    fold: int
    predictions: Predictions

    @property
    def patient(self) -> str:
        """Its patient; a frame without one counts as a patient of its own."""
        return resampled_unit(self.frame.patient_id, self.frame.image_id)


class Evidence:
    """M predictions of N annotated frames, K classes. Arrays over predictions are (M, ...), over frames (N, ...).

    Raises ManifestError where a prediction has no frame, or not the frame's size.
    """

    def __init__(
        self,
        parts: Sequence[tuple[int, Predictions]],
        frames: Sequence[Frame],
        classes: Classes,
        done: Callable[[], Any],
    ):
        known = {frame.image_id: frame for frame in frames}
        if missing := sorted({i for _, predictions in parts for i in predictions if i not in known}):
            raise ManifestError(f"{len(missing)} predicted frames are not in the manifest: {', '.join(missing[:5])}")
        annotated = [(fold, p, known[i]) for fold, p in parts for i in p if known[i].mask is not None]
        self.items = [Item(frame, fold, p) for fold, p, frame in annotated]
        if not self.items:
            raise ManifestError("no annotated frame among the out-of-fold predictions; nothing can be chosen")
        self.classes = classes.select(self.items[0].predictions.targets)
        self._done = done

    @cached_property
    def owner(self) -> np.ndarray:
        """Number of each prediction's frame, int (M,)."""
        return np.unique([item.frame.image_id for item in self.items], return_inverse=True)[1]

    @cached_property
    def patients(self) -> list[str]:
        """The patient of each frame, N names."""
        first = np.unique(self.owner, return_index=True)[1]
        return [self.items[m].patient for m in first]

    @cached_property
    def group(self) -> np.ndarray:
        """What is left out as one, int (M,): a prediction's fold; where there is but one, a fifth of the patients."""
        folds = sorted({item.fold for item in self.items})
        if len(folds) > 1:
            return np.array([folds.index(item.fold) for item in self.items])
        return np.unique([item.patient for item in self.items], return_inverse=True)[1] % PARTS_OF_A_HOLDOUT

    @cached_property
    def names(self) -> list[str]:
        """What the groups are called."""
        folds = sorted({item.fold for item in self.items})
        return [f"fold {f}" for f in folds] if len(folds) > 1 else [f"part {g}" for g in np.unique(self.group)]

    def others(self, group: int) -> np.ndarray:
        """Predictions of patients that are not in the group, bool (M,): what may choose for it."""
        inside = {item.patient for item, g in zip(self.items, self.group, strict=True) if g == group}
        return np.array([item.patient not in inside for item in self.items])

    def per_frame(self, values: np.ndarray) -> np.ndarray:
        """(M, ...) -> (N, ...): several predictions of a frame are averaged; NaN where it is not scored."""
        total = np.zeros((self.owner.max() + 1, *values.shape[1:]))
        np.add.at(total, self.owner, values)
        return total / np.bincount(self.owner).reshape(-1, *[1] * (values.ndim - 1))

    def read(self) -> Iterator[tuple[Item, np.ndarray, np.ndarray]]:
        """Each item with probabilities float32 (K, H, W) and reference bool (K, H, W), one in memory at a time."""
        for item in self.items:
            assert item.frame.mask is not None
            probabilities = item.predictions[item.frame.image_id]
            reference = self.classes.planes(read_mask(item.frame.mask)).astype(bool)
            if reference.shape != probabilities.shape:
                raise ManifestError(
                    f"{item.frame.image_id}: its mask is {reference.shape[1:]} px, it was predicted at "
                    f"{probabilities.shape[1:]}; train again"
                )
            yield item, probabilities, reference
            self._done()

    def mean(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Values (M, C) -> mean (C,) over the frames of the predictions `chosen`, bool (M,); NaN where none counts."""
        owners, owner = np.unique(self.owner[chosen], return_inverse=True)
        total = np.zeros((len(owners), values.shape[1]))
        np.add.at(total, owner, values[chosen])
        frames = total / np.bincount(owner, minlength=len(owners))[:, None]
        scored = ~np.isnan(frames).any(1)
        return frames[scored].mean(0) if scored.any() else np.full(values.shape[1], np.nan)

    def threshold_overlap(self, threshold: float) -> tuple[Overlap, list[int]]:
        """Counts (M, K, 256), each class at the thresholds n / 256, the others at `threshold`; and frames' areas.

        An area is that of the frame's region, where it has one, in px.
        """
        counts, areas = [], []
        for item, probabilities, reference in self.read():
            levels = np.floor(probabilities * LEVELS).astype(np.uint8)
            reaches = [class_reach(probabilities, self.classes, k, threshold) for k in range(len(levels))]
            pairs = [count_thresholds(levels[k], *reaches[k], reference[k]) for k in range(len(levels))]
            counts.append(_overlap(pairs, reference))
            x0, y0, x1, y1 = item.frame.region or (0, 0, reference.shape[2], reference.shape[1])
            areas.append((x1 - x0) * (y1 - y0))
        return Overlap.stack(counts), areas

    def rule_iou(self, k: int, rules: Sequence[Rule], levels: Sequence[int], others: float) -> dict[int, np.ndarray]:
        """IoU (M, R) of class `k` by each rule at each threshold level / 256, the other classes at `others`."""
        found: dict[int, list[np.ndarray]] = {level: [] for level in levels}
        for item, probabilities, reference in self.read():
            always, possible = class_reach(probabilities, self.classes, k, others)
            for level in levels:
                plane = np.where(probabilities[k] >= level / LEVELS, possible, always)
                pair = count_rules(plane, reference[k], rules, item.frame.spacing)
                found[level].append(_overlap([pair], reference[k : k + 1]).iou[0])
        return {level: np.concatenate(values) for level, values in found.items()}

    def decided_overlap(self, choices: Sequence[tuple[Sequence[float], dict[str, Rule]]]) -> Overlap:
        """Counts (M, K) of the masks as a predictor decides them; `choices` are (thresholds, rules) a prediction."""
        counts = []
        for (thresholds, rules), (item, probabilities, reference) in zip(choices, self.read(), strict=True):
            labels = decide(probabilities, self.classes, [*thresholds], rules, item.frame.spacing)
            counts.append(Overlap.of(self.classes.planes(labels), reference))
        return Overlap.stack(counts)


def _overlap(pairs: Sequence[tuple[np.ndarray, np.ndarray]], reference: np.ndarray) -> Overlap:
    """(intersection, predicted) of each class, (C,) each -> counts (1, K, C)."""
    intersection, predicted = (np.stack(part)[None] for part in zip(*pairs, strict=True))
    area = reference.sum((1, 2), dtype=np.int64)[None, :, None]
    return Overlap(intersection, predicted, np.broadcast_to(area, intersection.shape))

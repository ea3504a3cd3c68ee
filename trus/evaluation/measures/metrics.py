"""Overlap of predicted and reference masks, frame by frame, with the empty-mask rules in one place."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Overlap:
    """Pixel counts of N frames and K classes, each int64 (N, K)."""

    intersection: np.ndarray
    predicted: np.ndarray
    reference: np.ndarray

    @classmethod
    def of(cls, predicted: np.ndarray, reference: np.ndarray) -> "Overlap":
        """Count one frame: two 0/1 arrays (K, H, W) -> counts (1, K)."""
        predicted, reference = predicted.astype(bool), reference.astype(bool)
        counts = [plane.sum((1, 2), dtype=np.int64)[None] for plane in (predicted & reference, predicted, reference)]
        return cls(*counts)

    @classmethod
    def stack(cls, parts: list["Overlap"]) -> "Overlap":
        """Several frames' counts in one, in order."""
        fields = ("intersection", "predicted", "reference")
        return cls(*(np.concatenate([getattr(part, field) for part in parts]) for field in fields))

    @property
    def union(self) -> np.ndarray:
        """Pixels in either mask, int64 (N, K)."""
        return self.predicted + self.reference - self.intersection

    @property
    def scored(self) -> np.ndarray:
        """Where the reference holds the class, bool (N, K): the frames that the means are over, whatever the model."""
        return self.reference > 0

    @property
    def false_positive(self) -> np.ndarray:
        """Where the class was predicted though the reference has none of it, bool (N, K)."""
        return ~self.scored & (self.predicted > 0)

    @property
    def both_empty(self) -> np.ndarray:
        """Where neither mask has the class, bool (N, K)."""
        return ~self.scored & (self.predicted == 0)

    @property
    def missed(self) -> np.ndarray:
        """Where the reference has the class and the prediction none of it, bool (N, K); scores 0."""
        return self.scored & (self.predicted == 0)

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union, float64 (N, K); NaN where the reference is empty."""
        return np.where(self.scored, self.intersection / np.maximum(self.union, 1), np.nan)

    @property
    def dice(self) -> np.ndarray:
        """Dice coefficient, float64 (N, K); NaN where the reference is empty."""
        total = self.predicted + self.reference
        return np.where(self.scored, 2 * self.intersection / np.maximum(total, 1), np.nan)

    @property
    def pooled_iou(self) -> np.ndarray:
        """IoU of all pixels of all frames together, float64 (K,); NaN for a class that no mask holds."""
        union = self.union.sum(0)
        return np.where(union > 0, self.intersection.sum(0) / np.maximum(union, 1), np.nan)

"""Losses for one sigmoid channel a class, each `(logits, targets) -> scalar`.

Written here and not taken from segmentation-models-pytorch 0.6, whose Dice and Tversky give a class that is absent
from the batch no gradient at all, whose focal Tversky takes its power after averaging the classes, whose focal loss
has a NaN gradient for focusing powers below 1, and whose Lovász hinge ranks the pixels of all classes together.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trus.errors import ConfigError

_PIXELS = (0, 2, 3)
# A fractional power has an infinite slope at 0, which is where a perfect pixel is.
_EPS = 1e-6


class SegmentationLoss(nn.Module):
    """Weighted mean over the classes of `per_class`, computed in float32 under autocast too.

    `class_weights`: K weights, none negative and not all 0; None weighs all classes alike. Raises `ConfigError` for
    other weights, and at the first batch for a number of weights or shapes that do not fit it.
    """

    class_weights: Tensor | None

    def __init__(self, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        weights = None if class_weights is None else torch.tensor([float(weight) for weight in class_weights])
        if weights is not None and not (weights.isfinite().all() and weights.min() >= 0 and weights.sum() > 0):
            raise ConfigError(f"loss.class_weights={weights.tolist()}: none may be negative, and not all of them 0")
        # Not part of a checkpoint: the config holds it.
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """`logits`: (N, K, H, W), any float type; `targets`: (N, K, H, W) of 0 and 1. Returns a float32 scalar."""
        self._check(logits, targets)
        with torch.autocast(logits.device.type, enabled=False):
            losses = self.per_class(logits.float(), targets.float())
            if self.class_weights is None:
                return losses.mean()
            return (losses * self.class_weights).sum() / self.class_weights.sum()

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        raise NotImplementedError

    def _check(self, logits: Tensor, targets: Tensor) -> None:
        if logits.ndim != 4 or logits.shape != targets.shape:
            raise ConfigError(
                f"the loss takes logits and targets of one shape (N, K, H, W), "
                f"not {tuple(logits.shape)} and {tuple(targets.shape)}"
            )
        if self.class_weights is not None and len(self.class_weights) != logits.shape[1]:
            raise ConfigError(
                f"loss.class_weights has {len(self.class_weights)} weights, the network has {logits.shape[1]} classes"
            )


class DiceBCE(SegmentationLoss):
    """Soft Dice over the batch (Milletari et al., 3DV 2016) plus binary cross-entropy; the source team's loss."""

    def __init__(
        self, dice_weight: float = 1.0, bce_weight: float = 1.0, class_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(class_weights)
        self.dice_weight = dice_weight
        self.bce_weight = bce_weight

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        dice = _overlap_loss(logits.sigmoid(), targets, missed=0.5, false=0.5)
        return self.dice_weight * dice + self.bce_weight * _cross_entropy(logits, targets).mean(_PIXELS)


class DiceFocal(SegmentationLoss):
    """Soft Dice plus focal loss (Lin et al., ICCV 2017).

    `gamma`: focusing power, at least 0 (0 is cross-entropy). `alpha`: weight in [0, 1] of the pixels of the class,
    1 - alpha that of the others; None weighs both 1.
    """

    def __init__(
        self,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        gamma: float = 2.0,
        alpha: float | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(class_weights)
        _check_range("gamma", gamma, 0.0, 10.0)
        if alpha is not None:
            _check_range("alpha", alpha, 0.0, 1.0)
        self.dice_weight = dice_weight
        self.focal_weight = focal_weight
        self.gamma = gamma
        self.alpha = alpha

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        dice = _overlap_loss(logits.sigmoid(), targets, missed=0.5, false=0.5)
        focal = _wrongness(logits, targets).pow(self.gamma) * _cross_entropy(logits, targets)
        if self.alpha is not None:
            focal = focal * (self.alpha * targets + (1 - self.alpha) * (1 - targets))
        return self.dice_weight * dice + self.focal_weight * focal.mean(_PIXELS)


class FocalTversky(SegmentationLoss):
    """Focal Tversky loss, (1 - Tversky index) ** (1 / gamma) of every class (Abraham & Khan, ISBI 2019).

    `alpha`, `beta`: weights of missed and of falsely marked pixels, at least 0 (the paper: 0.7, 0.3). `gamma`: in
    [1, 3] (the paper: 4/3); above 1 it stresses classes that overlap badly less than those that nearly fit.
    """

    def __init__(
        self,
        alpha: float = 0.7,
        beta: float = 0.3,
        gamma: float = 4 / 3,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(class_weights)
        _check_range("alpha", alpha, 0.0, 10.0)
        _check_range("beta", beta, 0.0, 10.0)
        _check_range("gamma", gamma, 1.0, 3.0)
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        return _overlap_loss(logits.sigmoid(), targets, missed=self.alpha, false=self.beta, power=1 / self.gamma)


class UnifiedFocal(SegmentationLoss):
    """Unified Focal loss (Yeung et al., CMIG 2022), every channel a problem of class against background.

    `weight`: share of the focal Tversky term in [0, 1], the rest is the focal term. `delta`: weight of missed pixels
    against falsely marked ones, in [0, 1]. `gamma`: in [0, 1), suppresses easy pixels (power gamma) and stresses
    overlap that nearly fits (power 1 - gamma), as in the authors' code. `asymmetric`: suppress only background
    pixels and stress only the class.
    """

    def __init__(
        self,
        weight: float = 0.5,
        delta: float = 0.6,
        gamma: float = 0.5,
        asymmetric: bool = True,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(class_weights)
        _check_range("weight", weight, 0.0, 1.0)
        _check_range("delta", delta, 0.0, 1.0)
        _check_range("gamma", gamma, 0.0, 0.99)
        self.weight = weight
        self.delta = delta
        self.gamma = gamma
        self.asymmetric = asymmetric

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        return self.weight * self._tversky(logits, targets) + (1 - self.weight) * self._focal(logits, targets)

    def _tversky(self, logits: Tensor, targets: Tensor) -> Tensor:
        miss, false, power = self.delta, 1 - self.delta, 1 - self.gamma
        inside = _overlap_loss(logits.sigmoid(), targets, missed=miss, false=false, power=power)
        background_power = 1.0 if self.asymmetric else power
        outside = _overlap_loss((-logits).sigmoid(), 1 - targets, missed=miss, false=false, power=background_power)
        return (inside + outside) / 2

    def _focal(self, logits: Tensor, targets: Tensor) -> Tensor:
        suppressed = _wrongness(logits, targets).pow(self.gamma)
        inside = self.delta * targets * (1.0 if self.asymmetric else suppressed)
        outside = (1 - self.delta) * (1 - targets) * suppressed
        return ((inside + outside) * _cross_entropy(logits, targets)).mean(_PIXELS)


class Lovasz(SegmentationLoss):
    """Lovász hinge of every class over the batch (Berman et al., CVPR 2018), plus cross-entropy where asked for.

    A class that is absent from the batch gets the mean hinge of its pixels: the Lovász extension would have a
    gradient at the single worst one.
    """

    def __init__(
        self, lovasz_weight: float = 1.0, bce_weight: float = 0.0, class_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(class_weights)
        self.lovasz_weight = lovasz_weight
        self.bce_weight = bce_weight

    def per_class(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Float32 (N, K, H, W) twice -> (K,)."""
        hinge = _lovasz_hinge(logits.transpose(0, 1).flatten(1), targets.transpose(0, 1).flatten(1))
        return self.lovasz_weight * hinge + self.bce_weight * _cross_entropy(logits, targets).mean(_PIXELS)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def _wrongness(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - p_t, the probability that goes to the wrong side, without the cancellation of 1 - p."""
    return torch.sigmoid((1 - 2 * targets) * logits).clamp_min(_EPS)


def _overlap_loss(probability: Tensor, targets: Tensor, *, missed: float, false: float, power: float = 1.0) -> Tensor:
    """Return (1 - Tversky index) ** power of every class over the batch, (K,); with two weights of 0.5, of Dice.

    A class that is absent from the batch has an index of 0 whatever is predicted, and no gradient: its loss is the
    mean of `probability` instead, also 0 when perfect and 1 at worst.
    """
    true_positive = (probability * targets).sum(_PIXELS)
    false_negative = ((1 - probability) * targets).sum(_PIXELS)
    false_positive = (probability * (1 - targets)).sum(_PIXELS)
    weighted_errors = missed * false_negative + false * false_positive
    distance = weighted_errors / (true_positive + weighted_errors).clamp_min(_EPS)
    loss = distance if power == 1.0 else distance.clamp_min(_EPS).pow(power)
    return torch.where(targets.sum(_PIXELS) > 0, loss, probability.mean(_PIXELS))


def _lovasz_hinge(logits: Tensor, targets: Tensor) -> Tensor:
    """(K, pixels) twice -> (K,): the Lovász extension of the Jaccard loss at the hinge errors, algorithm 1."""
    errors = 1 - (2 * targets - 1) * logits
    errors, order = errors.sort(dim=1, descending=True)
    sorted_targets = targets.gather(1, order)
    total = targets.sum(1, keepdim=True)
    jaccard = 1 - (total - sorted_targets.cumsum(1)) / (total + (1 - sorted_targets).cumsum(1))
    slope = torch.diff(jaccard, dim=1, prepend=torch.zeros_like(total))
    hinge = errors.relu()
    return torch.where(total.squeeze(1) > 0, (hinge * slope).sum(1), hinge.mean(1))


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"loss.{name}={value}: must be from {low:g} to {high:g}")

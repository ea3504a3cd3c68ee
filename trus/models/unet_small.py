"""A small U-Net for weak computers: after Ronneberger et al. (MICCAI 2015), dilated below (Yu & Koltun 2016)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trus.errors import ConfigError
from trus.models.network import Network, check_counts
from trus.models.weights import initialise


def build(
    widths: Sequence[int] = (16, 32, 64, 128),
    context: Sequence[int] = (1, 2, 4),
    *,
    in_channels: int,
    classes: int,
    encoder_weights: str | None,
) -> Network:
    """Build the small U-Net, (N, in_channels, H, W) -> logits (N, classes, H, W).

    `widths`: channels of the levels at full, half, quarter ... size, at most 5 levels. `context`: dilations of the
    convolutions below the last level. `encoder_weights`: None or the path of a checkpoint of the same network; there
    are no published ones. Raises `ConfigError` for wrong widths or `imagenet`, `WeightsError` for weights that do not
    fit.
    """
    check_counts(in_channels, classes)
    # Five levels and the bottom below them reach 1/32 of the size.
    if not 1 <= len(widths) <= 5 or min(widths) < 1 or not context or min(context) < 1:
        raise ConfigError(f"model.widths={list(widths)}, model.context={list(context)}: 1 to 5 widths, all at least 1")
    body = UNetSmall(in_channels, classes, tuple(widths), tuple(context))
    initialise(body.encoder, encoder_weights, published={})
    return Network(body, in_channels=in_channels, classes=classes)


def _convolution(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    # BatchNorm and ReLU fold into the convolution when the network is exported or quantised; GroupNorm does not.
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Encoder(nn.Module):
    """(N, C, H, W) -> features of every level, finest first, then those of the bottom at half the last level's size."""

    def __init__(self, in_channels: int, widths: Sequence[int], context: Sequence[int]) -> None:
        super().__init__()
        inputs = [in_channels, *widths[:-1]]
        self.levels = nn.ModuleList(
            nn.Sequential(_convolution(before, width), _convolution(width, width))
            for before, width in zip(inputs, widths, strict=True)
        )
        self.bottom = nn.Sequential(*(_convolution(widths[-1], widths[-1], dilation) for dilation in context))

    def forward(self, image: Tensor) -> list[Tensor]:
        """`image`: (N, C, H, W). Returns len(widths) + 1 tensors, each half the size of the one before."""
        features = []
        for level in self.levels:
            image = level(image)
            features.append(image)
            image = F.max_pool2d(image, 2)
        return [*features, self.bottom(image)]


class DecoderLevel(nn.Module):
    """Join the features from below, (N, B, H, W), with those of this level, (N, S, 2H, 2W), into (N, S, 2H, 2W)."""

    def __init__(self, below: int, skip: int) -> None:
        super().__init__()
        # Narrowing before the upsampling costs a quarter of narrowing after it.
        self.narrow = nn.Sequential(nn.Conv2d(below, skip, 1, bias=False), nn.BatchNorm2d(skip), nn.ReLU(inplace=True))
        self.join = _convolution(2 * skip, skip)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """`below`: (N, B, H, W), `skip`: (N, S, 2H, 2W). Returns (N, S, 2H, 2W)."""
        upsampled = F.interpolate(self.narrow(below), scale_factor=2.0, mode="nearest")
        return self.join(torch.cat([upsampled, skip], dim=1))


class UNetSmall(nn.Module):
    """(N, C, H, W) -> logits (N, K, H, W); H and W are multiples of 2 ** len(widths)."""

    def __init__(self, in_channels: int, classes: int, widths: Sequence[int], context: Sequence[int]) -> None:
        super().__init__()
        self.encoder = Encoder(in_channels, widths, context)
        below = [widths[-1], *reversed(widths[1:])]
        self.decoder = nn.ModuleList(
            DecoderLevel(before, skip) for before, skip in zip(below, reversed(widths), strict=True)
        )
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """`image`: (N, C, H, W). Returns logits (N, K, H, W)."""
        *skips, features = self.encoder(image)
        for level, skip in zip(self.decoder, reversed(skips), strict=True):
            features = level(features, skip)
        return self.head(features)

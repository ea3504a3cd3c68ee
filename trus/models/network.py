"""The contract that every network of trus keeps."""

import torch
from torch import Tensor, nn

from trus.errors import ConfigError
from trus.models.depthwise import DepthwiseGradients

STRIDE = 32


class Network(nn.Module):
    """`(N, in_channels, H, W)` float32 -> logits `(N, classes, H, W)` float32, one sigmoid channel a class.

    `body` does the work and returns logits at the size of its input. H and W are multiples of 32; anything else,
    or a wrong number of channels, raises `ConfigError` with the setting to change. The logits are float32 under
    autocast too, so that losses and metrics see one precision.
    """

    def __init__(self, body: nn.Module, *, in_channels: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.in_channels = in_channels
        self.classes = classes

    def forward(self, image: Tensor) -> Tensor:
        """`image`: (N, in_channels, H, W). Returns logits (N, classes, H, W), float32."""
        # An exported graph has its height and width fixed, and the check would only tie down the dynamic batch.
        if not (torch.jit.is_tracing() or torch.compiler.is_exporting()):
            check_input_shape(image, self.in_channels)
        # in training alone: an exported graph holds plain convolutions
        if self.training and image.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with DepthwiseGradients():
                return self.body(image).float()
        return self.body(image).float()


def check_input_shape(image: Tensor, in_channels: int) -> None:
    """Raise `ConfigError`, naming the way out, unless `image` is (N, in_channels, 32 a, 32 b)."""
    if image.ndim != 4 or image.shape[1] != in_channels:
        raise ConfigError(
            f"the network takes images of shape (N, {in_channels}, H, W), not {tuple(image.shape)}: "
            "set preprocessing.channels to the number that the network was built with"
        )
    height, width = image.shape[-2:]
    good = [max(1, -(-side // STRIDE)) * STRIDE for side in (height, width)]
    if [height, width] != good:
        raise ConfigError(
            f"the image is {height} x {width} (height x width), the network takes multiples of {STRIDE}: "
            f"pad or set preprocessing.size to {good}"
        )


def check_counts(in_channels: int, classes: int) -> None:
    """Raise `ConfigError` unless both are at least 1."""
    for name, count in (("in_channels", in_channels), ("classes", classes)):
        if count < 1:
            raise ConfigError(f"{name} is {count}: a network needs at least 1")

"""SegFormer of transformers (Xie et al., NeurIPS 2021), its logits brought back to the size of the image."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from trus.errors import ConfigError
from trus.models.network import Network, check_counts
from trus.models.weights import hub_file, initialise

# Table 6 of the paper: depths, widths of the four stages, width of the decoder.
_SIZES = {
    "b0": ([2, 2, 2, 2], [32, 64, 160, 256], 256),
    "b1": ([2, 2, 2, 2], [64, 128, 320, 512], 256),
    "b2": ([3, 4, 6, 3], [64, 128, 320, 512], 768),
    "b3": ([3, 4, 18, 3], [64, 128, 320, 512], 768),
    "b4": ([3, 8, 27, 3], [64, 128, 320, 512], 768),
    "b5": ([3, 6, 40, 3], [64, 128, 320, 512], 768),
}


def build(size: str, *, in_channels: int, classes: int, encoder_weights: str | None) -> Network:
    """Build SegFormer, (N, in_channels, H, W) -> logits (N, classes, H, W).

    `size`: b0 to b5. `encoder_weights`: `imagenet` (nvidia/mit-b0 ... on the Hugging Face hub), None, or the path of
    a local checkpoint or Hugging Face model folder. Raises `ConfigError` for an unknown size, `WeightsError` for
    weights that are not there or do not fit.
    """
    check_counts(in_channels, classes)
    if size not in _SIZES:
        raise ConfigError(f"unknown model.size {size!r}: Valid: {', '.join(_SIZES)}")
    depths, widths, decoder_width = _SIZES[size]
    config = SegformerConfig(
        num_channels=in_channels,
        num_labels=classes,
        depths=depths,
        hidden_sizes=widths,
        decoder_hidden_size=decoder_width,
    )
    body = SegFormer(config)
    initialise(body.model.segformer, encoder_weights, published={"imagenet": partial(hub_file, f"nvidia/mit-{size}")})
    return Network(body, in_channels=in_channels, classes=classes)


class SegFormer(nn.Module):
    """(N, C, H, W) -> logits (N, K, H, W): transformers' quarter-size logits, upsampled bilinearly."""

    def __init__(self, config: SegformerConfig) -> None:
        super().__init__()
        self.model = SegformerForSemanticSegmentation(config)

    def forward(self, image: Tensor) -> Tensor:
        """`image`: (N, C, H, W). Returns logits (N, K, H, W)."""
        logits = self.model(pixel_values=image).logits
        return F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)

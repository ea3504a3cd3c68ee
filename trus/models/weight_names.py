"""The names that other libraries give to the tensors of an encoder, translated to those of the libraries used here.

Each dialect takes the tensors of a checkpoint and those of the encoder that they are meant for, and returns the
checkpoint's under the encoder's names; a name that it does not know stays as it is.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

Dialect = Callable[[dict[str, Tensor], Mapping[str, Tensor]], dict[str, Tensor]]

_SEGFORMER = (
    (r"^block\.(\d+)\.", r"stages.\1.blocks."),
    (r"^patch_embeddings\.(\d+)\.", r"stages.\1.patch_embeddings."),
    (r"^layer_norm\.(\d+)\.", r"stages.\1.layer_norm."),
    (r"attention\.self\.query\.", "attention.q_proj."),
    (r"attention\.self\.key\.", "attention.k_proj."),
    (r"attention\.self\.value\.", "attention.v_proj."),
    (r"attention\.self\.sr\.", "attention.sequence_reduction.sequence_reduction."),
    (r"attention\.self\.layer_norm\.", "attention.sequence_reduction.layer_norm."),
    (r"attention\.output\.dense\.", "attention.o_proj."),
    (r"mlp\.dense(\d)\.", r"mlp.fc\1."),
    (r"layer_norm_1\.", "layernorm_before."),
    (r"layer_norm_2\.", "layernorm_after."),
)

_EFFICIENTNET_TOP = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EFFICIENTNET_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
}
# A block that does not widen its input has no first convolution, and timm counts the rest from one again.
_EFFICIENTNET_PLAIN_BLOCK = _EFFICIENTNET_BLOCK | {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def same(tensors: dict[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under their own names."""
    return dict(tensors)


def published_segformer(tensors: dict[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate SegFormer as published (`block.0.0.attention.self.query`) to what transformers 5 calls it."""
    if not any(key.startswith("stages.") for key in target):
        return dict(tensors)  # transformers before the renaming uses the published names itself
    return {_substitute(key, _SEGFORMER): value for key, value in tensors.items()}


def timm_features(tensors: dict[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate timm's `stages.0.blocks...` to `stages_0.blocks...`, as its features-only models are called."""
    return {re.sub(r"^(\w+)\.(\d+)\.", r"\1_\2.", key): value for key, value in tensors.items()}


def efficientnet_pytorch(tensors: dict[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate EfficientNet and EfficientNet-Lite of efficientnet-pytorch (`_blocks.4._bn0`) to timm's names."""
    matches = (re.match(r"blocks\.\d+\.\d+\.", key) for key in target)
    blocks = list(dict.fromkeys(match.group() for match in matches if match))

    def translate(key: str) -> str:
        match = re.match(r"_blocks\.(\d+)\.(\w+)\.(.+)", key)
        if match is None:
            first, dot, rest = key.partition(".")
            return _EFFICIENTNET_TOP.get(first, first) + dot + rest
        number, layer, rest = int(match[1]), match[2], match[3]
        widens = f"_blocks.{number}._expand_conv.weight" in tensors
        layers = _EFFICIENTNET_BLOCK if widens else _EFFICIENTNET_PLAIN_BLOCK
        return f"{blocks[number]}{layers[layer]}.{rest}" if number < len(blocks) and layer in layers else key

    return {translate(key): value for key, value in tensors.items()}


def _substitute(key: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


DIALECTS: tuple[Dialect, ...] = (same, published_segformer, timm_features, efficientnet_pytorch)

"""Depthwise convolutions under bfloat16 autocast on a processor: their gradients are computed in float32.

oneDNN's bfloat16 gradients of depthwise convolutions with a stride or a 5x5 kernel took 4 to 50 times as long as those
in float32 where this was written (PyTorch 2.15, AMX): half of a training step of EfficientNet-Lite0.
`python scripts/benchmark_training.py --model efficientnet_lite0` measures the step.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_LAYOUT = torch.channels_last


class DepthwiseGradients(TorchFunctionMode):
    """Within this context depthwise convolutions run in autocast's type forwards and in float32 backwards."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Everything but a depthwise convolution without bias goes its own way."""
        if func is torch.conv2d:
            settings = _settings(*args, **(kwargs or {}))
            if settings:
                return _Depthwise.apply(*settings)
        return func(*args, **(kwargs or {}))


def _settings(
    input: Tensor,  # noqa: A002  torch.conv2d's name
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Tensor, Tensor, list[int], list[int], list[int]] | None:
    if groups == 1 or groups != input.shape[1] or groups != weight.shape[0] or bias is not None:
        return None
    if isinstance(padding, str):
        return None
    return input.to(torch.get_autocast_dtype("cpu")), weight, _pair(stride), _pair(padding), _pair(dilation)


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, *geometry: list[int]) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.geometry = geometry
        return torch.ops.aten.convolution(
            image, weight.to(image.dtype), None, *geometry, False, [0, 0], weight.shape[0]
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        image, weight = ctx.saved_tensors
        of_image, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.to(torch.float32, memory_format=_LAYOUT),
            image.to(torch.float32, memory_format=_LAYOUT),
            weight.float(),
            None,
            *ctx.geometry,
            False,
            [0, 0],
            weight.shape[0],
            [*ctx.needs_input_grad[:2], False],
        )
        if of_image is not None:
            of_image = of_image.to(image.dtype, memory_format=_LAYOUT)
        return of_image, of_weight, None, None, None

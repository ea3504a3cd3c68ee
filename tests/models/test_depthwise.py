"""Depthwise convolutions under autocast: the gradients are those of float32, and nothing else changes."""

import pytest
import torch
from torch.nn.functional import conv2d

from trus.models import smp
from trus.models.depthwise import DepthwiseGradients

GEOMETRIES = [(3, 1, 1, 1), (3, 2, 0, 1), (5, 1, 2, 1), (5, 2, 2, 1), (3, 1, 2, 2)]  # kernel, stride, padding, dilation


def gradients(image, weight, output, upstream):
    output.backward(upstream)
    found = image.grad, weight.grad
    image.grad = weight.grad = None
    return found


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), GEOMETRIES)
def test_gradients_are_those_of_float32(kernel, stride, padding, dilation):
    torch.manual_seed(0)
    image = torch.randn(2, 8, 17, 19).bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(8, 1, kernel, kernel).bfloat16().float().requires_grad_()
    settings = (None, stride, padding, dilation, 8)
    exact = conv2d(image.float(), weight, *settings)
    upstream = torch.randn_like(exact).bfloat16()
    of_image, of_weight = gradients(image, weight, exact, upstream.float())
    with torch.autocast("cpu", torch.bfloat16), DepthwiseGradients():
        output = conv2d(image, weight, *settings)
    assert output.dtype == torch.bfloat16
    assert "Depthwise" in type(output.grad_fn).__name__
    torch.testing.assert_close(output.float(), exact, rtol=1e-2, atol=1e-2)
    ours_of_image, ours_of_weight = gradients(image, weight, output, upstream)
    torch.testing.assert_close(ours_of_image, of_image)
    torch.testing.assert_close(ours_of_weight, of_weight)


@pytest.mark.parametrize(
    ("channels", "out", "groups", "settings"),
    [
        (4, 4, 1, {}),
        (4, 8, 4, {}),
        (4, 4, 2, {}),
        (4, 4, 4, {"padding": "same"}),
        (4, 4, 4, {"bias": torch.zeros(4)}),
    ],
)
def test_other_convolutions_are_left_alone(channels, out, groups, settings):
    weight = torch.randn(out, channels // groups, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16), DepthwiseGradients():
        output = conv2d(torch.randn(1, channels, 8, 8), weight, groups=groups, **settings)
    assert "Depthwise" not in type(output.grad_fn).__name__


def network():
    torch.manual_seed(0)
    return smp.build("FPN", "tu-tf_efficientnet_lite0", in_channels=3, classes=1, encoder_weights=None)


def depthwise_nodes(output):
    seen, queue = set(), [output.grad_fn]
    while queue:
        node = queue.pop()
        if node is not None and node not in seen:
            seen.add(node)
            queue += [function for function, _ in node.next_functions]
    return sum("Depthwise" in type(node).__name__ for node in seen)


@pytest.mark.parametrize(("training", "autocast", "expected"), [(True, True, 16), (True, False, 0), (False, True, 0)])
def test_only_training_under_autocast_takes_them(training, autocast, expected):
    model = network().train(training)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert depthwise_nodes(model(torch.randn(2, 3, 64, 64))) == expected


def test_the_fpn_adds_what_smp_stacks():
    model = network().eval()
    maps = [torch.randn(1, 8, 4, 4) for _ in range(4)]
    torch.testing.assert_close(model.body.decoder.merge(maps), torch.stack(maps).sum(dim=0))

"""Losses: values by hand, behaviour at the edges, and the configs that offer them."""

import itertools
import math
from pathlib import Path

import hydra
import pytest
import torch

from trus.errors import ConfigError
from trus.training.losses import DiceBCE, DiceFocal, FocalTversky, Lovasz, UnifiedFocal

CONF = Path(__file__).parents[2] / "conf"
CONFIGS = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
SHAPE = (2, 2, 8, 8)


def build(name, **changes):
    with hydra.initialize_config_dir(str(CONF), version_base=None):
        return hydra.utils.instantiate(hydra.compose(f"loss/{name}").loss, **changes)


def square():
    target = torch.zeros(SHAPE)
    target[:, :, 2:6, 2:5] = 1
    return target


def logits_of(target, size):
    return (2 * target - 1) * size


def pixels(*probabilities):
    """One image, one class, one row."""
    return torch.tensor(probabilities).logit().reshape(1, 1, 1, -1)


def row(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_all_five_are_offered():
    assert CONFIGS == ["dice_bce", "dice_focal", "focal_tversky", "lovasz", "unified_focal"]


# Below: probabilities 0.8, 0.4, 0.3, 0.1 for targets 1, 1, 0, 0; so TP 1.2, FN 0.8, FP 0.4 and TN 1.6.
PREDICTED = (0.8, 0.4, 0.3, 0.1)
TARGET = (1, 1, 0, 0)
BCE = -(math.log(0.8) + math.log(0.4) + math.log(0.7) + math.log(0.9)) / 4


def value(loss):
    return loss(pixels(*PREDICTED), row(*TARGET)).item()


def test_dice_bce_by_hand():
    dice = 1 - 2 * 1.2 / (2 * 1.2 + 0.8 + 0.4)
    assert value(DiceBCE()) == pytest.approx(dice + BCE, rel=1e-5)
    assert value(DiceBCE(dice_weight=0.5, bce_weight=2.0)) == pytest.approx(0.5 * dice + 2 * BCE, rel=1e-5)


def test_dice_focal_by_hand():
    terms = [(0.2, 0.8, 1), (0.6, 0.4, 1), (0.3, 0.7, 0), (0.1, 0.9, 0)]
    focal = -sum(wrong**2 * math.log(right) for wrong, right, _ in terms) / 4
    assert value(DiceFocal(dice_weight=0)) == pytest.approx(focal, rel=1e-5)
    weighted = -sum((0.9 if own else 0.1) * wrong**2 * math.log(right) for wrong, right, own in terms) / 4
    assert value(DiceFocal(dice_weight=0, alpha=0.9)) == pytest.approx(weighted, rel=1e-5)
    assert value(DiceFocal(gamma=0)) == pytest.approx(value(DiceBCE()), rel=1e-5)


def test_focal_tversky_by_hand():
    index = 1.2 / (1.2 + 0.7 * 0.8 + 0.3 * 0.4)
    assert value(FocalTversky()) == pytest.approx((1 - index) ** 0.75, rel=1e-5)
    assert value(FocalTversky(alpha=0.5, beta=0.5, gamma=1.0)) == pytest.approx(value(DiceBCE(bce_weight=0)), rel=1e-5)


def test_focal_tversky_takes_its_power_before_it_averages_the_classes():
    logits = torch.cat([pixels(*PREDICTED), pixels(0.9, 0.9, 0.2, 0.2)], dim=1)
    targets = row(*TARGET).repeat(1, 2, 1, 1)
    first, second = (FocalTversky()(logits[:, k : k + 1], targets[:, k : k + 1]) for k in (0, 1))
    assert torch.allclose(FocalTversky()(logits, targets), (first + second) / 2)


def test_unified_focal_by_hand():
    inside = 1 - 1.2 / (1.2 + 0.6 * 0.8 + 0.4 * 0.4)
    outside = 1 - 1.6 / (1.6 + 0.6 * 0.4 + 0.4 * 0.8)
    own = [(0.2, 0.8), (0.6, 0.4)]
    other = [(0.3, 0.7), (0.1, 0.9)]
    suppressed = -sum(0.4 * wrong**0.3 * math.log(right) for wrong, right in other)
    plain = -sum(0.6 * math.log(right) for _, right in own)
    asymmetric = 0.5 * (inside**0.7 + outside) / 2 + 0.5 * (plain + suppressed) / 4
    assert value(UnifiedFocal(gamma=0.3)) == pytest.approx(asymmetric, rel=1e-5)
    plain = -sum(0.6 * wrong**0.3 * math.log(right) for wrong, right in own)
    symmetric = 0.2 * (inside**0.7 + outside**0.7) / 2 + 0.8 * (plain + suppressed) / 4
    assert value(UnifiedFocal(weight=0.2, gamma=0.3, asymmetric=False)) == pytest.approx(symmetric, rel=1e-5)


def test_lovasz_by_hand():
    # Hinge errors 0.5 (a miss of 2), 3 (false), 0 and 1.5; sorted: 3 (false), 1.5 (target), 0.5 (target), 0.
    logits = row(0.5, -0.5, 2.0, -4.0)
    targets = row(1, 1, 0, 0)
    # Jaccard losses of the growing error sets: 1 - 2/3, 1 - 1/3, 1 - 0/3.
    assert Lovasz()(logits, targets).item() == pytest.approx(3 / 3 + 1.5 / 3 + 0.5 / 3, rel=1e-6)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    expected = 0.5 * 5 / 3 + 0.25 * bce.item()
    assert Lovasz(lovasz_weight=0.5, bce_weight=0.25)(logits, targets).item() == pytest.approx(expected, rel=1e-6)


def test_lovasz_at_hard_decisions_is_the_jaccard_loss():
    targets = square()
    predicted = targets.roll(1, dims=3)
    # Of a prediction beyond the margin only wrong pixels have an error; 2 is that of one with a logit of 1.
    loss = Lovasz()(logits_of(predicted, 1.0), targets)
    intersection, union = (predicted * targets).sum(), ((predicted + targets) > 0).sum()
    assert loss.item() == pytest.approx(2 * (1 - intersection / union).item(), rel=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_perfect_is_nothing_and_worse_is_more(name):
    loss = build(name)
    target = square()
    torch.manual_seed(0)
    perfect = loss(logits_of(target, 20.0), target)
    losses = [perfect, *(loss(logits_of(target, size), target) for size in (0.8, 0.3, -0.3, -2.0))]
    assert 0 <= perfect < 1e-3
    assert all(better < worse for better, worse in itertools.pairwise(losses))
    assert perfect.shape == ()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_empty_and_full_targets_pull_every_pixel(name, fill):
    logits = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.full(SHAPE, fill)
    loss = build(name)
    loss(logits, target).backward()
    if fill == 0:
        assert (logits.grad[logits > -1] > 0).all()
    else:
        assert (logits.grad <= 0).all()
        assert (logits.grad < 0).any()
    assert loss(logits_of(target, 20.0), target) < 1e-3


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", [100.0, -100.0, 1e4])
def test_very_large_logits_stay_finite(name, size):
    for target in (square(), torch.zeros(SHAPE), torch.ones(SHAPE)):
        logits = logits_of(square(), size).requires_grad_()
        loss = build(name)(logits, target)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", CONFIGS)
def test_class_weights_choose_the_class(name):
    target = square()
    logits = logits_of(target, 20.0)
    logits[:, 1] *= -1
    assert build(name, class_weights=[1, 0])(logits, target) < 1e-3
    first, second = (build(name)(logits[:, k : k + 1], target[:, k : k + 1]) for k in (0, 1))
    weighted = build(name, class_weights=[1, 3])(logits, target)
    assert torch.allclose(weighted, (first + 3 * second) / 4)
    assert torch.allclose(build(name)(logits, target), (first + second) / 2)


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_is_computed_in_float32(name):
    loss = build(name)
    target = square()
    logits = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        computed = loss(logits, target)
    assert computed.dtype == torch.float32
    assert torch.equal(computed, loss(logits.float(), target))


@pytest.mark.parametrize("name", CONFIGS)
def test_gradient_is_that_of_finite_differences(name):
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(1, 2, 3, 3, generator=generator) > 0.5).float()
    logits = torch.randn(1, 2, 3, 3, generator=generator).requires_grad_()
    loss = build(name)
    loss(logits, target).backward()
    with torch.no_grad():
        for index in range(logits.numel()):
            step = torch.zeros(logits.numel())
            step[index] = 1e-3  # a longer one would cross a kink of the Lovász hinge
            step = step.reshape(logits.shape)
            slope = (loss(logits + step, target) - loss(logits - step, target)) / 2e-3
            assert slope.item() == pytest.approx(logits.grad.flatten()[index].item(), abs=2e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_focal_powers_below_one_have_a_gradient_at_saturation(gamma):
    logits = logits_of(square(), 100.0).requires_grad_()
    DiceFocal(gamma=gamma)(logits, square()).backward()
    assert logits.grad.isfinite().all()


def test_what_does_not_fit_is_refused():
    target = square()
    with pytest.raises(ConfigError, match="3 weights, the network has 2 classes"):
        DiceBCE(class_weights=[1, 1, 1])(target, target)
    with pytest.raises(ConfigError, match="one shape"):
        DiceBCE()(target, target[:, :1])
    for weights in ([0, 0], [-1, 2], [math.nan, 1]):
        with pytest.raises(ConfigError, match="none may be negative"):
            DiceBCE(class_weights=weights)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (DiceFocal, {"gamma": -1}),
        (DiceFocal, {"alpha": 2}),
        (FocalTversky, {"gamma": 0.75}),
        (UnifiedFocal, {"gamma": 1}),
        (UnifiedFocal, {"delta": -0.1}),
    ],
)
def test_settings_out_of_range_are_refused(kind, setting):
    with pytest.raises(ConfigError, match=f"loss.{next(iter(setting))}="):
        kind(**setting)


def test_weights_are_not_in_the_state_dict():
    assert not DiceBCE(class_weights=[1, 2]).state_dict()

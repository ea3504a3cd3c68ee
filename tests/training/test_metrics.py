import numpy as np
import pytest
import torch
from torchmetrics.classification import MultilabelJaccardIndex, MultilabelPrecision, MultilabelRecall

from trus.evaluation.measures.metrics import Overlap
from trus.training.metrics import stage_metrics


def random_masks(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return tuple((torch.rand(5, 2, 8, 8, generator=random) > 0.6).float() for _ in range(2))


def test_per_image_iou_is_that_of_the_evaluation_whatever_the_batches():
    predicted, reference = random_masks(0)
    reference[1] = 0
    metric = stage_metrics("train", ("gland", "lesion"))
    for part in (slice(0, 2), slice(2, 5)):
        metric.update(predicted[part], reference[part])
    expected = Overlap.stack([Overlap.of(p.numpy(), r.numpy()) for p, r in zip(predicted, reference, strict=True)])
    result = metric.compute()
    assert result["train/iou"] == pytest.approx(np.nanmean(expected.iou, 0).mean())
    assert result["train/dice_lesion"] == pytest.approx(np.nanmean(expected.dice[:, 1]))


def test_a_class_that_no_reference_holds_is_left_out_of_the_mean():
    predicted, reference = random_masks(1)
    reference[:, 1] = 0
    metric = stage_metrics("train", ("gland", "lesion"))
    metric.update(predicted, reference)
    result = metric.compute()
    assert "train/iou_lesion" not in result
    assert result["train/iou"] == result["train/iou_gland"]


def test_nothing_to_score_gives_no_number():
    metric = stage_metrics("train", ("lesion",))
    metric.update(torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    assert metric.compute() == {}


def test_reset_forgets():
    metric = stage_metrics("train", ("lesion",))
    metric.update(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4))
    metric.reset()
    metric.update(torch.ones(1, 1, 4, 4), 1 - torch.ones(1, 1, 4, 4))
    assert metric.compute() == {}


@pytest.mark.parametrize("classes", [("lesion",), ("gland", "lesion")])
def test_stage_metrics_carry_the_stage_in_their_names(classes):
    predicted, reference = random_masks(2)
    metrics = stage_metrics("val", classes)
    metrics.update(predicted[:, : len(classes)], reference[:, : len(classes)])
    assert {"val/iou", "val/dice", "val/pooled_iou", "val/precision", "val/recall"} <= set(metrics.compute())


@pytest.mark.parametrize("empty", [None, "predicted", "reference", "both"])
def test_pooled_scores_are_those_of_torchmetrics(empty):
    predicted, reference = random_masks(3)
    if empty in ("predicted", "both"):
        predicted[:, 1] = 0
    if empty in ("reference", "both"):
        reference[:, 1] = 0
    metric = stage_metrics("val", ("gland", "lesion"))
    for part in (slice(0, 2), slice(2, 5)):
        metric.update(predicted[part], reference[part])
    for name, theirs in (
        ("pooled_iou", MultilabelJaccardIndex(2)),
        ("precision", MultilabelPrecision(2)),
        ("recall", MultilabelRecall(2)),
    ):
        expected = theirs(predicted.long(), reference.long())
        assert metric.compute()[f"val/{name}"] == pytest.approx(float(expected))


def test_a_large_frame_is_counted_exactly():
    metric = stage_metrics("val", ("gland",))
    full = torch.ones(1, 1, 4096, 4096)
    full[..., 0, 0] = 0
    metric.update(full, torch.ones_like(full))
    assert int(metric.intersection[0]) == 4096**2 - 1
    assert int(metric.reference[0]) == 4096**2

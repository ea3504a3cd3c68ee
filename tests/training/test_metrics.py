import numpy as np
import pytest
import torch

from trus.evaluation.metrics import Overlap
from trus.training.metrics import PerImageOverlap, stage_metrics


def random_masks(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return tuple((torch.rand(5, 2, 8, 8, generator=random) > 0.6).long() for _ in range(2))


def test_per_image_iou_is_that_of_the_evaluation_whatever_the_batches():
    predicted, reference = random_masks(0)
    reference[1] = 0
    metric = PerImageOverlap(("gland", "lesion"))
    for part in (slice(0, 2), slice(2, 5)):
        metric.update(predicted[part], reference[part])
    expected = Overlap.stack([Overlap.of(p.numpy(), r.numpy()) for p, r in zip(predicted, reference, strict=True)])
    result = metric.compute()
    assert result["iou"] == pytest.approx(np.nanmean(expected.iou, 0).mean())
    assert result["dice_lesion"] == pytest.approx(np.nanmean(expected.dice[:, 1]))


def test_a_class_that_no_reference_holds_is_left_out_of_the_mean():
    predicted, reference = random_masks(1)
    reference[:, 1] = 0
    metric = PerImageOverlap(("gland", "lesion"))
    metric.update(predicted, reference)
    result = metric.compute()
    assert "iou_lesion" not in result
    assert result["iou"] == result["iou_gland"]


def test_nothing_to_score_gives_no_number():
    metric = PerImageOverlap(("lesion",))
    metric.update(torch.ones(1, 1, 4, 4).long(), torch.zeros(1, 1, 4, 4).long())
    assert metric.compute() == {}


def test_reset_forgets():
    metric = PerImageOverlap(("lesion",))
    metric.update(torch.ones(1, 1, 4, 4).long(), torch.ones(1, 1, 4, 4).long())
    metric.reset()
    metric.update(torch.ones(1, 1, 4, 4).long(), 1 - torch.ones(1, 1, 4, 4).long())
    assert metric.compute() == {}


@pytest.mark.parametrize("classes", [("lesion",), ("gland", "lesion")])
def test_stage_metrics_carry_the_stage_in_their_names(classes):
    predicted, reference = random_masks(2)
    metrics = stage_metrics("val", classes)
    metrics.update(predicted[:, : len(classes)], reference[:, : len(classes)])
    assert {"val/iou", "val/dice", "val/pooled_iou", "val/precision", "val/recall"} <= set(metrics.compute())

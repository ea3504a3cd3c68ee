import numpy as np
import pytest
import torch

from trus.errors import ConfigError, TrainingError
from trus.inference.pytorch import CheckpointPredictor
from trus.training.callbacks import AtomicCheckpointIO


def test_training_lowers_the_loss_and_finds_the_gland(prepared, trainer):
    task, data = prepared("data.batch_size=2", "optimizer.lr=1e-2")
    fit = trainer(max_epochs=12)
    fit.fit(task, datamodule=data)
    assert fit.callback_metrics["train/loss"] < 1.2  # from 1.5
    assert fit.callback_metrics["val/iou_gland"] > 0.5


def test_metrics_that_everything_monitors_are_logged_for_each_class(prepared, trainer):
    task, data = prepared()
    fit = trainer()
    fit.fit(task, datamodule=data)
    wanted = {"train/loss", "train/iou", "val/loss", "val/iou", "val/dice", "val/iou_gland", "val/iou_lesion", "lr"}
    wanted |= {"val/pooled_iou", "val/precision", "val/recall"}
    assert wanted <= set(fit.callback_metrics)


def test_checkpoint_loads_with_weights_only_and_rebuilds_the_network(prepared, trainer, tmp_path):
    task, data = prepared()
    fit = trainer(plugins=[AtomicCheckpointIO()])
    fit.fit(task, datamodule=data)
    path = tmp_path / "a.ckpt"
    fit.save_checkpoint(path)
    predictor = CheckpointPredictor(path)
    batch = next(iter(data.val_dataloader()))["image"]
    task.eval()
    with torch.inference_mode():
        expected = task(batch).sigmoid().numpy()
    np.testing.assert_allclose(predictor.network(batch.numpy()), expected, atol=1e-5)
    assert predictor.metadata.classes == data.classes.to_dict()


def test_one_class_alone_can_be_trained(prepared, trainer):
    task, data = prepared("data.classes=[lesion]")
    trainer().fit(task, datamodule=data)
    assert data.classes.targets == ("lesion",)
    assert task(torch.zeros(1, 3, 32, 32)).shape == (1, 1, 32, 32)


@pytest.mark.parametrize("wrong", ["optimizer.weight_decay=-1", "scheduler.factor=2", "+optimizer.nonsense=1"])
def test_what_an_optimiser_or_schedule_refuses_is_one_error(prepared, trainer, wrong):
    task, data = prepared(wrong)
    with pytest.raises(ConfigError, match="optimizer or scheduler"):
        trainer().fit(task, datamodule=data)


@pytest.mark.parametrize("loss", ["dice_bce", "focal_tversky", "lovasz"])
def test_a_loss_that_is_not_finite_stops_with_what_to_try(prepared, trainer, loss):
    task, data = prepared(f"loss={loss}")
    with torch.no_grad():
        next(task.network.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"train/loss became nan.*optimizer\.lr"):
        trainer().fit(task, datamodule=data)


def test_the_same_seed_gives_the_same_weights(prepared, trainer):
    weights = []
    for _ in range(2):
        task, data = prepared("augmentation=light")
        trainer(max_epochs=2).fit(task, datamodule=data)
        weights.append(torch.cat([p.flatten() for p in task.network.parameters()]))
    assert torch.equal(*weights)

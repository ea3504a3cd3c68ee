from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback

from trus.errors import TrainingError
from trus.training.callbacks import AtomicCheckpointIO, BestCheckpoint, ExportBest
from trus.training.module import SegmentationTask


def best_checkpoint(folder: Path) -> BestCheckpoint:
    return BestCheckpoint(str(folder), monitor="val/iou", mode="max")


def checkpoints(task: SegmentationTask) -> list[Callback]:
    """Both checkpoint callbacks as conf/callbacks/default.yaml has them."""
    return [instantiate(task.config["callbacks"][name]) for name in ("checkpoint", "last")]


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, path)
    with pytest.raises(Exception, match=r"(?i)pickle|local"):
        AtomicCheckpointIO().save_checkpoint({"epoch": 2, "bad": lambda: None}, path)
    assert torch.load(path)["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_full_disk_is_called_so_and_leaves_the_old_checkpoint(small_disk):
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, small_disk / "last.ckpt")
    with pytest.raises(OSError, match=r"last\.ckpt: the checkpoint could not be written"):
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(100_000)}, small_disk / "last.ckpt")
    assert torch.load(small_disk / "last.ckpt")["epoch"] == 1
    assert [file.name for file in small_disk.iterdir()] == ["last.ckpt"]


def test_best_and_last_are_written_under_plain_names(prepared, trainer, tmp_path):
    task, data = prepared()
    trainer(max_epochs=4, callbacks=checkpoints(task)).fit(task, datamodule=data)
    folder = tmp_path / "run/checkpoints"
    assert {file.name for file in folder.iterdir()} == {"best.ckpt", "last.ckpt"}
    assert torch.load(folder / "last.ckpt")["epoch"] == 3  # whether or not it was the best


def test_going_on_in_a_new_folder_keeps_the_best_so_far(prepared, trainer, tmp_path):
    task, data = prepared()
    trainer(max_epochs=3, callbacks=checkpoints(task)).fit(task, datamodule=data)
    first = tmp_path / "run/checkpoints"
    second = best_checkpoint(tmp_path / "second")
    task, data = prepared("optimizer.lr=1e-12")
    # one more epoch that is worse: the network forgets, the monitor stays below what was reached before
    state = torch.load(first / "last.ckpt")
    for key in state["callbacks"]:
        if "BestCheckpoint" in key:
            state["callbacks"][key]["best_model_score"] = torch.tensor(2.0)
            state["callbacks"][key]["best_k_models"] = dict.fromkeys(
                state["callbacks"][key]["best_k_models"], torch.tensor(2.0)
            )
            state["callbacks"][key]["kth_value"] = torch.tensor(2.0)
    torch.save(state, tmp_path / "resume.ckpt")
    fit = trainer(max_epochs=4, callbacks=[second])
    fit.fit(task, datamodule=data, ckpt_path=tmp_path / "resume.ckpt", weights_only=True)
    assert fit.current_epoch == 4
    assert Path(second.best_model_path) == tmp_path / "second/best.ckpt"
    kept, old = (torch.load(path)["epoch"] for path in (second.best_model_path, first / "best.ckpt"))
    assert kept == old


def test_export_at_the_end_leaves_score_panels_model_file_and_masks(prepared, trainer, tmp_path):
    task, data = prepared()
    export = ExportBest(panels=True, predict=True)
    trainer(max_epochs=3, callbacks=[best_checkpoint(tmp_path / "run/checkpoints"), export]).fit(task, datamodule=data)
    outcome = export.outcome
    assert 0 <= outcome.iou.low <= outcome.iou.value <= outcome.iou.high <= 1
    assert outcome.parity.passed
    assert outcome.model_file == tmp_path / "run/model.onnx"
    for name in ("validation.csv", "validation.json", "panels/best.png", "predictions/predictions.csv"):
        assert (tmp_path / "run" / name).is_file()
    masks = {file.stem for file in (tmp_path / "run/predictions/masks").iterdir()}
    assert masks == {frame.image_id for frame in data.validation_frames}


def test_a_validation_frame_that_gets_no_mask_is_not_passed_over(prepared, trainer, tmp_path):
    task, data = prepared()
    name = data.validation_frames[0].image_id
    (tmp_path / "run/predictions/records").mkdir(parents=True)
    (tmp_path / f"run/predictions/masks/{name}.png").mkdir(parents=True)  # the mask cannot be written there
    callbacks = [best_checkpoint(tmp_path / "run/checkpoints"), ExportBest(panels=False, predict=True)]
    with pytest.raises(TrainingError, match=r"1 frame\(s\) got no mask") as error:
        trainer(callbacks=callbacks).fit(task, datamodule=data)
    assert name in str(error.value)
    assert (tmp_path / "run/model.onnx").is_file()


def test_export_without_a_checkpoint_does_nothing(prepared, trainer):
    task, data = prepared()
    export = ExportBest(panels=True, predict=True)
    trainer(callbacks=[export], enable_checkpointing=False).fit(task, datamodule=data)
    assert export.outcome is None

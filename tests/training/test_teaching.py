"""Distillation: what the teacher says reaches the loss, in the network's input, and only from an honest teacher."""

import shutil

import numpy as np
import pytest
import torch

from trus.data.images import read_frame
from trus.errors import ConfigError, ModelFileError
from trus.inference.ensemble import open_models
from trus.training.teaching import teach


@pytest.fixture
def teacher(job, tmp_path):
    """A model file of fold 0."""
    job("data.classes=[gland]", "split.fold=0")
    return shutil.copyfile(tmp_path / "job/model.onnx", tmp_path / "teacher.onnx")


def taught(prepared, teacher, *overrides):
    task, data = prepared(f"teacher.models=[{teacher}]", "data.classes=[gland]", *overrides)
    teach(task.config, data)
    return task, data


def test_the_teachers_probabilities_lie_where_the_networks_input_has_them(prepared, teacher):
    _, data = taught(prepared, teacher, "preprocessing.size=[64,32]")
    predictor = open_models([teacher], tta="flip", threshold=0.5)
    dataset = data.train_dataloader().dataset
    for index, frame in enumerate(data.training_frames):
        said = predictor.probabilities(read_frame(frame.image), frame.region)
        geometry = data.preprocessor.geometry(said.shape[1:], frame.region)
        item = dataset[index]
        assert item["taught"].shape == item["target"].shape == (1, 64, 32)
        np.testing.assert_allclose(item["taught"], geometry.forward_probabilities(said), atol=0.5 / 255 + 1e-6)
    assert "taught" not in data.val_dataloader().dataset[0]


def test_augmentation_moves_both_alike(prepared, teacher):
    _, data = taught(prepared, teacher, "augmentation=light", "augmentation.flip=1")
    for path in data.taught.values():  # a teacher that says what the mask says
        planes = np.load(path)
        np.save(path, np.zeros_like(planes))
    dataset = data.train_dataloader().dataset
    for index, frame in enumerate(data.training_frames):
        np.save(data.taught[frame.image_id], 255 * np.asarray(data.cache.load(frame)[1]))
        item = dataset[index]
        torch.testing.assert_close(item["taught"], item["target"])


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_the_loss_has_both_in_their_shares(prepared, teacher, trainer, weight):
    task, data = taught(prepared, teacher, f"teacher.weight={weight}", "scheduler=none")
    trainer(limit_train_batches=1, limit_val_batches=0).fit(task, datamodule=data)
    batch = next(iter(data.train_dataloader()))
    logits = task.eval()(batch["image"])
    both = task._loss(logits, batch["target"], batch["taught"])
    chance = -(batch["taught"] * logits.sigmoid().log() + (1 - batch["taught"]) * (-logits).sigmoid().log()).mean()
    expected = (1 - weight) * task.loss(logits, batch["target"]) + weight * chance
    torch.testing.assert_close(both, expected)


def test_a_student_is_trained(job, teacher, tmp_path):
    score = job("data.classes=[gland]", "split.fold=0", f"teacher.models=[{teacher}]", "augmentation=light")
    assert 0 <= score <= 1
    assert list((tmp_path / "cache/taught").rglob("*.npy"))


def test_without_a_teacher_nothing_is_asked(prepared):
    task, data = prepared()
    teach(task.config, data)
    assert data.taught is None


@pytest.mark.parametrize(
    ("override", "named"),
    [("split.fold=1", "fold 0, this"), ("split.seed=3", "was trained on split"), ("data.classes=null", "segments")],
)
def test_a_teacher_that_may_have_seen_the_validation_frames_or_means_something_else_is_refused(
    prepared, teacher, override, named
):
    with pytest.raises(ConfigError, match=r"teacher\.models") as error:
        taught(prepared, teacher, override)
    assert named in str(error.value)


def test_a_file_that_is_none_and_all_folds_at_once_are_refused(prepared, job, tmp_path):
    with pytest.raises(ModelFileError, match=r"nothing\.onnx"):
        taught(prepared, tmp_path / "nothing.onnx")
    with pytest.raises(ConfigError, match="a teacher is of one fold"):
        job(f"teacher.models=[{tmp_path}/a.onnx]", "split.fold=all")

"""split.fold=all and its members: the same numbers as alone, going on after every kind of interruption."""

import csv
import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from mlflow import MlflowClient
from pytorch_lightning.callbacks import Callback

from trus.data.images import read_mask, write_image
from trus.errors import ConfigError, ManifestError, SplitError, TrainingError
from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.predictions import Predictions
from trus.training.cv_setup import make_key, open_folder

ALL = "split.fold=all"


def folder_of(tmp_path: Path) -> CvFolder:
    (path,) = (tmp_path / "cv").iterdir()
    return CvFolder(path)


def states(folder: CvFolder) -> list[str]:
    return [folder.progress(member).state for member in folder.members()]


def weights(run_dir: Path) -> list[bytes]:
    state = torch.load(run_dir / "checkpoints/best.ckpt")["state_dict"]
    return [value.numpy().tobytes() for value in state.values()]


def test_every_fold_is_trained_and_the_mean_over_patients_is_returned(job, tmp_path):
    value = job(ALL)
    folder = folder_of(tmp_path)
    assert states(folder) == ["finished", "finished"]
    table = pd.read_csv(folder.path / "out_of_fold.csv")
    assert list(table.columns[:5]) == ["fold", "seed", "image_id", "patient_id", "class"]
    assert sorted(table.image_id.unique()) == ["p1_0", "p1_1", "p2_0", "p3_0", "p3_1", "p4_0", "p4_1"]
    assert value == pytest.approx(table.groupby("class").iou.mean().mean())
    summary = json.loads((folder.path / "summary.json").read_text())
    assert summary["complete"]
    assert summary["state"] == "2 of 2 folds"
    assert summary["all"]["iou"]["value"] == value
    assert summary["all"]["iou"]["patients"] == 4
    assert [row["fold"] for row in summary["by_fold"]] == [0, 1]
    assert (folder.path / "figures/iou_by_fold.png").stat().st_size > 5000
    note = json.loads((tmp_path / "job/job.json").read_text())
    assert note == {"cv_folder": str(folder.path), "member": None, "value": value, "run_id": None}


def test_a_fold_gives_the_same_weights_in_a_cross_validation_as_alone(job, tmp_path):
    job(ALL, "augmentation=light")
    job("split.fold=1", "augmentation=light", f"run_dir={tmp_path}/alone", "callbacks.export=null")
    assert weights(tmp_path / "alone") == weights(folder_of(tmp_path).path / "members/fold1_seed0")


def test_out_of_fold_probabilities_are_kept_and_are_those_that_were_scored(job, tmp_path):
    job(ALL)
    run_dir = folder_of(tmp_path).path / "members/fold0_seed0"
    kept = Predictions(run_dir / "predictions.zip")
    with (run_dir / "validation.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["class"] == "gland"]
    assert [*kept] == [row["image_id"] for row in rows]
    assert not (run_dir / "panels").exists()
    assert (run_dir / "model.onnx").is_file()
    k = kept.targets.index("gland")
    counted = [int((kept.levels(row["image_id"])[[k, 1 - k]] >= 128).any(0).sum()) for row in rows]  # holds the lesion
    assert counted == [int(row["predicted_px"]) for row in rows]


def test_a_second_start_trains_nothing_and_gives_the_same(job, tmp_path, capsys):
    first = job(ALL)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("cv/*/members/*/model.onnx")}
    assert len(before) == 2
    assert job(ALL) == first
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "fold 1: finished before" in capsys.readouterr().out
    environment = folder_of(tmp_path).path / "environment.json"
    environment.write_text(environment.read_text().replace('"albumentations": "', '"albumentations": "0.'))
    job(ALL)
    printed = capsys.readouterr().out
    assert "WARNING: this folder was begun with other code" in printed
    assert "packages albumentations: 0." in printed


@pytest.mark.parametrize("changed", ["optimizer.lr=1e-3", "seed=1", "split.seed=3", "data.classes=[gland]"])
def test_other_settings_data_or_split_are_another_cross_validation(prepared, changed):
    keys = [make_key(task.config, data) for task, data in (prepared(), prepared(changed))]
    assert keys[0] != keys[1]


def test_what_does_not_change_results_is_no_other_cross_validation(prepared, tmp_path):
    same = ["data.workers=1", f"run_dir={tmp_path}/other", "split.fold=1", "callbacks.export.panels=false"]
    keys = {make_key(task.config, data) for task, data in (prepared(), *(prepared(text) for text in same))}
    assert len(keys) == 1


def test_initial_weights_count_by_their_content(prepared, tmp_path):
    task, data = prepared()
    file = tmp_path / "encoder.pth"
    config = task.config | {"model": task.config["model"] | {"encoder_weights": str(file)}}
    keys = []
    for content in (b"first", b"second", b"first"):
        file.write_bytes(content)
        keys.append(make_key(config, data))
    assert keys[0] == keys[2] != keys[1]


def test_a_folder_of_the_same_name_but_other_work_is_refused(prepared):
    task, data = prepared()
    folder = open_folder(task.config, data, {})
    folder.write(replace(folder.read(), key="0" * 64))
    with pytest.raises(ConfigError, match=r"is of other settings or data \(key 0000"):
        open_folder(task.config, data, {})


def test_seeds_and_repeats_count_a_frame_once(job, tmp_path):
    value = job(ALL, "split.repeats=2", "seeds=2", "trainer.max_epochs=1")
    folder = folder_of(tmp_path)
    assert folder.members() == [Member(fold, seed) for fold in range(4) for seed in range(2)]
    summary = json.loads((folder.path / "summary.json").read_text())
    assert summary["all"]["frames"] == 7
    assert summary["all"]["iou"]["patients"] == 4
    assert [row["seed"] for row in summary["by_seed"]] == [0, 1]
    assert summary["state"] == "8 of 8 networks"
    table = pd.read_csv(folder.path / "out_of_fold.csv")
    assert len(table) == 7 * 2 * 2 * 2
    frames = table.groupby(["class", "image_id"]).iou.mean()
    assert value == pytest.approx(frames.groupby("class").mean().mean())
    assert weights(folder.run_dir(Member(0, 0))) != weights(folder.run_dir(Member(0, 1)))


def test_a_holdout_split_is_one_fold(job, tmp_path):
    job(ALL, "split=holdout", "split.val_fraction=0.5", "trainer.max_epochs=1")
    assert states(folder_of(tmp_path)) == ["finished"]


class Interrupting(Callback):
    """Does something at a step of one fold: (fold, global step, what)."""

    def __init__(self, fold, step, action):
        self.fold, self.step, self.action = fold, step, action

    def on_train_batch_end(self, trainer, *_):
        run_dir = Path(trainer.default_root_dir).name
        if run_dir.startswith(f"fold{self.fold}") and trainer.global_step == self.step:
            self.action()


@pytest.fixture
def interrupt(monkeypatch):
    """(fold, step, action): do it once there. Returns a function that switches it off."""

    def arm(fold, step, action):
        monkeypatch.setattr("trus.training.callbacks.EpochLines", lambda: Interrupting(fold, step, action))
        return monkeypatch.undo

    return arm


def fail():
    raise TrainingError("train/loss became nan in epoch 0")


def test_a_failed_fold_is_named_the_others_go_on_and_a_second_start_retries_it(job, tmp_path, interrupt, quick_export):
    interrupt(0, 1, fail)
    with pytest.raises(TrainingError, match=r"1 of 2 failed\n  fold 0: train/loss became nan") as error:
        job(ALL)
    assert "same command tries again" in str(error.value)
    folder = folder_of(tmp_path)
    assert states(folder) == ["failed", "finished"]
    assert "TrainingError" in (folder.run_dir(Member(0, 0)) / "error.txt").read_text()
    summary = json.loads((folder.path / "summary.json").read_text())
    assert summary["state"] == "1 of 2 folds, fold 0 failed: train/loss became nan in epoch 0"
    assert not summary["complete"]
    trained = (folder.run_dir(Member(1, 0)) / "model.onnx").stat().st_mtime_ns
    interrupt(0, -1, fail)
    assert job(ALL) is not None
    assert states(folder) == ["finished", "finished"]
    assert (folder.run_dir(Member(1, 0)) / "model.onnx").stat().st_mtime_ns == trained
    assert folder.progress(Member(0, 0)).error is None


def test_a_setting_that_every_fold_shares_is_told_once(job, tmp_path):
    with pytest.raises(ConfigError, match="optimizer or scheduler"):
        job(ALL, "+optimizer.no_such=1")
    assert states(folder_of(tmp_path)) == ["failed", "waiting"]


def test_ctrl_c_ends_the_fold_in_order_and_the_whole(job, tmp_path, interrupt):
    interrupt(0, 1, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        job(ALL)
    folder = folder_of(tmp_path)
    assert states(folder) == ["stopped", "waiting"]
    assert (folder.run_dir(Member(0, 0)) / "model.onnx").is_file()
    interrupt(0, -1, fail)
    job(ALL)
    assert states(folder) == ["finished", "finished"]
    assert folder.progress(Member(0, 0)).epochs == 2


@pytest.mark.parametrize("step", [1, 2, 3])
def test_sigterm_writes_a_checkpoint_at_once_and_a_second_start_goes_on_from_it(job, tmp_path, interrupt, step, capsys):
    interrupt(1, step, lambda: signal.raise_signal(signal.SIGTERM))  # fold 1: 2 steps an epoch
    small = ("data.batch_size=2", "trainer.max_epochs=3")
    with pytest.raises(SystemExit) as left:
        job(ALL, *small)
    assert left.value.code == 143
    folder = folder_of(tmp_path)
    assert states(folder) == ["finished", "stopped"]
    last = torch.load(folder.run_dir(Member(1, 0)) / "checkpoints/last.ckpt")
    assert last["global_step"] == step
    interrupt(1, -1, fail)
    capsys.readouterr()
    job(ALL, *small)
    assert "going on from" in capsys.readouterr().out
    assert states(folder) == ["finished", "finished"]
    assert folder.progress(Member(1, 0)).epochs == 3
    assert torch.load(folder.run_dir(Member(1, 0)) / "checkpoints/last.ckpt")["global_step"] == 6


def test_a_damaged_checkpoint_is_put_aside_and_that_fold_trained_anew(job, tmp_path, capsys):
    job(ALL)
    folder, member = folder_of(tmp_path), Member(1, 0)
    before = weights(folder.run_dir(member))
    folder.note(member, state="running", trained=False)  # as a killed process leaves it
    last = folder.run_dir(member) / "checkpoints/last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    job(ALL)
    assert "last.ckpt: is damaged" in capsys.readouterr().out
    assert states(folder) == ["finished", "finished"]
    assert last.with_suffix(".damaged").is_file()
    assert weights(folder.run_dir(member)) == before


def test_what_was_trained_but_not_exported_is_not_trained_again(job, tmp_path):
    job(ALL)
    folder, member = folder_of(tmp_path), Member(1, 0)
    run_dir = folder.run_dir(member)
    scores, before = (run_dir / "validation.csv").read_text(), weights(run_dir)
    folder.note(member, state="running")
    for name in ("model.onnx", "validation.csv"):
        (run_dir / name).unlink()
    job(ALL)
    assert (run_dir / "model.onnx").is_file()
    assert (run_dir / "validation.csv").read_text() == scores
    assert weights(run_dir) == before
    assert folder.progress(member).epochs == 2


def test_a_member_that_another_process_trains_is_left_to_it(job, tmp_path, capsys):
    job("split.fold=0", multirun=True)
    folder = folder_of(tmp_path)
    with FileLock(folder.path / "locks/fold1_seed0.lock"):
        assert job(ALL) is None
    assert "fold 1: another process trains it" in capsys.readouterr().out
    assert states(folder) == ["finished", "waiting"]
    assert json.loads((folder.path / "summary.json").read_text())["state"] == "1 of 2 folds"


def runs_by_kind(tmp_path: Path) -> dict[str, list]:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("trus").experiment_id])
    kinds: dict[str, list] = {}
    for run in runs:
        kinds.setdefault(run.data.tags["trus.kind"], []).append(run)
    return kinds


def test_mlflow_has_one_parent_with_a_child_a_fold_however_they_were_started(job, tmp_path, interrupt, caplog):
    job("logger=mlflow", multirun=True)  # a job of a sweep over something else: no parent
    kinds = runs_by_kind(tmp_path)
    assert [*kinds] == ["run"]
    interrupt(1, 1, fail)
    with pytest.raises(TrainingError):
        job("logger=mlflow", "split.fold=1", multirun=True)
    (parent,) = runs_by_kind(tmp_path)["cv"]
    assert parent.info.status == "FAILED"
    assert parent.data.tags["trus.state"].startswith("1 of 2 folds, fold 1 failed")
    interrupt(1, -1, fail)
    value = job("logger=mlflow", ALL)
    kinds = runs_by_kind(tmp_path)
    (parent,) = kinds["cv"]
    assert {run.data.tags["mlflow.parentRunId"] for run in kinds["fold"]} == {parent.info.run_id}
    assert {run.info.status for run in kinds["fold"]} == {"FINISHED"}
    assert len(kinds["fold"]) == 2
    assert "run" not in kinds
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["trus.state"] == "2 of 2 folds"
    assert parent.data.metrics["cv/iou"] == pytest.approx(value)
    assert {"cv/iou_low", "cv/iou_high", "cv/dice", "cv/iou_sd_folds", "cv/iou_gland"} <= set(parent.data.metrics)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    artifacts = {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert {"out_of_fold.csv", "summary.json", "cv.json", "split.json", "config.yaml", "figures"} <= artifacts


def test_what_no_fold_could_learn_is_told_before_the_first_is_trained(job, dataset_copy, tmp_path):
    for path in dataset_copy.glob("masks/p[1-4]*.png"):  # no lesion anywhere
        labels = read_mask(path)
        write_image(path, np.where(labels == 2, 1, labels).astype(np.uint8))
    with pytest.raises(
        ManifestError, match=r"(?s)fold 0: no training frame holds .*fold 1: no training frame"
    ) as error:
        job(ALL, manifest=dataset_copy / "manifest.csv")
    assert not (tmp_path / "cv").exists()
    assert "lesion" in str(error.value)


def test_masks_that_are_all_empty_are_told_so(job, dataset_copy):
    for path in dataset_copy.glob("masks/*.png"):
        write_image(path, np.zeros_like(read_mask(path)))
    with pytest.raises(ManifestError, match="every mask is empty"):
        job(ALL, manifest=dataset_copy / "manifest.csv")


def test_one_patient_cannot_be_cross_validated(job, edit_cell):
    for name in ("p2_0", "p3_0", "p3_1", "p4_0", "p4_1"):
        manifest = edit_cell(name, "patient_id", "p1")
    with pytest.raises(SplitError, match="to spread: 1; one cannot both train and validate"):
        job(ALL, manifest=manifest)


def test_without_an_export_there_is_nothing_to_cross_validate(job):
    with pytest.raises(ConfigError, match=r"callbacks\.export=null"):
        job(ALL, "callbacks.export=null")


def test_a_full_disk_is_named_and_nothing_is_left_half_written(job, small_disk, tmp_path):
    with pytest.raises(OSError, match="checkpoint could not be written"):
        job(ALL, f"outputs={small_disk}", f"data.cache_dir={tmp_path}/cache")
    assert states(CvFolder(next((small_disk / "cv").iterdir())))[1] == "waiting"
    assert not [path for path in small_disk.rglob(".*") if path.is_file()]
    assert not [*small_disk.rglob("*.ckpt")]

"""reproduce=RUN: the stored configuration, what differs now, and the same numbers to the bit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from trus.errors import ConfigError
from trus.training.environment import differences
from trus.training.reproduce import load_origin, with_stored_choices
from trus.training.reproduction import hash_weights, same_weights

ROOT = Path(__file__).parents[2]
LOCAL = {"OMP_NUM_THREADS": "1"}
LIMIT = 600.0
"""Seconds after which a process is taken to hang."""


@pytest.fixture(autouse=True)
def _no_choices(monkeypatch):
    monkeypatch.delenv("TRUS_STORED_CHOICES", raising=False)


def train(*words: object) -> str:
    command = [sys.executable, "scripts/train.py", *map(str, words)]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | LOCAL, timeout=LIMIT
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_another_process_gives_the_same_weights_to_the_bit(job, tmp_path):
    words = ["optimizer=sgd", "optimizer.momentum=0.8", "augmentation=heavy", "data.workers=1", "data.batch_size=2"]
    job("logger=mlflow", *words, f"run_dir={tmp_path}/first")
    run_id = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["1"])[0].info.run_id
    again = f"hydra.run.dir={tmp_path}/second"
    printed = train(f"reproduce={run_id}", "optimizer.momentum=0.8", f"outputs={tmp_path}", again)
    assert f"reproducing {run_id}" in printed
    assert "same to the bit in every frame's score, weights the same to the bit" in printed
    checkpoints = [tmp_path / name / "checkpoints/best.ckpt" for name in ("first", "second")]
    assert hash_weights(checkpoints[0]) == hash_weights(checkpoints[1])
    runs = {run.info.run_id: run for run in MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["1"])}
    first = runs.pop(run_id)
    (second,) = runs.values()
    assert second.data.tags["trus.reproduces"] == run_id
    assert second.data.tags["trus.optimizer"] == "sgd"
    assert second.info.run_name == f"unet_small dice_bce fold0 optimizer.momentum=0.8 again of {run_id[:20]}"
    assert "IoU" in first.data.tags["mlflow.note.content"]
    assert "95 %" in first.data.tags["mlflow.note.content"]
    assert "train.py" in second.data.tags["mlflow.note.content"]


def test_the_command_line_wins_and_every_difference_is_said(job, tmp_path, capsys):
    first = tmp_path / "first"
    job(f"run_dir={first}", "optimizer.lr=2e-3", "trainer.max_epochs=1", "seed=3")
    environment = json.loads((first / "environment.json").read_text())
    environment["packages"]["numpy"] = "1.0"
    environment["machine"]["threads"] = 64
    (first / "environment.json").write_text(json.dumps(environment))
    state = json.loads((first / "data.json").read_text())
    (first / "data.json").write_text(json.dumps(state | {"data_hash": "0" * 64}))
    capsys.readouterr()
    # SMALL of the fixture sets lr and max_epochs on the command line, which win
    job(f"reproduce={first}", f"run_dir={tmp_path}/second")
    printed = capsys.readouterr().out
    for line in (
        "packages numpy: 1.0 then",
        "machine threads: 64 then, 1 now",
        "data hash: 000000000000 then",
        "optimizer.lr: 0.002 then, 0.003 now",
        "trainer.max_epochs: 1 then, 2 now",
    ):
        assert line in printed
    assert "but the weights differ" in printed
    config = load_origin(str(tmp_path / "second"), None).config
    assert (config["seed"], config["run_dir"]) == (3, str(tmp_path / "second"))
    assert config["callbacks"]["checkpoint"]["dirpath"] == f"{tmp_path}/second/checkpoints"


def test_a_cross_validation_is_reproduced_as_one(job, tmp_path, capsys):
    job("split.fold=all", "trainer.max_epochs=1", "augmentation=light")
    (original,) = (tmp_path / "cv").iterdir()
    capsys.readouterr()
    job(f"reproduce={original}", "trainer.max_epochs=1", "augmentation=light", f"run_dir={tmp_path}/again")
    printed = capsys.readouterr().out
    assert "same to the bit in every frame's score, weights the same to the bit" in printed
    (copy,) = {*(tmp_path / "cv").iterdir()} - {original}
    assert same_weights(original, copy)
    assert load_origin(str(copy), None).is_cv


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "has no config.yaml"), ("a: [", "damaged"), ("a: 1", "none of scripts/train.py")],
)
def test_a_folder_without_a_usable_configuration_is_refused(tmp_path, content, message):
    if content:
        (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_origin(str(tmp_path), None)


def test_an_unknown_run_and_a_store_that_is_not_there_are_named(tmp_path):
    with pytest.raises(ConfigError, match="0123abcd: no such folder"):
        load_origin("0123abcd", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(ConfigError, match="0123abcd: no such folder"):
        load_origin("0123abcd", None)


def test_data_that_are_gone_are_named_with_the_way_out(job, dataset, tmp_path):
    moved = shutil.copytree(dataset, tmp_path / "data")
    job(f"run_dir={tmp_path}/first", "trainer.max_epochs=1", "callbacks.export=null", manifest=moved / "manifest.csv")
    shutil.rmtree(moved)
    with pytest.raises(ConfigError, match=r"manifest\.csv is not there.*data\.manifest=PATH"):
        job(f"reproduce={tmp_path}/first", f"run_dir={tmp_path}/second", manifest=moved / "manifest.csv")


def test_the_stored_choices_come_before_what_was_typed(tmp_path):
    (tmp_path / "config.yaml").write_text("{data: {}, split: {}, run_dir: x}")
    choices = {"model": "fpn_resnet18", "scheduler": "None", "loss": "focal", "experiment": "source", "logger": "none"}
    (tmp_path / "environment.json").write_text(json.dumps({"choices": choices}))
    words = [f"reproduce={tmp_path}", "loss=lovasz", f"outputs={tmp_path}"]
    assert with_stored_choices(words) == ["model=fpn_resnet18", *words]
    assert with_stored_choices(["seed=1", "reproduce=null"]) == ["seed=1", "reproduce=null"]


@pytest.mark.parametrize("word", ["-m", "experiment=source"])
def test_what_would_change_the_stored_configuration_unseen_is_refused(tmp_path, word):
    with pytest.raises(ConfigError, match="reproduce="):
        with_stored_choices([word, f"reproduce={tmp_path}"])


def test_equal_environments_have_no_difference():
    code = {"git_commit": "a", "uncommitted_changes": False}
    one = {"code": code, "packages": {"torch": "2"}, "python": "3.11", "machine": {"threads": 2}}
    assert differences(one, json.loads(json.dumps(one))) == []
    other = one | {"python": "3.12", "packages": {}}
    assert differences(one, other) == ["packages torch: 2 then, nothing now", "python: 3.11 then, 3.12 now"]
    dirty = one | {"code": code | {"uncommitted_changes": True}}
    assert differences(dirty, dirty) == ["code: uncommitted changes then and now, which may not be the same"]

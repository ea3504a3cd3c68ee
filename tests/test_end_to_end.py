"""The commands that people type, in real processes on synthetic data: train, sweep, stop, predict, evaluate."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from trus.data.images import read_mask
from trus.data.manifest import Manifest
from trus.inference.predictor import OnnxPredictor

ROOT = Path(__file__).parents[1]
TRUS = Path(sys.executable).parent / "trus"
SMALL = [
    *("experiment=phantom", "data.phantom.patients=6", "data.phantom.frames=2", "split.folds=3", "data.workers=0"),
    *("preprocessing.size=[64,64]", "trainer.max_epochs=2", "optimizer.lr=3e-3"),
]
TINY_UNET = ["model.widths=[8,16]", "model.context=[1]"]


def run(*command: object, ok: bool = True, **environment: object) -> subprocess.CompletedProcess:
    env = os.environ | {name: str(value) for name, value in environment.items()}
    result = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert (result.returncode == 0) is ok, result.stdout + result.stderr
    return result


def train(*overrides: object, ok: bool = True, **environment: object) -> subprocess.CompletedProcess:
    return run(sys.executable, "scripts/train.py", *overrides, ok=ok, **environment)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def trained(outputs):
    """One run with everything on: (run folder, what it printed)."""
    folder = outputs / "first"
    result = train(*SMALL, *TINY_UNET, f"outputs={outputs}", f"hydra.run.dir={folder}")
    assert "leaked" not in result.stderr  # libraries' complaints after the last line, which a person reads first
    return folder, result.stdout


@pytest.fixture(scope="module")
def client(outputs, trained):
    return MlflowClient(f"sqlite:///{outputs}/mlflow.db")


def all_runs(client):
    return client.search_runs([client.get_experiment_by_name("trus").experiment_id])


def test_the_summary_says_score_interval_places_and_next_commands(trained):
    folder, printed = trained
    for part in ("validation IoU", "95 %", "SYNTHETIC", "model.onnx", "MLflow run", "make ui", "trus predict --model"):
        assert part in printed
    assert "Research use only" in printed
    for name in ("model.onnx", "split.json", "config.yaml", "checkpoints/best.ckpt", "panels/worst.png"):
        assert (folder / name).is_file(), name


def test_the_model_file_says_what_it_is(trained):
    metadata = OnnxPredictor(trained[0] / "model.onnx").metadata
    assert metadata.score.part == "validation"
    assert metadata.score.patients == 2 - (metadata.score.frames == 0)
    assert metadata.data.sources == ["synthetic phantom"]
    assert metadata.training.split_hash == json.loads((trained[0] / "split.json").read_text())["hash"]


def test_mlflow_has_config_tags_curves_panels_and_model(trained, client):
    record = next(run for run in all_runs(client) if run.info.run_name.startswith("unet_small dice_bce fold0"))
    assert record.info.status == "FINISHED"
    assert record.data.params["preprocessing.size"] == "[64, 64]"
    assert {"trus.data_hash", "trus.split_hash", "trus.model", "trus.loss"} <= set(record.data.tags)
    assert len(client.get_metric_history(record.info.run_id, "val/iou")) == 2
    assert {"best/iou", "best/iou_low", "best/iou_high"} <= set(record.data.metrics)
    artifacts = {artifact.path for artifact in client.list_artifacts(record.info.run_id)}
    assert {"config.yaml", "split.json", "model.onnx", "panels", "validation.csv"} <= artifacts


def test_predict_and_evaluate_agree_with_the_run(trained, outputs):
    folder, _ = trained
    manifest = outputs / "phantom/manifest.csv"
    run(TRUS, "predict", "--model", folder / "model.onnx", manifest, "-o", outputs / "masks")
    for frame in Manifest.load(manifest).frames:
        assert read_mask(outputs / f"masks/masks/{frame.image_id}.png").shape == read_mask(frame.mask).shape
    with (outputs / "masks/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["class"] for row in rows} == {"gland", "lesion"}
    assert all(float(row["area_mm2"]) >= 0 for row in rows)
    script = (sys.executable, "scripts/evaluate.py", f"data.manifest={manifest}")
    run(*script, f"model_file={folder}/model.onnx", f"hydra.run.dir={outputs}/test")
    summary = json.loads((outputs / "test/summary.json").read_text())
    assert summary["part"] == "test"
    assert summary["all"]["counts"]["frames"] == 2
    run(*script, f"model_file={folder}/checkpoints/best.ckpt", f"hydra.run.dir={outputs}/ckpt")
    other = json.loads((outputs / "ckpt/summary.json").read_text())
    assert other["all"]["iou"]["value"] == pytest.approx(summary["all"]["iou"]["value"], abs=1e-3)


def test_a_sweep_gives_runs_that_can_be_told_apart(outputs, client):
    swept = ["trainer.max_epochs=1", "loss=dice_bce,focal_tversky", "callbacks.export.predict=false"]
    before = {run.info.run_id for run in all_runs(client)}
    train("-m", *SMALL, *TINY_UNET, *swept, TRUS_OUTPUTS=outputs)
    runs = [run for run in all_runs(client) if run.info.run_id not in before and run.data.tags["trus.kind"] == "run"]
    assert {run.data.tags["trus.loss"] for run in runs} == {"dice_bce", "focal_tversky"}
    assert len({run.info.run_name for run in runs}) == 2
    assert len(list(outputs.glob("cv/*/members/*/model.onnx"))) == 2


def test_going_on_from_a_checkpoint(trained, outputs):
    folder, _ = trained
    printed = train(*SMALL, *TINY_UNET, f"outputs={outputs}", f"hydra.run.dir={outputs}/more", "logger=none",
                    "trainer.max_epochs=3", f"ckpt_path={folder}/checkpoints/last.ckpt").stdout  # fmt: skip
    assert "epoch 3/3" in printed
    assert "epoch 2/3" not in printed
    assert "MLflow" not in printed


def test_ctrl_c_exports_the_best_so_far_and_marks_the_run_as_stopped(trained, outputs, client):
    before = {run.info.run_id for run in all_runs(client)}
    command = [sys.executable, "scripts/train.py", *SMALL, *TINY_UNET, f"outputs={outputs}",
               f"hydra.run.dir={outputs}/stopped", "trainer.max_epochs=100000"]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch 3/"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait(timeout=120) == 0, "".join(lines) + rest
    assert "stopped by hand" in rest
    assert (outputs / "stopped/model.onnx").is_file()
    (record,) = [run for run in all_runs(client) if run.info.run_id not in before]
    assert (record.info.status, record.data.tags["trus.outcome"]) == ("KILLED", "stopped")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["experiment=phantom", "optimizer.lrr=1"], ["Valid keys of optimizer", "lr", "Did you mean optimizer.lr?"]),
        (["experiment=phantom", "model=unet_smal"], ["unet_small", "fpn_resnet152"]),
        (["experiment=phantom", "modle=unet_small"], ["Did you mean model?"]),
        ([], ["data.manifest=", "data=phantom"]),
        (["data.manifest=/no/such.csv"], ["/no/such.csv: no such manifest"]),
        (["experiment=phantom", "ckpt_path=README.md"], ["README.md", "no checkpoint of trus"]),
        (["experiment=phantom", "optimizer.lr=abc", "data.batch_size=0"], ["optimizer.lr='abc'", "data.batch_size=0"]),
        (["experiment=phantom", "preprocessing.size=[100,64]"], ["96 or 128"]),
    ],
)
def test_wrong_settings_end_in_one_clear_error(overrides, expected, tmp_path):
    result = train(*overrides, f"hydra.run.dir={tmp_path}", ok=False)
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr
    for part in expected:
        assert part in result.stderr


def test_weights_that_cannot_be_had_are_named_with_the_two_ways_out(trained, outputs):
    where = [f"outputs={outputs}", f"hydra.run.dir={outputs}/weights", "logger=none"]
    missing = train(*SMALL, *where, "model=fpn_resnet18", "model.encoder_weights=/no/weights.pth", ok=False)
    assert "/no/weights.pth" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_help_does_not_import_torch():
    for command in (["-m", "trus.cli", "--help"], ["scripts/train.py", "--help"]):
        code = run(sys.executable, "-X", "importtime", *command).stderr
        assert " torch\n" not in code

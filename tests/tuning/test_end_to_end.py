"""The command that people type, with the real train.py: killed in mid-trial, started again, tracked on three levels."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlflow import MlflowClient

ROOT = Path(__file__).parents[2]
SMALL = [
    *("model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[32,32]", "split=holdout"),
    *("split.val_fraction=0.5", "data.batch_size=4", "data.workers=0", "trainer=cpu", "trainer.precision=32"),
    *("trainer.max_epochs=2", "search=small", "n_trials=1", "study=s"),
]

LIMIT = 600.0
"""Seconds after which a process is taken to hang."""


def test_a_study_that_was_killed_goes_on_where_it_was(dataset, tmp_path):
    command = [
        sys.executable,
        "scripts/tune.py",
        *SMALL,
        f"data.manifest={dataset}/manifest.csv",
        f"outputs={tmp_path}",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    folder = tmp_path / "tuning/s"
    limit = time.monotonic() + LIMIT
    while first.poll() is None and time.monotonic() < limit and not (folder / "trials/0000/job.json").exists():
        time.sleep(0.1)
    begun = (folder / "trials/0000/job.json").exists()
    first.kill()
    assert begun, "no trial had begun within LIMIT"
    assert first.wait() == -signal.SIGKILL, "it ended before its trial had begun"
    second = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert second.returncode == 0, second.stdout + second.stderr
    assert "trial 0 was left by an earlier start" in second.stdout
    assert "too good to be quoted" in second.stdout
    (row,) = csv.DictReader((folder / "trials.csv").open())
    assert row["state"] == "complete"
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("trus").experiment_id])
    (study,) = [run for run in runs if run.data.tags["trus.kind"] == "tuning"]
    (trial,) = [run for run in runs if run.data.tags["trus.kind"] == "cv"]
    (fold,) = [run for run in runs if run.data.tags["trus.kind"] == "fold"]
    assert trial.data.tags["mlflow.parentRunId"] == study.info.run_id
    assert fold.data.tags["mlflow.parentRunId"] == trial.info.run_id
    assert trial.data.tags["trus.trial"] == "0"
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert study.data.metrics["tuning/best_iou"] == float(row["iou"])
    assert study.data.tags["best.loss"] == row["loss"]
    assert {"trials.csv", "tuning.json", "figures"} <= {a.path for a in client.list_artifacts(study.info.run_id)}

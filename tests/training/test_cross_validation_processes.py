"""Cross-validation in real processes: killed, terminated, started twice at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from mlflow import MlflowClient

from trus.evaluation.cross_validation.folder import CvFolder, Member

ROOT = Path(__file__).parents[2]
SMALL = [
    *("model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[32,32]"),
    *("data.batch_size=4", "data.workers=0", "augmentation=none", "split.folds=2", "split.fold=all"),
    *("trainer=cpu", "trainer.precision=32", "callbacks.early_stopping=null"),
]
EPOCHS = 30
"""Of 0.1 s: too many to be over before a signal arrives."""
LIMIT = 600.0
"""Seconds after which a process is taken to hang and is killed, so that reading what it prints comes to an end."""


@pytest.fixture
def start(dataset, tmp_path):
    """Starts a process of scripts/train.py, always the same command, whose output can be read line by line."""
    started = []

    def run() -> subprocess.Popen:
        command = [sys.executable, "scripts/train.py", *SMALL, f"trainer.max_epochs={EPOCHS}",
                   f"data.manifest={dataset}/manifest.csv", f"outputs={tmp_path}",
                   f"hydra.run.dir={tmp_path}/job{len(started)}"]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        watch = Timer(LIMIT, process.kill)
        watch.start()
        started.append((process, watch))
        return process

    yield run
    for process, watch in started:
        watch.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def read_until(process: subprocess.Popen, words: str) -> str:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"ended without {words!r}:\n" + "".join(lines))


def folder_of(tmp_path: Path) -> CvFolder:
    (path,) = (tmp_path / "cv").iterdir()
    return CvFolder(path)


def runs_of(tmp_path: Path) -> dict[str, list]:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    kinds: dict[str, list] = {}
    for run in client.search_runs([client.get_experiment_by_name("trus").experiment_id]):
        kinds.setdefault(run.data.tags["trus.kind"], []).append(run)
    return kinds


def test_killed_then_terminated_then_finished_by_two_at_once_in_the_same_runs(start, tmp_path):
    process = start()
    read_until(process, "epoch 3/")
    process.kill()
    process.wait()
    folder = folder_of(tmp_path)
    assert folder.progress(Member(0, 0)).state == "running"  # as it was left; its lock is free
    process = start()
    printed = read_until(process, "epoch 6/")
    assert "going on from" in printed
    assert "epoch 2/" not in printed
    process.send_signal(signal.SIGTERM)
    rest = process.stdout.read()
    assert process.wait() == 143, printed + rest
    assert folder.progress(Member(0, 0)).state == "stopped"
    (parent,) = runs_of(tmp_path)["cv"]
    assert (parent.info.status, parent.data.tags["trus.state"]) == ("KILLED", "0 of 2 folds")

    both = [start(), start()]
    printed = [process.stdout.read() for process in both]
    assert [process.wait() for process in both] == [0, 0], "\n".join(printed)
    last = f"epoch {EPOCHS}/{EPOCHS}"
    assert sum(text.count(last) for text in printed) == 2  # each fold by one of them
    assert sum(text.count("epoch 1/") for text in printed) == 1  # and the first from its checkpoint
    kinds = runs_of(tmp_path)
    (parent,) = kinds["cv"]
    assert len(kinds["fold"]) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in kinds["fold"]} == {parent.info.run_id}
    assert {run.info.status for runs in kinds.values() for run in runs} == {"FINISHED"}
    assert parent.data.tags["trus.state"] == "2 of 2 folds"
    values = [json.loads((tmp_path / f"job{n}/job.json").read_text())["value"] for n in (2, 3)]
    assert parent.data.metrics["cv/iou"] in values  # the other's is None where it ended before

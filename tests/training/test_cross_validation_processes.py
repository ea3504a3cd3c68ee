"""Cross-validation in real processes: killed, terminated, started twice at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from trus.evaluation.cv_folder import CvFolder, Member

ROOT = Path(__file__).parents[2]
SMALL = [
    *("model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[32,32]"),
    *("data.batch_size=4", "data.workers=0", "augmentation=none", "split.folds=2", "split.fold=all"),
    *("trainer=cpu", "trainer.precision=32"),
]


@pytest.fixture
def start(dataset, tmp_path):
    """Further overrides -> a process of scripts/train.py whose output can be read line by line."""
    started = []

    def run(*overrides: str) -> subprocess.Popen:
        command = [sys.executable, "scripts/train.py", *SMALL, f"data.manifest={dataset}/manifest.csv",
                   f"outputs={tmp_path}", f"hydra.run.dir={tmp_path}/job{len(started)}", *overrides]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT))  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


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


def test_killed_then_terminated_then_finished_in_the_same_runs(start, tmp_path):
    long = ("trainer.max_epochs=120", "callbacks.early_stopping=null")
    process = start(*long)
    read_until(process, "epoch 3/")
    process.kill()
    process.wait()
    folder = folder_of(tmp_path)
    assert folder.progress(Member(0, 0)).state == "running"  # as it was left; its lock is free
    process = start(*long)
    printed = read_until(process, "epoch 6/")
    assert "going on from" in printed
    assert "epoch 2/" not in printed
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() is not None
    assert process.wait() == 143
    assert folder.progress(Member(0, 0)).state == "stopped"
    (parent,) = runs_of(tmp_path)["cv"]
    assert (parent.info.status, parent.data.tags["trus.state"]) == ("KILLED", "0 of 2 folds")
    process = start(*long)
    rest = process.stdout.read()
    assert process.wait() == 0, rest
    kinds = runs_of(tmp_path)
    assert len(kinds["cv"]) == 1
    assert len(kinds["fold"]) == 2
    assert {run.info.status for runs in kinds.values() for run in runs} == {"FINISHED"}
    assert json.loads((tmp_path / "job2/job.json").read_text())["value"] == kinds["cv"][0].data.metrics["cv/iou"]


def test_two_processes_share_the_folds_below_one_parent(start, tmp_path):
    processes = [start("trainer.max_epochs=3") for _ in range(2)]
    printed = [process.stdout.read() for process in processes]
    assert [process.wait() for process in processes] == [0, 0], "\n".join(printed)
    assert sum(text.count("epoch 1/") for text in printed) == 2
    kinds = runs_of(tmp_path)
    (parent,) = kinds["cv"]
    assert len(kinds["fold"]) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in kinds["fold"]} == {parent.info.run_id}
    assert (parent.info.status, parent.data.tags["trus.state"]) == ("FINISHED", "2 of 2 folds")

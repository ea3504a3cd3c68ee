"""A 5-fold cross-validation as five jobs of a real SLURM: one goes back into the queue, one is killed, one fails."""

import csv
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.scaling.conftest import ROOT, command
from trus.evaluation.cross_validation.folder import CvFolder, Member

EPOCHS = 30


def overrides(manifest_file: Path, server, outputs: Path) -> list[str]:
    limits = ("cpus_per_task=1", "mem_gb=1", "signal_delay_s=5")
    return [
        *("-m", "launcher=slurm", *(f"hydra.launcher.{limit}" for limit in limits)),
        *("split.fold=0,1,2,3,4", f"trainer.max_epochs={EPOCHS}", "data.batch_size=2", "data.workers=1"),
        *(
            f"data.manifest={manifest_file}",
            f"outputs={outputs}",
            f"logger.tracking_uri={server.uri}",
            "logger.artifacts=null",
        ),
    ]


def wait_for(condition: Callable[[], object], process: subprocess.Popen, seconds: float = 600) -> None:
    """Until the condition holds; the command must still be running."""
    start = time.monotonic()
    while not condition():
        assert process.poll() is None, f"the command ended too early; it was waited for {condition}"
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.05)


def processes_of(task: int, environment: dict[str, str]) -> list[int]:
    """Ids of the Python processes of one task of this cluster's job array."""
    wanted = {f"SLURM_ARRAY_TASK_ID={task}", f"SLURM_CONF={environment['SLURM_CONF']}", "SUBMITIT_EXECUTOR=slurm"}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = set((folder / "environ").read_bytes().decode(errors="replace").split("\0"))
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if wanted <= variables and "submitit.core._submit" in arguments and "srun" not in arguments[0]:
            found.append(int(folder.name))
    return found


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def first(manifest_file, server, cluster, outputs) -> tuple[int, str, CvFolder]:
    """The sweep that goes wrong: its exit code, what it printed, and the folder of the cross-validation."""
    printed = outputs / "printed.txt"
    with printed.open("w") as file:
        process = subprocess.Popen(command(*overrides(manifest_file, server, outputs)), cwd=ROOT, stdout=file,
                                   stderr=subprocess.STDOUT, env=cluster.environment)  # fmt: skip
        wait_for(lambda: list(outputs.glob("cv/*/cv.json")), process)
        folder = CvFolder(next(outputs.glob("cv/*/cv.json")).parent)
        folder.run_dir(Member(4, 0)).mkdir(parents=True)
        (folder.run_dir(Member(4, 0)) / "checkpoints").write_text("where a folder ought to be")
        wait_for((folder.run_dir(Member(0, 0)) / "checkpoints/last.ckpt").exists, process)
        job = next(job for job in cluster.jobs("running") if job.endswith("_0"))
        warning = ["scancel", "--signal=USR2", job]  # what SLURM sends before the time limit
        sent = subprocess.Popen(warning, env=cluster.environment)
        wait_for(lambda: folder.progress(Member(0, 0)).state == "stopped", process)
        sent.terminate()  # it would send on until the job runs anew, and end it in its first seconds
        sent.wait()
        wait_for(lambda: folder.progress(Member(2, 0)).state == "running", process)
        for process_id in processes_of(2, cluster.environment):
            os.kill(process_id, signal.SIGKILL)
        code = process.wait()
    return code, printed.read_text(), folder


def runs(server, kind: str):
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("trus").experiment_id
    return client.search_runs([experiment], filter_string=f"tags.`trus.kind` = '{kind}'")


def test_a_failing_and_a_killed_job_end_the_command_with_an_error_that_names_both(first):
    code, printed, _ = first
    assert code == 1, printed
    assert "2 of 5 jobs failed" in printed, printed
    assert re.search(r"split\.fold=2: ended without a result", printed), printed
    assert re.search(r"split\.fold=4: FileExistsError: .*fold4_seed0", printed), printed
    assert "same command again" in printed
    assert "Traceback" not in printed


def test_the_parent_says_what_is_there_and_what_is_not(first, server):
    (parent,) = runs(server, "cv")
    assert parent.info.status == "FAILED"
    assert "3 of 5" in parent.data.tags["trus.state"]
    assert json.loads((first[2].path / "summary.json").read_text())["state"] == parent.data.tags["trus.state"]


def test_a_job_near_its_time_limit_goes_back_into_the_queue_and_on_from_its_checkpoint(first, outputs):
    _, _, folder = first
    assert folder.progress(Member(0, 0)).state == "finished"
    assert folder.progress(Member(0, 0)).epochs == EPOCHS
    log = next(outputs.glob("sweeps/*/*/.submitit/*_0/*_log.out")).read_text()
    assert "going on from" in log
    assert log.count("epoch 1/") == 1
    assert log.count(f"epoch {EPOCHS}/") == 1


def test_the_same_command_again_does_only_what_is_missing(first, manifest_file, server, cluster, outputs):
    folder = first[2]
    (folder.run_dir(Member(4, 0)) / "checkpoints").unlink()
    before = (folder.run_dir(Member(1, 0)) / "model.onnx").stat().st_mtime_ns
    sweep = command(*overrides(manifest_file, server, outputs))
    again = subprocess.run(sweep, cwd=ROOT, capture_output=True, text=True, check=False, env=cluster.environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (folder.run_dir(Member(1, 0)) / "model.onnx").stat().st_mtime_ns == before
    (parent,) = runs(server, "cv")
    children = runs(server, "fold")
    assert parent.info.status == "FINISHED"
    assert sorted(child.data.tags["trus.fold"] for child in children) == ["0", "1", "2", "3", "4"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.info.status for child in children} == {"FINISHED"}
    artifacts = {file.path for file in MlflowClient(server.uri).list_artifacts(parent.info.run_id)}
    assert {"out_of_fold.csv", "summary.json", "split.json", "figures"} <= artifacts
    with (folder.path / "out_of_fold.csv").open() as file:
        assert {row["fold"] for row in csv.DictReader(file)} == {"0", "1", "2", "3", "4"}

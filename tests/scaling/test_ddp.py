"""One network in two processes (gloo, CPU): the same numbers as in one, and no process left alone."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from mlflow import MlflowClient
from omegaconf import OmegaConf

from tests.scaling.conftest import ROOT, command
from trus.data.manifest import Manifest
from trus.data.splits import make_split
from trus.errors import ConfigError
from trus.training.distributed import check_distributed

# batch normalisation would see 2 frames instead of 4
NETWORK = [
    *("model=smp", "model.architecture=Unet", "model.encoder=vgg11", "model.encoder_weights=null"),
    *("+model.decoder_channels=[16,16,8,8,8]", "+model.decoder_use_norm=false"),
]
DDP = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32"]


def drop_small_unet(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith(("model.widths", "model.context", "model=unet"))]


def fold_of(manifest_file: Path, frames: int) -> int:
    """The first of three folds that so many frames validate."""
    manifest = Manifest.load(manifest_file)
    settings = {"kind": "kfold", "folds": 3, "repeats": 1, "seed": 0, "stratify": True, "allow_ungrouped": False}
    split = make_split(manifest.frames, manifest.classes, manifest.verify(), settings)
    return [len(part) for part in split.validation].index(frames)


def run_once(manifest_file: Path, outputs: Path, *overrides: str) -> tuple[str, MlflowClient]:
    """What a run of NETWORK printed, and the client of the store that it alone was tracked in."""
    settings = [
        f"data.manifest={manifest_file}",
        "split.folds=3",
        f"split.fold={fold_of(manifest_file, 3)}",
        "trainer.max_epochs=3",
    ]
    words = drop_small_unet(
        command(*NETWORK, *settings, f"outputs={outputs}", f"hydra.run.dir={outputs}/run", *overrides)
    )
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, MlflowClient(f"sqlite:///{outputs}/mlflow.db")


def test_two_processes_train_to_the_same_numbers_as_one_and_are_one_run(manifest_file, tmp_path):
    alone, one = run_once(manifest_file, tmp_path / "one", "data.batch_size=4")
    printed, two = run_once(manifest_file, tmp_path / "two", "data.batch_size=2", *DDP)
    assert "8 training and 3 validation frames" in alone  # 3: two processes cannot share them equally
    assert "2 processes (2 times 2 frames a step)" in printed
    assert printed.count("epoch 3/3") == 1
    records = [client.search_runs([client.get_experiment_by_name("trus").experiment_id]) for client in (one, two)]
    (first,), (second,) = records
    assert second.info.status == "FINISHED"
    for metric in ("train/loss", "val/loss", "val/iou", "val/dice", "val/pooled_iou"):
        expected = [point.value for point in one.get_metric_history(first.info.run_id, metric)]
        assert len(expected) == 3
        got = [point.value for point in two.get_metric_history(second.info.run_id, metric)]
        assert got == pytest.approx(expected, abs=1e-2), metric  # Adam turns rounding into steps
    names = {path.name for path in (tmp_path / "one/run").iterdir() if path.suffix != ".log"}
    assert names == {path.name for path in (tmp_path / "two/run").iterdir() if path.suffix != ".log"}


def start(manifest_file: Path, outputs: Path) -> tuple[subprocess.Popen, int]:
    """An endless training in two processes, past its first epoch, and the id of the second process."""
    words = command(*DDP, f"data.manifest={manifest_file}", "split.folds=3", "trainer.max_epochs=1000000",
                    "data.batch_size=2", "callbacks.early_stopping=null", f"outputs={outputs}",
                    f"hydra.run.dir={outputs}/run")  # fmt: skip
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip
    assert process.stdout
    read = []
    for line in process.stdout:
        read.append(line)
        if line.startswith("epoch 2/"):
            break
    else:
        raise AssertionError("".join(read))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    others = [child for child in children if b"ddp_process_1" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return process, int(others[0])


def is_gone(process_id: int) -> bool:
    for _ in range(600):
        if not Path(f"/proc/{process_id}").exists():
            return True
        time.sleep(0.1)
    return False


def only_run(outputs: Path):
    client = MlflowClient(f"sqlite:///{outputs}/mlflow.db")
    (record,) = client.search_runs([client.get_experiment_by_name("trus").experiment_id])
    return record


def test_a_lost_process_ends_the_job_and_is_told(manifest_file, tmp_path):
    process, other = start(manifest_file, tmp_path)
    os.kill(other, signal.SIGKILL)
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 1, printed
    assert "error: another of the 2 processes of this training ended" in printed
    assert only_run(tmp_path).info.status == "FAILED"


def test_sigterm_to_the_first_process_ends_both_with_a_checkpoint_of_that_step(manifest_file, tmp_path):
    process, other = start(manifest_file, tmp_path)
    last = tmp_path / "run/checkpoints/last.ckpt"
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGTERM, printed
    assert is_gone(other)
    assert last.is_file()
    assert only_run(tmp_path).info.status == "KILLED"


def check(mode: RunMode, *overrides: str) -> None:
    """check_distributed on conf/train.yaml with these overrides."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", ["data.manifest=x", "outputs=/x", "run_dir=/x", *overrides], return_hydra_config=True)
        config.hydra.mode = mode
        HydraConfig.instance().set_config(config)
        settings = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    try:
        check_distributed(OmegaConf.to_container(settings, resolve=True))
    finally:
        HydraConfig.instance().cfg = None


@pytest.mark.parametrize(
    ("mode", "overrides", "said"),
    [
        (RunMode.MULTIRUN, [*DDP], "run the whole sweep"),
        (RunMode.MULTIRUN, [*DDP, "launcher=joblib"], "run the whole sweep"),
        (RunMode.MULTIRUN, [*DDP, "launcher=slurm"], "hydra.launcher.tasks_per_node=1"),
        (RunMode.RUN, [*DDP, "split.fold=all"], "one network a job"),
        (RunMode.RUN, [*DDP, "seeds=2"], "one network a job"),
        (RunMode.RUN, [*DDP, "trainer.strategy=fsdp"], "trainer.strategy=fsdp"),
        (RunMode.MULTIRUN, ["trainer=gpu", "trainer.devices=auto"], "trainer.devices=1"),
    ],
)
def test_several_processes_are_refused_where_they_go_wrong(mode, overrides, said):
    with pytest.raises(ConfigError, match=said):
        check(mode, *overrides)


def test_several_processes_are_allowed_alone_and_under_slurm_with_as_many_tasks():
    check(RunMode.RUN, *DDP)
    check(RunMode.MULTIRUN, *DDP, "launcher=slurm", "hydra.launcher.tasks_per_node=2")
    check(RunMode.MULTIRUN, "trainer=cpu", "launcher=joblib")

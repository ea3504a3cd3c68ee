"""Waiting for data in a training step: `python scripts/benchmark_data.py [--model unet_small] [--size 256]`.

Trains on the phantom (synthetic) with augmentation=light and one worker, and counts of each step, but for the first
ones of an epoch, how long the loop waited for its batch. Prints the medians, their ratio, and the goal of 2 %.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from trus.data.datamodule import FrameDataModule
from trus.data.phantom import write_phantom
from trus.training.document import build_metadata
from trus.training.fitting import make_trainer
from trus.training.memory import keep_memory
from trus.training.module import SegmentationTask

GOAL, FIRST = 0.02, 2


class Waiting(pl.Callback):
    """Seconds between the end of a step and the next one's batch, and of the step itself."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.steps: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self._end = time.perf_counter()

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._start, self._counts = time.perf_counter(), batch_idx >= FIRST
        if self._counts:
            self.waits.append(self._start - self._end)

    def on_train_batch_end(self, *_: Any) -> None:
        self._end = time.perf_counter()
        if self._counts:
            self.steps.append(self._end - self._start)


def measure(model: str, size: int, epochs: int, folder: Path) -> Waiting:
    """Train; everything is written below `folder`."""
    overrides = ["experiment=phantom", f"model={model}", f"outputs={folder}", f"run_dir={folder}", "data.batch_size=8"]
    overrides += [f"preprocessing.size={[size, size]}", "model.encoder_weights=null", "data.workers=1"]
    overrides += [f"trainer.max_epochs={epochs}", "scheduler=none"]
    with initialize_config_dir(str(Path(__file__).resolve().parents[1] / "conf"), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("train", overrides), resolve=True)
    write_phantom(Path(config["data"]["manifest"]).parent, **config["data"]["phantom"])
    data = FrameDataModule(*(config[group] for group in ("data", "preprocessing", "augmentation", "split")))
    data.prepare()
    task, waiting = SegmentationTask(build_metadata(config, data, None, {"model": model}), config), Waiting()
    config["trainer"] |= {"limit_val_batches": 0, "enable_checkpointing": False}
    make_trainer(config, [waiting], None).fit(task, data)
    return waiting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet_small")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    keep_memory()
    with tempfile.TemporaryDirectory() as name, redirect_stdout(sys.stderr):
        waiting = measure(arguments.model, arguments.size, arguments.epochs, Path(name))
    wait, step = statistics.median(waiting.waits), statistics.median(waiting.steps)
    share = sum(waiting.waits) / (sum(waiting.waits) + sum(waiting.steps))
    print(
        f"{arguments.model}, 8 frames of {arguments.size}x{arguments.size}, augmentation=light, 1 worker, "
        f"{len(waiting.steps)} steps: median wait {wait * 1e3:.1f} ms, step {step * 1e3:.0f} ms, ratio "
        f"{wait / step:.3f}; of all time {share:.3f}; goal {GOAL}"
    )


if __name__ == "__main__":
    main()

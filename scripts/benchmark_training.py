"""A training step of trus against a plain loop and against a hand-written one: `python scripts/benchmark_training.py`.

`plain` is what a notebook does: segmentation-models-pytorch's network and losses in fp32, Adam, default allocator.
`trus` is Lightning's loop with the configured callbacks, precision and metrics, `by hand` a loop with the same network,
loss, optimiser, precision, memory format and allocator and nothing else. Each side has processes of its own, for an
allocator is set once; `by hand` runs in that of `trus`, a step of the one after a step of the other. Frames are random
and in memory. Prints medians over all rounds, ratios of the medians with the range of the rounds', page faults a step.

    python scripts/benchmark_training.py [--model resnet18|resnet152|efficientnet_lite0] [--rounds 3] [--steps 5]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

SIZES = {"resnet18": (8, 512), "resnet152": (2, 512), "efficientnet_lite0": (8, 512)}
GOALS = {"resnet18": 2.5, "resnet152": 1.9, "efficientnet_lite0": 2.5}
ENCODERS = {"efficientnet_lite0": "tu-tf_efficientnet_lite0"}
WARM_UP = 2
ALLOCATOR = ("THP_MEM_ALLOC_ENABLE", "GLIBC_TUNABLES", "MALLOC_")


def main() -> None:
    arguments = _arguments()
    if arguments.side:
        sides = {"plain": plain_steps, "trus": trus_steps}
        print(json.dumps(sides[arguments.side](arguments.model, arguments.steps)))
        return
    rounds = [_round(arguments) for _ in range(arguments.rounds)]
    _report(arguments.model, rounds)


def plain_steps(model: str, steps: int) -> dict[str, list[list[float]]]:
    """Seconds, CPU seconds and page faults of each step."""
    import segmentation_models_pytorch as smp
    import torch

    network = smp.FPN(encoder_name=ENCODERS.get(model, model), encoder_weights=None, in_channels=3, classes=1)
    dice, entropy = smp.losses.DiceLoss("binary"), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    meter = Meter()
    for batch in _batches(model, WARM_UP + steps):
        optimizer.zero_grad()
        logits = network(batch["image"])
        loss = dice(logits, batch["target"]) + entropy(logits, batch["target"])
        loss.backward()
        optimizer.step()
        meter.lap("plain")
    return meter.laps


def trus_steps(model: str, steps: int) -> dict[str, list[list[float]]]:
    """Seconds, CPU seconds and page faults of each step of trus, and of one by hand after it."""
    import hydra
    import pytorch_lightning as pl
    from torch.utils.data import DataLoader

    from trus.training.fitting import make_trainer
    from trus.training.memory import keep_memory

    keep_memory()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        config = _config(model, Path(folder))
        task = _task(config)
    meter, by_hand = Meter(), _hand_step(config)

    class Interleave(pl.Callback):
        """Last of all callbacks: what is before it belongs to the step."""

        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            meter.start()

        def on_train_batch_end(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            meter.lap("trus")
            by_hand(batch)
            meter.lap("by hand")

    nodes = [config["callbacks"][name] for name in ("epoch_lines", "stop")]
    callbacks = [*(hydra.utils.instantiate(node) for node in nodes), Interleave()]
    config["trainer"] |= {"max_epochs": 1, "limit_val_batches": 0, "enable_checkpointing": False}
    with redirect_stdout(sys.stderr):
        make_trainer(config, callbacks, None).fit(
            task, DataLoader([*_batches(model, WARM_UP + steps)], batch_size=None)
        )
    return meter.laps


def _hand_step(config: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """One step on a network of its own, written as if there were no Lightning."""
    import torch

    from trus.models.build import build_network
    from trus.training.losses import DiceBCE
    from trus.training.precision import resolve_precision

    network = build_network(config["model"], 3, 1).to(memory_format=torch.channels_last).train()
    optimizer, loss_function = torch.optim.Adam(network.parameters(), lr=1e-4), DiceBCE()
    bf16 = resolve_precision("auto", "cpu") == "bf16-mixed"

    def step(batch: dict[str, Any]) -> None:
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = loss_function(network(image), batch["target"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if not torch.isfinite(loss):
            raise RuntimeError("the loss is not finite")

    return step


class Meter:
    """Wall clock, CPU time and page faults since the lap before, by name; the first WARM_UP of each do not count."""

    def __init__(self) -> None:
        self.laps: dict[str, list[list[float]]] = {}
        self.start()

    def start(self) -> None:
        """Begin a lap."""
        self._last = self._now()

    def lap(self, name: str) -> None:
        """End it, and begin the next."""
        now = self._now()
        self.laps.setdefault(name, []).append([b - a for a, b in zip(self._last, now, strict=True)])
        self._last = self._now()

    @staticmethod
    def _now() -> list[float]:
        use = resource.getrusage(resource.RUSAGE_SELF)
        return [time.perf_counter(), use.ru_utime + use.ru_stime, float(use.ru_minflt)]


def _batches(model: str, count: int) -> Iterator[dict[str, Any]]:
    import torch

    torch.manual_seed(0)
    size, side = SIZES[model]
    batch = {
        "image": torch.randn(size, 3, side, side),
        "target": (torch.rand(size, 1, side, side) > 0.7).float(),
        "counted": torch.ones(size, dtype=torch.bool),
    }
    return (batch for _ in range(count))


def _config(model: str, folder: Path) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    overrides = [f"model=fpn_{model}", "model.encoder_weights=null", "data=phantom", "trainer=cpu", "optimizer.lr=1e-4"]
    overrides += ["scheduler=none"]  # the plateau would want a validation
    overrides += [f"preprocessing.size={[SIZES[model][1]] * 2}", f"outputs={folder}", f"run_dir={folder}"]
    overrides += ["data.phantom.patients=4", "split.folds=2", "data.classes=[gland]", "data.workers=0"]
    with initialize_config_dir(str(Path(__file__).resolve().parents[1] / "conf"), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("train", overrides), resolve=True)
    return config


def _task(config: dict[str, Any]) -> Any:
    """The LightningModule; its document of what it is made of wants a data set."""
    from trus.data.datamodule import FrameDataModule
    from trus.data.phantom import write_phantom
    from trus.training.document import build_metadata
    from trus.training.module import SegmentationTask

    write_phantom(Path(config["data"]["manifest"]).parent, **config["data"]["phantom"])
    data = FrameDataModule(*(config[group] for group in ("data", "preprocessing", "augmentation", "split")))
    data.prepare()
    return SegmentationTask(build_metadata(config, data, None, {"model": "network"}), config)


def _round(arguments: argparse.Namespace) -> dict[str, list[list[float]]]:
    """One process a side; returns for each the medians of seconds, CPU seconds and page faults of a step."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ALLOCATOR)}
    laps: dict[str, list[list[float]]] = {}
    for side in ("plain", "trus"):
        command = [
            sys.executable,
            __file__,
            "--side",
            side,
            "--model",
            arguments.model,
            "--steps",
            str(arguments.steps),
        ]
        done = subprocess.run(command, env=clean, stdout=subprocess.PIPE, text=True, check=True)
        laps |= json.loads(done.stdout.splitlines()[-1])
    return {side: [statistics.median(n) for n in zip(*rows[WARM_UP:], strict=True)] for side, rows in laps.items()}


def _report(model: str, rounds: list[dict[str, list[float]]]) -> None:
    size, side = SIZES[model]
    print(f"FPN-{model}, {size} frames of {side}x{side}; medians of {len(rounds)} interleaved rounds")
    for name in rounds[0]:
        wall, cpu, faults = (statistics.median(n) for n in zip(*(one[name] for one in rounds), strict=True))
        print(f"  {name:8} {wall:6.2f} s a step, {cpu:6.2f} s of CPU, {faults:9,.0f} page faults")
    for name, below, goal in (("plain", "trus", f"at least {GOALS[model]}"), ("trus", "by hand", "at most 1.03")):
        each = [one[name][0] / one[below][0] for one in rounds]
        cpu = statistics.median(one[name][1] / one[below][1] for one in rounds)
        print(
            f"  {name} / {below}: {statistics.median(each):.3f} (rounds {min(each):.3f} to {max(each):.3f}; "
            f"by CPU time {cpu:.3f}), goal {goal}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=SIZES, default="resnet18")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--side", choices=("plain", "trus"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

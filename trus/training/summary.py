"""What is printed when a run ends: the score, where everything is, what to type next."""

import os
import sys
from pathlib import Path
from typing import Any

from trus.data.datamodule import FrameDataModule
from trus.training.outcome import Outcome
from trus.training.run_logger import RunLogger


def print_summary(
    config: dict[str, Any],
    data: FrameDataModule,
    outcome: Outcome | None,
    logger: RunLogger | None,
    epochs: int,
    stopped: bool,
) -> None:
    """Print it; without an outcome, why there is none."""
    how = "stopped by hand after" if stopped else "trained for"
    print(f"\n{how} {epochs} epoch(s) on {_count(data)}")
    if outcome is None:
        print("no model file: no epoch was validated, or the export callback is off")
        return
    synthetic = " on SYNTHETIC data" if config["data"]["phantom"] else ""
    basis = f"{outcome.iou.frames} frames of {outcome.iou.patients} patients"
    if not data.split.grouped:
        basis = f"{outcome.iou.frames} frames; WARNING: no patient ids, this may be too good"
    print(f"  validation IoU  {outcome.iou}{synthetic}, {basis}")
    print(f"  split           fold {config['split']['fold']}, hash {data.split.hash[:12]}")
    print(f"  model file      {_short(outcome.model_file)}  ({outcome.parity})")
    print(f"  checkpoint      {_short(outcome.checkpoint)}")
    if outcome.predictions:
        print(f"  masks           {_short(outcome.predictions / 'masks')}  (overlays beside them)")
    if logger:
        print(f"  MLflow run      {logger.run_id or 'not made yet'}  in {config['logger']['tracking_uri']}")
    print("next:")
    for command in _next_commands(config, data, _short(outcome.model_file)):
        print(f"  {command}")
    print("Research use only; not a medical device.")


def _next_commands(config: dict[str, Any], data: FrameDataModule, model: str) -> list[str]:
    """Commands that work as they are printed, in a shell where the virtual environment is not active too."""
    folder = Path(sys.executable).parent
    prefix = "" if str(folder) in os.environ.get("PATH", "").split(os.pathsep) else f"{_short(folder)}/"
    manifest = _short(Path(config["data"]["manifest"]))
    last = f"{prefix}python scripts/train.py data.manifest={manifest} split.fold=1"
    if any(frame.split == "test" for frame in data.manifest.frames):
        last = f"{prefix}python scripts/evaluate.py model_file={model} data.manifest={manifest}"
    return ["make ui", f"{prefix}trus predict --model {model} {manifest} -o outputs/masks", last]


def _count(data: FrameDataModule) -> str:
    return f"{len(data.training_frames)} frames, validated on {len(data.validation_frames)}"


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative

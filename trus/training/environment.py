"""What a run was computed with: code, packages, machine, command; environment.json in its folder and in MLflow."""

import json
import os
import platform
import shlex
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import trus
from trus.cores import available_cores
from trus.files import write_json
from trus.training.precision import resolve_precision
from trus.training.tracking import git_state

NAME = "environment.json"
PACKAGES = (
    *("albumentations", "hydra-core", "mlflow", "numpy", "omegaconf", "onnx", "onnxruntime", "onnxscript"),
    *("opencv-python-headless", "pandas", "pillow", "pytorch-lightning", "safetensors", "scikit-image", "scikit-learn"),
    *("scipy", "segmentation-models-pytorch", "timm", "torch", "torchmetrics", "torchvision", "transformers"),
)
_SETTINGS = ("MALLOC", "GLIBC_TUNABLES", "OMP_", "MKL_", "THP_", "CUBLAS_", "PYTORCH_", "TORCH_", "ATEN_")


def describe_environment(
    config: dict[str, Any], choices: dict[str, str], data_hash: str, split_hash: str
) -> dict[str, Any]:
    """A JSON document: `code`, `packages`, `python`, `machine` (with threads and precision), `data`, `command`."""
    trainer = config["trainer"]
    return {
        "code": dict(_code()),
        "packages": dict(_packages()),
        "python": platform.python_version(),
        "machine": _machine() | {"precision": str(resolve_precision(trainer["precision"], trainer["accelerator"]))},
        "data": {"data_hash": data_hash, "split_hash": split_hash},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "choices": {group: str(choice) for group, choice in choices.items()},
    }


def write_environment(folder: Path, environment: dict[str, Any]) -> Path:
    """Write environment.json into `folder`, atomically; returns its path."""
    write_json(folder / NAME, environment)
    return folder / NAME


def read_environment(folder: Path) -> dict[str, Any] | None:
    """The document in `folder`; None where there is none, as in runs of earlier versions."""
    try:
        content: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A line for each part of two documents that is not the same, data and split left out."""
    lines = []
    for part in ("code", "packages", "python", "machine"):
        before, after = then.get(part, {}), now[part]
        if isinstance(after, str):
            before, after = {"": before}, {"": after}
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                lines.append(f"{part} {key}".strip() + f": {_said(before.get(key))} then, {_said(after.get(key))} now")
    return lines + _uncommitted(then, now)


def _uncommitted(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Two trees of one commit with changes in them may still differ."""
    both = all(document.get("code", {}).get("uncommitted_changes") for document in (then, now))
    return ["code: uncommitted changes then and now, which may not be the same"] * both


@cache
def _code() -> dict[str, Any]:
    commit, dirty = git_state(Path(trus.__file__).parent)
    return {"trus": trus.__version__, "git_commit": commit, "uncommitted_changes": dirty}


@cache
def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    return {
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(_SETTINGS)},
    }


@cache
def _cpu() -> str:
    """The processor's name as Linux tells it; platform.processor() is empty there."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _said(value: Any) -> str:
    return "nothing" if value in (None, {}, []) else str(value)

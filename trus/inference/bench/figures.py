"""What a benchmark says of one side, and of the machine."""

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from trus.cores import available_cores

STAGES = ("decode", "preprocess", "network", "inverse", "encode")
"""From frame file to mask file: read the frame; crop, filter, resize, normalise; the network; probabilities back in the
frame and the mask decided; the mask written as PNG."""


@dataclass(frozen=True)
class Figures:
    """Of one model file and backend. Times in seconds, from frame file to mask file; memory in bytes.

    `opened_s` and `first_mask_s` count from the start of the process. Of all frames `median_s` and `p95_s` are on the
    clock, `cores_s` is the median time of all cores together, which other work on the machine changes less; `stages`
    and `cores_stages` are the medians of each stage. `throughput` is frames a second of a clip.
    """

    model: str
    backend: str
    file_bytes: int
    opened_s: float
    first_mask_s: float
    median_s: float
    p95_s: float
    cores_s: float
    throughput: float
    peak_bytes: int
    stages: dict[str, float]
    cores_stages: dict[str, float]
    frames: int

    @property
    def around_s(self) -> float:
        """Everything but the network, on the clock."""
        return _without_network(self.stages)

    @property
    def around_cores_s(self) -> float:
        """Everything but the network, all cores together."""
        return _without_network(self.cores_stages)

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self) | {"around_s": self.around_s, "around_cores_s": self.around_cores_s}


def _without_network(stages: dict[str, float]) -> float:
    return sum(seconds for stage, seconds in stages.items() if stage != "network")


def summarise(timings: list[dict[str, list[float]]]) -> dict[str, Any]:
    """Timings of a frame each, as the worker's `segment` returns them -> the fields of Figures made of them."""
    seconds = np.array([[timing[stage] for stage in STAGES] for timing in timings])  # (frames, stages, clock and cores)
    clock, cores = np.median(seconds.sum(axis=1), axis=0)
    stages, cores_stages = np.median(seconds, axis=0).T.tolist()
    return {
        "median_s": float(clock),
        "p95_s": float(np.percentile(seconds[..., 0].sum(axis=1), 95)),
        "cores_s": float(cores),
        "stages": dict(zip(STAGES, stages, strict=True)),
        "cores_stages": dict(zip(STAGES, cores_stages, strict=True)),
        "frames": len(timings),
    }


def machine() -> dict[str, Any]:
    """Processor, cores, how busy it is (load over a minute), and the versions that decide the speed."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


_PACKAGES = ("trus", "numpy", "opencv-python-headless", "pillow", "onnxruntime", "openvino", "torch")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())

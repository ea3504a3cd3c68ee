"""The task that every peer reads, and what each leaves behind. No trus here: peers have environments of their own."""

import argparse
import csv
import json
import os
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from PIL import Image

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Case:
    """One frame: a file, its mask (None in the test part, which no peer sees), and the name its prediction gets."""

    image: Path
    mask: Path | None
    name: str


@dataclass(frozen=True)
class Task:
    """One fold of one set, read from its folder: task.json, train.csv, validation.csv and test.csv.

    `labels` are the label values of the masks, background first, `names` their names. `size` is the (height, width)
    that peers without a size of their own bring frames to.
    """

    folder: Path
    labels: tuple[int, ...]
    names: tuple[str, ...]
    size: tuple[int, int]
    train: list[Case]
    validation: list[Case]
    test: list[Case]

    @classmethod
    def read(cls, folder: Path) -> "Task":
        """Read what `peers.sets` wrote."""
        content = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        labels = sorted((int(value), name) for value, name in content["labels"].items())
        values, names = zip(*labels, strict=True)
        height, width = content["size"]
        return cls(folder, values, names, (height, width), *(_read_part(folder, part) for part in PARTS))

    def read_classes(self, path: Path) -> np.ndarray:
        """A mask as uint8 (H, W) of class numbers 0 to K, 0 the background."""
        return np.searchsorted(self.labels, np.asarray(Image.open(path))).astype(np.uint8)

    def write_prediction(self, out: Path, case: Case, classes: np.ndarray) -> None:
        """Write class numbers (H, W) as label values. Raises ValueError unless it has the frame's own size."""
        width, height = Image.open(case.image).size
        if classes.shape != (height, width):
            raise ValueError(f"{case.name}: the prediction has the shape {classes.shape}, its frame {(height, width)}")
        path = out / "masks" / f"{case.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(self.labels, np.uint8)[classes]).save(path)


class Clock:
    """The wall clock of training: from `start`, before the first step, to `seconds` later."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._begun = time.perf_counter()

    def start(self) -> None:
        """Everything before was preparation."""
        self._begun = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begun

    @property
    def share(self) -> float:
        """Of the time given, 0 to 1: what schedules follow, since nobody knows the number of steps beforehand."""
        return min(1.0, self.elapsed / self.seconds)

    @property
    def over(self) -> bool:
        """Is the time used up?"""
        return self.elapsed >= self.seconds


def read_grey(path: Path) -> np.ndarray:
    """A frame as uint8 (H, W); colours are averaged to grey."""
    return np.asarray(Image.open(path).convert("L"))


def parse_arguments() -> argparse.Namespace:
    """What every program of a peer is told: task, out, variant, seconds, seed, threads."""
    parser = argparse.ArgumentParser()
    for name, kind in (("task", Path), ("out", Path), ("variant", str), ("seconds", float)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def write_account(out: Path, packages: tuple[str, ...], **facts: object) -> None:
    """Write account.json: what the peer says of its fit (seconds of training, steps, epochs, ...), and versions."""
    content = facts | {"versions": {name: _version(name) for name in packages}}
    (out / "account.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _read_part(folder: Path, part: str) -> list[Case]:
    with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Case(folder / row["image"], folder / row["mask"] if row["mask"] else None, row["name"]) for row in rows]

"""Start the sides of a benchmark and ask them in turn, so that what else the machine does hits all of them alike."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from trus.cores import available_cores
from trus.data.images import write_image
from trus.errors import ModelFileError
from trus.inference.bench.figures import Figures, summarise


@dataclass(frozen=True)
class Side:
    """A model file and what runs it: a Backend, or pytorch."""

    model: Path
    backend: str

    def __str__(self) -> str:
        """For messages: `model.onnx on openvino`."""
        return f"{self.model} on {self.backend}"


def sides_of(models: Sequence[Path], backends: Sequence[str] = ()) -> list[Side]:
    """Each .onnx file with each backend (ONNX Runtime), each .ckpt with PyTorch."""
    return [
        Side(model, backend)
        for model in models
        for backend in (["pytorch"] if model.suffix == ".ckpt" else backends or ["onnxruntime"])
    ]


def measure(
    sides: Sequence[Side],
    frames: Sequence[Path] = (),
    count: int = 20,
    rounds: int = 5,
    threads: int | None = None,
    progress: Callable[[], Any] = lambda: None,
) -> list[Figures]:
    """Figures of each side over `count` frames, in `rounds` in which the sides take turns.

    `frames` are files that are gone through again and again; without any, speckle of 800 x 600 px is made.
    `progress` is called after each side's turn, len(sides) * (rounds + 1) times. Raises ModelFileError for a side that
    cannot run.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trus-bench-")))
        files = list(frames) or _speckle(folder)
        turns = _turns(files, count, rounds)
        running = []
        for number, side in enumerate(sides):
            worker = _Worker(side, threads or available_cores(), folder / f"{number}.png")
            running.append(stack.enter_context(worker))
            worker.start(files[0])
            progress()
        for number, turn in enumerate(turns):
            for worker in running[number % len(running) :] + running[: number % len(running)]:
                worker.take_turn(turn)
                progress()
        return [worker.figures() for worker in running]


def _turns(files: list[Path], count: int, rounds: int) -> list[list[Path]]:
    """`count` frames dealt out to at most `rounds` turns."""
    dealt = [files[i % len(files)] for i in range(count)]
    return [turn for turn in (dealt[i::rounds] for i in range(rounds)) if turn]


class _Worker:
    def __init__(self, side: Side, threads: int, target: Path):
        self.side = side
        self._target = target
        self._started = time.perf_counter()
        command = [sys.executable, "-m", "trus.inference.bench.worker", side.model, side.backend, threads, target]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._timings: list[dict[str, list[float]]] = []
        self._streamed = 0.0

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def start(self, frame: Path) -> None:
        """Until the first mask is there, and once more to warm up."""
        self._answer()
        self._opened = time.perf_counter() - self._started
        self._ask("frames", frame)
        self._first_mask = time.perf_counter() - self._started
        self._ask("frames", frame)

    def take_turn(self, frames: list[Path]) -> None:
        self._timings += self._ask("frames", *frames)
        self._streamed += self._ask("stream", *frames)

    def figures(self) -> Figures:
        return Figures(
            model=str(self.side.model),
            backend=self.side.backend,
            file_bytes=self.side.model.stat().st_size,
            opened_s=self._opened,
            first_mask_s=self._first_mask,
            throughput=len(self._timings) / self._streamed,
            peak_bytes=self._ask("memory"),
            **summarise(self._timings),
        )

    def _ask(self, *words: Any) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it ended; its answer tells why
            pass
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line.endswith("\n") else {"error": self._last_words()}
        if isinstance(answer, dict) and "error" in answer:
            raise ModelFileError(f"{self.side}: cannot be measured: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        return f"its process ended with code {code}" + (f" ({said[-1][:200]})" if said else "")


def _speckle(folder: Path, count: int = 4) -> list[Path]:
    """Frames whose files are as large as a scanner's: fully developed speckle, blurred, fading with depth."""
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        noise = cv2.GaussianBlur(random.rayleigh(0.25, (600, 800)).astype(np.float32), (0, 0), 1.0)
        fading = np.linspace(1, 0.4, 600, dtype=np.float32)[:, None]
        files.append(folder / f"frame{number}.png")
        write_image(files[-1], (255 * np.clip(noise * fading, 0, 1)).astype(np.uint8))
    return files

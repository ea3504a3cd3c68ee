"""kill -9 at random moments while checkpoints and model files are written: the current one can always be read.

20 kills of each; TRUS_KILLS=200 for as many as were tried before a release.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from trus.files import write_bytes
from trus.inference.predictor import open_predictor, read_model_file
from trus.inference.pytorch import load_checkpoint
from trus.training.callbacks import AtomicCheckpointIO

KILLS = int(os.environ.get("TRUS_KILLS", "20"))
MEMBERS = 6
"""Copies of the weights that make a file large enough to be hit while it is written."""


@pytest.fixture
def checkpoint(tiny_model) -> dict:
    content = torch.load(tiny_model.ckpt, weights_only=True)
    content["optimizer_states"] = [torch.rand(200_000) for _ in range(MEMBERS)]
    return content


def write_checkpoints(checkpoint: dict, target: Path) -> None:
    """For ever, each with another epoch."""
    for epoch in range(1_000_000):
        AtomicCheckpointIO().save_checkpoint(checkpoint | {"epoch": epoch}, target)


def write_models(variants: list[bytes], target: Path) -> None:
    """For ever, one after the other."""
    while True:
        for content in variants:
            write_bytes(target, content)


def kill_while(work: Callable[[], None], target: Path, seconds: float) -> None:
    """Run `work` in a child of this warm process and end it by SIGKILL, `seconds` after its first file is there."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    while not target.exists():
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def moments() -> list[float]:
    choose = random.Random(0)
    return [choose.uniform(0, 0.05) for _ in range(KILLS)]


def test_the_current_checkpoint_is_always_whole(checkpoint, tmp_path):
    target = tmp_path / "last.ckpt"
    halves = 0
    for seconds in moments():
        kill_while(lambda: write_checkpoints(checkpoint, target), target, seconds)
        found = load_checkpoint(target)
        assert [tensor.shape for tensor in found["optimizer_states"]] == [(200_000,)] * MEMBERS
        halves += len(list(tmp_path.iterdir())) > 1
        clear(tmp_path, target)
    assert halves, "no kill hit a file that was being written: nothing was tested"


def test_the_current_model_file_is_always_whole(tiny_model, tmp_path):
    target, variants = tmp_path / "model.onnx", []
    for seed in range(2):
        model = onnx.load(tiny_model.onnx)
        ballast = np.random.default_rng(seed).normal(size=400_000).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(ballast, "ballast"))
        variants.append(model.SerializeToString())
    halves = 0
    for seconds in moments():
        kill_while(lambda: write_models(variants, target), target, seconds)
        assert target.read_bytes() in variants
        read_model_file(target)
        halves += len(list(tmp_path.iterdir())) > 1
        clear(tmp_path, target)
    open_predictor(target, threads=1)
    assert halves, "no kill hit a file that was being written: nothing was tested"


def clear(folder: Path, target: Path) -> None:
    """A kill leaves its hidden temporary file behind; the next one starts without."""
    for path in folder.iterdir():
        if path != target:
            assert path.name.startswith(f".{target.stem}.")
            path.unlink()

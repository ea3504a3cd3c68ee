"""Frames of a clip in order: the next one is made ready while the network runs on this one."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from trus.inference.predictor import Box, Prediction, Predictor


@dataclass(frozen=True)
class Frame:
    """What `Predictor.predict` takes: the image, the region that is known of it, and (row, column) mm a pixel."""

    image: np.ndarray
    region: Box | None = None
    spacing: tuple[float, float] | None = None


def predict_stream(predictor: Predictor, frames: Iterable[Frame]) -> Iterator[Prediction]:
    """Yield each frame's prediction, in order and equal to `predictor.predict`.

    `frames` is read in a second thread, one frame ahead, so that decoding and preprocessing overlap the network and a
    clip of any length takes the memory of two frames. What reading or preparing a frame raises comes after the
    predictions of all frames before it, and ends the stream.
    """
    remaining = iter(frames)

    def prepare_next() -> tuple[Any, tuple[float, float] | None] | None:
        frame = next(remaining, None)
        return None if frame is None else (predictor.prepare(frame.image, frame.region), frame.spacing)

    with ThreadPoolExecutor(1, "prepare") as pool:
        ahead = pool.submit(prepare_next)
        while (ready := ahead.result()) is not None:
            ahead = pool.submit(prepare_next)
            prepared, spacing = ready
            yield predictor.decide(predictor.infer(prepared), spacing)

"""Running a job: one frame at a time through the model's queue, so that a single request waits for one at most."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TypeVar

import numpy as np
from PIL import Image

from trus.data.intake.settings import progressions
from trus.inference.predictor import Predictor
from trus.serving.answers.document import FrameTimings, describe_frame, milliseconds
from trus.serving.answers.mask import encode_mask
from trus.serving.decoding.decoder import DecodedFrame, Decoder, Opened
from trus.serving.jobs.job import Job, JobFile, State
from trus.serving.memory import Memory, Share
from trus.serving.problems import Problem
from trus.serving.requests.options import no_such_frame, too_many_frames
from trus.serving.segmentation import Segmented, check_seg_size, origin_of, segment_frame

OF_ALL = ("jobs-memory", "memory", "draining")
"""Kinds of problem that are no fault of one file: they end the job."""
T = TypeVar("T")
_PAUSE_S = 0.2


@dataclass(frozen=True)
class Runner:
    """Runs jobs. `most_frames` of a file; `frame_done` is told the model of each frame."""

    decoder: Decoder
    memory: Memory
    most_frames: int
    frame_done: Callable[[str], None]

    async def run(self, job: Job) -> None:
        """Segment all files; one that cannot be done fails alone. Raises what is no fault of a file."""
        job.start()
        for file in job.files:
            file.state = State.RUNNING
            try:
                await self._segment_file(job, file)
            except Problem as problem:
                if problem.kind in OF_ALL:
                    raise
                file.end(State.FAILED, problem)
            else:
                file.end(State.FINISHED)

    async def _segment_file(self, job: Job, file: JobFile) -> None:
        with await _with_patience(lambda: self.decoder.open(file.upload)) as opened:
            file.kind, file.frames_held = opened.kind, opened.frames_held
            wanted = self._wanted(job, opened)
            file.frames_total = None if wanted is None else len(wanted)
            async for frame, seconds in _decoded(opened, wanted or range(self.most_frames + 1)):
                if wanted is None and frame.number >= self.most_frames:
                    raise too_many_frames(f"the clip has more than {self.most_frames} frames", self.most_frames)
                await self._segment_frame(job, file, frame, seconds)
            if job.options.frames is not None and wanted is not None and len(file.numbers) < len(wanted):
                raise no_such_frame()
            file.frames_total = len(file.numbers)
            if opened.kind == "dicom" and len(job.files) == 1:
                await _make_segmentation(job, file, opened, self.memory)

    def _wanted(self, job: Job, opened: Opened) -> list[int] | range | None:
        """Frames to segment; None: all of a clip that does not say how many it has. Raises Problem 422."""
        held = opened.frames_held
        numbers = job.options.numbers(self.most_frames, held)
        return range(held) if numbers is None and held is not None else numbers

    async def _segment_frame(self, job: Job, file: JobFile, frame: DecodedFrame, decode_s: float) -> None:
        def work(predictor: Predictor, _cancelled: object) -> tuple[Segmented, float]:
            started = time.perf_counter()
            return segment_frame(predictor, frame, job.decision, job.options), time.perf_counter() - started

        found, segment_s = await _with_patience(lambda: job.model.engine.run(work))
        document, mask = await asyncio.to_thread(_encode, found, decode_s, segment_s)
        file.share.take(len(document) + len(mask))
        file.numbers.append(frame.number)
        file.documents.append(document)
        file.masks.append(mask)
        self.frame_done(job.model.name)


async def _with_patience(ask: Callable[[], Awaitable[T]]) -> T:
    """What is asked for, as soon as there is room in the queue: a job is in nobody's way."""
    while True:
        try:
            return await ask()
        except Problem as problem:
            if problem.status != 429:
                raise
        await asyncio.sleep(_PAUSE_S)


async def _decoded(opened: Opened, numbers: list[int] | range) -> AsyncIterator[tuple[DecodedFrame, float]]:
    """Yield the frames with these rising numbers, and the seconds that decoding took."""
    for wanted in [numbers] if isinstance(numbers, range) else progressions(numbers):
        frames = opened.frames(wanted)
        while True:
            started = time.perf_counter()
            frame = await anext(frames, None)
            if frame is None:
                break
            yield frame, time.perf_counter() - started


def _encode(found: Segmented, decode_s: float, segment_s: float) -> tuple[bytes, bytes]:
    """The frame's document as JSON, and its mask as PNG."""
    started = time.perf_counter()
    mask = encode_mask(found.labels)
    timings = FrameTimings(decode=milliseconds(decode_s), segment=milliseconds(segment_s), encode=0)
    frame = describe_frame(found, timings)
    frame.timings_ms.encode = milliseconds(time.perf_counter() - started)
    return frame.model_dump_json().encode(), mask


async def _make_segmentation(job: Job, file: JobFile, opened: Opened, memory: Memory) -> None:
    """Made at once, so that the upload need not be kept. Where it cannot be made, the other results stand."""
    about = origin_of(job.model.name, job.model.predictor, job.decision)
    try:
        check_seg_size(len(file.masks), opened.size)
        with Share(memory) as held:
            held.take(len(file.masks) * opened.size[0] * opened.size[1])
            labels = await asyncio.to_thread(_stack, file.masks)
            content = await opened.segmentation(file.numbers, labels, about)
        file.share.take(len(content))
        file.segmentation = content
    except Problem as problem:
        file.segmentation_problem = problem


def _stack(masks: list[bytes]) -> np.ndarray:
    """PNG masks -> labels uint8 (N, H, W)."""
    return np.stack([np.asarray(Image.open(BytesIO(mask))) for mask in masks])

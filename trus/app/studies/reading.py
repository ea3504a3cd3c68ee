"""The frames of one file, decoded in order and ahead of who looks at them, without holding all of a long clip."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from trus.app.kept import Kept
from trus.serving.decoding.decoder import DecodedFrame, Decoder, Opened
from trus.serving.memory import Upload
from trus.serving.problems import Problem
from trus.serving.requests.options import HIGHEST_FRAME, no_such_frame

AHEAD_BYTES = 96 * 1024 * 1024
LEAST_AHEAD = 4
"""Frames are decoded so far ahead of the last one asked for, in bytes, and at least so many."""
NEAR = 8
"""A frame so little ahead of the decoder is waited for; for others it begins anew, but for clips, which it would read
from their beginning."""
CLIPS = ("avi", "mp4")


@dataclass(frozen=True)
class ReadFrame:
    """A frame and the milliseconds that its decoding took."""

    frame: DecodedFrame
    decode_ms: float


@dataclass(eq=False)
class _Waiting:
    future: "asyncio.Future[ReadFrame]"
    callers: int = 0


class Reading:
    """Decodes an upload's frames into `kept`, under `owner`. `opened` is its header's conversation, used up first.

    `started` is told when a worker process begins, so that whoever counts them can end the oldest (`rest`).
    """

    def __init__(
        self,
        owner: str,
        upload: Upload,
        opened: Opened,
        decoder: Decoder,
        kept: Kept,
        started: Callable[["Reading"], None],
    ) -> None:
        self._owner, self._upload, self._decoder, self._kept, self._started = owner, upload, decoder, kept, started
        self._opened: Opened | None = opened
        self._count = opened.frames_held
        self._near = HIGHEST_FRAME if opened.kind in CLIPS else NEAR
        self._waiting: dict[int, _Waiting] = {}
        self._task: asyncio.Task[None] | None = None
        self._next, self._asked = 0, 0
        self._nearer = asyncio.Event()
        self.closed = False

    @property
    def is_reading(self) -> bool:
        """A worker is at it."""
        return self._task is not None and not self._task.done()

    @property
    def is_awaited(self) -> bool:
        """Somebody waits for a frame."""
        return bool(self._waiting)

    async def frame(self, number: int) -> ReadFrame:
        """The frame with this number, from 0. Raises Problem 422 where there is none or it cannot be decoded."""
        if not 0 <= number < (self._count or HIGHEST_FRAME):
            raise no_such_frame(f"the file holds {self._count or 'fewer'} frames")
        if self.closed:
            raise gone()
        self._asked = number
        self._nearer.set()
        if found := self._kept.get(self._owner, number):
            return found
        waiting = self._waiting.setdefault(number, _Waiting(asyncio.get_running_loop().create_future()))
        waiting.callers += 1
        self._begin_near(number)
        try:
            return await asyncio.shield(waiting.future)
        finally:
            waiting.callers -= 1
            if not waiting.callers and self._waiting.get(number) is waiting:
                del self._waiting[number]

    async def count(self, most: int) -> int:
        """How many frames there are; a clip that does not say is read to its end. Raises Problem 413 beyond `most`."""
        number = 0
        while self._count is None:
            if number >= most:
                raise Problem(413, "Too large", f"the file has more than {most} frames", "too-large")
            try:
                await self.frame(number)
            except Problem as problem:
                if problem.kind != "no-such-frame" or not number:
                    raise
                self._count = number
            number += 1
        return self._count

    def rest(self) -> None:
        """End the worker; a frame asked for later begins anew."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """End it for good; who still waits, or comes, is told that the file is gone."""
        self.closed = True
        self.rest()
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._fail(gone(), [*self._waiting])

    def _begin_near(self, number: int) -> None:
        """A worker that comes to this frame soon."""
        if not self.is_reading or not self._next <= number <= self._next + self._near:
            self.rest()
            self._task = asyncio.create_task(self._read(number))
            self._started(self)

    async def _read(self, start: int) -> None:
        """Decode from `start` on; after a frame that cannot be decoded, from the next one that somebody awaits."""
        wanted: int | None = start
        while wanted is not None:
            self._next = wanted
            try:
                await self._read_on(wanted)
            except Problem as problem:
                self._fail(problem, [self._next])
            except Exception:
                self._fail(Problem(500, "Internal error", "a fault of the service", "fault"), [*self._waiting])
                raise
            else:
                self._fail(no_such_frame("the clip ends early"), [n for n in self._waiting if n >= self._next])
            wanted = min(self._waiting, default=None)

    async def _read_on(self, start: int) -> None:
        opened, self._opened = self._opened or await self._decoder.open(self._upload), None
        with opened:
            began = time.perf_counter()
            async with aclosing(opened.frames(range(start, self._count or HIGHEST_FRAME))) as frames:
                async for frame in frames:
                    self._take(frame, 1000 * (time.perf_counter() - began))
                    while self._is_far_ahead(frame.image):
                        self._nearer.clear()
                        await self._nearer.wait()
                    began = time.perf_counter()

    def _take(self, frame: DecodedFrame, decode_ms: float) -> None:
        read = ReadFrame(frame, round(decode_ms, 1))
        self._kept.put(self._owner, frame.number, read, frame.image.nbytes)
        self._next = frame.number + 1
        if waiting := self._waiting.pop(frame.number, None):
            waiting.future.set_result(read)

    def _is_far_ahead(self, image: np.ndarray) -> bool:
        most = max(LEAST_AHEAD, AHEAD_BYTES // max(1, image.nbytes))
        return not self._waiting and self._next - self._asked > most

    def _fail(self, problem: Problem, numbers: list[int]) -> None:
        for waiting in [self._waiting.pop(number) for number in numbers if number in self._waiting]:
            waiting.future.set_exception(problem)
            waiting.future.exception()  # its caller may have left


def gone() -> Problem:
    """Problem 404 of a study that is not held (any more)."""
    return Problem(404, "No such study", "the file is not held any more: send it again", "no-such-study")

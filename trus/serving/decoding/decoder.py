"""Uploaded files: kept in anonymous memory, decoded in processes that may die, one for each file.

A file is opened with `with await decoder.open(upload) as opened`, its frames come from
`async for frame in opened.frames(range(10))`.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from trus.data.intake.source import Region
from trus.serving.decoding import channel
from trus.serving.decoding.forking import ForkServer
from trus.serving.decoding.limits import Limits
from trus.serving.memory import Memory, Upload, exhausted
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

READABLE = "PNG, JPEG, BMP, TIFF, DICOM, AVI or MP4"


@dataclass(frozen=True)
class DecodedFrame:
    """A frame of an upload.

    `image` is uint8 or uint16 (H, W), or uint8 (H, W, 3) RGB. `regions` are the tissue regions that the file itself
    names (DICOM), with the spacing of each; they do not overlap. `spacing`, (row, column) in mm, is that of the whole
    frame where it is certain; `spacing_note` says why there is none, empty where there is one.
    """

    number: int
    image: np.ndarray
    regions: tuple[Region, ...]
    spacing: tuple[float, float] | None
    spacing_note: str


class Opened:
    """An upload whose header was read. Its worker process lives until `close`.

    `kind`: dicom, png, jpeg, bmp, tiff, avi or mp4. `size`: (height, width). `frames_held`: how many frames, None where
    a clip does not say.
    """

    def __init__(self, connection: socket.socket, header: dict[str, Any], decoder: "Decoder") -> None:
        self._connection, self._decoder = connection, decoder
        self.kind: str = header["kind"]
        self.size: tuple[int, int] = (header["size"][0], header["size"][1])
        self.frames_held: int | None = header["frames"]
        self._regions = tuple(
            Region((x0, y0, x1, y1), _pair(region["spacing"]), region["spacing_note"])
            for region in header["regions"]
            for x0, y0, x1, y1 in [region["box"]]
        )
        self._spacing = _pair(header["spacing"]), header["spacing_note"]

    def __enter__(self) -> "Opened":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the worker and give back what it held."""
        self._connection.close()

    async def frames(self, wanted: range) -> AsyncGenerator[DecodedFrame, None]:
        """Yield the frames with these numbers (from 0), in order, one in memory at a time.

        A clip that does not say how many it has may end before `wanted` does; one range costs less than several. Raises
        Problem 422 where a frame cannot be decoded, 413 where it needs too much memory. After a problem, or when the
        loop was left early, the upload is closed.
        """
        ended = False
        try:
            await channel.send_async(
                self._connection, {"do": "frames", "numbers": [wanted.start, wanted.stop, wanted.step]}
            )
            while True:
                about, payload = await self._decoder.answer(self._connection)
                ended = "end" in about
                if ended:
                    return
                image = np.frombuffer(payload, about["dtype"]).reshape(about["shape"])
                yield DecodedFrame(about["number"], image, self._regions, *self._spacing)
        except OSError:
            raise _ended() from None
        finally:
            if not ended:
                self.close()

    async def segmentation(self, numbers: list[int], labels: np.ndarray, about: dict[str, Any]) -> bytes:
        """The DICOM SEG of an upload of kind dicom, as `answers.dicom_seg.build_segmentation` makes it in the worker.

        `labels` are uint8 (N, H, W), of the frames `numbers`. Raises Problem 422 where it cannot be made.
        """
        command = {"do": "segmentation", "numbers": numbers, "about": about}
        try:
            await channel.send_async(self._connection, command, np.ascontiguousarray(labels).data.cast("B"))
            _, payload = await self._decoder.answer(self._connection)
        except OSError:
            raise _ended() from None
        return bytes(payload)


class Decoder:
    """Opens uploads, each in a process of its own, forked from a warm one.

    `settings.decoders` of them compute at a time; `settings.queue` further uploads wait, the rest is refused (429).
    """

    def __init__(self, settings: ServeSettings, limits: Limits | None = None) -> None:
        """`limits`: what one upload may cost, in place of the usual."""
        self._limits = limits or Limits(pixels=settings.max_pixels, frames=settings.max_frames)
        self._turns = asyncio.Semaphore(settings.decoders)
        self._queue = settings.queue
        self._waiting = 0
        self._server: ForkServer | None = None

    def start(self) -> None:
        """Start the process that others are forked from; returns at once. `ready` waits for it."""
        self._server = ForkServer(self._limits)

    async def ready(self) -> None:
        """Return when an upload would be decoded without delay."""
        await asyncio.to_thread(self._forked_from().wait)

    def close(self) -> None:
        """End it; workers end with their uploads."""
        if self._server:
            self._server.close()

    async def open(self, upload: Upload | bytes) -> Opened:
        """Look at a file's content and read its header. The caller still closes the upload, whenever it likes.

        Raises Problem 415 for a kind of file that is not read, 413 for more pixels, frames or memory than allowed, 422
        for a damaged file, 429 where too many wait, 503 where the machine has nothing left for a worker.
        """
        if isinstance(upload, bytes):
            with Upload(Memory(len(upload)), upload) as held:
                return await self.open(held)
        if self._turns.locked() and self._waiting >= self._queue:
            detail = f"{self._waiting} uploads wait to be decoded; ask again in 1 s"
            raise Problem(429, "Too many uploads", detail, "queue-full", {"Retry-After": "1"})
        async with self._turn():
            try:
                connection = await self._forked(upload)
            except OSError:
                raise exhausted() from None
            try:
                header, _ = await _answer(connection)
            except BaseException:
                connection.close()
                raise
        return Opened(connection, header, self)

    async def answer(self, connection: socket.socket) -> channel.Message:
        """The next message of a worker, when it is its turn. Raises Problem."""
        async with self._turn():
            return await _answer(connection)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _forked(self, upload: Upload) -> socket.socket:
        """A connection to a new worker that has the upload."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                self._forked_from().fork(theirs, upload)
            except OSError:  # somebody ended it: the next one takes over
                self.close()
                self.start()
                await self.ready()
                self._forked_from().fork(theirs, upload)
        return ours

    def _forked_from(self) -> "ForkServer":
        if self._server is None:
            self.start()
        assert self._server is not None
        return self._server


async def _answer(connection: socket.socket) -> channel.Message:
    message = await channel.receive_async(connection)
    if message is None:
        raise _ended()
    header, _ = message
    if "error" in header:
        raise _refused(header["status"], header["error"])
    return message


def _refused(status: int, reason: str) -> Problem:
    if status == 415:
        return Problem(415, "Not read here", f"the file is {reason}; send {READABLE}", "unsupported-file")
    if status == 413:
        return Problem(413, "Too large", f"the file {reason}", "too-large")
    return Problem(422, "The file cannot be read", f"the file: {reason}", "unreadable-file")


def _ended() -> Problem:
    detail = "its decoder was ended: the file is damaged, or takes more time or memory than one upload may"
    return Problem(422, "The file cannot be read", detail, "unreadable-file")


def _pair(values: list[float] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])

"""Uploaded files: kept in anonymous memory, decoded in processes that may die, one for each file.

    with await decoder.open(upload) as opened:
        async for frame in opened.frames(range(opened.frames_held or 1)):
            ...
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.intake.source import Box, Region
from trus.serving import channel
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

READABLE = "PNG, JPEG, BMP, TIFF, DICOM, AVI or MP4"


class Upload:
    """A file in anonymous memory (memfd): no name, no folder, gone with its last descriptor.

    Linux only. `size` in bytes.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._fd = os.memfd_create("upload", os.MFD_CLOEXEC)
        self.size = 0
        if content:
            self.write(content)

    def write(self, piece: bytes) -> None:
        """Append to it."""
        with memoryview(piece) as rest:
            done = 0
            while done < len(rest):
                done += os.write(self._fd, rest[done:])
        self.size += len(piece)

    def fileno(self) -> int:
        """Its descriptor, as of any file."""
        return self._fd

    def close(self) -> None:
        """Give the memory back, unless a worker still reads it; a second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "Upload":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()


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

    @property
    def region(self) -> Box | None:
        """The box of the one region that the file names; None where it names none or several."""
        return self.regions[0].box if len(self.regions) == 1 else None


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

    def __enter__(self) -> "Opened":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the worker and give back what it held."""
        self._connection.close()

    async def frames(self, wanted: range) -> AsyncIterator[DecodedFrame]:
        """Yield the frames with these numbers (from 0), in order, one in memory at a time.

        A clip that does not say how many it has may end before `wanted` does. Raises Problem 422 where a frame cannot
        be decoded, 413 where it needs too much memory.
        """
        raise NotImplementedError
        yield

    async def segmentation(self, numbers: list[int], labels: np.ndarray, description: dict[str, Any]) -> bytes:
        """DICOM SEG of an upload of kind dicom: `labels` uint8 (N, H, W) of the frames `numbers`. Raises Problem 422."""
        raise NotImplementedError


class Decoder:
    """Opens uploads, each in a process of its own, forked from a warm one.

    `settings.decoders` of them compute at a time; `settings.queue` further uploads wait, the rest is refused (429).
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings

    def start(self) -> None:
        """Start the process that others are forked from; returns at once. `ready` waits for it."""

    async def ready(self) -> None:
        """Return when an upload would be decoded without delay."""

    def close(self) -> None:
        """End it; workers end with their uploads."""

    async def open(self, upload: Upload | bytes) -> Opened:
        """Look at a file's content and read its header; the caller still closes the upload, at any time.

        Raises Problem 415 for a kind of file that is not read, 413 for more pixels, frames or memory than allowed, 422
        for a damaged file, 429 where too many wait.
        """
        raise NotImplementedError

"""AVI and MP4 clips as sources of the intake, decoded by OpenCV's FFmpeg."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from trus.data.images import MAX_PIXELS
from trus.data.intake.dicom_form import MOST_FRAMES
from trus.data.intake.quiet import quietly
from trus.data.intake.source import Header
from trus.errors import IntakeError, OversizeError

_DAMAGED = "damaged: the clip cannot be opened"
_MOST_BOXES = 100_000


@dataclass
class ClipSource:
    """A clip: RGB of 8 bits a channel, upright by the container's rotation. `whole`: the file does not end early."""

    path: Path
    header: Header
    whole: bool

    def frames(self, wanted: range | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """As Source.frames. Frames between the wanted ones are decoded too, those behind the last are not.

        A clip that ends early yields the frames it has, then raises IntakeError.
        """
        numbers = range(MOST_FRAMES) if wanted is None else wanted
        last = max(numbers, default=-1)
        with _captured(self.path) as capture:
            for number in range(last + 1):
                words = f"damaged: frame {number} cannot be decoded"
                if not quietly(words, capture.grab):
                    self._check_end(number)
                    return
                if number in numbers:
                    yield number, quietly(words, _frame, capture, self.header.size)

    def _check_end(self, held: int) -> None:
        """Scanners announce a frame that they then drop; more than that is a damaged file. Raises IntakeError."""
        announced = self.header.frames or held
        if held == 0:
            raise IntakeError("damaged: no frame of the clip can be decoded")
        if not self.whole or held < announced - max(1, announced // 100):
            raise IntakeError(f"truncated: the clip announces {announced} frames, {held} can be decoded")


def open_clip(path: Path, kind: str) -> ClipSource:
    """Read the header of a clip of `kind` (avi or mp4). Raises IntakeError."""
    with _captured(path) as capture:
        frames, size = quietly(_DAMAGED, _look, capture)
    whole = quietly(_DAMAGED, _is_whole, path, kind)
    note = "a clip does not say how large a pixel is"
    return ClipSource(path, Header(kind=kind, frames=frames, size=size, spacing_note=note), whole)


@contextmanager
def _captured(path: Path) -> Iterator[Any]:
    capture = quietly(_DAMAGED, _capture, path)
    try:
        yield capture
    finally:
        capture.release()


def _capture(path: Path) -> Any:
    # read once, when OpenCV first meets FFmpeg: its decoder threads write to stderr between our calls, too
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # FFmpeg goes by the content, too, and some formats are lists of other files and addresses
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file|format_whitelist;mov,avi")
    import cv2

    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise IntakeError(_DAMAGED)
    return capture


def _look(capture: Any) -> tuple[int | None, tuple[int, int]]:
    import cv2

    size = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    if min(size) < 1:
        raise IntakeError("damaged: the clip says no size of its pictures")
    if size[0] * size[1] > MAX_PIXELS:
        raise OversizeError(f"announces {size[1]}x{size[0]} pixels; at most {MAX_PIXELS} are read")
    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if frames > MOST_FRAMES:
        raise OversizeError(f"announces {frames:.0f} frames; at most {MOST_FRAMES} are read")
    return int(frames) if frames >= 1 else None, size


def _frame(capture: Any, size: tuple[int, int]) -> np.ndarray:
    import cv2

    decoded, frame = capture.retrieve()
    if not decoded or frame.shape[:2] != size or frame.dtype != np.uint8:
        raise IntakeError("damaged: a frame of the clip is not as its header announces")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def _is_whole(path: Path, kind: str) -> bool:
    """Whether the outermost chunks (AVI) or boxes (MP4) end within the file."""
    length = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        for _ in range(_MOST_BOXES):
            size = _riff_size(file, position) if kind == "avi" else _box_size(file, position)
            if size is None:
                return True
            position += size
            if position > length:
                return False
    return True


def _riff_size(file: BinaryIO, position: int) -> int | None:
    """Bytes of the RIFF chunk at `position`; None where there is none, or its writer left its length open."""
    file.seek(position)
    head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    return size + 8 if head[:4] == b"RIFF" and size else None


def _box_size(file: BinaryIO, position: int) -> int | None:
    """Bytes of the box at `position`; None at the end, or where the box goes on to the end."""
    file.seek(position)
    head = file.read(16)
    if len(head) < 8:
        return None
    size = int.from_bytes(head[:4], "big")
    if size == 1 and len(head) == 16:
        (size,) = struct.unpack(">Q", head[8:])
    return size if size >= 8 else None

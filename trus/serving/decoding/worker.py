"""What a decoding process says of the one upload that it was given. Nothing of the file but its pixels leaves it."""

import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.intake.open import kind_of, open_source
from trus.data.intake.source import Header, Source
from trus.errors import IntakeError, OversizeError
from trus.serving.decoding import channel
from trus.serving.decoding.limits import Limits, allow

ACCEPTED = ("png", "jpeg", "bmp", "tiff", "dicom", "avi", "mp4")
"""Kinds of file, as `kind_of` names them."""


class Decoding:
    """A conversation about one upload: its header first, then whatever is asked for."""

    def __init__(self, connection: socket.socket, upload: int, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._path = Path(f"/proc/self/fd/{upload}")
        self._size = os.fstat(upload).st_size
        self._source: Source

    def run(self) -> None:
        """Answer until the other side hangs up."""
        if not self._answered(self._open):
            return
        while asked := channel.receive(self._connection):
            command, payload = asked
            if command["do"] == "frames":
                answered = self._answered(self._frames, range(*command["numbers"]))
            else:
                answered = self._answered(self._segmentation, command, payload)
            if not answered:
                return

    def _answered(self, step: Callable[..., None], *arguments: Any) -> bool:
        """Whether it went well; the other side is told why not, in our own words only."""
        try:
            step(*arguments)
        except OversizeError as error:
            self._send({"error": str(error), "status": 413})
        except _NotReadError as error:
            self._send({"error": str(error), "status": 415})
        except IntakeError as error:
            self._send({"error": str(error), "status": 422})
        except MemoryError:
            self._send({"error": _TOO_MUCH_MEMORY, "status": 413})
        except Exception as error:  # noqa: BLE001 - the message of a library can quote the file
            self._send({"error": f"cannot be decoded ({type(error).__name__})", "status": 422})
        else:
            return True
        return False

    def _open(self) -> None:
        self._allow(0)
        self._source = self._opened()
        header = self._source.header
        self._check(header)
        self._send(
            {
                "kind": header.kind,
                "frames": header.frames,
                "size": [int(side) for side in header.size],
                "regions": [asdict(region) for region in header.regions or ()],
                "spacing": header.spacing,
                "spacing_note": header.spacing_note,
            }
        )

    def _opened(self) -> Source:
        if not self._size:
            raise IntakeError("an empty file")
        try:
            kind = kind_of(self._path)
        except IntakeError as error:
            raise _NotReadError(str(error)) from None
        if kind not in ACCEPTED:
            raise _NotReadError(f"a volume ({kind})")
        return open_source(self._path)

    def _check(self, header: Header) -> None:
        height, width = header.size
        if height * width > self._limits.pixels:
            raise OversizeError(f"has {width}x{height} pixels; at most {self._limits.pixels} are read here")
        if (header.frames or 1) > self._limits.frames:
            raise OversizeError(f"has {header.frames} frames; at most {self._limits.frames} are read here")

    def _frames(self, wanted: range) -> None:
        height, width = size = tuple(self._source.header.size)
        frames, last = self._source.frames(wanted), -1
        for number in wanted:
            self._allow(height * width * (number - last))  # a clip decodes those between, too
            found = next(frames, None)
            if found is None:
                break
            last, image = found
            if image.shape[:2] != size:
                raise IntakeError(f"frame {last} is not as large as the file's header says")
            about = {"number": last, "shape": image.shape, "dtype": str(image.dtype)}
            self._send(about, np.ascontiguousarray(image).data.cast("B"))
        self._send({"end": True})

    def _segmentation(self, command: dict[str, Any], payload: bytearray) -> None:
        from trus.serving.answers.dicom_seg import build_segmentation

        height, width = self._source.header.size
        labels = np.frombuffer(payload, np.uint8).reshape(-1, height, width)
        self._allow(4 * labels.size)
        self._send({}, build_segmentation(self._path, command["numbers"], labels, command["about"]))

    def _allow(self, pixels: int) -> None:
        allow(self._limits.budget(self._size, pixels))

    def _send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        allow(0)  # the other side may take its time
        channel.send(self._connection, header, payload)


class _NotReadError(IntakeError):
    """A kind of file that is not read here."""


_TOO_MUCH_MEMORY = "needs more memory to be decoded than one upload may use"

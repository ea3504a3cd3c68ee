"""The process that decodes uploads: everything imported once, then a fork for each upload.

Started as `python -m trus.serving.decoding CONTROL LIMITS`. A fork costs milliseconds, shares nothing with the next
upload, and may be killed by its limits: only its own request notices.
"""

import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trus.data.images import MAX_PIXELS
from trus.data.intake.open import kind_of, open_source
from trus.data.intake.source import Header, Source
from trus.errors import IntakeError, OversizeError
from trus.serving import channel

ACCEPTED = ("png", "jpeg", "bmp", "tiff", "dicom", "avi", "mp4")
"""Kinds of file, as `kind_of` names them."""

_IMPORTED = (
    *("cv2", "PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.BmpImagePlugin", "PIL.TiffImagePlugin"),
    *("trus.data.intake.dicom", "trus.data.intake.stills", "trus.data.intake.clips", "trus.serving.answers.dicom_seg"),
    *("pydicom.pixels.decoders", "pydicom.encaps", "pylibjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm"),
)
_NO_MORE = b"."
_SLOWNESS = 4
"""By how much the clock may run ahead of the processor's seconds, on a machine that has other work."""


@dataclass(frozen=True)
class Limits:
    """What decoding one upload may cost: bytes of memory, seconds of the processor for each step of a small file.

    A step of a large one may take longer: a second for every `bytes_a_second` of the file and every `pixels_a_second`
    of a frame, at most `longest` together.
    """

    memory: int = 512 * 2**20
    seconds: float = 1.5
    bytes_a_second: int = 64 * 2**20
    pixels_a_second: int = 4_000_000
    longest: float = 60.0
    pixels: int = MAX_PIXELS
    frames: int = 2000

    def budget(self, size: int, pixels: int) -> float:
        """Seconds for a step over a file of `size` bytes that makes `pixels` pixels."""
        return min(self.seconds + size / self.bytes_a_second + pixels / self.pixels_a_second, self.longest)


def main() -> None:
    """Fork for each upload that comes over the control socket, until it is closed."""
    control, limits = socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2]))
    _leave_the_group()
    for name in _IMPORTED:
        importlib.import_module(name)
    _rehearse()
    gc.freeze()
    control.send(b"ready")
    while _forked(control, limits):
        pass


def _rehearse() -> None:
    """Decode a small picture of each kind: libraries set up half of themselves with the first."""
    for kind in ("png", "jpeg", "bmp", "tiff"):
        descriptor = os.memfd_create(kind)
        with os.fdopen(descriptor, "wb") as file:
            Image.new("L", (8, 8)).save(file, kind)
            file.flush()
            list(open_source(Path(f"/proc/self/fd/{descriptor}")).frames())


def _forked(control: socket.socket, limits: Limits) -> bool:
    """Fork a worker and return when it has an upload, so that the next one waits already; False: no more will come."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        _decode(control, writing, limits)
    os.close(writing)
    said = os.read(reading, 1)  # nothing where somebody ended it
    os.close(reading)
    return said != _NO_MORE


def _leave_the_group() -> None:
    """A signal to the service's whole group must not end what an accepted request still needs."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    import cv2

    cv2.setNumThreads(1)


def _decode(control: socket.socket, writing: int, limits: Limits) -> None:
    """Wait for an upload and decode it, in a process of its own, which ends here."""
    try:
        _enter(limits)
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        os.write(writing, message or _NO_MORE)
        control.close()
        os.close(writing)
        if message:
            _Decoding(socket.socket(fileno=descriptors[0]), descriptors[1], limits).run()
    finally:
        os._exit(0)


def _enter(limits: Limits) -> None:
    """Silence and the limits; what is shared with the service's other decoders counts, too."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    page = resource.getpagesize()
    pages, resident = map(int, Path("/proc/self/statm").read_text().split()[:2])
    room = (pages - resident) * page + limits.memory
    for limit, value in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_FSIZE, limits.memory),
        (resource.RLIMIT_CORE, 0),  # a core dump would hold the patient's data
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"  # an inflated DICOM file lies in memory, too, without a name
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)


class _Decoding:
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
        """Seconds for the next step; beyond them, the system ends this process, wherever a decoder hangs."""
        seconds = self._limits.budget(self._size, pixels)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, seconds * _SLOWNESS)

    def _send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)  # the other side may take its time
        channel.send(self._connection, header, payload)


class _NotReadError(IntakeError):
    """A kind of file that is not read here."""


_TOO_MUCH_MEMORY = "needs more memory to be decoded than one upload may use"

if __name__ == "__main__":
    main()

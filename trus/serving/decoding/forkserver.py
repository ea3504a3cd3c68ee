"""The process from which decoding processes are forked: everything imported once, then a fork for each upload.

Started as `python -m trus.serving.decoding.forkserver CONTROL LIMITS`. A fork costs milliseconds, shares nothing with
the next upload, and may be killed by its limits: only its own request notices.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from trus.data.intake.open import open_source
from trus.serving.answers.dicom_seg import build_segmentation
from trus.serving.decoding.limits import Limits, enter
from trus.serving.decoding.worker import Decoding

_IMPORTED = (
    *("cv2", "PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.BmpImagePlugin", "PIL.TiffImagePlugin"),
    *("trus.data.intake.dicom", "trus.data.intake.stills", "trus.data.intake.clips", "trus.serving.answers.dicom_seg"),
    *("pydicom.pixels.decoders", "pydicom.encaps", "pylibjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm"),
)
_NO_MORE = b"."
_PAUSE_S = 0.015
"""A fork slows down what else computes: most have decoded their frame by then. No pause where none waits any more."""
_SPARE = 2
"""Workers that wait: one for the next upload, and one so that nobody waits for a fork."""


def main() -> None:
    """Fork for each upload that comes over the control socket, until it is closed."""
    control, limits = socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2]))
    _leave_the_group()
    for name in _IMPORTED:
        importlib.import_module(name)
    _rehearse()
    gc.freeze()
    with suppress(BrokenPipeError):  # the service has ended meanwhile
        control.send(b"ready")
        waiting = [_fork(control, limits) for _ in range(_SPARE)]
        while _engaged(waiting):
            time.sleep(_PAUSE_S if waiting else 0)
            waiting += [_fork(control, limits) for _ in range(_SPARE - len(waiting))]


def _rehearse() -> None:
    """Decode a small picture of each kind and make a SEG: libraries set up half of themselves with the first."""
    for kind in ("png", "jpeg", "bmp", "tiff"):
        _rehearse_picture(kind)
    with _small_file(_small_dicom().save_as) as path:
        list(open_source(path).frames())
        about = dict.fromkeys(("model", "sha256", "version", "statement"), "0") | {
            "classes": {"labels": {"1": "gland"}},
            "thresholds": [0.5],
        }
        build_segmentation(path, [0], np.zeros((1, 8, 8), np.uint8), about)


def _rehearse_picture(kind: str) -> None:
    with _small_file(partial(Image.new("L", (8, 8)).save, format=kind)) as path:
        list(open_source(path).frames())


@contextmanager
def _small_file(write: Callable[[BinaryIO], object]) -> Iterator[Path]:
    descriptor = os.memfd_create("rehearsal")
    with os.fdopen(descriptor, "wb") as file:
        write(file)
        file.flush()
        yield Path(f"/proc/self/fd/{descriptor}")


def _small_dicom() -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(dataset, keyword, "1.2.3")
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    dataset.Rows = dataset.Columns = dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.SamplesPerPixel, dataset.PixelRepresentation = 7, 1, 0
    dataset.PhotometricInterpretation, dataset.Modality = "MONOCHROME2", "US"
    dataset.PixelData = bytes(64)
    return dataset


def _fork(control: socket.socket, limits: Limits) -> int:
    """A worker that waits for an upload; it says so at the pipe returned when it has one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        _decode(control, writing, limits)
    os.close(writing)
    return reading


def _engaged(waiting: list[int]) -> bool:
    """Take those that wait no more from the list, once there is one; False: no upload will come."""
    more = True
    for pipe in select.select(waiting, [], [])[0]:
        said = os.read(pipe, 1)
        os.close(pipe)
        waiting.remove(pipe)
        more = more and said != _NO_MORE
        if not said:  # somebody ended it; should the system end each, they are not forked without pause
            time.sleep(0.1)
    return more


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
        enter(limits)
        _rehearse_picture("png")  # what a fork writes to first, it copies: now, not while somebody waits
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        os.write(writing, message or _NO_MORE)
        control.close()
        os.close(writing)
        if message:
            Decoding(socket.socket(fileno=descriptors[0]), descriptors[1], limits).run()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()

"""What a raw file is to the intake: a header without pixels, and its frames one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the frame; x1 and y1 are exclusive, as in the manifest."""


@dataclass(frozen=True)
class Region:
    """A two-dimensional tissue region: its box inside the frame and, where certain, mm a pixel (row, column).

    `spacing_note` says why there is no spacing, empty where there is one.
    """

    box: Box
    spacing: tuple[float, float] | None
    spacing_note: str


@dataclass(frozen=True)
class Header:
    """What is known before a pixel is decoded. Identifying: it must never reach a log, a message or an output.

    `identity` are the texts that tell two people apart besides the patient id (name, birth date, ...); the device is
    `Manufacturer Model`. `regions` is None where the file says nothing of them (not DICOM, or no such sequence) and
    empty where it names regions, none of which is two-dimensional tissue.
    """

    kind: str
    frames: int | None
    size: tuple[int, int]
    patient_id: str | None = None
    identity: tuple[str, ...] = ()
    device: str | None = None
    regions: tuple[Region, ...] | None = None
    spacing: tuple[float, float] | None = None
    spacing_note: str = ""


class Source(Protocol):
    """One raw file, opened by `open_source`."""

    header: Header

    def frames(self, wanted: range | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (number from 0, uint8 or uint16 (H, W) or (H, W, 3) RGB), in order, one in memory at a time.

        Raises IntakeError where decoding fails.
        """
        ...

"""What every annotation format is read into and written from: frames with the objects drawn on them.

Coordinates are (x, y) in pixels of the picture, x to the right, y down; (0, 0) is the top left corner of the first
pixel, whose centre is (0.5, 0.5).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.data.classes import Classes


@dataclass(frozen=True)
class Outline:
    """An object drawn as a polygon: closed rings of float64 (n, 2) points, filled by the even-odd rule (holes)."""

    name: str
    rings: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Painted:
    """An object painted with a brush: a bool plane (H, W) of the picture's size."""

    name: str
    plane: np.ndarray


Drawn = Outline | Painted


@dataclass(frozen=True)
class AnnotatedFrame:
    """One picture as an annotation tool describes it.

    `name` is its file name as the export has it, sub-folders and suffix included. `draw` returns its objects, lowest
    first, when it is called (AnnotationError where they cannot be taken over); None where nobody has annotated the
    picture, while an empty list says that there is nothing on it. `size` is (height, width) as the export states it,
    `image` the picture itself where the export holds it as a file; where it is a slice of a volume, `picture` returns
    it, uint8 (H, W), when called (AnnotationError where it cannot), and the import writes it. The rest as in the
    manifest, where the format knows it.
    """

    name: str
    draw: Callable[[], list[Drawn]] | None
    size: tuple[int, int] | None = None
    image: Path | None = None
    picture: Callable[[], np.ndarray] | None = None
    image_id: str | None = None
    patient_id: str | None = None
    split: str | None = None
    spacing: tuple[float, float] | None = None
    device: str | None = None
    annotator: str | None = None
    source: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Export:
    """What a reader found: classes as the format names and numbers them, frames, and what it had to leave.

    `refused` and `notes` are lines for the user: what cannot be taken over and why; what is worth knowing.
    """

    classes: Classes
    frames: list[AnnotatedFrame]
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadOptions:
    """What the user says besides the source. `classes` are the classes that the data set shall have, `annotator` whose
    drawings are wanted where a data set holds those of several."""

    classes: Classes | None = None
    images: Path | None = None
    annotator: str | None = None


@dataclass(frozen=True)
class FrameOut:
    """A frame on its way to an annotation tool.

    `file_name` is a flat name with suffix, unique in the export, under which the tool will know the frame. `labels`
    returns uint8 (H, W) label values, or None where nobody has annotated it. `copy_image` writes the picture, as 8-bit
    PNG or JPEG that every tool opens, to a path ending in `file_name`.
    """

    image_id: str
    file_name: str
    size: tuple[int, int]
    labels: Callable[[], np.ndarray | None]
    copy_image: Callable[[Path], None]
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True)
class WriteOptions:
    """`geometry` is rle or polygon where a format can hold both; `tolerance` in px is how far a polygon may stray
    from the middles of its mask's edge steps: no pixel farther than `tolerance` + 0.71 px from the boundary changes
    side (0: exact, with a corner at every step)."""

    geometry: str = "polygon"
    tolerance: float = 0.5


Reader = Callable[[Path, ReadOptions], Export]
Writer = Callable[[Iterable[FrameOut], Classes, Path, WriteOptions], list[str]]
"""Writes into an empty folder; returns lines that say what the format could not hold."""


@dataclass(frozen=True)
class Format:
    """A format by name: what it is, and how it is read and written, where it can be.

    `tells_empty` is False where a tool writes the same for a picture with nothing on it and for one that nobody has
    looked at.
    """

    meaning: str
    read: Reader | None = None
    write: Writer | None = None
    tells_empty: bool = True

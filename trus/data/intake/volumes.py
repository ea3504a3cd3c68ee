"""NIfTI and NRRD volumes as sources of the intake: the slices along one axis are the frames."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trus.data.images import MAX_PIXELS
from trus.data.intake.quiet import quietly
from trus.data.intake.source import Header
from trus.data.intake.spacing import plausible
from trus.data.intake.volume_headers import LARGEST, SEVERAL_VALUES, look_at
from trus.errors import IntakeError

if TYPE_CHECKING:
    import SimpleITK

MOST_SLICES = 100_000
COARSEST = 10.0
"""mm: slices of a volume may lie further apart than pixels of a picture."""

_DAMAGED = "damaged: the volume cannot be read"
_IN_PLANE = {0: (2, 1), 1: (2, 0), 2: (1, 0)}
"""Which of i, j, k (0, 1, 2) the rows and the columns of a slice are, by the axis that the slices lie along."""


@dataclass
class VolumeSource:
    """A volume; `axis` is the axis of the file's own index order (i, j, k) that the slices lie along.

    Slices along k have rows j and columns i, along j rows k and columns i, along i rows k and columns j. Nothing is
    turned or flipped, so that a mask drawn on a slice can be put back by its index.
    """

    path: Path
    header: Header
    axis: int

    def frames(self, wanted: range | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """As Source.frames; grey as `Greys` says, by the range of the whole volume."""
        volume = quietly(_DAMAGED, _read, self.path, self.header.kind)
        slices = np.moveaxis(volume, 2 - self.axis, 0)
        greys = quietly(_DAMAGED, Greys.of, slices)
        numbers = range(len(slices))
        for number in numbers if wanted is None else numbers[wanted.start : wanted.stop : wanted.step]:
            yield number, greys.frame(slices[number])


@dataclass(frozen=True)
class Greys:
    """How the values of a volume, from `low` to `high`, become grey.

    Whole numbers from 0 to 255 stay as they are. Other whole numbers are spread over 16 bits, which keeps every level
    of a range up to 65535; anything else over 8. What is not finite becomes the nearest end, NaN the lower one.
    """

    low: float
    high: float
    whole: bool

    @classmethod
    def of(cls, slices: np.ndarray) -> "Greys":
        """Look at a volume slice by slice. Raises IntakeError where no value is finite."""
        ends, whole = [], True
        for values in slices:
            finite = values[np.isfinite(values)]
            ends += [float(finite.min()), float(finite.max())] if finite.size else []
            whole = whole and np.array_equal(values, np.rint(values))
        if not ends:
            raise IntakeError("holds no finite value")
        return cls(min(ends), max(ends), whole)

    def frame(self, values: np.ndarray) -> np.ndarray:
        """One slice as uint8 or uint16, contiguous."""
        if self.whole and self.low >= 0 and self.high <= 255:
            return np.ascontiguousarray(values, dtype=np.uint8)
        most, kind = (65535, np.uint16) if self.whole else (255, np.uint8)
        spread = (np.nan_to_num(values.astype(np.float64), nan=self.low) - self.low) / (self.high - self.low or 1)
        return np.ascontiguousarray(np.rint(np.clip(spread, 0, 1) * most), dtype=kind)


def open_volume(path: Path, kind: str, axis: int) -> VolumeSource:
    """Read the header of a volume of `kind` (nifti or nrrd). Raises IntakeError."""
    if axis not in _IN_PLANE:
        raise IntakeError(f"axis {axis}: slices can be cut along axis 0, 1 or 2")
    certain, note = quietly(_DAMAGED, look_at, path, kind)
    shape, spacing = quietly(_DAMAGED, _information, path, kind)
    row, column = _IN_PLANE[axis]
    size = shape[row], shape[column]
    if min(shape) < 1 or size[0] * size[1] > MAX_PIXELS or shape[axis] > MOST_SLICES:
        raise IntakeError(f"announces {shape[axis]} slices of {size[1]}x{size[0]} pixels, which is not read")
    in_plane = spacing[row], spacing[column]
    if certain and not plausible(in_plane, COARSEST):
        certain, note = False, f"{in_plane[0]:.4g}x{in_plane[1]:.4g} mm is no pixel of an ultrasound volume"
    header = Header(kind, shape[axis], size, spacing=in_plane if certain else None, spacing_note=note)
    return VolumeSource(path, header, axis)


def _information(path: Path, kind: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Shape and spacing (i, j, k) by the header; a single slice has one voxel along k. Raises IntakeError."""
    import SimpleITK

    with _named(path, kind) as name:
        reader = _reader(name, kind)
        reader.ReadImageInformation()
    shape, spacing = reader.GetSize(), reader.GetSpacing()
    if len(shape) not in (2, 3):
        raise IntakeError(f"has {len(shape)} dimensions; export one volume of three")
    pixel = SimpleITK.GetPixelIDValueAsString(reader.GetPixelID())
    if not pixel[0].isdigit():
        raise IntakeError(SEVERAL_VALUES)
    bytes_ = int(np.prod(shape, dtype=np.float64)) * int(pixel.partition("-")[0]) // 8
    if bytes_ > LARGEST:
        raise IntakeError(f"announces {bytes_} bytes of voxels; at most {LARGEST} are read")
    return (*shape, 1)[:3], (*spacing, 1.0)[:3]


def _read(path: Path, kind: str) -> np.ndarray:
    """The voxels as (k, j, i)."""
    import SimpleITK

    _information(path, kind)
    with _named(path, kind) as name:
        volume = SimpleITK.GetArrayFromImage(_reader(name, kind).Execute())
    return volume if volume.ndim == 3 else volume[np.newaxis]


def _reader(name: Path, kind: str) -> "SimpleITK.ImageFileReader":
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("NiftiImageIO" if kind == "nifti" else "NrrdImageIO")
    reader.SetFileName(str(name))
    return reader


@contextmanager
def _named(path: Path, kind: str) -> Iterator[Path]:
    """`path` under a name whose suffix the libraries accept: they go by it."""
    suffixes = (".nii", ".nii.gz") if kind == "nifti" else (".nrrd",)
    if path.name.endswith(suffixes):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"volume{suffixes[-1]}"
        link.symlink_to(path.resolve())
        yield link

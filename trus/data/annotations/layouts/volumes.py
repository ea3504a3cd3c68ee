"""Volumes of public data sets as frames: the slices along the third axis, in the order of the file.

Rows of a slice are the file's second axis (j), columns its first (i), as the intake reads volumes; directions and
origins of the header are left alone, so that a slice of a picture lies on the slice of its labels by index.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Painted
from trus.errors import AnnotationError

MAX_VOXELS = 2**29
"""A volume, or the first channel of one, that has more is refused from its header."""
_SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class VolumeHeader:
    """`size` is (slices, rows, columns), `spacing` mm a pixel (row, column) or None where the file states none."""

    path: Path
    size: tuple[int, int, int]
    spacing: tuple[float, float] | None

    @property
    def stem(self) -> str:
        """The file's name without .nii.gz."""
        return volume_stem(self.path)


def volume_stem(path: Path) -> str:
    """`obs000.nii.gz` -> `obs000`."""
    return next(path.name.removesuffix(suffix) for suffix in _SUFFIXES if path.name.endswith(suffix))


def volume_files(folder: Path) -> list[Path]:
    """NIfTI files of a folder itself, sorted; hidden ones are left out."""
    files = (p for p in folder.iterdir() if p.name.endswith(_SUFFIXES) and not p.name.startswith("."))
    return sorted(file for file in files if file.is_file())


def read_header(path: Path) -> VolumeHeader:
    """Size and spacing without the voxels. Raises AnnotationError: unreadable, not of 3 or 4 axes, too large."""
    reader = _reader(path)
    size, spacing = reader.GetSize(), reader.GetSpacing()
    if len(size) not in (3, 4) or reader.GetNumberOfComponents() != 1:
        raise AnnotationError(f"{path}: has {len(size)} axes; a volume of 3, or channels of volumes in 4, is read")
    if math.prod(size[:3]) > MAX_VOXELS:
        raise AnnotationError(f"{path}: {'x'.join(map(str, size))} voxels; at most {MAX_VOXELS} are read")
    # 1 mm in every direction is what programs write who do not know it
    stated = spacing[:3] != (1, 1, 1) and all(0 < step < 100 for step in spacing[:3])
    millimetres = (_as_written(spacing[1]), _as_written(spacing[0])) if stated else None
    return VolumeHeader(path, (size[2], size[1], size[0]), millimetres)


def read_voxels(path: Path) -> np.ndarray:
    """The volume, or the first channel of four axes, as stored: (slices, rows, columns). Raises AnnotationError."""
    import SimpleITK as sitk  # noqa: N813

    header, reader = read_header(path), _reader(path)
    if len(reader.GetSize()) == 4:
        reader.SetExtractSize([*reader.GetSize()[:3], 0])
        reader.SetExtractIndex([0, 0, 0, 0])
    try:
        voxels = sitk.GetArrayFromImage(reader.Execute())
    except (RuntimeError, MemoryError) as error:
        raise AnnotationError(f"{path}: {_reason(error)}; copy it from the data set again") from error
    if voxels.shape != header.size:
        raise AnnotationError(f"{path}: its header says {header.size}, but it holds {voxels.shape} voxels")
    return voxels


class VolumeCache:
    """The picture volume and the label volume that were read last: slices are asked for in order."""

    def __init__(self) -> None:
        self._grey = lru_cache(maxsize=1)(_read_grey)
        self._gland = lru_cache(maxsize=1)(_read_gland)

    def picture(self, path: Path, number: int) -> np.ndarray:
        """Slice as uint8 (H, W): whole numbers from 0 to 255 as they are, else scaled over the volume's own range.

        Raises AnnotationError.
        """
        voxels, low, high = self._grey(path)
        plane = voxels[number]
        if low is None:
            return plane.astype(np.uint8)
        return np.rint((plane.astype(np.float64) - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)

    def gland(self, path: Path, number: int) -> list[Drawn]:
        """The gland on a slice, as one painted object or none. Raises AnnotationError."""
        plane = self._gland(path)[number]
        return [Painted("gland", plane)] if plane.any() else []


def slice_frames(
    cache: VolumeCache, picture: VolumeHeader, label: Path | None, folder: str = "", **known: Any
) -> Iterator[AnnotatedFrame]:
    """One frame a slice, called `folder`STEM_NNNNN.png from 00000; `known` are further fields of every frame.

    `label` marks the class `gland`; without it nobody has annotated the volume.
    """
    for number in range(picture.size[0]):
        image_id = f"{folder}{picture.stem}_{number:05d}"
        yield AnnotatedFrame(
            name=f"{image_id}.png",
            draw=partial(cache.gland, label, number) if label else None,
            size=picture.size[1:],
            picture=partial(cache.picture, picture.path, number),
            image_id=image_id,
            spacing=picture.spacing,
            **known,
        )


def size_mismatch(picture: VolumeHeader, label: VolumeHeader) -> str | None:
    """A line that says so where a label volume is not of its picture's size."""
    if picture.size == label.size:
        return None
    sizes = ["x".join(map(str, header.size[::-1])) for header in (label, picture)]
    return f"{label.path}: is {sizes[0]}, its picture {sizes[1]} voxels; take both from the same copy of the data set"


def _as_written(millimetres: float) -> float:
    """NIfTI stores 32 bits: 0.06, not 0.05999999865889549."""
    return float(str(np.float32(millimetres)))


def _reader(path: Path) -> Any:
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise AnnotationError(f"{path}: {_reason(error)}; copy it from the data set again") from error
    return reader


def _reason(error: Exception) -> str:
    """The last line of an ITK error, which says what, after lines that say where in ITK."""
    return f"cannot be read as a NIfTI volume ({str(error).strip().splitlines()[-1].strip()})"


def _read_grey(path: Path) -> tuple[np.ndarray, float | None, float]:
    """Voxels, and the grey range to be scaled to 0..255, or None where they fit as they are."""
    voxels = read_voxels(path)
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite([low, high]).all():
        raise AnnotationError(f"{path}: holds values that are no number")
    fits = low >= 0 and high <= 255 and all((plane == np.rint(plane)).all() for plane in voxels)
    return voxels, None if fits else low, high


def _read_gland(path: Path) -> np.ndarray:
    voxels = read_voxels(path)
    value = voxels.max()
    if voxels.min() < 0 or not all(((plane == 0) | (plane == value)).all() for plane in voxels):
        raise AnnotationError(f"{path}: holds several values besides 0; the labels of a gland hold one")
    return voxels != 0

"""Label volumes: their header, their voxels as label values, and what their labels are called."""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.exchange import Drawn, Painted
from trus.data.annotations.sources import read_text
from trus.data.intake.open import kind_of, open_source
from trus.data.intake.quiet import quietly
from trus.errors import AnnotationError, IntakeError

MAX_VOXELS = 2**28
MOST_LABELS = 64
"""A volume with more different values is a picture."""
_DAMAGED = "damaged: the volume cannot be read"
_LINE = re.compile(r'\s*(\d{1,5})\s+\d+\s+\d+\s+\d+\s+[\d.]+\s+[01]\s+[01]\s+"(.*)"\s*')
_DEFAULT = re.compile(r"(clear label|label \d+)", re.IGNORECASE)


@dataclass(frozen=True)
class LabelVolume:
    """A label volume: the frames' name, (rows, columns) of a slice, slices, mm a pixel (row, column) where certain.

    `names` are those of its label values, as far as they are known.
    """

    path: Path
    name: str
    size: tuple[int, int]
    slices: int
    spacing: tuple[float, float] | None
    names: dict[int, str] = field(default_factory=dict)

    def with_names(self, others: dict[int, str]) -> "LabelVolume":
        """Named by itself, else by `others`, else label_N: a name for each value that it holds."""
        values = label_values(self)
        return replace(self, names={v: self.names.get(v) or others.get(v) or f"label_{v}" for v in sorted(values)})


def open_labels(path: Path, name: str) -> LabelVolume:
    """Read the header, and the voxels once to see that they are labels.

    Raises AnnotationError: not NIfTI or NRRD, damaged, four axes, too large, other values than 0 to 255, a picture, a
    segmentation of 3D Slicer that is cropped or has overlapping segments.
    """
    try:
        if (kind := kind_of(path)) not in ("nifti", "nrrd"):
            raise AnnotationError(f"is no label volume but {kind}")
        header = open_source(path).header
        tags = quietly(_DAMAGED, _tags, path)
    except IntakeError as error:
        hint = "; overlapping segments: in 3D Slicer export them as a label map" if _is_slicer(path) else ""
        raise AnnotationError(f"{error}{hint}") from error
    slices = header.frames or 1
    if slices * header.size[0] * header.size[1] > MAX_VOXELS:
        raise AnnotationError(f"has {slices} slices of {header.size[1]}x{header.size[0]}; at most {MAX_VOXELS} voxels")
    offset = tags.get("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    if set(offset.split()) != {"0"}:
        raise AnnotationError("is cropped to its segments; in 3D Slicer save it without 'Crop to minimal extent'")
    volume = LabelVolume(path, name, header.size, slices, volume_spacing(path, header.spacing), _segment_names(tags))
    label_values(volume)
    return volume


def volume_spacing(path: Path, spacing: tuple[float, float] | None) -> tuple[float, float] | None:
    """mm a pixel as somebody wrote it: NIfTI keeps 32 bits of 0.1, which come back as 0.10000000149."""
    if spacing is None or path.name.endswith(".nrrd"):
        return spacing
    return float(str(np.float32(spacing[0]))), float(str(np.float32(spacing[1])))


def _is_slicer(path: Path) -> bool:
    return path.name.lower().endswith(".seg.nrrd")


def _tags(path: Path) -> dict[str, str]:
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if key.startswith("Segment")}


def _segment_names(tags: dict[str, str]) -> dict[int, str]:
    """What 3D Slicer calls each label value."""
    names = {}
    for key, text in tags.items():
        if match := re.fullmatch(r"(Segment\d+)_LabelValue", key):
            name = tags.get(f"{match[1]}_Name", "").strip()
            if text.strip().isdecimal() and name:
                names[int(text)] = name
    return names


def label_values(volume: LabelVolume) -> frozenset[int]:
    """The label values in a volume but 0. Raises AnnotationError where they are none (see `open_labels`)."""
    return _values_of(volume.path, _version(volume.path))


def drawn_slice(volume: LabelVolume, number: int) -> list[Drawn]:
    """A slice as one painted object a label value. Raises AnnotationError."""
    plane = _voxels(volume.path, _version(volume.path))[number]
    return [Painted(volume.names[value], plane == value) for value in np.unique(plane).tolist() if value]


def slice_picture(path: Path, number: int, size: tuple[int, int]) -> np.ndarray:
    """A slice of a picture volume as uint8 (H, W). Raises AnnotationError, also where it is not of `size`."""
    slices = _greys(path, _version(path))
    if number >= len(slices) or slices[number].shape != size:
        raise AnnotationError(f"{path}: its picture volume is not of the size of its labels")
    return slices[number]


def _version(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4096)
def _values_of(path: Path, version: tuple[int, int]) -> frozenset[int]:
    return frozenset(np.unique(_voxels(path, version)).tolist()) - {0}


@lru_cache(maxsize=1)  # slices are asked for in order
def _voxels(path: Path, version: tuple[int, int]) -> np.ndarray:
    """Label values, uint8 (slices, rows, columns)."""
    try:
        voxels = quietly(_DAMAGED, _read, path)
    except IntakeError as error:
        raise AnnotationError(str(error)) from error
    found: set[Any] = set()
    for plane in voxels:
        found |= set(np.unique(plane).tolist())
        if len(found) > MOST_LABELS:
            raise AnnotationError(f"holds more than {MOST_LABELS} different values: a picture, no label volume")
    wrong = [value for value in found if not (0 <= value <= 255 and value == int(value))]
    if wrong:
        raise AnnotationError(f"holds the value {wrong[0]:g}; labels are whole numbers from 0 to 255")
    return voxels.astype(np.uint8)


def _read(path: Path) -> np.ndarray:
    import SimpleITK as sitk  # noqa: N813

    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return voxels if voxels.ndim == 3 else voxels[np.newaxis]


@lru_cache(maxsize=1)
def _greys(path: Path, version: tuple[int, int]) -> list[np.ndarray]:
    try:
        frames = [frame for _, frame in open_source(path).frames()]
    except IntakeError as error:
        raise AnnotationError(f"{path}: {error}") from error
    # 16 bits are the volume's range spread out: the upper 8 are the picture
    return [frame if frame.dtype == np.uint8 else (frame >> 8).astype(np.uint8) for frame in frames]


def described_labels(folder: Path) -> dict[int, str]:
    """Names by value from the label descriptions of ITK-SNAP in a folder; its own default names are left out.

    Raises AnnotationError where two descriptions differ.
    """
    names: dict[int, str] = {}
    for file in sorted([*folder.glob("*.txt"), *folder.glob("*.label")]):
        for value, name in _description(file).items():
            if names.setdefault(value, name) != name:
                raise AnnotationError(f"{file}: calls label {value} {name!r}, another description {names[value]!r}")
    return names


def _description(file: Path) -> dict[int, str]:
    try:
        lines = [line for line in read_text(file).splitlines() if line.strip() and not line.startswith("#")]
    except AnnotationError:
        return {}  # some other text file
    matches = [_LINE.fullmatch(line) for line in lines]
    found = {int(match[1]): match[2].strip() for match in matches if match}
    wanted = {value: name for value, name in found.items() if 0 < value < 256 and name and not _DEFAULT.fullmatch(name)}
    return wanted if all(matches) else {}

"""The headers of NIfTI and NRRD, looked at before a library believes them: bounds, and whether mm are meant."""

import gzip
import math
import re
import struct
from pathlib import Path

from trus.errors import IntakeError

GZIP = b"\x1f\x8b"
NIFTI_BYTES = 348
SEVERAL_VALUES = "holds several values a voxel; export a volume of grey values"
_NRRD_BYTES = 2**16
_FURTHEST = 2**20
_MILLIMETRES = 2
_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
"""Bytes a voxel of NIfTI's data types that hold one number each."""

_SEVERAL = (32, 128, 1792, 2048, 2304)
"""Its complex and RGB types."""

LARGEST = 2 * 2**30
"""Bytes of a decoded volume; it is held in memory whole, because compressed volumes cannot be read in part."""

_PIECE = 2**20
_NIFTI_1 = 348
_UNITS = 7
_ANATOMICAL = re.compile(r"^(left|right)-(anterior|posterior)-(superior|inferior)$|^[LR][AP][SI]$", re.IGNORECASE)


def look_at(path: Path, kind: str) -> tuple[bool, str]:
    """(whether the spacing is certainly mm, why not). Raises IntakeError where the header is none that is read."""
    return _look_at_nifti(path) if kind == "nifti" else _look_at_nrrd(path)


def is_nifti(head: bytes) -> bool:
    """Whether the first NIFTI_BYTES of a file, gunzipped, are a NIfTI-1 header in one file with its voxels."""
    return len(head) >= NIFTI_BYTES and head[344:348] == b"n+1\0" and _order(head) is not None


def gunzipped(path: Path, most: int) -> bytes:
    """The first `most` bytes of a file, gunzipped if it is a gzip file; fewer where it is shorter or damaged."""
    with path.open("rb") as file:
        if file.read(2) != GZIP:
            file.seek(0)
            return file.read(most)
    try:
        with gzip.open(path) as packed:
            return packed.read(most)
    except (OSError, EOFError, ValueError):
        return b""


def _order(head: bytes) -> str | None:
    return next((order for order in "<>" if struct.unpack(f"{order}i", head[:4])[0] == _NIFTI_1), None)


def _look_at_nifti(path: Path) -> tuple[bool, str]:
    head = gunzipped(path, NIFTI_BYTES)
    order = _order(head)
    dimensions, *extents = struct.unpack(f"{order}8h", head[40:56])
    (kind,) = struct.unpack(f"{order}h", head[70:72])
    (offset,) = struct.unpack(f"{order}f", head[108:112])
    if not 1 <= dimensions <= 7 or min(extents[:dimensions]) < 1:
        raise IntakeError("damaged: the volume has no valid extents")
    if any(extent > 1 for extent in extents[3:dimensions]):
        raise IntakeError(f"has {dimensions} dimensions, a series or several values a voxel; export one 3-D volume")
    if kind in _SEVERAL:
        raise IntakeError(SEVERAL_VALUES)
    if kind not in _BYTES or not (math.isfinite(offset) and 0 <= offset <= _FURTHEST):
        raise IntakeError("damaged: the header of the volume cannot be read")
    _check_voxels(path, int(offset), math.prod(extents[:dimensions]) * _BYTES[kind])
    if head[123] & _UNITS == _MILLIMETRES:
        return True, ""
    return False, "the NIfTI header does not say that its units are mm (xyzt_units)"


def _check_voxels(path: Path, offset: int, announced: int) -> None:
    """Count the voxels: the library takes those that are missing from the end of a file for zeros."""
    if announced > LARGEST:
        raise IntakeError(f"announces {announced} bytes of voxels; at most {LARGEST} are read")
    left = offset + announced
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    with gzip.open(path) if packed else path.open("rb") as content:
        while left > 0 and (piece := content.read(min(left, _PIECE))):
            left -= len(piece)
    if left > 0:
        raise IntakeError(f"truncated: the header announces {announced} bytes of voxels, {left} are missing")


def _look_at_nrrd(path: Path) -> tuple[bool, str]:
    with path.open("rb") as file:
        head, found, _ = file.read(_NRRD_BYTES).replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = (line.partition(":") for line in head.decode("latin-1").splitlines()[1:] if not line.startswith("#"))
    fields = {key.strip().lower(): value.strip() for key, _, value in lines if not value.startswith("=")}
    if fields.keys() & {"data file", "datafile"}:
        raise IntakeError("a detached NRRD header, whose voxels stand in another file; export one .nrrd file")
    if not found:
        raise IntakeError("damaged: the NRRD header has no end")
    return _nrrd_certainty(fields)


def _nrrd_certainty(fields: dict[str, str]) -> tuple[bool, str]:
    """3D Slicer and ITK write no units: they mean mm wherever the space is an anatomical one."""
    if not fields.keys() & {"spacings", "space directions"}:
        return False, "the NRRD header states no spacing"
    units = set(re.findall(r'"([^"]*)"', fields.get("space units") or fields.get("units") or ""))
    if units == {"mm"}:
        return True, ""
    if units - {""}:
        return False, "the units of the NRRD header are not mm"
    if not _ANATOMICAL.match(fields.get("space", "")):
        return False, "the NRRD header names neither units nor an anatomical space"
    return True, ""

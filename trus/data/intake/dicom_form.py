"""The form of a DICOM file's pixels: what its header announces, checked before a pixel is read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trus.data.images import MAX_PIXELS
from trus.errors import IntakeError, OversizeError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

MOST_FRAMES = 100_000
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True)
class Pixels:
    """The form of the pixels, checked: what a decoder is told."""

    syntax: str
    compressed: bool
    vr: str
    rows: int
    columns: int
    frames: int
    samples: int
    model: str
    allocated: int
    stored: int
    signed: bool
    planar: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame as decoded; native YBR_FULL_422 stores two thirds of them."""
        values = self.rows * self.columns * self.samples * self.allocated // 8
        return values * 2 // 3 if self.model == "YBR_FULL_422" and not self.compressed else values


def pixels_of(dataset: "Dataset", uid: "UID", vr: str) -> Pixels:
    """Check what the header announces before a pixel is read. Raises IntakeError."""
    rows, columns = _whole(dataset, "Rows"), _whole(dataset, "Columns")
    if min(rows, columns) < 1:
        raise IntakeError(f"announces {columns}x{rows} pixels")
    if rows * columns > MAX_PIXELS:
        raise OversizeError(f"announces {columns}x{rows} pixels; at most {MAX_PIXELS} are read")
    frames = _whole(dataset, "NumberOfFrames", 1) or 1
    if frames < 1:
        raise IntakeError(f"announces {frames} frames")
    if frames > MOST_FRAMES:
        raise OversizeError(f"announces {frames} frames; at most {MOST_FRAMES} are read")
    samples, model = _colours(dataset)
    allocated = _whole(dataset, "BitsAllocated")
    stored = _whole(dataset, "BitsStored", allocated)
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise IntakeError(f"announces {stored} of {allocated} bits a value; 8 and 16 are read")
    if str(uid) == _JPEG_EXTENDED and stored != 8:
        raise IntakeError("holds JPEG of 12 bits, which is not read; export it uncompressed")
    if _whole(dataset, "HighBit", stored - 1) != stored - 1:
        raise IntakeError("its values do not stand in the lowest bits (HighBit), which is not read")
    signed, planar = _whole(dataset, "PixelRepresentation", 0), _whole(dataset, "PlanarConfiguration", 0)
    if signed not in (0, 1) or planar not in (0, 1):
        raise IntakeError("PixelRepresentation and PlanarConfiguration must be 0 or 1")
    return Pixels(
        str(uid),
        uid.is_encapsulated,
        vr,
        rows,
        columns,
        frames,
        samples,
        model,
        allocated,
        stored,
        bool(signed),
        planar,
    )


def _colours(dataset: "Dataset") -> tuple[int, str]:
    samples, model = _whole(dataset, "SamplesPerPixel", 1), str(dataset.get("PhotometricInterpretation") or "").strip()
    if model not in _GREY + _COLOUR:
        raise IntakeError(f"its colour model is not read; known: {', '.join(_GREY + _COLOUR)}")
    if samples != (3 if model in _COLOUR else 1):
        raise IntakeError(f"announces {samples} values a pixel, which {model} does not have")
    return samples, model


def _whole(dataset: "Dataset", keyword: str, otherwise: int | None = None) -> int:
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        value = otherwise
    if not isinstance(value, int):
        raise IntakeError(f"{keyword} is missing or no whole number")
    return int(value)

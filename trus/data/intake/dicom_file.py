"""A DICOM file up to its pixels: the header with bounded effort, and the form and place of the pixels."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from trus.data.images import MAX_PIXELS
from trus.data.intake.deflated import inflate
from trus.data.intake.metered import Metered
from trus.data.intake.quiet import quietly
from trus.errors import IntakeError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

MOST_FRAMES = 100_000
DAMAGED = "damaged: the DICOM header cannot be read"

_HEADER_ALLOWANCE = 64 * 2**20, 200_000
"""Bytes and reads: far more than a scanner writes, and little enough to parse in seconds."""

_LARGEST_ELEMENT = 2**20
_LARGEST_SEQUENCE = 2**16
_REGIONS = 0x00186011
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DICOMDIR = "1.2.840.10008.1.3.10"

_KEYWORDS = (
    "SpecificCharacterSet", "SOPClassUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate",
    "PatientSex", "Manufacturer", "ManufacturerModelName", "PixelSpacing", "ImagerPixelSpacing",
    "SequenceOfUltrasoundRegions", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip

_MODELS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


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


@dataclass(frozen=True)
class Opened:
    """An open DICOM file: `file` stands at the first byte of the pixels' value."""

    file: BinaryIO
    dataset: "Dataset"
    pixels: Pixels


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a DICOM file, read its header and check what it announces against what is there. Raises IntakeError."""
    with path.open("rb") as raw:
        syntax = quietly(DAMAGED, _transfer_syntax, raw)
        if syntax != _DEFLATED:
            yield quietly(DAMAGED, _header, raw, syntax)
            return
        with quietly(DAMAGED, inflate, raw, _announced) as unpacked:
            yield quietly(DAMAGED, _header, unpacked, syntax)


def _announced(unpacked: BinaryIO) -> int:
    pixels = _header(unpacked, _DEFLATED, complete=False).pixels
    return pixels.frame_bytes * pixels.frames


def _transfer_syntax(file: BinaryIO) -> str:
    """The transfer syntax by the file meta information, empty without; `file` then stands at the data set."""
    from pydicom.filereader import read_dataset

    file.seek(128)
    if file.read(4) != b"DICM":
        file.seek(0)
    meta = read_dataset(
        _metered(file), False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2, defer_size=_LARGEST_SEQUENCE
    )
    return str(meta.get("TransferSyntaxUID") or "")


def _metered(file: BinaryIO) -> BinaryIO:
    metered = Metered(file)
    metered.allow(*_HEADER_ALLOWANCE)
    return cast(BinaryIO, metered)


def _header(file: BinaryIO, syntax: str, complete: bool = True) -> Opened:
    """Read the data set up to its pixels. `complete`: the pixels must be there in full."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_dataset

    uid = _known(syntax or _guessed_syntax(file))
    metered = _metered(file)
    dataset = read_dataset(
        metered, uid.is_implicit_VR, uid.is_little_endian, stop_when=_at_pixels, defer_size=_LARGEST_ELEMENT,
        specific_tags=[tag for name in _KEYWORDS if (tag := tag_for_keyword(name)) is not None],
    )  # fmt: skip
    vr, length = _pixel_element(metered, dataset)
    pixels = _pixels(dataset, uid, vr)
    if complete and not pixels.compressed:
        _check_length(file, pixels, length)
    if pixels.compressed and length != _UNDEFINED:
        raise IntakeError("damaged: the transfer syntax is a compressed one, the pixels are not")
    return Opened(file, dataset, pixels)


def _known(syntax: str) -> "UID":
    """A transfer syntax that can be read. Raises IntakeError, which names it where the standard has a name for it."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    uid = UID(syntax)
    try:
        get_decoder(uid)
    except NotImplementedError:
        named = f" ({uid.name})" if uid.name != syntax else ""
        raise IntakeError(f"its transfer syntax{named} is not read; export it uncompressed or as JPEG") from None
    return uid


def _guessed_syntax(file: BinaryIO) -> str:
    """For a data set without file meta information; pydicom corrects implicit to explicit by itself."""
    first = file.read(2)
    file.seek(-len(first), 1)
    big_endian = first[:1] == b"\0"
    return "1.2.840.10008.1.2.2" if big_endian else "1.2.840.10008.1.2"


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    if tag == _REGIONS and _LARGEST_SEQUENCE < length < _UNDEFINED:
        raise IntakeError("names more ultrasound regions than any scanner writes")
    return tag in _PIXELS


def _pixel_element(file: BinaryIO, dataset: "Dataset") -> tuple[str, int]:
    """VR and length of the pixel element; `file` moves from its tag to its value."""
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    head = file.read(8)
    if len(head) < 8:
        raise IntakeError(_without_pixels(dataset))
    group, element, length = struct.unpack(f"{order}HHL", head)
    vr = "OW"
    if not implicit:
        vr = head[4:6].decode("ascii")
        length = struct.unpack(f"{order}L", file.read(4))[0]
    if group << 16 | element != _PIXEL_DATA or vr not in ("OB", "OW", "UN"):
        raise IntakeError("its pixels are floating-point numbers or of unknown form, no picture of a scanner")
    return vr, length


def _without_pixels(dataset: "Dataset") -> str:
    from pydicom.uid import UID_dictionary

    kind = str(dataset.get("SOPClassUID") or "")
    if kind == _DICOMDIR:
        return "a DICOMDIR: an index of other files, without a picture"
    named = f" ({UID_dictionary[kind][0]})" if kind in UID_dictionary else ""
    return f"a DICOM file without pixels{named}"


def _pixels(dataset: "Dataset", uid: "UID", vr: str) -> Pixels:
    """Check what the header announces before a pixel is read. Raises IntakeError."""
    rows, columns = _whole(dataset, "Rows"), _whole(dataset, "Columns")
    if min(rows, columns) < 1 or rows * columns > MAX_PIXELS:
        raise IntakeError(f"announces {columns}x{rows} pixels; 1 to {MAX_PIXELS} are read")
    frames = _whole(dataset, "NumberOfFrames", 1) or 1
    if not 1 <= frames <= MOST_FRAMES:
        raise IntakeError(f"announces {frames} frames; 1 to {MOST_FRAMES} are read")
    samples, model = _colours(dataset)
    allocated = _whole(dataset, "BitsAllocated")
    stored = _whole(dataset, "BitsStored", allocated)
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise IntakeError(f"announces {stored} of {allocated} bits a value; 8 and 16 are read")
    if _whole(dataset, "HighBit", stored - 1) != stored - 1:
        raise IntakeError("its values do not stand in the lowest bits (HighBit), which is not read")
    signed, planar = _whole(dataset, "PixelRepresentation", 0), _whole(dataset, "PlanarConfiguration", 0)
    if signed not in (0, 1) or planar not in (0, 1):
        raise IntakeError("PixelRepresentation and PlanarConfiguration must be 0 or 1")
    return Pixels(
        str(uid), uid.is_encapsulated, vr, rows, columns, frames, samples, model, allocated, stored, bool(signed), planar
    )


def _colours(dataset: "Dataset") -> tuple[int, str]:
    samples, model = _whole(dataset, "SamplesPerPixel", 1), str(dataset.get("PhotometricInterpretation") or "").strip()
    if model not in _MODELS:
        raise IntakeError(f"its colour model is not read; known: {', '.join(_MODELS)}")
    if samples != (3 if model in _MODELS[3:] else 1):
        raise IntakeError(f"announces {samples} values a pixel, which {model} does not have")
    return samples, model


def _whole(dataset: "Dataset", keyword: str, otherwise: int | None = None) -> int:
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        value = otherwise
    if not isinstance(value, int):
        raise IntakeError(f"{keyword} is missing or no whole number")
    return int(value)


def _check_length(file: BinaryIO, pixels: Pixels, length: int) -> None:
    announced = pixels.frame_bytes * pixels.frames
    start = file.tell()
    held = file.seek(0, 2) - start
    file.seek(start)
    if length == _UNDEFINED:
        raise IntakeError("damaged: the pixels are compressed, the transfer syntax is not")
    if min(held, length) < announced:
        raise IntakeError(f"truncated: the header announces {announced} bytes of pixels, the file holds {held}")

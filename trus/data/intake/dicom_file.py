"""A DICOM file up to its pixels: the header, read with bounded effort, and the place of the pixels."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from trus.data.intake.deflated import inflate
from trus.data.intake.dicom_form import Pixels, pixels_of
from trus.data.intake.metered import Metered
from trus.data.intake.quiet import quietly
from trus.errors import IntakeError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

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

_CHANNELS = ("Red", "Green", "Blue")
_KEYWORDS = (
    "SpecificCharacterSet", "SOPClassUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate",
    "PatientSex", "Manufacturer", "ManufacturerModelName", "PixelSpacing", "ImagerPixelSpacing",
    "SequenceOfUltrasoundRegions", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", *(f"{name}PaletteColorLookupTableDescriptor" for name in _CHANNELS),
    *(f"{name}PaletteColorLookupTableData" for name in _CHANNELS),
    *(f"Segmented{name}PaletteColorLookupTableData" for name in _CHANNELS),
)  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """An open DICOM file: `file` stands at the first byte of the pixels' value."""

    file: BinaryIO
    dataset: "Dataset"
    pixels: Pixels


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a DICOM file, read its header and check what it announces against what is there. Raises IntakeError."""
    with quietly("cannot be opened", path.open, "rb") as raw:
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
    pixels = pixels_of(dataset, uid, vr)
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


def _check_length(file: BinaryIO, pixels: Pixels, length: int) -> None:
    announced = pixels.frame_bytes * pixels.frames
    start = file.tell()
    held = file.seek(0, 2) - start
    file.seek(start)
    if length == _UNDEFINED:
        raise IntakeError("damaged: the pixels are compressed, the transfer syntax is not")
    if min(held, length) < announced:
        raise IntakeError(f"truncated: the header announces {announced} bytes of pixels, the file holds {held}")
    if length - announced >= max(2, pixels.frame_bytes // 2):  # padding is a byte; half a frame is a wrong colour model
        raise IntakeError(
            f"the header announces {announced} bytes of pixels, but there are {length}: frames or colours"
        )

"""Frames of a DICOM file, one in memory at a time, as grey or RGB."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from trus.data.intake.codestream import jpeg2000_form, jpeg_form
from trus.data.intake.dicom_file import Opened
from trus.data.intake.dicom_form import Pixels
from trus.data.intake.dicom_palette import palette_of
from trus.data.intake.metered import Metered
from trus.data.intake.quiet import quietly
from trus.errors import IntakeError

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

_BASELINE, _LOSSLESS, _JPEG_LS, _JPEG_2000 = "pillow", "gdcm", "pyjpegls", "pylibjpeg"
_PLUGINS = {
    "1.2.840.10008.1.2.4.50": _BASELINE,
    "1.2.840.10008.1.2.4.51": _BASELINE,
    "1.2.840.10008.1.2.4.57": _LOSSLESS,
    "1.2.840.10008.1.2.4.70": _LOSSLESS,
    "1.2.840.10008.1.2.4.80": _JPEG_LS,
    "1.2.840.10008.1.2.4.81": _JPEG_LS,
    "1.2.840.10008.1.2.5": "pylibjpeg",
}
"""One decoder a transfer syntax (JPEG 2000 for the rest): a second one that is tried would hide the damage."""

_NOT_APART = "damaged: the compressed frames cannot be told apart"
_RLE = "1.2.840.10008.1.2.5"
_SPARE_BYTES, _SPARE_READS = 4 * 2**20, 400_000


def grey_if_equal(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) whose channels are equal as (H, W); any other frame as it is."""
    if frame.ndim == 3 and all(np.array_equal(frame[..., 0], frame[..., channel]) for channel in (1, 2)):
        return np.ascontiguousarray(frame[..., 0])
    return frame


def frames_of(opened: Opened, wanted: range) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (number, frame) of the wanted frames, as Source.frames says. Raises IntakeError."""
    palette = quietly("damaged: the colour palette cannot be read", _palette, opened)
    stored = _compressed(opened, wanted) if opened.pixels.compressed else _native(opened, wanted)
    for number, values in stored:
        yield number, quietly(_damaged(number), picture, values, opened.pixels, palette)


def picture(values: np.ndarray, pixels: Pixels, palette: np.ndarray | None) -> np.ndarray:
    """Stored values -> uint8 or uint16 (H, W) or uint8 (H, W, 3).

    Grey of more than 8 bits is moved up to the full scale of 16 (12-bit values times 16), which loses nothing; of
    colours the upper 8 bits are kept. MONOCHROME1 is inverted, signed values are moved up by half their range. A single
    frame whose channels are equal becomes grey; all frames of a clip have one shape, whatever is on them.
    """
    if pixels.samples == 3:
        colours = (values >> max(0, pixels.stored - 8)).astype(np.uint8)
        return grey_if_equal(colours) if pixels.frames == 1 else colours
    levels = values.astype(np.int32) + (2 ** (pixels.stored - 1) if pixels.signed else 0)
    if levels.min() < 0 or levels.max() >= 2**pixels.stored:
        raise IntakeError(f"damaged: the pixels hold more than the {pixels.stored} bits that the header announces")
    if palette is not None:
        return grey_if_equal(palette[levels]) if pixels.frames == 1 else palette[levels]
    if pixels.model == "MONOCHROME1":
        levels = 2**pixels.stored - 1 - levels
    return levels.astype(np.uint8) if pixels.stored <= 8 else (levels << (16 - pixels.stored)).astype(np.uint16)


def _palette(opened: Opened) -> np.ndarray | None:
    """uint8 (values, 3), or (values,) where every colour is a grey; None where there is no palette."""
    pixels = opened.pixels
    if pixels.model != "PALETTE COLOR":
        return None
    return grey_if_equal(palette_of(opened.dataset, pixels.stored, pixels.signed)[np.newaxis])[0]


def _native(opened: Opened, wanted: range) -> Iterator[tuple[int, np.ndarray]]:
    options = _options(opened.pixels, opened.pixels.frames)
    decoded = _decoder(opened.pixels).iter_array(opened.file, indices=wanted, **options)
    for number in wanted:
        values, _ = quietly(_damaged(number), next, decoded)
        yield number, values


def _compressed(opened: Opened, wanted: range) -> Iterator[tuple[int, np.ndarray]]:
    streams, announced = _streams(opened), opened.pixels.frames
    for number in range(wanted.stop):
        stream = quietly(_NOT_APART, next, streams, None)
        if stream is None:
            raise IntakeError(f"truncated: the header announces {announced} frames, the file holds {number}")
        if number in wanted:
            yield number, quietly(_damaged(number), _decode, stream, opened.pixels)
    if wanted.stop == announced and quietly(_NOT_APART, next, streams, None):
        raise IntakeError(f"the header announces {announced} frames, but there are more")


def _streams(opened: Opened) -> Iterator[bytes]:
    """Compressed frames in order. One that is larger than its pixels could be is refused before it is read."""
    from pydicom.encaps import generate_frames

    file, dataset = Metered(opened.file), opened.dataset
    offsets = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        offsets = dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    most = 4 * opened.pixels.frame_bytes + _SPARE_BYTES
    file.allow(most, _SPARE_READS)
    for stream in generate_frames(
        cast(BinaryIO, file), number_of_frames=opened.pixels.frames, extended_offsets=offsets
    ):
        yield stream
        file.allow(most, _SPARE_READS)


def _decode(stream: bytes, pixels: Pixels) -> np.ndarray:
    from pydicom.encaps import encapsulate

    plugin = _PLUGINS.get(pixels.syntax, _JPEG_2000)
    if pixels.syntax != _RLE:
        stated = jpeg_form(stream) if plugin != _JPEG_2000 else jpeg2000_form(stream)
        if (stated.rows, stated.columns, stated.samples) != (pixels.rows, pixels.columns, pixels.samples):
            raise IntakeError("damaged: a compressed frame is of another size or colour than the header announces")
        if not 2 <= stated.bits <= pixels.allocated:
            raise IntakeError("damaged: a compressed frame has more bits a value than the header announces")
    decoded = _decoder(pixels).iter_array(encapsulate([stream]), decoding_plugin=plugin, **_options(pixels, 1))
    values, _ = next(decoded)
    return values


def _decoder(pixels: Pixels) -> "Decoder":
    from pydicom.pixels import get_decoder

    return get_decoder(pixels.syntax)


def _options(pixels: Pixels, frames: int) -> dict[str, Any]:
    return {
        "rows": pixels.rows,
        "columns": pixels.columns,
        "samples_per_pixel": pixels.samples,
        "photometric_interpretation": pixels.model,
        "number_of_frames": frames,
        "bits_allocated": pixels.allocated,
        "bits_stored": pixels.stored,
        "pixel_representation": int(pixels.signed),
        "planar_configuration": pixels.planar,
        "pixel_keyword": "PixelData",
        "pixel_vr": pixels.vr,
    }


def _damaged(number: int) -> str:
    return f"damaged: frame {number} cannot be decoded"

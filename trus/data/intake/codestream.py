"""What a compressed frame says of itself, read before a decoder believes it."""

import struct

from trus.errors import IntakeError

Stated = tuple[int, int, int]
"""Rows, columns, components."""

_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xF7}
"""SOF0 to SOF3 and JPEG-LS's SOF55; the arithmetic and hierarchical ones are not decoded."""

_HEADERS = 2**20
"""A frame header stands in the first bytes; looking further would only cost time."""

_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def jpeg_size(stream: bytes) -> Stated:
    """Size by the frame header of a JPEG or JPEG-LS stream. Raises IntakeError where there is none."""
    stream, position = stream[:_HEADERS], 2
    while stream[:2] == b"\xff\xd8" and position + 4 <= len(stream) and stream[position] == 0xFF:
        marker, length = stream[position + 1], int.from_bytes(stream[position + 2 : position + 4])
        if marker == 0xFF:  # fill bytes may stand before a marker
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in _FRAME_HEADERS and len(stream) >= position + 10:
            return struct.unpack(">HHB", stream[position + 5 : position + 10])
        else:
            position += 2 + length
    raise IntakeError("damaged: a compressed frame has no JPEG header")


def jpeg2000_size(stream: bytes) -> Stated:
    """Size by the SIZ marker of a JPEG 2000 code stream, bare or in a JP2 box. Raises IntakeError."""
    start = stream.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(stream) < start + 42:
        raise IntakeError("damaged: a compressed frame has no JPEG 2000 header")
    right, bottom, left, top = struct.unpack(">4I", stream[start + 8 : start + 24])
    components = int.from_bytes(stream[start + 40 : start + 42])
    return bottom - top, right - left, components

"""What a compressed frame says of itself, read before a decoder believes it."""

import struct
from dataclasses import dataclass

from trus.errors import IntakeError

_HEADERS = 2**20
"""A frame header stands in the first bytes; looking further would only cost time."""

_LOSSLESS = 0xC3
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, _LOSSLESS, 0xF7}
"""SOF0 to SOF3 and JPEG-LS's SOF55; the arithmetic and hierarchical ones are not decoded."""

_HUFFMAN_TABLES, _SCAN, _FILL = 0xC4, 0xDA, 0xFF
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True)
class Stated:
    """The form of a compressed frame; `bits` a value."""

    rows: int
    columns: int
    samples: int
    bits: int


def jpeg_form(stream: bytes) -> Stated:
    """Form by the frame header of a JPEG or JPEG-LS stream, whose segments must be sound up to the first scan.

    Raises IntakeError where they are not, or a lossless frame comes without its Huffman tables: the decoder would end
    the process.
    """
    stream, position = stream[:_HEADERS], 2
    seen: dict[int, bytes] = {}
    while stream[:2] == b"\xff\xd8" and position + 4 <= len(stream) and stream[position] == 0xFF:
        marker, length = stream[position + 1], int.from_bytes(stream[position + 2 : position + 4])
        if marker == _SCAN:
            break
        if marker == _FILL or marker in _WITHOUT_LENGTH:
            position += 1 if marker == _FILL else 2
            continue
        seen[marker] = stream[position + 4 : position + 2 + length]
        position += 2 + length
    frame = [(marker, content) for marker, content in seen.items() if marker in _FRAME_HEADERS and len(content) >= 6]
    if len(frame) != 1 or (frame[0][0] == _LOSSLESS and _HUFFMAN_TABLES not in seen):
        raise IntakeError("damaged: a compressed frame has no JPEG header")
    bits, rows, columns, samples = struct.unpack(">BHHB", frame[0][1][:6])
    return Stated(rows, columns, samples, bits)


def jpeg2000_form(stream: bytes) -> Stated:
    """Form by the SIZ marker of a JPEG 2000 code stream, bare or in a JP2 box. Raises IntakeError."""
    start = stream.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(stream) < start + 43:
        raise IntakeError("damaged: a compressed frame has no JPEG 2000 header")
    right, bottom, left, top = struct.unpack(">4I", stream[start + 8 : start + 24])
    samples = int.from_bytes(stream[start + 40 : start + 42])
    return Stated(bottom - top, right - left, samples, (stream[start + 42] & 0x7F) + 1)

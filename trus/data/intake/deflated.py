"""Deflated DICOM: inflated in pieces, as far as the header allows and no further."""

import tempfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import BinaryIO

from trus.errors import IntakeError, OversizeError

HEADER_BYTES = 16 * 2**20
"""What is inflated before the header is read, and what a file may hold besides its pixels."""

LARGEST = 2 * 2**30
"""No deflated file is inflated further than this."""

_PIECE = 2**18


def inflate(packed: BinaryIO, announced: Callable[[BinaryIO], int]) -> BinaryIO:
    """Inflate the rest of `packed` into an anonymous temporary file, positioned at its start.

    `announced` reads the header from the first HEADER_BYTES and returns the bytes of pixels that it announces. Raises
    IntakeError when the stream is damaged or inflates to more than that + HEADER_BYTES, or the header announces more
    than LARGEST.
    """
    with ExitStack() as cleanup:
        unpacked = cleanup.enter_context(tempfile.TemporaryFile())
        _fill(packed, unpacked, announced)
        cleanup.pop_all()
        return unpacked


def _fill(packed: BinaryIO, unpacked: BinaryIO, announced: Callable[[BinaryIO], int]) -> None:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    _pour(stream, packed, unpacked, HEADER_BYTES)
    unpacked.seek(0)
    pixels = announced(unpacked)
    if pixels > LARGEST:
        raise OversizeError(f"deflated: announces {pixels} bytes of pixels; at most {LARGEST} are inflated")
    unpacked.seek(0, 2)
    _pour(stream, packed, unpacked, pixels + HEADER_BYTES)
    if not stream.eof and _more(stream, packed):
        raise OversizeError(f"deflated: inflates to more than the {pixels} bytes of pixels that its header announces")
    if not stream.eof:
        raise IntakeError("truncated: the deflated data ends early")
    unpacked.seek(0)


def _pour(stream: "zlib._Decompress", packed: BinaryIO, unpacked: BinaryIO, limit: int) -> None:
    """Inflate until `unpacked` holds `limit` bytes or the stream ends."""
    while unpacked.tell() < limit and not stream.eof:
        wanted = min(_PIECE, limit - unpacked.tell())
        piece = _inflated(stream, packed, wanted)
        if not piece:
            return
        unpacked.write(piece)


def _more(stream: "zlib._Decompress", packed: BinaryIO) -> bool:
    return bool(_inflated(stream, packed, 1))


def _inflated(stream: "zlib._Decompress", packed: BinaryIO, wanted: int) -> bytes:
    """Up to `wanted` further bytes; empty only at the end of the stream or of the file."""
    while not stream.eof:
        source = stream.unconsumed_tail or packed.read(_PIECE)
        piece = _decompress(stream, source, wanted)
        if piece or not source:
            return piece
    return b""


def _decompress(stream: "zlib._Decompress", source: bytes, wanted: int) -> bytes:
    try:
        return stream.decompress(source, wanted)
    except zlib.error:
        raise IntakeError("damaged: the deflated data cannot be inflated") from None

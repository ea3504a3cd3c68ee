"""Label Studio's brush RLE: a bit stream of the RGBA values of a picture, after thi.ng/rle-pack.

Header: 32 bits number of values, 5 bits word size - 1, four times 4 bits run size - 1. Then pieces: 1 bit whether one
value repeats, 2 bits which run size, that many bits length - 1, and one value, or as many as the length.
"""

from typing import Any

import numpy as np

from trus.errors import AnnotationError

_RUN_SIZES = (3, 4, 8, 16)
_HEADER_BITS = 32 + 5 + 4 * 4


def packed(rle: Any, size: tuple[int, int]) -> bytes:
    """Numbers 0 to 255 as Label Studio writes them, as bytes. Raises AnnotationError for anything else."""
    # a piece of one value takes at most 1 + 2 + 16 + 32 bits: more bytes than that for every value are no picture
    if not isinstance(rle, list) or len(rle) < _HEADER_BITS // 8 or len(rle) > 26 * size[0] * size[1] + 16:
        raise AnnotationError("its brush stroke is no list of numbers of a picture of this size")
    try:
        return bytes(rle)
    except (TypeError, ValueError) as error:
        raise AnnotationError("its brush stroke holds something else than numbers from 0 to 255") from error


def decode(rle: bytes, size: tuple[int, int]) -> np.ndarray:
    """The stream of a picture of `size` (H, W) -> bool (H, W): where the alpha value is above 0.

    Raises AnnotationError for a stream of another size and for one that ends early or is damaged.
    """
    height, width = size
    values = _values(rle, 4 * height * width).reshape(height, width, 4)
    return np.ascontiguousarray(values[:, :, 3])


def encode(plane: np.ndarray) -> list[int]:
    """Bool plane (H, W) -> the numbers that Label Studio's own encoder writes, all four channels 0 or 255."""
    values = np.repeat(np.asarray(plane, bool).ravel(), 4)
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), values.size - 1)
    lengths = np.diff(ends, prepend=-1)
    stream = [f"{values.size:032b}", f"{8 - 1:05b}", *(f"{size - 1:04b}" for size in _RUN_SIZES)]
    stream += [_run(int(n), 255 if on else 0) for n, on in zip(lengths, values[ends], strict=True)]
    bits = "".join(stream)
    bits += "0" * (8 - len(bits) % 8)  # a whole byte where none is needed, as their encoder does
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _run(length: int, value: int) -> str:
    longest = 2 ** _RUN_SIZES[-1]
    full, rest = divmod(length - 1, longest)
    which = next(k for k, bits in enumerate(_RUN_SIZES) if length <= 2**bits or bits == _RUN_SIZES[-1])
    return f"111{longest - 1:016b}{value:08b}" * full + f"1{which:02b}{rest:0{_RUN_SIZES[which]}b}{value:08b}"


def _values(data: bytes, expected: int) -> np.ndarray:
    reader = _BitReader(data)
    count, word = reader.read(32), reader.read(5) + 1
    sizes = [reader.read(4) + 1 for _ in range(4)]
    if count != expected:
        raise AnnotationError(f"its brush stroke is of {count / 4:g} pixels, the picture has {expected // 4}")
    out = np.zeros(expected, bool)
    at = 0
    while at < expected:
        repeats = reader.read(1)
        length = reader.read(sizes[reader.read(2)]) + 1
        if at + length > expected:
            raise AnnotationError("its brush stroke is damaged (longer than the picture)")
        out[at : at + length] = reader.read(word) > 0 if repeats else reader.words(length, word)
        at += length
    return out


class _BitReader:
    """Whole numbers of any number of bits, one after the other."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def read(self, bits: int) -> int:
        end = self.at + bits
        if end > 8 * len(self.data):
            raise AnnotationError("its brush stroke ends early")
        piece = int.from_bytes(self.data[self.at // 8 : (end + 7) // 8], "big") >> (-end % 8)
        self.at = end
        return piece & ((1 << bits) - 1)

    def words(self, count: int, bits: int) -> np.ndarray:
        """`count` numbers, as bool: whether each is above 0."""
        end = self.at + count * bits
        if end > 8 * len(self.data):
            raise AnnotationError("its brush stroke ends early")
        piece = np.frombuffer(self.data[self.at // 8 : (end + 7) // 8], np.uint8)
        start = self.at % 8
        self.at = end
        words = np.unpackbits(piece)[start : start + count * bits].reshape(count, bits)
        return np.asarray(words.any(axis=1))

"""Label Studio's brush RLE: a bit stream of the RGBA values of a picture, after thi.ng/rle-pack.

Header: 32 bits number of values, 5 bits word size - 1, four times 4 bits run size - 1. Then pieces: 1 bit whether one
value repeats, 2 bits which run size, that many bits length - 1, and one value, or as many as the length.
"""

from typing import Any

import numpy as np

from trus.errors import AnnotationError

_RUN_SIZES = (3, 4, 8, 16)
_HEADER_BITS = 32 + 5 + 4 * 4
_64_BITS = 2**64 - 1


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
    """Whether each value of the stream is above 0: bool (expected,)."""
    head = int.from_bytes(data[: _HEADER_BITS // 8 + 1], "big") >> (-_HEADER_BITS % 8)
    count, word = head >> 21, (head >> 16 & 31) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    if len(data) * 8 < _HEADER_BITS or count != expected:
        raise AnnotationError(f"its brush stroke is of {count / 4:g} pixels, the picture has {expected // 4}")
    return _pieces(data + bytes(8), word, sizes, expected)


def _pieces(data: bytes, word: int, sizes: list[int], expected: int) -> np.ndarray:
    """The pieces behind the header. `data` has 8 bytes more than the stream: a piece's head and value are read at once,
    of which both take 51 bits at most."""
    out, at, bit, end = np.zeros(expected, bool), 0, _HEADER_BITS, 8 * (len(data) - 8)
    while at < expected:
        window = int.from_bytes(data[bit >> 3 : (bit >> 3) + 8], "big") << (bit & 7) & _64_BITS
        size = sizes[window >> 61 & 3]
        rest = 61 - size
        length = (window >> rest & (1 << size) - 1) + 1
        repeats = window >> 63 or length == 1
        start, bit = bit + 3 + size, bit + 3 + size + word * (1 if repeats else length)
        if bit > end or at + length > expected:
            raise AnnotationError("its brush stroke is damaged: it ends early, or goes on beyond the picture")
        if repeats:
            out[at : at + length] = window >> (rest - word) & (1 << word) - 1
        else:
            out[at : at + length] = _words(data[start >> 3 : (bit + 7) >> 3], start & 7, length, word)
        at += length
    return out


def _words(data: bytes, skip: int, count: int, bits: int) -> np.ndarray:
    """`count` numbers of `bits` each behind `skip` bits, as bool: whether each is above 0."""
    stream = np.unpackbits(np.frombuffer(data, np.uint8))[skip : skip + count * bits]
    return np.asarray(stream.reshape(count, bits).any(axis=1))

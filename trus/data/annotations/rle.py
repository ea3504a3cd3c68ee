"""Run-length codes of COCO: runs of 0 and 1 in turn, beginning with 0, down the columns; plain or as compressed text.

Written by hand and checked at every step: pycocotools reads past its buffer on damaged input.
"""

from collections.abc import Sequence

import numpy as np

from trus.data.images import MAX_PIXELS
from trus.errors import AnnotationError

_FIRST, _LAST = 48, 111  # characters of the compressed text: six bits each, five of them payload
_LONGEST = 7  # characters a number: 35 bits, more than any run in a picture of MAX_PIXELS


def encode(plane: np.ndarray) -> list[int]:
    """Bool plane (H, W) -> run lengths, the first of zeros (0 where the plane begins with a one)."""
    flat = np.asarray(plane, bool).ravel(order="F")
    if not flat.size:
        return []
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.r_[0, changes, flat.size])
    return [int(run) for run in (np.r_[0, runs] if flat[0] else runs)]


def decode(counts: Sequence[int] | np.ndarray | str | bytes, size: tuple[int, int]) -> np.ndarray:
    """Run lengths, or their compressed text -> bool plane of `size` (H, W).

    Raises AnnotationError where the size is none of a picture or the runs do not fill it exactly.
    """
    pixels = checked_size(size)
    runs = decompress(counts) if isinstance(counts, str | bytes) else _numbers(counts)
    if len(runs) and runs.min() < 0:
        raise AnnotationError(f"RLE: has a run of {runs.min()} px; the mask is damaged")
    total = int(runs.sum())
    if total != pixels or (len(runs) and int(runs.max()) > pixels):
        raise AnnotationError(f"RLE: its runs cover {total} px, a picture of {size[1]}x{size[0]} has {pixels}")
    ones = np.arange(len(runs)) % 2 == 1
    return np.repeat(ones, runs).reshape(size, order="F")


def checked_size(size: object) -> int:
    """Pixels of a picture of `size` (H, W). Raises AnnotationError unless it is two whole numbers within MAX_PIXELS."""
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(type(side) is int for side in size):
        raise AnnotationError(f"size {_short(size)}: must be two whole numbers, height and width")
    if not all(0 < side <= MAX_PIXELS for side in size) or size[0] * size[1] > MAX_PIXELS:
        raise AnnotationError(f"size {_short(size)}: must be above 0 and at most {MAX_PIXELS} px in total")
    return int(size[0] * size[1])


def area(counts: Sequence[int]) -> int:
    """Pixels that are one."""
    return sum(counts[1::2])


def compress(counts: Sequence[int]) -> str:
    """Run lengths -> the compressed text that COCO files hold."""
    text = bytearray()
    for k, run in enumerate(counts):
        number = run - counts[k - 2] if k > 2 else run
        while True:
            bits, number = number & 0x1F, number >> 5
            last = number == (-1 if bits & 0x10 else 0)
            text.append(_FIRST + (bits if last else bits | 0x20))
            if last:
                break
    return text.decode("ascii")


def decompress(text: str | bytes) -> np.ndarray:
    """Compressed text -> run lengths, int64. Raises AnnotationError where it is damaged."""
    try:
        codes = np.frombuffer(text.encode("ascii") if isinstance(text, str) else text, np.uint8).astype(np.int64)
    except UnicodeEncodeError as error:
        raise AnnotationError("compressed RLE: holds characters that are no part of the code") from error
    if not len(codes):
        return np.zeros(0, np.int64)
    if codes.min() < _FIRST or codes.max() > _LAST:
        raise AnnotationError("compressed RLE: holds characters that are no part of the code")
    codes -= _FIRST
    if codes[-1] & 0x20:
        raise AnnotationError("compressed RLE: breaks off in the middle of a number")
    return _undelta(_values(codes))


def _values(codes: np.ndarray) -> np.ndarray:
    """Numbers of five bits a code, lowest first, sign in the highest bit of the last."""
    stops = np.flatnonzero(codes & 0x20 == 0)
    starts = np.r_[0, stops[:-1] + 1]
    lengths = stops - starts + 1
    if lengths.max() > _LONGEST:
        raise AnnotationError("compressed RLE: holds a number longer than any picture")
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    return values - np.where(codes[stops] & 0x10, np.int64(1) << (5 * lengths), 0)


def _undelta(values: np.ndarray) -> np.ndarray:
    """From the fourth on, a number is the difference to the one two before it."""
    for first in (1, 2):
        values[first::2] = np.cumsum(values[first::2])
    return values


def _numbers(counts: object) -> np.ndarray:
    if not isinstance(counts, list | tuple | np.ndarray):
        raise AnnotationError(f"RLE: counts are {_short(counts)}, not run lengths")
    if not all(type(run) is int or isinstance(run, np.integer) for run in counts):
        raise AnnotationError("RLE: holds run lengths that are no whole numbers")
    if len(counts) and max(abs(int(run)) for run in counts) > MAX_PIXELS:
        raise AnnotationError("RLE: holds a run longer than any picture")
    return np.asarray(counts, np.int64)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

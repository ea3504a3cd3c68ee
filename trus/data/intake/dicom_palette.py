"""The colours of PALETTE COLOR pictures: plain and segmented lookup tables (DICOM PS3.3 C.7.6.3.1.5 and C.7.9.2)."""

from typing import TYPE_CHECKING

import numpy as np

from trus.errors import IntakeError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CHANNELS = ("Red", "Green", "Blue")
_DAMAGED = "damaged: the colour palette cannot be read"
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def palette_of(dataset: "Dataset", stored: int, signed: bool) -> np.ndarray:
    """The colour of every value that `stored` bits can hold, from the least up: uint8 (2**stored, 3) RGB.

    Values below the first entry have its colour, values beyond the last one that one's. Of 16-bit colours the upper 8
    bits are kept, unless none is used: some scanners write 8-bit colours into a 16-bit palette. Raises IntakeError.
    """
    first, channels = 0, []
    for name in _CHANNELS:
        entries, first, bits = _descriptor(dataset, name)
        channels.append(_channel(dataset, name, entries, bits))
    if len({len(channel) for channel in channels}) != 1:
        raise IntakeError(_DAMAGED)
    table = np.stack(channels, axis=1)
    if table.max() > 255:
        table >>= 8
    values = np.arange(2**stored) - (2 ** (stored - 1) if signed else 0)
    return table.astype(np.uint8)[np.clip(values - first, 0, len(table) - 1)]


def _descriptor(dataset: "Dataset", name: str) -> tuple[int, int, int]:
    """Number of entries (1 to 65536), first value, bits an entry."""
    value = dataset.get(f"{name}PaletteColorLookupTableDescriptor")
    if value is None or len(value) != 3:
        raise IntakeError("its colour palette is missing")
    entries, first, bits = map(int, value)
    if bits not in (8, 16):
        raise IntakeError(_DAMAGED)
    return entries or 2**16, first, bits


def _channel(dataset: "Dataset", name: str, entries: int, bits: int) -> np.ndarray:
    """One channel as uint16 (entries,)."""
    order = "<" if dataset.original_encoding[1] else ">"
    data = dataset.get(f"{name}PaletteColorLookupTableData")
    if data:
        wide = len(data) >= 2 * entries
        channel = _numbers(data, 16 if wide else 8, order)[:entries]
    else:
        segments = dataset.get(f"Segmented{name}PaletteColorLookupTableData")
        if not segments:
            raise IntakeError("its colour palette is missing")
        channel = np.array(_expanded(_numbers(segments, bits, order).tolist(), entries, bits), np.uint16)
    if len(channel) != entries:
        raise IntakeError(_DAMAGED)
    return channel


def _numbers(data: bytes, bits: int, order: str) -> np.ndarray:
    """8-bit entries stand in 16-bit words too, so that a big-endian file has them in swapped pairs."""
    words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype("<u2")
    if bits == 16:
        return words.astype(np.uint16)
    return np.frombuffer(words.tobytes() if order == ">" else data, np.uint8).astype(np.uint16)


def _expanded(data: list[int], entries: int, bits: int) -> list[int]:
    """Expand segments until there are `entries` values; a table that would be larger is damaged, not expanded."""
    table: list[int] = []
    position = 0
    while position + 1 < len(data) and len(table) < entries:
        code, length = data[position : position + 2]
        if code != _INDIRECT:
            position = _segment(data, position, table)
        else:
            source = _offset(data[position + 2 : position + 6], bits)
            for _ in range(length):
                source = _segment(data, source, table)
                _check(len(table) <= entries)
            position += 6 if bits == 8 else 4
        _check(len(table) <= entries)
    return table


def _segment(data: list[int], position: int, table: list[int]) -> int:
    """Append a discrete or a linear segment to `table`; returns where the next one begins."""
    _check(position + 2 < len(data) and data[position] in (_DISCRETE, _LINEAR) and data[position + 1] > 0)
    code, length = data[position : position + 2]
    if code == _DISCRETE:
        table += data[position + 2 : position + 2 + length]
        return position + 2 + length
    _check(bool(table))
    steps = np.linspace(table[-1], data[position + 2], length + 1)[1:]
    table += np.rint(steps).astype(int).tolist()
    return position + 3


def _offset(words: list[int], bits: int) -> int:
    """Where an indirect segment's source begins, in entries: a byte offset, least significant word first."""
    _check(len(words) >= (4 if bits == 8 else 2))
    if bits == 8:
        return words[0] | words[1] << 8 | words[2] << 16 | words[3] << 24
    return (words[0] | words[1] << 16) // 2


def _check(sound: bool) -> None:
    if not sound:
        raise IntakeError(_DAMAGED)

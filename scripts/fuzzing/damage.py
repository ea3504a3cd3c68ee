"""Damage to any bytes, for a fuzzer."""

import random
import struct
from collections.abc import Callable

LARGEST = 4 * 2**20
"""No input grows beyond this many bytes."""

ODD = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Numbers at which formats and programs turn."""

Mutation = Callable[[bytes, random.Random], bytes]


def flip(data: bytes, number: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(1 + int(number.expovariate(0.5))):
        changed[number.randrange(len(changed))] ^= 1 << number.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, number: random.Random) -> bytes:
    """A whole number of 1, 2 or 4 bytes, of either order, becomes an odd one."""
    code = number.choice("BHI")
    value = struct.pack(number.choice("<>") + code, number.choice(ODD) % 256 ** struct.calcsize(code))
    return replaced(data, number.randrange(len(data) + 1), len(value), value)


def _truncate(data: bytes, number: random.Random) -> bytes:
    return data[: number.randrange(len(data) + 1)]


def _remove(data: bytes, number: random.Random) -> bytes:
    start, length = _block(data, number)
    return replaced(data, start, length, b"")


def _repeat(data: bytes, number: random.Random) -> bytes:
    start, length = _block(data, number)
    return replaced(data, start, 0, data[start : start + length] * number.choice((1, 1, 2, 50)))


def _insert(data: bytes, number: random.Random) -> bytes:
    noise = number.choice((bytes(64), b"\xff" * 64, number.randbytes(16)))
    return replaced(data, number.randrange(len(data) + 1), 0, noise)


def splice(data: bytes, number: random.Random, seeds: list[bytes]) -> bytes:
    """The beginning of one file and the end of another."""
    other = number.choice(seeds)
    return data[: number.randrange(len(data) + 1)] + other[number.randrange(len(other) + 1) :]


def _block(data: bytes, number: random.Random) -> tuple[int, int]:
    return number.randrange(len(data) + 1), 1 + min(4096, int(number.expovariate(0.02)))


def replaced(data: bytes, start: int, length: int, value: bytes) -> bytes:
    return data[:start] + value + data[start + length :]


BYTES: list[Mutation] = [flip, overwrite, _truncate, _remove, _repeat, _insert]

"""Damage to the structure of PNG, JPEG, TIFF, DICOM and JSON, with what is around it kept valid."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

from fuzzing.damage import BYTES, LARGEST, ODD, Mutation, flip, overwrite, replaced

_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, 1e-300, 1e300, float("nan"), float("inf"), 2**31, 2**63, -(2**64), 10**400),
    *("", "0", "\0", "\ud800", "é" * 50, "a" * 5000, "../../etc/passwd", [], {}, [[]], [0] * 300, {"": None}),
)


def _png(data: bytes, number: random.Random) -> bytes:
    """A chunk is damaged, dropped or repeated; checksums are right again afterwards."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return data
    chosen = number.randrange(len(chunks))
    name, body = chunks[chosen]
    if name == b"IDAT" and number.random() < 0.7:
        body = _repacked(body, number, zlib.MAX_WBITS)
    else:
        body = number.choice(BYTES)(body, number)
    chunks[chosen : chosen + 1] = number.choice(([(name, body)], [(name, body)], [], [(name, body)] * 2))
    whole = (name + body for name, body in chunks)
    return data[:8] + b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in whole)


def _repacked(packed: bytes, number: random.Random, window: int) -> bytes:
    """Damage below a compression that stays valid, or the damage of the compression itself."""
    try:
        plain = zlib.decompressobj(window).decompress(packed, LARGEST)
    except zlib.error:
        return packed
    plain = number.choice((bytes(LARGEST), number.choice(BYTES)(plain, number), number.choice(BYTES)(plain, number)))
    packer = zlib.compressobj(1, zlib.DEFLATED, window)
    return packer.compress(plain) + packer.flush()


def _jpeg(data: bytes, number: random.Random) -> bytes:
    """A byte behind a marker: the marker's kind, its length, or a value of its table."""
    markers = [at for at in range(len(data) - 1) if data[at] == 0xFF and data[at + 1] not in (0, 0xFF)]
    if not markers:
        return data
    at = number.choice(markers) + number.choice((1, 2, 3, *range(4, 20)))
    return replaced(data, at, 1, bytes([number.choice((*ODD[:9], 0xC0, 0xC4, 0xD9, 0xDA))]))


def _tiff(data: bytes, number: random.Random) -> bytes:
    """A field of a directory entry: tag, type, count or value; the next directory may be an earlier one."""
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 8 or (start := struct.unpack(order + "I", data[4:8])[0]) + 2 > len(data):
        return data
    entries = struct.unpack(order + "H", data[start : start + 2])[0]
    at = start + 2 + 12 * number.randrange(min(entries, 40) + 1)
    offset, code = number.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H")))
    value = struct.pack(order + code, number.choice((*ODD, start, at, len(data))) % 256 ** struct.calcsize(code))
    return replaced(data, at + offset, len(value), value)


def _dicom(data: bytes, number: random.Random) -> bytes:
    """An element (explicit VR, little endian) is dropped, repeated or nested, or its VR, length or value changed."""
    elements = _elements(data)
    if not elements:
        return data
    start, head, length = number.choice(elements)
    changed = number.choice(_ELEMENT)(data[start : start + head], data[start + head : start + head + length], number)
    return data[:start] + changed + data[start + head + length :]


def _repeated_element(head: bytes, value: bytes, number: random.Random) -> bytes:
    return (head + value) * number.choice((0, 0, 2, 4, 200))


def _other_vr(head: bytes, value: bytes, number: random.Random) -> bytes:
    vr = number.choice((b"UN", b"SQ", b"US", b"FD", b"DS", b"IS", b"OW", b"AT"))
    return head[:4] + vr + head[6:] + value


def _other_length(head: bytes, value: bytes, number: random.Random) -> bytes:
    code = "<H" if len(head) == 8 else "<I"
    length = number.choice((*ODD, len(value) + 1, len(value) - 1)) % 256 ** struct.calcsize(code)
    odd = struct.pack(code, length)
    return head[: -len(odd)] + odd + value


def _nested(head: bytes, value: bytes, number: random.Random) -> bytes:
    """In sequences of regions inside each other, of undefined length."""
    opening = b"\x18\0\x11\x60SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    depth = number.choice((2, 40, 3000))
    return opening * depth + head + value + closing * depth


def _odd_value(head: bytes, value: bytes, number: random.Random) -> bytes:
    """Numbers as text and in binary, with the length that fits."""
    texts = (b"1\\2", b"-1", b"1e400", b"nan", b"0", b"99999999", b" ", struct.pack("<H", number.choice(ODD[:13])))
    text = number.choice(texts)
    text += b" " * (len(text) % 2)
    return head[:6] + struct.pack("<H", len(text)) + text if len(head) == 8 else head + value


def _damaged_value(head: bytes, value: bytes, number: random.Random) -> bytes:
    return head + number.choice((flip, overwrite))(value or b"\0", number)[: len(value)]


def _elements(data: bytes) -> list[tuple[int, int, int]]:
    """(start, bytes of tag, VR and length, bytes of value) of the elements of the outermost level."""
    found, at = [], 132 if data[128:132] == b"DICM" else 0
    while at + 12 <= len(data) and data[at + 4 : at + 6].isalpha():
        long = data[at + 4 : at + 6] in (b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OD", b"OL")
        head = 12 if long else 8
        length = (
            struct.unpack("<I", data[at + 8 : at + 12])[0] if long else struct.unpack("<H", data[at + 6 : at + 8])[0]
        )
        length = min(length, len(data) - at - head)
        found.append((at, head, length))
        at += head + length
    return found


def _deflated(data: bytes, number: random.Random) -> bytes:
    """What is below the compression of a deflated DICOM file."""
    meta = [at + head + length for at, head, length in _elements(data) if data[at : at + 2] == b"\2\0"]
    return data[: meta[-1]] + _repacked(data[meta[-1] :], number, -zlib.MAX_WBITS) if meta else data


def _json(data: bytes, number: random.Random) -> bytes:
    """A value is replaced, dropped, wrapped or moved."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = _places(document)
    if not places:
        return json.dumps(number.choice(_ODD_VALUES)).encode()
    holder, key = number.choice(places)
    old, choice = holder[key], number.randrange(6)
    if choice == 0:
        del holder[key]
    elif choice == 1:
        holder[key] = [old]
    elif choice == 2 and isinstance(holder, dict):
        holder[number.choice((*_NAMES, f"{key} "))] = old
    elif choice == 3 and isinstance(old, int | float) and not isinstance(old, bool):
        holder[key] = number.choice((old + 1, -old, old * 1000, old // 3, str(old)))
    elif choice == 4:
        other_holder, other_key = number.choice(places)
        holder[key] = json.loads(json.dumps(other_holder[other_key])) if other_key in _keys(other_holder) else old
    else:
        holder[key] = number.choice(_ODD_VALUES)
    text = json.dumps(document)
    return (text if number.random() < 0.98 else "[" * 5000 + text + "]" * 5000).encode()


_NAMES = ("background", "gland", "lesion", "0", "1", "255", "256", "-1", "", "size", "name")


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(document: Any) -> list[tuple[Any, Any]]:
    found, pending = [], [document]
    while pending and len(found) < 2000:
        holder = pending.pop()
        if isinstance(holder, dict | list):
            found += [(holder, key) for key in _keys(holder)]
            pending += list(holder.values()) if isinstance(holder, dict) else holder
    return found


_ELEMENT = (_repeated_element, _other_vr, _other_length, _nested, _odd_value, _damaged_value, _damaged_value)
STRUCTURED: list[tuple[Callable[[bytes], bool], Mutation]] = [
    (lambda data: data.startswith(b"\x89PNG"), _png),
    (lambda data: data.startswith(b"\xff\xd8"), _jpeg),
    (lambda data: data.startswith((b"II", b"MM")), _tiff),
    (lambda data: data[128:132] == b"DICM", _dicom),
    (lambda data: data[128:132] == b"DICM" and b"1.2.840.10008.1.2.1.99" in data[:600], _deflated),
    (lambda data: data[128:132] == b"DICM" and b"\xff\xd8\xff" in data, _jpeg),
    (lambda data: data[:1] in (b"{", b"["), _json),
]

"""The protobuf wire format, as far as it takes to look into a file without believing it.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

Value = int | memoryview
MAX_PARTS = 2_000_000
"""Fields that are looked at in one file; the largest network of trus has some 30,000."""


class WireError(Exception):
    """The bytes are no protobuf message, end early, or are cut into more parts than any real one."""


class Reader:
    """Walks through messages and counts the fields of all of them, so that no file keeps it busy for long."""

    def __init__(self) -> None:
        self.parts = 0

    def fields(self, message: memoryview) -> Iterator[tuple[int, Value]]:
        """(number, value) of each field: numbers as int, everything with a length as a view. Raises WireError."""
        position, end = 0, len(message)
        while position < end:
            self.parts += 1
            if self.parts > MAX_PARTS:
                raise WireError(f"it has more than {MAX_PARTS:,} parts")
            key, position = _varint(message, position)
            number, kind = key >> 3, key & 7
            if kind == 0:
                value, position = _varint(message, position)
                yield number, value
                continue
            if kind == 2:
                size, position = _varint(message, position)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise WireError(f"a field of kind {kind}, which no model file has")
            if size > end - position:
                raise WireError("it ends within a field")
            yield number, message[position : position + size]
            position += size


def text(value: Value, limit: int = 1000) -> str:
    """A field that is a text of at most `limit` bytes. Raises WireError."""
    if len(view(value)) > limit:
        raise WireError(f"a name of {len(view(value)):,} bytes")
    try:
        return bytes(view(value)).decode()
    except UnicodeDecodeError as error:
        raise WireError("a text that is not UTF-8") from error


def view(value: Value) -> memoryview:
    """A field that is a message, a text or bytes. Raises WireError."""
    if isinstance(value, int):
        raise WireError("a number in place of a message")
    return value


def numbers(value: Value) -> list[int]:
    """A repeated field of int64, packed or alone. Raises WireError."""
    if isinstance(value, int):
        return [_signed(value)]
    if len(value) > 1000:
        raise WireError(f"{len(value):,} bytes of sizes in one list")
    found, position = [], 0
    while position < len(value):
        one, position = _varint(value, position)
        found.append(_signed(one))
    return found


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if position >= len(message):
            raise WireError("it ends within a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise WireError("a number of more than 64 bits")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value

"""How much is held of requests at a time, and uploaded files, in memory."""

import os
from collections.abc import Callable
from typing import Self

from trus.serving.problems import Problem


def _full() -> Problem:
    detail = "the service holds as much of requests as it may (--max-memory); ask again in 5 s"
    return Problem(429, "No room", detail, "memory", {"Retry-After": "5"})


class Memory:
    """Bytes that are held of requests, all together at most `most`; what a part holds counts for its `whole`, too.

    `refusal` makes the problem of those for whom there is no room now. For the event loop's thread.
    """

    def __init__(self, most: int, whole: "Memory | None" = None, refusal: Callable[[], Problem] = _full) -> None:
        self.most, self.held = most, 0
        self._whole, self._refusal = whole, refusal

    def check(self, size: int, own: int = 0) -> None:
        """Raises Problem 429 where there is no room for `size` bytes more, 413 where `own` and they never find room."""
        if own + size > self.most:
            detail = f"takes more than the {self.most} bytes that are held of requests like it (--max-memory)"
            raise Problem(413, "Too large", detail, "too-large")
        if self.held + size > self.most:
            raise self._refusal()
        if self._whole is not None:
            self._whole.check(size, own)

    def count(self, size: int) -> None:
        """So much more is held; less, where it is negative."""
        self.held += size
        if self._whole is not None:
            self._whole.count(size)


class Share:
    """What one holder has of the memory: `size` bytes, until it is closed."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.size = memory, 0

    def take(self, size: int) -> None:
        """Take so much more. Raises Problem 413 and 429, as `Memory.check`."""
        self._memory.check(size, self.size)
        self._memory.count(size)
        self.size += size

    def close(self) -> None:
        """Give it all back; a second time does nothing."""
        self._memory.count(-self.size)
        self.size = 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()


class Upload(Share):
    """A file in anonymous memory (memfd): no name, no folder, gone with its last descriptor.

    Linux only. Making and writing one raise Problem: 413 and 429 as `take`, 503 where the system has no memory or no
    descriptor left.
    """

    def __init__(self, memory: Memory, content: bytes = b"") -> None:
        super().__init__(memory)
        try:
            self._fd = os.memfd_create("upload", os.MFD_CLOEXEC)
        except OSError:
            raise exhausted() from None
        if content:
            self.write(content)

    def write(self, piece: bytes) -> None:
        """Append to it."""
        self.take(len(piece))
        with memoryview(piece) as rest:
            done = 0
            while done < len(rest):
                done += self._write(rest[done:])

    def _write(self, rest: memoryview) -> int:
        try:
            return os.write(self._fd, rest)
        except OSError:
            raise exhausted() from None

    def fileno(self) -> int:
        """Its descriptor, as of any file."""
        return self._fd

    def close(self) -> None:
        """Give the memory back, unless a worker still reads it; a second time does nothing."""
        super().close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def exhausted() -> Problem:
    """Problem 503 of a machine that has no memory, descriptor or process left."""
    detail = "the machine has no memory left for this upload; ask again in 5 s"
    return Problem(503, "No memory", detail, "no-memory", {"Retry-After": "5"})

"""A file that may be read only so much: the bound on what a hostile header can make a parser do."""

from typing import BinaryIO

from trus.errors import IntakeError


class Metered:
    """The part of a binary file that pydicom's parsers use, with an allowance of bytes and of reads.

    Seeking costs nothing, so that skipped elements may be as large as they like. A value that ends early is an error
    here, because the parsers would go on with the half of it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.name = ""  # parsers quote it in their messages
        self.allow(0, 0)

    def allow(self, bytes_: int, reads: int) -> None:
        """Set what may be read from now on."""
        self._bytes = bytes_
        self._reads = reads

    def read(self, size: int = -1) -> bytes:
        """Like a file's; raises IntakeError beyond the allowance or at an early end."""
        self._reads -= 1
        self._bytes -= size
        if size < 0 or self._bytes < 0 or self._reads < 0:
            raise IntakeError("announces an element that is larger than any picture's")
        content = self._file.read(size)
        if len(content) < size and size > _TAG_AND_LENGTH:
            raise IntakeError("truncated: the file ends inside an element")
        return content


_TAG_AND_LENGTH = 8
"""Parsers find the end of a file by reading a tag of 4 or 8 bytes that is not there."""

"""Uploaded files in memory."""

import os


class Upload:
    """A file in anonymous memory (memfd): no name, no folder, gone with its last descriptor.

    Linux only. `size` in bytes.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._fd = os.memfd_create("upload", os.MFD_CLOEXEC)
        self.size = 0
        if content:
            self.write(content)

    def write(self, piece: bytes) -> None:
        """Append to it."""
        with memoryview(piece) as rest:
            done = 0
            while done < len(rest):
                done += os.write(self._fd, rest[done:])
        self.size += len(piece)

    def fileno(self) -> int:
        """Its descriptor, as of any file."""
        return self._fd

    def close(self) -> None:
        """Give the memory back, unless a worker still reads it; a second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "Upload":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

"""Locks that end with the process that holds them, however it ends."""

import fcntl
from pathlib import Path


class Lock:
    """An advisory lock on a file that ends with its holder, however that ends; `inherit` passes it to a child."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")

    def take(self, wait: bool = False) -> bool:
        """False where another holds it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def fileno(self) -> int:
        """For subprocess's pass_fds: the child then holds the lock too, until both have ended or closed it."""
        return self._file.fileno()

    def close(self) -> None:
        """Give it back; a child that inherited it goes on holding it."""
        self._file.close()

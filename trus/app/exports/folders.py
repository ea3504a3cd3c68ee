"""Folders that exports are made in, and what the system says where that fails."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trus.errors import ManifestError
from trus.serving.problems import Problem

IN_MEMORY = Path("/dev/shm")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user can read, in memory where the system has such a place; gone afterwards.

    Raises Problem 507 where it is full.
    """
    place = IN_MEMORY if IN_MEMORY.is_dir() else None
    try:
        with tempfile.TemporaryDirectory(prefix="trus-", dir=place) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        detail = "the service has no room to make these files; export fewer frames at a time"
        raise Problem(507, "No room", detail, "export-too-large") from None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What goes wrong with `folder`, as a Problem: 507 full, 403 not writable, 409 another export is being written."""
    try:
        yield
    except OSError as error:
        raise (_full(folder) if error.errno in _FULL else _unwritable(folder)) from None
    except ManifestError as error:
        if "another import" not in str(error):
            raise
        detail = "another export is being written into that folder; wait for its end and try again"
        raise Problem(409, "Folder in use", detail, "folder-in-use", {"Retry-After": "2"}) from None


def _full(folder: Path) -> Problem:
    detail = f"the disk of {folder} is full; what was there is as it was: free some space, or choose another folder"
    return Problem(507, "Disk full", f"{detail} (--save-to)", "disk-full")


def _unwritable(folder: Path) -> Problem:
    detail = f"{folder} cannot be written; what was there is as it was: mend its permissions, or choose another folder"
    return Problem(403, "Folder not writable", f"{detail} (--save-to)", "folder-not-writable")

"""Writing without half-written files, and content hashes."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `target`; on success fsync it and rename it to `target`.

    On any error, a full disk included, the temporary file is removed and an earlier `target` stays as it was.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # a short prefix, so that a name as long as the file system allows can still be written
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:20]}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(_MODE)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of_new_files() -> int:
    current = os.umask(0)
    os.umask(current)
    return 0o666 & ~current


_MODE = _mode_of_new_files()  # asked once: reading the umask changes it for a moment, for all threads


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_array(target: Path, array: "np.ndarray") -> None:
    """Write a .npy file like `write_bytes`."""
    import numpy as np

    buffer = BytesIO()
    np.save(buffer, array)  # into a file it would hide that the disk is full
    write_bytes(target, buffer.getvalue())


def write_text(target: Path, content: str) -> None:
    """Write `content` to `target` atomically as UTF-8."""
    write_bytes(target, content.encode())


def write_json(target: Path, content: Any) -> None:
    """Write `content` to `target` atomically as indented JSON."""
    write_text(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def hash_bytes(content: bytes) -> str:
    """SHA-256 of `content` as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content as 64 hex digits, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_json(content: Any) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces) of `content`."""
    return hash_bytes(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())

"""What an export answers: one file, or several as a zip archive."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from trus.serving.problems import Problem

MOST_BYTES = 384 * 1024 * 1024
"""Of one answer, which is made in memory."""
_TIME = (2000, 1, 1, 0, 0, 0)
"""Of all that lies in an archive: two exports of the same are the same."""


@dataclass(frozen=True)
class Download:
    """A file for the browser to save."""

    name: str
    media_type: str
    content: bytes | memoryview


def zipped(name: str, files: Iterable[tuple[str, bytes]]) -> Download:
    """An archive of (path in it, content). Raises Problem 413 above MOST_BYTES."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files:
            check_size(buffer.tell() + len(content))
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = 0o644 << 16
            packed = zipfile.ZIP_STORED if path.endswith((".png", ".dcm")) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, packed)
    return Download(name, "application/zip", buffer.getbuffer())


def zipped_folder(name: str, folder: Path) -> Download:
    """An archive of all files below a folder, in the order of their paths."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zipped(name, ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in files))


def check_size(size: int) -> None:
    """Raises Problem 413 where so many bytes are more than one answer may have."""
    if size > MOST_BYTES:
        detail = f"the files together are larger than {MOST_BYTES // 2**20} MiB; export fewer frames at a time"
        raise Problem(413, "Too large", detail, "export-too-large")

"""File names of what is exported: safe on every system, and no two alike."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

_LONGEST = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""What Windows takes for a device."""


def safe_stem(name: str) -> str:
    """A file's name without folders, suffix and marks that any system or shell reads; `frame` where nothing is left."""
    last = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    stem = last.rpartition(".")[0] or last
    plain = re.sub(r"[^\w.-]+", "_", stem).strip("._-")[:_LONGEST].rstrip("._-")
    return f"_{plain}" if _RESERVED.fullmatch(plain) else plain or "frame"


def stems(frames: Sequence[tuple[str, int]]) -> list[str]:
    """Names for (file name, frame number) pairs, in their order; the number behind it where a file has several.

    Names that are alike but for capitals get -2, -3 ... in their order.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    for name, number in frames:
        numbers[name].add(number)
    wanted = [
        safe_stem(name) + (f"_{number:05d}" if len(numbers[name]) > 1 or number else "") for name, number in frames
    ]
    taken: set[str] = set()
    found = []
    for stem in wanted:
        numbered = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(frames) + 2))
        unique = next(name for name in numbered if name.casefold() not in taken)
        taken.add(unique.casefold())
        found.append(unique)
    return found


def disposition(name: str) -> str:
    """Content-Disposition of a download of that name (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"

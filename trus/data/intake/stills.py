"""PNG, JPEG, BMP and TIFF files as sources of the intake; the pages of a TIFF are its frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from trus.data.images import MAX_PIXELS, to_frame
from trus.data.intake.quiet import quietly
from trus.data.intake.source import Header
from trus.errors import IntakeError, OversizeError

MOST_PAGES = 10_000
_ORIENTATION = 0x0112
_EXIF_OF_PNG = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
"""Where Pillow finds an orientation in a PNG."""
_HEADER = "damaged: the header of the picture cannot be read"


@dataclass
class StillSource:
    """A picture, or the pages of a TIFF; nothing but its pixels is read, and JPEG's EXIF only to turn it upright."""

    path: Path
    header: Header

    def frames(self, wanted: range | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """As Source.frames. Every page must be as large as the first."""
        pages = range(self.header.frames or 1)
        for number in pages if wanted is None else pages[wanted.start : wanted.stop : wanted.step]:
            frame = quietly(f"damaged: picture {number} cannot be decoded", self._read, number)
            if frame.shape[:2] != self.header.size:
                raise IntakeError(f"page {number} is not as large as the first; export each as a file of its own")
            yield number, frame

    def _read(self, number: int) -> np.ndarray:
        return _read_page(self.path, self.header.kind, number)


def open_still(path: Path, kind: str) -> StillSource:
    """Read the header of a picture of `kind` (png, jpeg, bmp or tiff). Raises IntakeError."""
    size, pages = quietly(_HEADER, _bounded, path, kind)
    note = "a picture file does not say how large a pixel is"
    return StillSource(path, Header(kind=kind, frames=pages, size=size, spacing_note=note))


def _bounded(path: Path, kind: str) -> tuple[tuple[int, int], int]:
    try:
        return _look(path, kind)
    except Image.DecompressionBombError:
        raise OversizeError(f"announces far more pixels than the {MAX_PIXELS} that are read") from None


def _look(path: Path, kind: str) -> tuple[tuple[int, int], int]:
    with Image.open(path, formats=[kind.upper()]) as image:
        if image.width * image.height > MAX_PIXELS:
            raise OversizeError(f"announces {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read")
        if kind == "png" and getattr(image, "n_frames", 1) > 1:
            raise IntakeError("an animated PNG; export its frames each as a file of its own")
        width, height = image.size
        sideways = _may_be_turned(path, kind) and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
        size = (width, height) if sideways else (height, width)
        return size, _pages(image) if kind == "tiff" else 1


def _may_be_turned(path: Path, kind: str) -> bool:
    """False: an orientation is nowhere said. Pillow decodes the whole of a PNG to look for one behind the pixels."""
    if kind != "png":
        return True
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return any(content.find(mark) >= 0 for mark in _EXIF_OF_PNG)


def _pages(image: Image.Image) -> int:
    """Pages of a TIFF, counted no further than MOST_PAGES."""
    for page in range(MOST_PAGES + 1):
        try:
            image.seek(page)
        except EOFError:
            return page
    raise OversizeError(f"holds more than {MOST_PAGES} pages, which is not read")


def _read_page(path: Path, kind: str, number: int) -> np.ndarray:
    with Image.open(path, formats=[kind.upper()]) as image:
        image.seek(number)
        if image.width * image.height > MAX_PIXELS:
            raise OversizeError(f"page {number} has {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read")
        return to_frame(ImageOps.exif_transpose(image), path)

"""Reading frames and masks, writing masks: the one place that knows image file formats."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from trus.errors import ImageError
from trus.files import write_bytes

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
"""What is read; Pillow would try forty more on a file that somebody else made."""
FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 64_000_000
"""A frame larger than this is refused before it is decoded (a decompression bomb, not an ultrasound frame)."""


def frame_files(folder: Path) -> list[Path]:
    """Image files at any depth below `folder`, sorted; hidden ones (macOS writes `._NAME.png`) are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in FRAME_SUFFIXES)
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def read_frame(path: Path) -> np.ndarray:
    """Read a frame as stored, EXIF rotation applied, palette expanded, transparency dropped.

    Returns uint8 or uint16, shape (H, W) for grey or (H, W, 3) for RGB; of RGB with 16 bits a channel the upper 8 are
    kept. Raises ImageError, which names the file, when it is missing, is no image, holds several pages, or is larger
    than MAX_PIXELS.
    """
    with _open(path) as image:
        return to_frame(ImageOps.exif_transpose(image), path)


def read_mask(path: Path) -> np.ndarray:
    """Read a mask of label values: uint8, shape (H, W). Palette indices are the label values.

    Raises ImageError when the file is missing, unreadable, or holds more than one channel.
    """
    with _open(path) as image:
        if image.mode not in ("L", "P", "1") and not image.mode.startswith("I"):
            raise ImageError(
                f"mask {path}: mode {image.mode} has several channels; "
                "write one channel whose values are the labels (mode L or P)"
            )
        labels = np.asarray(image)
    if labels.size and (labels.max() > 255 or labels.min() < 0):
        raise ImageError(f"mask {path}: holds values from {labels.min()} to {labels.max()}; use labels 0 to 255")
    return labels.astype(np.uint8)


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) of an image after EXIF rotation, from its header alone. Raises ImageError."""
    with _open(path, decode=False) as image:
        width, height = image.size
        sideways = image.getexif().get(0x0112) in (5, 6, 7, 8)
    return (width, height) if sideways else (height, width)


def write_image(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array, (H, W) or (H, W, 3) RGB, as a PNG atomically."""
    buffer = BytesIO()
    Image.fromarray(array).save(buffer, format="PNG", compress_level=2)  # of speckle no larger than 4, and faster
    write_bytes(path, buffer.getvalue())


@contextmanager
def _open(path: Path, decode: bool = True) -> Iterator[Image.Image]:
    """The image at `path`; whatever goes wrong while it is open becomes an ImageError that names it."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read")
            pages = getattr(image, "n_frames", 1)
            if image.format == "TIFF" and pages > 1:
                raise ImageError(f"{path}: holds {pages} pages, not one frame; export each as a file of its own")
            if decode:
                image.load()
            yield image
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{path}: needs more memory to be decoded than there is") from error
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except PermissionError as error:
        raise ImageError(f"{path}: may not be read ({error.strerror}); change its permissions") from error
    except Exception as error:  # what a damaged file makes Pillow's readers raise is not documented
        raise ImageError(f"{path}: cannot be read as an image ({error}); export it again") from error


def to_frame(image: Image.Image, path: Path) -> np.ndarray:
    """An open picture as `read_frame` returns it; `path` is what an ImageError names."""
    if image.mode.startswith("I"):
        wide = np.asarray(image)
        if wide.min() < 0 or wide.max() > 65535:
            values = f"grey values from {wide.min()} to {wide.max()}"
            raise ImageError(f"{path}: {values} do not fit 16 bits; export as 8 or 16 bit")
        return wide.astype(np.uint16)
    if image.mode == "F":
        raise ImageError(f"{path}: floating-point images are not frames; export as 8 or 16 bit")
    if image.mode == "P":
        image.info.pop("transparency", None)
    grey = image.mode in ("1", "L", "LA", "La")
    return np.asarray(image.convert("L" if grey else "RGB"))

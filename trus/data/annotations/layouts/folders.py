"""What a layout's folders hold: files by name, and masks of the size of their picture."""

from pathlib import Path

import numpy as np

from trus.data.images import FRAME_SUFFIXES, image_size, read_mask
from trus.errors import AnnotationError, ImageError


def pictures(folder: Path) -> dict[str, Path]:
    """Image files of a folder itself by name without suffix, sorted; hidden ones are left out.

    Raises AnnotationError where two differ by their suffix only.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in FRAME_SUFFIXES and not p.name.startswith("."))
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            raise AnnotationError(f"{folder}: {found[file.stem].name} and {file.name} share a name; keep one of them")
        found[file.stem] = file
    return found


def mask_of(picture: Path, mask: Path) -> np.ndarray:
    """Label values of a mask, uint8 (H, W). Raises AnnotationError: unreadable, or not of its picture's size."""
    try:
        labels, size = read_mask(mask), image_size(picture)
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    if labels.shape != size:
        raise AnnotationError(
            f"{mask}: is {labels.shape[1]}x{labels.shape[0]}, its picture {size[1]}x{size[0]} px; "
            "take both from the same copy of the data set"
        )
    return labels


def drawn_in(picture: Path, mask: Path) -> np.ndarray:
    """Where a mask of one object is not 0: bool (H, W). Raises AnnotationError, also where it holds two values or more.

    Such a mask holds 0 and one further value, 255 as a rule; grey edges would be a matter of a threshold.
    """
    labels = mask_of(picture, mask)
    values = np.unique(labels[labels > 0])
    if values.size > 1:
        raise AnnotationError(
            f"{mask}: holds {values.size} values besides 0; a mask of this data set holds one (255), so this is no "
            "mask, or it was stored with loss"
        )
    return labels > 0

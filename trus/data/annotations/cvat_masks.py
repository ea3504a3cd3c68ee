"""CVAT's `Segmentation mask 1.1` (the layout of Pascal VOC): colour masks and labelmap.txt."""

from functools import partial
from pathlib import Path

import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Painted, ReadOptions
from trus.data.annotations.sources import (
    BACKGROUND,
    Pictures,
    classes_named,
    not_annotated,
    nothing_read,
    read_text,
    shortened,
    some_text,
)
from trus.data.images import image_size, read_frame
from trus.errors import AnnotationError, ImageError

_MAP = "labelmap.txt"
_MASKS = "SegmentationClass"


def is_mask_archive(source: Path) -> bool:
    """Whether a folder is an unpacked archive of masks."""
    return (source / _MAP).is_file() and (source / _MASKS).is_dir()


def read_mask_archive(source: Path, options: ReadOptions) -> Export:
    """Read labelmap.txt, SegmentationClass/ and, where they are, the pictures in JPEGImages/ (or `options.images`).

    CVAT writes no mask for a picture without objects, so that a picture without mask counts as not annotated.
    Raises AnnotationError for a labelmap.txt that cannot be read.
    """
    colours = _colours(source / _MAP)
    pictures = Pictures(source / "JPEGImages", options.images)
    masks = Pictures(source / _MASKS)
    frames, refused = [], []
    for name, mask in masks.files.items():
        found = pictures.find(name)
        try:
            size = image_size(mask)
        except ImageError as error:
            refused.append(str(error))
            continue
        image = pictures.files[found] if found else None
        frames.append(AnnotatedFrame(found or name, partial(_draw, mask, colours), size, image))
    if not frames:
        raise nothing_read(source / _MASKS, "holds no mask", refused)
    bare = not_annotated(pictures, source, frames)
    notes = []
    if bare:
        notes.append(f"{len(bare)} picture(s) without a mask count as not annotated: CVAT writes none for an empty one")
    named = [name for name in colours.values() if name]
    return Export(classes_named(named, options, source), frames + bare, shortened(refused), notes)


def _colours(file: Path) -> dict[int, str]:
    """Colour as one number -> label. Lines are `name:r,g,b:parts:actions`; a name may hold colons."""
    colours: dict[int, str] = {}
    for place, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, colour = line.strip().rsplit(":", 2)[0].rpartition(":")
        values = colour.split(",")
        if not name or len(values) != 3 or not all(v.strip().isdecimal() and int(v) < 256 for v in values):
            raise AnnotationError(f"{file}, line {place}: {some_text(line)} is not name:r,g,b:parts:actions")
        key = _number(np.array([int(value) for value in values]))
        if int(key) in colours:
            raise AnnotationError(f"{file}: {colours[int(key)]!r} and {name!r} share a colour")
        if not key and name.lower() not in BACKGROUND:
            raise AnnotationError(f"{file}: {name!r} is black, which means background; give it another colour in CVAT")
        colours[int(key)] = name
    return colours


def _number(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.int64) @ np.array([65536, 256, 1])


def _draw(mask: Path, colours: dict[int, str]) -> list[Drawn]:
    try:
        shown = read_frame(mask)
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    if shown.dtype != np.uint8:
        raise AnnotationError(f"{mask}: has 16 bits a channel; a colour mask has 8")
    number = _number(shown) if shown.ndim == 3 else shown * np.int64(65536 + 256 + 1)
    values, counts = np.unique(number, return_counts=True)
    unknown = [(v, c) for v, c in zip(values.tolist(), counts.tolist(), strict=True) if v not in colours and v]
    if unknown:
        value, count = unknown[0]
        rgb = f"{value >> 16},{value >> 8 & 255},{value & 255}"
        raise AnnotationError(f"{mask}: {count} px have the colour {rgb}, which {_MAP} does not name")
    return [Painted(colours[value], number == value) for value in values.tolist() if value]

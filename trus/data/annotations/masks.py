"""The `masks` format: a folder of label masks named like their frames."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trus.data.annotations.colours import find_colour_map
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.classes import Classes
from trus.data.images import FRAME_SUFFIXES, frame_files, image_size, read_mask, write_image
from trus.errors import AnnotationError, ImageError

MOST_VALUES = 20
"""More label values than that, unnamed, are taken for a picture and not for masks."""


Read = Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class _Pair:
    name: str
    image: Path | None
    mask: Path | None
    split: str | None


def read_masks(source: Path, options: ReadOptions) -> Export:
    """Label masks: indexed, grey, or in the colours of a colour map, 0/255 where there is one class.

    `source` is a folder of masks, with the frames in `options.images` or known to the import; or it holds masks/ and
    images/, and test/masks and test/images for the test frames. A mask belongs to the frame with the same path below
    its folder, whatever its suffix. A frame without a mask is not annotated. Values are named by a classes.json in
    `source`, else by `options.classes`, else they are called class_N; colours by colormap.csv (name,r,g,b),
    colormap.json or CVAT's labelmap.txt in `source` or with the masks. Raises AnnotationError.
    """
    if not source.is_dir():
        raise AnnotationError(f"{source}: no such folder")
    pairs, refused = _pairs(source, options.images)
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    read: Read
    colours = find_colour_map(source / "masks", source)
    if colours is not None:
        classes, read, notes = colours.classes, colours.read, list[str]()
    else:
        classes, read, notes = _by_value(masks, _own_classes(source) or options.classes)
    frames = [
        AnnotatedFrame(
            pair.name,
            None if pair.mask is None else _draw(pair.mask, classes, read),
            size=None if pair.mask is None else _size(pair.mask),
            image=pair.image,
            split=pair.split,
        )
        for pair in pairs
    ]
    return Export(classes, frames, refused, notes)


def write_masks(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write images/ and masks/ with the same names, and classes.json. It holds every mask exactly."""
    for folder in ("images", "masks"):
        (out / folder).mkdir()
    for frame in frames:
        frame.copy_image(out / "images" / frame.file_name)
        if (labels := frame.labels()) is not None:
            write_image((out / "masks" / frame.file_name).with_suffix(".png"), labels)
    classes.save(out / "classes.json")
    return []


def _pairs(source: Path, images: Path | None) -> tuple[list[_Pair], list[str]]:
    if not (source / "masks").is_dir():
        return _matched(images, source, None)
    test = (source / "test" / "masks").is_dir()
    pairs, refused = _matched(images or _images_of(source), source / "masks", "train" if test else None)
    if test:
        further = _matched(_images_of(source / "test"), source / "test" / "masks", "test")
        pairs, refused = pairs + further[0], refused + further[1]
    return pairs, refused


def _images_of(folder: Path) -> Path | None:
    return folder / "images" if (folder / "images").is_dir() else None


def _matched(images: Path | None, masks: Path, split: str | None) -> tuple[list[_Pair], list[str]]:
    labels = _listing(masks)
    if images is None:
        return [_Pair(mask.relative_to(masks).as_posix(), None, mask, split) for mask in labels.values()], []
    frames = _listing(images)
    refused = [f"{labels[name]}: no frame of that name in {images}" for name in sorted(set(labels) - set(frames))]
    if not set(labels) & set(frames):
        raise AnnotationError(f"{masks}: no mask has the name of a frame in {images}")
    names = sorted(frames)
    return [_Pair(frames[n].relative_to(images).as_posix(), frames[n], labels.get(n), split) for n in names], refused


def _listing(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise AnnotationError(f"{folder}: no such folder")
    files = frame_files(folder)
    if not files:
        raise AnnotationError(f"{folder}: no image in it ({', '.join(FRAME_SUFFIXES)})")
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        some = ", ".join(repeated[:5]) + (f" and {len(repeated) - 5} more" if len(repeated) > 5 else "")
        raise AnnotationError(f"{folder}: several files share a name but for their suffix: {some}; keep one of each")
    return dict(zip(names, files, strict=True))


def _by_value(masks: list[Path], wanted: Classes | None) -> tuple[Classes, Read, list[str]]:
    values = _values(masks) if wanted is None or len(wanted.targets) == 1 else set()
    if wanted is None:
        return _unnamed(values), read_mask, []
    only = wanted.values[wanted.targets[0]]
    if len(wanted.targets) == 1 and only != 255 and values == {0, 255}:
        return wanted, lambda path: np.where(read_mask(path) == 255, np.uint8(only), np.uint8(0)), [
            f"the masks hold 0 and 255: 255 is taken as {wanted.targets[0]}"
        ]  # fmt: skip
    return wanted, read_mask, []


def _values(masks: list[Path]) -> set[int]:
    """All values of the masks that can be read; the others are refused when they are drawn."""
    found = np.zeros(256, bool)
    for path in masks:
        try:
            found |= np.bincount(read_mask(path).ravel(), minlength=256) > 0
        except ImageError:
            continue
    return {*np.flatnonzero(found).tolist()}


def _unnamed(values: set[int]) -> Classes:
    if len(values) > MOST_VALUES:
        raise AnnotationError(
            f"{len(values)} different label values found: these are not label masks; name the labels by --classes"
        )
    if not values - {0}:
        raise AnnotationError("no mask holds a label, or none can be read; name the classes by --classes")
    labels = {"0": "background", **{str(value): f"class_{value}" for value in sorted(values) if value}}
    return Classes.from_dict({"labels": labels}, "masks found")


def _draw(mask: Path, classes: Classes, read: Read) -> Callable[[], list[Drawn]]:
    def draw() -> list[Drawn]:
        labels = read(mask)
        unknown = [value for value in np.unique(labels).tolist() if value not in classes.labels]
        if unknown:
            raise AnnotationError(f"{mask}: holds labels {unknown} that the classes do not name: {classes.labels}")
        return [Painted(classes.labels[value], labels == value) for value in np.unique(labels).tolist() if value]

    return draw


def _own_classes(source: Path) -> Classes | None:
    """What the masks' values mean where a classes.json lies with them, as `write_masks` leaves it."""
    return Classes.load(source / "classes.json") if (source / "classes.json").is_file() else None


def _size(mask: Path) -> tuple[int, int] | None:
    try:
        return image_size(mask)
    except ImageError:
        return None  # refused, with the reason, when it is drawn

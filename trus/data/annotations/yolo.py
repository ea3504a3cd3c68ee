"""YOLO segmentation: a text file beside each picture, a polygon a line in parts of the picture's width and height."""

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from trus.data.annotations.coco import PARTS
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, FrameOut, Outline, ReadOptions, WriteOptions
from trus.data.annotations.objects import objects_of
from trus.data.annotations.pairing import Paired
from trus.data.annotations.polygons import area, keyhole, ring_of, trace
from trus.data.annotations.sources import BACKGROUND, Pictures, listed, read_text, some_text
from trus.data.annotations.yolo_names import read_names
from trus.data.classes import Classes
from trus.data.images import image_size
from trus.errors import AnnotationError, ImageError
from trus.files import write_text

_NO_LABELS = {"classes.txt", "labels.txt", "notes.txt", "train.txt", "val.txt", "test.txt"}
_DIGITS = 8  # after the point: within 0.0001 px in a picture of 10,000


def read_yolo(source: Path, options: ReadOptions) -> Export:
    """Read a YOLO-seg folder: data.yaml or classes.txt, labels/ and images/, with train, valid and test or without.

    Class 0 becomes label value 1, and so on. An empty text file means annotated with nothing there, a picture without
    text file not annotated. Lines of five numbers are boxes, not outlines, and refuse their frame. Raises
    AnnotationError where the names of the classes are not there.
    """
    root = source if source.is_dir() else source.parent
    names = read_names(source, root)
    pictures, paired = Pictures(root, options.images), Paired()
    labels = paired.by_key(_label_files(root), lambda path: _key(path.relative_to(root)))
    shown = paired.by_key(_own(pictures, root), lambda name: _key(PurePosixPath(name)))
    refused = paired.refused
    frames = []
    for key in paired.frames(labels, shown):
        try:
            frames.append(_frame(key, labels.get(key), shown.get(key), pictures, names))
        except (AnnotationError, ImageError) as error:
            refused.append(str(error))
    if not frames:
        raise AnnotationError("\n  ".join([f"{source}: holds no picture with labels", *refused]))
    return Export(_classes(names, options, source), _with_split(frames), refused)


def _label_files(root: Path) -> list[Path]:
    """The text files that may hold labels: those in folders called labels, or all where there is no such folder."""
    files = [p for p in sorted(root.rglob("*.txt")) if p.is_file() and p.resolve().is_relative_to(root.resolve())]
    inside = [path for path in files if "labels" in path.relative_to(root).parts[:-1]]
    others = [p for p in files if p.name.lower() not in _NO_LABELS and not p.name.startswith(("README", "."))]
    return inside or others


def _key(path: PurePosixPath | Path) -> str:
    """What a picture and its text file share: the path without suffix and without the folder images or labels."""
    return PurePosixPath(*(part for part in path.parts[:-1] if part not in ("images", "labels")), path.stem).as_posix()


def _own(pictures: Pictures, root: Path) -> list[str]:
    """Names of the export's own pictures; where it has a folder images, only those in it."""
    names = [name for name, path in pictures.files.items() if path == root / name]
    return [name for name in names if "images" in PurePosixPath(name).parts[:-1]] or names


def _frame(key: str, labels: Path | None, own: str | None, pictures: Pictures, names: list[str]) -> AnnotatedFrame:
    name = own or pictures.find(PurePosixPath(key).name)
    if name is None:
        raise AnnotationError(f"{labels}: no picture of that name; YOLO needs its size: give --images")
    size = image_size(pictures.files[name])
    draw = partial(_drawn, labels, size, names) if labels is not None else None
    return AnnotatedFrame(PurePosixPath(name).name, draw, size, pictures.files[name], split=_part(key))


def _part(key: str) -> str | None:
    return next((PARTS[part] for part in PurePosixPath(key.lower()).parts[:-1] if part in PARTS), None)


def _with_split(frames: list[AnnotatedFrame]) -> list[AnnotatedFrame]:
    """A split that all frames are on one side of is none."""
    several = len({frame.split for frame in frames}) > 1
    return frames if several else [replace(frame, split=None) for frame in frames]


def _classes(names: list[str], options: ReadOptions, source: Path) -> Classes:
    kept = {str(k): name for k, name in enumerate(names, 1) if name.lower() not in BACKGROUND}
    if not kept and options.classes is not None:
        return options.classes
    if not kept or len(names) > 255 or len(set(names)) < len(names):
        raise AnnotationError(f"{source}: needs 1 to 255 classes with different names, has {some_text(names)}")
    return Classes.from_dict({"labels": {"0": "background", **kept}})


def _drawn(path: Path, size: tuple[int, int], names: list[str]) -> list[Drawn]:
    lines = [(number, line.split()) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    boxes = sum(len(words) == 5 for _, words in lines)
    drawn: list[Drawn] = []
    problems = [f"{boxes} line(s) are boxes, not outlines; export as YOLO segmentation"] if boxes else []
    for number, words in lines:
        try:
            if len(words) != 5:
                drawn.append(_object(words, size, names))
        except AnnotationError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise AnnotationError(f"{path.name}: {listed(problems)}")
    return drawn


def _object(words: list[str], size: tuple[int, int], names: list[str]) -> Outline:
    try:
        index, *values = map(float, words)
    except ValueError as error:
        raise AnnotationError("holds something that is no number") from error
    if index not in range(len(names)):
        raise AnnotationError(f"class {words[0][:20]} has no name; the names are {listed(names)}")
    if len(values) % 2:
        raise AnnotationError(f"has {len(values)} numbers after the class; an outline has pairs of x and y")
    return Outline(names[int(index)], (ring_of(np.reshape(values, (-1, 2)) * size[::-1]),))


def write_yolo(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write `out`/data.yaml, images/ and labels/; returns notes.

    An object is one line, its holes joined to its outline by bridges of no width. Frames that nobody has annotated get
    no text file.
    """
    names = [name for value, name in sorted(classes.labels.items()) if value != 0]
    holes = unannotated = 0
    for frame in frames:
        frame.copy_image(_target(out / "images" / frame.file_name))
        labels = frame.labels()
        if labels is None:
            unannotated += 1
            continue
        lines = []
        for item in objects_of(labels, classes):
            (rings,) = trace(item.plane, options.tolerance)
            holes += any(area(ring) < 0 for ring in rings)
            lines.append(_line(names.index(item.name), keyhole(rings), frame.size))
        write_text(_target(out / "labels" / f"{Path(frame.file_name).stem}.txt"), "".join(lines))
    write_text(out / "data.yaml", _data_yaml(names))
    return _notes(holes, unannotated, options)


def _target(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _line(index: int, ring: np.ndarray, size: tuple[int, int]) -> str:
    parts = (ring / size[::-1]).ravel()
    return " ".join([str(index), *(f"{part:.{_DIGITS}f}".rstrip("0").rstrip(".") for part in parts)]) + "\n"


def _data_yaml(names: list[str]) -> str:
    listing = "".join(f"  {k}: {json.dumps(name, ensure_ascii=False)}\n" for k, name in enumerate(names))
    return f"path: .\ntrain: images\nval: images\nnames:\n{listing}"


def _notes(holes: int, unannotated: int, options: WriteOptions) -> list[str]:
    notes = []
    if options.geometry != "polygon":
        notes.append("YOLO holds polygons only: polygons were written")
    if holes:
        notes.append(f"{holes} object(s) with holes: each is one outline, the holes joined to it by bridges")
    if unannotated:
        notes.append(
            f"{unannotated} frame(s) without annotation have no text file; YOLO's own training takes them as empty"
        )
    return notes

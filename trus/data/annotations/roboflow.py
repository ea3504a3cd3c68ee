"""Roboflow's exports: COCO and semantic masks, with its file names, placeholder category and resized pictures."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from trus.data.annotations.coco import PARTS, read_documents
from trus.data.annotations.coco_categories import Document, numbered
from trus.data.annotations.coco_writer import Writing
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.annotations.pairing import Paired
from trus.data.annotations.sources import Pictures, read_json, read_text, some_text
from trus.data.classes import Classes
from trus.data.images import FRAME_SUFFIXES, frame_files, image_size, read_mask
from trus.errors import AnnotationError, ImageError

COCO = "_annotations.coco.json"
CLASSES = "_classes.csv"
README = "README.roboflow.txt"
_HASHED = re.compile(r"(?P<stem>.+)\.rf\.[A-Za-z0-9_-]{16,64}(?P<suffix>\.\w+)", re.DOTALL)
_FLATTENED = re.compile(rf"(?P<stem>.+)_(?P<suffix>{'|'.join(s[1:] for s in FRAME_SUFFIXES)}|webp)", re.I | re.DOTALL)
_MASK = "_mask.png"


def original_name(file_name: str) -> str:
    """The name under which a picture was uploaded: frame_0599_jpg.rf.<hash>.jpg -> frame_0599.jpg.

    A name that Roboflow has not changed comes back as it is. Spaces and letters that Roboflow had replaced stay so.
    """
    match = _HASHED.fullmatch(file_name)
    return _with_dot(match["stem"], match["suffix"]) if match else file_name


def _with_dot(stem: str, suffix: str = "") -> str:
    match = _FLATTENED.fullmatch(stem)
    return f"{match['stem']}.{match['suffix']}" if match else stem + suffix


def read_roboflow_coco(source: Path, options: ReadOptions) -> Export:
    """Read a COCO export of Roboflow: one folder, or train, valid and test in one.

    As `read_coco`, without the placeholder category 0. Newer exports state the original file name, which becomes the
    image_id. Raises AnnotationError where there is no _annotations.coco.json.
    """
    folders = _parts(source, COCO)
    documents, refused = [], []
    for folder in folders:
        try:
            content = read_json(folder / COCO)
            if not isinstance(content, dict):
                raise AnnotationError(f"{folder / COCO}: is no COCO document")
            documents.append(Document(folder / COCO, content, _part(folder), Pictures(folder, options.images)))
        except AnnotationError as error:
            refused.append(str(error))
    if not documents:
        raise AnnotationError("\n  ".join([f"{source}: holds no readable {COCO}", *refused]))
    export = read_documents(documents, source, options, refused, _original_id)
    export.notes.extend(readme_notes(source))
    return export


def write_roboflow_coco(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write a folder that Roboflow takes as an upload: the pictures and _annotations.coco.json with polygons.

    Returns notes.
    """
    notes = Writing(classes, WriteOptions("polygon", options.tolerance)).write(frames, out / COCO, out)
    if options.geometry != "polygon":
        notes.append("Roboflow takes polygons only: polygons were written")
    return notes


def read_roboflow_masks(source: Path, options: ReadOptions) -> Export:
    """Read a "semantic segmentation masks" export: NAME.jpg, NAME_mask.png and _classes.csv, in one folder or several.

    Label values are the classes' own. A picture without a mask counts as not annotated. Raises AnnotationError where
    there is no readable _classes.csv.
    """
    folders = _parts(source, CLASSES)
    export = Export(Classes({0: "background"}, {}, ()), [])
    pairs: dict[tuple[int | str, str], None] = {}
    split = len({PARTS.get(_part(folder) or "") for folder in folders}) > 1
    for folder in folders:
        try:
            names = _read_classes(folder / CLASSES)
            pairs.update(dict.fromkeys((value, name) for value, name in names.items() if value != 0))
            _read_masks(folder, names, PARTS.get(_part(folder) or "") if split else None, options, export)
        except AnnotationError as error:
            export.refused.append(str(error))
    if not pairs:
        raise AnnotationError("\n  ".join([f"{source}: holds no readable {CLASSES}", *export.refused]))
    classes = numbered(pairs, source, options, export.notes)
    return Export(classes, export.frames, export.refused, export.notes + readme_notes(source))


def readme_notes(source: Path) -> list[str]:
    """What README.roboflow.txt says was done to the pictures: resized, or made into several versions."""
    folder = source if source.is_dir() else source.parent
    path = next((p for p in (folder / README, folder.parent / README) if p.is_file()), None)
    try:
        text = read_text(path) if path else ""
    except AnnotationError as error:
        return [str(error)]
    notes = [
        f"Roboflow changed every picture: {line}; lay the drawings onto the original frames by --manifest"
        for line in _bullets(text, "pre-processing was applied")
        if not line.startswith("Auto-orientation")
    ]
    made = re.search(r"to create (\d+) versions", text)
    changes = _bullets(text, "augmentation was applied")
    if changes:
        notes.append(f"Roboflow made {made[1] if made else 'several'} versions of each picture: {'; '.join(changes)}")
    return notes


def _bullets(text: str, heading: str) -> list[str]:
    """The lines that begin with a star below the line with this heading."""
    lines = iter(text.splitlines()[:1000])
    found = next((line for line in lines if heading in line), None)
    bullets = []
    for line in lines if found else ():
        if not line.startswith("*"):
            break
        bullets.append(line.lstrip("* ").strip())
    return bullets


def _parts(source: Path, name: str) -> list[Path]:
    """The folders that hold a file of this name: `source` itself, or those in it."""
    if source.is_file():
        return [source.parent]
    folders = [source, *sorted(path for path in source.iterdir() if path.is_dir() and not path.is_symlink())]
    found = [folder for folder in folders if (folder / name).is_file()]
    if not found:
        raise AnnotationError(f"{source}: no {name} in it, nor in its folders train, valid and test")
    return found


def _part(folder: Path) -> str | None:
    return folder.name.lower() if folder.name.lower() in PARTS else None


def _original_id(entry: dict[str, Any]) -> str | None:
    """image_id from `extra`: the uploaded file's name, whose dot Roboflow may have made an underscore."""
    extra = entry.get("extra")
    name = extra.get("name") if isinstance(extra, dict) else None
    if not isinstance(name, str) or not name.isprintable() or len(name) > 200:
        return None
    stem = PurePosixPath(_with_dot(name.replace("\\", "/"))).name
    stem = PurePosixPath(stem).stem if PurePosixPath(stem).suffix.lower() in FRAME_SUFFIXES else stem
    return stem if stem.strip(". ") else None


def _read_classes(path: Path) -> dict[int, str]:
    """_classes.csv: a header, then label value and name, with spaces after the commas."""
    names: dict[int, str] = {}
    for line in filter(str.strip, read_text(path).splitlines()[1:]):
        value, _, name = (part.strip() for part in line.partition(","))
        if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > 255 or not name:
            raise AnnotationError(f"{path}: the row {some_text(line)} is no label value 0 to 255 and a name")
        if int(value) in names or name in names.values():
            raise AnnotationError(f"{path}: the row {some_text(line)} repeats a label value or name")
        names[int(value)] = name
    return names


def _read_masks(folder: Path, names: dict[int, str], split: str | None, options: ReadOptions, export: Export) -> None:
    own = [path for name, path in Pictures(folder).files.items() if "/" not in name]
    paired = Paired()
    masks = paired.by_key((p for p in own if p.name.endswith(_MASK)), lambda p: p.name.removesuffix(_MASK))
    pictures = paired.by_key((p for p in own if not p.name.endswith(_MASK)), lambda p: p.stem)
    export.refused.extend(paired.refused)
    given = {path.stem: path for path in frame_files(options.images)} if options.images else {}
    for stem in paired.frames(masks, pictures):
        picture, mask = pictures.get(stem) or given.get(stem), masks.get(stem)
        try:
            size = image_size(mask) if mask else None
        except ImageError as error:
            export.refused.append(str(error))
            continue
        name = picture.name if picture else f"{stem}.png"
        draw = partial(_painted, mask, names) if mask else None
        export.frames.append(AnnotatedFrame(name, draw, size, picture, split=split))


def _painted(mask: Path, names: dict[int, str]) -> list[Drawn]:
    try:
        labels = read_mask(mask)
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    values = [value for value in np.unique(labels).tolist() if value != 0]
    unknown = [value for value in values if value not in names]
    if unknown:
        raise AnnotationError(f"{mask}: holds labels {unknown} that {CLASSES} does not name")
    return [Painted(names[value], labels == value) for value in values]

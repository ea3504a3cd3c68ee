"""COCO instances JSON, read: polygons and run-length masks, one file or one a part (train, valid, test)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Outline, Painted, ReadOptions
from trus.data.annotations.polygons import ring_of
from trus.data.annotations.rle import decode
from trus.data.annotations.shapes import Shapes
from trus.data.annotations.sources import (
    BACKGROUND,
    Pictures,
    classes_named,
    listed,
    picture_size,
    read_json,
    safe_name,
    some_text,
    without_repeats,
)
from trus.data.classes import Classes
from trus.errors import AnnotationError

PARTS = {"train": "train", "valid": "train", "validation": "train", "val": "train", "test": "test"}
"""What tools call the parts of a data set, and the side of the manifest's split that each is on."""
_KEYS = {"images", "annotations", "categories"}


@dataclass
class Document:
    """One JSON file, the part of the data set that it is (None: unknown), and the pictures it may mean."""

    path: Path
    content: dict[str, Any]
    part: str | None
    pictures: Pictures
    names: dict[int | str, str] = field(default_factory=dict)
    used: Counter[int | str] = field(default_factory=Counter)


def read_coco(source: Path, options: ReadOptions) -> Export:
    """Read a COCO file, or a folder with one or several of them, and the pictures near it.

    Category ids become label values where they are 1 to 255, otherwise the categories are numbered. A picture without
    an annotation counts as annotated, with nothing on it: COCO cannot tell. One object that cannot be read refuses its
    frame. Raises AnnotationError where there is no COCO file, or no category.
    """
    files = [source] if source.is_file() else sorted(source.rglob("*.json"))
    root = source if source.is_dir() else _root_of(source)
    pictures = Pictures(root, options.images)
    documents, unreadable = [], []
    for file in files:
        try:
            if (content := _instances(file)) is not None:
                documents.append(Document(file, content, _part(file), pictures))
        except AnnotationError as error:
            unreadable.append(str(error))
    if not documents:
        raise AnnotationError(
            "\n  ".join([f"{source}: holds no COCO JSON with images, annotations and categories", *unreadable])
        )
    return read_documents(documents, source, options, unreadable)


def read_documents(
    documents: list[Document],
    source: Path,
    options: ReadOptions,
    refused: list[str],
    image_id: Callable[[dict[str, Any]], str | None] = lambda entry: None,
) -> Export:
    """One Export from several documents; `image_id` finds the original frame's name in the entry of an image.

    Raises AnnotationError where no class is known.
    """
    notes: list[str] = []
    for document in documents:
        refused += _read_categories(document)
    classes = _classes(documents, source, options, notes)
    split = len({PARTS.get(document.part or "") for document in documents}) > 1
    frames, bare = [], 0
    for document in documents:
        reader = _Reader(document, PARTS.get(document.part or "") if split else None, image_id)
        frames += reader.frames()
        refused += reader.refused
        bare += reader.bare
    if bare:
        notes.append(f"{bare} picture(s) without an annotation count as annotated, with nothing on them")
    return Export(classes, frames, refused, notes)


def _root_of(file: Path) -> Path:
    """Where pictures may lie: the data set's folder, of which `annotations` is one."""
    return file.parent.parent if file.parent.name == "annotations" else file.parent


def _instances(file: Path) -> dict[str, Any] | None:
    content = read_json(file)
    return content if isinstance(content, dict) and set(content) >= _KEYS else None


def _part(file: Path) -> str | None:
    """The part that a file's name or folder says: train/_annotations.coco.json, instances_val2017.json."""
    words = [file.parent.name.lower(), *file.stem.lower().rstrip("0123456789").replace("-", "_").split("_")]
    return next((word for word in words if word in PARTS), None)


def entries(content: dict[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    """Position and value of what is listed under a key; nothing where that is no list."""
    values = content.get(key)
    return enumerate(values if isinstance(values, list) else [])


def _is_id(value: object) -> TypeGuard[int | str]:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _read_categories(document: Document) -> list[str]:
    """Fill in the names and uses of the categories; lines on those that have no id or name."""
    refused = []
    for number, entry in entries(document.content, "categories"):
        category, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not _is_id(category) or not isinstance(name, str) or not name.strip():
            refused.append(f"{document.path}: category number {number + 1} has no id or no name")
        elif document.names.setdefault(category, name) != name:
            refused.append(f"{document.path}: categories {document.names[category]!r} and {name!r} share id {category}")
    for _, entry in entries(document.content, "annotations"):
        if isinstance(entry, dict) and _is_id(entry.get("category_id")):
            document.used[entry["category_id"]] += 1
    return refused


def _classes(documents: list[Document], source: Path, options: ReadOptions, notes: list[str]) -> Classes:
    used = {document.names[key] for document in documents for key in document.used if key in document.names}
    pairs = dict.fromkeys((key, name) for document in documents for key, name in document.names.items())
    placeholders = [name for key, name in pairs if key == 0 and name not in used and len(pairs) > 1]
    notes += [
        f"category {name!r} (id 0): a placeholder that nothing is drawn with, left out"
        for name in placeholders
        if name.lower() not in BACKGROUND
    ]
    return numbered([pair for pair in pairs if pair[1] not in placeholders], source, options, notes)


def numbered(pairs: Iterable[tuple[int | str, str]], source: Path, options: ReadOptions, notes: list[str]) -> Classes:
    """Classes of (id, name): the ids are the label values where they are 1 to 255 and each means one name.

    Otherwise they are numbered from 1, which `notes` tells. Names that mean the background are left out. Raises
    AnnotationError where no class is known, or more than 255.
    """
    pairs = [pair for pair in pairs if pair[1].lower() not in BACKGROUND]
    values = {key: name for key, name in pairs if isinstance(key, int) and 0 < key < 256}
    if pairs and len(values) == len(pairs) == len({*values.values()}):
        return Classes.from_dict({"labels": {"0": "background", **{str(key): name for key, name in values.items()}}})
    classes = classes_named([name for _, name in pairs], options, source)
    if pairs:
        named = ", ".join(f"{some_text(key)} {name} -> {classes.values[name]}" for key, name in pairs)
        notes.append(f"categories became label values: {named}")
    return classes


class _Reader:
    """The frames of one document."""

    def __init__(self, document: Document, split: str | None, image_id: Callable[[dict[str, Any]], str | None]):
        self.document = document
        self.split = split
        self.image_id = image_id
        self.licences = self._licences()
        self.refused: list[str] = []
        self.bare = 0

    def frames(self) -> list[AnnotatedFrame]:
        """Frames in the document's order; `refused` says what could not be taken over, `bare` how many have no object
        though the document does not say that nobody annotated them."""
        images = self._images()
        drawings = self._drawings(images)
        frames = []
        for key, entry in images.items():
            try:
                frames.append(self._frame(entry, drawings[key]))
            except AnnotationError as error:
                self._refuse(f"image {some_text(key)}: {error}")
        frames, repeated = without_repeats(frames)
        self.refused += repeated
        return frames

    def _refuse(self, line: str) -> None:
        self.refused.append(f"{self.document.path}: {line}")

    def _images(self) -> dict[int | str, dict[str, Any]]:
        found: dict[int | str, list[dict[str, Any]]] = defaultdict(list)
        for number, entry in entries(self.document.content, "images"):
            if isinstance(entry, dict) and _is_id(entry.get("id")):
                found[entry["id"]].append(entry)
            else:
                self._refuse(f"image number {number + 1} has no id")
        for key, same in found.items():
            if len(same) > 1:
                names = ", ".join(some_text(entry.get("file_name")) for entry in same[:5])
                self._refuse(f"{len(same)} images have the id {some_text(key)}: {names}; none is taken over")
        return {key: same[0] for key, same in found.items() if len(same) == 1}

    def _drawings(self, images: dict[int | str, dict[str, Any]]) -> dict[int | str, Shapes]:
        drawings: dict[int | str, Shapes] = defaultdict(Shapes)
        strangers: Counter[int | str] = Counter()
        for number, entry in entries(self.document.content, "annotations"):
            key = entry.get("image_id") if isinstance(entry, dict) else None
            if not _is_id(key):
                self._refuse(f"annotation number {number + 1} belongs to no image")
            elif key in images:
                _add(drawings[key], entry, f"annotation {some_text(entry.get('id'))}", self.document.names)
            else:
                strangers[key] += 1
        if strangers:
            lines = listed(f"{count} object(s) of image {some_text(key)}" for key, count in strangers.items())
            self._refuse(f"annotations of images that it does not list, or lists twice: {lines}")
        return drawings

    def _frame(self, entry: dict[str, Any], shapes: Shapes) -> AnnotatedFrame:
        if ".." in PurePosixPath(str(entry.get("file_name")).replace("\\", "/")).parts:
            raise AnnotationError(f"file name {some_text(entry['file_name'])} leads out of the export")
        name = safe_name(entry.get("file_name"))
        stated = (entry.get("height"), entry.get("width"))
        size = None if stated == (None, None) else picture_size(*stated)
        empty = not shapes.parts and not shapes.problems
        unannotated = empty and entry.get("annotated") is False
        self.bare += empty and not unannotated
        licence = entry.get("license")
        return AnnotatedFrame(
            name,
            None if unannotated else shapes.draw,
            size,
            self._picture(name),
            image_id=self.image_id(entry),
            split=self.split,
            licence=self.licences.get(licence) if _is_id(licence) else None,
        )

    def _picture(self, name: str) -> Path | None:
        pictures, part = self.document.pictures, self.document.part
        wordings = [f"{part}/{name}", f"images/{part}/{name}"] if part else []
        found = next((text for text in wordings if text in pictures.files), None) or pictures.find(name)
        return pictures.files[found] if found else None

    def _licences(self) -> dict[int | str, str]:
        listing = [entry for _, entry in entries(self.document.content, "licenses") if isinstance(entry, dict)]
        named = [(entry.get("id"), entry.get("name")) for entry in listing]
        return {key: name for key, name in named if _is_id(key) and isinstance(name, str)}


def _add(shapes: Shapes, entry: dict[str, Any], where: str, names: dict[int | str, str]) -> None:
    """Put the parts of an annotation among the shapes of its picture."""
    category, drawing = entry.get("category_id"), entry.get("segmentation")
    if not _is_id(category) or category not in names:
        shapes.problems.append(f"{where}: category {some_text(category)} is not listed")
    elif isinstance(drawing, dict):
        shapes.add(where, lambda: partial(_painted, names[category], drawing))
    elif not isinstance(drawing, list) or not drawing:
        shapes.problems.append(f"{where}: has no outline, only a box; draw it in the tool")
    else:
        for part in drawing if isinstance(drawing[0], list) else [drawing]:
            shapes.add(where, partial(_outline, names[category], part))


def _outline(name: str, points: object) -> Callable[[], Drawn]:
    outline = Outline(name, (ring_of(points),))
    return lambda: outline


def _painted(name: str, drawing: dict[str, Any]) -> Painted:
    size = drawing.get("size")
    if not isinstance(size, list) or len(size) != 2:
        raise AnnotationError(f"its mask has the size {some_text(size)}")
    return Painted(name, decode(drawing.get("counts"), (size[0], size[1])))  # type: ignore[arg-type]

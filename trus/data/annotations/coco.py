"""COCO instances JSON, read: polygons and run-length masks, one file or one a part (train, valid, test)."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from trus.data.annotations.coco_categories import Document, Key, classes_of, entries, is_id, read_categories
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Outline, Painted, ReadOptions
from trus.data.annotations.polygons import ring_of
from trus.data.annotations.rle import decode
from trus.data.annotations.shapes import Shapes
from trus.data.annotations.sources import (
    Pictures,
    listed,
    picture_size,
    read_json,
    safe_name,
    some_text,
    without_repeats,
)
from trus.data.images import MAX_PIXELS
from trus.errors import AnnotationError

PARTS = {"train": "train", "valid": "train", "validation": "train", "val": "train", "test": "test"}
"""What tools call the parts of a data set, and the side of the manifest's split that each is on."""
MAX_PAINTED = 400_000_000
"""px of all run-length masks of a picture together, a byte each once they are decoded."""
_KEYS = {"images", "annotations", "categories"}


def read_coco(source: Path, options: ReadOptions) -> Export:
    """Read a COCO file, or a folder with one or several of them, and the pictures near it.

    Category ids become label values where they are 1 to 255, otherwise the categories are numbered. A picture without
    an annotation counts as annotated, with nothing on it: COCO cannot tell. One object that cannot be read refuses its
    frame. Raises AnnotationError where there is no COCO file, or no category.
    """
    root = source if source.is_dir() else _root_of(source)
    files = [path for path in sorted(source.rglob("*.json")) if path.resolve().is_relative_to(root.resolve())]
    files = [source] if source.is_file() else files
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
        refused += read_categories(document)
    classes = classes_of(documents, source, options, notes)
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


class _Reader:
    """The frames of one document."""

    def __init__(self, document: Document, split: str | None, image_id: Callable[[dict[str, Any]], str | None]):
        self.document = document
        self.split = split
        self.image_id = image_id
        self.licences = self._licences()
        self.refused: list[str] = []
        self.bare = 0
        self.painted: Counter[Key] = Counter()

    def frames(self) -> list[AnnotatedFrame]:
        """Frames in the document's order; `refused` says what could not be taken over, `bare` how many have no object
        though the document does not say that nobody annotated them."""
        images = self._images()
        drawings = self._drawings(images)
        frames = []
        for key, entry in images.items():
            try:
                self._check_painted(key)
                frames.append(self._frame(entry, drawings[key]))
            except AnnotationError as error:
                self._refuse(f"image {some_text(key)}: {error}")
        frames, repeated = without_repeats(frames)
        self.refused += repeated
        return frames

    def _refuse(self, line: str) -> None:
        self.refused.append(f"{self.document.path}: {line}")

    def _images(self) -> dict[Key, dict[str, Any]]:
        found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        for number, entry in entries(self.document.content, "images"):
            if isinstance(entry, dict) and is_id(entry.get("id")):
                found[entry["id"]].append(entry)
            else:
                self._refuse(f"image number {number + 1} has no id")
        for key, same in found.items():
            if len(same) > 1:
                names = ", ".join(some_text(entry.get("file_name")) for entry in same[:5])
                self._refuse(f"{len(same)} images have the id {some_text(key)}: {names}; none is taken over")
        return {key: same[0] for key, same in found.items() if len(same) == 1}

    def _drawings(self, images: dict[Key, dict[str, Any]]) -> dict[Key, Shapes]:
        drawings: dict[Key, Shapes] = defaultdict(Shapes)
        strangers: Counter[Key] = Counter()
        for number, entry in entries(self.document.content, "annotations"):
            key = entry.get("image_id") if isinstance(entry, dict) else None
            if not is_id(key):
                self._refuse(f"annotation number {number + 1} belongs to no image")
            elif key in images:
                _add(drawings[key], entry, f"annotation {some_text(entry.get('id'))}", self.document.names)
                self.painted[key] += _painted_px(entry)
            else:
                strangers[key] += 1
        if strangers:
            lines = listed(f"{count} object(s) of image {some_text(key)}" for key, count in strangers.items())
            self._refuse(f"annotations of images that it does not list, or lists twice: {lines}")
        return drawings

    def _check_painted(self, key: Key) -> None:
        if self.painted[key] > MAX_PAINTED:
            raise AnnotationError(f"its masks have {self.painted[key]} px together; at most {MAX_PAINTED} are read")

    def _frame(self, entry: dict[str, Any], shapes: Shapes) -> AnnotatedFrame:
        if ".." in PurePosixPath(str(entry.get("file_name")).replace("\\", "/")).parts:
            raise AnnotationError(f"file name {some_text(entry['file_name'])} leads out of the export")
        name = safe_name(entry.get("file_name"))
        stated = [_whole(entry.get("height")), _whole(entry.get("width"))]
        size = None if stated == [None, None] else picture_size(*stated)
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
            licence=self.licences.get(licence) if is_id(licence) else None,
        )

    def _picture(self, name: str) -> Path | None:
        pictures, part = self.document.pictures, self.document.part
        wordings = [f"{part}/{name}", f"images/{part}/{name}"] if part else []
        found = next((text for text in wordings if text in pictures.files), None) or pictures.find(name)
        return pictures.files[found] if found else None

    def _licences(self) -> dict[Key, str]:
        listing = [entry for _, entry in entries(self.document.content, "licenses") if isinstance(entry, dict)]
        named = [(entry.get("id"), entry.get("name")) for entry in listing]
        return {key: name for key, name in named if is_id(key) and isinstance(name, str)}


def _add(shapes: Shapes, entry: dict[str, Any], where: str, names: dict[Key, str]) -> None:
    """Put the parts of an annotation among the shapes of its picture."""
    category, drawing = entry.get("category_id"), entry.get("segmentation")
    if not is_id(category) or category not in names:
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


def _painted_px(entry: dict[str, Any]) -> int:
    """Pixels of the run-length mask of an annotation; 0 where it has none, or none that `decode` would take."""
    drawing = entry.get("segmentation")
    size = drawing.get("size") if isinstance(drawing, dict) else None
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        return 0
    return size[0] * size[1] if size[0] * size[1] <= MAX_PIXELS else 0


def _whole(value: object) -> object:
    """640.0, as some tools write a size, is 640."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

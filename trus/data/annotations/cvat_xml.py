"""The XML of CVAT 1.1, for images and for video, read as a stream: meta data, images and tracks with their shapes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.parsers import expat

import numpy as np

from trus.data.annotations.exchange import Drawn, Painted
from trus.data.annotations.polygons import ring_of
from trus.data.annotations.shapes import Shapes, ellipse_ring, label, number, outline, pasted, rectangle_ring, whole
from trus.data.annotations.sources import document, some_text
from trus.data.images import MAX_PIXELS
from trus.errors import AnnotationError

AREAS = ("polygon", "box", "ellipse", "mask")
_DEEPEST = 32
_MAX_SHAPES = 2_000_000

Attributes = dict[str, str]


@dataclass(frozen=True)
class Shape:
    """An element below an image or a track."""

    kind: str
    attributes: Attributes


@dataclass
class Holder:
    """An image or a track: its attributes and its shapes, in the file's order."""

    attributes: Attributes
    shapes: list[Shape] = field(default_factory=list)


@dataclass
class CvatFile:
    """What a file of CVAT holds. `meta` are the texts of its meta data by path, such as `task/labels/label/name`."""

    images: list[Holder] = field(default_factory=list)
    tracks: list[Holder] = field(default_factory=list)
    meta: dict[str, list[str]] = field(default_factory=dict)

    def told(self, ending: str) -> list[str]:
        """The texts of the meta data whose path ends so."""
        return [text for path, texts in self.meta.items() if f"/{path}".endswith(f"/{ending}") for text in texts]


def read_cvat_xml(path: Path) -> CvatFile:
    """Read a file. Raises AnnotationError: not XML, with a DTD or entities, nested deeply, not of CVAT, too large."""
    content = document(path)
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(content, True)
    except AnnotationError as error:
        raise AnnotationError(f"{path}: {error}") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise AnnotationError(f"{path}: is not valid XML ({error}); export it again") from error
    return reader.found


class _Reader:
    """Handlers of the parser."""

    def __init__(self) -> None:
        self.found = CvatFile()
        self.path: list[str] = []
        self.holder: Holder | None = None
        self.characters: list[str] = []
        self.shapes = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if not self.path and name != "annotations":
            raise AnnotationError(f"is no file of CVAT (it begins with <{name[:40]}>)")
        if len(self.path) >= _DEEPEST:
            raise AnnotationError("is nested too deeply to be a file of CVAT")
        self.path.append(name)
        self.characters = []
        if len(self.path) == 2 and name in ("image", "track"):
            self.holder = Holder(attributes)
            (self.found.images if name == "image" else self.found.tracks).append(self.holder)
        elif len(self.path) == 3 and self.holder is not None:
            self.holder.shapes.append(Shape(name, attributes))
            self.shapes += 1
        if self.shapes + len(self.found.images) + len(self.found.tracks) > _MAX_SHAPES:
            raise AnnotationError(f"holds more than {_MAX_SHAPES} shapes; export it task by task")

    def end(self, name: str) -> None:
        if len(self.path) > 2 and self.path[1] == "meta":
            text = "".join(self.characters).strip()
            if text:
                self.found.meta.setdefault("/".join(self.path[2:]), []).append(text)
        self.characters = []
        self.path.pop()
        if len(self.path) == 1:
            self.holder = None

    def text(self, characters: str) -> None:
        if len(self.path) > 1 and self.path[1] == "meta":
            self.characters.append(characters)

    def refuse(self, *_: object) -> None:
        raise AnnotationError("holds a document type or entities, which CVAT does not write; refused")


def shapes_of(entries: Iterable[tuple[str, str, Shape]], size: tuple[int, int], picture: str) -> Shapes:
    """Shapes on a picture of `size` (H, W), each with its place in the file and its label; lower z_order lies lower."""
    shapes = Shapes()
    for where, name, shape in entries:
        if shape.kind in AREAS:
            shapes.add(where, partial(_area, shape, name, size), _z_order(shape.attributes.get("z_order", "0")))
        else:
            what = f"{where} ({some_text(name)}) is of the kind {some_text(shape.kind)}"
            shapes.left_out.append(f"{picture}: {what}, no area: left out")
    return shapes


def _z_order(text: str) -> float:
    try:
        return number(text, "z_order")
    except AnnotationError:
        return 0


def _area(shape: Shape, name: str, size: tuple[int, int]) -> Callable[[], Drawn]:
    name = label(name)
    if shape.kind == "mask":
        return _mask(shape, name, size)
    if shape.kind == "polygon":
        return outline(name, _points(shape.attributes.get("points", "")))
    turned = number(shape.attributes.get("rotation", 0), "rotation")
    if shape.kind == "ellipse":
        cx, cy, rx, ry = (number(shape.attributes.get(key), key) for key in ("cx", "cy", "rx", "ry"))
        return outline(name, ring_of(ellipse_ring((cx, cy), rx, ry, turned), "its outline"))
    x0, y0, x1, y1 = (number(shape.attributes.get(key), key) for key in ("xtl", "ytl", "xbr", "ybr"))
    ring = rectangle_ring((x0, y0), (x1, y1), turned, ((x0 + x1) / 2, (y0 + y1) / 2))
    return outline(name, ring_of(ring, "its outline"))


def _points(text: str) -> np.ndarray:
    pairs = text.split(";")
    if text.count(",") != len(pairs) or any(pair.count(",") != 1 for pair in pairs):
        raise AnnotationError(f"its points are {some_text(text)}, not x,y;x,y;...")
    return ring_of(text.replace(";", ",").split(","), "its outline")


def _mask(shape: Shape, name: str, size: tuple[int, int]) -> Callable[[], Drawn]:
    left, top, width, height = (whole(shape.attributes.get(key), key) for key in ("left", "top", "width", "height"))
    if not (0 < width <= size[1] and 0 < height <= size[0] and 0 <= left <= size[1] - width):
        raise AnnotationError(f"its mask of {width}x{height} px at {left}, {top} is not inside the picture")
    if not 0 <= top <= size[0] - height:
        raise AnnotationError(f"its mask of {width}x{height} px at {left}, {top} is not inside the picture")
    try:
        runs = np.array(shape.attributes.get("rle", "").split(","), np.int64)
    except (ValueError, OverflowError) as error:
        raise AnnotationError("its mask holds something else than run lengths") from error
    if runs.min() < 0 or runs.max() > MAX_PIXELS or runs.sum() != width * height:
        raise AnnotationError(f"the runs of its mask do not fill {width}x{height} px; it is damaged")
    return partial(_painted, name, runs, (height, width), (left, top), size)


def _painted(
    name: str, runs: np.ndarray, extent: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> Painted:
    patch = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(extent)
    return pasted(name, patch, *corner, size)


def mask_runs(patch: np.ndarray) -> str:
    """Bool patch (h, w) -> CVAT's run lengths along its rows, the first of zeros."""
    flat = patch.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.r_[0, changes, flat.size])
    return ", ".join(str(run) for run in (np.r_[0, runs] if flat[0] else runs))

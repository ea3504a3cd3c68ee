"""LabelMe: a JSON file beside each picture, its shapes in pixels."""

import base64
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from posixpath import join, normpath
from typing import Any

import numpy as np
from PIL import Image

from trus.data.annotations.exchange import (
    AnnotatedFrame,
    Drawn,
    Export,
    FrameOut,
    Painted,
    ReadOptions,
    WriteOptions,
)
from trus.data.annotations.objects import objects_of
from trus.data.annotations.polygons import keyhole, ring_of, trace
from trus.data.annotations.record import FILE as RECORD
from trus.data.annotations.shapes import (
    Shapes,
    cropped,
    ellipse_ring,
    encoded_picture,
    label,
    outline,
    pasted,
    rectangle_ring,
)
from trus.data.annotations.sources import (
    Pictures,
    classes_named,
    documents_in,
    not_annotated,
    nothing_read,
    picture_size,
    read_json,
    read_text,
    safe_name,
    shortened,
    some_text,
    without_repeats,
)
from trus.data.classes import Classes
from trus.data.images import image_size
from trus.errors import AnnotationError, ImageError
from trus.files import write_json

VERSION = "5.5.0"
"""Of LabelMe, whose file layout is written; readable by 5 and 6."""
_NO_AREA = ("line", "linestrip", "point", "points")


def read_labelme(source: Path, options: ReadOptions) -> Export:
    """Read every JSON file below `source` (or the one that it is), and the pictures beside them.

    Polygons, rectangles (also turned ones), circles and masks are taken; lines and points are left out, each by a line
    in `refused`. A JSON without shapes means annotated and empty, a picture without JSON not annotated. Classes are
    numbered as in `source`/labels.txt where it is there, otherwise in the order of the alphabet. Raises
    AnnotationError where `source` holds no LabelMe file.
    """
    folder = source if source.is_dir() else source.parent
    files = documents_in(folder, ".json") if source.is_dir() else [source]
    pictures, elsewhere = Pictures(folder, deep=source.is_dir()), Pictures(options.images)
    refused: list[str] = []
    notes: list[str] = []
    read: list[tuple[AnnotatedFrame, Shapes, set[str]]] = []
    for file in files:
        if file.name == RECORD:
            continue
        try:
            read.append(_read_file(file, folder, pictures, elsewhere))
        except AnnotationError as error:
            refused.append(str(error))
    if not read:
        raise nothing_read(source, "holds no JSON file of LabelMe", refused)
    frames, repeated = without_repeats([frame for frame, _, _ in read])
    refused += [line for _, shapes, _ in read for line in shapes.left_out] + repeated
    notes += sorted(set().union(*(shapes.remarks for _, shapes, _ in read)))
    names = _listed_classes(folder / "labels.txt", notes) + sorted(set().union(*(names for _, _, names in read)))
    if source.is_dir():
        frames += not_annotated(pictures, folder, [frame for frame, _, _ in read])
    return Export(classes_named(names, options, source), frames, shortened(refused), notes)


def _read_file(
    file: Path, folder: Path, pictures: Pictures, elsewhere: Pictures
) -> tuple[AnnotatedFrame, Shapes, set[str]]:
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise AnnotationError(f"{file}: is no file of LabelMe (it has no list of shapes)")
    below = PurePosixPath(file.relative_to(folder).as_posix())
    candidates = _candidates(content.get("imagePath"), below)
    name = next((found for path in candidates if (found := pictures.at(path))), None)
    image = pictures.files.get(name or "")
    if name is None:
        name = below.with_suffix(_suffix(content.get("imagePath"))).as_posix()
        image = next((elsewhere.files[found] for path in candidates if (found := elsewhere.find(path))), None)
    shapes, names = Shapes(), set[str]()
    try:
        size: tuple[int, int] | None = _size(content, image)
    except AnnotationError as error:
        size = None
        shapes.problems.append(str(error))
    for number, shape in enumerate(content["shapes"], 1):
        _add(shapes, number, shape, size, str(below))
        if isinstance(shape, dict) and isinstance(shape.get("label"), str):
            names.add(shape["label"])
        if isinstance(shape, dict) and (shape.get("group_id") is not None or shape.get("flags")):
            shapes.remarks.add("group_id and flags of shapes are not taken over: a mask holds classes")
    return AnnotatedFrame(name=name, draw=shapes.draw, size=size, image=image), shapes, names


def _candidates(stated: Any, below: PurePosixPath) -> list[str]:
    """Where the picture of a file may be: where it says, beside it, or beside it under the file's own name."""
    found = []
    if isinstance(stated, str):
        found.append(normpath(join(str(below.parent), stated.replace("\\", "/"))))
    for name in (stated, below.name):
        with suppress(AnnotationError):
            found.append((below.parent / PurePosixPath(safe_name(name)).name).as_posix())
    return found


def _suffix(stated: Any) -> str:
    suffix = PurePosixPath(stated.replace("\\", "/")).suffix if isinstance(stated, str) else ""
    return suffix if suffix.isprintable() and "\0" not in suffix and 1 < len(suffix) < 8 else ".png"


def _size(content: dict[str, Any], image: Path | None) -> tuple[int, int]:
    """As the file states it (old ones do not), or of the picture beside it, or of the one inside."""
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if height is not None or width is not None:
        return picture_size(height, width)
    if image is not None:
        try:
            return image_size(image)
        except ImageError as error:
            raise AnnotationError(str(error)) from error
    if content.get("imageData") is None:
        raise AnnotationError("states no size, and its picture is not there; give the pictures by --images")
    with encoded_picture(content["imageData"]) as inside:
        return inside.height, inside.width


def _add(shapes: Shapes, number: int, shape: Any, size: tuple[int, int] | None, file: str) -> None:
    where = f"shape {number}"
    kind = shape.get("shape_type", "polygon") if isinstance(shape, dict) else None
    if isinstance(kind, str) and kind in _NO_AREA:
        shapes.left_out.append(f"{file}: {where} ({some_text(shape.get('label'))}) is a {kind}, no area: left out")
    elif size is not None:  # otherwise the frame is refused for that
        shapes.add(where, partial(_area, kind or "polygon", shape, size))


def _area(kind: Any, shape: Any, size: tuple[int, int]) -> Callable[[], Drawn]:
    if not isinstance(shape, dict):
        raise AnnotationError(f"is {some_text(shape)}, no shape")
    name = label(shape.get("label"))
    if kind in ("polygon", "oriented_rectangle"):
        return outline(name, ring_of(shape.get("points"), "its outline"))
    if kind not in ("rectangle", "circle", "mask"):
        raise AnnotationError(f"is a {some_text(kind)}, which is not known; draw it as polygon or mask")
    first, second = _two_points(shape.get("points"))
    if kind == "rectangle":
        return outline(name, rectangle_ring(first, second, 0, first))
    if kind == "circle":
        return outline(name, ellipse_ring(first, radius := float(np.hypot(*np.subtract(second, first))), radius))
    return partial(_painted, name, shape.get("mask"), first, size)


def _two_points(points: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    if not isinstance(points, list) or len(points) != 2:
        raise AnnotationError("has not the two points that such a shape has")
    # a third point, since no ring has two
    ring = ring_of([*points, points[0]], "it")
    return (float(ring[0, 0]), float(ring[0, 1])), (float(ring[1, 0]), float(ring[1, 1]))


def _painted(name: str, mask: Any, corner: tuple[float, float], size: tuple[int, int]) -> Painted:
    with encoded_picture(mask) as image:
        try:
            patch = np.asarray(image)
        except Exception as error:  # see encoded_picture
            raise AnnotationError("its mask cannot be read") from error
    if patch.ndim != 2:
        raise AnnotationError(f"its mask has {patch.shape[-1]} channels; a mask has one")
    return pasted(name, patch > 0, round(corner[0]), round(corner[1]), size)


def _listed_classes(file: Path, notes: list[str]) -> list[str]:
    if not file.is_file():
        return []
    names = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    notes.append(f"classes are numbered as in {file.name}")
    return names


def write_labelme(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write each picture with a JSON file beside it, and labels.txt; without JSON where nobody has annotated it.

    A polygon is one ring, its holes joined to it by bridges without width; with geometry rle every object is a mask.
    """
    classes_to_draw = [name for value, name in sorted(classes.labels.items()) if value]
    (out / "labels.txt").write_text("".join(f"{name}\n" for name in classes_to_draw), encoding="utf-8")
    spacing = False
    for frame in frames:
        frame.copy_image(out / frame.file_name)
        spacing = spacing or frame.spacing is not None
        labels = frame.labels()
        if labels is None:
            continue
        target = (out / frame.file_name).with_suffix(".json")
        if target.exists():
            raise AnnotationError(f"{frame.file_name}: another frame differs from it by its suffix only; rename one")
        shapes = [shape for item in objects_of(labels, classes) for shape in _written(item, options)]
        content: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": frame.file_name,
            "imageData": None,
        }
        write_json(target, content | {"imageHeight": frame.size[0], "imageWidth": frame.size[1]})
    notes = ["LabelMe files hold no pixel spacing; the manifest keeps it"] if spacing else []
    return [*notes, "start LabelMe with: labelme FOLDER --labels FOLDER/labels.txt --nodata"]


def _written(item: Painted, options: WriteOptions) -> list[dict[str, Any]]:
    rest: dict[str, Any] = {"group_id": None, "description": "", "flags": {}}
    if options.geometry == "rle":
        patch, left, top = cropped(item.plane)
        buffer = BytesIO()
        Image.fromarray(patch.astype(np.uint8)).save(buffer, format="PNG")
        corners = [[left, top], [left + patch.shape[1] - 1, top + patch.shape[0] - 1]]
        mask = base64.b64encode(buffer.getvalue()).decode()
        return [{"label": item.name, "points": corners, **rest, "shape_type": "mask", "mask": mask}]
    rings = [keyhole(rings).tolist() for rings in trace(item.plane, options.tolerance)]
    return [{"label": item.name, "points": ring, **rest, "shape_type": "polygon", "mask": None} for ring in rings]

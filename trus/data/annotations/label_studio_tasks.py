"""One task of a Label Studio export: its picture, its annotations, their regions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from trus.data.annotations import brush_rle
from trus.data.annotations.exchange import Drawn, Painted
from trus.data.annotations.polygons import ring_of
from trus.data.annotations.shapes import Shapes, ellipse_ring, label, number, outline, rectangle_ring
from trus.data.annotations.sources import picture_size, safe_name, some_text
from trus.data.images import FRAME_SUFFIXES
from trus.errors import AnnotationError
from trus.files import hash_bytes

_LABELS = ("polygonlabels", "brushlabels", "rectanglelabels", "ellipselabels", "labels")
_AREAS = {*_LABELS, "polygon", "brush", "rectangle", "ellipse"}
_NO_AREAS = {"keypoint", "keypointlabels"}
_DRAWN = {"bitmask", "bitmasklabels", "magicwand", "vector", "vectorlabels", "videorectangle", "cuboid", "cuboidlabels"}
_LONGEST_PREFIX = 8


@dataclass
class Annotation:
    """What one person drew in a task; `names` are the labels in it, `size` (height, width) as it states it."""

    annotator: str | None
    shapes: Shapes = field(default_factory=Shapes)
    size: tuple[int, int] | None = None
    names: set[str] = field(default_factory=set)


@dataclass
class Task:
    """A task: the names under which its picture may be known, the most likely one first."""

    names: list[str]
    annotations: list[Annotation]
    remarks: set[str] = field(default_factory=set)


def read_task(task: Any) -> Task:
    """A task of a JSON or JSON-MIN export. Raises AnnotationError where it is none, or has not one picture."""
    if not isinstance(task, dict):
        raise AnnotationError(f"is {some_text(task)}, no task")
    minimal = "annotations" not in task and "data" not in task
    names = _picture_names(task if minimal else task.get("data"), task.get("file_upload"))
    if minimal:
        regions = _minimal_regions(task)
        annotated = regions or "annotator" in task or "annotation_id" in task
        return Task(names, [_annotation(regions, task.get("annotator"), names[0])] if annotated else [])
    entries = task.get("annotations", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise AnnotationError(f"its annotations are {some_text(entries)}, no list")
    kept = [entry for entry in entries if entry.get("was_cancelled") is not True]
    found = [_annotation(_regions(entry), entry.get("completed_by"), names[0]) for entry in kept]
    return Task(names, found, _task_remarks(task, len(entries) - len(kept), bool(kept)))


def _task_remarks(task: dict[str, Any], skipped: int, annotated: bool) -> set[str]:
    remarks = set()
    if skipped:
        remarks.add("skipped annotations are not taken over; a task that was only skipped counts as not annotated")
    if not annotated and (task.get("predictions") or task.get("drafts")):
        remarks.add("tasks with predictions or drafts only count as not annotated: submit them in Label Studio")
    return remarks


def _picture_names(data: Any, upload: Any) -> list[str]:
    if not isinstance(data, dict):
        raise AnnotationError("has no data")
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    stated = [texts["image"]] if "image" in texts else [text for text in texts.values() if _is_picture(text)]
    if len(stated) != 1:
        raise AnnotationError(f"names {len(stated)} pictures in its data; one a task can be read")
    names = _names_of(stated[0])
    if not _is_picture(names[0]) and isinstance(upload, str) and _is_picture(upload):
        names = _names_of(f"/data/upload/0/{upload}") + names
    return names


def _is_picture(text: str) -> bool:
    address, _, path = text.partition("?d=")
    return (path or address.partition("?")[0]).lower().endswith(FRAME_SUFFIXES)


def _names_of(address: str) -> list[str]:
    """Names for `/data/upload/1/abcd1234-NAME`, `/data/local-files/?d=PATH`, `s3://bucket/PATH`, `https://...`."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise AnnotationError(f"names its picture {some_text(address)}") from error
    if not parts.scheme and not parts.query and "%" not in address:
        path = address  # a plain path, in which a # is a #
    else:
        path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    if "/data/upload/" in f"/{path.lstrip('/')}":
        file = PurePosixPath(path).name
        prefix, dash, rest = file.partition("-")
        hexadecimal = len(prefix) == _LONGEST_PREFIX and all(mark in "0123456789abcdef" for mark in prefix)
        return [safe_name(rest), safe_name(file)] if dash and rest and hexadecimal else [safe_name(file)]
    return [safe_name(path.lstrip("/").removeprefix("images/"))]


def _annotation(regions: list[Any], who: Any, name: str) -> Annotation:
    found = Annotation(_annotator(who))
    labelled = {region["id"] for region in regions if _label_of(region) and isinstance(region.get("id"), str)}
    for count, region in enumerate(regions, 1):
        where = f"region {count}"
        kind = _kind(region)
        if kind in _NO_AREAS:
            found.shapes.left_out.append(f"{name}: {where} is a key point, no area: left out")
        elif kind in _AREAS or kind in _DRAWN:
            has_twin = isinstance(region, dict) and str(region.get("id")) in labelled
            if (
                _label_of(region) or not has_twin
            ):  # with <Labels> beside <Polygon> a region stands there twice, once with its label
                found.names |= {_label_of(region)} - {""}
                found.shapes.add(where, partial(_area, kind, region, found))
        else:
            found.shapes.remarks.add(f"{some_text(kind)} is not taken over: a mask holds classes")
    return found


def _annotator(who: Any) -> str | None:
    who = who.get("id", who.get("email")) if isinstance(who, dict) else who
    if isinstance(who, int) and not isinstance(who, bool) and 0 <= who < 10**12:
        return f"annotator-{who}"
    if not isinstance(who, str) or not who.strip():
        return None
    # an address says who it is; the same person gets the same number in every export
    return f"annotator-{who if who.isascii() and who.isdigit() else hash_bytes(who.encode(errors='replace'))[:8]}"


def _regions(entry: dict[str, Any]) -> list[Any]:
    """The result of an annotation, each entry's value and its own keys in one."""
    result = entry.get("result", [])
    if not isinstance(result, list):
        return [{"type": "polygonlabels"}]  # wrong in a way that `_area` says
    flat = []
    for item in result:
        value = item.get("value") if isinstance(item, dict) else None
        flat.append({**(value if isinstance(value, dict) else {}), **item} if isinstance(item, dict) else item)
    return flat


def _minimal_regions(task: dict[str, Any]) -> list[Any]:
    lists = [value for value in task.values() if isinstance(value, list)]
    return [item for items in lists for item in items if isinstance(item, dict) and "original_width" in item]


def _kind(region: Any) -> str:
    if not isinstance(region, dict):
        return "polygonlabels"
    if isinstance(region.get("type"), str):
        return region["type"].lower()
    return next((key for key in region if key in _AREAS | _NO_AREAS | _DRAWN), "labels")


def _label_of(region: Any) -> str:
    """The one label of a region, or nothing."""
    lists = [region[key] for key in _LABELS if isinstance(region.get(key), list)] if isinstance(region, dict) else []
    if len(lists) == 1 and len(lists[0]) == 1 and isinstance(lists[0][0], str):
        return lists[0][0].strip() and lists[0][0]
    return ""


def _area(kind: str, region: Any, annotation: Annotation) -> Callable[[], Drawn]:
    if not isinstance(region, dict):
        raise AnnotationError(f"is {some_text(region)}, no region")
    if kind in _DRAWN:
        raise AnnotationError(f"is a {kind}, which is not known; draw it as polygon or brush")
    name = label(_label_of(region))
    size = picture_size(region.get("original_height"), region.get("original_width"))
    if annotation.size not in (None, size):
        raise AnnotationError(f"is of a picture of {size[1]}x{size[0]} px, the regions before it are of another size")
    annotation.size = size
    if region.get("image_rotation", 0) not in (0, 360, None):
        raise AnnotationError(f"was drawn on the picture turned by {some_text(region['image_rotation'])} degrees")
    if "rle" in region:
        if region.get("format", "rle") != "rle":
            raise AnnotationError(f"its brush stroke is in the format {some_text(region['format'])}")
        return partial(_brushed, name, brush_rle.packed(region["rle"], size), size)
    return outline(name, _ring(region, size))


def _brushed(name: str, rle: bytes, size: tuple[int, int]) -> Painted:
    return Painted(name, brush_rle.decode(rle, size))


def _ring(region: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    if "points" in region:
        if region.get("closed") is False:
            raise AnnotationError("is a polygon that was never closed")
        return ring_of(ring_of(region["points"], "its outline") * (size[1] / 100, size[0] / 100), "its outline")
    x, y = number(region.get("x"), "x") * size[1] / 100, number(region.get("y"), "y") * size[0] / 100
    turned = number(region.get("rotation") or 0, "rotation")
    if "radiusX" in region:
        radii = number(region["radiusX"], "radiusX"), number(region.get("radiusY"), "radiusY")
        return ellipse_ring((x, y), radii[0] * size[1] / 100, radii[1] * size[0] / 100, turned)
    extent = number(region.get("width"), "width"), number(region.get("height"), "height")
    opposite = x + extent[0] * size[1] / 100, y + extent[1] * size[0] / 100
    return ring_of(rectangle_ring((x, y), opposite, turned, (x, y)), "its outline")

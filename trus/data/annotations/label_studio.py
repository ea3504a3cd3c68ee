"""Label Studio: JSON and JSON-MIN exports; outlines in per cent of the picture, brush strokes as a bit stream."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from trus.data.annotations import brush_rle
from trus.data.annotations.exchange import AnnotatedFrame, Export, FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.annotations.label_studio_tasks import Task, read_task
from trus.data.annotations.objects import objects_of
from trus.data.annotations.polygons import keyhole, trace
from trus.data.annotations.record import FILE as RECORD
from trus.data.annotations.sources import (
    Pictures,
    classes_named,
    documents_in,
    nothing_read,
    read_json,
    shortened,
    without_repeats,
)
from trus.data.classes import Classes
from trus.data.images import image_size
from trus.errors import AnnotationError, ImageError
from trus.files import write_json, write_text


def read_label_studio(source: Path, options: ReadOptions) -> Export:
    """Read a JSON or JSON-MIN export: `source` is the file, or a folder with it and, where they are, the pictures.

    Polygons, brush strokes, rectangles and ellipses are taken; key points are left out, each by a line in `refused`.
    Each annotation of a task is a frame of its own with its `annotator` (`annotator-ID`, never a name or an address).
    A task without annotation, or with skipped ones, drafts or predictions only, is not annotated; an annotation
    without regions says that there is nothing. Raises AnnotationError where `source` holds no such export.
    """
    folder = source if source.is_dir() else source.parent
    files = [source]
    if source.is_dir():
        files = [file for file in documents_in(source, ".json") if file.name != RECORD]
    pictures = Pictures(folder if source.is_dir() else None, options.images)
    refused: list[str] = []
    tasks = [task for file in files for task in _tasks(file, refused)]
    if not tasks:
        raise nothing_read(source, "holds no tasks of Label Studio (JSON or JSON-MIN)", refused)
    frames, repeated = without_repeats([frame for task in tasks for frame in _frames(task, pictures)])
    every = [annotation.shapes for task in tasks for annotation in task.annotations]
    refused += [line for shapes in every for line in shapes.left_out] + repeated
    notes = {note for task in tasks for note in task.remarks}.union(*(shapes.remarks for shapes in every))
    names = sorted({name for task in tasks for annotation in task.annotations for name in annotation.names})
    return Export(classes_named(names, options, source), frames, shortened(refused), sorted(notes))


def _tasks(file: Path, refused: list[str]) -> list[Task]:
    try:
        content = read_json(file)
        if not isinstance(content, list):
            raise AnnotationError(f"{file}: is no export of Label Studio (a list of tasks)")
    except AnnotationError as error:
        refused.append(str(error))
        return []
    tasks = []
    for number, task in enumerate(content, 1):
        try:
            tasks.append(read_task(task))
        except AnnotationError as error:
            refused.append(f"{file.name}, task {number}: {error}")
    return tasks


def _frames(task: Task, pictures: Pictures) -> list[AnnotatedFrame]:
    found = next((path for name in task.names if (path := pictures.find(name))), None)
    image = pictures.files[found] if found else None
    frame = AnnotatedFrame(task.names[0], None, _size_of(image), image)
    annotated = [
        replace(frame, draw=drawn.shapes.draw, size=drawn.size or frame.size, annotator=drawn.annotator)
        for drawn in task.annotations
    ]
    return annotated or [frame]


def _size_of(image: Path | None) -> tuple[int, int] | None:
    """An annotation without regions states no size."""
    try:
        return image_size(image) if image else None
    except ImageError:
        return None  # whoever reads its pixels says why


def write_label_studio(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write images/, tasks.json and label_config.xml.

    Labels go out as annotations, not as predictions: Label Studio keeps them as they are, and people correct them in
    place. A polygon is one ring, its holes joined to it by bridges without width. Frames without labels are tasks
    without annotation.
    """
    tasks = []
    for number, frame in enumerate(frames, 1):
        frame.copy_image(out / "images" / frame.file_name)
        labels = frame.labels()
        task: dict[str, Any] = {
            "id": number,
            "data": {"image": f"/data/local-files/?d=images/{quote(frame.file_name)}"},
        }
        if labels is not None:
            objects = objects_of(labels, classes)
            regions = [region for item in objects for region in _regions(item, frame.size, options)]
            for place, region in enumerate(regions, 1):
                region["id"] = f"task{number}region{place}"
            task["annotations"] = [{"result": regions, "was_cancelled": False, "ground_truth": False}]
        tasks.append(task)
    write_json(out / "tasks.json", tasks)
    write_text(out / "label_config.xml", _label_config(classes, options))
    return [
        "Label Studio: paste label_config.xml as the labelling interface; add this folder as local storage "
        "(LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT), without syncing it, and import tasks.json"
    ]


def _regions(item: Painted, size: tuple[int, int], options: WriteOptions) -> list[dict[str, Any]]:
    height, width = size
    rest = {
        "from_name": "label",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
    }
    if options.geometry == "rle":
        value = {"format": "rle", "rle": brush_rle.encode(item.plane), "brushlabels": [item.name]}
        return [{**rest, "type": "brushlabels", "value": value}]
    rings = [keyhole(rings) * (100 / width, 100 / height) for rings in trace(item.plane, options.tolerance)]
    values = [{"points": ring.tolist(), "closed": True, "polygonlabels": [item.name]} for ring in rings]
    return [{**rest, "type": "polygonlabels", "value": value} for value in values]


def _label_config(classes: Classes, options: WriteOptions) -> str:
    tag = "BrushLabels" if options.geometry == "rle" else "PolygonLabels"
    names = [name for value, name in sorted(classes.labels.items()) if value]
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in names)
    image = '  <Image name="image" value="$image" zoom="true"/>\n'
    return f'<View>\n{image}  <{tag} name="label" toName="image">\n{labels}  </{tag}>\n</View>\n'

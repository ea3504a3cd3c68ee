"""CVAT: its XML for images and for video, and its archive of segmentation masks."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from trus.data.annotations.coco import PARTS
from trus.data.annotations.cvat_masks import is_mask_archive, read_mask_archive
from trus.data.annotations.cvat_video import video_frames
from trus.data.annotations.cvat_xml import CvatFile, Holder, mask_runs, read_cvat_xml, shapes_of
from trus.data.annotations.exchange import AnnotatedFrame, Export, FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.annotations.objects import objects_of
from trus.data.annotations.polygons import keyhole, trace
from trus.data.annotations.shapes import Shapes, cropped, whole
from trus.data.annotations.sources import (
    Pictures,
    classes_named,
    documents_in,
    not_annotated,
    nothing_read,
    picture_size,
    safe_name,
    shortened,
    without_repeats,
)
from trus.data.classes import Classes
from trus.errors import AnnotationError
from trus.files import write_json, write_text

Read = list[tuple[AnnotatedFrame, Shapes]]


def read_cvat(source: Path, options: ReadOptions) -> Export:
    """Read `CVAT for images 1.1` or `CVAT for video 1.1` (an .xml, or a folder with one or several and the pictures),
    or the folder of a `Segmentation mask 1.1`.

    Polygons, masks, boxes and ellipses are taken, lower z_order first; polylines, points, cuboids, skeletons and tags
    are left out, each by a line in `refused`. An image without shapes means annotated and empty; a picture that no
    XML names is not annotated. Raises AnnotationError where `source` holds nothing of CVAT.
    """
    if is_mask_archive(source):
        return read_mask_archive(source, options)
    pictures = Pictures(source if source.is_dir() else source.parent / "images", options.images)
    refused: list[str] = []
    contents = [content for file in _xml_files(source) if (content := _read_file(file, refused))]
    if not contents:
        raise nothing_read(source, "holds no XML of CVAT 1.1 and no mask archive", refused)
    notes: list[str] = []
    several = len({image.attributes.get("subset", "") for content in contents for image in content.images}) > 1
    read = [item for content in contents for item in _images(content, pictures, several, refused)]
    read += [item for content in contents for item in _video(content, pictures, refused, notes)]
    frames, repeated = without_repeats([frame for frame, _ in read])
    refused += [line for _, shapes in read for line in shapes.left_out] + repeated
    if frames:
        notes.append(
            "CVAT does not tell pictures without an object from those that nobody has looked at: both are empty"
        )
    if source.is_dir():
        frames += not_annotated(pictures, source, [frame for frame, _ in read])
    return Export(
        classes_named(_names(contents), options, source), frames, shortened(refused), list(dict.fromkeys(notes))
    )


def _xml_files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    return documents_in(source, ".xml")


def _read_file(file: Path, refused: list[str]) -> CvatFile | None:
    try:
        return read_cvat_xml(file)
    except AnnotationError as error:
        refused.append(str(error))
        return None


def _names(contents: list[CvatFile]) -> list[str]:
    """Labels in the order of the project; where no file lists them, those used, in the order of the alphabet."""
    listed = [name for content in contents for name in content.told("labels/label/name")]
    drawn = [shape.attributes for content in contents for image in content.images for shape in image.shapes]
    drawn += [track.attributes for content in contents for track in content.tracks]
    return listed or sorted({attributes.get("label", "") for attributes in drawn})


def _images(
    content: CvatFile, pictures: Pictures, several: bool, refused: list[str]
) -> Iterator[tuple[AnnotatedFrame, Shapes]]:
    for place, image in enumerate(content.images, 1):
        try:
            yield _image(image, pictures, several)
        except AnnotationError as error:
            refused.append(f"image {place}: {error}")


def _image(image: Holder, pictures: Pictures, several: bool) -> tuple[AnnotatedFrame, Shapes]:
    """One image with its shapes. Where the file has several subsets, their names go before those of the images."""
    name, subset = safe_name(image.attributes.get("name")), image.attributes.get("subset", "")
    below = safe_name(f"{subset}/{name}") if subset else name
    shown = below if several else name
    found = pictures.find(f"images/{below}") or pictures.find(below)
    found = found or (None if several else pictures.find(name))
    entries = [
        (f"shape {count}", shape.attributes.get("label", ""), shape) for count, shape in enumerate(image.shapes, 1)
    ]
    try:
        sides = [whole(image.attributes.get(key), key) for key in ("height", "width")]
        size = picture_size(*sides)
        shapes = shapes_of(entries, size, shown)
    except AnnotationError as error:
        size, shapes = None, Shapes(problems=[str(error)])
    frame = AnnotatedFrame(
        name=shown,
        draw=shapes.draw,
        size=size,
        image=pictures.files.get(found) if found else None,
        split=PARTS.get(subset.lower()),
    )
    return frame, shapes


def _video(content: CvatFile, pictures: Pictures, refused: list[str], notes: list[str]) -> Read:
    try:
        return video_frames(content, pictures, notes)
    except AnnotationError as error:
        refused.append(str(error))
        return []


def write_cvat(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write images/, annotations.xml (CVAT for images 1.1) and labels.json for CVAT's label constructor.

    A polygon is one ring, its holes joined to it by bridges without width. A frame that nobody has annotated has its
    picture in images/ and no entry in the XML.
    """
    entries, left_out = [], 0
    for number, frame in enumerate(frames):
        frame.copy_image(out / "images" / frame.file_name)
        labels = frame.labels()
        if labels is None:
            left_out += 1
            continue
        height, width = frame.size
        objects = enumerate(objects_of(labels, classes))
        shapes = [line for z_order, item in objects for line in _written(item, z_order, options)]
        opening = f'  <image id="{number}" name={quoteattr(frame.file_name)} width="{width}" height="{height}">'
        entries += [opening, *shapes, "  </image>"]
    names = [name for value, name in sorted(classes.labels.items()) if value]
    labels_xml = [f"        <label><name>{escape(name)}</name><attributes></attributes></label>" for name in names]
    head = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>", "  <meta>"]
    meta = ["    <task>", "      <labels>", *labels_xml, "      </labels>", "    </task>", "  </meta>"]
    write_text(out / "annotations.xml", "\n".join([*head, *meta, *entries, "</annotations>"]) + "\n")
    write_json(out / "labels.json", [{"name": name, "attributes": []} for name in names])
    notes = [
        "CVAT: make a task with the labels of labels.json (tab Raw) and the pictures of images/, then upload "
        "annotations.xml as CVAT 1.1"
    ]
    if left_out:
        notes.append(f"CVAT will export the {left_out} frame(s) without annotation as empty ones, drawn on or not")
    return notes


def _written(item: Painted, z_order: int, options: WriteOptions) -> list[str]:
    rest = f'label={quoteattr(item.name)} source="manual" occluded="0"'
    if options.geometry == "rle":
        patch, left, top = cropped(item.plane)
        box = f'left="{left}" top="{top}" width="{patch.shape[1]}" height="{patch.shape[0]}"'
        return [f'    <mask {rest} rle="{mask_runs(patch)}" {box} z_order="{z_order}"></mask>']
    rings = [keyhole(rings) for rings in trace(item.plane, options.tolerance)]
    texts = [";".join(f"{x:.10g},{y:.10g}" for x, y in ring.tolist()) for ring in rings]
    return [f'    <polygon {rest} points="{text}" z_order="{z_order}"></polygon>' for text in texts]
